"""Giving the frames of a finite stream at the moments they were captured, or at once."""

import threading
from typing import Final

from kinect_unlock.clock import NS_PER_S, Clock
from kinect_unlock.settings import Pace


class Pacer:
    """Waits until a frame is due. `release` may be called by another thread and ends a wait at once.

    ``recorded`` keeps the intervals between frames: the first is due when it is first asked for. A reader that is
    late gets what is overdue at once. ``asap`` and ``stepped`` never wait.
    """

    def __init__(self, pace: Pace, clock: Clock) -> None:
        self._paced: Final = pace == "recorded"
        self._clock = clock
        self._offset_ns: int | None = None  # from the stream's clock to ours
        self._released = threading.Event()

    def wait_for(self, captured_ns: int, timeout_s: float) -> bool:
        """Return True once the frame captured at this time of the stream is due, False if that takes too long."""
        if not self._paced:
            return not self._released.is_set()
        now_ns = self._clock.monotonic_ns()
        if self._offset_ns is None:
            self._offset_ns = now_ns - captured_ns
        left_s = (captured_ns + self._offset_ns - now_ns) / NS_PER_S
        if left_s <= 0:
            return not self._released.is_set()
        released = self._released.wait(max(0.0, min(left_s, timeout_s)))
        return not released and left_s <= timeout_s

    def release(self) -> None:
        """End a wait now and for ever."""
        self._released.set()
