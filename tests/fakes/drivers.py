"""Small drivers for a child process, each with one bad habit; `settings.device` says when, in frames.

A child finds them by ``fakes.drivers:NAME`` with the tests' folder on PYTHONPATH.
"""

import ctypes
import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kinect_unlock.clock import Clock
from kinect_unlock.errors import DeviceMissing, DriverMissing, SourceError, SourceLost
from kinect_unlock.frames import Calibration, Frame, Intrinsics, Origin, Registered
from kinect_unlock.settings import Source
from kinect_unlock.sources.base import EndOfStream, Identity

SIDE_PX = 64
CAMERA = Intrinsics(SIDE_PX, SIDE_PX, 90.0, 90.0, 32.0, 32.0)
CALIBRATION = Calibration(CAMERA, CAMERA, Registered())
INTERVAL_S = 0.005


def pattern(seq: int, side_px: int = SIDE_PX) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return colour, depth and infrared in which every pixel says which frame it belongs to."""
    shape = (side_px, side_px)
    return (
        np.full((*shape, 3), seq % 251, np.uint8),
        np.full(shape, seq % 65_521, np.uint16),
        np.full(shape, seq % 65_519, np.uint16),
    )


class PatternDriver:
    """Patterned frames, two hundred a second; before each it may do something (`act`)."""

    origin = Origin.SENSOR  # of no importance: what counts is the daemon's own table

    def __init__(self, clock: Clock, act: Callable[[int], object] = lambda _: None) -> None:
        self.identity: Identity | None = None
        self._clock = clock
        self._act = act
        self._seq = 0

    def open(self) -> None:
        self.identity = Identity("pattern", "0123", "1.0", "cpu")

    def read(self, timeout_s: float) -> Frame | None:
        del timeout_s
        time.sleep(INTERVAL_S)
        self._seq += 1
        self._act(self._seq)
        color, depth_mm, infrared = pattern(self._seq)
        return Frame(self._seq, self._clock.monotonic_ns(), color, depth_mm, CALIBRATION, infrared, self._seq * 5_000)

    def close(self) -> None:
        """Leave a mark for who wants to know that it was closed in order."""
        print("closed in order", flush=True)


def well(settings: Source, clock: Clock) -> PatternDriver:
    """Nothing is wrong."""
    del settings
    return PatternDriver(clock)


def _at(settings: Source, clock: Clock, act: Callable[[], object]) -> PatternDriver:
    when = int(settings.device or 1)
    return PatternDriver(clock, lambda seq: act() if seq == when else None)


def segfaults(settings: Source, clock: Clock) -> PatternDriver:
    """Touches memory that is not there, at a frame."""

    def act() -> None:
        print("\x1b[1;31m[Error] [DepthPacketStreamParser]\x1b[0m not all subsequences received\x07", flush=True)
        ctypes.string_at(0)

    return _at(settings, clock, act)


def exits(settings: Source, clock: Clock) -> PatternDriver:
    """Ends the process with the code that `settings.path` names, at a frame."""
    return _at(settings, clock, lambda: os._exit(int(settings.path or 0)))


def raises(settings: Source, clock: Clock) -> PatternDriver:
    """Raises what nobody foresaw, at a frame."""

    def act() -> None:
        raise ZeroDivisionError("driver")

    return _at(settings, clock, act)


def hangs(settings: Source, clock: Clock) -> PatternDriver:
    """Never comes back from a read, and holds the interpreter while it does."""
    return _at(settings, clock, hold_interpreter)


def hold_interpreter() -> None:
    """Sleep for an hour inside C code that does not let go of the interpreter, as a binding without ``nogil``."""
    if settings_pipe := os.environ.get("LC_TEST_PIPE"):  # passed on, as all LC_ variables are
        Path(settings_pipe).write_text("hangs")
    ctypes.PyDLL(None).sleep(3600)


class _NeverOpen(PatternDriver):
    def open(self) -> None:
        hold_interpreter()


def hangs_in_open(settings: Source, clock: Clock) -> PatternDriver:
    """Never comes back from `open`."""
    del settings
    return _NeverOpen(clock)


class _Silent(PatternDriver):
    def read(self, timeout_s: float) -> Frame | None:
        time.sleep(timeout_s)
        return None


def silent(settings: Source, clock: Clock) -> PatternDriver:
    """Opens and never gives a frame, but comes back from every read."""
    del settings
    return _Silent(clock)


def stalls(settings: Source, clock: Clock) -> PatternDriver:
    """Gives so many frames and then none, but comes back from every read."""
    driver = PatternDriver(clock)
    when = int(settings.device or 1)
    whole_read = driver.read
    driver.read = lambda timeout_s: whole_read(timeout_s) if driver._seq < when else time.sleep(timeout_s)  # type: ignore[func-returns-value,method-assign]
    return driver


class _Refusing(PatternDriver):
    def __init__(self, clock: Clock, fault: Exception) -> None:
        super().__init__(clock)
        self._fault = fault

    def open(self) -> None:
        raise self._fault


def no_library(settings: Source, clock: Clock) -> PatternDriver:
    """Its library is not there."""
    del settings
    return _Refusing(clock, DriverMissing("no library: build libfreenect2"))


def no_device(settings: Source, clock: Clock) -> PatternDriver:
    """It finds no camera; if `settings.path` names a file, only until that says so often that it was asked."""
    if settings.path is None:
        return _Refusing(clock, DeviceMissing("no Kinect v2: connect it"))
    tries = Path(settings.path)
    before = int(tries.read_text()) if tries.exists() else 0
    tries.write_text(str(before + 1))
    if before >= int(settings.device or 1):
        return PatternDriver(clock)
    return _Refusing(clock, DeviceMissing(f"no Kinect v2 at try {before}: connect it"))


def wrong_settings(settings: Source, clock: Clock) -> PatternDriver:
    """It cannot be opened for a reason of its own."""
    del settings
    return _Refusing(clock, SourceError("the pipeline was not built"))


def says_lost(settings: Source, clock: Clock) -> PatternDriver:
    """Says in good order that the camera is gone, at a frame."""

    def act() -> None:
        raise SourceLost("the Kinect was unplugged; connect it again")

    return _at(settings, clock, act)


def says_missing(settings: Source, clock: Clock) -> PatternDriver:
    """Says at a frame what can only be said before."""

    def act() -> None:
        raise DeviceMissing("no Kinect v2 any more")

    return _at(settings, clock, act)


def ends(settings: Source, clock: Clock) -> PatternDriver:
    """Has only so many frames."""

    def act() -> None:
        raise EndOfStream

    return _at(settings, clock, act)


def chatters(settings: Source, clock: Clock) -> PatternDriver:
    """Prints a megabyte before every frame."""
    del settings
    return PatternDriver(clock, lambda seq: print("x" * 99 * 1024 * 10, f"\nframe {seq}", flush=True))


def babbles(settings: Source, clock: Clock) -> PatternDriver:
    """Sends what is no message over the child's own socket, at a frame."""
    return _at(settings, clock, lambda: os.write(int(sys.argv[1]), b"\xff" * 100))


