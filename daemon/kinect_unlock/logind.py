"""What logind knows, kept up to date by its signals; the lid, and sessions being opened, are polled: nobody tells.

Only what comes from whoever owns logind's name counts: on a bus everybody can send signals to anybody. When the bus or
logind goes away nothing is known until both are back.
"""

import asyncio
import logging
import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from kinect_unlock.errors import HookError
from kinect_unlock.logind_bus import (
    BUS,
    LOGIND,
    MANAGER,
    PROPERTIES,
    SESSION,
    USER,
    BusLost,
    LogindBus,
    NoBus,
    Refused,
    Signal,
    connected,
)
from kinect_unlock.logins import (
    Knowledge,
    Lid,
    LockAsked,
    LoginEvent,
    Logins,
    LoginSession,
    PreparingForSleep,
    SeenLocked,
    SeenUnlocked,
    SessionChanged,
    SessionGone,
    SessionNew,
    State,
    UnlockAsked,
)

_LID_S: Final = 5.0  # between two looks at the lid while nobody asks
_RETRY_S: Final = (0.5, 1.0, 2.0, 5.0, 15.0, 30.0)
_INBOX: Final = 1024  # signals that may wait; where there are more, everything is asked anew
# These change often, and say nothing here.
_RESTING: Final = frozenset({"IdleHint", "IdleSinceHint", "IdleSinceHintMonotonic"})

_LOG = logging.getLogger(__name__)


