"""Head pose of bodies whose pose is known: a head of simple shapes, a photograph, a bent photograph."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from kinect_unlock.align import align_face
from kinect_unlock.arrays import F64, U16
from kinect_unlock.frames import Calibration, Intrinsics, Registered
from kinect_unlock.observations import Box, Detection, HeadPose
from kinect_unlock.pose import angles_deg, facing, place_head

CAMERA = Intrinsics(240, 220, 365.0, 365.0, 119.5, 109.5)
CALIBRATION = Calibration(CAMERA, CAMERA, Registered())
WALL_MM = 1600


class Shot(NamedTuple):
    depth_mm: U16
    detection: Detection


def turned(yaw_deg: float, pitch_deg: float, roll_deg: float) -> F64:
    """Head to camera, composed of turns about single axes, each checked by eye: x right, y down, z away."""
    yaw, pitch, roll = np.radians((yaw_deg, pitch_deg, roll_deg))
    nose_right = np.array(((np.cos(yaw), 0, -np.sin(yaw)), (0, 1, 0), (np.sin(yaw), 0, np.cos(yaw))))
    nose_up = np.array(((1, 0, 0), (0, np.cos(pitch), np.sin(pitch)), (0, -np.sin(pitch), np.cos(pitch))))
    clockwise = np.array(((np.cos(roll), -np.sin(roll), 0), (np.sin(roll), np.cos(roll), 0), (0, 0, 1)))
    turn: F64 = nose_right @ nose_up @ clockwise
    return turn


def head_z(x: F64, y: F64) -> F64:
    """Surface of an egg with brows, a nose and a chin, in head axes, mm; about the size of a face, not anybody's."""
    egg = 1 - (x / 78) ** 2 - (y / 115) ** 2
    z = np.where(egg > 0, 85 - 92 * np.sqrt(np.maximum(egg, 0)), np.nan)
    nose = 24 * np.exp(-((x / 11) ** 2) - np.where(y > 0, (y / 11) ** 2, (y / 24) ** 2))
    eyes = 5 * np.exp(-(((np.abs(x) - 32) / 12) ** 2) - ((y + 34) / 9) ** 2)
    return np.asarray(z - nose + eyes, np.float64)


FEATURES = np.array(((-32.0, -34.0), (32.0, -34.0), (0.0, -3.0), (-25.0, 36.0), (25.0, 36.0)))


def shoot(points: F64, landmarks: F64, turn: F64, centre_mm: F64) -> Shot:
    """Project a dense cloud of points of a body into a depth image with a wall behind it."""
    seen, marks = (body @ turn.T + centre_mm for body in (points, landmarks))
    image = np.full(CAMERA.width_px * CAMERA.height_px, float(WALL_MM))
    column = np.rint(seen[:, 0] / seen[:, 2] * CAMERA.fx_px + CAMERA.cx_px).astype(int)
    row = np.rint(seen[:, 1] / seen[:, 2] * CAMERA.fy_px + CAMERA.cy_px).astype(int)
    inside = (column >= 0) & (column < CAMERA.width_px) & (row >= 0) & (row < CAMERA.height_px)
    np.minimum.at(image, row[inside] * CAMERA.width_px + column[inside], seen[inside, 2])
    pixels = marks[:, :2] / marks[:, 2:] * CAMERA.fx_px + (CAMERA.cx_px, CAMERA.cy_px)
    (x0, y0), (x1, y1) = pixels.min(axis=0), pixels.max(axis=0)
    box = Box(float(x0 - 20), float(y0 - 25), float(x1 - x0 + 40), float(y1 - y0 + 45))
    depth = image.reshape(CAMERA.height_px, CAMERA.width_px).round().astype(np.uint16)
    return Shot(depth, Detection(box, 0.9, pixels.astype(np.float32)))


