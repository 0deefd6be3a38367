"""Which session logind thinks this is."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kinect_unlock.host import programs
from kinect_unlock.host.services import properties

_LIMIT_S: Final = 5.0
_PROPERTIES: Final = "Id,Name,Type,Class,State,Active,Remote,Seat,LockedHint"


@dataclass(frozen=True, slots=True)
class Session:
    """What logind says of this user's session: nothing if there is none; ``fault`` is why it does not say."""

    facts: Mapping[str, str]
    fault: str = ""


def read(root: Path, environ: Mapping[str, str], uid: int) -> Session:
    """Ask logind for the session that this program runs in, else for the one that this user sees."""
    if not (root / "run/dbus/system_bus_socket").exists():
        return Session({}, "there is no system bus")
    session = environ.get("XDG_SESSION_ID", "")
    if not session:
        user = _ask(["show-user", str(uid), "--property=Display"], environ)
        if user.fault:
            return user
        session = user.facts.get("Display", "")
    return _ask(["show-session", session, f"--property={_PROPERTIES}"], environ) if session else Session({})


def _ask(arguments: list[str], environ: Mapping[str, str]) -> Session:
    told = programs.run(["loginctl", *arguments], limit_s=_LIMIT_S, environ=environ)
    if told is None:
        return Session({}, "there is no loginctl")
    if told.exit_code != 0:
        # A user who is not logged in is no fault of logind's; both answers are exit code 1.
        if "not known" in told.last_words or "not logged in" in told.last_words or "No session" in told.last_words:
            return Session({})
        return Session({}, f"loginctl {told.ending}: {told.last_words}")
    return Session(properties(told.out))
