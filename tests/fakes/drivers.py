"""Small drivers for a child process, each with one bad habit; `settings.device` says when, in frames.

A child finds them by ``fakes.drivers:NAME`` with the tests' folder on PYTHONPATH.
"""

import ctypes
import errno
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kinect_unlock.arrays import U8, U16
from kinect_unlock.clock import Clock
from kinect_unlock.errors import DeviceMissing, DriverMissing, SourceError, SourceLost
from kinect_unlock.frames import Calibration, Frame, Intrinsics, Origin, Registered
from kinect_unlock.settings import Source
from kinect_unlock.sources.base import EndOfStream, Identity

SIDE_PX = 64
CAMERA = Intrinsics(SIDE_PX, SIDE_PX, 90.0, 90.0, 32.0, 32.0)
CALIBRATION = Calibration(CAMERA, CAMERA, Registered())
INTERVAL_S = 0.005
_PAUSE = threading.Event()  # never set


def marks(seq: int) -> tuple[int, int, int]:
    """Return what every value of colour, depth and infrared is in the frame with this number."""
    return seq % 251, seq % 65_521, seq % 65_519


def pattern(seq: int, side_px: int = SIDE_PX) -> tuple[U8, U16, U16]:
    """Return colour, depth and infrared in which every pixel says which frame it belongs to."""
    color, depth, infrared = marks(seq)
    shape = (side_px, side_px)
    return np.full((*shape, 3), color, np.uint8), np.full(shape, depth, np.uint16), np.full(shape, infrared, np.uint16)


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
        _PAUSE.wait(INTERVAL_S)
        self._seq += 1
        self._act(self._seq)
        color, depth_mm, infrared = pattern(self._seq)
        return Frame(self._seq, self._clock.monotonic_ns(), color, depth_mm, CALIBRATION, infrared, self._seq * 5_000)

    def close(self) -> None:
        pass


def say(text: str) -> None:
    """Print as a native library does."""
    os.write(1, text.encode())


class _Marking(PatternDriver):
    def __init__(self, clock: Clock, mark: Path) -> None:
        super().__init__(clock)
        self._mark = mark

    def close(self) -> None:
        self._mark.write_text("closed in order")


def writes_path(settings: Source) -> Path | None:
    """Return the file that `settings.path` names, for `drivers.Driver.writes`; a bare word there is none."""
    return Path(settings.path) if settings.path is not None and Path(settings.path).is_absolute() else None


def well(settings: Source, clock: Clock) -> PatternDriver:
    """Nothing is wrong; if `settings.path` is set, a mark is left there when it is closed in order."""
    return PatternDriver(clock) if settings.path is None else _Marking(clock, Path(settings.path))


def _at(settings: Source, clock: Clock, act: Callable[[], object]) -> PatternDriver:
    when = int(settings.device or 1)
    return PatternDriver(clock, lambda seq: act() if seq == when else None)


def segfaults(settings: Source, clock: Clock) -> PatternDriver:
    """Touches memory that is not there, at a frame."""

    def act() -> None:
        say("\x1b[1;31m[Error] [DepthPacketStreamParser]\x1b[0m not all subsequences received\x07\n")
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
    say(f"{os.getpid()} hangs\n")
    ctypes.PyDLL(None).sleep(3600)


class _NeverOpen(PatternDriver):
    def open(self) -> None:
        hold_interpreter()


def hangs_in_open(settings: Source, clock: Clock) -> PatternDriver:
    """Never comes back from `open`."""
    del settings
    return _NeverOpen(clock)


class _Stalling(PatternDriver):
    def __init__(self, clock: Clock, length: int) -> None:
        super().__init__(clock)
        self._length = length

    def read(self, timeout_s: float) -> Frame | None:
        if self._seq < self._length:
            return super().read(timeout_s)
        _PAUSE.wait(timeout_s)
        return None


def silent(settings: Source, clock: Clock) -> PatternDriver:
    """Opens and never gives a frame, but comes back from every read."""
    del settings
    return _Stalling(clock, 0)


