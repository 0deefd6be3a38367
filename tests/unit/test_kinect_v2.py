"""The Kinect v2's source against a driver that raises what would have ended the process."""

import sys
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fakes.freenect2 import TYPICAL_COLOR, TYPICAL_IR, FakeFreenect2, FrameType, Misuse, Shot
from kinect_unlock.clock import NS_PER_MS, ManualClock
from kinect_unlock.errors import DeviceMissing, DriverMissing, SourceError, SourceLost
from kinect_unlock.frames import KinectV2Polynomial, Origin
from kinect_unlock.settings import Source
from kinect_unlock.sources.base import Identified, Identity, Throttled
from kinect_unlock.sources.kinect_v2 import KinectV2Source, kinect_v2
from kinect_unlock.sources.kinect_v2_binding import import_binding
from kinect_unlock.sources.planes import Planes, ReadsInto

CPU = Source(pipeline="cpu")
Images: TypeAlias = dict[FrameType, NDArray[Any]]


def source(driver: FakeFreenect2, options: Source = CPU, clock: ManualClock | None = None) -> KinectV2Source:
    return KinectV2Source(options, clock or ManualClock(), binding=driver)


def opened(driver: FakeFreenect2, clock: ManualClock | None = None) -> KinectV2Source:
    made = source(driver, clock=clock)
    made.open()
    return made


def shots(*sequences: int) -> list[Shot]:
    return [Shot(sequence=sequence, timestamp=sequence * 266) for sequence in sequences]


def test_the_factory_makes_a_sensors_source_that_can_be_named_thinned_and_read_into() -> None:
    made = kinect_v2(CPU, ManualClock())
    assert made.origin is Origin.SENSOR
    assert isinstance(made, Identified)
    assert isinstance(made, Throttled)
    assert isinstance(made, ReadsInto)
    assert made.identity is None
    assert made.calibration is None


def test_another_origin_can_be_given() -> None:
    made = KinectV2Source(CPU, ManualClock(), binding=FakeFreenect2(), origin=Origin.STAND_IN)
    assert made.origin is Origin.STAND_IN


def test_a_camera_is_opened_in_the_order_that_is_safe_and_closed_once() -> None:
    driver = FakeFreenect2()
    made = opened(driver)
    assert driver.calls == ["enumerate", "open 012345 cpu", "listen to colour", "listen to depth", "start"]
    assert made.identity == Identity("Kinect v2", "012345", "4.0.3917.0", "cpu")
    assert made.calibration is not None
    assert isinstance(made.calibration.depth_to_color, KinectV2Polynomial)
    made.close()
    made.close()
    assert driver.calls[5:] == ["stop", "close"]
    assert made.identity is None


def test_it_can_be_opened_again_after_closing_but_not_before() -> None:
    driver = FakeFreenect2()
    made = opened(driver)
    with pytest.raises(SourceError, match="Kinect v2 012345 is open already"):
        made.open()
    made.close()
    made.open()
    assert driver.calls.count("start") == 2
    made.close()


def test_closing_what_was_never_open_does_nothing() -> None:
    driver = FakeFreenect2()
    source(driver).close()
    assert driver.calls == []


def test_reading_what_is_not_open_says_so() -> None:
    with pytest.raises(SourceError, match="the Kinect v2 is not open"):
        source(FakeFreenect2()).read(0.1)


@pytest.mark.parametrize(("pipeline", "passed"), [("auto", "cpu"), ("cpu", "cpu"), ("opencl", "opencl")])
def test_the_pipeline_is_always_named(pipeline: Any, passed: str) -> None:
    driver = FakeFreenect2()
    made = source(driver, Source(pipeline=pipeline))
    made.open()
    assert driver.calls[1] == f"open 012345 {passed}"
    assert made.identity is not None
    assert made.identity.pipeline == passed
    made.close()


def test_a_pipeline_that_the_library_lacks_is_refused_before_the_camera_is_touched() -> None:
    driver = FakeFreenect2()
    with pytest.raises(SourceError, match="built without the opengl pipeline"):
        source(driver, Source(pipeline="opengl")).open()
    assert driver.calls == ["enumerate"]


def test_opengl_is_refused_where_no_display_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def exits() -> None:
        raise Misuse("exit(-1)")

    driver = FakeFreenect2()
    driver.OpenGLPacketPipeline = exits  # type: ignore[attr-defined]
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(SourceError, match="the opengl pipeline needs a display"):
        source(driver, Source(pipeline="opengl")).open()
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    with pytest.raises(Misuse, match=r"exit\(-1\)"):
        source(driver, Source(pipeline="opengl")).open()


