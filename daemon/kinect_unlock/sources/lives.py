"""What the daemon remembers of a driver's lives between openings: when the next may begin, and what was counted."""

import logging
import threading

from kinect_unlock.clock import Clock, deadline_left_s
from kinect_unlock.restarts import End, History, after, may_reappear, may_start_ns

_LOG = logging.getLogger(__name__)


class DriverLives:
    """The history of one camera's driver, for as long as the program runs; only one life at a time.

    Written by the thread that reads the camera; `counters` may be called by any.
    """

    def __init__(self, clock: Clock, *, reappear_s: float) -> None:
        self.cause = ""  # of the last failure, in words
        self._clock = clock
        self._reappear_s = reappear_s
        self._history = History()
        self._counted = {"driver_starts": 0, "driver_failures": 0, "driver_drops": 0}
        self._counting = threading.Lock()
        self._warned: set[str] = set()

    @property
    def failures(self) -> int:
        """How many lives in a row have failed."""
        return self._history.failures

    def wait_s(self) -> float:
        """Return how long to wait until the next life may begin."""
        return deadline_left_s(self._clock, may_start_ns(self._history, self._reappear_s))

    def may_reappear(self) -> bool:
        """Say whether a camera that is missing now may only be not back yet from its last closing."""
        return may_reappear(self._history, self._reappear_s, now_ns=self._clock.monotonic_ns())

    def began(self) -> None:
        """Count a start."""
        self._count("driver_starts", 1)

    def ended(self, end: End, *, served_s: float, drops: int, cause: str) -> None:
        """Take notice of an end: how, after how long of giving frames, how many of them were lost on the way, why."""
        self._history = after(self._history, end, now_ns=self._clock.monotonic_ns(), served_s=served_s)
        self._count("driver_drops", drops)
        if end is End.FAILED:
            self.cause = cause
            self._count("driver_failures", 1)

    def counters(self) -> dict[str, int]:
        """Return how many drivers were started, how many failed, how many frames were overwritten before taken."""
        with self._counting:
            return dict(self._counted)

    def warn_once(self, words: str) -> None:
        """Log a warning that the next lives would only repeat."""
        if words not in self._warned:
            self._warned.add(words)
            _LOG.warning("event=driver-warning message=%r", words)

    def _count(self, name: str, more: int) -> None:
        with self._counting:
            self._counted[name] += more
