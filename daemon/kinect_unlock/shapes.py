"""What is left of a face's surface when a simple shape is taken away from it: paper follows one of them, a face none.

Every function returns heights in mm, towards the camera positive.
"""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kinect_unlock.frames import F64
from kinect_unlock.surface import FaceSurface

_Bool: TypeAlias = NDArray[np.bool_]

_UNIT_MM: Final = 50.0  # lengths are divided by it in every fit, so that all coefficients are millimetres
_HALF_WIDTH_MM: Final = 45.0  # of a face's middle: without the sides of cheeks, which hair hides and pose foreshortens
_FROM_MM: Final = -58.0  # above it is hair ...
_TO_MM: Final = 44.0  # ... and below it a jaw that moves, or a beard
_OFF_SCALE_MM: Final = 6.0  # off the mean face at which a cell has half its weight: hair, hands, glasses
_KNOT_MM: Final = 14.0
_RIDGE: Final = 1e-6

_NOSE_MM: Final = (24.0, -30.0, 24.0)  # half width, from, to
_MOUTH_MM: Final = (34.0, 20.0, 52.0)
_EYES_MM: Final = (20.0, -48.0, -20.0)
_EYE_ACROSS_MM: Final = 32.0


def middle_of(surface: FaceSurface) -> FaceSurface:
    """Return the middle of a face, brows to lips: where its relief is."""
    along = surface.along_mm
    return surface.part((np.abs(surface.across_mm) < _HALF_WIDTH_MM) & (along > _FROM_MM) & (along < _TO_MM))


def frame_of(surface: FaceSurface) -> FaceSurface:
    """Return what is around eyes, nose and mouth: brow, cheeks, chin. A worn print covers it whatever is cut out."""
    across = np.abs(surface.across_mm)
    eyes = _within(np.abs(across - _EYE_ACROSS_MM), surface.along_mm, _EYES_MM)
    nose, mouth = (_within(across, surface.along_mm, part) for part in (_NOSE_MM, _MOUTH_MM))
    return surface.part(~(eyes | nose | mouth))


def weights_of(surface: FaceSurface) -> F64:
    """Return what each cell is worth, f64[n] 0..1: little where it is far off the mean face."""
    return 1 / (1 + ((surface.toward_mm - surface.mean_mm) / _OFF_SCALE_MM) ** 2)


def off_quadric_mm(surface: FaceSurface) -> tuple[F64, F64]:
    """Return how far a face and the mean face are off the best quadric of each, f64[n] both, with one set of weights.

    A quadric takes away every plane, even bend, ball and saddle, wherever the face looks.
    """
    x, y = surface.across_mm / _UNIT_MM, surface.along_mm / _UNIT_MM
    basis = np.stack((np.ones_like(x), x, y, x * x, x * y, y * y), axis=1)
    left = _left_of(basis, np.stack((surface.toward_mm, surface.mean_mm), axis=1), weights_of(surface))
    return left[:, 0], left[:, 1]


def off_sheet_mm(surface: FaceSurface) -> F64:
    """Return how far a face is off the best sheet bent about its upright axis, f64[n], whatever the bend's profile.

    The profile is a chain of straight pieces of 14 mm; the sheet may also lean.
    """
    place = surface.across_mm / _KNOT_MM
    knots = np.arange(np.floor(place.min()), np.floor(place.max()) + 2)
    tents = np.maximum(1 - np.abs(place[:, np.newaxis] - knots), 0)
    basis = np.concatenate((tents, surface.along_mm[:, np.newaxis] / _UNIT_MM), axis=1)
    return _left_of(basis, surface.toward_mm[:, np.newaxis], np.ones(len(surface)))[:, 0]


def rms_mm(heights_mm: F64) -> float:
    """Return the root of the mean square of heights f64[n]."""
    return float(np.sqrt((heights_mm**2).mean()))


def _within(across_mm: F64, along_mm: F64, part_mm: tuple[float, float, float]) -> _Bool:
    half_width, top, bottom = part_mm
    return (across_mm < half_width) & (along_mm > top) & (along_mm < bottom)


def _left_of(basis: F64, heights_mm: F64, weights: F64) -> F64:
    """Return what the best combination of the basis f64[n,k] leaves of heights f64[n,m]."""
    weighted = basis.T * weights
    ridge = _RIDGE * len(basis) * np.eye(basis.shape[1])
    left: F64 = heights_mm - basis @ np.linalg.solve(weighted @ basis + ridge, weighted @ heights_mm)
    return left