def stalls(settings: Source, clock: Clock) -> PatternDriver:
    """Gives so many frames and then none, but comes back from every read."""
    return _Stalling(clock, int(settings.device or 1))


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
    before = int(tries.read_text() or 0)
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
    return PatternDriver(clock, lambda seq: say("x" * 1_000_000 + f"\nframe {seq}\n"))


def babbles(settings: Source, clock: Clock) -> PatternDriver:
    """Sends what is no message over the child's own socket, at a frame."""
    return _at(settings, clock, lambda: os.write(int(sys.argv[1]), b"\xff" * 100))


def floods(settings: Source, clock: Clock) -> PatternDriver:
    """Fills the socket with beats until there is no room, before every frame from one on."""

    def act(seq: int) -> None:
        if seq < int(settings.device or 1):
            return
        os.set_blocking(int(sys.argv[1]), False)
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
            say("sealed\n")
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


class _NeverClosed(PatternDriver):
    def close(self) -> None:
        hold_interpreter()


def will_not_close(settings: Source, clock: Clock) -> PatternDriver:
    """Hangs when it is told to close."""
    del settings
    return _NeverClosed(clock)


class _Growing(PatternDriver):
    def __init__(self, clock: Clock, length: int) -> None:
        super().__init__(clock)
        self._length = length

    def read(self, timeout_s: float) -> Frame | None:
        frame = super().read(timeout_s)
        if frame is None or frame.seq < self._length:
            return frame
        color, depth_mm, infrared = pattern(frame.seq, SIDE_PX + 16)
        return Frame(frame.seq, frame.captured_ns, color, depth_mm, None, infrared)


def changes_size(settings: Source, clock: Clock) -> PatternDriver:
    """Gives larger images from a frame on."""
    return _Growing(clock, int(settings.device or 1))


class _Lying(_Growing):
    def read(self, timeout_s: float) -> Frame | None:
        frame = PatternDriver.read(self, timeout_s)
        if frame is None or frame.seq < self._length:
            return frame
        return Frame(frame.seq, 2**62, frame.color, frame.depth_mm, None, frame.infrared)


def lies_about_time(settings: Source, clock: Clock) -> PatternDriver:
    """Says that its frames are from the future, from one on."""
    return _Lying(clock, int(settings.device or 1))


def tells_environment(settings: Source, clock: Clock) -> PatternDriver:
    """Writes the names of what it sees of the environment, and whether a core file may be written."""
    import resource  # noqa: PLC0415 - what it asks is of no use to the others

    limits = resource.getrlimit(resource.RLIMIT_CORE)
    Path(settings.path or "").write_text(f"{' '.join(sorted(os.environ))}\n{limits}\n")
    return PatternDriver(clock)


def _refusal(attempt: Callable[[], object]) -> str:
    try:
        attempt()
    except OSError as fault:
        return errno.errorcode[fault.errno or 0]
    return "OK"


def breaks_in(settings: Source, clock: Clock) -> PatternDriver:
    """Tries at a frame what no driver needs, beside the file that `settings.path` names; tells it in `settings.faults`.

    A line for each attempt: its name, and OK or the name of the error.
    """
    home = Path(settings.path or "").parent
    attempts: dict[str, Callable[[], object]] = {
        "read-key": (home / "state" / "template.key").read_bytes,
        "list-state": lambda: list((home / "state").iterdir()),
        "connect": lambda: socket.socket(socket.AF_UNIX).connect(str(home / "run" / "daemon.sock")),
        "unlink-socket": (home / "run" / "daemon.sock").unlink,
        "kill-daemon": lambda: os.kill(os.getppid(), signal.SIGKILL),
        "nothing": lambda: None,
    }

    def act() -> None:
        lines = [f"{name} {_refusal(attempt)}\n" for name, attempt in attempts.items()]
        Path(settings.faults or "").write_text("".join(lines))

    return _at(settings, clock, act)
