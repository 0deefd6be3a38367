"""A source that keeps every promise, to break one at a time."""

import threading
from pathlib import Path

import numpy as np

from kinect_unlock.arrays import U8, U16
from kinect_unlock.clock import NS_PER_S, SystemClock
from kinect_unlock.errors import SourceError
from kinect_unlock.frames import Calibration, Frame, Intrinsics, Origin, Registered
from kinect_unlock.sources.base import EndOfStream, Identity

WIDTH_PX, HEIGHT_PX = 32, 24
CAMERA = Intrinsics(WIDTH_PX, HEIGHT_PX, 40.0, 40.0, 16.0, 12.0)
CALIBRATION = Calibration(CAMERA, CAMERA, Registered())
RATE_HZ = 200.0
_CLOCK = SystemClock()


class DutifulSource:
    """A live camera with depth at 200 Hz, throttled and identified; ``length`` frames, or without an end."""

    origin = Origin.SENSOR

    def __init__(self, length: int | None = None) -> None:
        self._length = length
        self._state = "new"
        self._closed = threading.Event()
        self._interval_s = 1 / RATE_HZ
        self._last_ns = 0
        self.given = 0

    @property
    def identity(self) -> Identity | None:
        return Identity("dutiful") if self._state == "open" else None

    def open(self) -> None:
        self._state = "open"

    def read(self, timeout_s: float) -> Frame | None:
        self.require_open()
        if self.given == self._length:
            raise EndOfStream
        left_s = self._interval_s - (_CLOCK.monotonic_ns() - self._last_ns) / NS_PER_S
        if self.wait(max(0.0, min(left_s, timeout_s))):
            raise SourceError("the camera was closed; open it again")
        if left_s > timeout_s:
            return None
        self._last_ns = _CLOCK.monotonic_ns()
        frame = self.frame()
        self.given += 1
        return frame

    def close(self) -> None:
        self._state = "closed"
        self._closed.set()

    def throttle(self, rate_hz: float | None) -> None:
        self._interval_s = 1 / (rate_hz or RATE_HZ)

    def require_open(self) -> None:
        if self._state != "open":
            raise SourceError("the camera is not open; open it first")

    def wait(self, seconds: float) -> bool:
        """Wait for so long; True if it was closed meanwhile."""
        return self._closed.wait(seconds)

    def frame(self) -> Frame:
        return Frame(self.seq(), self.captured_ns(), self.color(), self.depth(), self.calibration())

    def seq(self) -> int:
        return self.given

    def captured_ns(self) -> int:
        return self._last_ns

    def color(self) -> U8:
        return np.full((HEIGHT_PX, WIDTH_PX, 3), self.given % 256, np.uint8)

    def depth(self) -> U16 | None:
        return np.full((HEIGHT_PX, WIDTH_PX), 900 + self.given % 100, np.uint16)

    def calibration(self) -> Calibration | None:
        return CALIBRATION


class MissingSource(DutifulSource):
    """What a dutiful source is where there is no camera."""

    def open(self) -> None:
        raise SourceError("no camera is connected; plug one in")


def install(folder: Path, name: str, target: str, module: str = "") -> Path:
    """Lay out an installed distribution with one entry point; return the folder that belongs on PYTHONPATH."""
    place = folder / f"{name}-installed"
    about = place / f"{name.replace('-', '_')}-1.0.dist-info"
    about.mkdir(parents=True)
    if module:
        (place / f"{target.partition(':')[0]}.py").write_text(module)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[kinect_unlock.sources]\n{name} = {target}\n")
    return place
