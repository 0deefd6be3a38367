"""``lab train``."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

from kinect_unlock_lab.cli.shared import progress
from kinect_unlock_lab.errors import MissingExtraError
from kinect_unlock_lab.training.recipes import Recipe, load_recipe, shipped_recipe

if TYPE_CHECKING:  # torch takes seconds to load, which `lab --help` need not wait for
    from kinect_unlock_lab.training.loop import Step
    from kinect_unlock_lab.training.runs import Outcome

app = typer.Typer()

_PACKAGES: Final = ("torch", "pytorch_metric_learning", "tensorboard")


@app.command()
def train(
    recipe: Annotated[
        str, typer.Argument(help="A recipe: a YAML file, or the name of a shipped one such as squeezenet-triplet.")
    ],
    *,
    samples: Annotated[
        Path,
        typer.Option("--set", help="Textured people from `lab synthesise`.", exists=True, file_okay=False),
    ],
    out: Annotated[Path, typer.Option(help="The ONNX file to write; the run's figures go beside it, ending in .json.")],
    keep: Annotated[
        Path | None,
        typer.Option(help="Checkpoints and TensorBoard's files; a run begun there goes on. Else beside OUT, in .run."),
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
    _require_extra()
    from kinect_unlock_lab.training import faces, ranks, runs  # noqa: PLC0415 - torch, seconds to load

    told = _recipe(recipe)
    with ranks.joined() as here, progress(told.architecture.name, told.steps) as bar:
        console = Console(stderr=True, highlight=False, quiet=not here.first)

        def on_step(step: "Step") -> None:
            if here.first:
                bar(step.number)
            if step.validation is not None:
                console.print(_line(step))

        outcome = runs.run(
            told, faces.load_faces(samples), out, folder=keep or out.with_suffix(".run"), ranks=here, on_step=on_step
        )
    if outcome is not None:
        Console(highlight=False).print(_summary(outcome, out))
        runs.require_learnt(outcome)


def _require_extra() -> None:
    """Say in one sentence what is missing, before torch would in forty lines.

    Raises:
        MissingExtraError: training's packages are not installed.
    """
    missing = [package for package in _PACKAGES if find_spec(package) is None]
    if missing:
        raise MissingExtraError(", ".join(missing), "lab,train")


def _recipe(named: str) -> Recipe:
    path = Path(named)
    return load_recipe(path if path.suffix or os.sep in named else shipped_recipe(named))


def _line(step: "Step") -> str:
    found = step.validation
    assert found is not None  # noqa: S101 - the caller looked
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
