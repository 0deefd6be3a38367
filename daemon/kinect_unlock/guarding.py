"""Locks the session behind an owner who walks away. Drives the presence table.

Off unless it is configured, and only where the locker tells how the session is. It begins with a look at who is there,
which opens nothing and counts for nothing; only when that names the session's user is their figure followed by depth.
It locks and never unlocks, and after its lock a watch waits for everybody to leave, as after any: the two cannot chase
each other. Where its lock was undone at once it was probably wrong, so that it then waits twice as long, and so on.
"""

import asyncio
import logging
from typing import Final

import msgspec

from kinect_unlock.admission import may_not_match
from kinect_unlock.attempts import Claim, Desk
from kinect_unlock.camera_needs import Need
from kinect_unlock.clock import NS_PER_S
from kinect_unlock.decisions import NO_ATTEMPT
from kinect_unlock.errands import Errands, why_too_costly
from kinect_unlock.errors import KinectUnlockError
from kinect_unlock.guard import Guard, Sight, followed, left_s, sight
from kinect_unlock.identification import IdentifyAttempt
from kinect_unlock.machines.presence import PRESENCE, Effect, Event, State
from kinect_unlock.machines.session import State as SessionState
from kinect_unlock.observations import Observation
from kinect_unlock.ports import Timer
from kinect_unlock.sessions import Session, Sessions
from kinect_unlock.vigils import Vigil
from kinect_unlock.wire import Reply, Word

_LOG = logging.getLogger(__name__)

_PAUSE_S: Final = 2.0  # until it is asked whether the camera is free again
_UNDONE_S: Final = 60.0  # a lock that was undone within was probably wrong
_MOST_DOUBTS: Final = 3
_NOBODY: Final = 0  # no figure's number


