"""The desktop sessions: one machine for each, what is seen of them, and the asking for a lock or an unlock.

Where logind tells who is logged in, every session has a machine that believes what logind says; what was asked for and
not confirmed in time counts as not done. On a machine without logind there is one session without a name, of whoever
started the daemon: its hooks are run one at a time, and one that exits with 0 is believed.

An unlock is for a `Ticket`: one session as it was when the attempt began. It is looked at again after the decision, and
whatever has changed since (another lock, an unlock by hand, another session on the seat, a shut lid) wins.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from kinect_unlock.decisions import NO_ATTEMPT, DecisionLog
from kinect_unlock.errors import ConfigError, HookError
from kinect_unlock.logins import (
    Kind,
    Knowledge,
    LockAsked,
    LoginEvent,
    LoginSession,
    SeenLocked,
    SeenUnlocked,
    SessionGone,
    SessionNew,
)
from kinect_unlock.machines.session import SESSION, Effect, Event, State
from kinect_unlock.ports import HookName, Hooks, LoginWatch, Timer, Timers
from kinect_unlock.settings import Config
from kinect_unlock.wire import Reply, Word

_LOG = logging.getLogger(__name__)

# A locker that says how the session is does so at once; some fade for a second or two before.
CONFIRM_S: Final = 5.0
NAMELESS: Final = ""

Ask: TypeAlias = Callable[[HookName, str], Awaitable[None]]  # and for whom; raises HookError


class Session:
    """One desktop session, as far as the daemon knows it."""

    def __init__(
        self, name: str, ask: Ask, log: DecisionLog, *, state: State = State.LOCKED, timers: Timers | None = None
    ) -> None:
        """Without ``timers`` nobody else tells how the session is, so that what was asked for counts as seen."""
        self.name = name
        self.state = state
        self.confirmed = False  # the last thing known was seen
        self.tells = False  # its locker says how it is: has done so at least once
        self.generation = 0  # counts the locks
        self._ask = ask
        self._log = log
        self._timers = timers
        self._timer: Timer | None = None
        self._one_at_a_time = asyncio.Lock()
        self._at_rest = asyncio.Event()  # nothing was asked for of which is not known how it went
        self._at_rest.set()

    @property
    def locked(self) -> bool:
        """True if it was seen or heard to be locked, and nothing since then."""
        return self.state in {State.LOCKED, State.LOCKING} and (self.generation > 0 or self.confirmed)

    async def lock(self, user: str) -> None:
        """Ask for a lock.

        Raises:
            HookError: it cannot be asked; the session counts as unlocked.
        """
        self.generation += 1  # at once, so that an unlock that waits its turn is too late
        async with self._one_at_a_time:
            await self._run(Event.LOCK_ASKED, user)

    async def unlock(self, user: str, generation: int, is_wanted: Callable[[], bool]) -> bool:
        """Ask for an unlock for a match; return False, with nothing done, if it came too late.

        Args:
            user: who was matched.
            generation: the session's, as it was when the attempt began; a lock since then wins.
            is_wanted: asked when the turn has come, since another hook may have run for seconds before.

        Raises:
            HookError: it cannot be asked; the session counts as locked.
        """
        async with self._one_at_a_time:
            if generation != self.generation or not is_wanted():
                return False
            if self.state is State.UNLOCKED and not self.tells:
                # Nothing shows the daemon how the session is; whoever asks for an unlock says that it is locked.
                self.feed(Event.SEEN_LOCKED)
            if self.state is not State.LOCKED:
                return False
            await self._run(Event.UNLOCK_GRANTED, user)
            return True

    def heard_lock(self) -> None:
        """Take notice that somebody asked the locker to lock; a locker that says nothing is believed to have."""
        self.generation += 1
        if self.state not in {State.LOCKED, State.LOCKING}:
            self._await_confirmation()
        self.feed(Event.LOCK_HEARD)

    def seen(self, *, locked: bool) -> None:
        """Take notice of how the session is."""
        self.tells = self.confirmed = True
        if locked and self.state in {State.UNLOCKED, State.UNLOCKING}:
            self.generation += 1
        before = self.state
        self.feed(Event.SEEN_LOCKED if locked else Event.SEEN_UNLOCKED)
        if self.state is not before:
            self._disarm()

    def gone(self) -> None:
        """Wait for nothing any more."""
        self.generation += 1
        self._disarm()
        self._at_rest.set()

    async def is_seen_open(self) -> bool:
        """Say whether the session was seen to be open, once it is known or was waited for in vain."""
        await self._at_rest.wait()
        return self.state is State.UNLOCKED and self.confirmed

    def feed(self, event: Event) -> tuple[Effect, ...]:
        """Run an event through the machine and return what it orders."""
        before = self.state
        step = SESSION.step(before, event)
        self.state = step.to
        if step.to in _HALF_WAY:
            self._at_rest.clear()
        else:
            self._at_rest.set()
        if step.to is not before or step.effects:
            self._log.state(SESSION.name, NO_ATTEMPT, before, event, step.to)
            _LOG.info("event=session session=%s from=%s by=%s to=%s", self.name, before, event, step.to)
        return step.effects

    async def _run(self, event: Event, user: str) -> None:
        for effect in self.feed(event):
            hook, seen = _ASKED[effect]
            self._await_confirmation()  # before it is asked: what is seen may come before the answer
            try:
                await self._ask(hook, user)
            except BaseException:  # whatever it was, also the end of this task: the state must not stay half-way
                self._disarm()
                self.confirmed = False
                if self.state in _HALF_WAY:
                    self.feed(Event.FAILED)
                raise
            if self._timers is None:
                self.confirmed = True
                self.feed(seen)

    def _await_confirmation(self) -> None:
        self._disarm()
        if self._timers is not None:
            self._timer = self._timers.call_later(CONFIRM_S, self._not_confirmed)

    def _not_confirmed(self) -> None:
        self._timer = None
        if self.state in _HALF_WAY:
            self.confirmed = False
            self.feed(Event.TIMED_OUT)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


_HALF_WAY: Final = frozenset({State.LOCKING, State.UNLOCKING})
_ASKED: Final[dict[Effect, tuple[HookName, Event]]] = {
    Effect.LOCK: ("lock", Event.SEEN_LOCKED),
    Effect.UNLOCK: ("unlock", Event.SEEN_UNLOCKED),
}


@dataclass(frozen=True, slots=True, eq=False)
class Ticket:
    """A session as it was when an attempt began: what a match may open."""

    session: Session
    uid: int | None  # whose it is; None for the session without a name
    generation: int


class Sessions:
    """All sessions that are known; ``logins`` None: there is only the one without a name."""

    def __init__(
        self, config: Config, hooks: Hooks, log: DecisionLog, *, logins: LoginWatch | None, timers: Timers
    ) -> None:
        self._config = config
        self._hooks = hooks
        self._log = log
        self._logins = logins
        self._timers = timers
        self._known: dict[str, Session] = {}
        self._nameless = Session(NAMELESS, hooks.run, log)
        if logins is not None:
            self._take_stock()
            logins.on_event(self._on_login_event)

    def _on_login_event(self, event: LoginEvent) -> None:
        """Believe what logind says."""
        match event:
            case SeenLocked(session=name) | SeenUnlocked(session=name) if name in self._known:
                self._known[name].seen(locked=isinstance(event, SeenLocked))
            case LockAsked(session=name) if name in self._known:
                self._known[name].heard_lock()
            case SessionNew(session=session):
                self._add(session)
            case SessionGone(session=name) if name in self._known:
                self._known.pop(name).gone()
            case Knowledge():
                self._take_stock()
            case _:
                pass

    def shown(self) -> tuple[LoginSession, Session] | None:
        """Return the user's session that the camera's seat shows; None if none is, or if that cannot be told."""
        if self._logins is None:
            return None
        logins = self._logins.now()
        login = logins.shown_on(self._config.source.seat) if logins.known and not logins.lid_shut else None
        if login is None or not login.is_at_desk or login.id not in self._known:
            return None
        return login, self._known[login.id]

    def ticket(self, user: str) -> Ticket:
        """Return what a match of this user may open.

        Raises:
            ConfigError: nothing opens sessions here.
            HookError: the user has no session before the camera.
        """
        if self._nobody_tells():
            if self._config.hooks.unlock is None:
                raise ConfigError("$.hooks.unlock: no program is configured that unlocks, and logind is not used")
            return Ticket(self._nameless, None, self._nameless.generation)
        found = self.shown()
        if found is None or found[0].user != user:
            raise HookError(f"{self._config.source.seat} shows no session of {user}'s that could be unlocked")
        return Ticket(found[1], found[0].uid, found[1].generation)

    async def unlock(self, ticket: Ticket, user: str, is_wanted: Callable[[], bool]) -> bool:
        """Open a ticket's session for a match; False, with nothing done, if anything is another than it was.

        Raises:
            HookError: it cannot be asked; the session counts as locked.
        """
        meant = ticket.session
        return await meant.unlock(user, ticket.generation, lambda: is_wanted() and self._still_meant(ticket, user))

    async def opened(self, ticket: Ticket, user: str, *, is_wanted: Callable[[], bool]) -> Reply:
        """Open a ticket's session for a match, and say in words how that went."""
        try:
            unlocked = await self.unlock(ticket, user, is_wanted)
        except HookError as error:
            return Reply(Word.HOOK_FAILED, done=True, user=user, message=str(error))
        return Reply(Word.UNLOCKED, done=True, user=user) if unlocked else too_late(user)

    def _still_meant(self, ticket: Ticket, user: str) -> bool:
        """Say whether a ticket's session is still the user's own, before the camera, and there."""
        if ticket.session is self._nameless:
            return self._nobody_tells()
        found = self.shown()
        return (
            found is not None
            and found[1] is ticket.session
            and (found[0].user, found[0].uid) == (user, ticket.uid)
            and not (ticket.session.tells and found[0].locked is False)
        )

    async def lock(self) -> None:
        """Ask for a lock of the session that the camera's seat shows.

        Raises:
            ConfigError: nothing locks sessions here.
            HookError: it failed, or there is no such session.
        """
        if self._nobody_tells():
            if self._config.hooks.lock is None:
                raise ConfigError("$.hooks.lock: no program is configured that locks")
            await self._nameless.lock("")
            return
        found = self.shown()
        if found is None:
            raise HookError(f"{self._config.source.seat} shows no session of a user's")
        await found[1].lock(found[0].user)

    def _nobody_tells(self) -> bool:
        return self._logins is None or self._logins.now().absent

    def told(self) -> tuple[State, bool]:
        """Return state and whether it was seen, of the session that the seat shows; without one, as if locked."""
        found = self.shown()
        session = self._nameless if found is None else found[1]
        return session.state, session.confirmed

    def _take_stock(self) -> None:
        """Begin anew with the sessions that there are; what was known of those that are still there stays."""
        sessions = () if self._logins is None else self._logins.now().sessions
        for name in self._known.keys() - {session.id for session in sessions}:
            self._known.pop(name).gone()
        for session in sessions:
            self._add(session)

    def _add(self, login: LoginSession) -> None:
        if login.kind is not Kind.USER:
            return
        if login.id not in self._known:
            state = State.UNLOCKED if login.locked is False else State.LOCKED
            self._known[login.id] = Session(
                login.id, self._asker(login.id), self._log, state=state, timers=self._timers
            )
            if login.locked:
                self._known[login.id].seen(locked=True)
        elif login.locked is not None and (login.locked or self._known[login.id].tells):
            self._known[login.id].seen(locked=login.locked)

    def _asker(self, name: str) -> Ask:
        """Return what asks one session's locker: a hook where one is configured, else logind."""
        logins, hooks = self._logins, self._config.hooks

        async def ask(which: HookName, user: str) -> None:
            if logins is None or (hooks.lock if which == "lock" else hooks.unlock) is not None:
                await self._hooks.run(which, user)
            elif which == "lock":
                await logins.lock(name)
            else:
                await logins.unlock(name)

        return ask


def too_late(user: str) -> Reply:
    """Return what is said of a match that nothing was opened for."""
    message = "matched, but locked or unlocked meanwhile, or nobody waits any more: not unlocked"
    return Reply(Word.CANCELLED, done=True, user=user, message=message)
