"""A recipe and a set of synthetic people into an ONNX file, a record of how it came about, and a verdict."""

import hashlib
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TypeAlias

import msgspec
from msgspec import Struct

from kinect_unlock.errors import ModelError
from kinect_unlock_lab.training.board import Board
from kinect_unlock_lab.training.export import export
from kinect_unlock_lab.training.faces import Faces, divide
from kinect_unlock_lab.training.loop import Step, Training
from kinect_unlock_lab.training.networks import network_of
from kinect_unlock_lab.training.ranks import Ranks
from kinect_unlock_lab.training.recipes import Recipe
from kinect_unlock_lab.training.validation import Validation

OnStep: TypeAlias = Callable[[Step], None]


class Outcome(Struct, frozen=True):
    """What a run came to; rates are shares, over all pairs of samples of the people kept back."""

    recipe: Recipe
    people_trained_on: int
    samples_trained_on: int
    people_kept_back: int
    genuine_pairs: int
    impostor_pairs: int
    eer: float
    tar_at_far_1e2: float
    tar_at_far_1e3: float
    last_loss: float
    largest_difference: float
    sha256: str
    bytes: int
    seconds: float
    processor_seconds: float

    @property
    def beats_chance(self) -> bool:
        """True if people never seen are told apart by the margin that the recipe states."""
        return self.eer <= self.recipe.validation.eer_max


class Meter:
    """Keeps the last step and the last validation, and hands every step on."""

    def __init__(self, *listeners: OnStep) -> None:
        self._listeners = listeners
        self.loss = float("nan")
        self.validation: Validation | None = None

    def __call__(self, step: Step) -> None:
        """Take a step."""
        self.loss, self.validation = step.loss, step.validation or self.validation
        for listener in self._listeners:
            listener(step)


def run(
    recipe: Recipe, faces: Faces, out: Path, *, folder: Path, ranks: Ranks, on_step: OnStep = lambda _: None
) -> Outcome | None:
    """Train, export to ``out`` and write the outcome beside it as JSON; None in every process but the first.

    ``folder`` keeps checkpoints and TensorBoard's files; a run begun there goes on where it stopped.

    Raises:
        ModelError: the folder keeps another run, or the exported file does not do what the network does.
        ConfigError: there are too few people for the recipe's batch.
    """
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    train, held_out = divide(faces, recipe.validation.people_share, seed=recipe.seed)
    for needed in (folder, out.parent):
        needed.mkdir(parents=True, exist_ok=True)
    training = Training(recipe, lambda: network_of(recipe.architecture), train, held_out, ranks=ranks)
    training.resume(folder)
    with _board(folder, training.done, ranks) as board:
        meter = Meter(*([on_step] if board is None else [board.add, on_step]))
        training.run(folder=folder, on_step=meter)
        if board is None:
            return None
        board.show_embeddings(training.network, held_out, training.done)
    found = meter.validation or training.validated()
    outcome = Outcome(
        recipe=recipe,
        people_trained_on=train.people,
        samples_trained_on=len(train.person),
        people_kept_back=held_out.people,
        genuine_pairs=len(found.genuine),
        impostor_pairs=len(found.impostor),
        eer=found.eer,
        tar_at_far_1e2=found.tar_at_1e2,
        tar_at_far_1e3=found.tar_at_1e3,
        last_loss=meter.loss,
        largest_difference=export(training.network, out),
        sha256=hashlib.sha256(out.read_bytes()).hexdigest(),
        bytes=out.stat().st_size,
        seconds=time.monotonic() - began_s,
        processor_seconds=time.process_time() - began_cpu_s,
    )
    out.with_suffix(".json").write_bytes(msgspec.json.format(msgspec.json.encode(outcome)) + b"\n")
    return outcome


def _board(folder: Path, done: int, ranks: Ranks) -> AbstractContextManager[Board | None]:
    return Board(folder, done=done) if ranks.first else nullcontext()


def require_learnt(outcome: Outcome) -> None:
    """Refuse a network that has not learnt to tell people apart.

    Raises:
        ModelError: its error on people it has not seen is above the recipe's bound.
    """
    if not outcome.beats_chance:
        raise ModelError(
            f"the network tells people apart no better than {100 * outcome.eer:.1f} % EER; the recipe wants at most "
            f"{100 * outcome.recipe.validation.eer_max:.1f} %, chance is 50 %: train longer or on more people"
        )