class Guarding:
    """The one guard; `refresh` is called whenever something may have changed about whom to guard."""

    def __init__(self, desk: Desk, errands: Errands, sessions: Sessions) -> None:
        self.state = State.OFF
        self.why_not: str | None = None  # why it is off, for a person
        self._desk = desk
        self._errands = errands
        self._sessions = sessions
        self._rules = desk.config.presence
        self._session: Session | None = None
        self._user = ""
        self._guard = Guard()
        self._time: Timer | None = None
        self._locked_ns: int | None = None
        self._doubts = 0
        self._pauses = 0
        self._locking: set[asyncio.Task[None]] = set()

    def refresh(self) -> None:
        """Guard what is to be guarded now; nothing while nobody is looked at."""
        wanted = self._wanted()
        session = None if wanted is None else wanted[0]
        if session is self._session:
            return
        if self._session is not None:
            self._feed(Event.ENDED)
        self._session = session
        if wanted is not None:
            self._user = wanted[1]
            self._doubt()
            self._feed(Event.OPENED)

    def told(self) -> dict[str, object]:
        """Return what status says of it."""
        on, session = self._desk.config.presence.enabled, None if self._session is None else self._session.name
        return {"on": on, "state": self.state.value, "session": session, "why_not": self.why_not}

    def _wanted(self) -> tuple[Session, str] | None:
        rules = self._desk.config.presence
        self.why_not = self._errands.barred if rules.enabled else "not switched on ($.presence.enabled)"
        if self.why_not is not None:
            return None
        found = self._sessions.shown()
        if found is None:
            self.why_not = f"{self._desk.config.source.seat} shows no session of a user's"
        elif found[1].state is not SessionState.UNLOCKED:
            self.why_not = "the session is not known to be open"
        else:
            too_costly = why_too_costly(self._desk, key="presence", allowed=rules.even_if_costly)
            self.why_not = too_costly or may_not_match(self._desk, found[0].user)
        return (found[1], found[0].user) if found is not None and self.why_not is None else None

    def _doubt(self) -> None:
        """Wait longer before the next lock, if the last one was undone at once."""
        now_ns, locked_ns = self._desk.clock.monotonic_ns(), self._locked_ns
        undone = locked_ns is not None and now_ns - locked_ns < _UNDONE_S * NS_PER_S
        self._doubts = min(self._doubts + 1, _MOST_DOUBTS) if undone else 0
        absent_s = self._desk.config.presence.absent_s * 2.0**self._doubts
        self._rules = msgspec.structs.replace(self._desk.config.presence, absent_s=absent_s)

    def _feed(self, event: Event) -> None:
        before = self.state
        step = PRESENCE.step(before, event)
        self.state = step.to
        if step.to is not before or step.effects:
            self._desk.log.state(PRESENCE.name, NO_ATTEMPT, before, event, step.to)
            _LOG.info("event=presence from=%s by=%s to=%s", before, event, step.to)
        for effect in step.effects:
            self._carry_out(effect)

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Effect.STOP:
                self._errands.stop()
            case Effect.LOOK:
                self._errands.attempt(self._user, lambda claim: IdentifyAttempt(self._desk, claim), self._looked)
            case Effect.FOLLOW:
                self._guard, self._pauses = Guard(), 0
                self._follow()
            case Effect.FOLLOW_ON:
                self._follow()
            case Effect.REST:
                self._rest()
            case Effect.KEEP_TIME:
                self._forget_time()
                self._time = self._desk.timers.call_later(left_s(self._guard, self._rules), self._gone_long)
            case Effect.FORGET_TIME:
                self._forget_time()
            case Effect.LOCK:
                self._lock()

    def _rest(self) -> None:
        """Wait until the camera may be free, longer each time, or until it is time for another look."""
        rest_s = self._rules.look_every_s
        if self.state is State.PAUSED:
            rest_s = min(_PAUSE_S * 2.0 ** min(self._pauses, 32), rest_s)
            self._pauses += 1
        self._guard = Guard(owner=_NOBODY)  # whoever is there then must be known anew
        self._errands.wait(rest_s, lambda: self._feed(Event.REST_OVER))

    def _follow(self) -> None:
        def make(claim: Claim) -> Vigil:
            return Vigil(self._desk, claim, Need.FOLLOWING, self._is_to_be_asked)

        self._errands.attempt(self._user, make, self._followed)

    def _is_to_be_asked(self, observation: Observation) -> bool:
        """Take in a frame; say whether somebody is there who may be the owner, so that their face is to be seen."""
        self._guard = followed(self._guard, observation.figures, observation.captured_ns, self._rules)
        found = sight(self._guard, self._rules)
        if self._guard.owner is None:  # nobody in the zone since their face was seen: give them the whole time
            self._guard = Guard(self._guard.scene, _NOBODY, observation.captured_ns)
        if self.state is State.PRESENT and found is not Sight.HERE:
            self._feed(Event.LOST)
        elif self.state is State.AWAY and found is Sight.HERE:
            self._feed(Event.BACK)
        return self.state is State.AWAY and found is Sight.SOMEBODY

    def _followed(self, reply: Reply) -> None:
        self._feed(Event.SOMEBODY if reply.word is Word.OK else Event.DISTURBED)

    def _looked(self, reply: Reply) -> None:
        if reply.word is Word.CANCELLED:
            self._feed(Event.DISTURBED)
            return
        known = reply.word is Word.IDENTIFIED and reply.user == self._user
        self._feed(Event.KNOWN if known else Event.NOT_KNOWN)

    def _gone_long(self) -> None:
        self._time = None
        self._feed(Event.GONE_LONG)

    def _forget_time(self) -> None:
        if self._time is not None:
            self._time.cancel()
            self._time = None

    def _lock(self) -> None:
        session = self._session
        if session is None:
            return
        self._locked_ns = self._desk.clock.monotonic_ns()
        task = asyncio.get_running_loop().create_task(self._locked(session))
        self._locking.add(task)
        task.add_done_callback(self._locking.discard)

    async def _locked(self, session: Session) -> None:
        try:
            await session.lock(self._user)
        except KinectUnlockError as error:
            _LOG.warning("event=presence-lock session=%s word=%s message=%r", session.name, error.word, str(error))
        else:
            _LOG.info("event=presence-lock session=%s user=%s", session.name, self._user)
