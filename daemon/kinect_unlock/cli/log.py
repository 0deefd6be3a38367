"""The verb log: what came of the last attempts, and why one was not let in."""

import pwd
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kinect_unlock.audit import WELL, Record
from kinect_unlock.cli import reasons
from kinect_unlock.cli.asking import AsJson, ConfigFile, client_of, leave, print_json, tell
from kinect_unlock.errors import DaemonUnavailable, RequestError
from kinect_unlock.wire import Records, Reply, Word

_PAGE: Final = 200  # as many as one answer has
_TIMEOUT_S: Final = 10.0
_AGO: Final = re.compile(r"([1-9][0-9]{0,5})\s*(s|min|m|h|d|w)\Z")
_UNITS: Final = {"s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_NONE: Final = 1


def log(
    *,
    file: ConfigFile = None,
    user: Annotated[str | None, typer.Option("--user", "-u", help="Only attempts to be this user.")] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Only what is newer: 30min, 12h, 3d, or a date such as 2026-01-31.")
    ] = None,
    count: Annotated[int, typer.Option("--count", "-n", min=1, max=1_000, help="At most so many, the newest.")] = 20,
    why: Annotated[
        bool,
        typer.Option(
            "--why",
            help="Say why the last refused attempt was refused, or the one before that if it only came too soon.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what came of the last attempts: yours, as root everybody's. With --why: why was I not let in?

    The daemon keeps the last 1,000 for 30 days; `kinect-unlock forget` removes a user's. The reason is told here and to
    nobody who stands before the camera. Exit code 1: with --why, no attempt was refused.
    """
    found = _records(
        file, Records(user, None if since is None else _since_s(since, datetime.now().astimezone())), count, why=why
    )
    if as_json:
        print_json(found)
    elif why:
        _explain(found)
    else:
        _show(found)
    if why and not found:
        raise typer.Exit(_NONE)


def _records(file: Path | None, ask: Records, count: int, *, why: bool) -> list[Record]:
    """Ask for as many pages as it takes; ``why``: for the newest refusal alone.

    Raises:
        DaemonUnavailable: nobody answers, or in another language.
        RequestError: the user's name cannot be one.
    """
    _check(ask)
    client, found, before = client_of(file), list[Record](), None
    while len(found) < count:
        page = msgspec.structs.replace(ask, before=before, count=_PAGE if why else min(_PAGE, count - len(found)))
        records = _page(client.request(page, timeout_s=_TIMEOUT_S))
        if why:
            refused = reasons.telling_refusal(records)
            if refused is not None:
                return [refused]
        else:
            found += records
        if len(records) < page.count:
            return found
        before = records[-1].number
    return found


def _page(reply: Reply) -> list[Record]:
    if reply.word is not Word.OK:
        tell(reply)
        leave(reply)
    try:
        return msgspec.convert((reply.data or {}).get("records"), list[Record])
    except msgspec.ValidationError as fault:
        raise DaemonUnavailable(
            f"the daemon's records are not as this version has them ({fault}); update both"
        ) from fault


def _check(ask: Records) -> None:
    try:
        msgspec.convert(msgspec.to_builtins(ask), Records)
    except msgspec.ValidationError as fault:
        raise RequestError(f"{ask.user!r} cannot be the name of a user") from fault


def _since_s(text: str, now: datetime) -> int:
    """Return a time in seconds since 1970: so long ago, or a date with or without a time of day.

    Raises:
        RequestError: it is neither.
    """
    ago = _AGO.fullmatch(text.strip())
    try:
        if ago is not None:
            moment = now - timedelta(seconds=int(ago[1]) * _UNITS[ago[2]])
        else:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo is not None else moment.astimezone()
        return max(0, int(moment.timestamp()))
    except (ValueError, OverflowError) as fault:
        raise RequestError(
            f"--since {text!r} is no time: say 30min, 12h, 3d, 2w, or a date such as 2026-01-31"
        ) from fault


def _show(found: list[Record]) -> None:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("when", no_wrap=True)
    table.add_column("who", overflow="fold")
    table.add_column("where", overflow="fold")
    table.add_column("what came of it", overflow="fold")
    for record in found:
        colour = "green" if record.word in WELL else "yellow"
        more = f" [dim](and {record.uncounted} refused before it)[/]" if record.uncounted else ""
        came = f"[{colour}]{escape(reasons.outcome(record))}[/]{more}"
        table.add_row(_when(record), escape(record.user or "-"), escape(_where(record)), came)
    if found:
        Console(highlight=False).print(table)
    else:
        Console(highlight=False).print("No attempts are kept.")


def _explain(found: list[Record]) -> None:
    console = Console(highlight=False)
    if not found:
        console.print("[green]No attempt was refused.[/]")
        return
    (record,) = found
    console.print(f"[yellow]{_when(record)}, {escape(_where(record))}[/]")
    reasons.tell(console, record)


def _when(record: Record) -> str:
    return datetime.fromtimestamp(record.at_s).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _where(record: Record) -> str:
    """Say what asked: PAM's service, the daemon itself, or the verb."""
    if record.op == "watch":
        return "watch, by itself"
    return record.service or f"{record.op} by {_name_of(record.uid)}"


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):  # no account any more, or never one
        return f"uid {uid}"
