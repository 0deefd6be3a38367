"""What a driver hands over, against plain definitions."""

from dataclasses import replace
from math import inf, nan
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fakes.freenect2 import TYPICAL_COLOR, TYPICAL_IR
from kinect_unlock.align import landed
from kinect_unlock.arrays import F32, U16
from kinect_unlock.calibration import calibration_from_plain, calibration_to_plain
from kinect_unlock.errors import SourceError, SourceLost
from kinect_unlock.frames import Calibration, Intrinsics, KinectV2Polynomial, Registered
from kinect_unlock.sources.kinect_v2_frames import (
    COLOR,
    DEPTH,
    INFRARED,
    SHAPES,
    Counter,
    checked_array,
    factory_calibration,
    mirrored,
    put_color,
    put_depth,
    put_infrared,
)

any_floats = arrays(np.float32, (5, 7), elements=st.floats(width=32))
near_bounds = arrays(
    np.float32,
    (5, 7),
    elements=st.one_of(
        st.sampled_from([nan, inf, -inf, -1.0, 0.0, 499.9, 500.0, 500.5, 501.5, 8000.0, 8000.1, 65535.0, 65535.5, 7e4]),
        st.floats(0, 70_000, width=32),
    ),
)


@given(st.one_of(any_floats, near_bounds))
def test_depth_is_turned_round_and_rounded_and_holds_nothing_out_of_reach(depth: F32) -> None:
    out = np.full(depth.shape, 7, np.uint16)
    put_depth(depth, out)
    for (row, column), found in np.ndenumerate(out):
        z_mm = float(depth[row, depth.shape[1] - 1 - column])
        assert found == (round(z_mm) if 500 <= z_mm <= 8000 else 0)  # Python rounds halves to the even number, too


@given(st.one_of(any_floats, near_bounds))
def test_infrared_is_turned_round_rounded_and_cut(infrared: F32) -> None:
    out = np.full(infrared.shape, 7, np.uint16)
    put_infrared(infrared, out)
    for (row, column), found in np.ndenumerate(out):
        value = float(infrared[row, infrared.shape[1] - 1 - column])
        assert found == (0 if np.isnan(value) else round(min(max(value, 0.0), 65535.0)))


def test_colour_is_turned_round_in_the_very_memory_it_is_put_into() -> None:
    for width in (1, 2, 3, 16, 17, 1920):  # odd, even, and wider than a register
        bgrx = np.random.default_rng(width).integers(0, 256, (9, width, 4), dtype=np.uint8)
        memory = bytearray(9 * width * 3)
        before = bgrx.copy()
        put_color(bgrx, np.frombuffer(memory, np.uint8).reshape(9, width, 3))
        assert np.array_equal(np.frombuffer(memory, np.uint8).reshape(9, width, 3), bgrx[:, ::-1, 2::-1])
        assert np.array_equal(bgrx, before)


@given(depth=near_bounds)
def test_what_the_driver_owns_is_not_changed(depth: F32) -> None:
    before = depth.copy()
    put_depth(depth, np.empty(depth.shape, np.uint16))
    put_infrared(depth, np.empty(depth.shape, np.uint16))
    assert np.array_equal(depth, before, equal_nan=True)


class Said:
    """A frame that says its size and dies when it is looked into."""

    def __init__(self, width: int, height: int, bytes_per_pixel: int, array: Any = None) -> None:
        self.width, self.height, self.bytes_per_pixel = width, height, bytes_per_pixel
        self.sequence = self.timestamp = 0
        self._array = array

    def asarray(self) -> Any:
        assert self._array is not None, "memory was read though its size is wrong"
        return self._array


@pytest.mark.parametrize("said", [(0, 0, 4), (512, 423, 4), (424, 512, 4), (512, 424, 2), (1920, 1080, 4)])
def test_an_image_of_another_size_is_not_looked_into(said: tuple[int, int, int]) -> None:
    with pytest.raises(SourceLost, match=r"gave a depth image of .+ instead of 512x424 of 4: a transfer was cut short"):
        checked_array(DEPTH, Said(*said))


