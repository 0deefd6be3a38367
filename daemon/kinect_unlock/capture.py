"""The capture thread: owns the source, opens it only while the controller needs frames, and never judges one.

The one exception: a live source lingers, that is, it stays open for `source.linger_s` after an attempt. Starting a
Kinect takes seconds, and one that is closed and opened again at once is lost for seconds more. Meanwhile it is read
slowly and its frames are thrown away here; the next attempt of the same stream has the open source at once. Another
stream, the end of the time, a fault and the end of the daemon close it. A recording never lingers.

What it sees goes into the slot: a `Shot` for each frame and one `Ending` when the source ends or fails by itself, so
that the news of an end never overtakes the frames before it. A live source and a replay at its recorded pace `offer`
(newest wins); a replay paced ``asap`` or ``stepped`` `put`s, so that every frame is judged whatever the machine's
speed, and the same recording gives the same decisions.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from kinect_unlock.camera_needs import Need
from kinect_unlock.camera_report import CameraReport, CameraReporter
from kinect_unlock.clock import NS_PER_S, Clock
from kinect_unlock.errors import KinectUnlockError, SourceError, SourceLost
from kinect_unlock.frames import Frame, Origin
from kinect_unlock.heap import give_back
from kinect_unlock.open_camera import OpenCamera, opened
from kinect_unlock.ports import Use
from kinect_unlock.settings import Source
from kinect_unlock.slot import LatestSlot
from kinect_unlock.sources.base import EndOfStream, FrameSource, Interruptible
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
        driver_counters: Callable[[], dict[str, int]] = dict,
    ) -> None:
        self._open_source = open_source
        self._settings = settings
        self._origin = origin
        self._is_live = origin.live
        self._is_lossless = settings.pace in _LOSSLESS_PACES and not self._is_live
        self._slot = slot
        self._clock = clock
        self._on_ready = on_ready
        self._driver_counters = driver_counters
        self._linger_ns = int(settings.linger_s * NS_PER_S) if origin.live else 0
        self._wanted: _Job | None = None  # what the controller wants; all of these under `_changed`
        self._need = Need.LOOKING  # and what for
        self._may_linger = True  # until the next attempt, once this one has ended
        self._current: _Job | None = None  # what the thread works at, or worked at last
        self._changed = threading.Condition()
        self._source: FrameSource | None = None  # the present one, under `_changed`
        self._frames = 0
        self._stopping = threading.Event()
        self._pulse = Pulse(clock)
        self._reporter = CameraReporter(clock)
        self.worker = Worker(
            "capture", self._body, stop=self._stopping, pulse=self._pulse, on_fault=self._on_fault, wake=self._wake
        )

    def start(self, attempt: int, use: Use, stream: str | None) -> None:
        """Want frames for an attempt; returns at once. An attempt before it is given up."""
        with self._changed:
            self._wanted, self._may_linger = _Job(attempt, use, stream), True
            self._need = Need.LOOKING
            self._changed.notify_all()

    def stop(self) -> None:
        """Want no frames; returns at once, and no frame is passed on after the present read."""
        with self._changed:
            self._wanted = None
            self._changed.notify_all()

    def close(self) -> None:
        """Want no frames, nor the source kept open; returns at once."""
        with self._changed:
            self._wanted, self._may_linger = None, False
            self._changed.notify_all()

    def adapt(self, need: Need) -> None:
        """Say what the attempt needs frames for from now on; returns at once."""
        with self._changed:
            self._need = need

    def counters(self) -> dict[str, int]:
        """Return how many frames came for attempts since the start, how many of them nobody had time to judge.

        And what was counted of the camera's driver, lives within one opening included.
        """
        return {"frames": self._frames, "drops": self._slot.dropped, **self._driver_counters()}

    def report(self) -> CameraReport:
        """Return how the camera is."""
        return self._reporter.report

    # What the controller wants, as the thread sees it.

    def _wake(self) -> None:
        """Let the thread see that it is to stop, even while a camera is being waited for."""
        with self._changed:
            self._changed.notify_all()
            source = self._source
        if source is not None and isinstance(source, Interruptible):
            source.interrupt()

    def _may_open(self, source: FrameSource) -> bool:
        """Keep the source that is about to be opened, for `_wake`; False if nobody is to wait for it any more."""
        with self._changed:
            self._source = source
            return not self._stopping.is_set()

    def _needed(self, attempt: int) -> Need | None:
        """Return what an attempt's frames are needed for; None if they are not wanted any more."""
        with self._changed:
            wanted = self._wanted is not None and self._wanted.attempt == attempt
            return self._need if wanted and not self._stopping.is_set() else None

    def _has_new_job(self) -> bool:
        return self._wanted is not None and self._wanted is not self._current

    def _is_idle(self) -> bool:
        with self._changed:
            return self._wanted is None and self._may_linger and not self._stopping.is_set()

    def _follower(self, job: _Job) -> _Job | None:
        """Take up the job that waits, if it can have the source that ``job`` had."""
        with self._changed:
            follower = self._wanted
            if follower is None or follower.stream != job.stream or self._stopping.is_set():
                return None
            self._current = follower
            return follower

    # The thread.

    def _body(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopping.is_set() or self._has_new_job())
            job = self._current = self._wanted
        if job is not None and not self._stopping.is_set():
            ending = self._session(job)
            give_back()
            if ending is not None:
                self._leave(ending)

    def _session(self, job: _Job) -> Ending | None:
        """Open the source, serve a job and those that follow on it; return how it ended, None if it was closed."""
        self._pulse.busy()
        self._reporter.opening()
        try:
            source = self._open_source(job.stream)
            if source.origin is not self._origin:
                raise SourceError(f"the source gives {source.origin} frames, {self._origin} was declared; refused")
            if not self._may_open(source):
                return None
            with opened(source, self._settings, clock=self._clock, reporter=self._reporter) as camera:
                following: _Job | None = job
                while following is not None:
                    job = following
                    self._serve(job, camera)
                    following = self._linger(job, camera)
        except EndOfStream:
            return Ending(job.attempt, None)
        except KinectUnlockError as fault:
            _LOG.warning("event=source-failed attempt=%d word=%s message=%r", job.attempt, fault.word, str(fault))
            self._reporter.failed(str(fault))
            return Ending(job.attempt, fault)
        finally:
            self._reporter.closed()
        return None

    def _serve(self, job: _Job, camera: OpenCamera) -> None:
        """Pass frames on until they are no longer wanted.

        Raises:
            EndOfStream: the source has given its last frame.
            SourceError: the source failed, or was silent for too long.
        """
        before = self.counters()
        self._reporter.serving()
        self._on_ready(job.attempt)
        try:
            while (need := self._needed(job.attempt)) is not None:
                self._pulse.busy()
                frame = camera.read(need)
                if frame is not None:
                    self._pass_on(job, frame)
                    camera.heard()  # waiting for the place is not the source's silence
            self._slot.clear()
        finally:
            counted = {name: count - before[name] for name, count in self.counters().items()}
            _LOG.info("event=served attempt=%d frames=%d drops=%d", job.attempt, counted["frames"], counted["drops"])

    def _linger(self, job: _Job, camera: OpenCamera) -> _Job | None:
        """Keep a live source open for the next attempt; return that, None if the source is to be closed."""
        if not self._linger_ns:
            return None
        until_ns = self._clock.monotonic_ns() + self._linger_ns
        self._reporter.lingering(until_ns)
        give_back()
        try:
            while self._is_idle() and self._clock.monotonic_ns() < until_ns:
                self._pulse.busy()
                camera.read(Need.RESTING)  # and thrown away, unseen
        except EndOfStream:
            return None
        except KinectUnlockError as fault:  # nobody waits for it; the next attempt opens anew
            _LOG.warning("event=source-failed-lingering word=%s message=%r", fault.word, str(fault))
            self._reporter.failed(str(fault))
            return None
        return self._follower(job)

    def _pass_on(self, job: _Job, frame: Frame) -> None:
        self._frames += 1
        if self._is_lossless:
            self._leave(Shot(job.attempt, job.use, frame, None))
            return
        born_ns = frame.captured_ns if self._is_live else self._clock.monotonic_ns()
        self._slot.offer(Shot(job.attempt, job.use, frame, born_ns))

    def _leave(self, value: Shot | Ending) -> None:
        """Leave what must not be dropped, unless it is no longer wanted."""
        while self._needed(value.attempt) is not None:
            self._pulse.busy()
            if self._slot.put(value, POLL_S):
                return

    def _on_fault(self, fault: Exception) -> None:
        """Turn a source's unforeseen exception, already logged, into the loss of the source."""
        lost = SourceLost(f"the source met a fault of its own ({fault!r}); see log")
        self._reporter.failed(str(lost))
        if self._current is not None:
            self._leave(Ending(self._current.attempt, lost))
