"""Simple shapes laid on a face's surface, and how far it stands off them: paper follows one of them, a face none.

Each function returns how far every cell of the surface is from the best such shape: mm, towards the camera positive.
"""

from typing import Final

import numpy as np

from kinect_unlock.frames import F32, F64
from kinect_unlock.surface import UNIT_MM, FaceSurface, rms_mm, robust_fit

_PLANE_SCALE_MM: Final = 12.0
_QUADRIC_SCALE_MM: Final = 8.0
_AXES_DEG: Final = np.arange(0.0, 180.0, 15.0, dtype=np.float32)  # about which a sheet may be bent
_NEARBY_DEG: Final = np.array((-8.0, -4.0, 4.0, 8.0), np.float32)
_KNOT_MM: Final = 14.0
_KNOTS: Final = 15  # a face's ellipse is never longer
_RIDGE: Final = 1e-3 * np.eye(_KNOTS + 1, dtype=np.float32)


def off_plane_mm(surface: FaceSurface) -> F64:
    """Return the distance f64[n] from the best plane, fitted robustly."""
    _, residuals = robust_fit(quadric_basis(surface)[:, :3], surface.toward_mm, _PLANE_SCALE_MM)
    return residuals


def off_quadric_mm(surface: FaceSurface) -> F64:
    """Return the distance f64[n] from the best quadric, fitted robustly."""
    _, residuals = robust_fit(quadric_basis(surface), surface.toward_mm, _QUADRIC_SCALE_MM)
    return residuals


def off_bend_mm(surface: FaceSurface) -> F64:
    """Return the distance f64[n] from the best sheet bent about one axis, whatever axis and profile.

    The profile is a chain of straight pieces of 14 mm. Twelve axes are tried, then four around the best.
    """
    coarse = _off_bends_mm(surface, _AXES_DEG)
    fine = _off_bends_mm(surface, _AXES_DEG[rms_mm(coarse).argmin()] + _NEARBY_DEG)
    tried: F64 = np.concatenate((coarse, fine))
    best: F64 = tried[rms_mm(tried).argmin()]
    return best


def quadric_basis(surface: FaceSurface) -> F64:
    """Return the basis f64[n,6]: 1, x, y, x^2/2, xy, y^2/2 in units of `UNIT_MM`; its first three make a plane."""
    x, y = surface.across_mm / UNIT_MM, surface.along_mm / UNIT_MM
    return np.stack((np.ones_like(x), x, y, x * x / 2, x * y, y * y / 2), axis=1)


def _off_bends_mm(surface: FaceSurface, axes_deg: F32) -> F64:
    """Return the distances f64[axes,n] from the best sheet bent about each of the axes."""
    turn = np.deg2rad(axes_deg)[:, None]
    cos, sin = np.cos(turn).astype(np.float32), np.sin(turn).astype(np.float32)
    across, along = surface.across_mm.astype(np.float32), surface.along_mm.astype(np.float32)
    basis = _profile_basis(cos * across + sin * along, cos * along - sin * across)
    turned = basis.transpose(0, 2, 1)
    height = surface.toward_mm.astype(np.float32)[:, None]
    coefficients = np.linalg.solve(turned @ basis + _RIDGE, turned @ height)
    residuals: F64 = surface.toward_mm - (basis @ coefficients)[..., 0]
    return residuals


def _profile_basis(position_mm: F32, beside_mm: F32) -> F32:
    """Return the basis f32[axes,cells,knots+1]: a tent over each knot across the axis, and a slope along it."""
    basis = np.zeros((*position_mm.shape, _KNOTS + 1), np.float32)
    place = np.clip(position_mm / np.float32(_KNOT_MM) + _KNOTS // 2, 0, _KNOTS - 1.001).ravel()
    knot = place.astype(np.intp)
    share = place - knot
    rows, every = basis.reshape(-1, _KNOTS + 1), np.arange(place.size)
    rows[every, knot] = 1 - share
    rows[every, knot + 1] = share
    rows[:, -1] = beside_mm.ravel() / np.float32(UNIT_MM)
    return basis
