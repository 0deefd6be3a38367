"""``lab synthesise`` and ``lab compare-synthesis``."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from kinect_unlock import networks
from kinect_unlock.cli.asking import ConfigFile, settings_of
from kinect_unlock_lab.cli.shared import Dataset, JsonFile, new_file, progress, write_json
from kinect_unlock_lab.datasets import Side, load_rgbd_faces, split
from kinect_unlock_lab.mapping import Workers, mapped

if TYPE_CHECKING:
    from kinect_unlock_lab.synthesis.shards import ShardWriter

app = typer.Typer()

HeadModelFile = Annotated[
    Path, typer.Argument(help="The head model: ict_facekit.npz, or one in our own form.", exists=True, dir_okay=False)
]
Out = Annotated[Path, typer.Argument(help="The folder for the set; one that was begun is gone on with.")]
Jobs = Annotated[int, typer.Option(min=1, help="Processes of this machine.")]
Cluster = Annotated[str | None, typer.Option("--dask", help="Compute on the Dask cluster at this address instead.")]


@app.command()
def synthesise(
    head_model: HeadModelFile,
    out: Out,
    *,
    people: Annotated[int, typer.Option(min=1, help="People to invent.")] = 4000,
    looks: Annotated[int, typer.Option(min=1, help="Samples of each.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same bytes, with any number of jobs.")] = 1,
    quantised: Annotated[
        float, typer.Option(min=0, max=1, help="Share of samples in steps of 4 mm, beyond 1024 mm of 8.")
    ] = 0.5,
    jobs: Jobs = 1,
    dask: Cluster = None,
) -> None:
    """Invent people, look at them with the model of a depth camera, and keep what the product makes of it.

    Writes shards of frontalised residual maps with person, distance, angles, fit and coverage, and set.json, which
    names the head model, its authors' project and licence. Interrupted, it goes on where it was; on a cluster the
    folder and the head model must be where all workers see them.
    """
    from kinect_unlock_lab.synthesis import depth_faces, shards  # noqa: PLC0415 - needs the extra; compiles

    described = depth_faces.describe(head_model, people=people, looks=looks, seed=seed, quantised_share=quantised)
    writer = shards.open_writer(out, described)
    plan = depth_faces.DepthPlan(head_model.absolute(), writer)
    produce(partial(depth_faces.make_shard, plan), writer, Workers(jobs, dask))


@app.command("compare-synthesis")
def compare_synthesis(
    samples: Annotated[Path, typer.Argument(help="A set by lab synthesise; best one with --quantised 1.")],
    dataset: Dataset,
    *,
    people: Annotated[
        Literal["tune", "report"], typer.Option(help="Half of the real people; tune by tune alone.")
    ] = "tune",
    json_file: JsonFile = None,
    picture: Annotated[
        Path | None,
        typer.Option(
            help="Also draw maps of both here, as PNG. It shows people's faces: keep it private.",
            dir_okay=False,
            callback=new_file,
        ),
    ] = None,
    file: ConfigFile = None,
) -> None:
    """Compare invented residual maps with real ones, by distance: spread within and between people, band by band."""
    from kinect_unlock_lab.depth_maps import depth_maps  # noqa: PLC0415 - needs the extra
    from kinect_unlock_lab.synthesis import realism, shards  # noqa: PLC0415 - needs the extra

    chosen = tuple(s for s in load_rgbd_faces(dataset) if split(s.person) is Side(people))
    with progress("real faces", len(chosen)) as done:
        found = depth_maps(chosen, networks.detector(settings_of(file)), on_done=done)
    found = found.where(found.acquired)
    real = realism.Maps(*(getattr(found, name) for name in realism.Maps.__slots__))
    invented = realism.of_set(shards.read_set(samples))
    rows = realism.compare(real, invented)
    Console(highlight=False, width=140).print(realism.table(rows))
    write_json(json_file, {"bands_mm": realism.BANDS, "people": people, "groups": rows})
    if picture is not None:
        realism.picture(real, invented).savefig(picture, dpi=110)


def produce(make: Callable[[int], int], writer: "ShardWriter", workers: Workers) -> None:
    """Make the shards that a set lacks, showing a bar and samples a second, and say what there is then."""
    missing = writer.missing()
    console = Console(highlight=False, stderr=True)
    began, samples = monotonic(), 0
    with _bar(console, writer.description.shards, writer.description.shards - len(missing)) as done:
        for rows in mapped(make, missing, workers):
            samples += rows
            done(samples / (monotonic() - began))
    speed = f", {samples / (monotonic() - began):.0f} samples/s" if missing else ""
    console.print(f"{writer.folder}: {writer.description.shards} shards, {samples} new samples{speed}")


@contextmanager
def _bar(console: Console, shards: int, already: int) -> Iterator[Callable[[float], None]]:
    """Show a bar over shards; what is yielded is told after each how many samples a second there were."""
    columns = (TextColumn("[bold]shards"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[speed]}"))
    with Progress(*columns, TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task("shards", total=shards, completed=already, speed="")

        def done(samples_per_s: float) -> None:
            bar.update(task, advance=1, speed=f"{samples_per_s:.0f} samples/s")

        yield done
