"""Watches over the locked session that the seat shows, and unlocks it when its user comes back. Drives the watch table.

Off unless it is configured. It opens for nobody who would not be let in when they asked: an attempt of its own goes
through the same door, with the same evidence. What it tries is counted in a ledger of its own (`BudgetBook`), so that
whoever walks by uses up what may be tried without being asked, and nothing else. One lock is answered by one unlock at
most: where a locker does not tell how the session is, it must be locked anew before this looks again.
"""

import asyncio
import logging
from dataclasses import dataclass, replace

import msgspec

from kinect_unlock.admission import begin_verify, may_not_match
from kinect_unlock.attempts import Claim, Desk, fault_reply
from kinect_unlock.camera_needs import Need
from kinect_unlock.clock import NS_PER_S
from kinect_unlock.decisions import NO_ATTEMPT
from kinect_unlock.errands import Errands, why_too_costly
from kinect_unlock.errors import KinectUnlockError
from kinect_unlock.floor import AnyAttempt
from kinect_unlock.ledgers import BudgetBook
from kinect_unlock.machines.watch import WATCH, Effect, Event, State
from kinect_unlock.observations import Observation
from kinect_unlock.scene import Scene, seen
from kinect_unlock.sessions import Sessions, Ticket, too_late
from kinect_unlock.settings import Limits
from kinect_unlock.vigils import Vigil
from kinect_unlock.wire import Reply, Verify, Word

_LOG = logging.getLogger(__name__)

# Ends of a try after which nothing can be tried before the user has shown in words who they are.
_NO_MORE = frozenset({Word.LOCKED_OUT, Word.PASSWORD_NEEDED, Word.NOT_ENROLLED, Word.CONFIG_ERROR, Word.MODEL_ERROR})
_NOT_SEEN = "an unlock was asked for, and nothing said that the session is open"
_REFUSED = frozenset({Word.NO_MATCH, Word.TIMED_OUT, Word.COOLING_DOWN})


@dataclass(frozen=True, slots=True)
class _Watched:
    """One lock of one session."""

    session: str
    generation: int
    user: str


