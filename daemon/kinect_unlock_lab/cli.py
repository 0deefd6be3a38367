"""``kinect-unlock lab``: embed, evaluate, calibrate, liveness, trial, bench, render-demo."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import msgspec
import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from kinect_unlock import app as product
from kinect_unlock.cli.asking import ConfigFile, settings_of
from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.manifest import pick_threshold
from kinect_unlock.photographs import PhotographEncoder
from kinect_unlock_lab import bench as benchmark
from kinect_unlock_lab import calibrate as calibration
from kinect_unlock_lab import calibration_tables, liveness_report, trial_report
from kinect_unlock_lab import embed as embedding
from kinect_unlock_lab import evaluate as evaluation
from kinect_unlock_lab import trial as trials
from kinect_unlock_lab.datasets import Sample, Side, load_lfw, load_rgbd_faces, split
from kinect_unlock_lab.protocols import Embedded

app = typer.Typer(
    no_args_is_help=True,
    help="The laboratory: measure the product on data sets, and render its demo. Needs the extra `lab`.",
)

Dataset = Annotated[
    Path, typer.Argument(help="A folder of RGB-D samples with index.csv.", exists=True, file_okay=False)
]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the figures here as JSON.")]


class Done(Protocol):
    """Is told how many are done in all, and how many there are if that changed."""

    def __call__(self, count: int, of: int = ..., /) -> None:
        """Take the count."""
        ...


@contextmanager
def _progress(what: str, total: int) -> Iterator[Done]:
    """Show a bar; what is yielded is told how many are done in all, and how many there are if that changed."""
    columns = (TextColumn(f"[bold]{what}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(what, total=total)

        def done(count: int, of: int = total) -> None:
            progress.update(task, completed=count, total=of)

        yield done


def _embedded(samples: tuple[Sample, ...], file: Path | None) -> Embedded:
    settings = settings_of(file)
    with _progress("embedding", len(samples)) as done:
        return embedding.embed(samples, product.detector(settings), product.encoder(settings), settings, on_done=done)


def _write_json(path: Path | None, figures: Any) -> None:  # noqa: ANN401 - whatever is JSON
    if path is not None:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(figures)) + b"\n")


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
    embedded = _embedded(load_rgbd_faces(dataset), file)
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
    embedded = _embedded(chosen, file)
    near_frontal = np.array([sample.near_frontal for sample in chosen])
    settings = settings_of(file)
    systems = [(settings.models.encoder, embedded)]
    if reference:
        weights = product.model_store(settings).weights("rgbd-fused")
        vectors = embedding.reference_embeddings(chosen, product.detector(settings), weights)
        systems.append(("SFace by OpenCV", embedding.with_vectors(embedded, vectors)))
    rows = tuple(row for name, system in systems for row in evaluation.evaluate(system, near_frontal, system=name))
    Console(highlight=False).print(evaluation.table(rows))
    _write_json(json_file, {"dataset": dataset.name, "people": people, "rows": evaluation.as_json(rows)})


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
    kinect = calibration.looks_of_samples(samples, _embedded(samples, file))
    images = load_lfw(photographs)
    with _progress("photographs", len(images)) as done:
        encoder = PhotographEncoder(product.detector(settings), product.encoder(settings))
        lfw = calibration.looks_of_photographs(images, encoder, done)
    with _progress("protocols", 1) as done:
        found = calibration.calibrate(lfw, kinect, calibration.tune_half(samples), on_done=done)
    console = Console(highlight=False)
    console.print(calibration_tables.table(found))
    console.print(calibration_tables.summary(found))
    _write_json(json_file, calibration.as_json(found))


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
    with _progress("samples and prints", 1) as done:
        study = liveness_report.report(dataset, product.detector(settings), config=settings, side=people, progress=done)
    Console(highlight=False).print(liveness_report.render(study))
    _write_json(json_file, asdict(study))


@app.command()
def trial(
    dataset: Dataset,
    *,
    json_file: JsonFile = None,
    votes: Annotated[int, typer.Option(min=1, help="Frames of the owner that an attempt needs.")] = 1,
    jobs: Annotated[int, typer.Option(min=1, help="Daemons at a time.")] = 2,
    file: ConfigFile = None,
) -> None:
    """Enrol everybody through the daemon's socket with three captures, and let everybody try to be everybody.

    Stills are no stream: checks for jumps and for a span of time are off, and the report says so.
    """
    samples, settings = load_rgbd_faces(dataset), settings_of(file)
    embedded = _embedded(samples, file)
    turned_deg = np.hypot(embedded.yaw_deg, embedded.pitch_deg)
    people = trials.people_of(samples, turned_deg, trials.enrollable(embedded))
    total = len(people) * sum(1 for person in people if person.enrolled)
    with _progress("attempts", total) as done:
        outcomes = trials.run_trial(people, settings, votes_needed=votes, jobs=jobs, on_done=done)
    threshold = pick_threshold(product.model_store(settings).encoder, settings.match.far, settings.match.strategy)
    found = trial_report.report(
        people, outcomes, votes_needed=votes, threshold=threshold.cosine, not_as_shipped=trials.NOT_AS_SHIPPED
    )
    Console(highlight=False).print(trial_report.table(found))
    _write_json(json_file, trial_report.as_json(found))


@app.command()
def bench(
    *,
    rounds: Annotated[int, typer.Option(min=10, help="Frames to time.")] = 60,
    json_file: JsonFile = None,
    file: ConfigFile = None,
) -> None:
    """Time every stage on 1080p colour and 512x424 depth, one thread, and starting the daemon."""
    settings = settings_of(file)
    recording = folder_of_recordings() / "owner-enrols.mkv"
    with _progress("rounds", rounds) as done:
        networks = product.detector(settings), product.encoder(settings)
        report = benchmark.bench(recording, *networks, settings, rounds=rounds, on_round=done)
    Console(highlight=False).print(benchmark.table(report))
    _write_json(json_file, report.as_json())


@app.command("render-demo")
def render_demo(
    model: Annotated[Path, typer.Argument(help="The head model, ict_facekit.npz (ICT-FaceKit, MIT).", exists=True)],
    folder: Annotated[Path, typer.Argument(help="Where to write the recordings and demo.yaml.", file_okay=False)],
    *,
    picture: Annotated[Path | None, typer.Option(help="Also write the README's picture here, as PNG.")] = None,
) -> None:
    """Render the demo's recordings again, in about seven minutes; the same seeds give the same frames."""
    from kinect_unlock_lab import demo_picture, demo_recordings  # noqa: PLC0415 - the renderer loads only where used

    folder.mkdir(parents=True, exist_ok=True)
    with _progress("recordings", len(demo_recordings.SCRIPTS)) as done:
        written: list[Path] = []

        def more(path: Path) -> None:
            written.append(path)
            done(len(written))

        demo_recordings.write_all(model, folder, more)
    if picture is not None:
        demo_picture.write_picture(model, picture)
