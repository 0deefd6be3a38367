"""Frames in infrared made of frames in colour: what proves the plumbing, and nothing about faces in infrared.

The depth camera's picture is invented: skin and cloth send back as much infrared as they do visible light, the camera's
own light falls with the square of the distance, and what is too near is cut off at the end of the scale.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from kinect_unlock.align import landed
from kinect_unlock.arrays import U16
from kinect_unlock.frames import Frame

_AT_1_M: Final = 8000.0  # what white sends back from there
_HOLE_MM: Final = 1500.0  # where nothing was read stands something, somewhere behind
_LUMA: Final = np.array((0.299, 0.587, 0.114), np.float32)
_LEVEL_MAX: Final = 65_535.0
_DARK: Final = 0.005


def infrared_of(frame: Frame) -> U16:
    """Return what the depth camera might have seen of a frame by its own light: u16[h,w]."""
    assert frame.depth_mm is not None
    assert frame.calibration is not None
    depth_mm = np.where(frame.depth_mm > 0, frame.depth_mm, _HOLE_MM).astype(np.uint16)
    x_px, y_px, _ = landed(depth_mm, frame.calibration, 1)
    height, width = frame.color.shape[:2]
    column, row = (
        np.rint(np.clip(np.nan_to_num(place), 0, side - 1)).astype(np.intp)
        for place, side in ((x_px, width), (y_px, height))
    )
    linear = (frame.color[row, column] @ _LUMA / 255.0) ** 2.2
    levels = _AT_1_M * linear * (1000.0 / depth_mm) ** 2
    return np.minimum(np.rint(levels), _LEVEL_MAX).astype(np.uint16)


def with_infrared(frame: Frame) -> Frame:
    """Return the frame with an infrared image beside it."""
    return replace(frame, infrared=infrared_of(frame))


def in_the_dark(frame: Frame) -> Frame:
    """Return the frame with the lights off: infrared and depth have a light of their own, colour has not."""
    noise = np.random.default_rng(frame.seq).normal(0.0, 1.5, frame.color.shape)
    color = np.clip(np.rint(frame.color * _DARK + noise), 0, 255).astype(np.uint8)
    return replace(with_infrared(frame), color=color)
