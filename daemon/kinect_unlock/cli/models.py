"""``kinect-unlock models``: which networks there are, building them, and checking every file."""

from dataclasses import asdict

import msgspec
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column, Table

from kinect_unlock import app as composition
from kinect_unlock.cli.asking import AsJson, ConfigFile, print_json, settings_of
from kinect_unlock.errors import ModelError
from kinect_unlock.models import ModelStore

app = typer.Typer(no_args_is_help=True, help="List the networks, build them ready for use, or check every file.")


def _store(file: ConfigFile) -> ModelStore:
    return composition.model_store(settings_of(file))


@app.command("list")
def show_list(*, file: ConfigFile = None, as_json: AsJson = False) -> None:
    """List every network of the manifest: what votes, whether it may unlock, whether it is built; * is configured."""
    rows = _store(file).listing()
    if as_json:
        print_json([msgspec.to_builtins(row) for row in rows])
        return
    table = _table("", "network", "kind", "embedding space", "votes", "unlocks", "built", "licence")
    for row in rows:
        votes, space = ", ".join(row.votes) or "-", row.model_id or "-"
        unlock = "-" if row.model_id is None else _yes(row.unlock)
        mark = "[green]*[/]" if row.chosen else ""
        table.add_row(mark, row.name, row.kind, space, votes, unlock, _yes(row.built), row.licence)
    Console(highlight=False).print(table)


@app.command()
def build(*, file: ConfigFile = None) -> None:
    """Compose the configured networks now, so that the daemon's next start finds them ready."""
    store, settings = _store(file), settings_of(file)
    columns = (TextColumn("[bold]{task.fields[name]}"), BarColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True)) as progress:
        for name in (settings.models.detector, settings.models.encoder):
            task = progress.add_task("", total=1.0, name=name)

            def show(step: str, done: float, task: TaskID = task) -> None:
                progress.update(task, description=step, completed=done)

            path = store.build(name, show)
            progress.console.print(f"{name}: {path}", highlight=False, soft_wrap=True)


@app.command()
def verify(*, file: ConfigFile = None, as_json: AsJson = False) -> None:
    """Check every file of weights and every built network by its hash. Exit code 70: at least one is wrong."""
    checks = _store(file).verify()
    if as_json:
        print_json([{**asdict(check), "path": str(check.path), "ok": check.fault is None} for check in checks])
    else:
        table = _table("network", "part", "file", "")
        for check in checks:
            state = "[green]ok[/]" if check.fault is None else f"[red]{check.fault}[/]"
            table.add_row(check.name, check.part, check.path.name, state)
        Console(highlight=False).print(table)
    if any(check.fault for check in checks):
        raise typer.Exit(ModelError.exit_code)


def _table(*headings: str) -> Table:
    """Return a table in which nothing is cut off: names and hashes are there to be compared and copied."""
    return Table(*(Column(heading, overflow="fold") for heading in headings), box=SIMPLE_HEAD, padding=(0, 1))


def _yes(value: bool) -> str:  # noqa: FBT001 - a formatter's subject
    return "yes" if value else "no"
