"""Depth readings, moved to where the colour camera sees them.

Only the region around a face is mapped, forwards: each reading lands on a grid over the colour image, the nearest
reading wins a cell, and what it hides is dropped (the colour camera does not see it). Where the sensor read
nothing the grid holds nothing: holes are never filled. Nothing here looks at colours or knows what a face is.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, floor
from typing import Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kinect_unlock.arrays import F32, F64, U16, read_only
from kinect_unlock.depth_buffer import close_seams, complete_neighbourhoods, nearest_readings
from kinect_unlock.frames import Calibration, Extrinsic, KinectV2Polynomial, Registered
from kinect_unlock.lens import every_pixel, rays
from kinect_unlock.observations import Box
from kinect_unlock.projection import Factory, Part, Projection, Rigid

FACE_MARGIN: Final = 0.6  # of the box, to each side: the background behind the head's outline is part of the evidence
_NEAREST_MM: Final = 400.0  # nearer readings may be missed; a Kinect v2 reads nothing below 500
_FARTHEST_MM: Final = 20_000.0
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

    def landed(self, depth_mm: U16, step_px: int) -> tuple[F32, F32, F32]:
        """Return where every ``step_px``-th reading of every such row falls: x, y in colour pixels and depth in mm.

        All f32[h',w']. Where the depth is not above 0, x and y mean nothing. Raises ValueError if the depth image is
        not of the calibration's size.
        """
        self._check(depth_mm)
        part = (slice(None, None, step_px), slice(None, None, step_px))
        return self._mapping.landed(part, depth_mm[part].astype(np.float32))

    def _check(self, depth_mm: U16) -> None:
        expected = (self.calibration.depth.height_px, self.calibration.depth.width_px)
        if depth_mm.shape != expected:
            raise ValueError(f"depth image is {depth_mm.shape}, the calibration is for {expected}")

    def _grid(self, depth_mm: U16, region: "_Region") -> FaceDepth:
        rows, columns = region.shape(self._step_px)
        if rows == 0 or columns == 0:
            depth, xyz = _nothing((rows, columns))
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


def landed(depth_mm: U16, calibration: Calibration, step_px: int) -> tuple[F32, F32, F32]:
    """Return where a sample of the readings falls in the colour image; see `Aligner.landed`."""
    return _aligner(calibration).landed(depth_mm, step_px)


@lru_cache(maxsize=4)
def _aligner(calibration: Calibration) -> Aligner:
    return Aligner(calibration)


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


def _nothing(shape: tuple[int, int]) -> tuple[F32, F32]:
    return np.zeros(shape, np.float32), np.full((*shape, 3), np.nan, np.float32)


class _Mapping(Protocol):
    def map(self, depth_mm: U16, region: _Region, step_px: float) -> tuple[F32, F32]:
        """Return depth f32[gh,gw] and xyz f32[gh,gw,3] of a region that is not empty."""
        ...

    def landed(self, part: Part, depth_mm: F32) -> tuple[F32, F32, F32]:
        """Return x and y in colour pixels and the depth of a part of the depth image."""
        ...


def _mapping(calibration: Calibration) -> _Mapping:
    match calibration.depth_to_color:
        case Registered():
            return _SameGrid(calibration)
        case Extrinsic() as extrinsic:
            return _Scattered(calibration, Rigid(calibration, extrinsic))
        case KinectV2Polynomial() as polynomial:
            return _Scattered(calibration, Factory(calibration.depth, polynomial))


class _SameGrid:
    """Colour and depth share one grid: nothing moves."""

    def __init__(self, calibration: Calibration) -> None:
        color, depth = calibration.color, calibration.depth
        if (color.width_px, color.height_px) != (depth.width_px, depth.height_px):
            raise ValueError(
                f"registered images must be of one size, got colour {color.width_px}x{color.height_px} "
                f"and depth {depth.width_px}x{depth.height_px}"
            )
        self._x_px, self._y_px = every_pixel(color)
        self._ray_x, self._ray_y = rays(color, self._x_px, self._y_px)

    def map(self, depth_mm: U16, region: _Region, step_px: float) -> tuple[F32, F32]:
        del step_px
        part = (slice(region.top, region.bottom + 1), slice(region.left, region.right + 1))
        ray_x, ray_y = self._ray_x[part], self._ray_y[part]
        z = depth_mm[part].astype(np.float32)
        z[np.isnan(ray_x)] = 0
        xyz = np.stack((ray_x * z, ray_y * z, z), axis=2)
        xyz[z == 0] = np.nan
        return z, xyz

    def landed(self, part: Part, depth_mm: F32) -> tuple[F32, F32, F32]:
        return self._x_px[part], self._y_px[part], depth_mm


class _Scattered:
    """Forward mapping with a depth buffer."""

    def __init__(self, calibration: Calibration, projection: Projection) -> None:
        self._color = calibration.color
        self._projection = projection
        shape = (calibration.depth.height_px, calibration.depth.width_px)
        self._rows, self._columns = (np.unique(np.append(np.arange(0, n, _LATTICE_PX), n - 1)) for n in shape)
        whole = (slice(None), slice(None))
        ends = [projection.land(whole, np.full(shape, z, np.float32)) for z in (_NEAREST_MM, _FARTHEST_MM)]
        lattice = np.ix_(self._rows, self._columns)
        corners = [np.stack((np.broadcast_to(end.x_px, shape)[lattice], end.y_px[lattice])) for end in ends]
        self._low, self._high = np.minimum(*corners), np.maximum(*corners)  # [2 (x, y), lattice rows and columns]

    def map(self, depth_mm: U16, region: _Region, step_px: float) -> tuple[F32, F32]:
        part = self._needed(region)
        landed = self._projection.land(part, depth_mm[part].astype(np.float32))
        if landed.z_mm.size == 0:
            return _nothing(region.shape(step_px))
        column = (landed.x_px - np.float32(region.left)) * np.float32(1 / step_px)
        row = (landed.y_px - np.float32(region.top)) * np.float32(1 / step_px)
        nowhere = ~(landed.z_mm > 0)
        np.copyto(column, np.inf, where=nowhere)
        np.copyto(row, np.inf, where=nowhere)
        z, owner = nearest_readings(column, row, landed.z_mm, region.shape(step_px))
        close_seams(z, owner, complete_neighbourhoods(depth_mm[part]))
        ray_x, ray_y = rays(self._color, landed.x_px.take(owner), landed.y_px.take(owner))
        missing = np.isinf(z)
        z[missing] = np.nan
        xyz = np.empty((*z.shape, 3), np.float32)
        np.multiply(ray_x, z, out=xyz[..., 0])
        np.multiply(ray_y, z, out=xyz[..., 1])
        xyz[..., 2] = z
        z[missing] = 0
        return z, xyz

    def landed(self, part: Part, depth_mm: F32) -> tuple[F32, F32, F32]:
        found = self._projection.land(part, depth_mm)
        return found.x_px, found.y_px, found.z_mm

    def _needed(self, region: _Region) -> Part:
        """Return the part of the depth image whose readings may fall into the region, at whatever distance."""
        edge = np.array(((region.left, region.right), (region.top, region.bottom)), np.float32)[:, :, None, None]
        inside = ((self._high >= edge[:, 0]) & (self._low <= edge[:, 1])).all(axis=0)
        return _span(inside.any(axis=1), self._rows), _span(inside.any(axis=0), self._columns)


def _span(hit: _Bool, positions: _Index) -> slice:
    """Return the pixels that may be hit, one lattice step wider than the lattice says."""
    found = np.flatnonzero(hit)
    if len(found) == 0:
        return slice(0, 0)
    return slice(int(positions[max(0, found[0] - 1)]), int(positions[min(len(positions) - 1, found[-1] + 1)]) + 1)
