"""A camera whose driver runs in a child process: whatever the driver does, what is seen here is a `SourceError`.

The library for the Kinect exits the process, crashes, hangs and fails in silence. `IsolatedSource` starts it in a
child, takes its frames out of shared memory, and when the child misbehaves ends it and says why: by which signal or
exit code it ended, or that it fell silent, and what it printed last. The attempt that meets this is over; the next one
starts a new child, when the history of the lives before it lets it.
"""

import logging
import os
import select
import threading
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import replace as replace_field
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from kinect_unlock.clock import NS_PER_MS, NS_PER_S, Clock, deadline_left_s
from kinect_unlock.errors import DeviceMissing, DriverMissing, SourceError, SourceLost
from kinect_unlock.frames import Frame, Origin
from kinect_unlock.restarts import End
from kinect_unlock.settings import Source
from kinect_unlock.sources.base import EndOfStream, Identity
from kinect_unlock.sources.driver_ends import cause_of, end_of, speaks_against_pipeline
from kinect_unlock.sources.driver_life import DriverLife
from kinect_unlock.sources.driver_link import Begin, Confined
from kinect_unlock.sources.driver_stream import Broken, DriverStream, Fault
from kinect_unlock.sources.drivers import Driver
from kinect_unlock.sources.lives import DriverLives
from kinect_unlock.sources.pipelines import Pipeline, Pipelines, display_exists

CLOSE_GRACE_S: Final = 2.0  # what a driver may take to close its camera
_AGAIN_S: Final = 0.5  # between two looks for a camera that may come back
_WORTH_S: Final = 3.0  # with less time left no Kinect gives its first frame, and trying would only cover up the cause
_GRACE_S: Final = {
    Fault.OVER: 1.0,  # a crashed process hangs up before it is gone
    Fault.FAILED: CLOSE_GRACE_S,  # a driver that speaks may close its camera in order
    Fault.SILENT: 0.0,
    Fault.NO_FRAME: 0.0,
    Fault.NONSENSE: 0.0,
}
_LOOSE: Final = "this kernel or processor does not confine the camera's driver; `kinect-unlock doctor` tells more"
_NEXT: Final = "asking again starts it anew; if this comes back, `kinect-unlock doctor` looks for the reason"

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class _Present:
    """The life that is going on."""

    life: DriverLife
    stream: DriverStream
    pipeline: Pipeline
    is_rated: bool = False  # its pipeline's rate was told


