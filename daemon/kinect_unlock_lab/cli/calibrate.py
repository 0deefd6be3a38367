"""``lab calibrate``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from kinect_unlock import app as product
from kinect_unlock.cli.asking import ConfigFile, settings_of
from kinect_unlock.photographs import PhotographEncoder
from kinect_unlock_lab import calibrate as calibration
from kinect_unlock_lab import calibration_tables
from kinect_unlock_lab.cli.shared import Dataset, JsonFile, embed_samples, progress, write_json
from kinect_unlock_lab.datasets import load_lfw, load_rgbd_faces

app = typer.Typer()


@app.command()
def calibrate(
    dataset: Dataset,
    photographs: Annotated[Path, typer.Argument(help="A folder of <Name>/<Name>_NNNN.jpg (LFW).", exists=True)],
    *,
    json_file: JsonFile = None,
    file: ConfigFile = None,
) -> None:
    """Find the thresholds for the manifest's calibration table, and what evidence there is for each."""
    samples, settings = load_rgbd_faces(dataset), settings_of(file)
    kinect = calibration.looks_of_samples(samples, embed_samples(samples, file))
    images = load_lfw(photographs)
    with progress("photographs", len(images)) as done:
        encoder = PhotographEncoder(product.detector(settings), product.encoder(settings))
        lfw = calibration.looks_of_photographs(images, encoder, done)
    with progress("protocols", 1) as done:
        found = calibration.calibrate(lfw, kinect, calibration.tune_half(samples), on_done=done)
    console = Console(highlight=False)
    console.print(calibration_tables.table(found))
    console.print(calibration_tables.summary(found))
    write_json(json_file, calibration.as_json(found))
