"""Depth readings, moved to where the colour camera sees them.

Only the region around a face is mapped, forwards: each reading lands on a grid over the colour image, the nearest
reading wins a cell, and what it hides is dropped (the colour camera does not see it). Where the sensor read
nothing the grid holds nothing: holes are never filled. Nothing here looks at colours or knows what a face is.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor
from typing import Final, Protocol, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from kinect_unlock.frames import (
    F32,
    F64,
    U16,
    Box,
    Calibration,
    Extrinsic,
    Intrinsics,
    KinectV2Polynomial,
    Registered,
    read_only,
)

FACE_MARGIN: Final = 0.6  # of the box, to each side: the background behind the head's outline is part of the evidence
_NEAREST_MM: Final = 300.0  # readings nearer than this are not looked for; a Kinect v2 reads nothing below 500
_FARTHEST_MM: Final = 20_000.0
_PIXEL_MM: Final = 0.01  # unit of the factory polynomials' argument, libfreenect2's ``depth_q``
_COLOR_Q: Final = 0.002199  # libfreenect2's ``color_q``
_SPILL_CELLS: Final = 0.2  # a reading covers so much beyond its own cell: else the background shines through a cheek
_LATTICE_PX: Final = 8  # spacing at which the mapping is sampled to find which part of the depth image is needed

_Index: TypeAlias = NDArray[np.intp]
_Bool: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FaceDepth:
    """Depth on a regular grid over a part of the colour image.

    ``depth_mm`` f32[gh,gw]: along the colour camera's axis, 0 where there is no reading. ``xyz_mm`` f32[gh,gw,3]: the
    reading in colour-camera coordinates, NaN where there is none. Cell (row r, column c) has its centre at colour
    pixel (``x0_px + c * step_px``, ``y0_px + r * step_px``). A region outside the image has gh or gw 0.
    """

    depth_mm: F32
    xyz_mm: F32
    x0_px: float
    y0_px: float
    step_px: float

    def __post_init__(self) -> None:
        read_only(self.depth_mm)
        read_only(self.xyz_mm)

    def cells(self, points_px: F32 | F64) -> F64:
        """Map colour pixels [...,2] to fractional grid coordinates (column, row) f64[...,2]."""
        origin = np.array((self.x0_px, self.y0_px))
        grid: F64 = (np.asarray(points_px, np.float64) - origin) / self.step_px
        return grid


class Aligner:
    """Maps depth images of one calibration; what depends on the calibration alone is computed once, here."""

    def __init__(self, calibration: Calibration) -> None:
        self.calibration = calibration
        self._mapping = _mapping(calibration)
        self._step_px = max(1.0, calibration.color.fx_px / calibration.depth.fx_px)

    def face(self, depth_mm: U16, box: Box, *, margin: float = FACE_MARGIN) -> FaceDepth:
        """Map the region around ``box`` (colour pixels), grown by ``margin`` of its size to each side.

        Raises ValueError if the depth image is not of the calibration's size.
        """
        self._check(depth_mm)
        color = self.calibration.color
        left = max(0, floor(box.x_px - margin * box.width_px))
        top = max(0, floor(box.y_px - margin * box.height_px))
        right = min(color.width_px - 1, ceil(box.x_px + (1 + margin) * box.width_px))
        bottom = min(color.height_px - 1, ceil(box.y_px + (1 + margin) * box.height_px))
        return self._grid(depth_mm, _Region(left, top, right, bottom))

    def full(self, depth_mm: U16) -> FaceDepth:
        """Map the whole image, for viewers and tests."""
        self._check(depth_mm)
        color = self.calibration.color
        return self._grid(depth_mm, _Region(0, 0, color.width_px - 1, color.height_px - 1))

    def _check(self, depth_mm: U16) -> None:
        expected = (self.calibration.depth.height_px, self.calibration.depth.width_px)
        if depth_mm.shape != expected:
            raise ValueError(f"depth image is {depth_mm.shape}, the calibration is for {expected}")

    def _grid(self, depth_mm: U16, region: "_Region") -> FaceDepth:
        rows, columns = region.shape(self._step_px)
        if rows == 0 or columns == 0:
            depth, xyz = np.zeros((rows, columns), np.float32), np.zeros((rows, columns, 3), np.float32)
        else:
            depth, xyz = self._mapping.map(depth_mm, region, self._step_px)
        return FaceDepth(depth, xyz, float(region.left), float(region.top), self._step_px)


def align_face(depth_mm: U16, calibration: Calibration, box: Box, *, margin: float = FACE_MARGIN) -> FaceDepth:
    """Map the depth around one face to the colour image.

    The calibration's maps are kept between calls, for as long as the same calibration is handed in (an `Extrinsic` is
    compared by identity). Raises ValueError if the depth image is not of the calibration's size.
    """
    return _aligner(calibration).face(depth_mm, box, margin=margin)


def register_full(depth_mm: U16, calibration: Calibration) -> FaceDepth:
    """Map a whole depth image to the colour image, at about the depth image's resolution: for viewers and tests."""
    return _aligner(calibration).full(depth_mm)