@pytest.mark.parametrize(
    "array", [np.zeros((424, 512), np.float64), np.zeros((512, 424), np.float32), np.zeros((424, 512, 4), np.uint8)]
)
def test_an_array_that_is_not_what_the_frame_says_is_refused(array: Any) -> None:
    with pytest.raises(SourceLost, match="no Kinect v2's"):
        checked_array(DEPTH, Said(512, 424, 4, array))


def test_shapes_are_a_kinects() -> None:
    assert (SHAPES.color, SHAPES.depth, SHAPES.infrared) == ((1080, 1920), (424, 512), (424, 512))
    for form, shape in ((COLOR, SHAPES.color), (DEPTH, SHAPES.depth), (INFRARED, SHAPES.infrared)):
        assert form.size_px[::-1] == shape == form.shape[:2]


@given(first=st.integers(0, 2**32 - 1), steps=st.lists(st.integers(0, 2**31 - 1), max_size=20))
@example(first=2**32 - 1, steps=[1, 0, 2**31 - 1, 2**31 - 1, 2**31 - 1])
def test_a_counter_goes_on_where_the_device_begins_again(first: int, steps: list[int]) -> None:
    counter = Counter("frame number")
    assert counter.now == 0
    assert counter.advance(first)
    total = first
    for step in steps:
        total += step
        assert counter.advance(total % 2**32) == (step > 0)
        assert counter.now == total


@given(first=st.integers(0, 2**32 - 1), back=st.integers(1, 2**31))
def test_a_counter_that_goes_back_is_a_lost_camera(first: int, back: int) -> None:
    counter = Counter("frame number")
    counter.advance(first)
    with pytest.raises(SourceLost, match=rf"frame number went back by {back}: it was reset"):
        counter.advance((first - back) % 2**32)
    assert counter.now == first


def reported(**changed: float) -> tuple[SimpleNamespace, SimpleNamespace]:
    """The binding's two records; ``ir_fx`` and the like change one number."""
    infrared, color = dict(TYPICAL_IR), dict(TYPICAL_COLOR)
    for name, value in changed.items():
        camera, _, key = name.partition("_")
        (infrared if camera == "ir" else color)[key] = value
    return SimpleNamespace(**infrared), SimpleNamespace(**color)


def test_the_factory_calibration_is_that_of_upright_images() -> None:
    calibration = factory_calibration(*reported(ir_p1=0.001, ir_p2=0.002))
    assert calibration.depth == Intrinsics(
        512, 424, 365.4, 365.4, 511 - 260.9, 205.6, k1=0.0956, k2=-0.277, k3=0.0975, p1=0.001, p2=-0.002
    )
    assert calibration.color == Intrinsics(1920, 1080, 1081.37, 1081.37, 959.5, 539.5)
    factory = calibration.depth_to_color
    assert isinstance(factory, KinectV2Polynomial)
    assert (factory.shift_d, factory.shift_m, factory.cx_px) == (863.0, -52.0, 959.5)
    assert factory.mx[7] == TYPICAL_COLOR["mx_x1y0"]
    assert factory.mx[9] == -TYPICAL_COLOR["mx_x0y0"]
    assert calibration_from_plain(calibration_to_plain(calibration)) == calibration


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ir_fx": 0.0}, "focal lengths"),
        ({"ir_fy": nan}, "finite"),
        ({"ir_k2": inf}, "finite"),
        ({"ir_fx": 40.0}, "infrared focal lengths 40, 365.4"),
        ({"ir_cx": -1.0}, "infrared centre -1, 205.6"),
        ({"ir_cy": 424.0}, "infrared centre"),
        ({"color_fx": 1e-38}, "colour focal lengths"),
        ({"color_fy": 9e9}, "colour focal lengths"),
        ({"color_cx": 5000.0}, "colour centre"),
        ({"color_shift_d": 0.0}, "shift_d must be positive"),
        ({"color_shift_m": nan}, "finite"),
        ({"color_mx_x3y0": -inf}, "finite"),
        ({"color_mx_x0y0": 5.0}, "depth image's middle would lie at"),
        ({"color_my_x0y0": -5.0}, "depth image's middle would lie at"),
        ({"color_shift_m": 1e30}, "depth image's middle would lie at"),
    ],
)
def test_numbers_that_are_no_cameras_are_refused(changed: dict[str, float], said: str) -> None:
    with pytest.raises(SourceError, match=rf"no usable factory calibration \(.*{said}.*\): it did not start"):
        factory_calibration(*reported(**changed))


