"""What groups are made of: properties of a face that the pipeline's own measurements give, none of them by eye.

face width    of the head at the cheeks, mm, from the frontalised depth
hair          share of the outer face that stands out by more than 15 mm or has no reading, 0..1, from the same
light         median brightness of the face's ellipse in the crop, 0..255
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from kinect_unlock.arrays import F32
from kinect_unlock.crop import face_ellipse
from kinect_unlock_lab.depth_maps import face_width_mm, hair_share

_LUMA: Final = np.array((0.299, 0.587, 0.114), np.float32)  # ITU-R BT.601


@dataclass(frozen=True, slots=True)
class Traits:
    """One face's; NaN where not measurable."""

    face_width_mm: float
    hair: float
    light: float


UNKNOWN: Final = Traits(float("nan"), float("nan"), float("nan"))


def traits_of(tensor: F32, residual_mm: F32 | None) -> Traits:
    """Measure a face tensor f32[4,112,112] and its frontalised depth f32[112,112], if it has one."""
    brightness = np.tensordot(_LUMA, tensor[:3], axes=1)[face_ellipse()]
    light = float(np.median(brightness))
    if residual_mm is None:
        return Traits(float("nan"), float("nan"), light)
    maps = residual_mm[np.newaxis]
    return Traits(float(face_width_mm(maps)[0]), float(hair_share(maps)[0]), light)
