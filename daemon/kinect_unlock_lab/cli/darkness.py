"""``lab darkness``."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from kinect_unlock import networks
from kinect_unlock.cli.asking import ConfigFile, settings_of
from kinect_unlock_lab import darkness as study
from kinect_unlock_lab.cli.shared import Dataset, JsonFile, progress, write_json
from kinect_unlock_lab.datasets import Side

app = typer.Typer()


@app.command()
def darkness(
    dataset: Dataset,
    *,
    json_file: JsonFile = None,
    people: Annotated[Side, typer.Option(help="Half of the split by person.")] = Side.REPORT,
    file: ConfigFile = None,
) -> None:
    """Measure in how little light the detector finds faces, and whether the daemon can tell that it is dark."""
    settings = settings_of(file)
    with progress("samples", 1) as done:
        found = study.study(dataset, networks.detector(settings), settings.ranges.verify, people, on_done=done)
    Console(highlight=False).print(study.render(found))
    write_json(json_file, asdict(found))
