"""``lab embed`` and ``lab evaluate``."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer
from rich.console import Console

from kinect_unlock import __version__
from kinect_unlock.cli.asking import ConfigFile, settings_of
from kinect_unlock.errors import RequestError
from kinect_unlock_lab import embed as embedding
from kinect_unlock_lab import evaluate as evaluation
from kinect_unlock_lab import report_text
from kinect_unlock_lab.cli.shared import Dataset, JsonFile, embed_samples, progress, write_json
from kinect_unlock_lab.datasets import Side, load_rgbd_faces, split
from kinect_unlock_lab.dimming import AS_IT_IS, DIM
from kinect_unlock_lab.evaluate import Plan
from kinect_unlock_lab.kinds import kind_of
from kinect_unlock_lab.listed_pairs import read_pairs
from kinect_unlock_lab.mapping import Workers
from kinect_unlock_lab.report import Report, Subject

app = typer.Typer()

People: TypeAlias = Literal["all", "tune", "report"]


@app.command()
def embed(
    dataset: Dataset,
    *,
    out: Annotated[Path, typer.Option(help="Where to write the arrays, by custom ending in .npz.")],
    file: ConfigFile = None,
) -> None:
    """Embed every sample of a data set with the daemon's own pipeline.

    The archive holds, in the order of index.csv: embeddings f32[N,D] (zeros where not acquired), person, sample, place,
    acquired, liveness (verdict), seen (what the daemon would have made of it), whether depth may vote, yaw, pitch, roll
    and distance, and what groups are made of: face width, hair and light.
    """
    embedded = embed_samples(load_rgbd_faces(dataset), file)
    embedding.save(embedded, out)
    Console(highlight=False).print(f"{out}: {int(embedded.acquired.sum())} of {len(embedded.acquired)} acquired")


@app.command()
def evaluate(
    dataset: Annotated[
        Path,
        typer.Argument(
            help="A folder: RGB-D with index.csv, VAP, recordings, or photographs.", exists=True, file_okay=False
        ),
    ],
    *,
    system: Annotated[
        list[str] | None,
        typer.Option(
            help="What to measure, as often as you like: an encoder of the manifest, sface (its colour half alone), "
            "opencv-sface, dlib, or the path of an .onnx file. By default the configured encoder and opencv-sface."
        ),
    ] = None,
    people: Annotated[People, typer.Option(help="All, or a half of the split by person.")] = "all",
    enrolled: Annotated[int, typer.Option(min=1, help="Samples that a template is made of.")] = 3,
    frames: Annotated[int, typer.Option(min=1, max=4, help="Frames of the longest attempts.")] = 3,
    dim: Annotated[
        bool, typer.Option("--dim", help="Attempts in dim light too: colour x0.10 and x0.04, noise.")
    ] = False,
    against: Annotated[str, typer.Option(help="The system that every other is compared with, pair by pair.")] = "sface",
    rounds: Annotated[int, typer.Option(min=2, help="Rounds of drawing people, for intervals.")] = 200,
    jobs: Annotated[int, typer.Option(min=1, help="Processes of this machine.")] = 1,
    dask: Annotated[str | None, typer.Option(help="A Dask cluster instead, by its address: tcp://host:8786.")] = None,
    json_file: JsonFile = None,
    markdown: Annotated[Path | None, typer.Option(help="Write the tables here as Markdown.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write one self-contained page with plots here.")] = None,
    file: ConfigFile = None,
) -> None:
    """Measure how well people are told apart, without the daemon: pairs, templates and attempts, naming, groups.

    Several systems are measured on the same crops by the same protocols. Every rate has a 95 % interval by person, and
    none is given that the data cannot support. Nothing of what is written shows a person or a person's scores.
    """
    kind = kind_of(dataset)
    items = [item for item in kind.load(dataset) if people == "all" or split(item.person) is Side(people)]
    if not items:
        raise RequestError(f"{dataset}: nobody of it is in the half {people}")
    settings = settings_of(file)
    names = tuple(dict.fromkeys(system or (settings.models.encoder, "opencv-sface")))
    plan = Plan(
        enrolled=enrolled,
        frames=tuple(range(1, frames + 1)),
        rounds=rounds,
        margin=settings.match.identify_margin,
        against=against if against in names else None,
        workers=Workers(jobs, dask),
    )
    lights = (AS_IT_IS, *DIM) if dim and kind.has_depth else (AS_IT_IS,)
    lit = {light: _embedded(embedding.Study(settings, names, light), items, plan.workers) for light in lights}
    bright = lit.pop(AS_IT_IS)
    plan = replace(plan, listed=read_pairs(dataset, next(iter(bright.values())).embedded.sample))
    with progress("systems", len(names)) as done:
        findings = evaluation.evaluate(bright, plan, dimmed=lit, on_done=done)
    count = len({item.person for item in items})
    subject = Subject(dataset.name, kind.name, people, count, len(items), enrolled, __version__)
    _write(Report(subject, findings), json_file, markdown, html)


def _embedded(
    study: embedding.Study, items: Sequence[embedding.Item], workers: Workers
) -> Mapping[str, embedding.Measured]:
    name = "embedding" if study.light is AS_IT_IS else f"embedding, {study.light.name}"
    with progress(name, len(items)) as done:
        found = embedding.side_by_side(study, items, workers, on_done=done)
    return {Path(name).stem if name.endswith(".onnx") else name: one for name, one in found.items()}


def _write(report: Report, json_file: Path | None, markdown: Path | None, html: Path | None) -> None:
    Console(highlight=False).print(report_text.view(report))
    write_json(json_file, report.as_json())
    if markdown is not None:
        markdown.write_text(report_text.markdown(report), encoding="utf-8")
    if html is not None:
        from kinect_unlock_lab.report_page import page  # noqa: PLC0415 - draws, which takes a second to load

        html.write_text(page(report), encoding="utf-8")