@lru_cache(maxsize=4)
def _aligner(calibration: Calibration) -> Aligner:
    return Aligner(calibration)


def rays(camera: Intrinsics, x_px: F32, y_px: F32) -> tuple[F32, F32]:
    """Undo projection and distortion: pixel to (x/z, y/z); NaN where the distortion cannot be undone."""
    x = (x_px - np.float32(camera.cx_px)) / np.float32(camera.fx_px)
    y = (y_px - np.float32(camera.cy_px)) / np.float32(camera.fy_px)
    if not _distorts(camera):
        return x, y
    distorted = np.stack((x.ravel(), y.ravel()), axis=1).astype(np.float64)[:, None]
    lens = np.array((camera.k1, camera.k2, camera.p1, camera.p2, camera.k3))
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 60, 1e-9)
    undone = cv2.undistortPointsIter(distorted, np.eye(3), lens, np.eye(3), np.eye(3), criteria)[:, 0]
    ray_x, ray_y = undone[:, 0].astype(np.float32).reshape(x.shape), undone[:, 1].astype(np.float32).reshape(x.shape)
    back_x, back_y = _distort(camera, ray_x, ray_y)
    lost = ~((np.abs(back_x - x) < 1e-3) & (np.abs(back_y - y) < 1e-3))  # noqa: PLR2004 - a third of a depth pixel
    ray_x[lost] = np.nan
    ray_y[lost] = np.nan
    return ray_x, ray_y


def _distorts(camera: Intrinsics) -> bool:
    return any((camera.k1, camera.k2, camera.k3, camera.p1, camera.p2))


def _distort(camera: Intrinsics, x: F32, y: F32) -> tuple[F32, F32]:
    """Brown-Conrady, on normalised coordinates."""
    r2 = x * x + y * y
    radial = 1 + ((camera.k3 * r2 + camera.k2) * r2 + camera.k1) * r2
    xy2 = 2 * x * y
    return (
        x * radial + camera.p1 * xy2 + camera.p2 * (r2 + 2 * x * x),
        y * radial + camera.p2 * xy2 + camera.p1 * (r2 + 2 * y * y),
    )


@dataclass(frozen=True, slots=True)
class _Region:
    """A part of the colour image, whole pixels, both ends included; empty if right < left or bottom < top."""

    left: int
    top: int
    right: int
    bottom: int

    def shape(self, step_px: float) -> tuple[int, int]:
        return (
            max(0, floor((self.bottom - self.top) / step_px) + 1),
            max(0, floor((self.right - self.left) / step_px) + 1),
        )


class _Mapping(Protocol):
    def map(self, depth_mm: U16, region: _Region, step_px: float) -> tuple[F32, F32]:
        """Return depth f32[gh,gw] and xyz f32[gh,gw,3] of a region that is not empty."""
        ...


def _mapping(calibration: Calibration) -> _Mapping:
    match calibration.depth_to_color:
        case Registered():
            return _SameGrid(calibration)
        case Extrinsic() as extrinsic:
            return _Scattered(_Rigid(calibration, extrinsic))
        case KinectV2Polynomial() as polynomial:
            return _Scattered(_Factory(calibration, polynomial))


class _SameGrid:
    """Colour and depth share one grid: nothing moves."""

    def __init__(self, calibration: Calibration) -> None:
        color, depth = calibration.color, calibration.depth
        if (color.width_px, color.height_px) != (depth.width_px, depth.height_px):
            raise ValueError(
                f"registered images must be of one size, got colour {color.width_px}x{color.height_px} "
                f"and depth {depth.width_px}x{depth.height_px}"
            )
        self._ray_x, self._ray_y = rays(color, *_pixels(color))

    def map(self, depth_mm: U16, region: _Region, step_px: float) -> tuple[F32, F32]:
        del step_px
        part = (slice(region.top, region.bottom + 1), slice(region.left, region.right + 1))
        ray_x, ray_y = self._ray_x[part], self._ray_y[part]
        z = depth_mm[part].astype(np.float32)
        z[np.isnan(ray_x)] = 0
        xyz = np.stack((ray_x * z, ray_y * z, z), axis=2)
        xyz[z == 0] = np.nan
        return z, xyz


