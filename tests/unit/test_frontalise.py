"""The map of faces whose relief is known: the mean face with a nose, cheeks and a bump that the test gave it."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from analytic_faces import CALIBRATION, CAMERA, Relief, cylinder, depth_of, plane, scene_from, turned
from kinect_unlock.align import FaceDepth, align_face
from kinect_unlock.arrays import F32, F64, U16
from kinect_unlock.frames import Calibration, Extrinsic, Intrinsics, Registered
from kinect_unlock.frontalise import (
    CENTRE_MM,
    FARTHEST_MM,
    HOLE_MM,
    PIXEL_MM,
    Frontal,
    _lattice_of,
    _render,
    face_mask,
    frontalise,
)
from kinect_unlock.mean_face import mean_surface
from kinect_unlock.observations import Box, Detection
from kinect_unlock.pose import Placement, place_head

Bool = NDArray[np.bool_]
INNER = face_mask((55.0, 70.0))
FRONT = {"place_mm": (0.0, 0.0, 700.0)}
COLUMN_MM, ROW_MM = ((np.arange(112) - 55.5) * PIXEL_MM + centre for centre in CENTRE_MM)


def mean_relief(across: F64, along: F64) -> F64:
    """The mean face, and beyond it the side of a head."""
    found = mean_surface(*(np.asarray(np.atleast_2d(n), np.float32) for n in (across, along)))
    z = np.where(found[..., 3] > 0, found[..., 0], 60.0)
    return -np.asarray(z, np.float64).reshape(np.shape(across))


def bump(x_mm: float, y_mm: float, wide_mm: float) -> Relief:
    return lambda across, along: np.exp(-0.5 * ((across - x_mm) ** 2 + (along - y_mm) ** 2) / wide_mm**2)


def somebody(across: F64, along: F64) -> F64:
    """A longer nose, flat cheeks, a strong brow: nobody's face, within what people differ by."""
    own = 5 * bump(0, 0, 12)(across, along) + 3 * bump(0, -45, 18)(across, along)
    return mean_relief(across, along) + own - 4 * bump(-38, 12, 14)(across, along) + 2 * bump(36, 20, 12)(across, along)


def mapped(depth_mm: U16, landmarks_px: F64, distance_mm: float = 700.0) -> Frontal | None:
    scene = scene_from(depth_mm, landmarks_px, distance_mm)
    start = place_head(scene.face.detection, scene.face_depth, CALIBRATION)
    return None if start is None else frontalise(scene.face_depth, CALIBRATION, start)


def seen(relief: Relief, change: Callable[[U16], None] = lambda _: None, **how: object) -> Frontal:
    depth_mm, landmarks = depth_of(relief, **(FRONT | how))  # type: ignore[arg-type] # the renderer's own keywords
    change(depth_mm)
    found = mapped(depth_mm, landmarks)
    assert found is not None
    return found


def read(frontal: Frontal) -> Bool:
    return frontal.residual_mm > HOLE_MM


STRAIGHT = seen(somebody)


def test_the_mean_face_itself_has_no_relief() -> None:
    found = seen(mean_relief)
    residual = found.residual_mm[read(found) & INNER]
    assert np.abs(residual).mean() < 0.4
    assert found.fit_mm < 0.5
    assert found.coverage > 0.95


def test_outside_the_ellipse_everything_is_a_hole() -> None:
    assert (STRAIGHT.residual_mm[~face_mask()] == HOLE_MM).all()


def test_a_longer_nose_is_negative_and_a_hollow_cheek_positive() -> None:
    column, row = np.abs(COLUMN_MM).argmin(), np.abs(ROW_MM).argmin()
    assert STRAIGHT.residual_mm[row, column] < -2.5
    column, row = np.abs(COLUMN_MM + 38).argmin(), np.abs(ROW_MM - 12).argmin()
    assert STRAIGHT.residual_mm[row, column] > 2


@settings(max_examples=25, deadline=None)
@given(
    yaw_deg=st.floats(-25, 25),
    pitch_deg=st.floats(-20, 20),
    roll_deg=st.floats(-15, 15),
    x=st.floats(-0.08, 0.08),
    y=st.floats(-0.08, 0.08),
    distance_mm=st.floats(500, 1200),
)
def test_the_map_hardly_depends_on_where_the_head_is_and_looks(
    yaw_deg: float, pitch_deg: float, roll_deg: float, x: float, y: float, distance_mm: float
) -> None:
    place_mm = (x * distance_mm, y * distance_mm, distance_mm)
    found = seen(somebody, place_mm=place_mm, yaw_deg=yaw_deg, pitch_deg=pitch_deg, roll_deg=roll_deg)
    both = read(found) & read(STRAIGHT) & INNER
    assert both.sum() > 0.7 * INNER.sum()
    difference = np.abs(found.residual_mm - STRAIGHT.residual_mm)[both]
    assert np.median(difference) < 0.5
    assert np.percentile(difference, 95) < 2
    assert abs(found.fit_mm - STRAIGHT.fit_mm) < 0.5


