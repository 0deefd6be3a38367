"""What every attempt before the camera has in common: its hold of the camera, its time, its machine, its one end.

An attempt lives on the event loop, is fed by the controller with what carries its number, and ends exactly once, with
the reply in ``ended``. Whatever goes wrong in it ends it closed.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Final, Generic

from kinect_unlock.auditing import Auditor
from kinect_unlock.camera_needs import Need, need_after
from kinect_unlock.clock import NS_PER_S, Clock
from kinect_unlock.decisions import DecisionLog, Facts, with_timings
from kinect_unlock.errors import InternalError, KinectUnlockError, OtherCamera, SourceLost, StoreError
from kinect_unlock.hinting import SteadyHints
from kinect_unlock.ledgers import LedgerBook
from kinect_unlock.machines.table import Effect, Event, State, Table
from kinect_unlock.observations import Observation
from kinect_unlock.ports import Camera, Recogniser, RunFacts, TemplateStore, Timer, Timers, Use
from kinect_unlock.settings import Config
from kinect_unlock.tally import Tally
from kinect_unlock.wire import Hint, Reply, Word

_LOG = logging.getLogger(__name__)

# A live camera that neither opens nor fails within this is lost; a Kinect takes some seconds.
OPEN_LIMIT_S: Final = 15.0
# Time is told by the frames; the loop's timer only ends an attempt that gets none, so it may be late.
BACKSTOP_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Desk:
    """What all attempts work with."""

    config: Config
    facts: RunFacts
    recogniser: Recogniser
    camera: Camera
    templates: TemplateStore
    book: LedgerBook
    clock: Clock
    timers: Timers
    log: DecisionLog
    audit: Auditor


@dataclass(frozen=True, slots=True)
class Claim:
    """Who has the camera and for what. ``user`` is whom it is about, None when that is the question."""

    number: int
    uid: int
    user: str | None
    stream: str | None
    explain: bool  # asked for, and the peer may
    send: Callable[[Reply], None]
    intent: bool = False  # a nod is asked for as well
    tally: Tally = field(default_factory=Tally)  # for the record of it


@dataclass(frozen=True, slots=True)
class Machine(Generic[State, Event, Effect]):
    """A table and the events that every attempt must have words for."""

    table: Table[State, Event, Effect]
    open_states: frozenset[State]
    start: Event
    timed_out: Event
    cancel: Event
    source_lost: Event


def _changed_camera(before: str, now: str) -> OtherCamera:
    names = (f"camera {serial}" if serial else "one that does not say its number" for serial in (before, now))
    return OtherCamera("the camera changed during the attempt, from {} to {}: try again with one".format(*names))


def fault_reply(error: KinectUnlockError) -> Reply:
    """Return the last reply of a claim that met an error."""
    return Reply(Word(error.word), done=True, message=str(error))


class CameraAttempt(ABC, Generic[State, Event, Effect]):
    """One attempt. Subclasses say which table, what a frame means and how an effect is carried out."""

    use: ClassVar[Use]

    def __init__(self, desk: Desk, claim: Claim, machine: Machine[State, Event, Effect], state: State) -> None:
        self.desk = desk
        self.claim = claim
        self.state = state
        self.ended: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.fault: KinectUnlockError | None = None
        self.message: str | None = None  # why it ends, for the person
        self.first_ns: int | None = None  # the first frame's, from which all time of the attempt counts
        self._machine = machine
        self._not_before_ns = 0
        self._serial = ""  # the camera's, at the first frame
        self._newest = (-1, -1)
        self._face_ns = 0  # the last frame with a face in it, or the first frame
        self._somebody_ns = 0  # the last frame with anybody in range, or the first frame
        self._need = Need.LOOKING
        self._timer: Timer | None = None
        self._hints = SteadyHints()

    # What the controller tells.

    def start(self) -> None:
        """Begin; may end at once."""
        self.feed(self._machine.start)

    def ready(self) -> None:
        """Take notice that the camera is open: from now on frames are expected."""
        if self._is_open():
            self.arm(self.limit_s(), self.expire)

    def observe(self, observation: Observation) -> None:
        """Judge a frame, unless it is an older one than the attempt or than the frame before."""
        place = (observation.captured_ns, observation.seq)
        newer = place[0] > self._newest[0] and place[1] > self._newest[1]
        if not self._is_open() or not newer or observation.captured_ns < self._not_before_ns:
            return
        self._newest = place
        serial = self.desk.camera.report().serial
        if self.first_ns is None:
            self.first_ns = self._face_ns = self._somebody_ns = observation.captured_ns
            self._serial = serial
        if serial != self._serial:
            self.lost(_changed_camera(self._serial, serial))
            return
        if observation.shows_face:
            self._face_ns = observation.captured_ns
        self.claim.tally.take(observation)
        self.adapt_camera(observation)
        self.judge(observation, self.first_ns)

    def lost(self, error: KinectUnlockError) -> None:
        """End because no more frames can be had."""
        if self._is_open():
            self.fault = error
            self.feed(self._machine.source_lost)

    def spent(self) -> None:
        """End because a finite source has given its last frame."""
        if self._is_open():
            self.message = "the stream ended before there was a decision"
            self.expire()

    def cancel(self, message: str) -> None:
        """End because nobody waits for the answer any more, or somebody else needs the camera."""
        if not self.ended.done():
            self.message = message
            self.feed(self._machine.cancel)

    # What subclasses say.

    @abstractmethod
    def judge(self, observation: Observation, first_ns: int) -> None:
        """Make of a frame whatever events it gives."""

    @abstractmethod
    def carry_out(self, effect: Effect) -> None:
        """Do what a step of the machine orders."""

    @abstractmethod
    def limit_s(self) -> float:
        """Return how long the attempt may be without end from when the camera is ready."""

    def expire(self) -> None:
        """End because time is up."""
        self.feed(self._machine.timed_out)

    # What subclasses use.

    def feed(self, event: Event) -> None:
        """Run an event through the machine; whatever cannot be done ends the attempt closed."""
        try:
            self.step(event)
        except StoreError as error:  # what may not be answered unsaved is not answered
            self._collapse(error)
        except InternalError as error:
            _LOG.exception("event=internal-error attempt=%d", self.claim.number)
            self._collapse(error)
        except KinectUnlockError as error:  # the camera says at once that it cannot
            self.lost(error)

    def step(self, event: Event) -> None:
        """Take one step and carry out its effects in order; an effect that raises keeps the later ones undone."""
        before = self.state
        step = self._machine.table.step(before, event)
        self.state = step.to
        if step.to is not before or step.effects:
            self.desk.log.state(self._machine.table.name, self.claim.number, before, event, step.to)
        for effect in step.effects:
            self.carry_out(effect)

    def open_source(self) -> None:
        """Begin to open the camera.

        Raises:
            SourceError: it is known at once that this cannot be.
        """
        live = self.desk.facts.origin.live
        self._not_before_ns = self.desk.clock.monotonic_ns() if live else 0
        self.desk.camera.start(self.claim.number, self.use, self.claim.stream)
        self.arm(OPEN_LIMIT_S, lambda: self.lost(SourceLost(f"the camera did not open within {OPEN_LIMIT_S:g} s")))
        self.claim.send(Reply(Word.STARTED, user=self.claim.user))

    def close_source(self) -> None:
        """Begin to close the camera."""
        self._disarm()
        self.desk.camera.stop()

    def has_waited_long(self, observation: Observation, first_ns: int) -> bool:
        """Say whether an attempt's time is up at this frame: in all, or without a face."""
        limits = self.desk.config.attempt
        return (
            self.passed_s(observation, first_ns) >= limits.timeout_s
            or self.passed_s(observation, self._face_ns) >= limits.nobody_timeout_s
        )

    def report(self, word: Word) -> None:
        """End with a word about whom the attempt was for."""
        self.end(Reply(word, done=True, user=self.claim.user, message=self.message))

    def report_fault(self) -> None:
        """End with what went wrong."""
        self.end(fault_reply(self.fault or InternalError("the attempt ended without saying why")))

    def end(self, reply: Reply) -> None:
        """Give the one last reply.

        Raises:
            InternalError: there was one already.
        """
        if self.ended.done():
            raise InternalError(f"attempt {self.claim.number} cannot end twice")
        self.ended.set_result(reply)

    def arm(self, limit_s: float, act: Callable[[], None]) -> None:
        """Do something when no frame has ended the attempt in time.

        Not for a replay as fast as it goes: there only the frames tell time, or decisions would depend on the machine.
        """
        self._disarm()
        if self.desk.facts.origin.live or self.desk.config.source.pace == "recorded":
            self._timer = self.desk.timers.call_later(limit_s + BACKSTOP_S, act)

    def tell_hint(self, hint: Hint | None) -> None:
        """Tell the person what to do, if it is time to."""
        steady = self._hints.pick(hint)
        if steady is not None:
            self.claim.send(Reply(Word.HINT, hint=steady))

    def tell_now(self, hint: Hint) -> None:
        """Tell the person what to do, unless that is what they were told last."""
        if self._hints.pick_now(hint) is not None:
            self.claim.send(Reply(Word.HINT, hint=hint))

    def tell_frame(self, facts: Facts, observation: Observation) -> None:
        """Note a frame in the decision log, and explain it to a peer who asked and may."""
        self.desk.log.frame(self.claim.number, facts)
        if self.claim.explain:
            self.claim.send(Reply(Word.FRAME, data=with_timings(facts, observation)))

    def passed_s(self, observation: Observation, since_ns: int) -> float:
        """Return the seconds from a moment to a frame, on the frames' clock."""
        return (observation.captured_ns - since_ns) / NS_PER_S

    def adapt_camera(self, observation: Observation) -> None:
        """Have every frame while somebody is in range, and fewer while nobody is."""
        if observation.somebody:
            self._somebody_ns = observation.captured_ns
        need = need_after(self.passed_s(observation, self._somebody_ns))
        if need is not self._need:
            self._need = need
            self.desk.camera.adapt(need)

    def _is_open(self) -> bool:
        return self.state in self._machine.open_states

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _collapse(self, error: KinectUnlockError) -> None:
        """End with an error, by the machine's own way out while it still has one."""
        self.fault = error
        try:
            if self._is_open():
                self.step(self._machine.source_lost)
        except (InternalError, StoreError) as second:
            _LOG.error("event=second-fault attempt=%d word=%s message=%r", self.claim.number, second.word, str(second))
        finally:
            self.close_source()
            if not self.ended.done():
                self.ended.set_result(fault_reply(error))