def head(yaw: float = 0, pitch: float = 0, roll: float = 0, *, centre_mm: F64 | None = None) -> Shot:
    centre = np.array((0.0, 0.0, 800.0)) if centre_mm is None else centre_mm
    x, y = (n.ravel() for n in np.meshgrid(np.arange(-78, 78.1, 0.7), np.arange(-115, 115.1, 0.7)))
    z = head_z(x, y)
    on = np.isfinite(z)
    features = np.column_stack((FEATURES, head_z(*FEATURES.T)))
    middle = features.mean(axis=0)
    points = np.column_stack((x, y, z))[on] - middle
    return shoot(points, features - middle, facing(centre).T @ turned(yaw, pitch, roll), centre)


def print_of_a_face(yaw: float, pitch: float, *, bend_radius_mm: float = 1e9) -> Shot:
    """A photograph of a face, 160 x 220 mm, flat or bent about its upright axis."""
    s, y = (n.ravel() for n in np.meshgrid(np.arange(-80, 80.1, 0.7), np.arange(-110, 110.1, 0.7)))

    def bent(along: F64, down: F64) -> F64:
        angle = along / bend_radius_mm
        return np.column_stack((bend_radius_mm * np.sin(angle), down, bend_radius_mm * (1 - np.cos(angle))))

    return shoot(bent(s, y), bent(*FEATURES.T), turned(yaw, pitch, 0), np.array((0.0, 0.0, 800.0)))


def measured(shot: Shot) -> HeadPose | None:
    depth = align_face(shot.depth_mm, CALIBRATION, shot.detection.box)
    placement = place_head(shot.detection, depth, CALIBRATION)
    return None if placement is None else placement.pose


def pose(shot: Shot) -> HeadPose:
    found = measured(shot)
    assert found is not None
    return found


STRAIGHT = pose(head())


def test_a_head_facing_the_camera_has_no_angles() -> None:
    assert STRAIGHT.yaw_deg == pytest.approx(0, abs=0.5)
    assert STRAIGHT.pitch_deg == pytest.approx(0, abs=4)  # this egg is not the mean face
    assert STRAIGHT.roll_deg == pytest.approx(0, abs=0.5)
    assert STRAIGHT.distance_mm == pytest.approx(800, abs=4)


def test_a_nose_to_the_images_right_is_a_positive_yaw() -> None:
    shot = head(yaw=25)
    nose, eyes = shot.detection.landmarks_px[2], shot.detection.landmarks_px[:2].mean(axis=0)
    assert nose[0] > eyes[0] + 5
    assert pose(shot).yaw_deg == pytest.approx(25, abs=3)


def test_a_nose_that_points_up_is_a_positive_pitch() -> None:
    up, straight = head(pitch=20).detection.landmarks_px, head().detection.landmarks_px
    assert up[2, 1] - up[:2, 1].mean() < straight[2, 1] - straight[:2, 1].mean() - 3
    assert pose(head(pitch=20)).pitch_deg - STRAIGHT.pitch_deg == pytest.approx(20, abs=3)


def test_a_head_turned_clockwise_as_the_image_shows_it_is_a_positive_roll() -> None:
    shot = head(roll=15)
    left_eye, right_eye = shot.detection.landmarks_px[:2]
    assert right_eye[1] > left_eye[1] + 4
    assert pose(shot).roll_deg == pytest.approx(15, abs=2)


@settings(max_examples=25, deadline=None)
@given(st.floats(-40, 40), st.floats(-25, 25), st.floats(-25, 25), st.floats(550, 1300))
def test_any_pose_in_range_is_measured(yaw: float, pitch: float, roll: float, distance_mm: float) -> None:
    found = pose(head(yaw, pitch, roll, centre_mm=np.array((0.0, 0.0, distance_mm))))
    assert found.yaw_deg == pytest.approx(yaw, abs=5)
    assert found.pitch_deg - STRAIGHT.pitch_deg == pytest.approx(pitch, abs=6)
    assert found.roll_deg == pytest.approx(roll, abs=6)
    assert found.distance_mm == pytest.approx(distance_mm, abs=8)


@pytest.mark.parametrize("x_mm", [-130.0, 130.0])
@pytest.mark.parametrize("y_mm", [-90.0, 90.0])
def test_a_head_at_the_edge_that_looks_into_the_lens_is_not_turned(x_mm: float, y_mm: float) -> None:
    found = pose(head(centre_mm=np.array((x_mm, y_mm, 800.0))))
    assert found.yaw_deg == pytest.approx(0, abs=2)
    assert found.pitch_deg == pytest.approx(STRAIGHT.pitch_deg, abs=2)
    assert found.roll_deg == pytest.approx(0, abs=2)


