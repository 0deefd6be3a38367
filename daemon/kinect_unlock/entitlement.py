"""Who may ask whether it is somebody, for what, and from where. Pure: one question and what is known, one answer.

Where nobody but root and the daemon's own user can reach the socket, they may ask, and nobody else. With a camera, and
on a machine that has logind, from the session that the camera's seat shows, whatever users they keep there; without
logind from anywhere, for nothing tells where they are. Where everybody can reach it, PAM's modules (root) are believed
what they say of their service, and the service's standing and the logins decide; anybody else may ask for themself,
from the session that the camera's seat shows. A service that somebody else than root names can only forbid. What is
remote, or not known, never opens anything.

A program has no session that is known when PAM's module runs outside of it. In a display manager or a text console it
is judged by what the seat shows, for what they open is shown there. Anywhere else it is refused: everybody can run
polkit's helper with the name of an administrator who sits at the seat, from a cron job or over the network, and what it
is told opens what whoever runs it asked for.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final, TypeAlias

from kinect_unlock.logins import Kind, Logins, LoginSession
from kinect_unlock.ports import Peer
from kinect_unlock.settings import ServiceName, Standing
from kinect_unlock.wire import PasswordOk, Verify

ROOT: Final = 0
# Display managers. For the screen lock of GNOME its display manager's service asks again.
GREETERS: Final = frozenset({"gdm-password", "sddm", "lightdm", "greetd", "lxdm", "ly", "slim", "xdm"})
CONSOLES: Final = frozenset({"login"})
POLKIT: Final = "polkit-1"  # its helper runs as root, whoever runs it
_VIRTUAL_TERMINAL: Final = re.compile(r"(/dev/)?tty[1-9][0-9]?\Z")  # not ttyS0: nobody sees who sits at a serial line
_FIRST_SEAT: Final = "seat0"  # virtual terminals are only there


@unique
class Cause(StrEnum):
    """Why somebody may not ask; for the audit log."""

    NOT_ALLOWED = "not-allowed"  # neither root nor the daemon's own user, nor a user for themself
    SERVICE_UNKNOWN = "service-unknown"
    SERVICE_NEVER = "service-never"
    REMOTE = "remote"
    LOGINS_UNKNOWN = "logins-unknown"
    NO_SESSION = "no-session"
    NOT_A_USERS = "not-a-users"  # a session of another class than user
    INACTIVE = "inactive"
    OTHER_SEAT = "other-seat"
    OTHER_USER = "other-user"
    LOCKED = "locked"
    NO_GREETER = "no-greeter"
    LID_SHUT = "lid-shut"
    OWN_QUESTION = "own-question"  # polkit asks somebody for us


WORDS: Final[Mapping[Cause, str]] = {
    Cause.NOT_ALLOWED: "only root and the daemon's own user may ask this",
    Cause.SERVICE_UNKNOWN: "this service is not in the configuration ($.services), so it may not ask",
    Cause.SERVICE_NEVER: "the configuration does not let this service ask ($.services)",
    Cause.REMOTE: "a remote session is before no camera",
    Cause.LOGINS_UNKNOWN: "logind cannot be asked who is before the camera; is it running, and the system bus?",
    Cause.NO_SESSION: "the program that asks belongs to no session that is known",
    Cause.NOT_A_USERS: "the session that asks is not one in which a user works",
    Cause.INACTIVE: "the session that asks is not the one that its seat shows",
    Cause.OTHER_SEAT: "the session that asks is not at the camera's seat ($.source.seat)",
    Cause.OTHER_USER: "the session is another user's",
    Cause.LOCKED: "the session is locked, and this service works in an open one",
    Cause.NO_GREETER: "the camera's seat shows no login screen",
    Cause.LID_SHUT: "the lid is shut, and no other screen is connected",
    Cause.OWN_QUESTION: "polkit asks who may see to faces, and that is for a password to say",
}


@dataclass(frozen=True, slots=True)
class Rules:
    """What does not change from one question to the next; ``shared``: everybody can reach the socket.

    ``camera`` False: frames are played, so that it does not matter who is where to those who have the socket alone.
    """

    own_uid: int
    shared: bool
    seat: str
    services: Mapping[ServiceName, Standing]
    camera: bool = True


@dataclass(frozen=True, slots=True)
class Allowed:
    """It may be asked. ``session`` is the one that it is about, None where none counts; ``intent``: with a nod."""

    session: LoginSession | None = None
    intent: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """It may not be asked."""

    cause: Cause

    @property
    def message(self) -> str:
        """Why, in words for a person."""
        return WORDS[self.cause]


Entitlement: TypeAlias = Allowed | Refused


def entitlement(ask: Verify, peer: Peer, session: LoginSession | None, logins: Logins, rules: Rules) -> Entitlement:
    """Say whether ``peer`` may ask; ``session`` is the one that the peer's process belongs to, if that is known."""
    trusted = peer.uid in {ROOT, rules.own_uid}
    barred = _barred(ask, rules) if trusted or rules.shared else Cause.NOT_ALLOWED
    if barred is not None:
        return Refused(barred)
    by_policy = rules.services.get(ask.service or "") == "intent"
    intent = by_policy or ask.intent is True
    anywhere = not rules.shared and (logins.absent or not rules.camera)
    as_system = peer.uid == ROOT or (trusted and rules.shared)
    if anywhere or (as_system and ask.service is None):
        return Allowed(intent=intent)
    place = _place(ask, session, logins, rules) if as_system else _own_place(ask, peer, session, rules)
    found = _unseen(logins) or place
    if by_policy and isinstance(found, LoginSession) and found.locked:
        return Refused(Cause.LOCKED)
    return Refused(found) if isinstance(found, Cause) else Allowed(found, intent)


