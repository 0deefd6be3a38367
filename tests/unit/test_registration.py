"""A Kinect v2's own registration, written out again as libfreenect2 publishes it, against `kinect_unlock.align`.

libfreenect2 goes backwards: for each pixel of an *undistorted* depth image it looks up the nearest pixel of the
distorted one, and gives that reading the colour pixel of the undistorted position. Ours goes forwards: each reading
of the distorted image is laid where its own undistorted position falls. The formula is one; what is rounded differs:

* libfreenect2 rounds the place a reading comes from (half a depth pixel: 1.5 colour pixels in the middle, 2.7 in the
  corners, where the lens packs more of the room into a pixel), the colour row and the colour column to whole pixels;
* ours rounds once, the place a reading falls to, to a cell of the grid (2.96 colour pixels wide).

So libfreenect2's colour pixel of a reading and ours lie up to 2 pixels apart, 3.2 in the corners, and 0.06 on average.
"""

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from kinect_unlock.align import Aligner, FaceDepth
from kinect_unlock.arrays import F64, U16
from kinect_unlock.frames import Calibration, Intrinsics, KinectV2Polynomial
from kinect_unlock.observations import Box
from kinect_unlock.sources.kinect_v2_frames import mirrored

DEPTH_Q, COLOR_Q = 0.01, 0.002199
RAW = Calibration(
    color=Intrinsics(1920, 1080, 1081.37, 1081.37, 959.5, 539.5),
    depth=Intrinsics(512, 424, 365.4, 365.4, 260.9, 205.6, k1=0.0956, k2=-0.277, k3=0.0975, p1=0.0004, p2=-0.0003),
    depth_to_color=KinectV2Polynomial(
        fx_px=1081.37,
        fy_px=1081.37,
        cx_px=959.5,
        cy_px=539.5,
        shift_d=863.0,
        shift_m=52.0,
        mx=(4.5e-4, 1.9e-5, 4.8e-5, 3.5e-4, -2.4e-5, -1.2e-5, 9.9e-4, 0.6506, 0.0021, 0.1433),
        my=(4.4e-6, 7.2e-4, 4.0e-4, 4.9e-5, 1.4e-4, 1.07e-3, -1.8e-5, -0.0024, 0.6501, 0.0062),
    ),
)
BOTH = [pytest.param(RAW, id="as-the-driver-gives"), pytest.param(mirrored(RAW), id="upright")]
FACE = Box(820.0, 380.0, 260.0, 320.0)


def distort(lens: Intrinsics, x: F64, y: F64) -> tuple[F64, F64]:
    """Published: where the lens puts what an ideal one would put at (x, y); depth pixels."""
    dx, dy = (x - lens.cx_px) / lens.fx_px, (y - lens.cy_px) / lens.fy_px
    r2 = dx**2 + dy**2
    kr = 1 + ((lens.k3 * r2 + lens.k2) * r2 + lens.k1) * r2
    return (
        lens.fx_px * (dx * kr + lens.p2 * (r2 + 2 * dx**2) + lens.p1 * 2 * dx * dy) + lens.cx_px,
        lens.fy_px * (dy * kr + lens.p1 * (r2 + 2 * dy**2) + lens.p2 * 2 * dx * dy) + lens.cy_px,
    )


def undistort(lens: Intrinsics, x: F64, y: F64) -> tuple[F64, F64]:
    """The inverse, by Newton's method with differences: another road than the product's."""
    at_x, at_y, step = x.copy(), y.copy(), 1e-4
    for _ in range(30):
        miss_x, miss_y = (found - goal for found, goal in zip(distort(lens, at_x, at_y), (x, y), strict=True))
        right_x, right_y = distort(lens, at_x + step, at_y)
        down_x, down_y = distort(lens, at_x, at_y + step)
        here_x, here_y = distort(lens, at_x, at_y)
        xx, yx = (right_x - here_x) / step, (right_y - here_y) / step
        xy, yy = (down_x - here_x) / step, (down_y - here_y) / step
        scale = 1 / (xx * yy - xy * yx)
        at_x = at_x - scale * (yy * miss_x - xy * miss_y)
        at_y = at_y - scale * (xx * miss_y - yx * miss_x)
    return at_x, at_y


def color_px(calibration: Calibration, x: F64, y: F64, z_mm: F64) -> tuple[F64, F64]:
    """Published: where the reading at the undistorted depth pixel (x, y) falls in colour, before any rounding."""
    factory = calibration.depth_to_color
    assert isinstance(factory, KinectV2Polynomial)
    u, v = (x - calibration.depth.cx_px) * DEPTH_Q, (y - calibration.depth.cy_px) * DEPTH_Q
    terms = (u**3, v**3, u * u * v, v * v * u, u * u, v * v, u * v, u, v, np.ones_like(u))
    wx: F64 = sum((c * term for c, term in zip(factory.mx, terms, strict=True)), np.zeros_like(u))
    wy: F64 = sum((c * term for c, term in zip(factory.my, terms, strict=True)), np.zeros_like(u))
    map_x = wx / (factory.fx_px * COLOR_Q) - factory.shift_m / factory.shift_d
    return (map_x + factory.shift_m / z_mm) * factory.fx_px + factory.cx_px, wy / COLOR_Q + factory.cy_px


def every_pixel() -> tuple[F64, F64]:
    y, x = np.mgrid[0:424, 0:512].astype(np.float64)
    return x, y


@cache
def scene() -> U16:
    """A wall with a ball before it, noise, and holes; millimetres."""
    x, y = every_pixel()
    wall = 1500 + 0.8 * (x - 256) + 0.3 * (y - 212)
    bulge = 80.0**2 - (x - 250) ** 2 - (y - 220) ** 2
    depth = np.where(bulge > 0, 800 - 1.5 * np.sqrt(np.maximum(bulge, 0)), wall)
    rng = np.random.default_rng(11)
    depth = depth + rng.normal(0, 1.5, depth.shape)
    depth[rng.random(depth.shape) < 0.01] = 0
    return np.rint(depth).astype(np.uint16)


