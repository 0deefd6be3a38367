"""``lab compare-builds`` and ``lab int8-ranges``: what the builds of ``models/builds.yaml`` rest on."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from kinect_unlock import networks
from kinect_unlock.cli.asking import ConfigFile, settings_of
from kinect_unlock_lab.cli.shared import JsonFile, progress, write_json

app = typer.Typer()


@app.command("compare-builds")
def compare_builds(
    dataset: Annotated[
        Path, typer.Argument(help="A folder of RGB-D samples with index.csv, or LFW's.", exists=True, file_okay=False)
    ],
    *,
    rounds: Annotated[int, typer.Option(help="Draws of people behind the intervals.", min=20)] = 200,
    json_file: JsonFile = None,
    file: ConfigFile = None,
) -> None:
    """Show what a faster build of the encoder costs: all pairs, against float32, differences with 95 % intervals.

    Two rows a build: with templates of the same build, and with templates that float32 enrolled.
    """
    from kinect_unlock.arrays import F32  # noqa: PLC0415
    from kinect_unlock.builds import permitted  # noqa: PLC0415 - `lab --help` needs none of this
    from kinect_unlock.encoder import FusedEncoder  # noqa: PLC0415
    from kinect_unlock.halves import half_vectors  # noqa: PLC0415
    from kinect_unlock_lab import compare_builds as comparing  # noqa: PLC0415
    from kinect_unlock_lab.datasets import load_lfw, load_rgbd_faces  # noqa: PLC0415

    settings = settings_of(file)
    store, name = networks.model_store(settings), settings.models.encoder
    entry = store.encoder
    if (dataset / "index.csv").exists():
        samples = load_rgbd_faces(dataset)
        count, images = len(samples), ((sample.person, sample.frame().color) for sample in samples)
    else:
        photographs = load_lfw(dataset)
        count, images = len(photographs), ((photograph.person, photograph.color()) for photograph in photographs)
    with progress("finding faces", count) as done:
        faces = comparing.faces_of(images, networks.detector(settings), on_done=done)
    vectors: dict[str, F32] = {}
    for build in permitted(entry):
        encoder = FusedEncoder(entry, store.compose(name, build), settings.models.threads)
        with progress(f"encoding as {build.name}", 1):
            vectors[build.name] = half_vectors(encoder.encode(faces.tensors), entry.layout)[entry.layout[0].name]
    rows = comparing.compare(vectors, faces.person, rounds=rounds)
    Console(highlight=False).print(comparing.as_table(rows))
    people, found = len(set(faces.person)), len(faces.person)
    Console(highlight=False).print(f"{found} faces of {people} people, {faces.missed} images without a face")
    figures = {"dataset": dataset.name, "faces": found, "people": people, "missed": faces.missed, "rounds": rounds}
    write_json(json_file, {**figures, "rows": [asdict(row) for row in rows]})


@app.command("int8-ranges")
def int8_ranges(
    faces: Annotated[
        Path, typer.Argument(help="An archive with `color` u8[N,112,112,3], RGB.", exists=True, dir_okay=False)
    ],
    *,
    file: ConfigFile = None,
) -> None:
    """Print a usual face's lowest and highest input of every layer that can be quantised, for models/builds.yaml.

    Give synthetic faces alone: what ships must not be drawn from people who are evaluated.
    """
    import numpy as np  # noqa: PLC0415 - `lab --help` needs none of this

    from kinect_unlock_lab.archives import reading  # noqa: PLC0415
    from kinect_unlock_lab.observing import layer_ranges  # noqa: PLC0415

    settings = settings_of(file)
    store = networks.model_store(settings)
    with reading(faces, "no faces can be read", "lab calibration-faces makes such a file") as archive:
        planes = archive["color"].astype(np.float32).transpose(0, 3, 1, 2)
    for name, (low, high) in layer_ranges(store.weights(settings.models.encoder), planes).items():
        print(f"      {name}: [{low:.4f}, {high:.4f}]")
