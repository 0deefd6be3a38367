"""A face's own relief: how far its surface lies from the mean face's, seen from straight ahead.

The mean face is laid on the readings (point to plane, robustly, from the head's pose), then the readings are looked up
along parallel lines, one for each pixel of a map in the mean face's own axes. So the map does not depend on where the
head is or looks, as far as the camera saw it: what it did not see, and what hair, hands or shadows hide, are holes.
Depth is never carried across a hole or a jump. Whether a map is good enough for anything is not decided here.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from kinect_unlock.align import FaceDepth
from kinect_unlock.arrays import F32, F64, U8, read_only
from kinect_unlock.frames import Calibration, Intrinsics
from kinect_unlock.lens import pixels
from kinect_unlock.mean_face import mean_surface
from kinect_unlock.observations import TENSOR_SIDE_PX, HeadPose
from kinect_unlock.pose import Placement, normal_equations

PIXEL_MM: Final = 1.5
HOLE_MM: Final = -1000.0
# The map's middle, pixel (55.5, 55.5), in head axes: 8 mm above the mean face's nose tip, so that brows and chin fit.
CENTRE_MM: Final = (0.0, -11.6)
FACE_ELLIPSE_MM: Final = (70.0, 82.0)  # semi-axes across and down of what is rendered, about the map's middle
FARTHEST_MM: Final = 40.0  # from the mean face; what lies farther off is not this face, so it is a hole

_Bool: TypeAlias = NDArray[np.bool_]
_Index: TypeAlias = NDArray[np.intp]
_Span: TypeAlias = tuple[tuple[float, float], tuple[float, float]]
_Cell: TypeAlias = tuple[int, int]

_POINTS: Final = 1500  # that are aligned, at most
_LEAST_POINTS: Final = 100  # ... and at least
_ALIGNED_MM: Final[_Span] = ((-52.0, 52.0), (-66.0, 38.0))  # x and y of what is aligned: little hair, no neck
_ALIGNED_DEEP_MM: Final = 48.0  # z of the mean face: behind it the cheeks turn away from the camera
_MOUTH_MM: Final = (40.0, 14.0)  # |x| less and y more than this: lips and jaw move ...
_MOUTH_WORTH: Final = 0.3  # ... and count less
_ROUNDS: Final = 4  # of alignment; fourteen change nothing that was measured
_CUT_MM: Final = 25.0  # what lies farther from the mean face has no say; with 12 mm maps tell people apart less well
_DAMPING: Final = read_only(np.diag((0.1, 0.1, 0.1, 1e-5, 1e-5, 1e-5)))  # of the points' weight: keeps balls solvable

_RENDERED_MM: Final[_Span] = ((-72.0, 72.0), (-98.0, 75.0))  # x and y of the readings that the map may need
_DEPTH_MM: Final = (-30.0, 58.0)  # z of the mean face, from the nose to where it ends
_LOOKS: Final = (1.0, 0.7)  # along a line before the last one: how far each goes to where the one before pointed
_JUMP_MM: Final = 25.0  # neighbouring readings whose residuals differ by more do not belong to one surface
_GAP: Final = 3.0  # pitches across the face: what lies between readings so far apart is hidden from the camera
_ASTRAY_MM: Final = 3.0  # from the line; a look-up that ends farther from it has found no surface on it
_MOSTLY: Final = 0.5  # of a look-up's weight must be readings
_QUAD: Final = read_only(np.ones((2, 2), np.uint8))
_NEAREST_MM: Final = 1.0  # of a point before the camera: keeps projections finite
_FAR_MM: Final = np.float32(1e6)  # farther than any reading


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Frontal:
    """A frontalised face.

    ``residual_mm`` f32[112,112]: depth beyond the mean face's, every 1.5 mm, `HOLE_MM` where there is no reading; rows
    and columns run along the head's y and x, the middle is at `CENTRE_MM`. ``fit_mm``: mean distance of the aligned
    readings from the mean face. ``coverage`` 0..1: share of the face that has a reading.
    """

    residual_mm: F32
    fit_mm: float
    coverage: float
    placement: Placement

    def __post_init__(self) -> None:
        read_only(self.residual_mm)

    @property
    def pose(self) -> HeadPose:
        """The head's pose as the whole face's surface gives it."""
        return self.placement.pose


def frontalise(face_depth: FaceDepth, calibration: Calibration, start: Placement) -> Frontal | None:
    """Lay the mean face on a face and read off the difference; None where too little of it has depth."""
    points = _points(face_depth, calibration.color, start)
    if points is None:
        return None
    aligned = _align(points, start)
    if aligned is None:
        return None
    residual = _render(face_depth, calibration.color, aligned.placement)
    coverage = np.count_nonzero(residual > HOLE_MM) / len(_lines().pixel)
    return Frontal(residual, aligned.fit_mm, coverage, aligned.placement)


@cache
def face_mask(semi_axes_mm: tuple[float, float] = FACE_ELLIPSE_MM) -> _Bool:
    """Return the pixels bool[112,112] within an ellipse about the middle at which the mean face has a surface."""
    x, y = _lattice()
    across, down = semi_axes_mm
    inside = ((x - CENTRE_MM[0]) / across) ** 2 + ((y - CENTRE_MM[1]) / down) ** 2 <= 1
    return read_only(inside & (mean_surface(x, y)[..., 3] > 0))


def _lattice() -> tuple[F32, F32]:
    """Return x and y f32[112,112] mm of the map's pixels in head axes."""
    steps = (np.arange(TENSOR_SIDE_PX, dtype=np.float32) - np.float32((TENSOR_SIDE_PX - 1) / 2)) * np.float32(PIXEL_MM)
    x, y = np.meshgrid(steps + np.float32(CENTRE_MM[0]), steps + np.float32(CENTRE_MM[1]))
    return x, y


