"""Every check lets a dutiful source through, and stops one that breaks the promise it is about."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.resource_tracker import unregister
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fakes.sources import CAMERA, HEIGHT_PX, WIDTH_PX, DutifulSource, MissingSource
from kinect_unlock.arrays import U8, U16
from kinect_unlock.errors import ConfigError, SourceError
from kinect_unlock.frames import Calibration, Extrinsic, Frame, Intrinsics, Origin
from kinect_unlock.sources.base import EndOfStream, FrameSource, Identity
from kinect_unlock.sources.conformance import (
    CHECKS,
    Check,
    Inapplicable,
    Patience,
    Subject,
    Violation,
    frame_checks,
    leftovers,
    life_cycle,
)

# A source that is to fail need not be waited for; one that is to pass must be, on however busy a machine.
HASTY = Patience(frame_s=0.7, window_s=0.3, grace_s=0.2)
PATIENT = Patience(frame_s=60.0, window_s=0.5, grace_s=20.0)


_HANGING: dict[int, threading.Event] = {}  # by the kernel's number of the thread


def _hang() -> None:
    """Wait until the test is over."""
    over = _HANGING[threading.get_native_id()] = threading.Event()
    over.wait()


class ClosesOnce(DutifulSource):
    def close(self) -> None:
        if self._state != "open":
            raise RuntimeError("not open")
        super().close()


class ClosesWithinOneLife(DutifulSource):
    def close(self) -> None:
        if self._state == "closed":
            raise RuntimeError("closed twice")
        super().close()


class ReadsUnopened(DutifulSource):
    def require_open(self) -> None:
        if self._state == "closed":
            super().require_open()


class ReadsClosed(DutifulSource):
    def require_open(self) -> None:
        if self._state == "new":
            super().require_open()

    def wait(self, seconds: float) -> bool:
        super().wait(seconds)
        return False


class EndsWhenClosed(ReadsClosed):
    def read(self, timeout_s: float) -> Frame | None:
        if self._state == "closed":
            raise EndOfStream
        return super().read(timeout_s)


class CrashesWhenClosed(ReadsClosed):
    def read(self, timeout_s: float) -> Frame | None:
        if self._state == "closed":
            raise AttributeError("NoneType has no attribute grab")
        return super().read(timeout_s)


class BecomesASensor(DutifulSource):
    origin = Origin.RECORDING

    def open(self) -> None:
        super().open()
        self.origin = Origin.SENSOR


class OfNoOrigin(DutifulSource):
    origin: Any = "camera"


class KnowsItselfTooEarly(DutifulSource):
    identity: Any = Identity("early")


class NeverKnowsItself(DutifulSource):
    identity: Any = None


class ChangesItself(DutifulSource):
    @property
    def identity(self) -> Identity | None:
        return Identity("it", serial=str(self.given)) if self._state == "open" else None


class CountsBackwards(DutifulSource):
    def seq(self) -> int:
        return 1000 - self.given


class StandsStill(DutifulSource):
    def captured_ns(self) -> int:
        return 5


class HasADeadClock(DutifulSource):
    def read(self, timeout_s: float) -> Frame | None:
        frame = super().read(timeout_s)
        return None if frame is None else replace(frame, device_us=7)


class StampsWithWallTime(DutifulSource):
    def captured_ns(self) -> int:
        return super().captured_ns() + 1_700_000_000_000_000_000


class StampsInMicroseconds(DutifulSource):
    def captured_ns(self) -> int:
        return super().captured_ns() // 1000


class GivesAView(DutifulSource):
    def color(self) -> U8:
        return np.zeros((HEIGHT_PX, WIDTH_PX, 4), np.uint8)[:, :, :3]


class GivesAWritablePlane(DutifulSource):
    def frame(self) -> Frame:
        frame = super().frame()
        frame.color.setflags(write=True)
        return frame


class LosesDepthNowAndThen(DutifulSource):
    def depth(self) -> U16 | None:
        return super().depth() if self.given % 2 else None


class ReusesItsBuffer(DutifulSource):
    def open(self) -> None:
        super().open()
        self._buffer = np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8)

    def color(self) -> U8:
        self._buffer[:] = self.given % 256
        return self._buffer[:]


class WipesItsBufferAtTheEnd(ReusesItsBuffer):
    def color(self) -> U8:
        return self._buffer[:]

    def close(self) -> None:
        if self._state == "open":
            self._buffer[:] = 77
        super().close()


class SeesNothing(DutifulSource):
    def depth(self) -> U16 | None:
        return np.zeros((HEIGHT_PX, WIDTH_PX), np.uint16)


class MarksNoneWithTheHighest(DutifulSource):
    def depth(self) -> U16 | None:
        return np.full((HEIGHT_PX, WIDTH_PX), 65535, np.uint16)


class Uncalibrated(DutifulSource):
    def calibration(self) -> Calibration | None:
        return None


class Recalibrates(DutifulSource):
    def calibration(self) -> Calibration | None:
        camera = Intrinsics(WIDTH_PX, HEIGHT_PX, 40.0 + self.given, 40.0, 16.0, 12.0)
        return Calibration(camera, camera, Extrinsic(np.eye(3), np.zeros(3)))


class CalibratedForAnother(DutifulSource):
    def calibration(self) -> Calibration | None:
        camera = Intrinsics(64, 48, 80.0, 80.0, 32.0, 24.0)
        return Calibration(camera, camera, Extrinsic(np.eye(3), np.zeros(3)))


class CentredElsewhere(DutifulSource):
    def calibration(self) -> Calibration | None:
        camera = Intrinsics(WIDTH_PX, HEIGHT_PX, 40.0, 40.0, 160.0, 12.0)
        return Calibration(camera, camera, Extrinsic(np.eye(3), np.zeros(3)))


class RegisteredOnAnotherGrid(DutifulSource):
    def depth(self) -> U16 | None:
        return np.full((HEIGHT_PX // 2, WIDTH_PX // 2), 900, np.uint16)

    def calibration(self) -> Calibration | None:
        half = Intrinsics(WIDTH_PX // 2, HEIGHT_PX // 2, 20.0, 20.0, 8.0, 6.0)
        calibration = super().calibration()
        assert calibration is not None
        return Calibration(CAMERA, half, calibration.depth_to_color)


class MeasuresItsShiftInMetres(DutifulSource):
    def calibration(self) -> Calibration | None:
        return Calibration(CAMERA, CAMERA, Extrinsic(np.eye(3), np.array([25_000.0, 0.0, 0.0])))


class IgnoresTimeOuts(DutifulSource):
    def read(self, timeout_s: float) -> Frame | None:
        return super().read(max(timeout_s, 0.6))


class Hangs(DutifulSource):
    def read(self, timeout_s: float) -> Frame | None:
        if self.given == 1:
            _hang()
        return super().read(timeout_s)


class IsDeafToClosing(DutifulSource):
    def wait(self, seconds: float) -> bool:
        threading.Event().wait(min(seconds, 2.0))
        return False


class ClosesOnlyAfterTheRead(DutifulSource):
    def __init__(self) -> None:
        super().__init__()
        self._one_at_a_time = threading.Lock()

    def wait(self, seconds: float) -> bool:
        with self._one_at_a_time:
            threading.Event().wait(min(seconds, 2.0))
        return False

    def close(self) -> None:
        with self._one_at_a_time:
            super().close()


class CrashesWhenClosedUnderARead(DutifulSource):
    def wait(self, seconds: float) -> bool:
        if super().wait(seconds):
            raise ValueError("buffer is gone")
        return False


class InterruptsInVain(DutifulSource):
    def interrupt(self) -> None:
        pass


class BeginsAgain(DutifulSource):
    origin = Origin.RECORDING

    def __init__(self) -> None:
        super().__init__(5)

    def read(self, timeout_s: float) -> Frame | None:
        try:
            return super().read(timeout_s)
        except EndOfStream:
            self.given = 0
            raise


class EndsInSilence(DutifulSource):
    origin = Origin.RECORDING

    def read(self, timeout_s: float) -> Frame | None:
        if self.given == 6:
            return None
        if self.given == 5:
            self.given += 1
            raise EndOfStream
        return super().read(timeout_s)


class IgnoresThrottling(DutifulSource):
    def throttle(self, rate_hz: float | None) -> None:
        pass


class StaysThrottled(DutifulSource):
    def throttle(self, rate_hz: float | None) -> None:
        if rate_hz is not None:
            super().throttle(rate_hz)


class FindsWhatIsNotThere(DutifulSource):
    pass


class MissesInANumber(DutifulSource):
    def open(self) -> None:
        raise SourceError("-1")


class MissesByAForeignError(DutifulSource):
    def open(self) -> None:
        raise FileNotFoundError("/dev/kinect")


class MissesByAnErrorOfAnotherKind(DutifulSource):
    def open(self) -> None:
        raise ConfigError("it is not there, connect it")


class NeverGivesAFrame(DutifulSource):
    def read(self, timeout_s: float) -> Frame | None:
        self.wait(min(timeout_s, 0.01))
        return None


class GivesSomethingElse(DutifulSource):
    def read(self, timeout_s: float) -> Frame | None:
        super().read(timeout_s)
        return np.zeros(3)  # type: ignore[return-value]  # what a source in plain Python might do


class LeaksADescriptor(DutifulSource):
    leaked: list[int] = []  # noqa: RUF012 - emptied by the test

    def open(self) -> None:
        super().open()
        self.leaked.append(os.open("/dev/null", os.O_RDONLY))


class LeaksAThread(DutifulSource):
    def open(self) -> None:
        super().open()
        threading.Thread(target=_hang, daemon=True).start()


class LeaksAProcess(DutifulSource):
    started: list[subprocess.Popen[bytes]] = []  # noqa: RUF012 - ended by the test

    def open(self) -> None:
        super().open()
        self.started.append(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))


class LeaksSharedMemory(DutifulSource):
    names: list[str] = []  # noqa: RUF012 - removed by the test

    def open(self) -> None:
        super().open()
        memory = SharedMemory(create=True, size=64)
        unregister(memory._name, "shared_memory")  # type: ignore[attr-defined]  # else Python itself would tidy up
        self.names.append(memory.name)
        self._memory = memory

    def close(self) -> None:
        self._memory.close()
        super().close()


class BesideAnotherProgram(DutifulSource):
    """While it is open another program makes shared memory, which is not its own."""

    name = f"psm_beside_{os.getpid()}"

    def open(self) -> None:
        super().open()
        Path("/dev/shm", self.name).touch()  # noqa: S108 - removed by the test


def test_the_shared_memory_of_other_programs_is_theirs(request: pytest.FixtureRequest) -> None:
    path = Path("/dev/shm", BesideAnotherProgram.name)  # noqa: S108 - removed again
    request.addfinalizer(lambda: path.unlink(missing_ok=True))

    leftovers.closing_leaves_nothing_behind(Subject("beside", BesideAnotherProgram, patience=PATIENT))

    assert path.exists()


@pytest.fixture
def _tidied() -> Any:
    yield
    for descriptor in LeaksADescriptor.leaked:
        os.close(descriptor)
    LeaksADescriptor.leaked.clear()
    for over in _HANGING.values():
        over.set()
    while any(Path(f"/proc/self/task/{thread}").exists() for thread in _HANGING):  # else the next test counts them
        threading.Event().wait(0.01)
    _HANGING.clear()
    for process in LeaksAProcess.started:
        process.communicate()
    LeaksAProcess.started.clear()
    for name in LeaksSharedMemory.names:
        os.unlink(f"/dev/shm/{name}")  # noqa: PTH108, S108 - as the system names it
    LeaksSharedMemory.names.clear()


BROKEN: tuple[tuple[Check, Callable[[], FrameSource], str], ...] = (
    (life_cycle.closing_is_harmless_when_never_opened, ClosesOnce, r"close\(\) before open\(\) raised RuntimeError"),
    (life_cycle.closing_is_harmless_when_closed, ClosesWithinOneLife, r"a second close\(\) raised RuntimeError"),
    (life_cycle.reading_before_opening_is_a_source_error, ReadsUnopened, "never opened gave Frame"),
    (life_cycle.reading_after_closing_is_a_source_error, ReadsClosed, "closed gave Frame"),
    (life_cycle.reading_after_closing_is_a_source_error, EndsWhenClosed, r"closed gave EndOfStream\(\)"),
    (life_cycle.reading_after_closing_is_a_source_error, CrashesWhenClosed, "closed raised AttributeError"),
    (life_cycle.its_origin_never_changes, BecomesASensor, r"recording before open\(\), sensor after open\(\)"),
    (life_cycle.its_origin_never_changes, OfNoOrigin, "origin is 'camera', not one of sensor"),
    (life_cycle.it_says_which_camera_it_is, KnowsItselfTooEarly, "nothing is known by then"),
    (life_cycle.it_says_which_camera_it_is, NeverKnowsItself, "identity is None although it is open"),
    (life_cycle.it_says_which_camera_it_is, ChangesItself, "its identity changes"),
    (frame_checks.frames_are_numbered_upwards, CountsBackwards, "seq 999 came after 1000"),
    (frame_checks.frames_are_numbered_upwards, StandsStill, "captured_ns 5 came after 5"),
    (frame_checks.frames_are_numbered_upwards, HasADeadClock, "device_us 7 came after 7"),
    (frame_checks.frames_are_numbered_upwards, NeverGivesAFrame, r"no frame within 0\.7 s"),
    (frame_checks.frames_are_numbered_upwards, GivesSomethingElse, "neither a Frame nor None"),
    (frame_checks.live_frames_carry_the_hosts_clock, StampsWithWallTime, "stamp with CLOCK_MONOTONIC"),
    (frame_checks.live_frames_carry_the_hosts_clock, StampsInMicroseconds, "stamp with CLOCK_MONOTONIC"),
    (frame_checks.planes_have_one_form, GivesAView, "color is not contiguous"),
    (frame_checks.planes_have_one_form, GivesAWritablePlane, "color can be written"),
    (frame_checks.planes_have_one_form, LosesDepthNowAndThen, "planes come and go"),
    (frame_checks.a_frame_stays_as_it_was, ReusesItsBuffer, "changed while 20 more were read"),
    (frame_checks.a_frame_stays_as_it_was, WipesItsBufferAtTheEnd, "changed when its source was closed"),
    (frame_checks.depth_is_millimetres_or_none, SeesNothing, r"0\.0% of depth pixels have a reading"),
    (frame_checks.depth_is_millimetres_or_none, MarksNoneWithTheHighest, "what is no reading must be 0"),
    (frame_checks.calibration_fits_the_planes, Uncalibrated, "has depth but no calibration"),
    (frame_checks.calibration_fits_the_planes, Recalibrates, "the calibration changes with frame 1"),
    (
        frame_checks.calibration_fits_the_planes,
        CalibratedForAnother,
        "colour is 32x24 pixels, its .* 64x48",
    ),
    (frame_checks.calibration_fits_the_planes, CentredElsewhere, r"principal point \(160, 12\) lies outside"),
    (frame_checks.calibration_fits_the_planes, RegisteredOnAnotherGrid, "its grid is not the colour image's"),
    (frame_checks.depth_falls_on_the_colour_image, MeasuresItsShiftInMetres, "0% of depth readings land inside"),
    (life_cycle.a_read_comes_back_in_time, IgnoresTimeOuts, r"read\(0\.05\) came back after 0\.\d s only"),
    (life_cycle.a_read_comes_back_in_time, Hangs, "did not come back at all"),
    (life_cycle.a_wait_can_be_ended_from_another_thread, IsDeafToClosing, "went on waiting after close"),
    (life_cycle.a_wait_can_be_ended_from_another_thread, ClosesOnlyAfterTheRead, r"close\(\) hung"),
    (
        life_cycle.a_wait_can_be_ended_from_another_thread,
        CrashesWhenClosedUnderARead,
        "another thread ends it raised ValueError",
    ),
    (life_cycle.a_wait_can_be_ended_from_another_thread, InterruptsInVain, r"after interrupt\(\) from another"),
    (life_cycle.the_end_of_its_stream_is_final, BeginsAgain, r"after EndOfStream gave Frame\(seq=0"),
    (life_cycle.the_end_of_its_stream_is_final, EndsInSilence, "after EndOfStream gave None"),
    (life_cycle.throttling_gives_fewer_frames, IgnoresThrottling, r"throttle\(2\) let \d+ frames through"),
    (life_cycle.throttling_gives_fewer_frames, StaysThrottled, r"after throttle\(None\) came \d frames"),
    (life_cycle.what_is_missing_is_said_in_words, FindsWhatIsNotThere, "went well"),
    (life_cycle.what_is_missing_is_said_in_words, MissesInANumber, "say what to do next"),
    (life_cycle.what_is_missing_is_said_in_words, MissesByAForeignError, "raised FileNotFoundError"),
    (leftovers.closing_leaves_nothing_behind, LeaksADescriptor, "it leaves 3 file descriptors behind"),
    (leftovers.closing_leaves_nothing_behind, LeaksAThread, "it leaves 3 threads behind"),
    (leftovers.closing_leaves_nothing_behind, LeaksAProcess, "child processes"),
    (leftovers.closing_leaves_nothing_behind, LeaksSharedMemory, "shared memory"),
)


@pytest.mark.parametrize(
    "check",
    [check for check in CHECKS if check is not life_cycle.the_end_of_its_stream_is_final],
    ids=lambda check: check.__name__,
)
def test_a_dutiful_source_passes(check: Check) -> None:
    check(Subject("dutiful", DutifulSource, MissingSource, PATIENT))


@pytest.mark.usefixtures("_tidied")
@pytest.mark.parametrize(("check", "make", "words"), BROKEN, ids=lambda value: getattr(value, "__name__", ""))
def test_a_broken_promise_is_found_and_named(check: Check, make: Callable[[], FrameSource], words: str) -> None:
    with pytest.raises(Violation, match=words):
        check(Subject("broken", make, make, HASTY))


def test_every_check_can_fail() -> None:
    assert {check for check, _, _ in BROKEN} == set(CHECKS)


def test_an_error_of_ours_passes_through_as_it_is() -> None:
    subject = Subject("absent", MissingSource)

    with pytest.raises(SourceError, match="plug one in"):
        frame_checks.frames_are_numbered_upwards(subject)


class Plain:
    """The least that a source can be: three frames of colour."""

    origin = Origin.IMAGES

    def __init__(self) -> None:
        self._given = 0

    def open(self) -> None:
        pass

    def read(self, timeout_s: float) -> Frame | None:
        del timeout_s
        if self._given == 3:
            raise EndOfStream
        self._given += 1
        return Frame(self._given, self._given, np.zeros((4, 4, 3), np.uint8), None, None)

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        (life_cycle.it_says_which_camera_it_is, "no identity"),
        (life_cycle.throttling_gives_fewer_frames, r"no throttle\(\)"),
        (life_cycle.what_is_missing_is_said_in_words, "not known how"),
        (frame_checks.live_frames_carry_the_hosts_clock, "images frames carry a clock of their own"),
        (frame_checks.depth_is_millimetres_or_none, "no depth"),
        (frame_checks.calibration_fits_the_planes, "no depth"),
        (frame_checks.depth_falls_on_the_colour_image, "no depth"),
    ],
)
def test_what_a_source_does_not_have_is_not_checked(check: Check, reason: str) -> None:
    with pytest.raises(Inapplicable, match=reason):
        check(Subject("plain", Plain))


def test_a_driver_for_a_child_process_need_not_be_closed_by_another_thread() -> None:
    with pytest.raises(Inapplicable, match="one thread does everything"):
        life_cycle.a_wait_can_be_ended_from_another_thread(Subject("driver", IsDeafToClosing, is_driver=True))


class Interrupted(IsDeafToClosing):
    def wait(self, seconds: float) -> bool:
        return DutifulSource.wait(self, seconds)

    def interrupt(self) -> None:
        self._closed.set()


def test_a_source_that_can_be_interrupted_is_closed_by_who_reads_it() -> None:
    life_cycle.a_wait_can_be_ended_from_another_thread(Subject("interrupted", Interrupted, patience=PATIENT))


class Recorded(DutifulSource):
    origin = Origin.RECORDING


def test_a_stream_that_ends_for_good_passes() -> None:
    life_cycle.the_end_of_its_stream_is_final(Subject("finite", lambda: Recorded(30), patience=PATIENT))


@pytest.mark.parametrize(("make", "reason"), [(DutifulSource, "has no end"), (Recorded, "too long")])
def test_an_endless_stream_has_no_end_to_check(make: Callable[[], FrameSource], reason: str) -> None:
    with pytest.raises(Inapplicable, match=reason):
        life_cycle.the_end_of_its_stream_is_final(Subject("endless", make))


def test_the_checks_need_no_test_framework() -> None:
    look = "import sys; import kinect_unlock.sources.conformance, kinect_unlock.app; print('pytest' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"
