"""What a failing transfer makes of pictures and calibration."""

from dataclasses import replace
from typing import Final

import numpy as np

from kinect_unlock.arrays import F32
from kinect_unlock.sources.stand_in_driver.film import Picture
from kinect_unlock.sources.stand_in_driver.geometry import Numbers
from kinect_unlock.sources.stand_in_driver.plan import Deed

_NO_DEPTHS: Final = (np.nan, np.inf, -np.inf, -1.0, 1e9, -1e30)
_NO_PARAMETERS: Final = (np.nan, 0.0, 1e38, -1.0)


def damaged(picture: Picture, deed: Deed) -> Picture:
    """Return the picture as a faulty transfer would have left it; others are returned as they are."""
    match deed:
        case "missing-frame":
            return replace(picture, depth_mm=None)
        case "short-read":
            for image in (picture.color, picture.depth_mm, picture.infrared):
                if image is not None:
                    image[image.shape[0] // 2 :] = 0
            return picture
        case "garbage-depth":
            return replace(picture, depth_mm=None if picture.depth_mm is None else _garbage(picture.depth_mm.shape))
        case "wrong-shape":
            depth_mm = None if picture.depth_mm is None else picture.depth_mm[::2, ::2].copy()
            return Picture(picture.color[::2, ::2].copy(), depth_mm, picture.infrared[::2, ::2].copy())
        case _:
            return picture


def garbage_numbers(numbers: Numbers) -> Numbers:
    """Return the same names with what no calibration can hold."""
    ir, color = ({name: _NO_PARAMETERS[i % 4] for i, name in enumerate(part)} for part in (numbers.ir, numbers.color))
    return Numbers(ir, color)


def _garbage(shape: tuple[int, ...]) -> F32:
    return np.resize(np.array(_NO_DEPTHS, np.float32), shape)
