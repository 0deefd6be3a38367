"""``kinect-unlock doctor``: what this machine has and lacks, each with evidence and the next step."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.rule import Rule
from rich.table import Column, Table
from rich.text import Text

from kinect_unlock.checks.examination import Place, examine
from kinect_unlock.checks.permission import RULES_FILE
from kinect_unlock.checks.results import Check, Section, State, first_to_mend, worst
from kinect_unlock.cli.asking import AsJson, ConfigFile, print_json

_LOOKS: Final = {State.OK: ("ok", "green"), State.NOTE: ("note", "yellow"), State.FAILED: ("FAILED", "bold red")}
_STATE_CHARS: Final = len("FAILED")
_NAME_CHARS: Final = len("pylibfreenect2")


def doctor(
    *,
    file: ConfigFile = None,
    as_json: AsJson = False,
    camera: Annotated[
        bool, typer.Option("--camera", help="Open the camera with each pipeline, some seconds each, and measure.")
    ] = False,
    udev_rule: Annotated[
        bool, typer.Option("--udev-rule", help="Print the rule by which udev lets the daemon open a Kinect, and stop.")
    ] = False,
) -> None:
    """Check the program, the camera and its driver, the networks and the desktop, and say how to mend each fault.

    Changes nothing, and works on a machine that has nothing. A camera's library is only ever loaded in a process of
    its own; the camera is opened only with --camera. Exit code 0: nothing failed; 1: something did.
    """
    if udev_rule:
        rule = resources.files("kinect_unlock") / "data" / RULES_FILE
        typer.echo(rule.read_text(encoding="utf-8"), nl=False)
        return
    checks = sorted(_examined(file, camera=camera), key=lambda check: list(Section).index(check.section))
    state = worst(checks)
    if as_json:
        first = first_to_mend(checks)
        print_json({"worst": state, "first": first and asdict(first), "checks": [asdict(check) for check in checks]})
    else:
        Console(highlight=False).print(_shown(checks))
    if state is State.FAILED:
        raise typer.Exit(1)


def this_computer() -> Place:
    """Return what is looked at; tests look at a folder of their own."""
    return Place()


def _examined(file: Path | None, *, camera: bool) -> Iterator[Check]:
    """Look at one thing after the other, and tell on standard error how far it is."""
    columns, console = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()), Console(stderr=True)
    shown = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    with _unlogged(), shown as progress:
        task = progress.add_task("looking at this machine", total=None)

        def opening(what: str, done: float) -> None:
            progress.update(task, description=what, total=1.0, completed=done)

        for check in examine(file, this_computer(), opening=opening if camera else None):
            progress.update(task, description=f"looking at this machine: {check.name}")
            yield check


@contextmanager
def _unlogged() -> Iterator[None]:
    """Keep our own log lines off the table: what they tell is in a check."""
    logger, silence = logging.getLogger("kinect_unlock"), logging.NullHandler()
    logger.addHandler(silence)
    try:
        yield
    finally:
        logger.removeHandler(silence)


def _shown(checks: list[Check]) -> Group:
    """Lay the checks out for 80 columns by section, and below them what to do first."""
    parts: list[RenderableType] = []
    for section in Section:
        found = [check for check in checks if check.section is section]
        if found:
            parts.append(Rule(Text(section, style="bold"), align="left", style="dim"))
        for check in found:
            parts += _row(check)
    return Group(*parts, Rule(style="dim"), _conclusion(checks))


def _row(check: Check) -> Iterator[RenderableType]:
    """Show one check; the next step has lines of its own, so that a command is broken less often."""
    word, style = _LOOKS[check.state]
    columns = (Column(width=_STATE_CHARS), Column(width=_NAME_CHARS), Column(overflow="fold"))
    table = Table(*columns, box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_row(Text(word, style=style), Text(check.name, style="bold"), Text(check.evidence))
    yield table
    if check.next_step:
        arrow = Column(width=len("-> "))
        step = Table(arrow, Column(overflow="fold"), box=None, show_header=False, pad_edge=False, padding=0)
        step.add_row(Text("->", style="cyan"), Text(check.next_step, style="cyan"))
        yield Padding(step, (0, 0, 0, _STATE_CHARS + 1))


def _conclusion(checks: list[Check]) -> Text:
    """Say in one sentence what to do first."""
    failed, first = sum(check.state is State.FAILED for check in checks), first_to_mend(checks)
    if first is None:
        notes = sum(check.state is State.NOTE for check in checks)
        return Text(f"Nothing failed; {notes} of {len(checks)} checks have a note.", style="green")
    what = f"{failed} of {len(checks)} checks failed. First, for {first.name}: "
    return Text.assemble((what, "bold red"), first.next_step or first.evidence)
