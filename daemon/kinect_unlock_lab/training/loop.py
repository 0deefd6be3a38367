"""The training loop: plain torch, one step after the other.

What a step does follows from the weights, the optimiser's state, the recipe's seed and the number of the step alone;
no generator lives from one step to the next. So a run that was interrupted ends with the weights of one that was not,
and two runs with equal weights, on one kind of machine with one number of threads and processes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from kinect_unlock.errors import ConfigError
from kinect_unlock_lab.training import checkpoints
from kinect_unlock_lab.training.augmentation import augmented
from kinect_unlock_lab.training.faces import Batches, Faces
from kinect_unlock_lab.training.losses import objective_of
from kinect_unlock_lab.training.ranks import Ranks
from kinect_unlock_lab.training.recipes import Recipe
from kinect_unlock_lab.training.schedule import learning_rate
from kinect_unlock_lab.training.validation import Validation, validate

_STREAMS: Final = {"weights": 0, "batches": 1, "augmentation": 2, "dropout": 3}


@dataclass(frozen=True, slots=True)
class Step:
    """What is known after one step: its number from 1, its loss, and a validation where one was due."""

    number: int
    loss: float
    learning_rate: float
    validation: Validation | None


OnStep: TypeAlias = Callable[[Step], None]


def seed_of(recipe: Recipe, stream: str, *numbers: int) -> int:
    """Return a seed of 63 bits for one use of chance; uses and steps do not share their numbers."""
    words = np.random.SeedSequence([recipe.seed, _STREAMS[stream], *numbers]).generate_state(1, np.uint64)
    return int(words[0] >> np.uint64(1))


class Training:
    """A run of one recipe on one division of samples.

    Raises:
        ConfigError: the batch does not fit the people, or cannot be shared among the processes.
    """

    def __init__(
        self, recipe: Recipe, network: Callable[[], nn.Module], train: Faces, held_out: Faces, *, ranks: Ranks
    ) -> None:
        if recipe.batch.samples % ranks.world:
            raise ConfigError(f"$.batch: {recipe.batch.samples} samples cannot be shared by {ranks.world} processes")
        # As `torch.use_deterministic_algorithms`, which also loads a compiler that nothing here uses: three seconds.
        torch.set_deterministic_debug_mode("error")
        torch.manual_seed(seed_of(recipe, "weights"))
        self.network = network().to(ranks.device)
        self._recipe, self._train, self._held_out, self._ranks = recipe, train, held_out, ranks
        objective = objective_of(recipe.loss, people=train.people, dim=recipe.architecture.dim, ranks=ranks)
        self.objective = objective.to(ranks.device)
        self._batches = Batches(train.person, recipe.batch, seed=recipe.seed)
        self._called = _shared(self.network) if ranks.many else self.network
        parameters = [*self.network.parameters(), *self.objective.parameters()]
        self._optimiser = torch.optim.AdamW(parameters, weight_decay=recipe.optimiser.weight_decay)
        self._run = checkpoints.fingerprint(recipe, train)
        self._done = 0

    @property
    def done(self) -> int:
        """How many steps have been taken."""
        return self._done

    def resume(self, folder: Path) -> None:
        """Go on from the folder's checkpoint, if there is one.

        Raises:
            ModelError: it is damaged, or of another recipe or other samples.
        """
        state = checkpoints.load(folder / checkpoints.NAME, run=self._run)
        if state is not None:
            self._done = state["done"]
            self.network.load_state_dict(state["network"])
            self.objective.load_state_dict(state["objective"])
            self._optimiser.load_state_dict(state["optimiser"])

    def validated(self) -> Validation:
        """Look at the people kept back."""
        return validate(self.network, self._held_out, self._ranks.device)

    def run(self, *, folder: Path | None = None, until: int | None = None, on_step: OnStep = lambda _: None) -> None:
        """Train to the last step, or to step ``until``; validate and keep a checkpoint as often as the recipe says.

        The checkpoint goes into ``folder``; without one nothing is kept.
        """
        last = min(until or self._recipe.steps, self._recipe.steps)
        while self._done < last:
            rate = learning_rate(self._recipe.optimiser, self._done, self._recipe.steps)
            loss = self._step(rate)
            self._done += 1
            due = self._done % self._recipe.validation.every_steps == 0 or self._done == last
            found = self.validated() if due and self._ranks.first else None
            if due and self._ranks.first and folder is not None:
                checkpoints.save(folder / checkpoints.NAME, self._state())
            on_step(Step(self._done, loss, rate, found))
        self.network.eval()

    def _step(self, rate: float) -> float:
        number, ranks, recipe = self._done, self._ranks, self._recipe
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        rows = self._batches.rows(number)[ranks.rank :: ranks.world]
        labels = torch.from_numpy(self._train.person[rows]).to(ranks.device)
        seed = seed_of(recipe, "augmentation", number, ranks.rank)
        rgbd = augmented(self._train.of(rows, ranks.device), recipe.augmentation, seed=seed)
        torch.manual_seed(seed_of(recipe, "dropout", number, ranks.rank))
        self._called.train()
        self._optimiser.zero_grad()
        loss: Tensor = self.objective(self._called(rgbd), labels)
        loss.backward()  # type: ignore[no-untyped-call] # torch has no type for it
        self.objective.share_gradients()
        self._optimiser.step()
        return float(loss.detach()) / ranks.world

    def _state(self) -> dict[str, Any]:
        return {
            "run": self._run,
            "done": self._done,
            "network": self.network.state_dict(),
            "objective": self.objective.state_dict(),
            "optimiser": self._optimiser.state_dict(),
        }


def _shared(network: nn.Module) -> nn.Module:
    """Share a network's gradients among the processes; its weights take the layout that the gradients will have."""
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload] # missing in torch's types
    return DistributedDataParallel(network)
