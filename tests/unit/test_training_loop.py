"""What a run's weights depend on: recipe, samples and seed; not on interruptions or on the number of processes."""

from pathlib import Path

import msgspec
import pytest
import torch
from torch import Tensor, nn

from kinect_unlock.errors import ConfigError, ModelError
from kinect_unlock_lab.training.checkpoints import NAME
from kinect_unlock_lab.training.faces import Faces, divide
from kinect_unlock_lab.training.loop import Step, Training
from kinect_unlock_lab.training.ranks import ALONE
from kinect_unlock_lab.training.recipes import Optimiser, Recipe
from small_people import patch_people, small_recipe

LOSSES = ("squeezenet-contrastive", "squeezenet-triplet", "squeezenet-cosface")


class Pooled(nn.Module):
    """A network that is done in no time."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.AvgPool2d(14), nn.Flatten(), nn.Linear(256, 64), nn.ReLU(), nn.Dropout(0.1), nn.Linear(64, 128)
        )

    def forward(self, rgbd: Tensor) -> Tensor:
        return nn.functional.normalize(self.layers(rgbd / 127.5 - 1.0))


@pytest.fixture(scope="module")
def people() -> tuple[Faces, Faces]:
    return divide(patch_people(10, 4), 0.3, seed=1)


def training(recipe: Recipe, people: tuple[Faces, Faces]) -> Training:
    return Training(recipe, Pooled, *people, ranks=ALONE)


def weights(run: Training) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in run.network.state_dict().items()}


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("name", LOSSES)
def test_two_runs_end_with_equal_weights(name: str, people: tuple[Faces, Faces]) -> None:
    first, second = (training(small_recipe(name), people) for _ in range(2))

    first.run()
    torch.manual_seed(99)
    second.run()

    assert equal(weights(first), weights(second))


def test_another_seed_ends_with_other_weights(people: tuple[Faces, Faces]) -> None:
    recipe = small_recipe("squeezenet-triplet")
    first, second = training(recipe, people), training(msgspec.structs.replace(recipe, seed=2), people)

    first.run()
    second.run()

    assert not equal(weights(first), weights(second))


@pytest.mark.parametrize("name", LOSSES)
def test_interrupted_run_ends_with_the_weights_of_an_uninterrupted_one(
    name: str, people: tuple[Faces, Faces], tmp_path: Path
) -> None:
    recipe = small_recipe(name, steps=8)
    whole, begun, gone_on = (training(recipe, people) for _ in range(3))

    whole.run()
    begun.run(folder=tmp_path, until=3)
    gone_on.resume(tmp_path)
    assert gone_on.done == 3
    gone_on.run(folder=tmp_path)

    assert equal(weights(whole), weights(gone_on))


def test_checkpoint_of_another_recipe_or_other_people_is_refused(people: tuple[Faces, Faces], tmp_path: Path) -> None:
    recipe = small_recipe("squeezenet-triplet")
    training(recipe, people).run(folder=tmp_path, until=1)
    others = divide(patch_people(10, 4, seed=5), 0.3, seed=1)

    for run in (training(msgspec.structs.replace(recipe, steps=9), people), training(recipe, others)):
        with pytest.raises(ModelError, match="another recipe or other samples"):
            run.resume(tmp_path)


def test_damaged_checkpoint_is_refused(people: tuple[Faces, Faces], tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"not a checkpoint")

    with pytest.raises(ModelError, match="cannot be read"):
        training(small_recipe("squeezenet-triplet"), people).resume(tmp_path)


@pytest.mark.parametrize("name", LOSSES)
def test_loss_falls_and_strangers_are_told_apart(name: str, people: tuple[Faces, Faces]) -> None:
    recipe = small_recipe(name, steps=60)
    recipe = msgspec.structs.replace(recipe, optimiser=Optimiser(3e-3, 0.0, 5))
    steps: list[Step] = []

    training(recipe, people).run(on_step=steps.append)

    assert sum(step.loss for step in steps[-10:]) < sum(step.loss for step in steps[:10])
    assert steps[-1].validation is not None
    assert steps[-1].validation.eer < 0.3


def test_batch_that_wants_more_people_than_there_are_is_refused(people: tuple[Faces, Faces]) -> None:
    few = people[0].where(people[0].person < 3)

    with pytest.raises(ConfigError, match="4 people, there are 3"):
        Training(small_recipe("squeezenet-triplet"), Pooled, few, people[1], ranks=ALONE)