@given(st.floats(-80, 80), st.floats(-80, 80), st.floats(-170, 170))
def test_angles_are_read_off_the_turns_they_were_composed_of(yaw: float, pitch: float, roll: float) -> None:
    assert angles_deg(turned(yaw, pitch, roll)) == pytest.approx((yaw, pitch, roll), abs=1e-6)


@given(st.floats(-2000, 2000), st.floats(-2000, 2000), st.floats(100, 4000))
def test_facing_turns_a_direction_onto_the_axis_and_is_a_rotation(x: float, y: float, z: float) -> None:
    turn = facing(np.array((x, y, z)))
    length = (x * x + y * y + z * z) ** 0.5
    assert turn @ (x / length, y / length, z / length) == pytest.approx((0, 0, 1), abs=1e-9)
    assert turn @ turn.T == pytest.approx(np.eye(3), abs=1e-9)
    assert np.linalg.det(turn) == pytest.approx(1)
    assert turn.trace() == pytest.approx(1 + 2 * z / length, abs=1e-9)  # by the angle between them and no more


@pytest.mark.parametrize(("yaw", "pitch"), [(0.0, 0.0), (25.0, 0.0), (-25.0, 10.0), (0.0, -20.0)])
@pytest.mark.parametrize("bend_radius_mm", [1e9, 130.0])
def test_photographs_have_a_pose_so_that_liveness_may_judge_them(
    yaw: float, pitch: float, bend_radius_mm: float
) -> None:
    found = pose(print_of_a_face(yaw, pitch, bend_radius_mm=bend_radius_mm))
    assert found.yaw_deg == pytest.approx(yaw, abs=8)
    assert found.pitch_deg == pytest.approx(pitch, abs=12)
    assert found.distance_mm == pytest.approx(800, abs=20)


@pytest.mark.parametrize("landmark", range(5))
def test_a_hole_at_a_landmark_hardly_matters(landmark: int) -> None:
    shot = head(yaw=15)
    x, y = (round(float(n)) for n in shot.detection.landmarks_px[landmark])
    depth = shot.depth_mm.copy()
    depth[y - 5 : y + 6, x - 5 : x + 6] = 0
    assert_close(pose(shot._replace(depth_mm=depth)), pose(shot), degrees=3, mm=3)


def test_glasses_without_depth_hardly_matter() -> None:
    shot = head(yaw=15)
    depth = shot.depth_mm.copy()
    for x, y in np.rint(shot.detection.landmarks_px[:2]).astype(int):
        depth[y - 7 : y + 8, x - 10 : x + 11] = 0
    assert_close(pose(shot._replace(depth_mm=depth)), pose(shot), degrees=4, mm=4)


@pytest.mark.parametrize("landmark", range(5))
def test_a_landmark_on_the_background_hardly_matters(landmark: int) -> None:
    shot = head(yaw=15)
    x, y = (round(float(n)) for n in shot.detection.landmarks_px[landmark])
    depth = shot.depth_mm.copy()
    depth[y - 5 : y + 6, x - 5 : x + 6] = WALL_MM
    assert_close(pose(shot._replace(depth_mm=depth)), pose(shot), degrees=3, mm=3)


@settings(max_examples=25, deadline=None)
@given(st.integers(-25, 25), st.integers(-25, 25), st.integers(1, 9000))
def test_no_single_pixel_makes_pose_or_distance_jump(x: int, y: int, depth_mm: int) -> None:
    shot = head()
    depth = shot.depth_mm.copy()
    depth[110 + y, 120 + x] = depth_mm
    assert_close(pose(shot._replace(depth_mm=depth)), STRAIGHT, degrees=0.7, mm=0.7)