class Watcher:
    """The one watch; `refresh` is called whenever something may have changed about whom to watch."""

    def __init__(self, desk: Desk, errands: Errands, sessions: Sessions, budget: BudgetBook) -> None:
        self.state = State.OFF
        self.why_not: str | None = None  # why it is off, for a person
        self._rules = desk.config.watch
        self._verify = desk.config.ranges.verify
        limits = Limits(max_failures=self._rules.max_failures)
        self._desk = replace(desk, book=budget, config=msgspec.structs.replace(desk.config, limits=limits))
        self._errands = errands
        self._sessions = sessions
        self._watched: _Watched | None = None
        self._answered: _Watched | None = None  # the last lock that was answered by an unlock
        self._scene = Scene()
        self._empty_ns: int | None = None  # since when nobody is there
        self._tries = 0
        self._ticket: Ticket | None = None
        self._unlocking: asyncio.Task[Reply] | None = None

    def refresh(self) -> None:
        """Watch over what is to be watched now; nothing while nobody is looked at."""
        wanted = self._wanted()
        if wanted == self._watched:
            return
        _LOG.info("event=watch session=%s why_not=%r", "" if wanted is None else wanted.session, self.why_not)
        if self._watched is not None:
            self._feed(Event.ENDED)
        self._watched, self._tries = wanted, 0
        if wanted is not None:
            self._feed(Event.LOCKED)

    def told(self) -> dict[str, object]:
        """Return what status says of it."""
        session = None if self._watched is None else self._watched.session
        return {"on": self._rules.enabled, "state": self.state.value, "session": session, "why_not": self.why_not}

    def _wanted(self) -> _Watched | None:
        """Return the lock that is to be watched, and note why none is."""
        self.why_not = self._errands.barred if self._rules.enabled else "not switched on ($.watch.enabled)"
        if self.why_not is not None:
            return None
        found = self._sessions.shown()
        if found is None:
            self.why_not = f"{self._desk.config.source.seat} shows no session of a user's"
            return None
        wanted = _Watched(found[1].name, found[1].generation, found[0].user)
        if not found[1].locked:
            self.why_not = "the session is not locked"
        elif wanted == self._answered:
            self.why_not = "this lock was answered by an unlock already"
        else:
            self.why_not = self._too_costly() or may_not_match(self._desk, wanted.user)
        return wanted if self.why_not is None else None

    def _feed(self, event: Event) -> None:
        before = self.state
        step = WATCH.step(before, event)
        self.state = step.to
        if step.to is not before or step.effects:
            self._desk.log.state(WATCH.name, NO_ATTEMPT, before, event, step.to)
            _LOG.info("event=watch-state from=%s by=%s to=%s", before, event, step.to)
        for effect in step.effects:
            self._carry_out(effect)

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Effect.STOP:
                self._errands.stop()
            case Effect.BEGIN_GRACE:
                self._scene, self._empty_ns = Scene(), None
                grace_s = max(self._rules.grace_s, self._rest_s() if self._tries else 0.0)
                self._errands.wait(grace_s, lambda: self._feed(Event.GRACE_OVER))
            case Effect.WATCH_FOR_LEAVING:
                self._look_out(Event.LEFT)
            case Effect.WATCH_FOR_COMING:
                self._look_out(Event.CAME)
            case Effect.TRY:
                self._try()
            case Effect.REST:
                self._errands.wait(self._rest_s(), lambda: self._feed(Event.REST_OVER))
            case Effect.UNLOCK:
                self._unlock()

    def _rest_s(self) -> float:
        return min(self._rules.rest_s * 2.0 ** min(self._tries - 1, 32), self._rules.longest_rest_s)

    # What is waited for.

    def _look_out(self, what: Event) -> None:
        is_it = self._has_left if what is Event.LEFT else self._has_come

        def make(claim: Claim) -> AnyAttempt:
            return Vigil(self._desk, claim, Need.WATCHING, lambda seen_now: bool(self._too_costly()) or is_it(seen_now))

        def told(reply: Reply) -> None:
            if self._too_costly():
                self.refresh()
            elif reply.word is Word.OK:
                self._feed(what)
            else:
                self._tries += 1
                self._feed(Event.DISTURBED)

        self._errands.attempt(self._user, make, told)

    def _has_left(self, observation: Observation) -> bool:
        """Say whether nobody has been there for a while; who does not move for long is furniture."""
        self._take_in(observation)
        if self._scene.alive(self._rules.still_s):
            self._empty_ns = None
            return False
        if self._empty_ns is None:
            self._empty_ns = observation.captured_ns
        return observation.captured_ns - self._empty_ns >= self._rules.gone_s * NS_PER_S

    def _has_come(self, observation: Observation) -> bool:
        """Say whether somebody is in range who was seen to move."""
        self._take_in(observation)
        return any(mover.moved_ns > mover.first_ns for mover in self._scene.alive(self._rules.still_s))

    def _take_in(self, observation: Observation) -> None:
        far_mm = self._verify.far_mm + self._desk.config.presence.margin_mm
        figures = [figure for figure in observation.figures if figure.distance_mm <= far_mm]
        still_mm = self._desk.config.presence.still_mm
        self._scene = seen(self._scene, figures, observation.captured_ns, still_mm=still_mm)

    # Trying.

    def _try(self) -> None:
        def make(claim: Claim) -> AnyAttempt | Reply:
            self._ticket = self._sessions.ticket(self._user)
            return begin_verify(self._desk, Verify(self._user, unlock=True), claim)

        self._errands.attempt(self._user, make, self._tried, op="watch")

    def _tried(self, reply: Reply) -> asyncio.Task[Reply] | None:
        _LOG.info("event=watch-try user=%s word=%s", self._user, reply.word)
        self._tries += 1
        if reply.word is Word.MATCH:
            self._answered = self._watched
            self._feed(Event.MATCHED)
            return self._unlocking
        if reply.word in _NO_MORE or (reply.word in _REFUSED and self._is_spent()):
            self._feed(Event.BUDGET_SPENT)
            self.refresh()
        else:
            self._feed(Event.REFUSED if reply.word in _REFUSED else Event.DISTURBED)
        return None

    def _is_spent(self) -> bool:
        try:
            return self._desk.book.open(self._user).locked_out
        except KinectUnlockError:
            return True

    def _unlock(self) -> None:
        ticket, watched = self._ticket, self._watched
        if ticket is not None and watched is not None:
            self._unlocking = asyncio.get_running_loop().create_task(self._unlocked(ticket, watched))

    async def _unlocked(self, ticket: Ticket, watched: _Watched) -> Reply:
        """Open what was watched, and say for the record what came of it."""
        reply = too_late(watched.user)
        try:
            if (ticket.session.name, ticket.generation) == (watched.session, watched.generation):
                reply = await self._sessions.opened(
                    ticket, watched.user, is_wanted=lambda: self._errands.barred is None
                )
        except KinectUnlockError as error:
            reply = fault_reply(error)
        _LOG.info("event=watch-unlock session=%s word=%s message=%r", watched.session, reply.word, reply.message)
        self.refresh()
        if reply.word is Word.UNLOCKED and not await ticket.session.is_seen_open():
            return msgspec.structs.replace(reply, message=_NOT_SEEN)
        return reply

    @property
    def _user(self) -> str:
        return "" if self._watched is None else self._watched.user

    def _too_costly(self) -> str | None:
        return why_too_costly(self._desk, key="watch", allowed=self._rules.even_if_costly)
