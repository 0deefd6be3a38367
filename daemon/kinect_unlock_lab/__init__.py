"""The laboratory: datasets, rendering, evaluation and benchmarks. Never imported by the product."""
