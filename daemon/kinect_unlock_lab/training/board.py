"""The course of a run for TensorBoard: loss and rate at every few steps, rates and cosines at every validation."""

from pathlib import Path
from types import TracebackType
from typing import Final, Self

import numpy as np
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from kinect_unlock_lab.training.faces import Faces
from kinect_unlock_lab.training.loop import Step
from kinect_unlock_lab.training.ranks import ALONE
from kinect_unlock_lab.training.validation import embeddings_of

_EVERY_STEPS: Final = 10
_DRAWN_MOST: Final = 500  # embeddings in the projector


class Board:
    """Writes event files into a folder; a run that goes on at step ``done`` hides what was written beyond it."""

    def __init__(self, folder: Path, *, done: int) -> None:
        self._writer = SummaryWriter(str(folder), purge_step=done or None)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write out what is left."""
        self._writer.close()

    def add(self, step: Step) -> None:
        """Take note of a step."""
        if step.number % _EVERY_STEPS == 0:
            self._scalar("train/loss", step.loss, step.number)
            self._scalar("train/learning_rate", step.learning_rate, step.number)
        found = step.validation
        if found is None:
            return
        self._scalar("held-out/eer", found.eer, step.number)
        self._scalar("held-out/tar_at_far_1e-2", found.tar_at_1e2, step.number)
        self._scalar("held-out/tar_at_far_1e-3", found.tar_at_1e3, step.number)
        for name, cosines in (("genuine", found.genuine), ("impostor", found.impostor)):
            self._writer.add_histogram(f"cosine/{name}", cosines, step.number)

    def show_embeddings(self, network: nn.Module, faces: Faces, step: int) -> None:
        """Put the first samples of people kept back into the projector, labelled by their numbers, without pictures."""
        rows = np.arange(len(faces.person)) < _DRAWN_MOST
        shown = faces.where(rows)
        vectors = embeddings_of(network, shown, ALONE.device)
        self._writer.add_embedding(vectors, [str(person) for person in shown.person], global_step=step)

    def _scalar(self, name: str, value: float, step: int) -> None:
        self._writer.add_scalar(name, value, step)
