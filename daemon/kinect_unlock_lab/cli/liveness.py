"""``lab liveness``."""

from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from kinect_unlock import app as product
from kinect_unlock.cli.asking import ConfigFile, settings_of
from kinect_unlock_lab import liveness_report
from kinect_unlock_lab.cli.shared import Dataset, JsonFile, progress, write_json
from kinect_unlock_lab.datasets import Side

app = typer.Typer()


@app.command()
def liveness(
    dataset: Dataset,
    *,
    json_file: JsonFile = None,
    people: Annotated[Side, typer.Option(help="Half of the split by person.")] = Side.REPORT,
    file: ConfigFile = None,
) -> None:
    """Measure what liveness costs real people (BPCER by cue) and what it stops of simulated prints (APCER)."""
    settings = settings_of(file)
    with progress("samples and prints", 1) as done:
        study = liveness_report.report(dataset, product.detector(settings), config=settings, side=people, progress=done)
    Console(highlight=False).print(liveness_report.render(study))
    write_json(json_file, asdict(study))
