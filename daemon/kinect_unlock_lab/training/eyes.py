"""Training the network that tells open eyes from shut ones: from a recipe and a head model to an ONNX file.

No real eye takes part.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import numpy as np
import torch
from msgspec import Meta, Struct
from torch import Tensor, nn

from kinect_unlock.arrays import F32
from kinect_unlock.eye_patches import PATCH_PX
from kinect_unlock.eyes import INPUT, OUTPUT
from kinect_unlock.inference import Network
from kinect_unlock_lab.synthesis.eye_pictures import EyePlan, Eyes, openness
from kinect_unlock_lab.training.export import write_checked
from kinect_unlock_lab.training.recipe_files import read_recipe
from kinect_unlock_lab.training.recipes import Above0, NotNegative, Positive, Share

_LEAST_CONTRAST: Final = 4.0  # grey levels: an even grey is no eye, whatever its noise
_TRIED: Final = 64
_BATCH: Final = 512


class EyeChanges(Struct, frozen=True, forbid_unknown_fields=True):
    """What is changed at random in every eye at every step; zero leaves it alone."""

    gain_log: NotNegative  # deviation of the logarithm of contrast and light
    slope: NotNegative  # deviation of a slope of light from edge to edge, in grey levels
    noise_grey: NotNegative  # largest deviation of noise
    coarse: Share  # eyes that are seen with half the pixels
    shift_px: Annotated[int, Meta(ge=0)]


class EyeRecipe(Struct, frozen=True, forbid_unknown_fields=True):
    """One training run, whole; with a head model it names the weights."""

    train: EyePlan
    held_out: EyePlan
    channels: tuple[Positive, Positive, Positive]
    batch: Positive
    steps: Positive
    learning_rate: Above0
    weight_decay: NotNegative
    changes: EyeChanges
    seed: Annotated[int, Meta(ge=0)]


@dataclass(frozen=True, slots=True)
class Exported:
    """A written network: its size and hash, and how far ONNX Runtime is from torch in a share, at most."""

    bytes: int
    sha256: str
    largest_difference: float


def load_eye_recipe(path: Path) -> EyeRecipe:
    """Read a recipe.

    Raises:
        ConfigError: it cannot be read, or says what it may not; the message names file and place.
    """
    return read_recipe(path, EyeRecipe)


class EyeNetwork(nn.Module):
    """Grey eyes f32[N,1,32,40], 0..255, to how open each is, f32[N], 0..1."""

    def __init__(self, channels: tuple[int, int, int]) -> None:
        super().__init__()
        first, second, third = channels
        self.layers = nn.Sequential(
            *(nn.Conv2d(1, first, 5, stride=2, padding=2), nn.ReLU()),
            *(nn.Conv2d(first, second, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(second, third, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(third * (PATCH_PX[0] // 8) * (PATCH_PX[1] // 8), 1),
        )

    def logits(self, eyes: Tensor) -> Tensor:
        """Return the logarithm of the odds f32[N]. Light and contrast are taken out first."""
        centred = eyes - eyes.mean(dim=(2, 3), keepdim=True)
        contrast = centred.square().mean(dim=(2, 3), keepdim=True).sqrt()
        logits: Tensor = self.layers(centred / (contrast + _LEAST_CONTRAST))[:, 0]
        return logits

    def forward(self, eyes: Tensor) -> Tensor:
        """Return how open eyes are."""
        return torch.sigmoid(self.logits(eyes))


def use_one_thread() -> None:
    """Let torch add numbers in the same order on every machine of a kind."""
    torch.set_num_threads(1)


def train(eyes: Eyes, recipe: EyeRecipe, *, on_step: Callable[[int], None] = lambda _: None) -> EyeNetwork:
    """Train on eyes; ``on_step`` is told how many steps are done.

    Same eyes, recipe and number of threads: same weights.
    """
    torch.manual_seed(recipe.seed)
    random = np.random.default_rng(recipe.seed)
    network = EyeNetwork(recipe.channels)
    optimiser = torch.optim.AdamW(network.parameters(), weight_decay=recipe.weight_decay)
    targets = openness(eyes.seen)
    network.train()
    for step in range(recipe.steps):
        for group in optimiser.param_groups:
            group["lr"] = recipe.learning_rate * 0.5 * (1 + np.cos(np.pi * step / recipe.steps))
        rows = random.integers(0, len(targets), recipe.batch)
        shown = torch.from_numpy(changed(eyes.patches[rows].astype(np.float32), recipe.changes, random))
        loss = nn.functional.binary_cross_entropy_with_logits(
            network.logits(shown[:, None]), torch.from_numpy(targets[rows])
        )
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call] # torch has no type for it
        optimiser.step()
        on_step(step + 1)
    return network.eval()


def changed(patches: F32, changes: EyeChanges, random: np.random.Generator) -> F32:
    """Return eyes f32[n,32,40] in other light, coarser, noisier and a little beside."""
    count, rows, columns = patches.shape
    each = (count, 1, 1)
    out = patches.copy()
    if changes.shift_px:
        down, across = random.integers(-changes.shift_px, changes.shift_px + 1, (2, count))
        row = np.clip(np.arange(rows) + down[:, None], 0, rows - 1)
        column = np.clip(np.arange(columns) + across[:, None], 0, columns - 1)
        out = out[np.arange(count)[:, None, None], row[:, :, None], column[:, None, :]]
    coarse = random.random(count) < changes.coarse
    means = out[coarse].reshape(-1, rows // 2, 2, columns // 2, 2).mean(axis=(2, 4))
    out[coarse] = means.repeat(2, axis=1).repeat(2, axis=2)
    out *= np.exp(random.normal(0, changes.gain_log, each))
    across, down = random.normal(0, changes.slope, (2, *each))
    out += across * np.linspace(-1, 1, columns) + down * np.linspace(-1, 1, rows)[:, None]
    out += random.uniform(0, changes.noise_grey, each) * random.standard_normal(out.shape, np.float32)
    return np.clip(out, 0, 255).astype(np.float32)


def shares(network: EyeNetwork, patches: F32) -> F32:
    """Return how open eyes f32[n,32,40] are, f32[n]."""
    with torch.no_grad():
        parts = [
            network(torch.from_numpy(patches[first : first + _BATCH, np.newaxis]))
            for first in range(0, len(patches), _BATCH)
        ]
    return np.asarray(torch.cat(parts).numpy(), np.float32)


def export(network: EyeNetwork, path: Path) -> Exported:
    """Write the network, whole or not at all: only if ONNX Runtime gives what torch gives.

    Raises:
        ModelError: it does not.
    """
    example = torch.zeros(2, 1, *PATCH_PX)
    difference = write_checked(network, path, example, (INPUT, OUTPUT), partial(_difference, network))
    content = path.read_bytes()
    return Exported(len(content), hashlib.sha256(content).hexdigest(), difference)


def _difference(network: EyeNetwork, path: Path) -> float:
    """Compare on noise of every contrast, none among them."""
    random = np.random.default_rng(1)
    patches = random.uniform(0, 255, (_TRIED, *PATCH_PX)) * np.linspace(0, 1, _TRIED)[:, None, None]
    eyes = patches.astype(np.float32)
    found = Network(path, threads=1).run({INPUT: eyes[:, np.newaxis]})[OUTPUT]
    return float(np.abs(found - shares(network, eyes)).max())