@dataclass(frozen=True, slots=True, eq=False)
class _Lines:
    """The lines along z on which the map's pixels lie, one for each pixel of the face, in head axes."""

    x_mm: F32  # [1,n]
    y_mm: F32  # [1,n]
    mean_mm: F32  # [1,n], z of the mean face
    pixel: _Index  # [n], of the map, row by row


@cache
def _lines() -> _Lines:
    face = face_mask()
    x, y = (of_all[face][np.newaxis] for of_all in _lattice())
    return _Lines(x, y, mean_surface(x, y)[..., 0].copy(), np.flatnonzero(face))


@dataclass(frozen=True, slots=True, eq=False)
class _Aligned:
    placement: Placement
    fit_mm: float


def _part(face_depth: FaceDepth, camera: Intrinsics, placement: Placement, span_mm: _Span) -> tuple[slice, slice]:
    """Return the rows and columns of the grid where a part of the face is seen; empty where it is not in view."""
    seen = (placement.rotation @ _corners(span_mm) + placement.origin_mm[:, np.newaxis]).astype(np.float32)
    cells = face_depth.cells(np.stack(_project(camera, seen), axis=1))
    size = face_depth.depth_mm.shape[::-1]
    low = np.clip(np.floor(cells.min(axis=0)), 0, size).astype(int)
    high = np.clip(np.ceil(cells.max(axis=0)) + 1, low, size).astype(int)
    return slice(low[1], high[1]), slice(low[0], high[0])


@cache
def _corners(span_mm: _Span) -> F64:
    """Return the corners f64[3,8] of the box around a part of the mean face."""
    return read_only(np.stack(np.meshgrid(*span_mm, _DEPTH_MM)).reshape(3, -1))


def _project(camera: Intrinsics, points_mm: F32) -> tuple[F32, F32]:
    """Return the pixels of points f32[3,...] before the camera."""
    x, y, z = points_mm
    z = np.maximum(z, np.float32(_NEAREST_MM))
    return pixels(camera, x / z, y / z)


def _points(face_depth: FaceDepth, camera: Intrinsics, start: Placement) -> F64 | None:
    """Return at most `_POINTS` readings f64[3,n] from all over the part that is aligned; None if there are too few."""
    part = face_depth.xyz_mm[_part(face_depth, camera, start, _ALIGNED_MM)]
    rows, columns = _lattice_of(part.shape[0], part.shape[1])
    points = part[rows[:, np.newaxis], columns].reshape(-1, 3)
    points = points[points[:, 2] > 0]
    return points.T.astype(np.float64) if len(points) >= _LEAST_POINTS else None