def password_fault(said: PasswordOk, session: LoginSession | None, logins: Logins, rules: Rules) -> Cause | None:
    """Say why a password that root reports is no proof of a user at this computer; None: it is one.

    It ends lock-outs and teaches, so it counts where a face would have opened: for services that may ask, and for
    whoever opens sessions, and from nowhere else. Without a service it is root's own word, by the command.
    """
    if said.service is None:
        return None
    standing, opens = rules.services.get(said.service), said.service in GREETERS | CONSOLES
    amiss: tuple[tuple[Cause, bool], ...] = (
        (Cause.SERVICE_NEVER, standing == "never"),
        (Cause.SERVICE_UNKNOWN, standing is None and not opens),
    )
    if rules.shared:
        shown_elsewhere = any(
            one.kind is Kind.GREETER and (one.remote or one.seat != rules.seat) for one in logins.sessions
        )
        amiss += (
            (Cause.LOGINS_UNKNOWN, not logins.known),
            (Cause.REMOTE, session is not None and session.remote),
            (Cause.NO_SESSION, session is None and (shown_elsewhere or not opens)),
        )
    return next((cause for cause, holds in amiss if holds), None)


def _barred(ask: Verify, rules: Rules) -> Cause | None:
    """Return why nobody may ask like this, wherever they are; who names no service is none."""
    if ask.remote_host:
        return Cause.REMOTE
    if ask.service is None:
        return None
    standing = rules.services.get(ask.service)
    if standing == "never":
        return Cause.SERVICE_NEVER
    return Cause.SERVICE_UNKNOWN if standing is None and rules.shared else None


def _unseen(logins: Logins) -> Cause | None:
    if not logins.known:
        return Cause.LOGINS_UNKNOWN
    return Cause.LID_SHUT if logins.lid_shut else None


def _own_place(ask: Verify, peer: Peer, session: LoginSession | None, rules: Rules) -> LoginSession | Cause:
    """Return the session of a user who asks for themself, or of the owner of a daemon of their own; or why not."""
    if ask.service in GREETERS | CONSOLES | {POLKIT}:
        return Cause.NOT_ALLOWED  # these run as root, and this one does not
    if session is None:
        return Cause.NO_SESSION
    if session.uid != peer.uid:
        return Cause.OTHER_USER
    return _at_seat(session, ask.user if rules.shared else session.user, rules)


def _place(ask: Verify, session: LoginSession | None, logins: Logins, rules: Rules) -> LoginSession | Cause | None:
    """Return the session that a service of PAM's asks in, None for one that begins a session, or why it may not."""
    if ask.service in CONSOLES:
        return _at_console(ask, session, logins, rules)
    if ask.service in GREETERS:
        return _at_greeter(ask, session, logins, rules)
    return Cause.NO_SESSION if session is None else _at_seat(session, ask.user, rules)


def _at_seat(session: LoginSession, user: str, rules: Rules) -> LoginSession | Cause:
    """Return the session if its user is before the camera and the one that is asked about, else what is amiss."""
    amiss: Mapping[Cause, Callable[[], bool]] = {
        Cause.REMOTE: lambda: session.remote,
        Cause.NOT_A_USERS: lambda: session.kind is not Kind.USER,
        Cause.OTHER_SEAT: lambda: session.seat != rules.seat,
        Cause.INACTIVE: lambda: not session.is_at_desk,
        Cause.OTHER_USER: lambda: session.user != user,
    }
    return next((cause for cause, holds in amiss.items() if holds()), session)


def _at_greeter(ask: Verify, session: LoginSession | None, logins: Logins, rules: Rules) -> LoginSession | Cause | None:
    """A display manager asks for its login screen, or again for the screen lock of a session that is shown.

    Where it has login screens elsewhere too, and does not say by its session for which it asks, nobody can tell.
    """
    shown = logins.shown_on(rules.seat)
    if session is not None and session.remote:
        return Cause.REMOTE
    if shown is None or (session is not None and session.id != shown.id):
        return Cause.NO_GREETER
    others = [one for one in logins.sessions if one.kind is Kind.GREETER and one.id != shown.id]
    if session is None and any(one.remote or one.seat != rules.seat for one in others):
        return Cause.NO_GREETER
    if shown.kind is Kind.GREETER:
        return Cause.REMOTE if shown.remote else None
    return _at_seat(shown, ask.user, rules)


def _at_console(ask: Verify, session: LoginSession | None, logins: Logins, rules: Rules) -> Cause | None:
    """A text console asks before anybody is logged in on it: the seat then shows no session at all."""
    if session is not None:
        return Cause.REMOTE if session.remote else Cause.NO_GREETER
    if rules.seat != _FIRST_SEAT or _VIRTUAL_TERMINAL.match(ask.tty or "") is None:
        return Cause.OTHER_SEAT
    shows_any = any(one.active and one.seat == rules.seat for one in logins.sessions)
    return Cause.NO_GREETER if shows_any else None
