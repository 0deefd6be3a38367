"""``kinect-unlock record``: frames of any source into one file that any player shows and the daemon can replay."""

import signal
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from kinect_unlock import app
from kinect_unlock.cli.asking import AsJson, ConfigFile, print_json, settings_of
from kinect_unlock.clock import SystemClock
from kinect_unlock.sources import recorder
from kinect_unlock.sources.base import FrameSource
from kinect_unlock.sources.stills import Shake, StillsSource

Purpose: TypeAlias = Literal["enrol", "verify"]


def record(
    path: Annotated[Path, typer.Argument(help="The new file, by custom ending in .mkv.")],
    *,
    file: ConfigFile = None,
    kind: Annotated[
        str | None, typer.Option("--source", help="Another source than the configured one: images, replay, ...")
    ] = None,
    where: Annotated[
        Path | None, typer.Option("--from", help="What that source reads: a folder of images, a recording.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=0.1, help="Stop after so long.")] = None,
    frames: Annotated[int | None, typer.Option(min=1, help="Stop after so many frames.")] = None,
    lossless: Annotated[
        bool, typer.Option("--lossless", help="Keep colour exactly (FFV1), at several times the size.")
    ] = False,
    jitter: Annotated[
        int, typer.Option("--jitter", min=0, help="images: so many moved and noisy copies of each still.")
    ] = 0,
    seed: Annotated[int, typer.Option(help="Fixes what --jitter draws.")] = 0,
    purpose: Annotated[
        Purpose | None, typer.Option(help="What it is for: `replay` enrols one made to enrol, and judges any other.")
    ] = None,
    against: Annotated[
        str | None, typer.Option(help="The enrolment in the same folder that `replay` is to judge it against.")
    ] = None,
    note: Annotated[str | None, typer.Option(help="A remark to keep in the file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Record until the source ends, a limit is reached, or Ctrl-C. Depth and infrared are kept bit for bit.

    A folder of images holds pairs NAME_rgb.png + NAME_depth.png and intrinsics.yaml. The file shows faces: it is
    created for you alone (mode 0600). The daemon itself never makes one.
    """
    settings = settings_of(file)
    changes = {name: value for name, value in (("kind", kind), ("path", where and str(where))) if value is not None}
    settings = msgspec.structs.replace(settings, source=msgspec.structs.replace(settings.source, **changes))
    source: FrameSource = app.source(settings)
    made_by: dict[str, object] = {"made_by": "kinect-unlock record"}
    made_by |= {k: v for k, v in (("note", note), ("purpose", purpose), ("against", against)) if v is not None}
    if jitter:
        shake = Shake(copies=jitter, seed=seed)
        source, made_by = StillsSource(source, shake), made_by | shake.provenance()
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True

    before = signal.signal(signal.SIGINT, stop)
    source.open()
    try:
        with _bar(quiet=as_json) as progress:
            task = progress.add_task("recording", total=frames, frames=0, dropped=0, gaps=0)

            def show(now: recorder.Progress) -> None:
                progress.update(task, completed=now.frames, frames=now.frames, dropped=now.dropped, gaps=now.gaps)

            done = recorder.record(
                source,
                path,
                clock=SystemClock(),
                provenance=made_by,
                limit=recorder.Limit(frames=frames, seconds=seconds),
                lossless_color=lossless,
                on_progress=show,
                stop=lambda: stopping,
            )
    finally:
        source.close()
        signal.signal(signal.SIGINT, before)
    _report(path, done, as_json=as_json)


def _bar(*, quiet: bool) -> Progress:
    counts = "{task.fields[frames]} frames, {task.fields[dropped]} dropped, {task.fields[gaps]} gaps"
    columns = (TextColumn("[bold]{task.description}"), BarColumn(), TextColumn(counts), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), disable=quiet)


def _report(path: Path, done: recorder.Progress, *, as_json: bool) -> None:
    if as_json:
        print_json({"path": str(path), **msgspec.to_builtins(done)})
        return
    lost = "none lost" if not done.dropped + done.gaps else f"{done.dropped} dropped, {done.gaps} gaps in time"
    size = f"{done.size_bytes / 1e6:.1f} MB"
    Console(highlight=False).print(f"{path}: {done.frames} frames in {done.seconds:.1f} s, {size}, {lost}")
