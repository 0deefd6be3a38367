import numpy as np
import pytest

from kinect_unlock.arrays import U16
from kinect_unlock.figures import LEAST_AREA_M2, figures_in
from kinect_unlock.frames import Calibration, Intrinsics, Registered

CAMERA = Intrinsics(512, 424, 366.0, 366.0, 256.0, 212.0)
CALIBRATION = Calibration(CAMERA, CAMERA, Registered())
NEAR_MM, FAR_MM = 400.0, 1700.0


def room(*boxes: tuple[float, float, float, float], wall_mm: int = 3000) -> U16:
    """Return a room with boards in it: middle across, distance, width and height, all in millimetres."""
    depth_mm = np.full((424, 512), wall_mm, np.uint16)
    for x_mm, z_mm, width_mm, height_mm in sorted(boxes, key=lambda box: -box[1]):
        middle, half = 256 + 366 * x_mm / z_mm, 366 * width_mm / z_mm / 2
        tall = 366 * height_mm / z_mm / 2
        left, right = (int(np.clip(edge, 0, 512)) for edge in (middle - half, middle + half))
        top, bottom = (int(np.clip(edge, 0, 424)) for edge in (212 - tall, 212 + tall))
        depth_mm[top:bottom, left:right] = round(z_mm)
    return depth_mm


def test_a_person_is_found_where_they_are() -> None:
    (figure,) = figures_in(room((200.0, 900.0, 400.0, 500.0)), CALIBRATION, NEAR_MM, FAR_MM)
    assert figure.distance_mm == pytest.approx(900.0)
    assert figure.x_mm == pytest.approx(200.0, abs=15.0)
    assert figure.area_m2 == pytest.approx(0.2, rel=0.1)


def test_two_people_side_by_side_or_one_behind_the_other_are_two_nearest_first() -> None:
    boxes = ((-350.0, 1000.0, 400.0, 600.0), (100.0, 1400.0, 600.0, 600.0))
    found = figures_in(room(*boxes), CALIBRATION, NEAR_MM, FAR_MM)
    assert [round(figure.distance_mm) for figure in found] == [1000, 1400]


@pytest.mark.parametrize(
    "box",
    [
        pytest.param((0.0, 800.0, 100.0, 150.0), id="a hand"),
        pytest.param((0.0, 1900.0, 500.0, 600.0), id="beyond the range"),
        pytest.param((0.0, 350.0, 300.0, 200.0), id="before the range"),
    ],
)
def test_what_is_too_small_or_out_of_range_is_nobody(box: tuple[float, float, float, float]) -> None:
    assert figures_in(room(box), CALIBRATION, NEAR_MM, FAR_MM) == ()


def test_an_empty_room_a_room_without_readings_and_a_slanted_floor_are_nobody() -> None:
    floor = np.tile(np.linspace(3000, 1800, 424).astype(np.uint16)[:, np.newaxis], (1, 512))
    for depth_mm in (room(), np.zeros((424, 512), np.uint16), floor):
        assert figures_in(depth_mm, CALIBRATION, NEAR_MM, FAR_MM) == ()


def test_the_least_figure_is_larger_than_a_face() -> None:
    face_m2 = 0.14 * 0.18
    assert face_m2 < LEAST_AREA_M2


def test_depth_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="depth image is"):
        figures_in(np.zeros((10, 10), np.uint16), CALIBRATION, NEAR_MM, FAR_MM)
