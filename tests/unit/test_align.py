"""Alignment against the published formulas, written again here with plain loops."""

from functools import cache
from math import floor, isfinite

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kinect_unlock.align import Aligner, FaceDepth, align_face, register_full
from kinect_unlock.arrays import U16
from kinect_unlock.frames import Calibration, DepthToColor, Extrinsic, Intrinsics, KinectV2Polynomial, Registered
from kinect_unlock.observations import Box

DEPTH_W, DEPTH_H = 40, 30
COLOR_W, COLOR_H = 120, 90
DEPTH = Intrinsics(DEPTH_W, DEPTH_H, 30.0, 30.0, 19.3, 14.8)
BENT = Intrinsics(DEPTH_W, DEPTH_H, 30.0, 30.0, 19.3, 14.8, k1=0.09, k2=-0.12, k3=0.03, p1=0.002, p2=-0.003)
COLOR = Intrinsics(COLOR_W, COLOR_H, 90.0, 90.0, 58.1, 44.2)
BENT_COLOR = Intrinsics(COLOR_W, COLOR_H, 90.0, 90.0, 58.1, 44.2, k1=0.05, k2=-0.04, p1=0.001, p2=-0.001)
ANGLE = 0.03
TURN = Extrinsic(
    np.array([[np.cos(ANGLE), 0.0, np.sin(ANGLE)], [0.0, 1.0, 0.0], [-np.sin(ANGLE), 0.0, np.cos(ANGLE)]]),
    np.array([40.0, 6.0, -3.0]),
)
# 90 / 30 colour pixels a depth pixel: the linear coefficients are 3 * 0.002199 / 0.01, the cubic ones bend the corners
FACTORY = KinectV2Polynomial(
    fx_px=90.0,
    fy_px=90.0,
    cx_px=58.1,
    cy_px=44.2,
    shift_d=900.0,
    shift_m=40.0,
    mx=(0.02, 0.001, 0.003, 0.01, -0.004, 0.002, 0.01, 0.6597, 0.004, 0.01),
    my=(0.001, 0.03, 0.01, 0.002, 0.003, -0.005, 0.002, -0.003, 0.6597, 0.006),
)
MAPPINGS = [
    pytest.param(Calibration(COLOR, DEPTH, FACTORY), id="factory"),
    pytest.param(Calibration(COLOR, BENT, FACTORY), id="factory-bent-lens"),
    pytest.param(Calibration(COLOR, DEPTH, TURN), id="extrinsic"),
    pytest.param(Calibration(BENT_COLOR, BENT, TURN), id="extrinsic-bent-lenses"),
]
EVERYWHERE = Box(0.0, 0.0, float(COLOR_W), float(COLOR_H))


def plain_distort(lens: Intrinsics, x: float, y: float) -> tuple[float, float]:
    r2 = x**2 + y**2
    radial = 1 + lens.k1 * r2 + lens.k2 * r2**2 + lens.k3 * r2**3
    return (
        x * radial + 2 * lens.p1 * x * y + lens.p2 * (r2 + 2 * x**2),
        y * radial + lens.p1 * (r2 + 2 * y**2) + 2 * lens.p2 * x * y,
    )


@cache
def plain_ray(lens: Intrinsics, column: float, row: float) -> tuple[float, float]:
    """Undo the lens by damped steps; a different road to the same place than the product's."""
    goal_x, goal_y = (column - lens.cx_px) / lens.fx_px, (row - lens.cy_px) / lens.fy_px
    x, y = goal_x, goal_y
    for _ in range(100):
        at_x, at_y = plain_distort(lens, x, y)
        x, y = x + 0.5 * (goal_x - at_x), y + 0.5 * (goal_y - at_y)
    return x, y


