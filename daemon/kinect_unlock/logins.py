"""Who is logged in, as logind tells it: values and events, no bus. What is not known always counts against opening.

Words of logind's that are not understood become `Kind.OTHER`, `State.CLOSING` and a remote session: each of them is
something that no session which may be opened has.
"""

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TypeAlias


@unique
class Kind(StrEnum):
    """What a session is for; logind's ``Class``."""

    USER = "user"
    GREETER = "greeter"
    LOCK_SCREEN = "lock-screen"
    BACKGROUND = "background"
    MANAGER = "manager"
    OTHER = "other"  # any other word, such as those of later releases


@unique
class Display(StrEnum):
    """What a session is drawn with; logind's ``Type``."""

    TTY = "tty"
    X11 = "x11"
    WAYLAND = "wayland"
    MIR = "mir"
    UNSPECIFIED = "unspecified"


@unique
class State(StrEnum):
    """Where a session stands; only in ACTIVE it is what its seat shows."""

    OPENING = "opening"
    ONLINE = "online"
    ACTIVE = "active"
    CLOSING = "closing"


@dataclass(frozen=True, slots=True)
class LoginSession:
    """One session. ``seat`` and ``tty`` are empty where it has none; ``locked`` is None where logind does not say."""

    id: str
    uid: int
    user: str
    seat: str
    kind: Kind
    type: Display
    state: State
    remote: bool
    locked: bool | None
    leader_pid: int
    tty: str = ""  # as logind has it: "tty2", "pts/0"

    @property
    def active(self) -> bool:
        """True while it is what its seat shows."""
        return self.state is State.ACTIVE

    @property
    def is_at_desk(self) -> bool:
        """True for a user's own session that is on and not remote; on which seat is another question."""
        return self.kind is Kind.USER and self.active and not self.remote


@dataclass(frozen=True, slots=True)
class Logins:
    """All that is known of who is logged in. ``known`` False: logind cannot be asked, and nothing else here counts.

    ``absent``: this is a machine without logind, as far as can be told; one that was there once is never absent again.
    """

    sessions: tuple[LoginSession, ...] = ()
    lid_closed: bool = False
    docked: bool = False
    known: bool = False
    absent: bool = False

    def by_id(self, session_id: str) -> LoginSession | None:
        """Return the session of this id, None if it is gone."""
        return next((session for session in self.sessions if session.id == session_id), None)

    def shown_on(self, seat: str) -> LoginSession | None:
        """Return the session that a seat shows, None if it shows none, or if that cannot be told."""
        shown = [session for session in self.sessions if session.active and session.seat == seat and seat]
        return shown[0] if len(shown) == 1 else None

    @property
    def lid_shut(self) -> bool:
        """True if nobody can be looking at this machine: a closed lid, and no other screen."""
        return self.lid_closed and not self.docked


NOT_KNOWN = Logins(absent=True)


@dataclass(frozen=True, slots=True)
class SeenLocked:
    """A session is locked now: its locker said so (``LockedHint``)."""

    session: str


@dataclass(frozen=True, slots=True)
class SeenUnlocked:
    """A session is unlocked now: its locker said so."""

    session: str


@dataclass(frozen=True, slots=True)
class LockAsked:
    """Somebody asked for a session to be locked; that it will be is not known."""

    session: str


@dataclass(frozen=True, slots=True)
class UnlockAsked:
    """Somebody asked for a session to be unlocked; anybody may who owns it."""

    session: str


@dataclass(frozen=True, slots=True)
class SessionNew:
    """A session has appeared, with what is known of it."""

    session: LoginSession


@dataclass(frozen=True, slots=True)
class SessionChanged:
    """Something of a session is another than it was, as which one its seat shows."""

    session: LoginSession


@dataclass(frozen=True, slots=True)
class SessionGone:
    """A session has ended."""

    session: str


@dataclass(frozen=True, slots=True)
class PreparingForSleep:
    """The machine is about to sleep and waits for `LoginWatch.let_sleep`, or (``about`` False) has come back."""

    about: bool


@dataclass(frozen=True, slots=True)
class Lid:
    """Whether nobody can be looking at the machine any more, because its lid was shut; polled, so seconds late."""

    shut: bool


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Whether logind can be asked, after that has changed."""

    known: bool


LoginEvent: TypeAlias = (
    SeenLocked
    | SeenUnlocked
    | LockAsked
    | UnlockAsked
    | SessionNew
    | SessionChanged
    | SessionGone
    | PreparingForSleep
    | Lid
    | Knowledge
)