@pytest.mark.parametrize("calibration", BOTH)
def test_each_reading_falls_where_the_published_formula_puts_it(calibration: Calibration) -> None:
    depth = scene()
    found_x, found_y, found_z = Aligner(calibration).landed(depth, 1)
    x, y = undistort(calibration.depth, *every_pixel())
    back_x, back_y = distort(calibration.depth, x, y)
    assert max(np.abs(back_x - every_pixel()[0]).max(), np.abs(back_y - every_pixel()[1]).max()) < 1e-6
    read = depth > 0
    expected_x, expected_y = color_px(calibration, x, y, np.where(read, depth, 1.0))
    assert np.array_equal(found_z, depth.astype(np.float32))
    assert np.abs(found_x - expected_x)[read].max() < 0.01  # of 1920 columns
    assert np.abs(found_y - expected_y)[read].max() < 0.01


@pytest.mark.parametrize("calibration", BOTH)
def test_libfreenect2s_own_maps_differ_by_their_rounding_alone(calibration: Calibration) -> None:
    depth = scene()
    x, y = every_pixel()
    source_x, source_y = distort(calibration.depth, x, y)
    # Published: (int)(x + 0.5), with -1 for what lies outside.
    whole_x, whole_y = np.trunc(source_x + 0.5).astype(int), np.trunc(source_y + 0.5).astype(int)
    inside = (whole_x >= 0) & (whole_x < 512) & (whole_y >= 0) & (whole_y < 424)
    assert inside.mean() > 0.9
    whole_x, whole_y = whole_x[inside], whole_y[inside]
    z_mm = depth[whole_y, whole_x].astype(np.float64)
    read = z_mm > 0
    published_x, published_y = color_px(calibration, x[inside], y[inside], np.where(read, z_mm, 1.0))
    ours_x, ours_y, _ = Aligner(calibration).landed(depth, 1)
    # (int)(rx + 0.5) for the column, (int)(ry + 0.5) for the row
    away_x = (np.trunc(published_x + 0.5) - ours_x[whole_y, whole_x])[read]
    away_y = (np.trunc(published_y + 0.5) - ours_y[whole_y, whole_x])[read]
    middle = (np.hypot(whole_x - 256, whole_y - 212) < 150)[read]
    for away in (away_x, away_y):
        assert np.abs(away[middle]).max() < 2.05  # half of a depth pixel's 3 colour pixels, and half a colour pixel
        assert np.abs(away).max() < 3.25
        assert abs(away.mean()) < 0.1
    # The place a reading comes from is the only other thing that is rounded: without that, nothing is left.
    exact_x, exact_y = undistort(calibration.depth, whole_x.astype(np.float64), whole_y.astype(np.float64))
    same_x, same_y = color_px(calibration, exact_x, exact_y, np.where(read, z_mm, 1.0))
    assert np.abs(same_x - ours_x[whole_y, whole_x])[read].max() < 0.01
    assert np.abs(same_y - ours_y[whole_y, whole_x])[read].max() < 0.01


def nearest_in_cells(calibration: Calibration, depth: U16, grid: FaceDepth) -> tuple[F64, NDArray[np.bool_]]:
    """The nearest published reading of each cell (inf: none), and the cells within 0.01 pixels of a rounding edge."""
    x, y = undistort(calibration.depth, *every_pixel())
    read = depth > 0
    at_x, at_y = color_px(calibration, x[read], y[read], depth[read].astype(np.float64))
    shape = grid.depth_mm.shape
    nearest, unsure = np.full(shape, np.inf), np.zeros(shape, bool)
    edge = 0.01 / grid.step_px
    column, row = (at_x - grid.x0_px) / grid.step_px + 0.5, (at_y - grid.y0_px) / grid.step_px + 0.5
    near = (np.abs(column - np.rint(column)) < edge) | (np.abs(row - np.rint(row)) < edge)
    for shift_x, shift_y in ((0.0, 0.0), (-edge, -edge), (edge, edge), (-edge, edge), (edge, -edge)):
        cells = np.floor(np.stack((row + shift_y, column + shift_x))).astype(int)
        fits = (cells >= 0).all(axis=0) & (cells[0] < shape[0]) & (cells[1] < shape[1])
        if shift_x == shift_y == 0.0:
            np.minimum.at(nearest, tuple(cells[:, fits]), depth[read][fits].astype(np.float64))
        unsure[tuple(cells[:, fits & near])] = True
    return nearest, unsure


@pytest.mark.parametrize("calibration", BOTH)
@pytest.mark.parametrize("part", ["face", "full"])
def test_a_grid_holds_the_nearest_published_reading_of_each_cell(calibration: Calibration, part: str) -> None:
    depth, aligner = scene(), Aligner(calibration)
    grid = aligner.face(depth, FACE) if part == "face" else aligner.full(depth)
    nearest, unsure = nearest_in_cells(calibration, depth, grid)
    wanted = np.where(np.isinf(nearest), 0.0, nearest)
    same = np.abs(grid.depth_mm - wanted) < 0.5
    judged = ~unsure
    assert judged.mean() > 0.95
    # What is otherwise had its seam closed: nothing, or something well behind, shone through between two neighbours.
    closed = judged & ~same
    assert closed.sum() < 0.1 * judged.sum()
    assert (grid.depth_mm[closed] > 0).all()
    assert (nearest[closed] > grid.depth_mm[closed] + 24.9).all()
    filled = grid.depth_mm > 0
    assert filled.mean() > 0.5
