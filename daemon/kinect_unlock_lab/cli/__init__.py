"""``kinect-unlock lab``: one module a group of verbs; each has an ``app`` whose commands join this one.

Verbs import what belongs to an extra when they run, so that ``lab --help`` needs none, and need not check for it: what
is missing becomes one sentence here.
"""

from typing import Any

import typer
from typer.core import TyperGroup

from kinect_unlock_lab.cli import (
    article,
    attack,
    bench,
    builds,
    calibrate,
    camera,
    darkness,
    evaluate,
    eyes,
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
from kinect_unlock_lab.errors import EXTRA_OF, MissingExtraError


class _Verbs(TyperGroup):
    """Turns the failed import of an extra's module into words; any other one is a fault of the program."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override] # noqa: ANN401 - what the base class has
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as fault:
            module = (fault.name or "").partition(".")[0]
            if module not in EXTRA_OF:
                raise
            raise MissingExtraError(module) from fault


app = typer.Typer(
    cls=_Verbs,
    no_args_is_help=True,
    help="The laboratory: measure the product on data sets, and render its demo. Needs the extra `lab`.",
)
for verbs in (
    evaluate,
    article,
    plot,
    calibrate,
    votes,
    attack,
    darkness,
    trial,
    bench,
    camera,
    builds,
    render,
    train,
    train_depth,
    eyes,
    synthesise,
    synthesise_people,
    mean_face,
):
    app.add_typer(verbs.app)
