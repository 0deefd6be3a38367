"""Asking the daemon from the command line: where it listens, what its answers look like, how the command then ends."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec
import typer
from rich.console import Console
from rich.markup import escape

from kinect_unlock import config
from kinect_unlock.cli.words import HINTS, exit_code, sentence
from kinect_unlock.client import Client
from kinect_unlock.errors import RequestError
from kinect_unlock.settings import Config
from kinect_unlock.wire import Reply, Request, Word

ConfigFile: TypeAlias = Annotated[
    Path | None, typer.Option("--config", "-c", help="This configuration instead of the usual one.")
]
AsJson: TypeAlias = Annotated[
    bool,
    typer.Option("--json", help="Print JSON for scripts: a list as one array, a course of events as an object a line."),
]

ATTEMPT_TIMEOUT_S = 60.0
EXIT_DECLINED = 1


def settings_of(file: Path | None) -> Config:
    """Return the configuration in force for this user; raises `ConfigError`."""
    return config.load(config.file_in_force(file, os.environ, os.geteuid()))


def client_of(file: Path | None) -> Client:
    """Return a client for the daemon that this configuration names; raises `ConfigError`."""
    return Client(config.socket_to_ask(settings_of(file), os.environ, os.geteuid()))


def print_json(value: object) -> None:
    """Print one value as one line of JSON."""
    typer.echo(msgspec.json.encode(value))


def agreed(question: str) -> bool:
    """Ask yes or no. No answer, as to a script that left out ``--yes``, is a no, and that is said."""
    try:
        return typer.confirm(question)
    except typer.Abort as silence:
        if isinstance(silence.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        typer.echo("\nNo answer, which is a no; --yes agrees beforehand.", err=True)
        return False


def ask(
    file: Path | None,
    request: Request,
    *,
    as_json: bool,
    show: Callable[[Reply], None] | None = None,
    timeout_s: float = ATTEMPT_TIMEOUT_S,
) -> Reply:
    """Ask, and show each reply as it comes: as JSON, through ``show``, or as a sentence.

    Raises:
        DaemonUnavailable: nobody answers.
        RequestError: a name cannot be one.
    """
    _check_names(request)
    return client_of(file).request(request, on_reply=print_json if as_json else show or tell, timeout_s=timeout_s)


def _check_names(request: Request) -> None:
    """Refuse here what the daemon would refuse by a regular expression."""
    try:
        msgspec.convert(msgspec.to_builtins(request), type(request))
    except msgspec.ValidationError as fault:
        key = "stream" if "$.stream" in str(fault) else "user"
        raise RequestError(
            f"{getattr(request, key, '')!r} cannot be the name of a {key}; use the characters A-Z a-z 0-9 _ . - "
            "and begin with a letter, a digit or _"
        ) from fault


def tell(reply: Reply) -> None:
    """Print what a reply says to a person: hints and warnings to standard error, the end to standard output."""
    if reply.word is Word.HINT and reply.hint is not None:
        Console(stderr=True).print(f"  [yellow]{HINTS[reply.hint]}[/]")
    elif reply.word is Word.WARNING:
        Console(stderr=True).print(f"  [yellow]warning:[/] {escape(reply.message or '')}", highlight=False)
    elif reply.done:
        note = f" [dim](frames: {reply.origin}, no camera)[/]" if reply.origin else ""
        Console(highlight=False, soft_wrap=True).print(f"[{_colour(reply)}]{escape(sentence(reply))}[/]{note}")


def leave(reply: Reply) -> None:
    """End the command with the exit code of a last reply."""
    code = exit_code(reply)
    if code:
        sys.stdout.flush()
        raise typer.Exit(code)


def _colour(reply: Reply) -> str:
    return "green" if exit_code(reply) == 0 else "red"