def test_no_camera_is_missing_and_nothing_is_opened() -> None:
    for serials in ((), (b"",)):  # the second: there, but its serial number cannot be read
        driver = FakeFreenect2(serials=serials)
        with pytest.raises(DeviceMissing, match="sees no Kinect v2: connect it to power and to a USB 3 port"):
            source(driver).open()
        assert driver.calls == ["enumerate"]


def test_a_camera_is_chosen_by_its_serial_number() -> None:
    driver = FakeFreenect2(serials=(b"first", b"second"))
    made = source(driver, Source(device="second", pipeline="cpu"))
    made.open()
    assert driver.calls[1] == "open second cpu"
    made.close()


def test_a_serial_number_that_is_not_there_is_told_with_those_that_are() -> None:
    driver = FakeFreenect2(serials=(b"first", b"se\x07cond"))
    with pytest.raises(DeviceMissing, match=r"serial number 'third'; present: first, se\?cond; set source\.device"):
        source(driver, Source(device="third", pipeline="cpu")).open()
    assert driver.calls == ["enumerate"]


def test_another_camera_than_was_asked_for_is_closed_again() -> None:
    driver = FakeFreenect2(opened_serial=b"other")
    made = source(driver)
    with pytest.raises(SourceError, match="opened Kinect v2 'other' instead of '012345'"):
        made.open()
    assert driver.calls[-2:] == ["stop", "close"]
    assert "start" not in driver.calls
    assert made.identity is None


def test_a_camera_that_did_not_start_is_told_by_its_numbers_and_closed() -> None:
    driver = FakeFreenect2(infrared=dict.fromkeys(TYPICAL_IR, 0.0), color=dict.fromkeys(TYPICAL_COLOR, 0.0))
    with pytest.raises(SourceError, match="no usable factory calibration"):
        source(driver).open()
    assert driver.calls[-2:] == ["stop", "close"]


def test_a_null_device_reaches_the_process_that_must_die_of_it() -> None:
    """Nothing in Python can tell a null device from an open one; the child ends, and its parent sees that."""
    with pytest.raises(Misuse, match="null"):
        source(FakeFreenect2(opens=False)).open()


def test_a_frame_is_upright_in_our_units_and_outlives_its_buffers() -> None:
    rng = np.random.default_rng(5)
    bgrx = rng.integers(0, 256, (1080, 1920, 4), dtype=np.uint8)
    depth = rng.uniform(0, 9000, (424, 512)).astype(np.float32)
    infrared = rng.uniform(-10, 70_000, (424, 512)).astype(np.float32)
    depth[3, 4:8] = (np.nan, np.inf, -np.inf, -3.0)
    images: Images = {FrameType.Color: bgrx.copy(), FrameType.Ir: infrared.copy(), FrameType.Depth: depth.copy()}
    driver = FakeFreenect2([Shot(sequence=71, timestamp=8000, images=images)])
    clock = ManualClock(start_ns=123_456)
    made = opened(driver, clock)
    frame = made.read(0.3)
    assert frame is not None
    assert driver.unreleased == 0
    assert (frame.seq, frame.captured_ns, frame.device_us) == (71, 123_456, 1_000_000)
    assert frame.calibration is made.calibration
    assert np.array_equal(frame.color, bgrx[:, ::-1, 2::-1])
    upright = depth[:, ::-1]
    within = (upright >= 500) & (upright <= 8000)
    assert frame.depth_mm is not None
    assert np.array_equal(frame.depth_mm, np.where(within, np.rint(np.where(within, upright, 0)), 0))
    assert frame.infrared is not None
    assert np.array_equal(frame.infrared, np.rint(np.clip(infrared[:, ::-1], 0, 65535)))
    made.close()


def test_a_wait_in_vain_gives_nothing_and_touches_nothing() -> None:
    driver = FakeFreenect2([None])
    made = opened(driver)
    assert made.read(0.3) is None
    assert driver.waits_ms == [300]
    made.close()


@pytest.mark.parametrize(("timeout_s", "wait_ms"), [(0.0, 0), (-1.0, 0), (0.0001, 1), (1e9, 3_600_000)])
def test_no_wait_is_for_ever(timeout_s: float, wait_ms: int) -> None:
    driver = FakeFreenect2([None])
    made = opened(driver)
    assert made.read(timeout_s) is None
    assert driver.waits_ms == [wait_ms]
    made.close()


