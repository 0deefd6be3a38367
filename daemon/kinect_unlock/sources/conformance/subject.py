"""What a check is given: a source to try, how long to wait for it, and words for what it did wrong."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final, TypeVar

from kinect_unlock.clock import NS_PER_S, Clock, SystemClock, deadline_left_s
from kinect_unlock.errors import KinectUnlockError
from kinect_unlock.frames import Frame
from kinect_unlock.sources.base import EndOfStream, FrameSource

_POLL_S: Final = 0.1  # as the capture thread reads
_Result = TypeVar("_Result")


class Violation(AssertionError):
    """A source broke a promise; the message says which, what was seen and what was expected."""


class Inapplicable(Exception):
    """A check finds nothing to look at in this source; the message says why."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a check waits. Wide, so that a slow source on a busy machine is not taken for one that hangs."""

    frame_s: float = 15.0  # for a frame
    window_s: float = 2.0  # over which frames are counted
    grace_s: float = 3.0  # beyond its time-out for a call; for threads and processes to end


@dataclass(frozen=True, slots=True)
class Subject:
    """A source under test: ``make`` gives a new one each time, not yet opened.

    ``make_missing`` gives one whose camera or file does not exist; None: not known how. ``is_driver``: it is meant for
    a child process, where one thread alone reads and closes it.
    """

    name: str
    make: Callable[[], FrameSource]
    make_missing: Callable[[], FrameSource] | None = None
    patience: Patience = Patience()
    is_driver: bool = False
    clock: Clock = field(default_factory=SystemClock)

    @contextmanager
    def opened(self) -> Iterator[FrameSource]:
        """Give a new source, opened; it is closed at the end."""
        source = self.make()
        try:
            own_errors("open()", source.open)
            yield source
        except BaseException:
            with suppress(Exception):  # what went wrong first is what is told
                source.close()
            raise
        own_errors("close()", source.close)

    def frames(self, source: FrameSource, count: int) -> list[Frame]:
        """Read up to so many frames; fewer only if the stream is finite and over.

        Raises:
            Violation: no frame came within the patience, or what came is none.
        """
        frames: list[Frame] = []
        while len(frames) < count:
            try:
                frames.append(self._next(source))
            except EndOfStream:
                break
        require(bool(frames), "the stream ended before its first frame; a check needs at least one")
        return frames

    def _next(self, source: FrameSource) -> Frame:
        deadline_ns = self.clock.monotonic_ns() + int(self.patience.frame_s * NS_PER_S)
        while deadline_left_s(self.clock, deadline_ns) > 0:
            frame = own_errors("read()", lambda: source.read(_POLL_S))
            require(frame is None or isinstance(frame, Frame), f"read() gave {type(frame)}, neither a Frame nor None")
            if frame is not None:
                return frame
        raise Violation(f"no frame within {self.patience.frame_s:g} s of reading, and no SourceError that says why")


def require(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - an assertion's subject
    """Raise a `Violation` with these words unless it holds."""
    if not holds:
        raise Violation(otherwise)


def own_errors(what: str, call: Callable[[], _Result]) -> _Result:
    """Call a source, and take an exception that is not of this program's tree for a broken promise."""
    try:
        return call()
    except (KinectUnlockError, EndOfStream):
        raise
    except Exception as fault:
        raise Violation(
            f"{what} raised {fault!r}; a source translates foreign exceptions into SourceError or one of its children"
        ) from fault


class Work:
    """Something done in a thread of its own, so that it may be given up when it hangs."""

    def __init__(self, body: Callable[[], None]) -> None:
        self._body = body
        self._raised: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, name="conformance", daemon=True)
        self._thread.start()

    def end_within(self, limit_s: float, otherwise: str) -> None:
        """Wait for its end and raise what it raised.

        Raises:
            Violation: it did not end within the limit; its thread is left behind.
        """
        self._thread.join(limit_s)
        require(not self._thread.is_alive(), otherwise)
        if self._raised:
            raise self._raised[0]

    def _run(self) -> None:
        try:
            self._body()
        except BaseException as fault:  # noqa: BLE001 - a thread's outermost function; raised to who waits for it
            self._raised.append(fault)