@pytest.mark.parametrize("yaw_deg", [-20.0, 0.0, 20.0])
@pytest.mark.parametrize("height_mm", [-6.0, 3.0, 8.0])
@pytest.mark.parametrize(("x_mm", "y_mm"), [(-30.0, 15.0), (0.0, -55.0)])
def test_a_known_bump_is_measured_in_millimetres(height_mm: float, x_mm: float, y_mm: float, yaw_deg: float) -> None:
    bumped: Relief = lambda across, along: (  # noqa: E731 - a relief is a function
        somebody(across, along) + height_mm * bump(x_mm, y_mm, 10)(across, along)
    )
    one, other = seen(bumped, yaw_deg=yaw_deg), seen(somebody, yaw_deg=yaw_deg)
    grown = -(one.residual_mm - other.residual_mm)
    expected = height_mm * bump(x_mm, y_mm, 10)(*np.meshgrid(COLUMN_MM, ROW_MM))
    both = read(one) & read(other) & INNER
    # The mean face is laid on the bump, too, and so takes up a part of it; around it that is missing again.
    assert np.abs(grown - expected)[both].mean() < 0.16 * abs(height_mm)
    middle, ring = (expected / height_mm > share for share in (0.97, 0.1))
    around = both & ~ring & (expected / height_mm > 0.02)
    found_mm, true_mm = (change[middle & both].mean() - change[around].mean() for change in (grown, expected))
    assert found_mm == pytest.approx(true_mm, rel=0.15)


def test_where_the_sensor_read_nothing_the_map_says_nothing() -> None:
    depth_mm, landmarks = depth_of(somebody, **FRONT)  # type: ignore[arg-type]
    x, y = (round(float(n)) for n in landmarks[3] - (6, 12))
    depth_mm[y - 6 : y + 6, x - 6 : x + 6] = 0
    found = mapped(depth_mm, landmarks)
    assert found is not None
    lost = read(STRAIGHT) & ~read(found)
    pixel_mm = 700 / CAMERA.fx_px
    assert lost.sum() * PIXEL_MM**2 == pytest.approx((12 * pixel_mm) ** 2, rel=0.2)
    assert found.coverage == pytest.approx(STRAIGHT.coverage - lost.sum() / face_mask().sum(), abs=0.01)
    kept = read(found) & INNER
    assert np.abs(found.residual_mm - STRAIGHT.residual_mm)[kept].max() < 2


def test_a_hand_before_the_face_is_a_hole_and_changes_nothing_else() -> None:
    depth_mm, landmarks = depth_of(somebody, **FRONT)  # type: ignore[arg-type]
    x, y = (round(float(n)) for n in landmarks[4])
    depth_mm[y - 5 : y + 10, x - 3 : x + 12] = 600
    found = mapped(depth_mm, landmarks)
    assert found is not None
    assert (read(STRAIGHT) & ~read(found)).sum() > 0.8 * (15 * 700 / CAMERA.fx_px / PIXEL_MM) ** 2
    both = read(found) & read(STRAIGHT) & INNER
    assert np.median(np.abs(found.residual_mm - STRAIGHT.residual_mm)[both]) < 0.5


def hidden(relief: Relief, yaw_deg: float, distance_mm: float) -> Bool:
    """Tell which places of the map a head's own relief hides from the camera."""
    x, y = np.meshgrid(COLUMN_MM, ROW_MM)
    point = np.stack((x, y, -relief(x, y)), axis=-1)
    eye = -np.array((0, 0, distance_mm)) @ turned(yaw_deg, 0.0)
    toward = (eye - point) / np.linalg.norm(eye - point, axis=-1, keepdims=True)
    covered = np.zeros(x.shape, np.bool_)
    for step_mm in np.arange(4.0, 60.0, 2.0):
        at = point + step_mm * toward
        covered |= at[..., 2] > -relief(at[..., 0], at[..., 1]) + 1.5
    return covered


