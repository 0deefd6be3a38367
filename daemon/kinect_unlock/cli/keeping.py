"""The verbs about templates that are there: history, undo, export, import."""

import base64
import getpass
import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from kinect_unlock.cli.asking import AsJson, ConfigFile, ask, leave, print_json, tell
from kinect_unlock.errors import RequestError, StoreError
from kinect_unlock.wire import Export, History, Import, Undo, Word

User = Annotated[str, typer.Argument(help="A user name.")]
PassphraseFd = Annotated[
    int | None,
    typer.Option("--passphrase-fd", min=0, help="Read the passphrase's line from this descriptor instead of asking."),
]

_LONGEST_PASSPHRASE_BYTES: Final = 1024
_WHY = {"match": "a strong match", "password": "a near miss, then the password"}


def history(user: User, *, file: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show what joined a user's template after the enrolment: when, and why. Exit code 6: not enrolled."""
    last = ask(file, History(user=user), as_json=as_json, show=lambda _: None)
    if last.data is None and not as_json:
        tell(last)
    elif last.data is not None and not as_json:
        _show_history(user, last.data)
    leave(last)


def undo(
    user: User,
    count: Annotated[int, typer.Argument(min=1, max=1024, help="How many, the newest first.")] = 1,
    *,
    file: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Take out of a template what joined it last; what was enrolled always stays.

    Exit codes: 0 done, 1 nothing had joined it, 6 not enrolled.
    """
    leave(ask(file, Undo(user=user, count=count), as_json=as_json))


def export(
    user: User,
    target: Annotated[Path, typer.Argument(help="The file to write; it must not be there yet.", metavar="FILE")],
    *,
    file: ConfigFile = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """Write a user's template to a file that only a passphrase opens.

    Whoever has file and passphrase can make a template that recognises the same face; it shows no picture. The daemon's
    own key is not in it. Exit codes: 6 not enrolled, 64 no good passphrase, 74 the file cannot be written.
    """
    from kinect_unlock import exports  # noqa: PLC0415 - cryptography loads only where used

    if os.path.lexists(target):
        raise StoreError(f"{target} is there already: choose another name, or remove it")
    salt = exports.new_salt()
    key = exports.key_from(_new_passphrase(passphrase_fd, exports.SHORTEST_PASSPHRASE), salt)
    last = ask(file, Export(user=user, key=key.secret), as_json=False, show=lambda _: None)
    if last.word is Word.OK and last.data is not None:
        sealed = base64.b64decode(last.data["sealed"], validate=True)
        _write_new(target, exports.wrap(exports.Exported(salt, sealed)))
        if as_json:
            print_json({"user": user, "file": str(target)})
        else:
            typer.echo(f"The template of {user} is in {target}. Without the passphrase it is of no use to anybody.")
    elif as_json:
        print_json(last)
    else:
        tell(last)
    leave(last)


def import_(
    source: Annotated[Path, typer.Argument(help="A file that `export` wrote.", metavar="FILE")],
    *,
    user: Annotated[str | None, typer.Option("--as", help="For this user instead of the one it was of.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="In the place of the template that is there.")] = False,
    file: ConfigFile = None,
    passphrase_fd: PassphraseFd = None,
    as_json: AsJson = False,
) -> None:
    """Take in a template that was exported, here or on another computer with the same encoder.

    It stays of the origin and the camera that it was made with: it matches here only with these.
    Exit codes: 0 taken in, 64 refused, wrong passphrase, or there is one already, 70 of another encoder, 74 damaged.
    """
    from kinect_unlock import exports  # noqa: PLC0415 - cryptography loads only where used

    exported = exports.unwrap(_read(source, exports.LONGEST_BYTES), name=str(source))
    key = exported.key(_passphrase(passphrase_fd), name=str(source))
    request = Import(sealed=exported.sealed, key=key.secret, user=user, replace=replace)
    last = ask(file, request, as_json=as_json)
    if not as_json:
        for warning in (last.data or {}).get("warnings", []):
            Console(stderr=True).print(f"  [yellow]warning:[/] {escape(warning)}", highlight=False)
    leave(last)


def _show_history(user: str, data: dict[str, Any]) -> None:
    views = f"{data['enrolled']} view{'s' * (data['enrolled'] != 1)}"
    typer.echo(f"{user}: {views} enrolled {_date(data['enrolled_s'])}, generation {data['generation']}")
    if data["joined"]:
        table = Table("joined", "after", box=SIMPLE_HEAD, padding=(0, 1))
        for one in data["joined"]:
            table.add_row(_date(one["at_s"]), _WHY.get(one["reason"], one["reason"]))
        Console(highlight=False).print(table)
    else:
        typer.echo("Nothing joined after that.")
    if not data["adapts"]:
        typer.echo("Adaptation is off (adapt.on in the configuration).")
    elif not data["room"]:
        typer.echo("Nothing can join: the enrolment has as many views as the thresholds have evidence for.")


def _new_passphrase(descriptor: int | None, shortest: int) -> str:
    """Ask for a new passphrase, twice where a person types it."""
    passphrase = _passphrase(descriptor)
    if len(passphrase) < shortest:
        raise RequestError(f"a passphrase of {len(passphrase)} characters is soon guessed: take at least {shortest}")
    if descriptor is None and getpass.getpass("The same again: ") != passphrase:
        raise RequestError("the two are not the same; nothing was written")
    return passphrase


def _passphrase(descriptor: int | None) -> str:
    """Return a passphrase from a descriptor or, without echo, from the terminal; never from an argument.

    Raises:
        RequestError: there is neither, or what is there is no line of text.
    """
    if descriptor is None:
        if not sys.stdin.isatty():
            raise RequestError("no terminal to ask for the passphrase: give it by --passphrase-fd")
        return getpass.getpass("Passphrase: ")
    try:
        return _line(descriptor).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"--passphrase-fd {descriptor} gives no passphrase: {error}") from error


def _line(descriptor: int) -> bytes:
    """Return the first line, and nothing of what follows it."""
    line = bytearray()
    while len(line) < _LONGEST_PASSPHRASE_BYTES and (byte := os.read(descriptor, 1)) not in {b"", b"\n"}:
        line += byte
    return bytes(line)


def _read(path: Path, limit_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limit_bytes + 1)
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > limit_bytes:
        raise StoreError(f"{path} is larger than any template")
    return data


def _write_new(path: Path, data: bytes) -> None:
    """Write a file that was not there, for nobody else to read where the file system knows that."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise StoreError(f"{path} cannot be written: {error.strerror}; nothing is left of it") from error


def _date(seconds: int) -> str:
    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")
