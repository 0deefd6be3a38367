"""A real-time Kinect depth-camera unlock daemon for Linux."""

__version__ = "0.1.0"