@pytest.mark.parametrize("yaw_deg", [-35.0, 30.0])
def test_what_the_nose_hides_is_not_made_up(yaw_deg: float) -> None:
    nosy: Relief = lambda across, along: somebody(across, along) + 14 * bump(0, -4, 9)(across, along)  # noqa: E731
    found = seen(nosy, yaw_deg=yaw_deg)
    behind = hidden(nosy, yaw_deg, 700.0) & INNER & (np.abs(COLUMN_MM) < 35)
    assert behind.sum() > 60
    assert (read(found) & behind).sum() < 0.3 * behind.sum()


@pytest.mark.parametrize("share", [0.0, 0.02])
def test_a_face_with_hardly_any_depth_has_no_map(share: float) -> None:
    depth_mm, landmarks = depth_of(somebody, **FRONT)  # type: ignore[arg-type]
    scene = scene_from(depth_mm, landmarks, 700.0)
    start = place_head(scene.face.detection, scene.face_depth, CALIBRATION)
    assert start is not None
    depth_mm[np.random.default_rng(0).random(depth_mm.shape) >= share] = 0
    assert frontalise(align_face(depth_mm, CALIBRATION, scene.face.detection.box), CALIBRATION, start) is None


@pytest.mark.parametrize("shape", [(0, 0), (0, 9), (40, 40)])
def test_no_depth_at_all_has_no_map(shape: tuple[int, int]) -> None:
    nothing = FaceDepth(np.zeros(shape, np.float32), np.full((*shape, 3), np.nan, np.float32), 0.0, 0.0, 1.0)
    assert frontalise(nothing, CALIBRATION, Placement(np.eye(3), np.array((0.0, 0.0, 700.0)))) is None


@pytest.mark.parametrize("origin_mm", [(0.0, 0.0, -700.0), (0.0, 0.0, 0.01), (5000.0, 0.0, 700.0), (0.0, 0.0, 1e9)])
def test_a_start_that_is_nowhere_near_the_face_has_no_map(origin_mm: tuple[float, float, float]) -> None:
    depth_mm, landmarks = depth_of(somebody, **FRONT)  # type: ignore[arg-type]
    scene = scene_from(depth_mm, landmarks, 700.0)
    assert frontalise(scene.face_depth, CALIBRATION, Placement(np.eye(3), np.array(origin_mm))) is None


@pytest.mark.parametrize("yaw_deg", [0.0, 15.0])
@pytest.mark.parametrize("sheet", [plane, cylinder(150.0)])
def test_a_photograph_shows_the_mean_face_hollow_or_nothing(sheet: Relief, yaw_deg: float) -> None:
    depth_mm, landmarks = depth_of(sheet, yaw_deg=yaw_deg, **FRONT)  # type: ignore[arg-type]
    found = mapped(depth_mm, landmarks)
    if found is None:
        return
    kept = read(found) & INNER
    x, y = np.meshgrid(COLUMN_MM.astype(np.float32), ROW_MM.astype(np.float32))
    missing = mean_surface(x, y)[..., 0] + sheet(*np.meshgrid(COLUMN_MM, ROW_MM))
    assert np.corrcoef(found.residual_mm[kept], -missing[kept])[0, 1] > 0.85
    assert found.fit_mm > 3 * STRAIGHT.fit_mm


@settings(max_examples=40, deadline=None)
@given(
    depth=arrays(np.uint16, (55, 50), elements=st.sampled_from((0, 1, 500, 680, 690, 700, 65535)), fill=st.just(700)),
    tilt=st.tuples(*[st.floats(-3, 3)] * 3),
    origin_mm=st.tuples(st.floats(-300, 300), st.floats(-300, 300), st.floats(1, 2000)),
)
def test_whatever_comes_in_a_map_is_made_of_residuals_and_holes(
    depth: U16, tilt: tuple[float, float, float], origin_mm: tuple[float, float, float]
) -> None:
    image = np.kron(depth, np.ones((4, 4), np.uint16))
    cells = align_face(image, CALIBRATION, Box(60.0, 60.0, 80.0, 100.0))
    found = frontalise(cells, CALIBRATION, Placement(turned(*np.degrees(tilt)), np.array(origin_mm)))
    if found is None:
        return
    values = found.residual_mm[read(found)]
    assert (np.abs(values) <= FARTHEST_MM).all()  # False for NaN
    assert 0 <= found.coverage <= 1
    assert np.isfinite(found.fit_mm)
    assert np.isfinite((found.pose.distance_mm, found.pose.yaw_deg, found.pose.pitch_deg, found.pose.roll_deg)).all()


LENS = replace(CAMERA, k1=0.09, k2=-0.27, k3=0.1)
FULL_HD = Intrinsics(1920, 1080, 1060.0, 1060.0, 959.5, 539.5)