def plain_landing(calibration: Calibration, column: int, row: int, z: float) -> tuple[float, float, float]:
    """Colour x, colour y and depth along the colour axis of one reading, by the published formulas."""
    x, y = plain_ray(calibration.depth, column, row)
    match calibration.depth_to_color:
        case KinectV2Polynomial() as factory:
            u, v = x * calibration.depth.fx_px * 0.01, y * calibration.depth.fy_px * 0.01
            monomials = (u**3, v**3, u**2 * v, u * v**2, u**2, v**2, u * v, u, v, 1.0)
            wx = sum(c * m for c, m in zip(factory.mx, monomials, strict=True))
            wy = sum(c * m for c, m in zip(factory.my, monomials, strict=True))
            map_x = wx / (factory.fx_px * 0.002199) - factory.shift_m / factory.shift_d
            return (
                (map_x + factory.shift_m / z) * factory.fx_px + factory.cx_px,
                wy / 0.002199 + factory.cy_px,
                z,
            )
        case Extrinsic() as extrinsic:
            point = (x * z, y * z, z)
            cx, cy, cz = (
                sum(extrinsic.rotation[i, j] * point[j] for j in range(3)) + extrinsic.translation_mm[i]
                for i in range(3)
            )
            px, py = plain_distort(calibration.color, cx / cz, cy / cz)
            color = calibration.color
            return px * color.fx_px + color.cx_px, py * color.fy_px + color.cy_px, cz
        case Registered():
            return float(column), float(row), z


def plain_buffer(
    depth: U16, calibration: Calibration, grid: FaceDepth
) -> tuple[dict[tuple[int, int], float], set[tuple[int, int]]]:
    """The nearest reading of each cell, and the cells so near a reading's rounding edge that either side is right."""
    nearest: dict[tuple[int, int], float] = {}
    unsure: set[tuple[int, int]] = set()
    rows, columns = grid.depth_mm.shape
    for row in range(depth.shape[0]):
        for column in range(depth.shape[1]):
            if depth[row, column] == 0:
                continue
            x, y, z = plain_landing(calibration, column, row, float(depth[row, column]))
            across, down = (x - grid.x0_px) / grid.step_px + 0.5, (y - grid.y0_px) / grid.step_px + 0.5
            if not (-1 <= across <= columns + 1 and -1 <= down <= rows + 1):
                continue
            near = {(floor(down + j), floor(across + i)) for i in (-1e-3, 1e-3) for j in (-1e-3, 1e-3)}
            if len(near) > 1:
                unsure |= near
            cell = (floor(down), floor(across))
            nearest[cell] = min(nearest.get(cell, np.inf), z)
    inside = {cell: z for cell, z in nearest.items() if 0 <= cell[0] < rows and 0 <= cell[1] < columns}
    return inside, unsure


def kinect(z_mm: float, color: Intrinsics = COLOR, mapping: DepthToColor = FACTORY) -> tuple[Calibration, U16]:
    return Calibration(color, DEPTH, mapping), np.full((DEPTH_H, DEPTH_W), z_mm, np.uint16)


depth_images = arrays(
    np.uint16,
    (DEPTH_H, DEPTH_W),
    elements=st.one_of(st.just(0), st.sampled_from((700, 705, 712, 900, 1500)), st.integers(450, 4000)),
    fill=st.just(800),
)


def wall_with(readings_mm: dict[tuple[int, int], int]) -> U16:
    """A wall at 800 mm with other readings at some (row, column)."""
    depth = np.full((DEPTH_H, DEPTH_W), 800, np.uint16)
    for place, reading_mm in readings_mm.items():
        depth[place] = reading_mm
    return depth


# A seam closed along its row with the wall's reading, before that reading's own cell was closed along its column.
CLOSED_TWICE = wall_with({(24, 33): 600, (25, 32): 900, (26, 33): 600})


@pytest.mark.parametrize("calibration", MAPPINGS)
@settings(max_examples=8, deadline=None)
@given(depth=depth_images)
@example(depth=CLOSED_TWICE)
def test_each_cell_holds_the_nearest_reading_that_the_plain_formula_puts_there(
    calibration: Calibration, depth: U16
) -> None:
    grid = Aligner(calibration).face(depth, EVERYWHERE, margin=0.0)
    expected, unsure = plain_buffer(depth, calibration, grid)
    rows, columns = grid.depth_mm.shape
    compared = 0
    for row in range(rows):
        for column in range(columns):
            if (row, column) in unsure:
                continue
            compared += 1
            found, wanted = float(grid.depth_mm[row, column]), expected.get((row, column), 0.0)
            if abs(found - wanted) < 0.05:
                continue
            # Otherwise a seam was closed: with what is beside it, and only where something farther, or nothing, was.
            # Rows come first: what fell beside it in its row may since have been closed over along its own column.
            beside = [expected.get((row, column + i), 0.0) for i in (-1, 1)] + [
                float(grid.depth_mm[row + j, column + i])
                for i, j in ((-1, 0), (1, 0), (0, -1), (0, 1))
                if 0 <= row + j < rows and 0 <= column + i < columns
            ]
            assert found > 0
            assert wanted == 0 or wanted > found + 24.9
            assert min(abs(found - other) for other in beside) < 0.05
    assert compared > 0.9 * rows * columns


