"""How far the surface of a face moved from one look to the next, by depth alone, and what did not move with it. Pure.

Two looks at one head differ by a small motion and by the sensor's noise. Where a surface slopes, a shift across the
image changes the depth behind a pixel: least squares over the face give the shift and the tilt that explain the change
best (the constraint of range flow), twice over, from the last estimate. What is left is noise, as long as the face is
rigid. Nothing of it looks at colours: only *where* to look comes from the landmarks. So a `Track` can say how far apart
the two have moved.
"""

from dataclasses import dataclass
from math import ceil, hypot, sqrt
from statistics import median
from typing import Final

import cv2
import numpy as np

from kinect_unlock.align import FaceDepth
from kinect_unlock.arrays import F32, F64, read_only

_REACH: Final = 1.1  # of the landmarks' spread, around their middle: cheeks, nose, chin and brows
_SMOOTH_CELLS: Final = 5  # slopes of single readings are mostly noise, which would make every shift look smaller
_FULL: Final = 0.9  # share of a place's neighbours that must be read for it to have a slope
_STEEPEST: Final = 4.0  # mm per cell; beyond is an outline, not a surface
_LEAST_CELLS: Final = 150
_MOST_CELLS: Final = 1000  # every second one of a face nearer than 1 m
_LEAST_SIDE: Final = 16
_ROUNDS: Final = 2
_SETTLED_CELLS: Final = 0.25  # a step so small needs no second round
_OUTLIER_MM: Final = 5.0  # residual at which a cell has half its weight
_RIDGE: Final = 1e-6
_FARTHEST_CELLS: Final = 12.0  # between two looks; a fit that goes farther is lost
_MAD_TO_SIGMA: Final = 1.4826
_LEAST_SPREAD_MM: Final = 1.0  # of differences between whole millimetres, whose median alone may be 0
_CUT: Final = 3.0  # times the usual spread: beyond it are outlines
_KEPT: Final = 31  # looks: the last second of a camera that gives 30 a second
_LONGEST_GAP_NS: Final = 500_000_000  # between two looks of one track


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FaceLook:
    """The depth behind a face on a regular grid over the colour image, and where the face was seen in colour.

    ``depth_mm`` f32[h,w], 0 = no reading; ``smooth_mm`` f32[h,w] the same averaged, NaN where too little was read. The
    cell in row 0, column 0 lies at colour pixel ``origin_px`` f64[2], the next ones ``step_px`` further.
    """

    middle_px: F64
    reach: float  # in cells: of the face, around its middle
    depth_mm: F32
    smooth_mm: F32
    origin_px: F64
    step_px: float

    def __post_init__(self) -> None:
        for plane in (self.middle_px, self.depth_mm, self.smooth_mm, self.origin_px):
            read_only(plane)


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """From one look to the next: how far the surface moved in colour pixels f64[2], and the noise of one look."""

    shift_px: F64
    noise_mm: float


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """Where a face was at one look: by its landmarks, and by its surface from where the track began, f64[2] each."""

    at_ns: int
    color_px: F64
    depth_px: F64
    noise_mm: float | None  # None at a track's first look


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Track:
    """One face over the last looks at it, newest last; ``mm_per_px`` at its distance."""

    look: FaceLook
    mm_per_px: float
    places: tuple[_Place, ...]

    @property
    def apart_mm(self) -> float | None:
        """How much further its landmarks have moved than its surface, over the kept looks; None at the first one."""
        if len(self.places) == 1:
            return None
        first, last = self.places[0], self.places[-1]
        apart_px = (last.color_px - first.color_px) - (last.depth_px - first.depth_px)
        return float(np.hypot(*apart_px)) * self.mm_per_px

    @property
    def noise_mm(self) -> float | None:
        """The noise of a reading, in the middle of the kept looks; None at the first one."""
        noise_mm = [place.noise_mm for place in self.places if place.noise_mm is not None]
        return median(noise_mm) if noise_mm else None


def followed(track: Track | None, look: FaceLook | None, at_ns: int, mm_per_px: float) -> Track | None:
    """Return a track with one more look; one that cannot be joined to the last begins anew, none at all ends it."""
    if look is None:
        return None
    if track is not None and track.places[-1].at_ns == at_ns:  # the same frame in another light
        return track
    recent = track is not None and 0 < at_ns - track.places[-1].at_ns <= _LONGEST_GAP_NS
    step = step_between(track.look, look) if track is not None and recent else None
    if track is None or step is None:
        return Track(look, mm_per_px, (_Place(at_ns, look.middle_px, np.zeros(2), None),))
    place = _Place(at_ns, look.middle_px, track.places[-1].depth_px + step.shift_px, step.noise_mm)
    return Track(look, mm_per_px, (*track.places, place)[-_KEPT:])


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Cells:
    """Places on the face at one look: rows and columns f32[n], whole numbers, and what is read there.

    ``basis`` f32[5,n] says what a shift across and down by a cell, a step and two tilts change there.
    """

    rows: F32
    columns: F32
    depth_mm: F32
    smooth_mm: F32
    basis: F32


def face_look(landmarks_px: F32, depth: FaceDepth) -> FaceLook | None:
    """Cut a face out of the depth around it; None if the landmarks lie outside of it."""
    points = depth.cells(landmarks_px)
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    reach = _REACH * max(float(np.hypot(*(points[1] - points[0]))), float(np.hypot(*(mouth - eyes))))
    column, row = (eyes + mouth) / 2
    if not np.isfinite((column, row, reach)).all():
        return None
    beyond = reach + _FARTHEST_CELLS
    left, top = max(0, int(column - beyond)), max(0, int(row - beyond))
    part = depth.depth_mm[top : max(0, int(row + beyond) + 1), left : max(0, int(column + beyond) + 1)]
    if min(part.shape) < _LEAST_SIDE:
        return None
    origin_px = np.array((depth.x0_px + left * depth.step_px, depth.y0_px + top * depth.step_px))
    middle_px = np.asarray(landmarks_px.mean(axis=0), np.float64)
    return FaceLook(middle_px, reach, part, _smoothed(part), origin_px, depth.step_px)


