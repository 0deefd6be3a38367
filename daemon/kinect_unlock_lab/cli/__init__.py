"""``kinect-unlock lab``: one module a group of verbs; each has an ``app`` whose commands join this one."""

import typer

from kinect_unlock_lab.cli import (
    article,
    bench,
    builds,
    calibrate,
    evaluate,
    liveness,
    mean_face,
    plot,
    render,
    synthesise,
    synthesise_people,
    train,
    train_depth,
    trial,
    votes,
)

app = typer.Typer(
    no_args_is_help=True,
    help="The laboratory: measure the product on data sets, and render its demo. Needs the extra `lab`.",
)
for verbs in (
    evaluate,
    article,
    plot,
    calibrate,
    votes,
    liveness,
    trial,
    bench,
    builds,
    render,
    train,
    train_depth,
    synthesise,
    synthesise_people,
    mean_face,
):
    app.add_typer(verbs.app)