def _pixels(camera: Intrinsics) -> tuple[F32, F32]:
    y, x = np.mgrid[0 : camera.height_px, 0 : camera.width_px].astype(np.float32)
    return x, y


class _Projection(Protocol):
    """Where a reading of a depth pixel falls in the colour image."""

    shape: tuple[int, int]  # of the depth image

    def color_px(self, pixels: _Index, z_mm: F32) -> tuple[F32, F32, F32]:
        """For flat depth pixels and their readings: colour x and y in pixels, depth along the colour axis in mm."""
        ...

    def xyz(self, pixels: _Index, z_mm: F32) -> F32:
        """For flat depth pixels and their readings: points f32[n,3] in colour-camera coordinates."""
        ...


class _Factory:
    """The Kinect v2's own model, as libfreenect2's ``Registration`` applies it.

    The row does not depend on the distance; the column does by ``shift_m / z``. The two cameras' axes are taken as
    parallel, so the depth along the colour axis is the reading itself.
    """

    def __init__(self, calibration: Calibration, factory: KinectV2Polynomial) -> None:
        camera = calibration.depth
        self.shape = (camera.height_px, camera.width_px)
        self._color = calibration.color
        ray_x, ray_y = rays(camera, *_pixels(camera))
        x = ray_x.astype(np.float64) * camera.fx_px * _PIXEL_MM
        y = ray_y.astype(np.float64) * camera.fy_px * _PIXEL_MM
        across = _cubic(factory.mx, x, y) / (factory.fx_px * _COLOR_Q) - factory.shift_m / factory.shift_d
        self._x_far = (across * factory.fx_px + factory.cx_px).astype(np.float32).ravel()
        self._x_shift = np.float32(factory.shift_m * factory.fx_px)
        self._y = (_cubic(factory.my, x, y) / _COLOR_Q + factory.cy_px).astype(np.float32).ravel()

    def color_px(self, pixels: _Index, z_mm: F32) -> tuple[F32, F32, F32]:
        return self._x_far[pixels] + self._x_shift / z_mm, self._y[pixels], z_mm

    def xyz(self, pixels: _Index, z_mm: F32) -> F32:
        x_px, y_px, _ = self.color_px(pixels, z_mm)
        ray_x, ray_y = rays(self._color, x_px, y_px)
        return np.stack((ray_x * z_mm, ray_y * z_mm, z_mm), axis=1)


def _cubic(c: tuple[float, ...], x: F64, y: F64) -> F64:
    """Evaluate ten coefficients in the order x3 y3 x2y xy2 x2 y2 xy x y 1."""
    value: F64 = (
        c[0] * x**3 + c[1] * y**3 + c[2] * x * x * y + c[3] * x * y * y
        + c[4] * x * x + c[5] * y * y + c[6] * x * y + c[7] * x + c[8] * y + c[9]
    )  # fmt: skip
    return value


class _Rigid:
    """Two cameras with a known rotation and translation between them."""

    def __init__(self, calibration: Calibration, extrinsic: Extrinsic) -> None:
        camera = calibration.depth
        self.shape = (camera.height_px, camera.width_px)
        self._color = calibration.color
        ray_x, ray_y = rays(camera, *_pixels(camera))
        self._rays = np.stack((ray_x, ray_y, np.ones_like(ray_x)), axis=2).reshape(-1, 3)
        self._rays = (self._rays @ extrinsic.rotation.T).astype(np.float32)
        self._translation_mm = extrinsic.translation_mm.astype(np.float32)

    def color_px(self, pixels: _Index, z_mm: F32) -> tuple[F32, F32, F32]:
        point = self.xyz(pixels, z_mm)
        z = point[:, 2]
        z = np.where(z > 0, z, np.float32(np.nan))  # behind the colour camera
        x, y = point[:, 0] / z, point[:, 1] / z
        if _distorts(self._color):
            x, y = _distort(self._color, x, y)
        color = self._color
        return (
            x * np.float32(color.fx_px) + np.float32(color.cx_px),
            y * np.float32(color.fy_px) + np.float32(color.cy_px),
            z,
        )

    def xyz(self, pixels: _Index, z_mm: F32) -> F32:
        point: F32 = self._rays[pixels] * z_mm[:, None] + self._translation_mm
        return point