def test_zeros_before_the_start_are_refused() -> None:
    infrared = SimpleNamespace(**dict.fromkeys(TYPICAL_IR, 0.0))
    color = SimpleNamespace(**dict.fromkeys(TYPICAL_COLOR, 0.0))
    with pytest.raises(SourceError, match="no usable factory calibration"):
        factory_calibration(infrared, color)


@st.composite
def calibrations(draw: st.DrawFn) -> Calibration:
    infrared, color = reported(
        ir_cx=draw(st.floats(200, 300)),
        ir_k1=draw(st.floats(0.08, 0.1)),
        ir_p1=draw(st.floats(-0.01, 0.01)),
        ir_p2=draw(st.floats(-0.01, 0.01)),
        color_cx=draw(st.floats(800, 1100)),
        color_shift_m=draw(st.floats(-80, 80)),
        color_mx_x2y1=draw(st.floats(-1e-3, 1e-3)),
        color_mx_x2y0=draw(st.floats(-1e-3, 1e-3)),
        color_my_x1y1=draw(st.floats(-1e-3, 1e-3)),
        color_my_x3y0=draw(st.floats(-1e-3, 1e-3)),
    )
    return factory_calibration(infrared, color)


@given(calibrations())
def test_a_mirror_in_a_mirror_shows_what_is(calibration: Calibration) -> None:
    twice = mirrored(mirrored(calibration))
    assert twice.depth.cx_px == pytest.approx(calibration.depth.cx_px)
    assert replace(twice.depth, cx_px=0.0) == replace(calibration.depth, cx_px=0.0)
    assert isinstance(twice.depth_to_color, KinectV2Polynomial)
    assert isinstance(calibration.depth_to_color, KinectV2Polynomial)
    assert twice.depth_to_color.mx == calibration.depth_to_color.mx
    assert twice.depth_to_color.my == calibration.depth_to_color.my
    assert twice.depth_to_color.shift_m == calibration.depth_to_color.shift_m


@settings(max_examples=10, deadline=None)
@given(calibration=calibrations(), seed=st.integers(0, 1000))
def test_mirrored_readings_land_where_the_mirrored_colour_image_shows_them(calibration: Calibration, seed: int) -> None:
    depth: U16 = np.random.default_rng(seed).integers(500, 4500, (424, 512)).astype(np.uint16)
    x_px, y_px, z_mm = landed(depth, calibration, 1)
    mirror_x_px, mirror_y_px, mirror_z_mm = landed(np.ascontiguousarray(depth[:, ::-1]), mirrored(calibration), 1)
    assert np.array_equal(mirror_z_mm[:, ::-1], z_mm)
    seen = np.isfinite(x_px)
    assert seen.mean() > 0.99
    assert np.abs((1919 - mirror_x_px[:, ::-1][seen]) - x_px[seen]).max() < 0.02  # float32 rays, undone by iteration
    assert np.abs(mirror_y_px[:, ::-1][seen] - y_px[seen]).max() < 0.02


def test_only_a_factory_calibration_can_be_mirrored() -> None:
    camera = Intrinsics(512, 424, 365.0, 365.0, 256.0, 212.0)
    with pytest.raises(TypeError, match="a Kinect v2's calibration is needed, not Registered"):
        mirrored(Calibration(camera, camera, Registered()))
