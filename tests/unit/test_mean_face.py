import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kinect_unlock.arrays import F32
from kinect_unlock.mean_face import COLUMNS_MM, MEAN_LANDMARKS_MM, ROWS_MM, mean_surface

ON_THE_FACE = {"x": st.floats(-50, 50, width=32), "y": st.floats(-80, 50, width=32)}


def at(x_mm: float, y_mm: float) -> F32:
    found: F32 = mean_surface(np.full((1, 1), x_mm, np.float32), np.full((1, 1), y_mm, np.float32))[0, 0]
    return found


def test_the_origin_is_the_mean_of_the_landmarks() -> None:
    assert np.abs(MEAN_LANDMARKS_MM.mean(axis=1)).max() < 0.1


def test_landmarks_stand_in_their_order_and_mirror_each_other() -> None:
    left_eye, right_eye, nose, left_mouth, right_mouth = MEAN_LANDMARKS_MM.T
    assert left_eye[0] < 0 < right_eye[0]
    assert left_eye[1] < nose[1] < left_mouth[1]
    assert nose[0] == 0
    assert nose[2] == MEAN_LANDMARKS_MM[2].min()
    for left, right in ((left_eye, right_eye), (left_mouth, right_mouth)):
        assert np.allclose(left * (-1, 1, 1), right)


def test_nose_and_mouth_lie_on_the_surface_and_the_eyes_in_its_sockets() -> None:
    for x, y, z in MEAN_LANDMARKS_MM.T[2:]:
        assert abs(at(x, y)[0] - z) < 2
    for x, y, z in MEAN_LANDMARKS_MM.T[:2]:
        assert abs(at(x, y)[0] - z) < 5


def test_the_tip_of_the_nose_is_the_nearest_place() -> None:
    x, y = np.meshgrid(np.arange(-60, 61, dtype=np.float32), np.arange(-90, 71, dtype=np.float32))
    z = mean_surface(x, y)[..., 0]
    row, column = np.unravel_index(z.argmin(), z.shape)
    assert abs(x[row, column]) <= 1
    assert abs(y[row, column] - MEAN_LANDMARKS_MM[1, 2]) < 5


@given(**ON_THE_FACE)
def test_normals_are_unit_vectors_that_point_away_from_the_camera(x: float, y: float) -> None:
    normal = at(x, y)[1:]
    # Between the table's places they are blended, which shortens them most beside the nose: by 0.089 at worst.
    assert abs(float(np.linalg.norm(normal)) - 1) < 0.1
    assert normal[2] > 0


@given(**ON_THE_FACE)
def test_the_face_is_symmetric(x: float, y: float) -> None:
    assert np.allclose(at(x, y), at(-x, y) * (1, -1, 1, 1), atol=0.3)


@given(**ON_THE_FACE)
def test_normals_agree_with_the_surface(x: float, y: float) -> None:
    _, across, down, away = at(x, y)
    for slope, ahead, behind in (
        (-across / away, at(x + 2, y)[0], at(x - 2, y)[0]),
        (-down / away, at(x, y + 2)[0], at(x, y - 2)[0]),
    ):
        assert abs(float(ahead - behind) / 4 - slope) < 1.2  # the flanks of the nose bend most


def test_it_reaches_from_the_forehead_to_the_chin_and_to_both_cheeks() -> None:
    for x, y in ((0, -92), (0, 66), (-60, -20), (60, -20)):
        assert at(x, y)[3] > 0


def test_off_the_face_there_is_nothing() -> None:
    for x, y in ((COLUMNS_MM[-1] + 5, 0), (0, ROWS_MM[0] - 5), (0, ROWS_MM[-1] + 5), (66, 60), (np.nan, 0)):
        assert not at(x, y).any()
