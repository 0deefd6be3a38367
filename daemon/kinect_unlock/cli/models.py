"""``kinect-unlock models``: which networks there are, building them, and checking every file."""

from collections.abc import Callable
from dataclasses import asdict

import msgspec
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column, Table

from kinect_unlock import networks
from kinect_unlock.choices import Choice
from kinect_unlock.choosing import choose
from kinect_unlock.cli.asking import AsJson, ConfigFile, print_json, settings_of
from kinect_unlock.errors import ModelError
from kinect_unlock.manifest import EYES
from kinect_unlock.models import ModelStore

app = typer.Typer(no_args_is_help=True, help="List the networks, build them ready for use, or check every file.")


def _store(file: ConfigFile) -> ModelStore:
    return networks.model_store(settings_of(file))


@app.command("list")
def show_list(*, file: ConfigFile = None, as_json: AsJson = False) -> None:
    """List every network of the manifest: what votes, whether it may unlock, which build; * is configured.

    Below an encoder's name stands its embedding space, which templates are bound to.
    """
    rows = _store(file).listing()
    if as_json:
        print_json([msgspec.to_builtins(row) for row in rows])
        return
    table = _table("", "network", "votes", "unlocks", "build", "licence")
    table.pad_edge = table.show_edge = False
    table.collapse_padding = True
    for column in table.columns[2:]:
        column.no_wrap = True  # names have 80 columns to be whole in; in fewer they are folded, not everything else
    for row in rows:
        unlock = "-" if row.model_id is None else _yes(row.unlock)
        mark = "[green]*[/]" if row.chosen else ""
        names = row.name if row.model_id is None else f"{row.name}\n[dim]{escape(row.model_id)}[/]"
        table.add_row(mark, names, ", ".join(row.votes) or "-", unlock, row.build or "not built", row.licence)
    Console(highlight=False).print(table)


@app.command()
def build(*, file: ConfigFile = None, as_json: AsJson = False) -> None:
    """Compose the configured networks, measure the encoder's builds on this processor and use the fastest.

    A build may be used only where its vectors are float32's, as far as the shipped synthetic faces tell; people who
    are enrolled stay enrolled. Do it again after an update of ONNX Runtime or OpenVINO, or on another processor: until
    then the encoder runs as float32.
    """
    store, settings = _store(file), settings_of(file)
    columns = (TextColumn("[bold]{task.fields[name]}"), BarColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True)) as progress:
        others = [settings.models.detector, *([EYES] if store.manifest.eyes else [])]
        paths = {other: store.build(other, _bar(progress, other)) for other in others}
        name = settings.models.encoder
        choice = choose(store, name, threads=settings.models.threads, progress=_bar(progress, name))
        paths[name] = store.build(name)
        for each, path in paths.items():
            progress.console.print(f"{each}: {path}", highlight=False, soft_wrap=True)
    if as_json:
        print_json(msgspec.to_builtins(choice))
    else:
        Console(highlight=False).print(_measurements(choice))


def _bar(progress: Progress, name: str) -> Callable[[str, float], None]:
    task = progress.add_task("", total=1.0, name=name)
    return lambda step, done: progress.update(task, description=step, completed=done)


def _measurements(choice: Choice) -> Group:
    """Lay a choice out for 80 columns: what was measured as a table, why a build was not as lines below it."""
    table = _table("", "build", "CPU ms p50", "p95", "lowest cosine")
    refused = [f"{row.build}: [yellow]{escape(row.refused)}[/]" for row in choice.measured if row.refused]
    for row in choice.measured:
        numbers = (row.cpu_p50_ms, row.cpu_p95_ms, row.cosine_min)
        mark = "[green]*[/]" if row.build == choice.chosen else ""
        shown = [
            "-" if number is None else f"{number:.{digits}f}" for number, digits in zip(numbers, (1, 1, 4), strict=True)
        ]
        table.add_row(mark, row.build, *shown)
    return Group(f"builds of [bold]{choice.network}[/] on this processor", table, *refused)


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
