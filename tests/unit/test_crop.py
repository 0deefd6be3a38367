"""The tensor against plain formulas: complex numbers for the transform, loops for the depth plane."""

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kinect_unlock.align import FaceDepth
from kinect_unlock.arrays import F32, F64, U8
from kinect_unlock.crop import (
    NO_DEPTH,
    SHARP,
    TEMPLATE_PX,
    DepthChannel,
    face_ellipse,
    face_tensor,
    sharpness,
    similarity,
    with_frontal,
)
from kinect_unlock.frontalise import HOLE_MM, Frontal
from kinect_unlock.observations import Box, Detection, FaceTensor
from kinect_unlock.pose import Placement

FX = 365.0


def detection(landmarks: F32 | F64) -> Detection:
    x, y = landmarks.min(axis=0)
    width, height = np.ptp(landmarks, axis=0)
    return Detection(Box(float(x), float(y), float(width), float(height)), 0.9, landmarks.astype(np.float32))


def grid(depth: F32 | F64, *, x0: float = 0.0, y0: float = 0.0, step: float = 1.0) -> FaceDepth:
    """A grid with pinhole points about the middle of the image."""
    z = depth.astype(np.float32)
    row, column = np.mgrid[0 : z.shape[0], 0 : z.shape[1]].astype(np.float32)
    seen = np.where(z > 0, z, np.float32(np.nan))
    x, y = (x0 + step * column - 100) / FX, (y0 + step * row - 100) / FX
    return FaceDepth(z, np.stack((x * seen, y * seen, seen), axis=2).astype(np.float32), x0, y0, step)


def upright(scale: float = 1.0, x: float = 100.0, y: float = 100.0) -> F32:
    return ((TEMPLATE_PX - 56) * scale + (x, y)).astype(np.float32)


def tensor(depth: FaceDepth, landmarks: F32 | None = None, color: U8 | None = None) -> FaceTensor:
    image = np.full((200, 200, 3), 90, np.uint8) if color is None else color
    return face_tensor(
        image, detection(upright() if landmarks is None else landmarks), depth, contract=DepthChannel.REGISTERED
    )


coordinates = st.floats(-500, 500, width=32)


@given(arrays(np.float32, (5, 2), elements=coordinates))
def test_the_transform_is_the_least_squares_one(landmarks: F32) -> None:
    points = [complex(*pair) for pair in landmarks.astype(float)]
    goals = [complex(*pair) for pair in TEMPLATE_PX]
    middle, goal = sum(points) / 5, sum(goals) / 5
    spread = sum(abs(point - middle) ** 2 for point in points)
    assume(spread > 1)
    turn = sum((q - goal) * (p - middle).conjugate() for p, q in zip(points, goals, strict=True)) / spread
    transform = similarity(landmarks)
    for probe in (*points, 0, 100j):
        expected = turn * (probe - middle) + goal
        found = transform @ (probe.real, probe.imag, 1.0)
        assert complex(*found) == pytest.approx(expected, abs=1e-5)


@given(st.floats(0.05, 20), st.floats(-180, 180), st.floats(-300, 300), st.floats(-300, 300))
def test_a_turned_scaled_moved_template_is_brought_back(scale: float, turn_deg: float, x: float, y: float) -> None:
    turn = np.exp(1j * np.radians(turn_deg)) * scale
    moved = (TEMPLATE_PX[:, 0] + 1j * TEMPLATE_PX[:, 1]) * turn + complex(x, y)
    transform = similarity(np.column_stack((moved.real, moved.imag)).astype(np.float32))
    back = np.column_stack((moved.real, moved.imag, np.ones(5))) @ transform.T
    assert np.abs(back - TEMPLATE_PX).max() < 1e-2
    assert np.linalg.det(transform[:, :2]) > 0


def test_a_mirrored_face_is_never_mirrored_back() -> None:
    mirrored = upright()
    mirrored[:, 0] *= -1
    assert np.linalg.det(similarity(mirrored)[:, :2]) >= 0


@pytest.mark.parametrize("landmarks", [np.full((5, 2), 7.0, np.float32), np.full((5, 2), np.nan, np.float32)])
def test_landmarks_that_coincide_are_refused(landmarks: F32) -> None:
    with pytest.raises(ValueError, match="landmarks coincide"):
        similarity(landmarks)


def test_colour_is_cut_out_as_red_green_blue() -> None:
    color = np.zeros((200, 200, 3), np.uint8)
    color[..., 0], color[..., 1], color[..., 2] = 200, np.arange(200)[:, None], np.arange(200)
    data = tensor(grid(np.full((200, 200), 800.0)), color=color).data
    assert np.allclose(data[0], 200)
    assert np.abs(data[1] - (np.arange(112)[:, None] + 44)).max() <= 1
    assert np.abs(data[2] - (np.arange(112)[None, :] + 44)).max() <= 1


