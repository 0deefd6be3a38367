"""``lab train-depth`` and ``lab evaluate-depth``: the depth half of `rgbd-fused`."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from kinect_unlock import networks
from kinect_unlock.cli.asking import ConfigFile, settings_of
from kinect_unlock_lab.cli.shared import Dataset, JsonFile, new_file, progress, write_json
from kinect_unlock_lab.datasets import load_rgbd_faces

app = typer.Typer()

Network = Annotated[Path, typer.Argument(help="A depth half as an ONNX file.", exists=True, dir_okay=False)]


@app.command("train-depth")
def train_depth(
    recipe: Annotated[Path, typer.Argument(help="A recipe, such as models/training/depth-lda.yaml.", exists=True)],
    *,
    samples: Annotated[
        Path, typer.Option("--set", help="A set of depth maps from `lab synthesise`.", exists=True, file_okay=False)
    ],
    out: Annotated[Path, typer.Option(help="The ONNX file to write.", dir_okay=False, callback=new_file)],
) -> None:
    """Train the depth half on synthetic people and export it to ONNX.

    The exported file is run by ONNX Runtime and compared with NumPy before it is put in place. Same recipe and set:
    same weights, up to the rounding of the linear algebra library.
    """
    from kinect_unlock_lab.synthesis.shards import read_set  # noqa: PLC0415 - loaded when it is needed
    from kinect_unlock_lab.training import depth_half  # noqa: PLC0415 - scipy and onnx take half a second to load

    told = depth_half.load_depth_recipe(recipe)
    found = read_set(samples)
    with progress("adding up", len(found)) as done:
        half = depth_half.train(found, told, on_done=done)
    written = depth_half.export(half, out)
    Console(highlight=False).print(
        f"{out}: {written.bytes / 1e6:.2f} MB, sha256 {written.sha256}\n{half.samples:,} samples of {half.people:,} "
        f"people; ONNX Runtime within {written.largest_difference:.1g} of NumPy, relative to the largest vector"
    )


@app.command("evaluate-depth")
def evaluate_depth(
    dataset: Dataset,
    network: Network,
    *,
    maps_file: Annotated[
        Path | None,
        typer.Option(
            "--maps", help="Keep the frontalised maps here, or take them from here.", dir_okay=False, callback=new_file
        ),
    ] = None,
    rounds: Annotated[int, typer.Option(min=10, help="Bootstrap rounds.")] = 200,
    json_file: JsonFile = None,
    file: ConfigFile = None,
) -> None:
    """Measure how well depth alone tells people apart: by pose, distance, hair and face width, beside no training.

    The maps show people: keep them out of the project.
    """
    from kinect_unlock_lab import depth_maps, depth_report  # noqa: PLC0415 - scipy takes half a second to load

    settings = settings_of(file)
    if maps_file is not None and maps_file.exists():
        maps = depth_maps.load(maps_file)
    else:
        chosen = load_rgbd_faces(dataset)
        with progress("frontalising", len(chosen)) as done:
            maps = depth_maps.depth_maps(chosen, networks.detector(settings), on_done=done)
        if maps_file is not None:
            depth_maps.save(maps, maps_file)
    vectors = depth_maps.vectors_of(maps, network)
    systems = {
        network.stem: depth_report.cosines(vectors, maps.acquired),
        "difference of maps, untrained": depth_report.untrained(maps),
    }
    gate = settings.ranges.verify
    figures = {name: depth_report.depth_rows(maps, scores, gate, rounds=rounds) for name, scores in systems.items()}
    for name, rows in figures.items():
        Console(highlight=False).print(depth_report.table(name, rows))
    acquired = int(np.count_nonzero(maps.acquired))
    Console(highlight=False).print(
        f"{acquired} of {len(maps.acquired)} samples have a map; a missing one counts as a rejection. "
        "Pairs of one year; 95 % intervals by person"
    )
    write_json(json_file, {name: depth_report.as_json(rows) for name, rows in figures.items()})
