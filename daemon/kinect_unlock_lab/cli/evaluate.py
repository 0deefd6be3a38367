"""``lab embed`` and ``lab evaluate``."""

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import typer
from rich.console import Console

from kinect_unlock import app as product
from kinect_unlock.cli.asking import ConfigFile, settings_of
from kinect_unlock_lab import embed as embedding
from kinect_unlock_lab import evaluate as evaluation
from kinect_unlock_lab.cli.shared import Dataset, JsonFile, embed_samples, write_json
from kinect_unlock_lab.datasets import Side, load_rgbd_faces, split

app = typer.Typer()


@app.command()
def embed(
    dataset: Dataset,
    *,
    out: Annotated[Path, typer.Option(help="Where to write the arrays, by custom ending in .npz.")],
    file: ConfigFile = None,
) -> None:
    """Embed every sample of a data set with the daemon's own pipeline.

    The archive holds, in the order of index.csv: embeddings f32[N,D] (zeros where not acquired), person, sample,
    acquired, liveness (verdict), seen (what the daemon would have made of it), yaw, pitch, roll and distance.
    """
    embedded = embed_samples(load_rgbd_faces(dataset), file)
    embedding.save(embedded, out)
    Console(highlight=False).print(f"{out}: {int(embedded.acquired.sum())} of {len(embedded.acquired)} acquired")


@app.command()
def evaluate(
    dataset: Dataset,
    *,
    json_file: JsonFile = None,
    people: Annotated[
        Literal["all", "tune", "report"], typer.Option(help="All, or a half of the split by person.")
    ] = "all",
    reference: Annotated[bool, typer.Option(help="Also measure OpenCV's own SFace on the same landmarks.")] = True,
    file: ConfigFile = None,
) -> None:
    """Measure how well people are told apart, without the daemon: EER and TAR at FAR, pairs and templates of three."""
    chosen = tuple(s for s in load_rgbd_faces(dataset) if people == "all" or split(s.person) is Side(people))
    embedded = embed_samples(chosen, file)
    near_frontal = np.array([sample.near_frontal for sample in chosen])
    settings = settings_of(file)
    systems = [(settings.models.encoder, embedded)]
    if reference:
        weights = product.model_store(settings).weights("rgbd-fused")
        vectors = embedding.reference_embeddings(chosen, product.detector(settings), weights)
        systems.append(("SFace by OpenCV", embedding.with_vectors(embedded, vectors)))
    rows = tuple(row for name, system in systems for row in evaluation.evaluate(system, near_frontal, system=name))
    Console(highlight=False).print(evaluation.table(rows))
    write_json(json_file, {"dataset": dataset.name, "people": people, "rows": evaluation.as_json(rows)})
