"""Where in the colour image somebody near may be, told by depth alone: the part that faces are looked for in.

Pure. Left out is what stands farther away than the range reaches, a step more included, and what the depth camera
does not see: whoever is there is never recognised, so nobody asks whether he was meant instead of the person in front.
"""

from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from kinect_unlock.align import landed
from kinect_unlock.arrays import F32, U16
from kinect_unlock.frames import Calibration
from kinect_unlock.observations import Box
from kinect_unlock.settings import PoseRange

_REACH: Final = 1.25  # beyond the range: who stands a step too far is to be told so
_SMALL_FACE_MM: Final = (90.0, 120.0)  # narrower than any grown face, hair and chin left out
_FACE_SHARE: Final = 0.5  # of a small face at the far end must have readings in range
_STEP_PX: Final = 4  # looks at every fourth pixel of every fourth row: a face there has twenty of them
_NEIGHBOURS: Final = 4  # of the nine around a reading: fewer are flying pixels
_MARGIN_MM: Final = 100.0  # hair, which often has no readings, and what the detector likes to see around a face

_Bools: TypeAlias = NDArray[np.bool_]
_Index: TypeAlias = NDArray[np.intp]


def near_region(depth_mm: U16, calibration: Calibration, limits: PoseRange) -> Box | None:
    """Return the part of the colour image that holds all readings u16[h,w] near enough; None if nobody is in range.

    Somebody is if there are enough readings in range to be a face at its far end.

    Raises:
        ValueError: the depth image is not of the calibration's size.
    """
    meant = _meant(depth_mm, calibration, limits)
    return None if meant is None else _around(depth_mm, calibration, meant)


def near_pixels(depth_mm: U16, calibration: Calibration, limits: PoseRange) -> tuple[_Index, _Index]:
    """Return rows and columns [n] of the colour image that show those who are near: a sample, none if nobody is.

    Raises:
        ValueError: the depth image is not of the calibration's size.
    """
    meant = _meant(depth_mm, calibration, limits)
    x_px, y_px, z_mm = landed(depth_mm, calibration, _STEP_PX)
    seen = (z_mm > 0) & np.isfinite(x_px) & np.isfinite(y_px) & (False if meant is None else meant)
    column, row = (np.rint(places[seen]).astype(np.intp) for places in (x_px, y_px))
    inside = (column >= 0) & (column < calibration.color.width_px) & (row >= 0) & (row < calibration.color.height_px)
    return row[inside], column[inside]


def _meant(depth_mm: U16, calibration: Calibration, limits: PoseRange) -> _Bools | None:
    """Return which of the sampled readings are somebody near, None if those in range are too few to be a face."""
    near_mm, far_mm = limits.near_mm / _REACH, limits.far_mm * _REACH
    sampled = depth_mm[::_STEP_PX, ::_STEP_PX]
    in_range = (sampled >= near_mm) & (sampled <= far_mm)
    width_mm, height_mm = _SMALL_FACE_MM
    camera = calibration.depth
    face_px = width_mm * camera.fx_px / far_mm * height_mm * camera.fy_px / far_mm
    if np.count_nonzero(in_range) < _FACE_SHARE * face_px / _STEP_PX**2:
        return None
    meant = ((sampled > 0) & (sampled <= far_mm)).astype(np.uint8)
    solid = cv2.boxFilter(meant, -1, (3, 3), normalize=False, borderType=cv2.BORDER_REPLICATE) >= _NEIGHBOURS
    return (meant > 0) & solid


def _around(depth_mm: U16, calibration: Calibration, meant: _Bools) -> Box:
    """Return the box around the readings where they fall in the colour image, with a margin; at worst all of it."""
    color = calibration.color
    x_px, y_px, z_mm = landed(depth_mm, calibration, _STEP_PX)
    meant = meant & (z_mm > 0) & np.isfinite(x_px) & np.isfinite(y_px)
    if not meant.any():
        return Box(0.0, 0.0, float(color.width_px), float(color.height_px))
    margin_px = _MARGIN_MM * color.fx_px / float(np.median(z_mm[meant]))
    left, right = (float(np.clip(edge, 0, color.width_px)) for edge in _ends(x_px[meant], margin_px))
    top, bottom = (float(np.clip(edge, 0, color.height_px)) for edge in _ends(y_px[meant], margin_px))
    if right - left < 1 or bottom - top < 1:  # all of it falls outside the colour image
        return Box(0.0, 0.0, float(color.width_px), float(color.height_px))
    return Box(left, top, right - left, bottom - top)


def _ends(positions: F32, margin_px: float) -> tuple[float, float]:
    return float(positions.min()) - margin_px, float(positions.max()) + margin_px
