"""The verbs about the daemon itself: status, lock, and the report of an accepted password."""

from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kinect_unlock.cli.asking import AsJson, ConfigFile, ask, leave, tell
from kinect_unlock.wire import Lock, PasswordOk, Status

_MINUTE_S: Final = 60.0
_HOUR_S: Final = 3600.0


def status(*, file: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show how the daemon is: its source and camera, its model and votes, its counters, who is locked out."""
    last = ask(file, Status(), as_json=as_json, show=lambda _: None)
    if last.data is None and not as_json:
        tell(last)
    elif last.data is not None and not as_json:
        table = Table(box=None, show_header=False)
        rest = {name: value for name, value in last.data.items() if name != "session_confirmed"}
        told = {
            "session": session_words(last.data["session"], confirmed=last.data["session_confirmed"]),
            "camera": camera_words(last.data["camera"]),
            "thresholds": _thresholds(last.data["thresholds"]),
            "limits": "\n".join(map(limit_words, last.data["limits"])) or "-",
            "asking": asking_words(last.data["asking"]),
            "unasked": unasked_words(last.data["unasked"]),
        }
        for name, value in {**rest, **told}.items():
            table.add_row(Text(name.replace("_", " "), style="bold"), Text(_said(value)))
        Console(highlight=False).print(table)
    leave(last)


def lock(*, file: ConfigFile = None, as_json: AsJson = False) -> None:
    """Lock the session that the camera's seat shows: through logind, or the lock hook where one is configured.

    Exit codes: 75 it could not be asked, 78 there is neither.
    """
    leave(ask(file, Lock(), as_json=as_json))


def password_ok(
    user: Annotated[str, typer.Argument(help="Whose password was accepted.")],
    *,
    file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Report that this user's password was just accepted elsewhere: it ends a lock-out and starts the clocks anew.

    Believed from root alone, for root's login stack to say after it has checked a password; in a run with
    --test-source also from the user that runs the daemon. No password is asked for, seen or kept here.
    Exit code 77: not from you.
    """
    leave(ask(file, PasswordOk(user=user), as_json=as_json))


def session_words(state: str, *, confirmed: bool) -> str:
    """Say how the session of the camera's seat is; what nobody has seen is not known."""
    return state if confirmed else f"not known, counts as {state}"


def limit_words(found: dict[str, Any]) -> str:
    """Say in a line how one user stands."""
    if "fault" in found:
        return f"{found['user']}: counts as locked out: {found['fault']}"
    parts = ["locked out, give the password"] if found["locked_out"] else [_tries(found["failures_left"])]
    if found["cooldown_left_s"]:
        parts.append(f"next try in {found['cooldown_left_s']:g} s")
    if found["password_due"] is not None:
        parts.append(f"the password is due ({found['password_due']})")
    for name in ("password", "face"):
        ago_s = found[f"{name}_ago_s"]
        parts.append(f"{name} never since boot" if ago_s is None else f"{name} {_ago(ago_s)}")
    return f"{found['user']}: {', '.join(parts)}"


def asking_words(found: dict[str, Any]) -> str:
    """Say in a few lines who may ask."""
    if not found["shared"]:
        if not found["placed"]:
            return "root and the daemon's own user, from anywhere: logind is not asked"
        shown = f"the session that {found['seat']} shows" if found["logind"] else "nowhere: logind does not answer"
        return f"root, and the daemon's own user from {shown}"
    logind = f"logind knows {found['sessions']} sessions" if found["logind"] else "logind is not known: nobody but root"
    standings: dict[str, list[str]] = {}
    for service, standing in found["services"].items():
        standings.setdefault(standing, []).append(service)
    lines = [f"users on {found['seat']} for themselves; {logind}"]
    return "\n".join([*lines, *(f"{standing}: {', '.join(names)}" for standing, names in standings.items())])


def camera_words(found: dict[str, Any]) -> str:
    """Say in a few lines which camera it is, whether it is open, and what went wrong last."""
    closes = "" if found["closes_in_s"] is None else f", closes in {found['closes_in_s']:g} s unless it is needed"
    lines = [f"{found['state']} for {found['for_s']:g} s{closes}"]
    identity = found["identity"] or {}
    known = {name: value for name, value in identity.items() if value and name != "held_by"}
    if known:
        lines.append(", ".join(f"{name} {value}" for name, value in known.items()))
    if identity.get("held_by"):
        lines.append(f"its driver is held by {identity['held_by']}")
    if found["costly"]:
        lines.append("decoding its depth takes a processor core for itself while it is open")
    rate = "" if found["rate_hz"] is None else f"; {found['rate_hz']:g} frames a second when all are wanted"
    after_faults = "" if not found["restarts"] else f", of these {found['restarts']} after a fault"
    opened = f"opened {_times(found['opened'])}" if found["opened"] else "not opened yet"
    lines.append(f"{opened}{after_faults}{rate}")
    if found["last_fault"] is not None:
        lines.append(f"last fault {found['last_fault']['ago_s']:g} s ago: {found['last_fault']['message']}")
    return "\n".join(lines)


def unasked_words(found: dict[str, Any] | None) -> str:
    """Say what the daemon does without being asked, and why it does not."""
    if found is None:
        return "nothing: it does not ask logind"
    parts = [f"{name} {_doing(found[name])}" for name in ("watch", "presence")]
    return "\n".join(parts if found["paused"] is None else [f"paused: {found['paused']}", *parts])


def _doing(part: dict[str, Any]) -> str:
    why_not = "" if part["why_not"] is None else f": {part['why_not']}"
    return f"{part['state']}{why_not}" if part["session"] is None else f"{part['state']}, session {part['session']}"


def _tries(left: int) -> str:
    return "1 try left" if left == 1 else f"{left} tries left"


def _ago(seconds: float) -> str:
    if seconds < _MINUTE_S:
        return "just now"
    return f"{seconds // _MINUTE_S:.0f} min ago" if seconds < _HOUR_S else f"{seconds / _HOUR_S:.1f} h ago"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _thresholds(found: list[dict[str, Any]]) -> str:
    """Say each half's threshold in a sentence; how it was come by stands whole in JSON and in the model card."""
    return "\n".join(
        f"{one['half']}: {_bands(one['bands'])}{_rate(one['far'])}, by "
        f"{one['evidence']['impostor_comparisons']:,} impostor comparisons on {one['evidence']['data']}"
        for one in found
    )


def _bands(bands: list[dict[str, Any]]) -> str:
    return ", ".join(
        f"cosine {band['cosine']:.3f}" + ("" if band["to_mm"] is None else f" to {band['to_mm']:g} mm")
        for band in bands
    )


def _rate(far: float | None) -> str:
    return "" if far is None else f" for FAR {far:g}"


def _said(value: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_said(item) for item in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')} {_said(item)}" for key, item in value.items()) or "none"
    return "-" if value is None else str(value)