def step_between(before: FaceLook, after: FaceLook) -> Step | None:
    """Return how the surface moved; None where there is too little of it in both, or no motion explains the change."""
    cells = _cells(after)
    if cells is None or before.step_px != after.step_px:
        return None
    apart = (after.origin_px - before.origin_px) / after.step_px
    moved, fitted = np.zeros(2), np.zeros(len(cells.basis))
    for _ in range(_ROUNDS):
        fit = _fit(cells.basis, cells.smooth_mm - _sampled(before.smooth_mm, cells, apart - moved))
        if fit is None:
            return None
        fitted, moved = fit, moved + fit[:2]
        if not hypot(*moved) <= _FARTHEST_CELLS:
            return None
        if hypot(*fit[:2]) <= _SETTLED_CELLS:
            break
    fitted[:2] = 0.0  # done by moving
    noise_mm = _noise_mm(before, cells, apart - moved, fitted)
    return None if noise_mm is None else Step(moved * after.step_px, noise_mm)


def _smoothed(depth_mm: F32) -> F32:
    size = (_SMOOTH_CELLS, _SMOOTH_CELLS)
    full = cv2.blur((depth_mm > 0).astype(np.float32), size, borderType=cv2.BORDER_CONSTANT)
    total = cv2.blur(depth_mm, size, borderType=cv2.BORDER_CONSTANT)
    smooth = np.full_like(depth_mm, np.nan)
    np.divide(total, full, out=smooth, where=full >= _FULL)
    return smooth


def _cells(look: FaceLook) -> _Cells | None:
    """Return the places of a face that have a slope as a surface has it; None where they are too few."""
    column, row = (look.middle_px - look.origin_px) / look.step_px
    height, width = look.smooth_mm.shape
    top, bottom = max(1, int(row - look.reach)), min(height - 1, int(row + look.reach) + 1)
    left, right = max(1, int(column - look.reach)), min(width - 1, int(column + look.reach) + 1)
    by = max(1, ceil(sqrt(max(0, bottom - top) * max(0, right - left) / _MOST_CELLS)))
    here = (slice(top, bottom, by), slice(left, right, by))
    smooth = look.smooth_mm
    across = (smooth[here[0], left + 1 : right + 1 : by] - smooth[here[0], left - 1 : right - 1 : by]) / 2
    down = (smooth[top + 1 : bottom + 1 : by, here[1]] - smooth[top - 1 : bottom - 1 : by, here[1]]) / 2
    gentle = (np.abs(across) <= _STEEPEST) & (np.abs(down) <= _STEEPEST)  # False for NaN
    rows, columns = np.nonzero(gentle)
    if len(rows) < _LEAST_CELLS:
        return None
    basis = np.empty((5, len(rows)), np.float32)
    basis[0], basis[1], basis[2] = -across[gentle], -down[gentle], 1
    basis[3], basis[4] = columns / len(gentle[0]), rows / len(gentle)
    places = ((rows * by + top).astype(np.float32), (columns * by + left).astype(np.float32))
    return _Cells(*places, look.depth_mm[here][gentle], smooth[here][gentle], basis)


def _sampled(plane: F32, cells: _Cells, moved: F64) -> F32:
    """Sample a plane beside the cells; NaN outside of it and where its own cells have no value."""
    columns, rows = cells.columns + np.float32(moved[0]), cells.rows + np.float32(moved[1])
    border = float("nan")
    sampled = cv2.remap(plane, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=border)
    return np.asarray(sampled.ravel(), np.float32)


def _fit(basis: F32, change: F32) -> F64 | None:
    """Return how much of each f64[5] explains a change of depth f32[n] best; None where too little of it is known."""
    known = np.isfinite(change)
    count = np.count_nonzero(known)
    if count < _LEAST_CELLS:
        return None
    wanted = np.where(known, change, np.float32(0))
    weights = known / (1 + np.square((wanted - wanted.sum() / count) / _OUTLIER_MM))
    weighted = basis * weights.astype(np.float32)
    fitted = np.linalg.solve((weighted @ basis.T).astype(np.float64) + _RIDGE * np.eye(len(basis)), weighted @ wanted)
    return np.asarray(fitted, np.float64)


def _noise_mm(before: FaceLook, cells: _Cells, moved: F64, fitted: F64) -> float | None:
    """Return the spread of one look's readings about a surface; None without any.

    It came from the cells that lie ``moved`` by f64[2] and changed by what ``fitted`` f64[5] says. Readings are
    compared as they are: one between two cells would be their average, and less noisy than either.
    """
    whole = np.rint(moved)
    rows, columns = ((cells.rows + whole[1]).astype(np.intp), (cells.columns + whole[0]).astype(np.intp))
    height, width = before.depth_mm.shape
    kept = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width) & (cells.depth_mm > 0)
    then = before.depth_mm[np.where(kept, rows, 0), np.where(kept, columns, 0)]
    kept &= then > 0
    by_shift = np.concatenate((whole - moved, fitted[2:])).astype(np.float32)
    left = np.abs(cells.depth_mm - then - by_shift @ cells.basis)[kept]
    if len(left) < _LEAST_CELLS:
        return None
    usual = max(_LEAST_SPREAD_MM, _MAD_TO_SIGMA * float(np.partition(left, len(left) // 2)[len(left) // 2]))
    return float(np.sqrt(np.square(left[left <= _CUT * usual]).mean() / 2))
