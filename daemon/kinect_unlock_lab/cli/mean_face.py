"""``lab mean-face``."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command("mean-face")
def mean_face(
    model: Annotated[
        Path, typer.Argument(help="The head model, ict_facekit.npz (ICT-FaceKit, MIT).", exists=True, dir_okay=False)
    ],
    *,
    people: Annotated[int, typer.Option(min=1, help="Random heads to average; the shipped table has 500.")] = 500,
    seed: Annotated[int, typer.Option(help="Of the random heads; the shipped table has 0.")] = 0,
) -> None:
    """Print the mean face as the two tables of `kinect_unlock.mean_face`, in tenths of a millimetre.

    The same model, number and seed give the same tables. Every depth vote is measured against them: a new table asks
    for a new depth half and new thresholds.
    """
    from kinect_unlock_lab.head_model import load_head_model  # noqa: PLC0415 - loads only where used
    from kinect_unlock_lab.mean_face import mean_face_table  # noqa: PLC0415

    typer.echo(mean_face_table(load_head_model(model), people=people, seed=seed).source())
