"""Where a face that was found in the colour image is in the depth and infrared images."""

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kinect_unlock.align import landed
from kinect_unlock.arrays import F64
from kinect_unlock.frames import Frame
from kinect_unlock.looks import Look
from kinect_unlock.observations import Box, Modality

_Index: TypeAlias = NDArray[np.intp]

_HEAD_MM: Final = 150.0  # from the face's middle, to both sides: the head, not the wall behind it
_FEWEST: Final = 50  # readings, for a box to be worth drawing
_OUTER_PERCENT: Final = 1.0  # of the readings on each side may be stray ones


@dataclass(frozen=True, slots=True, eq=False)
class DepthPlace:
    """A face's box and landmarks f64[5,2] in pixels of the depth image."""

    box: Box
    landmarks_px: F64


def place_in_depth(frame: Frame, look: Look) -> DepthPlace | None:
    """Return where the face is in the depth image; None without a face, a depth image or readings of it."""
    if look.face is None or frame.depth_mm is None or frame.calibration is None:
        return None
    box = look.face.box
    if look.modality is Modality.INFRARED:
        return DepthPlace(box, np.array(look.face.landmarks_px))
    try:
        x, y, z = landed(frame.depth_mm, frame.calibration, 1)
    except ValueError:  # the depth image is not of the calibration's size: it is drawn as it is, without a face
        return None
    on_face = (np.abs(z - look.face.pose.distance_mm) < _HEAD_MM) & (z > 0)
    on_face &= (x >= box.x_px) & (x <= box.x_px + box.width_px) & (y >= box.y_px) & (y <= box.y_px + box.height_px)
    rows, columns = np.nonzero(on_face)
    if len(rows) < _FEWEST:
        return None
    x_px, y_px = x[rows, columns], y[rows, columns]
    nearest = [int(np.argmin(np.hypot(x_px - at_x, y_px - at_y))) for at_x, at_y in look.face.landmarks_px]
    return DepthPlace(_span(rows, columns), np.stack((columns[nearest], rows[nearest]), axis=1).astype(np.float64))


def _span(rows: _Index, columns: _Index) -> Box:
    """Return the box that holds all readings but the outermost."""
    left, right = np.percentile(columns, (_OUTER_PERCENT, 100 - _OUTER_PERCENT))
    top, bottom = np.percentile(rows, (_OUTER_PERCENT, 100 - _OUTER_PERCENT))
    return Box(float(left), float(top), float(right - left + 1), float(bottom - top + 1))
