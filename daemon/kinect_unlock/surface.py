"""The visible surface of one face in the face's own frame, and the simple shapes that may be fitted to it.

Millimetres throughout. *Across* runs from the image-left eye to the image-right one, *along* from the eyes to the
mouth, *toward* out of the face, to the camera's side. Readings are averaged in cells of `CELL_MM`, which takes away
most of the sensor's noise and of its 4 and 8 mm steps and leaves a nose standing. Nothing here decides anything, and
what cannot be measured is None.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from kinect_unlock.align import FaceDepth, rays
from kinect_unlock.frames import F64, Calibration, Detection, read_only

CELL_MM: Final = 6.0  # 1.8 readings across at 1.2 m; a nose is four cells wide
UNIT_MM: Final = 50.0  # lengths are divided by it in every fit, so that all coefficients are millimetres
_HALF_WIDTH: Final = 0.80  # of the ellipse, in units of the landmarks' spread: cheek to cheek, without hair
_HALF_HEIGHT: Final = 1.05  # brows to chin, without the neck
_HEAD_DEPTH_MM: Final = 60.0  # a reading so far from the face's plane is hair, a hand or the room
_REACH: Final = 1.3  # of the landmarks' spread; readings further from the face's middle are not looked at
_PLANE_READINGS: Final = 300  # settle a plane well enough; more cost time
_LEAST_READINGS: Final = 100  # a face at 1.35 m has 700
_LEAST_CELLS: Final = 60  # of some 330
_LEAST_FACING: Final = 0.4  # cosine; a surface seen more obliquely cannot be measured
_CELL_SHARE: Final = 0.3  # of the readings that a full cell would have
_PLANE_SCALE_MM: Final = 12.0  # residual at which a reading has half its weight
_PASSES: Final = 3
_RIDGE: Final = 1e-9
_GRID: Final = 64  # cells along each side of the binning grid
_OUTLIER_MM: Final = 30.0


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FaceSurface:
    """Cell means and landmarks in the face's frame; the origin lies on its plane, between eyes and mouth."""

    across_mm: F64  # [n]
    along_mm: F64  # [n]
    toward_mm: F64  # [n]
    landmarks_mm: F64  # [5,2]: across, along
    distance_mm: float  # median depth

    def __post_init__(self) -> None:
        for array in (self.across_mm, self.along_mm, self.toward_mm, self.landmarks_mm):
            read_only(array)


@dataclass(frozen=True, slots=True)
class _Axes:
    """Origin and axes f64[3] of the face's frame in camera coordinates."""

    origin: F64
    across: F64
    along: F64
    toward: F64


def measure_surface(detection: Detection, face_depth: FaceDepth, calibration: Calibration) -> FaceSurface | None:
    """Bring the readings of one face into its own frame; None where there are too few or the surface is too oblique."""
    if not np.isfinite(detection.landmarks_px).all():
        return None
    readings, middle = _readings(detection, face_depth)
    if len(middle) < _LEAST_READINGS:
        return None
    origin, toward = _plane(middle)
    landmarks = _on_plane(detection, calibration, origin, toward)
    if landmarks is None:
        return None
    axes = _axes(landmarks, toward)
    if axes is None:
        return None
    frame = np.stack((axes.across, axes.along, axes.toward), axis=1)
    landmarks_mm = ((landmarks - axes.origin) @ frame)[:, :2]
    distance_mm = float(np.median(middle[:, 2]))
    full = (CELL_MM * calibration.color.fx_px / face_depth.step_px / distance_mm) ** 2 * abs(toward[2])
    cells = _cells((readings - axes.origin) @ frame, _spread(landmarks_mm), max(1.0, _CELL_SHARE * full))
    if len(cells) < _LEAST_CELLS:
        return None
    return FaceSurface(cells[:, 0].copy(), cells[:, 1].copy(), cells[:, 2].copy(), landmarks_mm, distance_mm)


def _spread(landmarks: F64) -> float:
    """Return the greater of the eyes' distance and that from eyes to mouth: about equal in a face, however turned."""
    eyes, mouth = landmarks[:2].mean(axis=0), landmarks[3:].mean(axis=0)
    return float(max(np.linalg.norm(landmarks[1] - landmarks[0]), 0.95 * np.linalg.norm(mouth - eyes)))


