"""Cameras that a test leads: one that gives what it is fed, and one of 30 frames a second on a clock of its own."""

from queue import Empty, SimpleQueue
from threading import Event

import numpy as np

from kinect_unlock.arrays import U16
from kinect_unlock.clock import NS_PER_S, ManualClock
from kinect_unlock.frames import Calibration, Frame, Intrinsics, Origin, Registered
from kinect_unlock.sources.base import EndOfStream, Identity
from kinect_unlock.sources.throttle import Throttle

WAIT_S = 20.0
SIDE_PX = 64
NEAR_MM, FAR_MM = 700, 3000  # somebody before the camera, and the wall behind
CALIBRATION = Calibration(*(Intrinsics(SIDE_PX, SIDE_PX, 90.0, 90.0, 32.0, 32.0),) * 2, Registered())


def frame_at(seq: int, captured_ns: int, *, depth_mm: int = FAR_MM) -> Frame:
    """A frame in which everything is so far away."""
    depth: U16 = np.full((SIDE_PX, SIDE_PX), depth_mm, np.uint16)
    return Frame(seq, captured_ns, np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8), depth, CALIBRATION)


class FedCamera:
    """Gives the frames and raises the faults that it is fed, each when it comes; says what it was told."""

    origin = Origin.STAND_IN

    def __init__(self) -> None:
        self.identity: Identity | None = None
        self.opened = 0
        self.closed = 0
        self.closing = Event()
        self.rates_hz = SimpleQueue[float | None]()  # that it was told
        self._food = SimpleQueue[tuple[Frame | Exception | Event, Event]]()

    def feed(self, item: Frame | Exception | Event) -> None:
        """Have the next read give a frame, raise a fault, or hang until an event; return when it has begun to."""
        eaten = Event()
        self._food.put((item, eaten))
        assert eaten.wait(WAIT_S), "nobody reads"

    def open(self) -> None:
        self.opened += 1
        self.identity = Identity("Fed camera", "0042", pipeline="none")

    def throttle(self, rate_hz: float | None) -> None:
        self.rates_hz.put(rate_hz)

    def read(self, timeout_s: float) -> Frame | None:
        assert self.opened
        assert not self.closed
        try:
            item, eaten = self._food.get(timeout=timeout_s)
        except Empty:
            return None
        eaten.set()
        match item:
            case Frame():
                return item
            case Event():
                item.wait(WAIT_S)
                return None
            case _:
                raise item

    def close(self) -> None:
        self.closed += 1
        self.closing.set()


class RatedCamera:
    """Captures 30 frames a second on a clock that its reads move on; somebody comes at ``comes_ns``.

    ``captured`` counts the frames it took, ``given`` those it gave. It ends at ``ends_ns``.
    """

    origin = Origin.STAND_IN

    def __init__(self, clock: ManualClock, *, comes_ns: int, ends_ns: int, rate_hz: float = 30.0) -> None:
        self.captured = 0
        self.given = 0
        self._clock = clock
        self._begun_ns = clock.monotonic_ns()
        self._comes_ns = comes_ns
        self._ends_ns = ends_ns
        self._interval_ns = int(NS_PER_S / rate_hz)
        self._throttle = Throttle()

    def open(self) -> None:
        pass

    def throttle(self, rate_hz: float | None) -> None:
        self._throttle.set(rate_hz)

    def read(self, timeout_s: float) -> Frame | None:
        until_ns = self._clock.monotonic_ns() + int(timeout_s * NS_PER_S)
        while (due_ns := self._begun_ns + (self.captured + 1) * self._interval_ns) <= until_ns:
            self._clock.advance(max(0, due_ns - self._clock.monotonic_ns()))
            self.captured += 1
            if due_ns >= self._ends_ns:
                raise EndOfStream
            if self._throttle.wants(due_ns):
                self.given += 1
                return frame_at(self.captured, due_ns, depth_mm=NEAR_MM if due_ns >= self._comes_ns else FAR_MM)
        self._clock.advance(until_ns - self._clock.monotonic_ns())
        return None

    def close(self) -> None:
        pass