def floods(settings: Source, clock: Clock) -> PatternDriver:
    """Fills the socket with beats until there is no room, before every frame."""
    del settings

    def act(_: int) -> None:
        os.set_blocking(int(sys.argv[1]), False)  # noqa: FBT003 - the standard library's own form
        try:
            while True:
                os.write(int(sys.argv[1]), b"\x81\xa4type\xa4beat")
        except BlockingIOError:
            pass

    return PatternDriver(clock, act)


def shrinks(settings: Source, clock: Clock) -> PatternDriver:
    """Tries to cut the ring's memory away under the daemon, at a frame; fails as the seal makes it."""

    def act() -> None:
        try:
            os.ftruncate(int(sys.argv[2]), 0)
        except PermissionError:
            print("sealed", flush=True)
            os._exit(7)

    return _at(settings, clock, act)


def starts_another(settings: Source, clock: Clock) -> PatternDriver:
    """Starts a process of its own that outlives it, holds its output, and says its number in `settings.path`."""

    def act() -> None:
        child = os.fork()
        if child == 0:
            signal.pause()
        Path(settings.path or "").write_text(str(child))
        os.kill(os.getpid(), signal.SIGABRT)

    return _at(settings, clock, act)


def will_not_close(settings: Source, clock: Clock) -> PatternDriver:
    """Hangs when it is told to close."""
    driver = well(settings, clock)
    driver.close = hold_interpreter  # type: ignore[method-assign]
    return driver


def changes_size(settings: Source, clock: Clock) -> PatternDriver:
    """Gives larger images after the first frames."""
    driver = PatternDriver(clock)
    whole_read = driver.read

    def read(timeout_s: float) -> Frame | None:
        frame = whole_read(timeout_s)
        if frame is None or frame.seq < int(settings.device or 1):
            return frame
        return Frame(frame.seq, frame.captured_ns, *pattern(frame.seq, 80)[:2], None)

    driver.read = read  # type: ignore[method-assign]
    return driver


def tells_environment(settings: Source, clock: Clock) -> PatternDriver:
    """Writes the names of what it sees of the environment, and whether a core file may be written."""
    import resource  # noqa: PLC0415 - what it asks is of no use to the others

    limits = resource.getrlimit(resource.RLIMIT_CORE)
    descriptors = sorted(map(int, os.listdir("/proc/self/fd")))[3:]
    inheritable = [number for number in descriptors if _is_inheritable(number)]
    Path(settings.path or "").write_text(f"{' '.join(sorted(os.environ))}\n{limits}\n{inheritable}\n")
    return well(settings, clock)


def _is_inheritable(descriptor: int) -> bool:
    try:
        return not fcntl.fcntl(descriptor, fcntl.F_GETFD) & fcntl.FD_CLOEXEC
    except OSError:
        return False
