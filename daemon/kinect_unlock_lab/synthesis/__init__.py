"""Invented people before an invented Kinect v2: what the networks are trained on."""
