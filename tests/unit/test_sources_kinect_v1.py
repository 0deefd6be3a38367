"""The Kinect v1's source on a library that is scripted, on the real one without a camera, and what it refuses."""

# ruff: noqa: ARG002 - the scripted library takes what the real one takes

from ctypes import CDLL, c_void_p
from typing import Any

import numpy as np
import pytest

from kinect_unlock.arrays import U8, U16
from kinect_unlock.clock import NS_PER_S, ManualClock, SystemClock
from kinect_unlock.errors import DeviceMissing, DriverMissing, SourceError, SourceLost
from kinect_unlock.frames import Origin, Registered
from kinect_unlock.settings import Source
from kinect_unlock.sources.base import FrameSource, Identified, Identity, Throttled
from kinect_unlock.sources.drivers import DRIVERS
from kinect_unlock.sources.kinect_v1 import CALIBRATION, HEIGHT_PX, WIDTH_PX, KinectV1Source, kinect_v1
from kinect_unlock.sources.kinect_v1_library import LIBRARY, Libfreenect
from kinect_unlock.sources.planes import Planes, ReadsInto

_STEP_NS = 10_000_000


class Scripted(Libfreenect):
    """libfreenect with a script of events: ``c`` a colour image, ``d`` a depth image, ``-`` nothing, ``x`` lost."""

    def __init__(
        self, script: str, clock: ManualClock, *, serials: tuple[str, ...] = ("A22",), devices: int = 1
    ) -> None:
        self.calls: list[str] = []
        self._script = iter(script)
        self._clock = clock
        self._serials = serials
        self._devices = devices
        self._images = 0
        self.refuses = ""

    def init(self) -> c_void_p | None:
        self.calls.append("init")
        return None if self.refuses == "init" else c_void_p(1)

    def select_camera(self, context: c_void_p) -> None:
        self.calls.append("select_camera")

    def device_count(self, context: c_void_p) -> int:
        return self._devices

    def serials(self, context: c_void_p) -> list[str]:
        return list(self._serials)

    def open(self, context: c_void_p, serial: str) -> c_void_p | None:
        self.calls.append(f"open {serial}")
        return None if self.refuses == "open" else c_void_p(2)

    def set_modes(self, device: c_void_p) -> int:
        return -1 if self.refuses == "modes" else 0

    def set_buffers(self, device: c_void_p, color: U8, depth_mm: U16) -> int:
        self._color, self._depth = color, depth_mm
        return 0

    def set_callbacks(self, device: c_void_p, on_color: Any, on_depth: Any) -> list[Any]:
        self._on_color, self._on_depth = on_color, on_depth
        return []

    def start(self, device: c_void_p) -> int:
        return -1 if self.refuses == "start" else 0

    def process_events(self, context: c_void_p, timeout_s: float) -> int:
        match next(self._script, "-"):
            case "c":
                self._images += 1
                self._color[:] = self._images
                self._on_color()
            case "d":
                self._images += 1
                self._depth[:] = 1000 + self._images
                self._depth[0, 0] = 10_000
                self._on_depth()
            case "x":
                return -4
            case _:
                self._clock.advance(int(timeout_s * NS_PER_S))
                return 0
        self._clock.advance(_STEP_NS)
        return 0

    def close(self, device: c_void_p) -> None:
        self.calls.append("close")

    def shutdown(self, context: c_void_p) -> None:
        self.calls.append("shutdown")


def _source(script: str, *, device: str | None = None, **scripted: Any) -> tuple[KinectV1Source, Scripted]:
    clock = ManualClock()
    library = Scripted(script, clock, **scripted)
    return KinectV1Source(Source(kind="kinect-v1", device=device), clock, library=lambda: library), library


def _opened(script: str) -> KinectV1Source:
    source, _ = _source(script)
    source.open()
    return source


def test_a_frame_is_the_newest_colour_with_the_newest_depth() -> None:
    source = _opened("dccdcd")

    first, second = source.read(1.0), source.read(1.0)

    assert first is not None
    assert second is not None
    assert first.depth_mm is not None
    assert (first.seq, first.color[0, 0, 0], first.depth_mm[1, 1]) == (0, 2, 1001)
    assert (second.seq, second.color[0, 0, 0]) == (1, 3)
    assert second.captured_ns > first.captured_ns


def test_it_waits_for_both_images_and_no_longer_than_it_may() -> None:
    source = _opened("ccc")

    assert source.read(0.5) is None


def test_an_image_that_came_before_a_time_out_is_not_lost() -> None:
    source = _opened("c--d")

    assert source.read(0.5) is None
    assert source.read(0.5) is not None


def test_a_reading_past_the_librarys_table_is_none() -> None:
    frame = _opened("cd").read(1.0)

    assert frame is not None
    assert frame.depth_mm is not None
    assert frame.depth_mm[0, 0] == 0
    assert frame.depth_mm[0, 1] == 1002


def test_frames_are_copies_of_the_librarys_buffers() -> None:
    source = _opened("cdcd")
    first = source.read(1.0)
    source.read(1.0)

    assert first is not None
    assert (first.color == 1).all()


