"""``lab train``."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from kinect_unlock.errors import ConfigError
from kinect_unlock_lab.cli.shared import new_file
from kinect_unlock_lab.cli.synthesise import produce
from kinect_unlock_lab.mapping import Workers
from kinect_unlock_lab.training.recipes import Recipe, load_recipe, shipped_recipe

if TYPE_CHECKING:  # torch takes seconds to load, which `lab --help` need not wait for
    from kinect_unlock_lab.training.loop import OnStep, Step
    from kinect_unlock_lab.training.runs import Outcome
    from kinect_unlock_lab.training.validation import Validation

app = typer.Typer()


@app.command()
def train(
    recipe: Annotated[
        str, typer.Argument(help="A recipe: a YAML file, or the name of a shipped one such as squeezenet-triplet.")
    ],
    *,
    samples: Annotated[
        Path, typer.Option("--set", help="Textured people from `lab synthesise-people`.", file_okay=False)
    ],
    out: Annotated[
        Path,
        typer.Option(
            help="The ONNX file to write; the run's figures go beside it, ending in .json.",
            dir_okay=False,
            callback=new_file,
        ),
    ],
    keep: Annotated[
        Path | None,
        typer.Option(help="Checkpoints and TensorBoard's files; a run begun there goes on. Else beside OUT, in .run."),
    ] = None,
    head_model: Annotated[
        Path | None,
        typer.Option(
            help="Make the set first, as the recipe says (quick does), from ict_facekit.npz or one in our own form.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
) -> None:
    """Train a network of the articles on synthetic people and export it to ONNX.

    People are divided once: most are trained on, the rest tell how well people never seen are told apart. The command
    fails (exit code 70) if their equal error rate is above the recipe's bound, that is, if nothing was learnt. The
    exported file is run by ONNX Runtime and compared with torch before it is put in place.

    Interrupted? Say the same again: the run goes on from its last checkpoint and ends with the same weights. Same
    recipe, samples, machine and number of processes: same weights.

    Several processors or GPUs: torchrun --nproc-per-node 2 -m kinect_unlock lab train ... ; the recipe's batch is
    shared among them, the losses see all of it. A GPU is used where torch finds one.

    Course of the run: tensorboard --logdir OUT.run
    """
    from kinect_unlock_lab.training import faces, ranks, runs  # noqa: PLC0415 - torch, seconds to load

    told, folder = _recipe(recipe), keep or out.with_suffix(".run")
    with ranks.joined() as here:
        if head_model is not None and here.first:
            _synthesise(told, samples, head_model)
        here.meet()
        found = faces.load_faces(samples)
        with _course(told, shown=here.first) as on_step:
            outcome = runs.run(told, found, out, folder=folder, ranks=here, on_step=on_step)
    if outcome is not None:
        Console(highlight=False, soft_wrap=True).print(_summary(outcome, out))
        runs.require_learnt(outcome)


def _synthesise(told: Recipe, folder: Path, head_model: Path) -> None:
    """Make the people that a recipe wants, or what is missing of them."""
    if told.synthesis is None:
        raise ConfigError("this recipe does not say whom to synthesise; make a set with lab synthesise-people")
    from kinect_unlock_lab.synthesis import people_set, shards  # noqa: PLC0415 - compiles
    from kinect_unlock_lab.synthesis.head_files import source_of  # noqa: PLC0415 - the same

    wanted = told.synthesis
    described = people_set.describe(
        source_of(head_model), people=wanted.people, looks=wanted.samples_each, seed=wanted.seed, light="varied"
    )
    writer = shards.open_writer(folder, described)
    produce(partial(people_set.make_shard, people_set.PeoplePlan(head_model.absolute(), writer)), writer, Workers(1))


@contextmanager
def _course(told: Recipe, *, shown: bool) -> Iterator["OnStep"]:
    """Show a bar with the time that is left, and a line at every validation; what is yielded is told every step."""
    if not shown:
        yield lambda _: None
        return
    console = Console(stderr=True, highlight=False)
    columns = (TextColumn("[bold]training"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("training", total=told.steps)

        def on_step(step: "Step") -> None:
            bar.update(task, completed=step.number)
            if step.validation is not None:
                console.print(_line(step, step.validation), soft_wrap=True)

        yield on_step


def _recipe(named: str) -> Recipe:
    path = Path(named)
    return load_recipe(path if path.suffix or os.sep in named else shipped_recipe(named))


def _line(step: "Step", found: "Validation") -> str:
    return (
        f"step {step.number}: loss {step.loss:.4f}; {found.people} people never seen: EER {100 * found.eer:.1f} %, "
        f"TAR {100 * found.tar_at_1e2:.1f} % at FAR 1e-2, {100 * found.tar_at_1e3:.1f} % at 1e-3"
    )


def _summary(outcome: "Outcome", out: Path) -> str:
    return (
        f"{out}: {outcome.bytes / 1e6:.2f} MB, sha256 {outcome.sha256}\n"
        f"EER {100 * outcome.eer:.1f} % on {outcome.people_kept_back} synthetic people never seen "
        f"({outcome.genuine_pairs:,} genuine and {outcome.impostor_pairs:,} impostor pairs); trained on "
        f"{outcome.samples_trained_on:,} samples of {outcome.people_trained_on} in {outcome.seconds / 60:.1f} min "
        f"({outcome.processor_seconds / 60:.1f} processor minutes); ONNX Runtime within "
        f"{outcome.largest_difference:.1g} of torch"
    )