def test_depth_noise_hardly_moves_pose_and_distance() -> None:
    shot = head(yaw=10, pitch=5)
    rng = np.random.default_rng(0)
    found = []
    for _ in range(30):
        noise = rng.normal(0, 2, shot.depth_mm.shape)
        found.append(pose(shot._replace(depth_mm=(shot.depth_mm + noise).round().astype(np.uint16))))
    assert np.std([each.yaw_deg for each in found]) < 0.5
    assert np.std([each.pitch_deg for each in found]) < 0.5
    assert np.std([each.roll_deg for each in found]) < 0.8
    assert np.std([each.distance_mm for each in found]) < 0.5


def test_a_face_without_depth_has_no_pose() -> None:
    shot = head()
    assert measured(shot._replace(depth_mm=np.zeros_like(shot.depth_mm))) is None


def test_a_face_with_hardly_any_depth_has_no_pose() -> None:
    shot = head()
    depth = np.where(np.random.default_rng(0).random(shot.depth_mm.shape) < 0.2, shot.depth_mm, 0).astype(np.uint16)
    assert measured(shot._replace(depth_mm=depth)) is None


def test_a_face_beyond_the_image_has_no_pose() -> None:
    shot = head()
    away = replace(
        shot.detection, box=Box(900.0, 900.0, 50.0, 50.0), landmarks_px=shot.detection.landmarks_px + np.float32(900)
    )
    assert measured(shot._replace(detection=away)) is None


def test_readings_missing_wherever_the_surface_is_looked_at_never_stop_the_measuring() -> None:
    shot = head()
    for row, column in np.ndindex(4, 4):  # the surface is looked at on every fourth row and column
        holed = shot.depth_mm.copy()
        holed[row::4, column::4] = 0
        found = measured(shot._replace(depth_mm=holed))
        assert found is None or abs(found.yaw_deg) < 2


def test_a_landmark_where_the_lens_cannot_be_undone_gives_no_pose() -> None:
    shot = head()
    camera = replace(CAMERA, k1=-0.5)
    landmarks = shot.detection.landmarks_px.copy()
    landmarks[0] = (-900, -900)
    astray = replace(shot.detection, landmarks_px=landmarks)
    face_depth = align_face(shot.depth_mm, CALIBRATION, Box(0.0, 0.0, 240.0, 220.0))
    assert place_head(astray, face_depth, Calibration(camera, camera, Registered())) is None


def test_a_face_of_one_pixel_has_finite_numbers_or_none() -> None:
    shot = head()
    tiny = (shot.detection.landmarks_px * np.float32(0.01) + np.float32(110)).astype(np.float32)
    found = measured(shot._replace(detection=Detection(Box(110.0, 110.0, 1.0, 1.0), 0.9, tiny)))
    assert found is None or all(np.isfinite(number) for number in numbers(found))


@settings(max_examples=40, deadline=None)
@given(
    depth=arrays(np.uint16, (60, 60), elements=st.sampled_from((0, 1, 500, 700, 760, 800, 65535)), fill=st.just(800)),
    landmarks=arrays(np.float32, (5, 2), elements=st.floats(-20, 260, width=32)),
)
def test_whatever_comes_in_nothing_is_nan(depth: U16, landmarks: np.ndarray) -> None:
    image = np.kron(depth, np.ones((4, 4), np.uint16))[: CAMERA.height_px, : CAMERA.width_px]
    (x0, y0), (x1, y1) = landmarks.min(axis=0), landmarks.max(axis=0)
    detection = Detection(Box(float(x0), float(y0), float(x1 - x0), float(y1 - y0)), 0.9, landmarks)
    found = measured(Shot(image, detection))
    assert found is None or all(np.isfinite(number) for number in numbers(found))


def numbers(found: HeadPose) -> tuple[float, float, float, float]:
    return found.distance_mm, found.yaw_deg, found.pitch_deg, found.roll_deg


def assert_close(found: HeadPose, wanted: HeadPose, *, degrees: float, mm: float) -> None:
    assert found.yaw_deg == pytest.approx(wanted.yaw_deg, abs=degrees)
    assert found.pitch_deg == pytest.approx(wanted.pitch_deg, abs=degrees)
    assert found.roll_deg == pytest.approx(wanted.roll_deg, abs=degrees)
    assert found.distance_mm == pytest.approx(wanted.distance_mm, abs=mm)