def tilted(a: float, b: float, c_mm: float) -> F64:
    """Depth image of the plane z = a x + b y + c seen by the pinhole of `grid`."""
    row, column = np.mgrid[0:200, 0:200]
    depth: F64 = c_mm / (1 - a * (column - 100) / FX - b * (row - 100) / FX)
    return depth


@given(st.floats(-0.8, 0.8), st.floats(-0.8, 0.8), st.floats(450, 1400))
@settings(max_examples=25, deadline=None)
def test_a_plane_is_flat_however_it_is_tilted(a: float, b: float, distance_mm: float) -> None:
    plane = tensor(grid(tilted(a, b, distance_mm))).data[3]
    assert np.abs(plane[face_ellipse()]).max() < 0.01


@pytest.mark.parametrize(("bump_mm", "expected"), [(20.0, 20 / 70), (-30.0, -30 / 70), (200.0, 1.0), (-300.0, -1.0)])
def test_what_stands_out_of_the_plane_is_positive_towards_the_camera_and_clipped(
    bump_mm: float, expected: float
) -> None:
    depth = np.full((200, 200), 800.0)
    depth[108:118, 95:105] -= bump_mm
    plane = tensor(grid(depth)).data[3]
    assert plane[68, 56] == pytest.approx(expected, abs=0.01)
    assert plane[40, 56] == pytest.approx(0, abs=0.01)


def test_a_third_of_background_in_the_ellipse_does_not_move_the_plane() -> None:
    depth = np.full((200, 200), 800.0)
    depth[:, 118:] = 2000.0
    plane = tensor(grid(depth)).data[3]
    assert plane[68, 40] == pytest.approx(0, abs=0.02)
    assert plane[68, 90] == -1


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    scale=st.floats(0.4, 1.5),  # wider, and the grid covers too little of the tensor to fit a plane
    turn_deg=st.floats(-40, 40),
    step=st.sampled_from((1.0, 1.5, 3.0)),
)
def test_depth_is_taken_from_the_nearest_cell_and_never_blended(
    seed: int, scale: float, turn_deg: float, step: float
) -> None:
    rng = np.random.default_rng(seed)
    depth = rng.choice((0, 700, 720, 900), (70, 80)).astype(np.float32)
    cells = grid(depth, x0=20.0, y0=31.0, step=step)
    turn = np.exp(1j * np.radians(turn_deg)) * scale
    moved = (TEMPLATE_PX[:, 0] - 56 + 1j * (TEMPLATE_PX[:, 1] - 56)) * turn + complex(90, 95)
    found = tensor(cells, np.column_stack((moved.real, moved.imag)).astype(np.float32))
    back = np.linalg.inv(np.vstack((found.transform, (0, 0, 1))))
    taken: dict[tuple[int, int], set[float]] = {}
    for row in range(0, 112, 3):
        for column in range(0, 112, 3):
            x, y = (float(n) for n in (back @ (column, row, 1))[:2])
            across, down = (x - cells.x0_px) / step, (y - cells.y0_px) / step
            if abs(across % 1 - 0.5) < 0.05 or abs(down % 1 - 0.5) < 0.05:
                continue  # as near to one cell as to the next
            at_row, at_column = round(down), round(across)
            inside = 0 <= at_row < 70 and 0 <= at_column < 80
            assert (found.data[3, row, column] == NO_DEPTH) == (not inside or depth[at_row, at_column] == 0)
            if inside:
                taken.setdefault((at_row, at_column), set()).add(float(found.data[3, row, column]))
    assert all(len(values) == 1 for values in taken.values())
    assert len(taken) > 30


def test_holes_have_a_value_of_their_own() -> None:
    depth = np.full((200, 200), 800.0)
    depth[110:120, 90:110] = 0
    found = tensor(grid(depth))
    hole = found.data[3] == NO_DEPTH
    assert hole[66:76, 46:66].all()
    assert hole.sum() == 200
    assert (np.abs(found.data[3][~hole]) <= 1).all()
    assert found.valid_depth == pytest.approx(1 - 200 / face_ellipse().sum(), abs=1e-6)


@pytest.mark.parametrize(
    "depth",
    [
        grid(np.zeros((200, 200))),
        grid(np.zeros((0, 0))),
        grid(np.zeros((0, 7))),
        grid(np.full((20, 20), 800.0), x0=5000.0),
    ],
)
def test_no_depth_at_the_face_is_all_invalid(depth: FaceDepth) -> None:
    found = tensor(depth)
    assert (found.data[3] == NO_DEPTH).all()
    assert found.valid_depth == 0


