"""What pytest reads first when it is asked for this folder by name; the program never imports it."""

from kinect_unlock.sources.conformance.plugin import pytest_addoption, pytest_generate_tests

__all__ = ["pytest_addoption", "pytest_generate_tests"]
