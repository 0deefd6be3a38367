"""``lab faults``, ``lab soak`` and ``lab bench-camera``: a camera's driver fails, for hours too, and what it costs."""

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from kinect_unlock import networks
from kinect_unlock.cli.asking import ConfigFile, settings_of
from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.recording import RecordingReader
from kinect_unlock_lab import camera_costs, camera_faults, camera_soak
from kinect_unlock_lab.cli.shared import JsonFile, progress, write_json
from kinect_unlock_lab.documents import Place
from kinect_unlock_lab.mapping import Workers

app = typer.Typer()


def _played(recording: Path | None) -> Path | None:
    """Refuse, as an option's callback, what no stand-in could play: its driver would be started again and again."""
    if recording is not None:
        RecordingReader(recording).close()
    return recording


Recording = Annotated[
    Path | None,
    typer.Option(
        "--recording",
        help="What the camera sees; by default the demo's owner.",
        exists=True,
        dir_okay=False,
        callback=_played,
    ),
]
MarkdownFile = Annotated[
    Path | None, typer.Option("--markdown", help="Put the tables into their place in this document.", exists=True)
]


def _place(document: Path | None, name: str) -> Place | None:
    """Look for the place before the work begins."""
    try:
        return None if document is None else Place(document, name)
    except ValueError as fault:
        raise typer.BadParameter(str(fault), param_hint="--markdown") from fault


def _show(place: Place | None, *tables: Table) -> None:
    console = Console(highlight=False)
    for view in tables:
        console.print(view)
    if place is not None:
        place.put(tables)


@app.command()
def faults(
    *,
    runs: Annotated[int, typer.Option(min=1, help="Of each fault.")] = 20,
    only: Annotated[str, typer.Option(help="Only faults with these words in their name.")] = "",
    jobs: Annotated[int, typer.Option(min=1, help="Runs at a time; they mostly wait.")] = 4,
    recording: Recording = None,
    json_file: JsonFile = None,
    markdown: MarkdownFile = None,
) -> None:
    """Do each thing that a camera's driver does wrong, and show what an attempt sees of it and how soon.

    The driver is the stand-in, in a child process; crashes are real signals. Nothing may be left behind: exit code 70
    where something is.
    """
    place = _place(markdown, "faults")
    chosen = [rehearsal for rehearsal in camera_faults.REHEARSALS if only in rehearsal.name]
    if not chosen:
        raise typer.BadParameter(f"no fault has {only!r} in its name", param_hint="--only")
    played = recording or folder_of_recordings() / "owner-returns.mkv"
    with progress("runs", runs * len(chosen)) as done:
        found = list(
            camera_faults.rehearse_all(played, runs=runs, workers=Workers(jobs), rehearsals=chosen, on_done=done)
        )
    _show(place, camera_faults.table(found))
    write_json(json_file, [msgspec.to_builtins(run) for run in found])
    if any(run.leftovers for run in found):
        raise typer.Exit(70)


@app.command()
def soak(
    *,
    minutes: Annotated[float, typer.Option(min=0.1, help="How long.")] = 60.0,
    mean_fault_s: Annotated[float, typer.Option(min=1.0, help="Seconds from fault to fault, on average.")] = 20.0,
    pause_s: Annotated[float, typer.Option(min=0.0, help="Seconds between attempts.")] = 0.0,
    recording: Recording = None,
    json_file: JsonFile = None,
    markdown: MarkdownFile = None,
    file: ConfigFile = None,
) -> None:
    """Ask a daemon all the time while its camera's driver fails at random; show what it answered and held.

    With a recording of an empty room the camera runs at its full rate and nothing is judged. Exit code 70 where
    something is left behind or an attempt got no answer.
    """
    place, folder = _place(markdown, "soak"), folder_of_recordings()
    with progress("seconds", int(minutes * 60)) as done:
        found = camera_soak.soak(
            settings_of(file),
            recording or folder / "owner-returns.mkv",
            folder / "owner-enrols.mkv",
            minutes=minutes,
            mean_fault_s=mean_fault_s,
            pause_s=pause_s,
            on_second=done,
        )
    _show(place, camera_soak.table(found))
    write_json(json_file, found.as_json())
    if found.leftovers or found.unanswered:
        raise typer.Exit(70)


@app.command()
def bench_camera(
    *,
    frames: Annotated[int, typer.Option(min=10, help="Frames of a block.")] = 60,
    blocks: Annotated[int, typer.Option(min=1, help="Blocks on either way, in turn.")] = 4,
    recording: Recording = None,
    json_file: JsonFile = None,
    markdown: MarkdownFile = None,
    file: ConfigFile = None,
) -> None:
    """Time a frame's way from the driver to the daemon, through a child and without one, and registering its depth.

    The driver is the stand-in with 1080p colour, 512x424 depth and infrared at 30 Hz. What it takes to play the
    recording is told apart and is in no other number.
    """
    place = _place(markdown, "costs")
    played = recording or folder_of_recordings() / "owner-returns.mkv"
    detector = networks.detector(settings_of(file))
    with progress("blocks", blocks) as done:
        costs = camera_costs.measure(played, detector, frames=frames, blocks=blocks, on_block=done)
    _show(place, *camera_costs.tables(costs))
    write_json(json_file, costs.as_json())