class IsolatedSource:
    """Frames of a driver in a child; opened once. `interrupt` may be called by any thread, the rest by one."""

    def __init__(
        self,
        driver: Driver,
        settings: Source,
        clock: Clock,
        *,
        lives: DriverLives,
        pipelines: Pipelines,
        keeps: Path | None = None,
    ) -> None:
        """``keeps`` is a folder of the driver's own, for what its libraries keep from one start to the next."""
        self._driver = driver
        self._settings = settings
        self._clock = clock
        self._lives = lives
        self._pipelines = pipelines
        self._keeps = keeps
        self._present: _Present | None = None
        self._identity: Identity | None = None
        self._wake: int | None = None  # an eventfd while open; this and the next under `_guard`
        self._given_up = False
        self._guard = threading.Lock()

    @property
    def origin(self) -> Origin:
        """Where the frames come from: what this program knows of the driver, not what the driver says."""
        return self._driver.origin

    @property
    def identity(self) -> Identity | None:
        """Which camera was opened; None before."""
        return self._identity

    def open(self) -> None:
        """Start the driver and wait for its first frame, again where that can help, within ``open_timeout_s``.

        A driver that says in good order that it cannot has said it for good, unless there is another pipeline to try.

        Raises:
            DriverMissing: its library cannot be used.
            DeviceMissing: there is no such camera.
            SourceLost: the driver crashed, hung, or gave no frame.
            SourceError: it cannot be opened for another reason, or was given up by `interrupt`.
        """
        self._make_wake()
        deadline_ns = self._clock.monotonic_ns() + int(self._settings.open_timeout_s * NS_PER_S)
        refused: set[Pipeline] = set()
        while True:
            self._rest(deadline_ns)
            pipeline = self._pipelines.pick()
            try:
                self._begin(pipeline, deadline_ns)
            except DeviceMissing:
                if not (self._lives.may_reappear() and self._is_worth_it(deadline_ns, _AGAIN_S)):
                    raise
                self._pause(_AGAIN_S)
            except DriverMissing:
                raise
            except SourceLost as fault:
                if not self._is_worth_it(deadline_ns, self._lives.wait_s()):
                    raise
                _LOG.warning("event=driver-again message=%r", str(fault))
            except SourceError as fault:
                refused.add(pipeline)
                if self._given_up or self._pipelines.pick() in refused or not self._is_worth_it(deadline_ns, 0.0):
                    raise
                _LOG.warning("event=driver-again message=%r", str(fault))
            else:
                return

    def read(self, timeout_s: float) -> Frame | None:
        """Return the newest frame, None if none came within ``timeout_s`` or the source is given up.

        Raises:
            EndOfStream: the driver says that there are no more.
            SourceLost: the driver crashed, hung, failed, or says what cannot be.
            SourceError: the source is not open.
        """
        present = self._present
        if present is None:
            raise SourceError("the camera's driver is not open")
        until_ns = self._clock.monotonic_ns() + int(timeout_s * NS_PER_S)
        try:
            while True:
                present.stream.hear()
                frame = present.stream.take()
                left_s = deadline_left_s(self._clock, until_ns)
                if frame is not None or left_s == 0.0 or self._given_up:
                    self._note_rate(present)
                    return frame
                present.life.wait(left_s, self._waker())
        except Broken as broken:
            raise self._lost(present, broken) from broken

    def throttle(self, rate_hz: float | None) -> None:
        """Have the driver give at most so many frames a second; None: all."""
        if self._present is not None:
            self._note_rate(self._present, at_once=rate_hz is not None)
            self._present.stream.throttle(rate_hz)

    def interrupt(self) -> None:
        """Give up a wait in `open` or `read`, now and for ever; for any thread."""
        with self._guard:
            self._given_up = True
            if self._wake is not None:
                os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        """End the driver, with force if it does not close its camera in time; harmless when it has ended."""
        present = self._present
        if present is not None:
            self._note_rate(present, at_once=True)
            self._close(present)
        with self._guard:
            wake, self._wake = self._wake, None
            if wake is not None:
                os.close(wake)

    # Opening.

    def _make_wake(self) -> None:
        with self._guard:
            try:
                self._wake = os.eventfd(int(self._given_up), os.EFD_CLOEXEC)
            except OSError as fault:
                raise SourceError(f"no room to open the camera's driver: {fault.strerror}; try again") from fault

    def _rest(self, deadline_ns: int) -> None:
        """Wait until a driver may be started."""
        wait_s = self._lives.wait_s()
        if wait_s > 0.0 and not self._is_worth_it(deadline_ns, wait_s):
            if self._lives.failures:
                times = f"failed {self._lives.failures} times in a row ({self._lives.cause})"
                raise SourceError(f"the camera driver {times}; it is started again in {wait_s:.0f} s at the earliest")
            raise SourceError(f"the camera was closed just now and can be opened again in {wait_s:.0f} s; wait for it")
        self._pause(wait_s)

    def _is_worth_it(self, deadline_ns: int, wait_s: float) -> bool:
        """Say whether a driver that is started after a wait has time enough for its first frame."""
        return deadline_left_s(self._clock, deadline_ns) - wait_s >= _WORTH_S

    def _pause(self, wait_s: float) -> None:
        select.select([self._waker()], [], [], wait_s)
        self._check_wanted()

    def _check_wanted(self) -> None:
        if self._given_up:
            raise SourceError("opening the camera was given up, for nobody waits for it any more")

    def _waker(self) -> int:
        if self._wake is None:
            raise SourceError("the camera's driver is not open")
        return self._wake

    def _begin(self, pipeline: Pipeline, deadline_ns: int) -> None:
        """Start one child and wait for its first frame."""
        begun_ns = self._clock.monotonic_ns()
        life = self._start(self._word(pipeline))
        present = self._present = _Present(life, DriverStream(life, self._clock), pipeline)
        _LOG.info("event=driver-start pid=%d driver=%s pipeline=%s", life.pid, self._driver.target, pipeline)
        try:
            self._await_first(present, deadline_ns)
        except Broken as broken:
            raise self._lost(present, broken) from broken
        found = replace_field(present.stream.identity or Identity(self._driver.model), held_by=self._held(present))
        self._identity = found
        _LOG.info(
            "event=driver-open pid=%d model=%r serial=%r firmware=%r pipeline=%r first_frame_ms=%.0f held_by=%r",
            life.pid,
            found.model,
            found.serial,
            found.firmware,
            found.pipeline,
            (self._clock.monotonic_ns() - begun_ns) / NS_PER_MS,
            found.held_by,
        )

    def _word(self, pipeline: Pipeline) -> Begin:
        """Return what to tell a child: what to make, and what of this computer it may have."""
        asked, writes = self._settings, self._driver.writes(self._settings)
        if writes is not None:
            with suppress(OSError):  # the driver says it better
                writes.touch(0o600)
        return Begin(
            self._driver.target,
            replace(asked, pipeline=pipeline),
            reads=tuple(name for name in (asked.path, asked.faults) if name is not None),
            writes=() if writes is None else (str(writes),),
            keeps=None if self._keeps is None else str(self._keeps),
            connects=pipeline == "opengl" and display_exists(os.environ),  # which decodes on a display
        )

    def _held(self, present: _Present) -> str:
        """Say what confines a child, and warn once where not all of it does."""
        said = present.stream.confined or Confined(0, filtered=False)
        held = (f"landlock {said.landlock}" * bool(said.landlock), "filter" * said.filtered)
        if not all(held):
            self._lives.warn_once(_LOOSE)
        return " and ".join(filter(None, held)) or "nothing"

    def _start(self, begin: Begin) -> DriverLife:
        self._lives.began()
        try:
            return DriverLife(begin)
        except SourceError as fault:
            self._lives.ended(End.FAILED, served_s=0.0, drops=0, cause=f"did not start: {fault}")
            raise

    def _await_first(self, present: _Present, deadline_ns: int) -> None:
        while True:
            present.stream.hear()
            if present.stream.first_ns is not None:
                return
            left_s = deadline_left_s(self._clock, deadline_ns)
            if left_s == 0.0:
                raise Broken(Fault.NO_FRAME, f"{self._settings.open_timeout_s:g} s of source.open_timeout_s")
            present.life.wait(left_s, self._waker())
            if self._given_up:
                self._close(present)
                self._check_wanted()

    # The end.

    def _lost(self, present: _Present, broken: Broken) -> SourceError | EndOfStream:
        """End a child that is of no more use; return what that means to who reads the camera."""
        said, has_served = broken.said, present.stream.first_ns is not None
        how, last = present.life.end(_GRACE_S[broken.fault])
        cause = cause_of(broken, how)
        self._note(present, end_of(said, has_served=has_served), cause)
        if speaks_against_pipeline(said, has_served=has_served, is_rated=present.is_rated):
            self._pipelines.failed(present.pipeline, cause)
        match said:
            case EndOfStream() if has_served:
                return said
            case SourceError():
                return SourceLost(str(said)) if has_served else said
            case _:
                words = f"; its last words: {last!r}" if last else ""
                return SourceLost(f"the camera driver {cause}{words}; {_NEXT}")

    def _close(self, present: _Present) -> None:
        """End a child that nobody needs, or whose silence its reader has judged: it lives and gives no frame."""
        with suppress(Broken):
            present.stream.hear()
        stalls = present.stream.stalls(self._settings.stall_timeout_s)
        present.life.end(CLOSE_GRACE_S)
        if stalls:
            cause = f"gave no frame for {self._settings.stall_timeout_s:g} s"
            self._note(present, End.FAILED, cause)
            if not present.is_rated:
                self._pipelines.failed(present.pipeline, cause)
        else:
            self._note(present, End.GIVEN_UP if present.stream.first_ns is None else End.CLOSED, "was told to")

    def _note(self, present: _Present, end: End, cause: str) -> None:
        """Take notice of the end of the present life."""
        self._present = None
        stream = present.stream
        self._lives.ended(end, served_s=stream.served_s(), drops=stream.intake.dropped, cause=cause)
        _LOG.log(
            logging.WARNING if end is End.FAILED else logging.INFO,
            "event=driver-ended pid=%d served_s=%.1f frames=%d dropped=%d failures=%d cause=%r",
            present.life.pid,
            stream.served_s(),
            stream.intake.taken,
            stream.intake.dropped,
            self._lives.failures,
            cause,
        )

    def _note_rate(self, present: _Present, *, at_once: bool = False) -> None:
        """Tell once how fast the pipeline is; ``at_once`` when it is to be held back and so not known later."""
        rate_hz = None if present.is_rated else present.stream.rate_hz(at_once=at_once)
        if rate_hz is not None:
            present.is_rated = True
            self._pipelines.worked(present.pipeline, self._identity or Identity(self._driver.model), rate_hz)