class _Scattered:
    """Forward mapping with a depth buffer."""

    def __init__(self, projection: _Projection) -> None:
        self._projection = projection
        rows, columns = projection.shape
        self._rows = np.unique(np.append(np.arange(0, rows, _LATTICE_PX), rows - 1))
        self._columns = np.unique(np.append(np.arange(0, columns, _LATTICE_PX), columns - 1))
        lattice = (self._rows[:, None] * columns + self._columns).ravel()
        ends = [projection.color_px(lattice, np.full(lattice.size, z, np.float32)) for z in (_NEAREST_MM, _FARTHEST_MM)]
        corners = np.array([(x, y) for x, y, _ in ends]).reshape(2, 2, len(self._rows), len(self._columns))
        self._low, self._high = np.fmin(*corners), np.fmax(*corners)  # [2 (x,y), lattice rows, lattice columns]

    def map(self, depth_mm: U16, region: _Region, step_px: float) -> tuple[F32, F32]:
        pixels, reading = self._needed(depth_mm, region)
        x, y, z = self._projection.color_px(pixels, reading)
        shape = region.shape(step_px)
        column = (x - np.float32(region.left)) * np.float32(1 / step_px)
        row = (y - np.float32(region.top)) * np.float32(1 / step_px)
        cells, winners = _nearest(column, row, z, shape)
        depth = np.zeros(shape, np.float32)
        depth.ravel()[cells] = z[winners]
        xyz = np.full((*shape, 3), np.nan, np.float32)
        xyz.reshape(-1, 3)[cells] = self._projection.xyz(pixels[winners], reading[winners])
        return depth, xyz

    def _needed(self, depth_mm: U16, region: _Region) -> tuple[_Index, F32]:
        """Return the flat pixels, with their readings, that may fall into the region at any distance."""
        edge = np.array(((region.left, region.right), (region.top, region.bottom)), np.float32)[:, :, None, None]
        inside = ((self._high >= edge[:, 0]) & (self._low <= edge[:, 1])).all(axis=0)
        if not inside.any():
            return np.zeros(0, np.intp), np.zeros(0, np.float32)
        top, bottom = _span(inside.any(axis=1), self._rows)
        left, right = _span(inside.any(axis=0), self._columns)
        part = depth_mm[top : bottom + 1, left : right + 1]
        seen = np.flatnonzero(part)
        row, column = np.divmod(seen, part.shape[1])
        return (row + top) * depth_mm.shape[1] + column + left, part.ravel()[seen].astype(np.float32)


def _span(hit: _Bool, positions: _Index) -> tuple[int, int]:
    """Return the first and last pixel that may be hit, one lattice step wider than the lattice says."""
    found = np.flatnonzero(hit)
    return int(positions[max(0, found[0] - 1)]), int(positions[min(len(positions) - 1, found[-1] + 1)])


def _nearest(column: F32, row: F32, z_mm: F32, shape: tuple[int, int]) -> tuple[_Index, _Index]:
    """Return the cells hit and for each the index of its nearest reading."""
    rows, columns = shape
    order = np.argsort(-z_mm, kind="stable")
    grid = np.full(rows * columns, -1, np.intp)
    low, high = np.float32(0.5 - _SPILL_CELLS), np.float32(0.5 + _SPILL_CELLS)
    first_column, last_column = np.floor(column[order] + low), np.floor(column[order] + high)
    first_row, last_row = np.floor(row[order] + low), np.floor(row[order] + high)
    cells, owners = [], []
    for at_row, at_column, new in (
        (first_row, first_column, None),
        (first_row, last_column, last_column > first_column),
        (last_row, first_column, last_row > first_row),
        (last_row, last_column, (last_row > first_row) & (last_column > first_column)),
    ):
        fits = (at_row >= 0) & (at_row < rows) & (at_column >= 0) & (at_column < columns)
        chosen = np.flatnonzero(fits if new is None else fits & new)
        cells.append((at_row[chosen] * columns + at_column[chosen]).astype(np.intp))
        owners.append(chosen)
    cell, owner = np.concatenate(cells), np.concatenate(owners)
    turn = np.argsort(owner, kind="stable")
    grid[cell[turn]] = order[owner[turn]]
    hit = np.flatnonzero(grid >= 0)
    return hit, grid[hit]
