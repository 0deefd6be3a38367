import numpy as np
import pytest

from kinect_unlock.arrays import U16
from kinect_unlock.frames import Calibration, Extrinsic, Intrinsics, Registered
from kinect_unlock.observations import Box
from kinect_unlock.region import near_region
from kinect_unlock.settings import PoseRange

_DEPTH = Intrinsics(512, 424, 365.0, 365.0, 256.0, 212.0)
_COLOR = Intrinsics(1920, 1080, 1060.0, 1060.0, 960.0, 540.0)
_BASELINE_MM = 52.0
_APART = Calibration(_COLOR, _DEPTH, Extrinsic(np.eye(3), np.array([_BASELINE_MM, 0.0, 0.0])))
_SAME = Calibration(_DEPTH, _DEPTH, Registered())
_LIMITS = PoseRange(near_mm=450, far_mm=1350, yaw_deg=35, pitch_deg=30, roll_deg=25)


def _room(*people: tuple[int, int, int]) -> U16:
    """A room with a wall at 3 m and a body 60 pixels wide and 150 high at each (column, row, distance)."""
    depth = np.full((424, 512), 3000, np.uint16)
    for column, row, z_mm in people:
        depth[row - 75 : row + 75, column - 30 : column + 30] = z_mm
    return depth


def _holds(region: Box, x_px: float, y_px: float) -> bool:
    return (
        region.x_px <= x_px <= region.x_px + region.width_px and region.y_px <= y_px <= region.y_px + region.height_px
    )


def test_an_empty_room_has_no_region() -> None:
    assert near_region(_room(), _APART, _LIMITS) is None
    assert near_region(np.zeros((424, 512), np.uint16), _APART, _LIMITS) is None


def test_the_region_holds_the_whole_person_where_colour_sees_it_and_little_else() -> None:
    z_mm = 1000
    region = near_region(_room((200, 200, z_mm)), _APART, _LIMITS)

    assert region is not None
    for column in (170, 229):
        for row in (125, 274):
            x_mm, y_mm = (column - 256) / 365 * z_mm, (row - 212) / 365 * z_mm
            x_px, y_px = (x_mm + _BASELINE_MM) / z_mm * 1060 + 960, y_mm / z_mm * 1060 + 540
            assert _holds(region, x_px, y_px)
            assert _holds(region, x_px + (90 if column > 200 else -90), y_px)  # hair has no readings
    assert region.width_px < 60 / 365 * 1060 + 2 * 130


def test_everybody_in_reach_is_inside() -> None:
    region = near_region(_room((150, 200, 900), (380, 220, 1600)), _SAME, _LIMITS)

    assert region is not None
    assert _holds(region, 150, 200)
    assert _holds(region, 380, 220)


def test_what_stands_farther_away_is_outside() -> None:
    region = near_region(_room((120, 200, 900), (400, 220, 1900)), _SAME, _LIMITS)

    assert region is not None
    assert not _holds(region, 400, 220)


def test_somebody_nearer_than_the_range_is_inside_too() -> None:
    region = near_region(_room((150, 200, 300), (380, 220, 900)), _SAME, _LIMITS)

    assert region is not None
    assert _holds(region, 150, 200)


def test_flying_pixels_do_not_widen_the_region() -> None:
    depth = _room((200, 200, 1000))
    depth[20, 480] = depth[400, 8] = 900

    region = near_region(depth, _SAME, _LIMITS)

    assert region is not None
    assert not _holds(region, 480, 20)
    assert not _holds(region, 8, 400)


def test_a_person_whom_colour_does_not_see_means_the_whole_image() -> None:
    narrow = Calibration(Intrinsics(100, 80, 1060.0, 1060.0, 50.0, 40.0), _DEPTH, _APART.depth_to_color)

    assert near_region(_room((40, 100, 600)), narrow, _LIMITS) == Box(0.0, 0.0, 100.0, 80.0)


def test_a_depth_image_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="the calibration is for"):
        near_region(np.full((100, 100), 900, np.uint16), _APART, _LIMITS)
