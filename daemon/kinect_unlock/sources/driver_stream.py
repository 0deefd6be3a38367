"""What comes out of one driver's child while it lives: frames, or the news that it is of no more use.

Every way in which a child can fail ends in a `Broken` that says in words what happened. Nothing here ends the child.
"""

from contextlib import suppress
from enum import Enum, auto, unique
from typing import Final

from kinect_unlock.clock import NS_PER_S, Clock
from kinect_unlock.errors import DeviceMissing, DriverMissing, SourceError, SourceLost
from kinect_unlock.frames import Frame
from kinect_unlock.sources.base import EndOfStream, Identity
from kinect_unlock.sources.driver_life import DriverLife
from kinect_unlock.sources.driver_link import (
    MAX_WORDS,
    Beat,
    Confined,
    Failed,
    FromChild,
    LinkClosed,
    Nonsense,
    Opened,
    SetRate,
    Shown,
    Sort,
)
from kinect_unlock.sources.intake import Intake
from kinect_unlock.sources.last_words import harmless

BEAT_LIMIT_S: Final = 1.5  # three beats missed: the driver hangs
_RATED_S: Final = 1.0  # frames are counted for so long before their rate is believed ...
_LEAST_INTERVALS: Final = 5  # ... unless their driver is held back before that: an attempt may need few frames
_DRAINED: Final = 512  # messages at once, more than a socket holds: who talks faster than we listen does not stop us


@unique
class Fault(Enum):
    """What is wrong with a child."""

    OVER = auto()  # it has ended, or hung up; how, `DriverLife.end` tells
    SILENT = auto()  # it hangs
    NO_FRAME = auto()  # it was not open in time
    NONSENSE = auto()  # it said what cannot be
    FAILED = auto()  # its driver says that it cannot go on


class Broken(Exception):
    """A child is of no more use; ``said`` is the error that its driver ended with, if it is a `Fault.FAILED`."""

    def __init__(self, fault: Fault, words: str = "", *, said: SourceError | EndOfStream | None = None) -> None:
        super().__init__(words)
        self.fault = fault
        self.words = words
        self.said = said


class DriverStream:
    """The frames of one child; used by one thread."""

    def __init__(self, life: DriverLife, clock: Clock) -> None:
        self.confined: Confined | None = None  # what it said of itself before its driver was loaded
        self.identity: Identity | None = None  # known from the first frame on
        self.first_ns: int | None = None  # when the first frame was heard of
        self.intake = Intake(life.ring, clock)
        self._life = life
        self._clock = clock
        self._heard_ns = 0
        self._held_back_hz: float | None = None
        self._free_from: Shown | None = None  # the first frame since it was let run at its own rate
        self._newest: Shown | None = None
        self._end: Broken | None = None  # as its driver told it

    def served_s(self) -> float:
        """Return for how long frames have come."""
        return 0.0 if self.first_ns is None else (self._clock.monotonic_ns() - self.first_ns) / NS_PER_S

    def hear(self) -> None:
        """Listen to everything that the child has said; does not wait.

        Raises:
            Broken: it is of no more use, and every frame that it gave before was taken.
        """
        was_over = self._life.is_over()  # asked before listening: what it said last is heard first
        try:
            heard = self._drain()
        except LinkClosed:
            heard, was_over = 0, True
        except Nonsense as fault:
            raise Broken(Fault.NONSENSE, harmless(str(fault))) from fault
        now_ns = self._clock.monotonic_ns()
        if heard:
            self._heard_ns = now_ns
        if self.intake.has_frame:
            return
        if self._end is not None:
            raise self._end
        if was_over:
            raise Broken(Fault.OVER)
        if self.first_ns is not None and now_ns - self._heard_ns > BEAT_LIMIT_S * NS_PER_S:
            raise Broken(Fault.SILENT)

    def stalls(self, timeout_s: float) -> bool:
        """Say whether it has given no frame for so long, and for longer than it is held back."""
        newest_ns = None if self._newest is None else self._newest.captured_ns
        if newest_ns is None:
            return False
        limit_s = timeout_s + (0.0 if self._held_back_hz is None else 1.0 / self._held_back_hz)
        return self._clock.monotonic_ns() - newest_ns >= limit_s * NS_PER_S

    def take(self) -> Frame | None:
        """Return a copy of the newest frame; None if there is none, or it was overwritten meanwhile."""
        return self.intake.take()

    def throttle(self, rate_hz: float | None) -> None:
        """Have the driver give at most so many frames a second; None: all."""
        with suppress(LinkClosed):  # `hear` tells
            self._life.link.send(SetRate(rate_hz))
        if self._held_back_hz is not None or rate_hz is not None:
            self._free_from = None
        self._held_back_hz = rate_hz

    def rate_hz(self, *, at_once: bool = False) -> float | None:
        """Return how many frames a second it gives when nothing holds it back; None until that is known.

        ``at_once``: from what was counted so far, for it will be held back now.
        """
        first, newest = self._free_from, self._newest
        if first is None or newest is None or newest.number - first.number < _LEAST_INTERVALS:
            return None
        passed_s = (newest.captured_ns - first.captured_ns) / NS_PER_S
        known = passed_s >= _RATED_S or (at_once and passed_s > 0)
        return (newest.number - first.number) / passed_s if known else None

    def _drain(self) -> int:
        for heard in range(_DRAINED):
            said = self._life.link.receive()
            if said is None:
                return heard
            self._take(said)
        return _DRAINED

    def _take(self, said: FromChild) -> None:
        match said:
            case _ if self._end is not None:
                raise Nonsense("it went on after its end")
            case Failed():
                self._end = Broken(Fault.FAILED, said=_error(said))
            case Confined() if self.confined is None:
                self.confined = said
            case Opened() if self.first_ns is None:
                self._open(said)
            case Confined() | Opened():
                raise Nonsense("it was confined or opened twice")
            case _ if self.first_ns is None:
                raise Nonsense("it showed frames before it was opened")
            case Shown():
                self.intake.shown(said)
                self._newest = said
                if self._held_back_hz is None:
                    self._free_from = self._free_from or said
            case Beat():
                pass

    def _open(self, said: Opened) -> None:
        if self.confined is None:
            raise Nonsense("it loaded its driver before it was confined")
        self.identity = self.intake.opened(said)
        self.first_ns = self._clock.monotonic_ns()


def _error(said: Failed) -> SourceError | EndOfStream:
    words = harmless(said.message, at_most=MAX_WORDS)
    match said.sort:
        case Sort.DRIVER_MISSING:
            return DriverMissing(words)
        case Sort.DEVICE_MISSING:
            return DeviceMissing(words)
        case Sort.END_OF_STREAM:
            return EndOfStream()
        case Sort.SOURCE_LOST:
            return SourceLost(words)
        case Sort.SOURCE_ERROR:
            return SourceError(words)