def _readings(detection: Detection, face_depth: FaceDepth) -> tuple[F64, F64]:
    """Return the readings f64[n,3] around the face, and those f64[m,3] of its middle that settle its plane."""
    points = face_depth.cells(detection.landmarks_px)
    column, row = (points[:2].mean(axis=0) + points[3:].mean(axis=0)) / 2
    reach = _spread(points)
    left, top = max(0, int(column - _REACH * reach)), max(0, int(row - _REACH * reach))
    part = (slice(top, max(0, int(row + _REACH * reach) + 1)), slice(left, max(0, int(column + _REACH * reach) + 1)))
    seen = face_depth.depth_mm[part] > 0
    rows, columns = np.ogrid[: seen.shape[0], : seen.shape[1]]
    near = (columns + (left - column)) ** 2 + (rows + (top - row)) ** 2 <= reach**2
    readings = face_depth.xyz_mm[part].reshape(-1, 3)[np.flatnonzero(seen)].astype(np.float64)
    middle = readings[near[seen]]
    if len(middle) >= _LEAST_READINGS:
        middle = middle[:: 1 + len(middle) // _PLANE_READINGS]
        middle = middle[np.abs(middle[:, 2] - np.median(middle[:, 2])) < _HEAD_DEPTH_MM]
    return readings, middle


def _plane(points: F64) -> tuple[F64, F64]:
    """Fit a plane, robustly: a point on it and the unit normal towards the camera."""
    centre = points.mean(axis=0)
    x, y, z = ((points - centre) / UNIT_MM).T
    coefficients, _ = robust_fit(np.stack((x, y, np.ones_like(x)), axis=1), z * UNIT_MM, _PLANE_SCALE_MM)
    slope_x, slope_y, offset = coefficients / UNIT_MM
    normal = np.array((slope_x, slope_y, -1.0))
    return centre + np.array((0.0, 0.0, offset * UNIT_MM)), normal / np.linalg.norm(normal)


def _on_plane(detection: Detection, calibration: Calibration, origin: F64, toward: F64) -> F64 | None:
    """Return where the rays through the landmarks meet the plane, f64[5,3]; None if it is too oblique."""
    ray_x, ray_y = rays(calibration.color, *detection.landmarks_px.T.copy())
    ray = np.stack((ray_x, ray_y, np.ones_like(ray_x)), axis=1).astype(np.float64)
    facing = -(ray @ toward) / np.linalg.norm(ray, axis=1)
    if not (facing > _LEAST_FACING).all():  # also refuses NaN
        return None
    points: F64 = ray * ((toward @ origin) / (ray @ toward))[:, None]
    return points


def _axes(landmarks: F64, toward: F64) -> _Axes | None:
    """Return the face's axes; None for landmarks that make no face."""
    eyes, mouth = landmarks[:2].mean(axis=0), landmarks[3:].mean(axis=0)
    across = landmarks[1] - landmarks[0]
    length = float(np.linalg.norm(across))
    if length < CELL_MM:
        return None
    across = across / length
    along = np.cross(toward, across)
    along = along * np.sign(along @ (mouth - eyes))
    return _Axes((eyes + mouth) / 2, across, along, toward)


def _cells(points: F64, spread_mm: float, least_readings: float) -> F64:
    """Average the points f64[m,3] inside the face's ellipse in cells: f64[n,3]."""
    across, along, toward = points.T
    radius = (across / (_HALF_WIDTH * spread_mm)) ** 2 + (along / (_HALF_HEIGHT * spread_mm)) ** 2
    inside = (radius <= 1) & (np.abs(toward) < _HEAD_DEPTH_MM)
    column = np.floor(across[inside] / CELL_MM).astype(np.intp) + _GRID // 2
    row = np.floor(along[inside] / CELL_MM).astype(np.intp) + _GRID // 2
    fits = (column >= 0) & (column < _GRID) & (row >= 0) & (row < _GRID)
    cell = (row * _GRID + column)[fits]
    count = np.bincount(cell, minlength=_GRID * _GRID)
    full = count >= least_readings
    kept = points[inside][fits]
    sums = np.stack([np.bincount(cell, kept[:, axis], minlength=_GRID * _GRID)[full] for axis in range(3)], axis=1)
    means: F64 = sums / count[full][:, None]
    return means


def robust_fit(basis: F64, heights_mm: F64, scale_mm: float) -> tuple[F64, F64]:
    """Fit heights f64[n] by basis f64[n,k] so that far-off points hardly count; coefficients f64[k], residuals f64[n].

    Iterated least squares with Cauchy weights: a residual of ``scale_mm`` halves a point's weight.
    """
    weight: F64 = np.ones_like(heights_mm)
    ridge = _RIDGE * len(heights_mm) * np.eye(basis.shape[1])
    coefficients: F64 = np.zeros(basis.shape[1])
    residuals = heights_mm
    for _ in range(_PASSES):
        weighted = basis.T * weight
        coefficients = np.asarray(np.linalg.solve(weighted @ basis + ridge, weighted @ heights_mm), np.float64)
        residuals = heights_mm - basis @ coefficients
        weight = 1 / (1 + (residuals / scale_mm) ** 2)
    return coefficients, residuals


def rms_mm(residuals_mm: F64) -> F64:
    """Root mean square over the last axis; a residual counts as 30 mm at most: few wild readings shall make no face."""
    rms: F64 = np.sqrt(np.minimum(residuals_mm**2, _OUTLIER_MM**2).mean(axis=-1))
    return rms