def test_it_reads_into_its_users_arrays() -> None:
    source = _opened("cd")
    planes = Planes.empty(source.shapes)

    stamp = source.read_into(planes, 1.0)

    assert stamp is not None
    assert planes.depth_mm is not None
    assert planes.depth_mm[5, 5] == 1002
    with pytest.raises(ValueError, match="contiguous and writable"):
        source.read_into(Planes(planes.color[::2], planes.depth_mm, None), 1.0)


def test_a_throttled_source_leaves_frames_out() -> None:
    source = _opened("cd" * 10)
    source.throttle(1e9 / (4 * _STEP_NS))

    given = [source.read(0.02) for _ in range(10)]

    assert [frame is not None for frame in given] == [True, False] * 5


def test_what_it_is_is_known_while_it_is_open() -> None:
    source, _ = _source("")
    before = (source.identity, source.calibration)
    source.open()
    during = (source.identity, source.calibration)
    source.close()

    assert before == (None, None) == (source.identity, source.calibration)
    assert during == (Identity("Kinect v1", "A22"), CALIBRATION)


def test_colour_and_depth_share_one_grid_at_the_makers_focal_length() -> None:
    assert CALIBRATION.color == CALIBRATION.depth
    assert isinstance(CALIBRATION.depth_to_color, Registered)
    assert (CALIBRATION.color.width_px, CALIBRATION.color.height_px) == (WIDTH_PX, HEIGHT_PX)
    # The maker's nominal horizontal field of view of the colour camera is 62 degrees.
    assert np.degrees(2 * np.arctan(WIDTH_PX / 2 / CALIBRATION.color.fx_px)) == pytest.approx(62.0, abs=0.3)


@pytest.mark.parametrize(
    ("device", "scripted", "words"),
    [
        (None, {"serials": (), "devices": 0}, "sees no Kinect v1: connect it"),
        (None, {"serials": (), "devices": 1}, "may not open it: .* udev rule"),
        ("B33", {"serials": ("A22", "C44")}, "serial number 'B33'; present: A22, C44"),
    ],
)
def test_a_missing_camera_is_told_with_the_next_step(device: str | None, scripted: dict[str, Any], words: str) -> None:
    source, library = _source("", device=device, **scripted)

    with pytest.raises(DeviceMissing, match=words):
        source.open()
    assert library.calls == ["init", "select_camera", "shutdown"]


def test_the_camera_is_chosen_by_its_serial_number() -> None:
    source, library = _source("", device="C44", serials=("A22", "C44"))
    source.open()

    assert "open C44" in library.calls


@pytest.mark.parametrize(
    ("refuses", "fault", "words", "calls"),
    [
        ("init", SourceError, "cannot use USB", ["init"]),
        ("open", DeviceMissing, "A22 cannot be opened", ["init", "select_camera", "open A22", "shutdown"]),
        ("modes", SourceError, "does not start", ["init", "select_camera", "open A22", "close", "shutdown"]),
        ("start", SourceError, "does not start", ["init", "select_camera", "open A22", "close", "shutdown"]),
    ],
)
def test_what_the_library_refuses_is_undone(
    refuses: str, fault: type[SourceError], words: str, calls: list[str]
) -> None:
    source, library = _source("")
    library.refuses = refuses

    with pytest.raises(fault, match=words):
        source.open()
    assert library.calls == calls


def test_a_failing_library_is_a_lost_source() -> None:
    source = _opened("cdx")
    source.read(1.0)

    with pytest.raises(SourceLost, match="error -4"):
        source.read(1.0)


def test_it_is_opened_once_and_closed_as_often_as_one_likes() -> None:
    source, library = _source("")
    source.close()
    source.open()
    with pytest.raises(SourceError, match="open already"):
        source.open()
    source.close()
    source.close()

    assert library.calls == ["init", "select_camera", "open A22", "close", "shutdown"]
    with pytest.raises(SourceError, match="not open"):
        source.read(0.0)


def test_its_frames_are_of_a_kind_that_nothing_has_evidence_for() -> None:
    source = kinect_v1(Source(kind="kinect-v1"), SystemClock())
    kept: FrameSource = source

    assert kept.origin is Origin.UNPROVEN is DRIVERS["kinect-v1"].origin
    assert Origin.UNPROVEN.live
    assert isinstance(source, Identified)
    assert isinstance(source, Throttled)
    assert isinstance(source, ReadsInto)


def test_a_missing_library_is_told_with_the_next_step() -> None:
    with pytest.raises(DriverMissing, match=r"apt-get install libfreenect0\.5"):
        Libfreenect("libfreenect-that-nobody-has.so.0.5")


def test_another_library_under_its_name_is_told() -> None:
    source = KinectV1Source(Source(), SystemClock(), library=lambda: Libfreenect("libc.so.6"))

    with pytest.raises(DriverMissing, match=r"has no freenect_init: it is not libfreenect 0\.5\.3"):
        source.open()


def _has_library() -> bool:
    try:
        CDLL(LIBRARY)
    except OSError:
        return False
    return True


@pytest.mark.skipif(not _has_library(), reason="libfreenect is not installed: apt-get install libfreenect0.5")
def test_the_real_library_looks_for_a_camera_and_has_none_of_that_name() -> None:
    source = kinect_v1(Source(kind="kinect-v1", device="no-such-serial"), SystemClock())

    with pytest.raises(DeviceMissing, match="Kinect v1"):
        source.open()
