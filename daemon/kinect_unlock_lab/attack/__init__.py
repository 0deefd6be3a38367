"""Attacks that were never made: instruments, sensors that look at them, and what the product answers."""