def _lattice_of(rows: int, columns: int) -> tuple[_Index, _Index]:
    """Choose rows and columns, evenly, that cross at no more than `_POINTS` cells."""
    pitch = max(1.0, (rows * columns / _POINTS) ** 0.5)
    kept = int(rows / pitch), int(columns / pitch)
    return np.arange(kept[0]) * rows // max(1, kept[0]), np.arange(kept[1]) * columns // max(1, kept[1])


def _align(points: F64, start: Placement) -> _Aligned | None:
    """Move the mean face onto the points f64[3,n] so that they lie on its surface; None if too few do."""
    placement, last = start, np.empty(0)
    for _ in range(_ROUNDS):
        head = placement.to_head(points)
        z, normals, worth = _mean_at(head)
        distance = (head[2] - z) * normals[2]
        worth *= np.maximum(1 - (distance / _CUT_MM) ** 2, 0) ** 2  # Tukey's
        counted = worth > 0
        if np.count_nonzero(counted) < _LEAST_POINTS:
            return None
        last = distance[counted]
        matrix, right = normal_equations(head, normals, distance, worth)
        motion = np.asarray(np.linalg.solve(matrix + float(worth.sum()) * _DAMPING, right), np.float64)
        placement = placement.moved(motion)
    is_before_the_camera = placement.origin_mm[2] > 0  # False for NaN
    return _Aligned(placement, float(np.abs(last).mean())) if is_before_the_camera else None


def _mean_at(head: F64) -> tuple[F64, F64, F64]:
    """Return the mean face's z f64[n], normals f64[3,n] and what a reading is worth f64[n] at points f64[3,n]."""
    x, y = head[:2].astype(np.float32)
    found = mean_surface(x[np.newaxis], y[np.newaxis])[0].T.astype(np.float64, order="C")
    z, normals = found[0], found[1:]
    (left, right), (top, bottom) = _ALIGNED_MM
    mouth_x, mouth_y = _MOUTH_MM
    worth = normals[2] * ((x > left) & (x < right) & (y > top) & (y < bottom) & (z < _ALIGNED_DEEP_MM))
    worth[(np.abs(x) < mouth_x) & (y > mouth_y)] *= _MOUTH_WORTH
    return z, normals, worth


@dataclass(frozen=True, slots=True, eq=False)
class _Relief:
    """Readings around a face in head axes, each with its own residual.

    ``readings`` f32[rows,columns,4]: x, y, residual (all mm) and 1; zeros where there is none. ``whole`` u8: 0 where
    what lies between a cell and those right of and below it is hidden. ``first_cell``: (column, row) in the grid.
    """

    readings: F32
    whole: U8
    first_cell: _Cell


def _relief(face_depth: FaceDepth, camera: Intrinsics, placement: Placement) -> _Relief | None:
    """Gather the readings around a face; None where none of it is in view."""
    rows, columns = part = _part(face_depth, camera, placement, _RENDERED_MM)
    cells = face_depth.xyz_mm[part]
    if cells.size == 0:
        return None
    points = cells.reshape(-1, 3) - placement.origin_mm.astype(np.float32)
    head = (points @ placement.rotation.astype(np.float32)).reshape(cells.shape)
    surface = mean_surface(head[..., 0], head[..., 1])
    head[..., 2] -= surface[..., 0]
    seen = (surface[..., 3] > 0) & (np.abs(head[..., 2]) < FARTHEST_MM)  # False for NaN
    gap_mm = _GAP * face_depth.step_px * float(placement.origin_mm[2]) / camera.fx_px
    whole = _whole(head, seen, (gap_mm, gap_mm, _JUMP_MM))
    readings = np.zeros((*seen.shape, 4), np.float32)
    cv2.copyTo(cv2.merge((head, np.ones(seen.shape, np.float32))), seen.view(np.uint8), readings)
    return _Relief(readings, whole, (columns.start, rows.start))


