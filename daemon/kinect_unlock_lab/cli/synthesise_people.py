"""``lab synthesise-people`` and ``lab calibration-faces``: invented people in colour and depth."""

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from kinect_unlock_lab.cli.shared import new_file
from kinect_unlock_lab.cli.synthesise import Cluster, HeadModelFile, Jobs, Out, produce
from kinect_unlock_lab.mapping import Workers

app = typer.Typer()

Light = Annotated[
    Literal["varied", "ordinary"],
    typer.Option(help="varied: down to 1/25 of the light, 30 degrees, 0.45-1.3 m; ordinary: a lit room, near frontal."),
]


@app.command()
def synthesise_people(
    head_model: HeadModelFile,
    out: Out,
    *,
    people: Annotated[int, typer.Option(min=1, help="People to invent.")] = 2000,
    looks: Annotated[int, typer.Option(min=1, help="Pictures of each.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same bytes, with any number of jobs.")] = 1,
    light: Light = "varied",
    jobs: Jobs = 1,
    dask: Cluster = None,
) -> None:
    """Invent people with skin, hair and glasses of our own painting, photograph them, and keep the encoder's crops.

    Writes shards of 112 x 112 crops in colour and registered depth, cut by the product's own crop, with person,
    distance, angles and light, and set.json, which names the head model, its authors' project and licence.
    Interrupted, it goes on where it was; on a cluster the folder and the head model must be where all workers see them.
    """
    from kinect_unlock_lab.synthesis import people_set, shards  # noqa: PLC0415 - needs the extra; compiles
    from kinect_unlock_lab.synthesis.head_files import source_of  # noqa: PLC0415 - the same

    described = people_set.describe(source_of(head_model), people=people, looks=looks, seed=seed, light=light)
    writer = shards.open_writer(out, described)
    plan = people_set.PeoplePlan(head_model.absolute(), writer)
    produce(partial(people_set.make_shard, plan), writer, Workers(jobs, dask))


@app.command()
def calibration_faces(
    head_model: HeadModelFile,
    out: Annotated[
        Path,
        typer.Argument(help="The archive to write, models/calibration-faces.npz.", dir_okay=False, callback=new_file),
    ],
    *,
    faces: Annotated[int, typer.Option(min=1, help="People, one picture of each.")] = 36,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same faces.")] = 64,
) -> None:
    """Make the faces from which `lab int8-ranges` takes the ranges of 8-bit networks; they show nobody."""
    from kinect_unlock_lab.synthesis import calibration_faces as crops  # noqa: PLC0415 - needs the extra; compiles

    written = crops.write(head_model, out, faces=faces, seed=seed)
    typer.echo(f"{out}: {faces} faces, {written / 1e3:.0f} kB")