@pytest.mark.parametrize("calibration", MAPPINGS)
def test_points_stand_where_the_colour_camera_sees_them(calibration: Calibration) -> None:
    depth = np.fromfunction(lambda r, c: 800 + 3 * c + 2 * r, (DEPTH_H, DEPTH_W)).astype(np.uint16)
    grid = register_full(depth, calibration)
    color = calibration.color
    worst = 0.0
    for row, column in np.argwhere(grid.depth_mm > 0):
        x, y, z = (float(n) for n in grid.xyz_mm[row, column])
        assert z == grid.depth_mm[row, column]
        px, py = plain_distort(color, x / z, y / z)
        away_x = px * color.fx_px + color.cx_px - (grid.x0_px + column * grid.step_px)
        away_y = py * color.fy_px + color.cy_px - (grid.y0_px + row * grid.step_px)
        worst = max(worst, abs(away_x), abs(away_y))
    assert worst < 1.6 * grid.step_px  # half a cell, or from the next one where a seam was closed


def test_pixels_whose_distortion_cannot_be_undone_give_no_reading() -> None:
    lens = Intrinsics(DEPTH_W, DEPTH_H, 12.0, 12.0, 19.3, 14.8, k1=-0.5)
    grid = register_full(np.full((DEPTH_H, DEPTH_W), 900, np.uint16), Calibration(COLOR, lens, FACTORY))
    assert np.isfinite(grid.depth_mm).all()


