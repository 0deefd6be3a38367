"""``lab mean-face``."""

from typing import Annotated

import typer

from kinect_unlock_lab.cli.synthesise import HeadModelFile

app = typer.Typer()


@app.command("mean-face")
def mean_face(
    head_model: HeadModelFile,
    *,
    people: Annotated[int, typer.Option(min=1, help="Random heads to average; the shipped table has 500.")] = 500,
    seed: Annotated[int, typer.Option(help="Of the random heads; the shipped table has 0.")] = 0,
) -> None:
    """Print the mean face as the two tables of `kinect_unlock.mean_face`, in tenths of a millimetre.

    The same model, number and seed give the same tables. Every depth vote is measured against them: a new table asks
    for a new depth half and new thresholds.
    """
    from kinect_unlock_lab.mean_face import mean_face_table  # noqa: PLC0415 - loads only where used
    from kinect_unlock_lab.synthesis.head_files import load_head  # noqa: PLC0415

    typer.echo(mean_face_table(load_head(head_model), people=people, seed=seed).source())
