from dataclasses import replace

import numpy as np
import pytest

from kinect_unlock.align import landed
from kinect_unlock.arrays import F64
from kinect_unlock.errors import SourceError
from kinect_unlock.frames import Calibration, Extrinsic, Intrinsics, KinectV2Polynomial, Registered
from kinect_unlock.sources.stand_in_driver.geometry import KinectForm, kinect_form, numbers
from kinect_unlock_lab.sensor import DEMO_CROP, nominal_kinect

_COLOR = Intrinsics(640, 480, 525.0, 525.0, 319.5, 239.5)
_DEPTH = Intrinsics(320, 240, 285.0, 285.0, 160.0, 119.0)
_BENT = replace(_DEPTH, k1=0.09, k2=-0.27, k3=0.09)


def _extrinsic(degrees: float, translation_mm: tuple[float, float, float]) -> Extrinsic:
    turn = np.radians(degrees)
    rotation: F64 = np.array(
        [[np.cos(turn), 0, np.sin(turn)], [0, 1, 0], [-np.sin(turn), 0, np.cos(turn)]], dtype=np.float64
    )
    return Extrinsic(rotation, np.array(translation_mm, dtype=np.float64))


def _worst_px(recorded: Calibration, form: KinectForm, z_mm: int) -> float:
    """Map every reading of a plane with both calibrations, and compare where they fall in the enlarged colour."""
    depth, (left, top) = recorded.depth, form.depth_at_px
    plane = np.full((depth.height_px, depth.width_px), z_mm, np.uint16)
    whole = np.zeros((424, 512), np.uint16)
    part = (slice(top, top + depth.height_px), slice(left, left + depth.width_px))
    whole[part] = plane
    x_px, y_px, _ = landed(plane, recorded, 1)
    moved_x, moved_y, _ = landed(whole, form.calibration, 1)
    by = form.enlarged_by
    wanted_x, wanted_y = (
        (at + 0.5) * by - 0.5 + corner for at, corner in zip((x_px, y_px), form.color_at_px, strict=True)
    )
    return float(max(np.abs(moved_x[part] - wanted_x).max(), np.abs(moved_y[part] - wanted_y).max()))


def test_a_reduced_and_cropped_kinect_becomes_the_whole_one_again() -> None:
    form = kinect_form(nominal_kinect(DEMO_CROP))

    assert (form.enlarged_by, form.color_at_px, form.depth_at_px) == (2, (448, 60), (0, 0))
    whole = nominal_kinect()
    assert form.calibration.depth == whole.depth
    found, wanted = (numbers(calibration).color for calibration in (form.calibration, whole))
    assert found == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize(
    "recorded",
    [
        pytest.param(Calibration(_COLOR, _COLOR, Registered()), id="larger than a Kinect's depth"),
        pytest.param(Calibration(replace(_COLOR, width_px=1921), _DEPTH, Registered()), id="wider than 1920"),
    ],
)
def test_what_is_larger_than_a_kinects_is_refused(recorded: Calibration) -> None:
    with pytest.raises(SourceError, match="more than a Kinect v2's 1920x1080 and 512x424"):
        kinect_form(recorded)


@pytest.mark.parametrize(
    ("mapping", "at_most_px"),
    [
        pytest.param(_extrinsic(0.0, (-52.0, 0.0, 0.0)), 1e-2, id="side by side"),
        pytest.param(_extrinsic(1.0, (25.0, 0.0, 0.0)), 1.0, id="slightly turned"),
    ],
)
@pytest.mark.parametrize("z_mm", [500, 800, 4500])
def test_two_cameras_are_said_in_the_factorys_numbers(mapping: Extrinsic, at_most_px: float, z_mm: int) -> None:
    recorded = Calibration(_COLOR, _DEPTH, mapping)

    assert _worst_px(recorded, kinect_form(recorded), z_mm) <= at_most_px


@pytest.mark.parametrize("z_mm", [500, 800, 4500])
def test_images_on_one_grid_are_said_in_the_factorys_numbers(z_mm: int) -> None:
    recorded = Calibration(_DEPTH, _DEPTH, Registered())

    assert _worst_px(recorded, kinect_form(recorded), z_mm) <= 1e-2


@pytest.mark.parametrize(
    "recorded",
    [
        pytest.param(Calibration(_COLOR, _DEPTH, _extrinsic(0.0, (0.0, 40.0, 0.0))), id="one above the other"),
        pytest.param(Calibration(_COLOR, _DEPTH, _extrinsic(0.0, (-20.0, 0.0, 60.0))), id="one behind the other"),
        pytest.param(Calibration(_BENT, _BENT, Registered()), id="one grid behind a lens that bends"),
    ],
)
def test_cameras_that_the_factorys_model_cannot_say_are_refused(recorded: Calibration) -> None:
    with pytest.raises(SourceError, match="cannot say this recording's depth_to_color: they are off by up to"):
        kinect_form(recorded)


def test_what_a_kinect_reports_has_the_bindings_names() -> None:
    found = numbers(nominal_kinect())

    assert len(found.ir) == 9
    assert len(found.color) == 26
    assert isinstance(nominal_kinect().depth_to_color, KinectV2Polynomial)
    assert (found.ir["k2"], found.color["mx_x1y0"], found.color["my_x0y1"]) == (-0.269, 0.6506, 0.6501)


def test_only_a_factory_calibration_is_reported() -> None:
    with pytest.raises(ValueError, match="not Registered"):
        numbers(Calibration(_DEPTH, _DEPTH, Registered()))
