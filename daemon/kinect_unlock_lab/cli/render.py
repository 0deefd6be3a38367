"""``lab render-demo`` and ``lab render-gestures``."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from kinect_unlock_lab.cli.shared import new_file, progress

app = typer.Typer()


@app.command("render-demo")
def render_demo(
    model: Annotated[Path, typer.Argument(help="The head model, ict_facekit.npz (ICT-FaceKit, MIT).", exists=True)],
    folder: Annotated[Path, typer.Argument(help="Where to write the recordings and demo.yaml.", file_okay=False)],
    *,
    picture: Annotated[
        Path | None,
        typer.Option(help="Also write the README's picture here, as PNG.", dir_okay=False, callback=new_file),
    ] = None,
) -> None:
    """Render the demo's recordings again, in about seven minutes; the same seeds give the same frames."""
    from kinect_unlock_lab import demo_picture, demo_recordings  # noqa: PLC0415 - the renderer loads only where used

    _write(folder, len(demo_recordings.SCRIPTS), partial(demo_recordings.write_all, model))
    if picture is not None:
        demo_picture.write_picture(model, picture)


@app.command("render-gestures")
def render_gestures(
    model: Annotated[Path, typer.Argument(help="The head model, ict_facekit.npz (ICT-FaceKit, MIT).", exists=True)],
    folder: Annotated[Path, typer.Argument(help="Where to write the recordings.", file_okay=False)],
) -> None:
    """Render the demo's owner nodding and shaking the head, for the tests of logins that want a nod."""
    from kinect_unlock_lab import gestures  # noqa: PLC0415 - the renderer loads only where used

    _write(folder, len(gestures.SCRIPTS), partial(gestures.write_all, model))


def _write(folder: Path, count: int, write_all: Callable[[Path, Callable[[Path], None]], None]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with progress("recordings", count) as done:
        written: list[Path] = []

        def more(path: Path) -> None:
            written.append(path)
            done(len(written))

        write_all(folder, more)
