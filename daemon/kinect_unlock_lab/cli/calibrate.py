"""``lab calibrate``."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from kinect_unlock import networks
from kinect_unlock.cli.asking import ConfigFile, settings_of
from kinect_unlock.photographs import PhotographEncoder
from kinect_unlock.settings import Config
from kinect_unlock_lab import calibrate as calibration
from kinect_unlock_lab import calibration_tables, depth_calibration, depth_fitness, vote_tables
from kinect_unlock_lab.cli.shared import Dataset, JsonFile, embed_samples, progress, write_json
from kinect_unlock_lab.datasets import Sample, load_lfw, load_rgbd_faces
from kinect_unlock_lab.depth_calibration import calibrate_depth
from kinect_unlock_lab.depth_maps import depth_maps
from kinect_unlock_lab.protocols import Bools, Embedded
from kinect_unlock_lab.votes import faces_of, has_depth

app = typer.Typer()


@app.command()
def calibrate(
    dataset: Dataset,
    photographs: Annotated[Path, typer.Argument(help="A folder of <Name>/<Name>_NNNN.jpg (LFW).", exists=True)],
    *,
    json_file: JsonFile = None,
    file: ConfigFile = None,
) -> None:
    """Find the thresholds for the manifest's calibration tables, and what evidence there is for each.

    The first half's rows are for false accept rates, from photographs and RGB-D faces; the depth half's, by distance,
    are for what they cost owners, from RGB-D faces alone.
    """
    samples, settings = load_rgbd_faces(dataset), settings_of(file)
    embedded, tune = embed_samples(samples, file), calibration.tune_half(samples)
    console = Console(highlight=False)
    depth = _depth(console, samples, embedded, tune, settings)
    images = load_lfw(photographs)
    with progress("photographs", len(images)) as done:
        encoder = networks.encoder(settings)
        faces = PhotographEncoder(networks.detector(settings), encoder)
        lfw = calibration.looks_of_photographs(images, faces, encoder.halves, done)
    kinect = calibration.looks_of_samples(samples, embedded)
    with progress("protocols", 1) as done:
        found = calibration.calibrate(lfw, kinect, tune, on_done=done)
    console.print(calibration_tables.table(found))
    console.print(calibration_tables.summary(found))
    write_json(json_file, {**calibration.as_json(found), "depth": depth})


def _depth(
    console: Console, samples: tuple[Sample, ...], embedded: Embedded, tune: Bools, settings: Config
) -> dict[str, Any] | None:
    """Find what depth must reach and when it is fit to vote; None for an encoder without a depth half."""
    if "depth" not in {half.name for half in embedded.halves}:
        return None
    with progress("depth maps", len(samples)) as done:
        maps = depth_maps(samples, networks.detector(settings), on_done=done)
    faces, anyhow = faces_of(samples, embedded), faces_of(samples, embedded, may_vote=has_depth(embedded))
    try:
        bounds = depth_fitness.measured(anyhow.where(tune), embedded.where(tune), maps.where(tune))
        console.print(vote_tables.fitness(bounds))
        with progress("depth vote", 1) as done:
            found = calibrate_depth(faces, tune, on_done=done)
    except ValueError as fault:
        console.print(f"no thresholds of depth: {fault}")
        return None
    console.print(vote_tables.depth_rows(found))
    return {**depth_calibration.as_json(found), "fitness": [asdict(one) for one in bounds]}
