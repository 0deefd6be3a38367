"""The capture thread: owns the source, opens it only while the controller needs frames, and never judges one.

What it sees goes into the slot: a `Shot` for each frame and one `Ending` when the source ends or fails by itself, so
that the news of an end never overtakes the frames before it. A live source and a replay at its recorded pace `offer`
(newest wins); a replay paced ``asap`` or ``stepped`` `put`s, so that every frame is judged whatever the machine's
speed, and the same recording gives the same decisions.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Final, TypeAlias

from kinect_unlock.clock import NS_PER_S, Clock
from kinect_unlock.errors import KinectUnlockError, SourceError, SourceLost
from kinect_unlock.frames import Frame, Origin
from kinect_unlock.heap import give_back
from kinect_unlock.ports import Use
from kinect_unlock.settings import Source
from kinect_unlock.slot import LatestSlot
from kinect_unlock.sources.base import EndOfStream, FrameSource
from kinect_unlock.workers import POLL_S, Pulse, Worker

OpenSource: TypeAlias = Callable[[str | None], FrameSource]
_LOSSLESS_PACES: Final = frozenset({"asap", "stepped"})

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One frame on its way to be judged.

    ``fresh_from_ns`` is the point on the host's clock from which its age counts: when it was captured, if that is
    known, else when it arrived; None if it may wait as long as it must.
    """

    attempt: int
    use: Use
    frame: Frame
    fresh_from_ns: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Ending:
    """The source of an attempt ended by itself; ``fault`` is None if it simply had no more frames."""

    attempt: int
    fault: KinectUnlockError | None


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    attempt: int
    use: Use
    stream: str | None


class Capture:
    """The camera as the controller sees it: `start`, `stop`, and news through ``on_ready`` and the slot.

    ``on_ready(attempt)`` is called in the capture thread.
    """

    def __init__(
        self,
        open_source: OpenSource,
        settings: Source,
        *,
        origin: Origin,
        slot: LatestSlot[Shot | Ending],
        clock: Clock,
        on_ready: Callable[[int], object],
    ) -> None:
        self._open_source = open_source
        self._settings = settings
        self._origin = origin
        self._is_live = origin.live
        self._is_lossless = settings.pace in _LOSSLESS_PACES and not self._is_live
        self._slot = slot
        self._clock = clock
        self._on_ready = on_ready
        self._wanted: _Job | None = None  # what the controller wants; both under `_changed`
        self._current: _Job | None = None  # what the thread works at, or worked at last
        self._changed = threading.Condition()
        self._frames = 0
        self._stopping = threading.Event()
        self._pulse = Pulse(clock)
        self.worker = Worker(
            "capture", self._body, stop=self._stopping, pulse=self._pulse, on_fault=self._on_fault, wake=self._wake
        )

    def start(self, attempt: int, use: Use, stream: str | None) -> None:
        """Want frames for an attempt; returns at once. An attempt before it is given up."""
        with self._changed:
            self._wanted = _Job(attempt, use, stream)
            self._changed.notify_all()

    def stop(self) -> None:
        """Want no frames; returns at once, the source is closed as soon as its read returns."""
        with self._changed:
            self._wanted = None
            self._changed.notify_all()

    def counters(self) -> dict[str, int]:
        """Return how many frames came since the start, and how many of them nobody had time to judge."""
        return {"frames": self._frames, "drops": self._slot.dropped}

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _body(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopping.is_set() or self._has_new_job())
            job = self._current = self._wanted
        if job is not None and not self._stopping.is_set():
            ending = self._session(job)
            give_back()
            if ending is None:
                self._slot.clear()
            else:
                self._leave(job, ending)

    def _has_new_job(self) -> bool:
        return self._wanted is not None and self._wanted is not self._current

    def _is_wanted(self, job: _Job) -> bool:
        with self._changed:
            return self._wanted is job and not self._stopping.is_set()

    def _session(self, job: _Job) -> Ending | None:
        """Give frames as long as they are wanted; None if the wish ended first."""
        self._pulse.busy()
        try:
            source = self._open_source(job.stream)
            if source.origin is not self._origin:
                raise SourceError(f"the source gives {source.origin} frames, {self._origin} was declared; refused")
            with closing(source):
                source.open()
                self._opened(job, source)
        except EndOfStream:
            return Ending(job.attempt, None)
        except KinectUnlockError as fault:
            _LOG.warning("event=source-failed attempt=%d word=%s message=%r", job.attempt, fault.word, str(fault))
            return Ending(job.attempt, fault)
        return None

    def _opened(self, job: _Job, source: FrameSource) -> None:
        before = self.counters()
        _LOG.info("event=camera-open attempt=%d", job.attempt)
        self._on_ready(job.attempt)
        try:
            self._stream(job, source)
        finally:
            counted = {name: count - before[name] for name, count in self.counters().items()}
            _LOG.info(
                "event=camera-closing attempt=%d frames=%d drops=%d", job.attempt, counted["frames"], counted["drops"]
            )

    def _stream(self, job: _Job, source: FrameSource) -> None:
        """Pass frames on until they are no longer wanted.

        Raises:
            EndOfStream: the source has given its last frame.
            SourceError: the source failed, or was silent for too long.
        """
        heard_ns = self._clock.monotonic_ns()
        limit_ns = int(self._settings.stall_timeout_s * NS_PER_S)
        while self._is_wanted(job):
            self._pulse.busy()
            frame = source.read(POLL_S)
            now_ns = self._clock.monotonic_ns()
            if frame is not None:
                self._pass_on(job, frame, now_ns)
                heard_ns = self._clock.monotonic_ns()  # waiting for the place is not the source's silence
            elif now_ns - heard_ns >= limit_ns:
                raise SourceLost(f"no frame for {self._settings.stall_timeout_s:g} s; is the camera still connected?")

    def _pass_on(self, job: _Job, frame: Frame, now_ns: int) -> None:
        self._frames += 1
        if self._is_lossless:
            self._leave(job, Shot(job.attempt, job.use, frame, None))
            return
        born_ns = frame.captured_ns if self._is_live else now_ns
        self._slot.offer(Shot(job.attempt, job.use, frame, born_ns))

    def _leave(self, job: _Job, value: Shot | Ending) -> None:
        """Leave what must not be dropped, unless it is no longer wanted."""
        while self._is_wanted(job):
            self._pulse.busy()
            if self._slot.put(value, POLL_S):
                return

    def _on_fault(self, fault: Exception) -> None:
        """Turn a source's unforeseen exception, already logged, into the loss of the source."""
        job = self._current
        if job is not None:
            self._leave(job, Ending(job.attempt, SourceLost(f"the source met a fault of its own ({fault!r}); see log")))