@pytest.mark.parametrize("kind", list(FrameType))
def test_a_transfer_cut_short_is_a_lost_camera_and_still_released(kind: FrameType) -> None:
    driver = FakeFreenect2([Shot(said={kind: {"height": 100}})])
    made = opened(driver)
    with pytest.raises(SourceLost, match="100 pixels of 4 bytes instead of"):
        made.read(0.1)
    assert driver.unreleased == 0
    made.close()


def test_garbage_depth_is_no_reading() -> None:
    images: Images = {
        FrameType.Color: np.zeros((1080, 1920, 4), np.uint8),
        FrameType.Ir: np.full((424, 512), np.nan, np.float32),
        FrameType.Depth: np.full((424, 512), -np.inf, np.float32),
    }
    made = opened(FakeFreenect2([Shot(images=images)]))
    frame = made.read(0.1)
    assert frame is not None
    assert frame.depth_mm is not None
    assert not frame.depth_mm.any()
    assert frame.infrared is not None
    assert not frame.infrared.any()
    made.close()


def test_lost_frames_show_as_a_gap_and_the_count_goes_on_past_32_bits() -> None:
    made = opened(FakeFreenect2(shots(2**32 - 2, 2**32 - 1, 3)))
    found = [made.read(0.1) for _ in range(3)]
    assert [frame and frame.seq for frame in found] == [2**32 - 2, 2**32 - 1, 2**32 + 3]
    made.close()


def test_a_frame_that_was_seen_already_is_not_given_again() -> None:
    driver = FakeFreenect2([*shots(5, 5), None])
    made = opened(driver)
    assert made.read(0.1) is not None
    assert made.read(0.1) is None
    assert driver.unreleased == 0
    made.close()


def test_infrared_of_another_moment_than_depth_is_not_given() -> None:
    mixed = Shot(sequence=5, said={FrameType.Ir: {"sequence": 6}})
    driver = FakeFreenect2([mixed, *shots(6)])
    made = opened(driver)
    frame = made.read(0.1)
    assert frame is not None
    assert frame.seq == 6
    made.close()


def test_a_camera_that_counts_anew_is_lost() -> None:
    driver = FakeFreenect2(shots(100, 1))
    made = opened(driver)
    made.read(0.1)
    with pytest.raises(SourceLost, match="frame number went back by 99: it was reset"):
        made.read(0.1)
    assert driver.unreleased == 0
    made.close()


class Ticking(FakeFreenect2):
    """Each shot comes 33 ms after the one before it."""

    def __init__(self, count: int, clock: ManualClock) -> None:
        super().__init__(shots(*range(count)))
        self._clock = clock

    def FrameMap(self) -> Any:  # type: ignore[override]  # noqa: N802 - the binding's name; asked for before each wait
        self._clock.advance(33 * NS_PER_MS)
        return super().FrameMap()


