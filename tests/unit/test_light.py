import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinect_unlock.arrays import U8, U16
from kinect_unlock.errors import SourceError
from kinect_unlock.frames import Calibration, Frame, Intrinsics, Registered
from kinect_unlock.light import DARK_BELOW, brightness, infrared_calibration, is_dark, picture
from kinect_unlock.observations import Modality
from kinect_unlock.settings import PoseRange
from kinect_unlock.sight import Sight

SIDE_PX = 160
CAMERA = Intrinsics(SIDE_PX, SIDE_PX, 365.0, 365.0, 80.0, 80.0)
CALIBRATION = Calibration(CAMERA, CAMERA, Registered())
LIMITS = PoseRange(near_mm=450, far_mm=1350, yaw_deg=30, pitch_deg=25, roll_deg=30)
PERSON = np.s_[40:130, 50:110]


def _room(person_mm: float | None = 800.0) -> U16:
    depth = np.full((SIDE_PX, SIDE_PX), 3000, np.uint16)
    if person_mm is not None:
        depth[PERSON] = round(person_mm)
    return depth


def _lit(person: int, room: int) -> U8:
    color = np.full((SIDE_PX, SIDE_PX, 3), room, np.uint8)
    color[PERSON] = person
    return color


@pytest.mark.parametrize("room", [0, 255], ids=["a-black-room", "a-window-behind"])
def test_brightness_is_the_persons_and_not_the_rooms(room: int) -> None:
    assert brightness(_lit(90, room), _room(), CALIBRATION, LIMITS) == pytest.approx(90.0)


def test_black_clothes_and_hair_are_not_darkness() -> None:
    color = _lit(4, 200)
    color[60:80, 65:95] = 120  # a face: a ninth of the person
    assert not is_dark(color, _room(), CALIBRATION, LIMITS)


@pytest.mark.parametrize(("level", "dark"), [(0, True), (int(DARK_BELOW) - 1, True), (int(DARK_BELOW) + 1, False)])
def test_a_person_below_the_bound_stands_in_the_dark(level: int, *, dark: bool) -> None:
    assert is_dark(_lit(level, 90), _room(), CALIBRATION, LIMITS) is dark


def test_where_nobody_stands_it_is_not_dark_for_anybody() -> None:
    assert math.isnan(brightness(_lit(0, 0), _room(None), CALIBRATION, LIMITS))
    assert not is_dark(_lit(0, 0), _room(None), CALIBRATION, LIMITS)


def _infrared(person_mm: float, *, at_1_m: float = 6000.0) -> tuple[U16, U16]:
    """A striped person by a light that falls with the square of the distance, and the depth."""
    reflects = np.full((SIDE_PX, SIDE_PX), 0.5)
    reflects[70:90], reflects[100:110] = 0.2, 1.0
    depth = _room(person_mm)
    return np.minimum(at_1_m * reflects * (1000.0 / depth) ** 2, 65535).astype(np.uint16), depth


def _picture(person_mm: float) -> U8:
    infrared, depth = _infrared(person_mm)
    return picture(infrared, depth, infrared_calibration(CALIBRATION), LIMITS)


@given(person_mm=st.floats(470.0, 1340.0))
def test_a_person_in_infrared_looks_the_same_at_every_distance(person_mm: float) -> None:
    near, far = _picture(500.0), _picture(person_mm)
    assert np.abs(near[PERSON].astype(int) - far[PERSON]).max() <= 1


def test_infrared_becomes_three_equal_planes_gamma_encoded() -> None:
    image = _picture(800.0)
    assert image.dtype == np.uint8
    assert image.shape == (SIDE_PX, SIDE_PX, 3)
    assert (image == image[..., :1]).all()
    assert image[105, 80, 0] == 255
    assert image[60, 80, 0] == pytest.approx(255 * math.sqrt(0.5), abs=1)
    assert image[80, 80, 0] == pytest.approx(255 * math.sqrt(0.2), abs=1)


def test_a_glare_too_near_dims_the_face_but_leaves_its_shades() -> None:
    infrared, depth = _infrared(800.0)
    infrared[PERSON][:30] = 65535
    image = picture(infrared, depth, infrared_calibration(CALIBRATION), LIMITS)
    assert 100 > image[105, 80, 0] > image[95, 80, 0] > image[80, 80, 0] > 20


@pytest.mark.parametrize("level", [0, 1, 65535])
def test_infrared_without_any_shade_is_a_picture_without_any(level: int) -> None:
    even = np.full((SIDE_PX, SIDE_PX), level, np.uint16)
    assert (picture(even, _room(), CALIBRATION, LIMITS) == (0 if level == 0 else 255)).all()


def _frame(depth_mm: U16 | None, calibration: Calibration | None = CALIBRATION) -> Frame:
    return Frame(1, 1, _lit(90, 90), depth_mm, calibration)


def test_a_frame_without_measured_depth_is_no_sight() -> None:
    assert Sight.in_color(_frame(None)) is None
    assert Sight.in_color(_frame(_room(), None)) is None


def test_infrared_lies_on_the_grid_of_the_depth() -> None:
    camera = Intrinsics(320, 320, 730.0, 730.0, 160.0, 160.0)
    frame = Frame(1, 1, np.zeros((320, 320, 3), np.uint8), _room(), Calibration(camera, CAMERA, Registered()))
    sight = Sight.in_color(frame)
    assert sight is not None
    infrared = sight.in_infrared(np.ones((SIDE_PX, SIDE_PX), np.uint16), LIMITS)

    assert (infrared.modality, infrared.image.shape[:2]) == (Modality.INFRARED, (SIDE_PX, SIDE_PX))
    assert (infrared.calibration.color, infrared.calibration.depth) == (CAMERA, CAMERA)


@pytest.mark.parametrize("shape", [(SIDE_PX, SIDE_PX - 1), (SIDE_PX * 2, SIDE_PX * 2), (0, 0)])
def test_infrared_of_another_size_than_the_depth_is_the_sources_fault(shape: tuple[int, int]) -> None:
    sight = Sight.in_color(_frame(_room()))
    assert sight is not None
    with pytest.raises(SourceError, match="contradict its calibration: infrared image is"):
        sight.in_infrared(np.ones(shape, np.uint16), LIMITS)


def test_infrared_that_is_no_whole_numbers_is_no_frame() -> None:
    with pytest.raises(ValueError, match="infrared must be uint16"):
        Frame(1, 1, _lit(90, 90), _room(), CALIBRATION, infrared=np.full((SIDE_PX, SIDE_PX), np.nan))
