"""What is left of a face's surface when a simple shape is taken away from it: paper follows one of them, a face none.

Every function returns heights in mm, towards the camera positive.
"""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kinect_unlock.arrays import F64
from kinect_unlock.surface import FaceSurface

_Bool: TypeAlias = NDArray[np.bool_]

_UNIT_MM: Final = 50.0  # lengths are divided by it in every fit, so that all coefficients are millimetres
_DEGREE: Final = 4  # a second one leaves prints in which a nose stands twice as much of a face's relief
_OFF_SCALE_MM: Final = 4.0  # off the mean face at which a cell has half its weight: hair, hands, glasses
_MOUTH_WORTH: Final = 0.3  # lips and jaw move ...
_MOUTH_FROM_MM: Final = (40.0, 14.0)  # ... across less and along more than this
_KNOT_MM: Final = 14.0
_RIDGE: Final = 1e-6

_NOSE_MM: Final = (24.0, -30.0, 24.0)  # half width, from, to
_MOUTH_MM: Final = (34.0, 20.0, 52.0)
_EYES_MM: Final = (20.0, -48.0, -20.0)
_EYE_ACROSS_MM: Final = 32.0


def frame_of(surface: FaceSurface) -> FaceSurface:
    """Return what is around eyes, nose and mouth: brow, cheeks, chin. A worn print covers it whatever is cut out."""
    across = np.abs(surface.across_mm)
    eyes = _within(np.abs(across - _EYE_ACROSS_MM), surface.along_mm, _EYES_MM)
    nose, mouth = (_within(across, surface.along_mm, part) for part in (_NOSE_MM, _MOUTH_MM))
    return surface.part(~(eyes | nose | mouth))


def weights_of(surface: FaceSurface) -> F64:
    """Return what each cell is worth, f64[n] 0..1: little where it is far off the mean face, less about the mouth."""
    near = 1 / (1 + ((surface.toward_mm - surface.mean_mm) / _OFF_SCALE_MM) ** 2)
    across, along = _MOUTH_FROM_MM
    mouth = (np.abs(surface.across_mm) < across) & (surface.along_mm > along)
    return np.where(mouth, _MOUTH_WORTH * near, near)


def off_smooth_mm(surface: FaceSurface) -> tuple[F64, F64]:
    """Return how far a face and the mean face are off the smooth shape nearest to each, f64[n] both, by one weighting.

    The shape is any polynomial of the fourth degree in the place: every plane, bend, ball and saddle is one or nearly
    so, wherever the face looks. What is left of a face are nose, sockets and lips.
    """
    basis = _polynomials(surface.across_mm / _UNIT_MM, surface.along_mm / _UNIT_MM)
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


def _polynomials(x: F64, y: F64) -> F64:
    """Return all products f64[n,15] of powers of x and y f64[n] up to `_DEGREE`."""
    powers = range(_DEGREE + 1)
    return np.stack([x**one * y**other for one in powers for other in powers[: _DEGREE + 1 - one]], axis=1)


def _left_of(basis: F64, heights_mm: F64, weights: F64) -> F64:
    """Return what the best combination of the basis f64[n,k] leaves of heights f64[n,m]."""
    weighted = basis.T * weights
    ridge = _RIDGE * len(basis) * np.eye(basis.shape[1])
    left: F64 = heights_mm - basis @ np.linalg.solve(weighted @ basis + ridge, weighted @ heights_mm)
    return left
