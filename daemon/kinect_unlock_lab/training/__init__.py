"""Training: the depth half, the articles' networks, and their export to ONNX."""