def _whole(head: F32, seen: _Bool, most_mm: tuple[float, float, float]) -> U8:
    """Return 255 for each cell that differs by no more than this from any right of or below it, else 0."""
    mask, nearest, farthest = seen.view(np.uint8), np.full(head.shape, -_FAR_MM), np.full(head.shape, _FAR_MM)
    high = cv2.dilate(cv2.copyTo(head, mask, nearest), _QUAD, anchor=(0, 0))
    low = cv2.erode(cv2.copyTo(head, mask, farthest), _QUAD, anchor=(0, 0))
    return np.asarray(cv2.inRange(high - low, (-np.inf, -np.inf, -np.inf), most_mm), np.uint8)


class _Sight:
    """Where points on the lines are seen among the readings."""

    def __init__(self, face_depth: FaceDepth, camera: Intrinsics, placement: Placement, first_cell: _Cell) -> None:
        column, row = first_cell
        self._camera = camera
        self._per_cell = np.float32(1 / face_depth.step_px)
        self._column = np.float32(face_depth.x0_px / face_depth.step_px + column)
        self._row = np.float32(face_depth.y0_px / face_depth.step_px + row)
        turn = placement.rotation
        on_plane = turn[:, :2] @ np.concatenate((_lines().x_mm, _lines().y_mm)) + placement.origin_mm[:, np.newaxis]
        self._on_plane = on_plane.astype(np.float32)
        self._along = turn[:, 2:].astype(np.float32)

    def cells(self, z_mm: F32) -> tuple[F32, F32]:
        """Return the column and row f32[1,n] at which the points at z f32[1,n] on the lines are seen."""
        x_px, y_px = _project(self._camera, self._on_plane + self._along * z_mm)
        column, row = x_px * self._per_cell - self._column, y_px * self._per_cell - self._row
        return column[np.newaxis], row[np.newaxis]


def _render(face_depth: FaceDepth, camera: Intrinsics, placement: Placement) -> F32:
    """Look up the residual f32[112,112] at every pixel of the face; `HOLE_MM` where there is none.

    From the mean face along each line: what is read where that point is seen says where on the line to look next.
    """
    image = np.full((TENSOR_SIDE_PX, TENSOR_SIDE_PX), HOLE_MM, np.float32)
    relief = _relief(face_depth, camera, placement)
    if relief is None:
        return image
    lines, sight = _lines(), _Sight(face_depth, camera, placement, relief.first_cell)
    residual = np.zeros_like(lines.mean_mm)
    for share in _LOOKS:
        found = _look(relief, sight.cells(lines.mean_mm + residual))
        residual += np.float32(share) * (found.residual_mm / found.readings - residual)
    cells = sight.cells(lines.mean_mm + residual)
    found = _look(relief, cells)
    # A reading beside the line stands for the place where it is: the mean face's slopes are taken away already.
    astray_x_mm = np.abs(found.x_mm / found.readings - lines.x_mm)
    astray_mm = np.maximum(astray_x_mm, np.abs(found.y_mm / found.readings - lines.y_mm))
    good = (found.weight >= _MOSTLY) & (astray_mm < _ASTRAY_MM) & _is_whole(relief.whole, cells)
    image.reshape(-1)[lines.pixel] = np.where(good, found.residual_mm / found.readings, np.float32(HOLE_MM))[0]
    return image


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """What is read at places between the readings, each f32[1,n].

    ``weight`` 0..1: how much of it is readings; the sums before it, divided by ``readings``, are means.
    """

    x_mm: F32
    y_mm: F32
    residual_mm: F32
    weight: F32
    readings: F32


def _look(relief: _Relief, cells: tuple[F32, F32]) -> _Found:
    found = cv2.remap(relief.readings, *cells, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    x, y, residual, weight = (np.asarray(plane, np.float32) for plane in cv2.split(found))
    return _Found(x, y, residual, weight, np.asarray(np.maximum(weight, _MOSTLY), np.float32))


def _is_whole(whole: U8, cells: tuple[F32, F32]) -> _Bool:
    """Tell whether a place lies between readings that belong together."""
    column, row = (cell - np.float32(0.5) for cell in cells)  # the nearest then is the one left and above
    found: _Bool = cv2.remap(whole, column, row, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT) > 0
    return found
