"""The only queue between two threads: one place, in which the newest frame wins.

A slow vision thread must judge what is before the camera now, not what stood there a second ago; so a live source
`offer`s and what was not taken is dropped and counted. A recording that is to be judged frame by frame, and the news
that a source has ended, must not be dropped: they are `put`, which waits for the place.
"""

import threading
from collections import deque
from typing import Generic, TypeVar

_T = TypeVar("_T")


class LatestSlot(Generic[_T]):
    """One place for one value between one giving and one taking thread."""

    def __init__(self) -> None:
        self._place: deque[_T] = deque(maxlen=1)
        self._changed = threading.Condition()
        self._dropped = 0
        self._closed = False

    @property
    def dropped(self) -> int:
        """How many values were replaced before anybody took them, or given back as too old."""
        with self._changed:
            return self._dropped

    def offer(self, value: _T) -> None:
        """Leave a value; one that still lies there is dropped and counted."""
        with self._changed:
            self._dropped += len(self._place)
            self._place.append(value)
            self._changed.notify_all()

    def put(self, value: _T, timeout_s: float) -> bool:
        """Leave a value once the place is free; False, and nothing left, if it did not become free in time."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not self._place, timeout_s)
            if self._closed or self._place:
                return False
            self._place.append(value)
            self._changed.notify_all()
            return True

    def take(self, timeout_s: float | None = None) -> _T | None:
        """Take the value, waiting up to ``timeout_s`` (None: for ever) for one; None if none came, or when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._place, timeout_s)
            if self._closed or not self._place:
                return None
            value = self._place.popleft()
            self._changed.notify_all()
            return value

    def discard(self) -> None:
        """Count a value that was taken as dropped: it had grown too old to be used."""
        with self._changed:
            self._dropped += 1

    def clear(self) -> None:
        """Forget what lies there; nobody wanted it any more, so it is not counted as dropped."""
        with self._changed:
            self._place.clear()
            self._changed.notify_all()

    def close(self) -> None:
        """End every wait, now and later: nothing is given or taken any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