def test_a_handful_of_readings_is_not_called_a_plane() -> None:
    depth = np.zeros((200, 200))
    depth[110:113, 98:102] = 800
    found = tensor(grid(depth))
    assert (found.data[3] == NO_DEPTH).all()
    assert 0 < found.valid_depth < 0.01


@pytest.mark.parametrize(
    ("scale", "x", "y"), [(0.01, 100, 100), (1.0, -900, 50), (1.0, 0, 0), (30.0, 100, 100), (1, 199, 199)]
)
def test_faces_of_one_pixel_beyond_or_across_the_border_are_finite(scale: float, x: float, y: float) -> None:
    found = tensor(grid(np.full((200, 200), 800.0)), upright(scale, x, y))
    assert np.isfinite(found.data).all()
    assert np.isfinite(sharpness(found))
    assert 0 <= found.valid_depth <= 1


@settings(max_examples=30, deadline=None)
@given(
    depth=arrays(np.float32, (30, 30), elements=st.sampled_from((0.0, 1.0, 500.0, 800.0, 60000.0)), fill=st.just(800.0))
)
def test_whatever_comes_in_nothing_is_nan(depth: F32) -> None:
    found = tensor(grid(depth, x0=50.0, y0=50.0, step=3.0))
    assert np.isfinite(found.data).all()
    invalid = found.data[3] == NO_DEPTH
    assert (np.abs(found.data[3][~invalid]) <= 1).all()


def test_readings_all_on_one_line_are_finite() -> None:
    depth = np.zeros((200, 200))
    depth[112] = 800
    depth[113] = 800
    assert np.isfinite(tensor(grid(depth)).data).all()


def test_a_frontalised_tensor_is_one_hole_until_its_map_is_put_in() -> None:
    flat = grid(np.full((200, 200), 800.0))
    image = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    bare = face_tensor(image, detection(upright()), flat, contract=DepthChannel.FRONTALISED_MM)
    registered = face_tensor(image, detection(upright()), flat, contract=DepthChannel.REGISTERED)
    assert (bare.data[3] == HOLE_MM).all()
    assert np.array_equal(bare.data[:3], registered.data[:3])
    assert bare.valid_depth == registered.valid_depth


def test_a_map_becomes_the_fourth_plane_and_leaves_the_rest_alone() -> None:
    image = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    flat = grid(np.full((200, 200), 800.0))
    bare = face_tensor(image, detection(upright()), flat, contract=DepthChannel.FRONTALISED_MM)
    residual = np.random.default_rng(1).normal(0, 5, (112, 112)).astype(np.float32)
    frontal = Frontal(residual, 2.0, 0.9, Placement(np.eye(3), np.array((0.0, 0.0, 800.0))))
    whole = with_frontal(bare, frontal)
    assert np.array_equal(whole.data[3], residual)
    assert np.array_equal(whole.data[:3], bare.data[:3])
    assert (bare.data[3] == HOLE_MM).all()
    assert whole.valid_depth == bare.valid_depth


def drawn(blur_px: float, contrast: float = 1.0) -> U8:
    """A drawing with strokes of a face's size: eyes, brows, nostrils, mouth, a little texture."""
    image = np.full((400, 400), 150.0)
    for x, y, w, h in (
        (162, 190, 14, 6),
        (238, 190, 14, 6),
        (200, 240, 16, 5),
        (200, 278, 30, 5),
        (162, 170, 20, 3),
        (238, 170, 20, 3),
    ):
        cv2.ellipse(image, (x, y), (w, h), 0, 0, 360, 60, -1)
    image = image + np.random.default_rng(1).normal(0, 6, image.shape)
    if blur_px:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), blur_px), np.float64)
    grey = np.clip(128 + contrast * (image - 128), 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def measured(color: U8, scale: float = 2.2) -> float:
    return sharpness(tensor(grid(np.zeros((0, 0))), upright(scale, 200.0, 220.0), color))


def test_blur_lowers_sharpness_below_the_bound() -> None:
    values = [measured(drawn(blur)) for blur in (0, 4, 8, 12)]
    assert values == sorted(values, reverse=True)
    assert values[0] > SHARP > values[2]


def test_sharpness_does_not_depend_on_contrast() -> None:
    assert measured(drawn(0, contrast=0.4)) == pytest.approx(measured(drawn(0)), rel=0.1)


def test_an_enlarged_small_face_is_as_sharp_as_its_own_pixels() -> None:
    small = cv2.resize(drawn(0), (100, 100), interpolation=cv2.INTER_AREA).astype(np.uint8)
    found = sharpness(tensor(grid(np.zeros((0, 0))), upright(0.55, 50.0, 55.0), small))
    assert found > SHARP


def test_an_even_grey_is_not_sharp() -> None:
    assert measured(np.full((400, 400, 3), 90, np.uint8)) < SHARP
