"""A program for ``torchrun``: trains a small network with each loss; writes a file of weights a loss and process."""

import sys
from pathlib import Path

import msgspec
import torch
from torch import Tensor, nn

from kinect_unlock_lab.training.faces import divide
from kinect_unlock_lab.training.loop import Training
from kinect_unlock_lab.training.ranks import Ranks, joined
from kinect_unlock_lab.training.recipes import Augmentation
from small_people import patch_people, small_recipe


class Plain(nn.Module):
    """A network without batch norm and dropout, whose step a batch may be shared for without changing it."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.AvgPool2d(14), nn.Flatten(), nn.Linear(256, 64), nn.Tanh(), nn.Linear(64, 128)
        ).double()

    def forward(self, rgbd: Tensor) -> Tensor:
        return nn.functional.normalize(self.layers(rgbd.double() / 127.5 - 1.0))


def trained(name: str, ranks: Ranks) -> dict[str, Tensor]:
    """Train by a shipped recipe cut down, samples left as they are; return the weights, the loss's own too."""
    whole = small_recipe(name, steps=5)
    undisturbed = Augmentation(**dict.fromkeys(Augmentation.__struct_fields__, 0.0))
    recipe = msgspec.structs.replace(whole, augmentation=undisturbed)
    training = Training(recipe, Plain, *divide(patch_people(8, 4), 0.25, seed=1), ranks=ranks)
    training.run()
    return {**training.network.state_dict(), **training.objective.state_dict()}


if __name__ == "__main__":
    folder, *names = sys.argv[1:]
    with joined() as ranks:
        for name in names:
            torch.save(trained(name, ranks), Path(folder) / f"{name}-{ranks.rank}.pt")
