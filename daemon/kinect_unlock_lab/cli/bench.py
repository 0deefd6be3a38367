"""``lab bench``."""

from typing import Annotated

import typer
from rich.console import Console

from kinect_unlock import app as product
from kinect_unlock.cli.asking import ConfigFile, settings_of
from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock_lab import bench as benchmark
from kinect_unlock_lab.cli.shared import JsonFile, progress, write_json

app = typer.Typer()


@app.command()
def bench(
    *,
    rounds: Annotated[int, typer.Option(min=10, help="Frames to time.")] = 60,
    json_file: JsonFile = None,
    file: ConfigFile = None,
) -> None:
    """Time every stage on 1080p colour and 512x424 depth, one thread, and starting the daemon."""
    settings = settings_of(file)
    recording = folder_of_recordings() / "owner-enrols.mkv"
    with progress("rounds", rounds) as done:
        networks = product.detector(settings), product.encoder(settings)
        report = benchmark.bench(recording, *networks, settings, rounds=rounds, on_round=done)
    Console(highlight=False).print(benchmark.table(report))
    write_json(json_file, report.as_json())
