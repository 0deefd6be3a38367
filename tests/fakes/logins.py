"""Logins that a test makes up: what logind would tell, changed by hand, with the events that go with each change."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kinect_unlock.errors import HookError
from kinect_unlock.logins import (
    Display,
    Kind,
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


def at_desk(session_id: str = "2", user: str = "anna", uid: int = 1000, **changes: Any) -> LoginSession:
    """A graphical session of a user's that seat0 shows, not locked; ``changes`` make it another."""
    session = LoginSession(
        id=session_id,
        uid=uid,
        user=user,
        seat="seat0",
        kind=Kind.USER,
        type=Display.WAYLAND,
        state=State.ACTIVE,
        remote=False,
        locked=False,
        leader_pid=4000 + int(session_id) if session_id.isdecimal() else 4000,
    )
    return replace(session, **changes)


def greeter(session_id: str = "c1", **changes: Any) -> LoginSession:
    """A login screen that seat0 shows."""
    return at_desk(session_id, "gdm", 117, kind=Kind.GREETER, **changes)


class FakeLoginWatch:
    """Knows the sessions it is given; ``pids`` says which session a process is of. Asking lies open in ``asked``."""

    def __init__(self, *sessions: LoginSession, known: bool = True) -> None:
        self.logins = Logins(sessions=sessions, known=known)
        self.pids: dict[int, str] = {}
        self.asked: list[tuple[str, str]] = []  # ("lock" or "unlock", session)
        self.refuses = False
        self.slept = 0  # how often sleep was let happen
        self._listeners: list[Callable[[LoginEvent], None]] = []

    def now(self) -> Logins:
        return self.logins

    async def session_of(self, pid: int) -> LoginSession | None:
        return self.logins.by_id(self.pids.get(pid, "")) if self.logins.known else None

    async def lock(self, session_id: str) -> None:
        self._ask("lock", session_id)

    async def unlock(self, session_id: str) -> None:
        self._ask("unlock", session_id)

    def on_event(self, callback: Callable[[LoginEvent], None]) -> None:
        self._listeners.append(callback)

    def let_sleep(self) -> None:
        self.slept += 1

    # What a test does.

    def add(self, session: LoginSession) -> None:
        """Have somebody log in."""
        assert self.logins.by_id(session.id) is None, f"session {session.id} is there already"
        self.logins = replace(self.logins, sessions=(*self.logins.sessions, session))
        self._tell(SessionNew(session))

    def remove(self, session_id: str) -> None:
        """Have somebody log out."""
        left = tuple(session for session in self.logins.sessions if session.id != session_id)
        assert len(left) < len(self.logins.sessions), f"no session {session_id}"
        self.logins = replace(self.logins, sessions=left)
        self._tell(SessionGone(session_id))

    def change(self, session_id: str, **changes: Any) -> None:
        """Change something of a session, and tell what a change of that kind tells."""
        before = self.logins.by_id(session_id)
        assert before is not None, f"no session {session_id}"
        after = replace(before, **changes)
        sessions = tuple(after if session is before else session for session in self.logins.sessions)
        self.logins = replace(self.logins, sessions=sessions)
        if after.locked is not before.locked and after.locked is not None:
            self._tell(SeenLocked(session_id) if after.locked else SeenUnlocked(session_id))
        if replace(after, locked=before.locked) != before:
            self._tell(SessionChanged(after))

    def ask(self, what: str, session_id: str) -> None:
        """Have somebody else ask for a session to be locked or unlocked."""
        self._tell(LockAsked(session_id) if what == "lock" else UnlockAsked(session_id))

    def sleep(self, *, about: bool) -> None:
        """Be about to sleep, or come back."""
        self._tell(PreparingForSleep(about))

    def lid(self, *, closed: bool, docked: bool = False) -> None:
        """Close or open the lid."""
        before = self.logins.lid_shut
        self.logins = replace(self.logins, lid_closed=closed, docked=docked)
        if self.logins.lid_shut is not before:
            self._tell(Lid(self.logins.lid_shut))

    def lose(self) -> None:
        """Lose logind."""
        self.logins = Logins()
        self._tell(Knowledge(known=False))

    def find(self, *sessions: LoginSession) -> None:
        """Have logind back, with these sessions."""
        self.logins = Logins(sessions=sessions, known=True)
        self._tell(Knowledge(known=True))

    def _ask(self, what: str, session_id: str) -> None:
        if self.refuses or not self.logins.known or self.logins.by_id(session_id) is None:
            raise HookError(f"logind refused to {what} session {session_id}")
        self.asked.append((what, session_id))
        self.ask(what, session_id)

    def _tell(self, event: LoginEvent) -> None:
        for listener in self._listeners:
            listener(event)