@pytest.mark.parametrize(
    "calibration",
    [
        pytest.param(Calibration(LENS, LENS, Registered()), id="a lens that distorts"),
        pytest.param(
            Calibration(FULL_HD, CAMERA, Extrinsic(np.eye(3), np.array((52.0, 0.0, 0.0)))), id="a second camera"
        ),
    ],
)
def test_every_kind_of_calibration_gives_the_same_map(calibration: Calibration) -> None:
    """The depth image is that of one pinhole, so through a lens that distorts it shows a slightly other head."""
    depth_mm, landmarks = depth_of(somebody, **FRONT)  # type: ignore[arg-type]
    shift = np.array((52.0, 0.0, 0.0)) if isinstance(calibration.depth_to_color, Extrinsic) else np.zeros(3)
    z = depth_mm[tuple(np.rint(landmarks).astype(int).T[::-1])].astype(float)
    middle, camera = np.array((CAMERA.cx_px, CAMERA.cy_px)), calibration.color
    marks = np.column_stack(((landmarks - middle) / CAMERA.fx_px * z[:, np.newaxis], z)) + shift
    pixel = marks[:, :2] / marks[:, 2:] * camera.fx_px + (camera.cx_px, camera.cy_px)
    low, high = pixel.min(axis=0), pixel.max(axis=0)
    (x, y), (width, height) = low - 0.4 * (high - low), 1.8 * (high - low)
    detection = Detection(Box(float(x), float(y), float(width), float(height)), 0.9, pixel.astype(np.float32))
    cells = align_face(depth_mm, calibration, detection.box)
    start = place_head(detection, cells, calibration)
    assert start is not None
    found = frontalise(cells, calibration, start)
    assert found is not None
    both = read(found) & read(STRAIGHT) & INNER
    assert both.sum() > 0.9 * INNER.sum()
    assert np.median(np.abs(found.residual_mm - STRAIGHT.residual_mm)[both]) < 0.6


def test_noise_and_steps_of_the_sensor_average_out() -> None:
    def disturb(depth_mm: U16) -> None:
        noise = np.random.default_rng(0).normal(0, 2, depth_mm.shape)
        depth_mm[:] = np.where(depth_mm > 0, (depth_mm + noise) // 4 * 4 + 2, 0)

    found = seen(somebody, disturb)
    both = read(found) & read(STRAIGHT) & INNER
    assert both.sum() > 0.95 * INNER.sum()
    assert abs(float((found.residual_mm - STRAIGHT.residual_mm)[both].mean())) < 0.5


def test_the_pose_is_that_of_the_head() -> None:
    found = seen(somebody, yaw_deg=18.0, pitch_deg=-9.0)
    straight = STRAIGHT.pose
    assert abs(abs(found.pose.yaw_deg - straight.yaw_deg) - 18) < 1
    assert abs(abs(found.pose.pitch_deg - straight.pitch_deg) - 9) < 1


def test_a_tighter_ellipse_lies_within_the_rendered_one() -> None:
    tight = face_mask((62.0, 74.0))
    assert not (tight & ~face_mask()).any()
    assert 0.7 * face_mask().sum() < tight.sum() < face_mask().sum()


@given(st.integers(0, 900), st.integers(0, 900))
def test_no_more_points_are_aligned_than_time_allows_and_they_come_from_all_over(rows: int, columns: int) -> None:
    chosen = _lattice_of(rows, columns)
    assert len(chosen[0]) * len(chosen[1]) <= 1500
    for at, size in zip(chosen, (rows, columns), strict=True):
        assert (np.diff(at) >= 1).all()
        if 10 < rows < 10 * columns < 100 * rows:
            assert at[0] == 0
            assert size - size / 5 - 2 <= at[-1] < size


def test_a_map_cannot_be_written_to() -> None:
    with pytest.raises(ValueError, match="read-only"):
        STRAIGHT.residual_mm[0, 0] = 0


def test_the_same_frame_gives_the_same_map() -> None:
    again: F32 = seen(somebody).residual_mm
    assert np.array_equal(again, STRAIGHT.residual_mm)


def test_a_face_that_alignment_moves_out_of_view_is_one_hole() -> None:
    depth_mm, landmarks = depth_of(somebody, **FRONT)  # type: ignore[arg-type] # the renderer's own keywords
    scene = scene_from(depth_mm, landmarks, 700.0)
    away = Placement(np.eye(3), np.array([5000.0, 0.0, 700.0]))
    assert (_render(scene.face_depth, CAMERA, away) == HOLE_MM).all()