@pytest.mark.parametrize("mapping", [FACTORY, TURN])
def test_a_near_surface_hides_what_is_behind_it_and_casts_an_empty_shadow(mapping: DepthToColor) -> None:
    calibration, depth = kinect(3000, mapping=mapping)
    depth = depth.copy()
    depth[8:22, 14:26] = 600
    grid = register_full(depth, calibration)
    near = grid.depth_mm[:, :] < 900
    rows, columns = np.nonzero(near & (grid.depth_mm > 0))
    block = grid.depth_mm[rows.min() + 1 : rows.max(), columns.min() + 1 : columns.max()]
    assert ((block > 500) & (block < 700)).all()
    middle = grid.depth_mm[(rows.min() + rows.max()) // 2]
    assert (middle[columns.min() - 2 : columns.min()] == 0).any()  # seen by the depth camera alone on the far side


@pytest.mark.parametrize("calibration", MAPPINGS)
@pytest.mark.parametrize("slope", [-18, -9, 9, 18])
def test_a_steep_surface_has_no_seams(calibration: Calibration, slope: int) -> None:
    depth = np.fromfunction(lambda _, c: 900 + slope * (c - 20), (DEPTH_H, DEPTH_W)).astype(np.uint16)
    grid = register_full(depth, calibration).depth_mm
    rows, columns = grid.shape
    inner = grid[rows // 4 : -rows // 4, columns // 3 : -columns // 3]
    assert (inner > 0).all()


@pytest.mark.parametrize("calibration", MAPPINGS)
def test_holes_of_the_sensor_stay_holes(calibration: Calibration) -> None:
    depth = np.full((DEPTH_H, DEPTH_W), 900, np.uint16)
    depth[13:16, 18:21] = 0
    x, y, _ = plain_landing(calibration, 19, 14, 900.0)
    grid = register_full(depth, calibration)
    column, row = (round(float(n)) for n in grid.cells(np.array((x, y))))
    assert grid.depth_mm[row, column] == 0
    assert np.isnan(grid.xyz_mm[row, column]).all()
    assert 5 <= (grid.depth_mm[row - 3 : row + 4, column - 3 : column + 4] == 0).sum() <= 20


@pytest.mark.parametrize("calibration", MAPPINGS)
def test_no_readings_give_an_empty_grid_and_no_warning(calibration: Calibration) -> None:
    grid = align_face(np.zeros((DEPTH_H, DEPTH_W), np.uint16), calibration, Box(40, 30, 20, 20))
    assert grid.depth_mm.shape[0] > 0
    assert (grid.depth_mm == 0).all()
    assert np.isnan(grid.xyz_mm).all()


def test_one_grid_for_both_images_is_cut_out_unchanged() -> None:
    camera = Intrinsics(DEPTH_W, DEPTH_H, 30.0, 31.0, 19.3, 14.8)
    depth = np.random.default_rng(3).integers(0, 3000, (DEPTH_H, DEPTH_W)).astype(np.uint16)
    depth[depth < 500] = 0
    grid = align_face(depth, Calibration(camera, camera, Registered()), Box(10, 8, 10, 10), margin=0.5)
    assert (grid.x0_px, grid.y0_px, grid.step_px) == (5.0, 3.0, 1.0)
    assert np.array_equal(grid.depth_mm, depth[3:24, 5:26])
    row, column = 7, 9
    z = float(depth[10, 14]) or np.nan
    expected = ((14 - 19.3) / 30.0 * z, (10 - 14.8) / 31.0 * z, z)
    assert grid.xyz_mm[row, column] == pytest.approx(expected, rel=1e-5, nan_ok=True)
    assert np.array_equal(np.isnan(grid.xyz_mm[..., 2]), grid.depth_mm == 0)


@pytest.mark.parametrize("calibration", [*MAPPINGS, pytest.param(Calibration(DEPTH, DEPTH, Registered()), id="same")])
@pytest.mark.parametrize(
    "box",
    [
        Box(-500, 10, 20, 20),
        Box(10, 5000, 20, 20),
        Box(-10, -10, 30, 30),
        Box(100, 80, 300, 300),
        Box(20, 20, 0, 0),
        Box(20.4, 20.6, 1, 1),
        Box(-1e7, -1e7, 2e7, 2e7),
    ],
)
def test_a_box_anywhere_gives_a_grid_inside_the_image(calibration: Calibration, box: Box) -> None:
    depth = np.full((DEPTH_H, DEPTH_W), 900, np.uint16)
    grid = align_face(depth, calibration, box)
    rows, columns = grid.depth_mm.shape
    assert grid.xyz_mm.shape == (rows, columns, 3)
    assert np.isfinite(grid.depth_mm).all()
    if rows and columns:
        assert grid.x0_px >= 0
        assert grid.y0_px >= 0
        assert grid.x0_px + (columns - 1) * grid.step_px <= calibration.color.width_px - 1
        assert grid.y0_px + (rows - 1) * grid.step_px <= calibration.color.height_px - 1


@settings(max_examples=40, deadline=None)
@given(
    depth=depth_images,
    x=st.floats(-80, 200),
    y=st.floats(-80, 200),
    width=st.floats(0, 150),
    height=st.floats(0, 150),
    which=st.sampled_from([parameter.values[0] for parameter in MAPPINGS]),
)
def test_whatever_comes_in_depth_is_finite_and_agrees_with_the_points(
    depth: U16, x: float, y: float, width: float, height: float, which: Calibration
) -> None:
    grid = align_face(depth, which, Box(x, y, width, height))
    assert np.isfinite(grid.depth_mm).all()
    assert (grid.depth_mm >= 0).all()
    seen = grid.depth_mm > 0
    assert np.isfinite(grid.xyz_mm[seen]).all()
    assert np.isnan(grid.xyz_mm[~seen]).all()


def test_cells_and_pixels_agree() -> None:
    grid = FaceDepth(np.zeros((4, 5), np.float32), np.zeros((4, 5, 3), np.float32), 30.0, 12.0, 3.0)
    assert grid.cells(np.array([[30.0, 12.0], [36.0, 16.5]])).tolist() == [[0.0, 0.0], [2.0, 1.5]]


def test_a_depth_image_of_another_size_is_refused() -> None:
    calibration, _ = kinect(900)
    with pytest.raises(ValueError, match=r"depth image is \(10, 10\), the calibration is for \(30, 40\)"):
        align_face(np.zeros((10, 10), np.uint16), calibration, EVERYWHERE)


def test_registered_images_of_two_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="registered images must be of one size"):
        Aligner(Calibration(COLOR, DEPTH, Registered()))


def test_the_grid_is_about_as_fine_as_the_depth_image() -> None:
    calibration, depth = kinect(900)
    grid = register_full(depth, calibration)
    assert grid.step_px == 3.0
    assert grid.depth_mm.shape == (30, 40)
    assert isfinite(grid.depth_mm.max())


def test_results_are_read_only() -> None:
    calibration, depth = kinect(900)
    grid = register_full(depth, calibration)
    with pytest.raises(ValueError, match="read-only"):
        grid.depth_mm[0, 0] = 1