def test_frames_that_are_not_wanted_are_released_without_being_converted(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock()
    driver = Ticking(31, clock)
    made = opened(driver, clock)
    converted: list[object] = []
    monkeypatch.setattr("kinect_unlock.sources.kinect_v2.put_color", lambda *planes: converted.append(planes))
    made.throttle(10.0)
    found = []
    while (frame := made.read(1.0)) is not None:
        found.append(frame.seq)
    assert 10 <= len(found) <= 11
    assert len(converted) == len(found)
    assert driver.unreleased == 0
    made.throttle(None)
    driver.shots = list(shots(40, 41, 42))
    assert [frame and frame.seq for frame in (made.read(1.0), made.read(1.0), made.read(1.0))] == [40, 41, 42]
    made.close()


def test_frames_that_are_not_wanted_do_not_prolong_a_read() -> None:
    clock = ManualClock()
    driver = Ticking(100, clock)
    made = opened(driver, clock)
    made.throttle(0.001)
    assert made.read(0.1) is not None
    before_ns = clock.monotonic_ns()
    assert made.read(0.1) is None
    assert clock.monotonic_ns() - before_ns <= 140 * NS_PER_MS
    made.close()


def test_pixels_can_go_straight_into_memory_of_the_users() -> None:
    images: Images = {kind: np.full((424, 512), 900.0, np.float32) for kind in (FrameType.Ir, FrameType.Depth)}
    images[FrameType.Color] = np.full((1080, 1920, 4), 9, np.uint8)
    made = opened(FakeFreenect2([Shot(sequence=4, images=images)]))
    memory = bytearray(1080 * 1920 * 3 + 2 * 424 * 512 * 2)
    whole = np.frombuffer(memory, np.uint8)
    color, rest = np.split(whole, [1080 * 1920 * 3])
    depth, infrared = rest.view(np.uint16).reshape(2, 424, 512)
    stamp = made.read_into(Planes(color.reshape(1080, 1920, 3), depth, infrared), 0.1)
    assert stamp is not None
    assert stamp.seq == 4
    assert set(np.unique(np.frombuffer(memory, np.uint8)[: 1080 * 1920 * 3])) == {9}
    assert set(np.unique(np.frombuffer(memory, np.uint16)[1080 * 1920 * 3 // 2 :])) == {900}
    made.close()


def test_memory_that_a_frame_cannot_be_put_into_in_place_is_refused() -> None:
    made = opened(FakeFreenect2(shots(1)))
    good = Planes.empty(made.shapes)
    for bad in (
        Planes(good.color[:, ::2], good.depth_mm, good.infrared),
        Planes(good.color, None, good.infrared),
        Planes(good.color, good.depth_mm, np.zeros((424, 512), np.uint8)),
        Planes(np.zeros((1080, 1920, 4), np.uint8)[..., :3], good.depth_mm, good.infrared),
    ):
        with pytest.raises(ValueError, match=r"contiguous and writable|has such an image"):
            made.read_into(bad, 0.1)
    made.close()


@settings(deadline=None, max_examples=30)
@given(
    steps=st.lists(st.one_of(st.none(), st.integers(-2, 3), st.sampled_from(list(FrameType))), max_size=12),
)
def test_whatever_comes_every_buffer_is_released_and_frames_rise(steps: list[int | FrameType | None]) -> None:
    sequence, script = 10, list[Shot | None]()
    for step in steps:
        match step:
            case None:
                script.append(None)
            case FrameType():
                script.append(Shot(sequence=sequence, said={step: {"width": 3}}))
            case _:
                sequence += step
                script.append(Shot(sequence=sequence))
    driver = FakeFreenect2(script)
    made = opened(driver)
    found = []
    while driver.shots:
        try:
            frame = made.read(0.0)
        except SourceLost:
            continue
        finally:
            assert driver.unreleased == 0
        if frame is not None:
            found.append(frame.seq)
    assert found == sorted(set(found))
    made.close()


def failing_import(monkeypatch: pytest.MonkeyPatch, folder: Path, code: str) -> None:
    """Put a pylibfreenect2 in the way that ends in ``code``."""
    package = folder / "pylibfreenect2"
    package.mkdir()
    (package / "__init__.py").write_text(code)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "pylibfreenect2", raising=False)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import pylibfreenect2.nothing_like_it", r"cannot be loaded \(ModuleNotFoundError: .+pip uninstall"),
        (
            "raise ModuleNotFoundError(\"No module named 'pkg_resources'\", name='pkg_resources')",
            r"which setuptools 82 dropped: pip install 'setuptools>=77,<82'",
        ),
        (
            "raise ImportError('libfreenect2.so.0.2: cannot open shared object file')",
            r"cannot load the native library \(libfreenect2\.so\.0\.2.+build libfreenect2 .+ldconfig",
        ),
        ("raise OSError('libOpenCL.so.1')", r"cannot be loaded \(OSError: libOpenCL\.so\.1\)"),
        ("raise ValueError('numpy.dtype size changed')", r"cannot be loaded \(ValueError: numpy\.dtype size changed\)"),
        ("import warnings\nwarnings.warn('pkg_resources is deprecated')\nraise OSError('later')", "OSError: later"),
    ],
)
def test_a_binding_that_cannot_be_used_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: str, said: str
) -> None:
    failing_import(monkeypatch, tmp_path, code)
    with pytest.raises(DriverMissing, match=said):
        kinect_v2(CPU, ManualClock()).open()


def test_a_binding_that_is_not_installed_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pylibfreenect2", None)  # as if it were not there, wherever this runs
    with pytest.raises(DriverMissing, match=r"pylibfreenect2 is not installed: build libfreenect2 .+pip install"):
        import_binding()


def test_importing_the_source_imports_no_driver() -> None:
    assert "pylibfreenect2" not in sys.modules
