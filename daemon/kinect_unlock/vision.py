"""The vision thread: owns the networks, takes frames from the slot, and reports what it saw to the event loop.

It builds its pipeline when it starts, so that the loop can answer signals meanwhile. A frame that has grown too old
in the slot is dropped, never judged. Whatever goes wrong ends the attempt it belongs to, and nothing else.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Final, Protocol, TypeAlias

from kinect_unlock.capture import Ending, Shot
from kinect_unlock.clock import NS_PER_MS, Clock
from kinect_unlock.errors import InternalError, KinectUnlockError
from kinect_unlock.frames import Frame
from kinect_unlock.heap import give_back
from kinect_unlock.observations import Observation
from kinect_unlock.pipeline import Pipeline
from kinect_unlock.slot import LatestSlot
from kinect_unlock.workers import Pulse, Worker

__all__ = ["Listener", "Pipeline", "Post", "Vision"]

Post: TypeAlias = Callable[[Callable[[], None]], object]  # has a call made on the event loop, from any thread

_NO_ATTEMPT: Final = -1

_LOG = logging.getLogger(__name__)


class Listener(Protocol):
    """Who is told, on the event loop: the controller."""

    def on_observation(self, observation: Observation) -> None:
        """Take notice of what one frame showed."""
        ...

    def on_picture(self, frame: Frame, observation: Observation) -> None:
        """Take notice of a frame that is to be shown, and of what it showed."""
        ...

    def on_source_lost(self, attempt: int, error: KinectUnlockError) -> None:
        """Take notice that an attempt gets no more frames."""
        ...

    def on_source_ended(self, attempt: int) -> None:
        """Take notice that a finite source is spent."""
        ...


class Vision:
    """The thread between slot and event loop; `ready` is done when the networks are loaded, or says why not."""

    def __init__(
        self,
        build: Callable[[], Pipeline],
        *,
        slot: LatestSlot[Shot | Ending],
        listener: Listener,
        post: Post,
        max_frame_age_ms: float,
        clock: Clock,
    ) -> None:
        self._build = build
        self._slot = slot
        self._listener = listener
        self._post = post
        self._max_age_ns = int(max_frame_age_ms * NS_PER_MS)
        self._clock = clock
        self._pipeline: Pipeline | None = None
        self._attempt = _NO_ATTEMPT
        self._stopping = threading.Event()
        self._pulse = Pulse(clock)
        self.ready: Future[None] = Future()
        self.ready.set_running_or_notify_cancel()  # who waits for it may give up waiting, not the loading
        self.worker = Worker(
            "vision", self._body, stop=self._stopping, pulse=self._pulse, on_fault=self._on_fault, wake=slot.close
        )

    def _body(self) -> None:
        if self._pipeline is None:
            self._load()
            return
        self._pulse.rest()
        item = self._slot.take()
        if item is None:
            return
        self._pulse.busy()
        self._attempt = item.attempt
        if isinstance(item, Shot):
            self._look(self._pipeline, item)
        elif item.fault is None:
            self._post(partial(self._listener.on_source_ended, item.attempt))
        else:
            self._post(partial(self._listener.on_source_lost, item.attempt, item.fault))

    def _load(self) -> None:
        try:
            self._pipeline = self._build()
        except KinectUnlockError as fault:
            self._fail(fault)
        else:
            give_back()
            self.ready.set_result(None)

    def _look(self, pipeline: Pipeline, shot: Shot) -> None:
        if self._is_stale(shot):
            self._slot.discard()
            return
        try:
            observation = pipeline.observe(shot.frame, shot.attempt, shot.use)
        except KinectUnlockError as fault:
            _LOG.warning("event=look-failed attempt=%d word=%s message=%r", shot.attempt, fault.word, str(fault))
            self._post(partial(self._listener.on_source_lost, shot.attempt, fault))
            return
        if shot.use == "preview":
            self._post(partial(self._listener.on_picture, shot.frame, observation))
        else:
            self._post(partial(self._listener.on_observation, observation))

    def _is_stale(self, shot: Shot) -> bool:
        """Return True if a frame has waited too long; one from the future has a wrong clock and is no better."""
        if shot.fresh_from_ns is None:
            return False
        return abs(self._clock.monotonic_ns() - shot.fresh_from_ns) > self._max_age_ns

    def _on_fault(self, fault: Exception) -> None:
        """Turn an unforeseen exception, already logged, into the end of the attempt, or of the start."""
        known = InternalError(f"a frame could not be judged ({fault!r}); see the log")
        if not self.ready.done():  # who started us waits for that alone
            self._fail(known)
        else:
            self._post(partial(self._listener.on_source_lost, self._attempt, known))

    def _fail(self, fault: KinectUnlockError) -> None:
        self._stopping.set()  # without networks there is nothing to go on with
        self.ready.set_exception(fault)