class LogindWatch:
    """Watches logind while `run` runs; a `LoginWatch`. Everything happens on one event loop."""

    def __init__(
        self, address: str | None = None, *, lid_s: float = _LID_S, retry_s: tuple[float, ...] = _RETRY_S
    ) -> None:
        """``address`` is a bus's, None the system's; ``retry_s`` are the pauses between attempts to get back."""
        self._address = address
        self._lid_s = lid_s
        self._retry_s = retry_s
        self._listeners: list[Callable[[LoginEvent], None]] = []
        self._logins = Logins()
        self._met = False  # logind, since the start
        self._absent = False
        self._bus: LogindBus | None = None
        self._owner = ""  # of logind's name; empty: nobody
        self._paths: dict[str, str] = {}  # object path -> session id
        self._inbox: deque[Signal] = deque()
        self._news = asyncio.Event()
        self._lost = False
        self._inhibitor: int | None = None  # a descriptor; while it is open the machine waits before it sleeps

    # The port.

    def now(self) -> Logins:
        """See `LoginWatch.now`."""
        return self._logins

    async def session_of(self, pid: int) -> LoginSession | None:
        """See `LoginWatch.session_of`. Pid 0 is the kernel's for a process that we cannot see, and logind's for us."""
        bus = self._bus
        if pid <= 0 or bus is None or not self._logins.known:
            return None
        try:
            await self._read_unsaid(bus)
            path = await self._session_path(bus, pid)
            return None if path is None else await self._read(bus, path)
        except Refused:
            return None
        except BusLost:
            self._lose()
            return None

    async def lock(self, session_id: str) -> None:
        """See `LoginWatch.lock`."""
        await self._ask("LockSession", session_id)

    async def unlock(self, session_id: str) -> None:
        """See `LoginWatch.unlock`."""
        await self._ask("UnlockSession", session_id)

    def on_event(self, callback: Callable[[LoginEvent], None]) -> None:
        """See `LoginWatch.on_event`."""
        self._listeners.append(callback)

    def let_sleep(self) -> None:
        """See `LoginWatch.let_sleep`."""
        if self._inhibitor is not None:
            os.close(self._inhibitor)
            self._inhibitor = None

    # Its life.

    async def run(self) -> None:
        """Watch until cancelled; whatever happens to the bus, try again."""
        failures = 0
        while True:
            try:
                async with connected(self._address, self._on_signal, self._lose) as bus:
                    await self._follow(bus)
            except (BusLost, Refused) as fault:
                if isinstance(fault, NoBus):
                    self._miss()
                worth_saying = self._logins.known or not failures
                _LOG.log(logging.WARNING if worth_saying else logging.DEBUG, "event=logind-lost fault=%r", str(fault))
                failures = 0 if self._logins.known else failures + 1
            finally:
                self._forget()
                self._inbox.clear()
                self._bus = None
            await asyncio.sleep(self._retry_s[min(failures, len(self._retry_s) - 1)])

    async def _follow(self, bus: LogindBus) -> None:
        """Ask for everything, and keep it up to date until the bus is lost."""
        self._bus, self._lost = bus, False
        await bus.hear_signals()
        await self._begin(bus)
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._lid_s):
                    await self._news.wait()
            if self._logins.known and not self._news.is_set():
                await self._read_unsaid(bus)
            self._news.clear()
            while self._inbox and not self._lost:
                await self._heed(bus, self._inbox.popleft())
            if self._lost:
                raise BusLost("the bus is gone, or says more than can be heard")

    async def _begin(self, bus: LogindBus) -> None:
        """Ask for everything; without a logind that answers nothing is known, until the bus tells of one."""
        self._absent = False  # not while it is being asked
        self._forget()
        try:
            (listed,) = await bus.logind("ListSessions")  # starts logind, where the bus does that
        except Refused as fault:
            _LOG.warning("event=logind-unusable fault=%r", str(fault))
            await self._look_for_owner(bus)
            return
        self._owner = await bus.owner()
        for *_, path in listed:
            with suppress(Refused):  # it has ended meanwhile
                await self._read(bus, path)
        await self._read_lid(bus)
        await self._hold_sleep(bus)
        self._met, self._absent = True, False
        self._logins = replace(self._logins, known=True, absent=False)
        _LOG.info("event=logind-known sessions=%d", len(self._logins.sessions))
        self._tell(Knowledge(known=True))

    def _forget(self) -> None:
        was_known = self._logins.known
        self._logins = Logins(absent=self._absent)
        self._owner = ""
        self._paths.clear()
        self.let_sleep()
        if was_known:
            self._tell(Knowledge(known=False))

    async def _look_for_owner(self, bus: LogindBus) -> None:
        """Miss logind only where nobody owns its name: one that refuses us is there."""
        try:
            await bus.owner()
        except Refused:
            self._miss()

    def _miss(self) -> None:
        """Take this for a machine without logind, unless it was there before: what is only away counts against."""
        self._absent = not self._met
        self._logins = Logins(absent=self._absent)

    # What is heard.

    def _on_signal(self, signal: Signal) -> None:
        """Let a signal wait its turn; strangers' do not, or whoever sends enough would keep us from knowing anything.

        Of a logind that we do not know yet nothing is lost: everything is asked once it is known.
        """
        if self._owner and signal.sender not in {BUS, self._owner}:
            return
        self._inbox.append(signal)
        self._news.set()
        if len(self._inbox) > _INBOX:
            self._lose()

    def _lose(self) -> None:
        self._lost = True
        self._news.set()

    async def _heed(self, bus: LogindBus, signal: Signal) -> None:
        """Take one signal in; the bus is believed who logind is, and logind the rest."""
        if signal.sender == BUS:
            if signal.name == f"{BUS}.NameOwnerChanged" and signal.body[0] == LOGIND:
                await self._owned_by(bus, signal.body[2])
        elif self._owner and signal.sender == self._owner:
            if signal.name.startswith(MANAGER):
                await self._managed(bus, signal)
            elif signal.path in self._paths:
                await self._of_session(bus, signal, self._paths[signal.path])

    async def _owned_by(self, bus: LogindBus, owner: str) -> None:
        if owner == self._owner:
            return
        _LOG.warning("event=logind-%s", "back" if owner else "gone")
        if owner:
            await self._begin(bus)
        else:
            self._forget()

    async def _managed(self, bus: LogindBus, signal: Signal) -> None:
        match signal.name.removeprefix(f"{MANAGER}."):
            case "SessionNew":
                with suppress(Refused):  # it has ended already
                    await self._read(bus, signal.body[1])
            case "SessionRemoved":
                self._drop(signal.body[1])
            case "PrepareForSleep":
                await self._sleeps(bus, about=bool(signal.body[0]))

    async def _of_session(self, bus: LogindBus, signal: Signal, session_id: str) -> None:
        if signal.name == f"{SESSION}.Lock":
            self._tell(LockAsked(session_id))
        elif signal.name == f"{SESSION}.Unlock":
            self._tell(UnlockAsked(session_id))
        elif signal.name == f"{PROPERTIES}.PropertiesChanged" and not {*signal.body[1], *signal.body[2]} <= _RESTING:
            try:
                await self._read(bus, signal.path)
            except Refused:  # what cannot be read is none any more
                self._drop(signal.path)

    async def _sleeps(self, bus: LogindBus, *, about: bool) -> None:
        if not about:
            await self._hold_sleep(bus)
        self._tell(PreparingForSleep(about))
        if not self._listeners:  # nobody would ever let it
            self.let_sleep()

    # What is known.

    async def _read(self, bus: LogindBus, path: str) -> LoginSession | None:
        """Ask for a session anew, keep it, and tell what has changed."""
        session = await bus.session(path)
        if session is None:
            self._drop(path)
            return None
        before = self._logins.by_id(session.id)
        others = tuple(one for one in self._logins.sessions if one.id != session.id)
        self._logins = replace(self._logins, sessions=(*others, session))
        self._paths[path] = session.id
        if self._logins.known:  # while it is not, all of it is news at once
            self._tell_changes(before, session)
        return session

    def _tell_changes(self, before: LoginSession | None, after: LoginSession) -> None:
        if before is None:
            self._tell(SessionNew(after))
            return
        if after.locked is not before.locked and after.locked is not None:
            self._tell(SeenLocked(after.id) if after.locked else SeenUnlocked(after.id))
        if replace(after, locked=before.locked) != before:
            self._tell(SessionChanged(after))

    def _drop(self, path: str) -> None:
        session_id = self._paths.pop(path, None)
        if session_id is not None:
            left = tuple(one for one in self._logins.sessions if one.id != session_id)
            self._logins = replace(self._logins, sessions=left)
            self._tell(SessionGone(session_id))

    async def _read_unsaid(self, bus: LogindBus) -> None:
        """Look at what nobody tells of: the lid, and that a session which was being opened is open now."""
        await self._read_lid(bus)
        opening = [path for path, name in self._paths.items() if self._is_opening(name)]
        for path in opening:
            with suppress(Refused):  # it has ended, and that is told
                await self._read(bus, path)

    def _is_opening(self, session_id: str) -> bool:
        session = self._logins.by_id(session_id)
        return session is not None and session.state is State.OPENING

    async def _read_lid(self, bus: LogindBus) -> None:
        closed = await bus.manager_property("LidClosed") is not False
        docked = await bus.manager_property("Docked") is True
        before = self._logins.lid_shut
        self._logins = replace(self._logins, lid_closed=closed, docked=docked)
        if self._logins.known and self._logins.lid_shut is not before:
            self._tell(Lid(self._logins.lid_shut))

    async def _session_path(self, bus: LogindBus, pid: int) -> str | None:
        """Return the path of a process's session; of one of the user's manager, that of the session the user sees.

        Not for a user who is here from elsewhere as well: what their manager runs may have been begun from there.
        """
        try:
            return str((await bus.logind("GetSessionByPID", "u", pid))[0])
        except Refused:
            (path,) = await bus.logind("GetUserByPID", "u", pid)
        user = await bus.properties(path, USER)
        session_id, path = user["Display"]
        if not session_id or any(one.remote and one.uid == user["UID"] for one in self._logins.sessions):
            return None
        return str(path)

    def _tell(self, event: LoginEvent) -> None:
        for listener in self._listeners:
            listener(event)

    # What is asked.

    async def _hold_sleep(self, bus: LogindBus) -> None:
        """Have the machine wait for us before it sleeps, so that the camera is closed in order."""
        self.let_sleep()
        try:
            self._inhibitor = await bus.delay_sleep("closes the camera before the machine sleeps")
        except Refused as fault:
            _LOG.warning("event=sleep-not-delayed fault=%r", str(fault))

    async def _ask(self, member: str, session_id: str) -> None:
        if self._bus is None:
            raise HookError(f"{member} {session_id}: there is no connection to the bus; is logind running?")
        try:
            await self._bus.logind(member, "s", session_id)
        except BusLost as fault:
            self._lose()
            raise HookError(f"{member} {session_id}: {fault}; is logind running?") from fault
        except Refused as fault:
            raise HookError(f"logind refuses {session_id}: {fault}; is our polkit rule installed?") from fault
