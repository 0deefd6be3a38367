"""Faces to train on: colour, registered depth and whose they are, in memory; and their division by person."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from pytorch_metric_learning import samplers
from pytorch_metric_learning.utils import common_functions
from torch import Tensor

from kinect_unlock.arrays import U8
from kinect_unlock.errors import ConfigError
from kinect_unlock_lab.synthesis.shards import read_set
from kinect_unlock_lab.training.recipes import Batch

_DEPTH_STEPS: Final = 10_000.0  # of one unit of the registered depth plane


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Samples of people who are numbered from 0: ``person`` i64[n].

    ``color`` u8[n,112,112,3] (R, G, B); ``depth`` i16[n,112,112] in 1/10,000 of the depth plane's unit, `NO_DEPTH`
    likewise.
    """

    color: U8
    depth: NDArray[np.int16]
    person: NDArray[np.int64]

    @property
    def people(self) -> int:
        """How many people there are."""
        return len(np.unique(self.person))

    def of(self, rows: NDArray[np.int64], device: torch.device) -> Tensor:
        """Return rows i64[B] as a network takes them: f32[B,4,112,112]."""
        color = torch.from_numpy(self.color[rows]).to(device).permute(0, 3, 1, 2).float()
        depth = torch.from_numpy(self.depth[rows]).to(device).unsqueeze(1).float() / _DEPTH_STEPS
        return torch.cat([color, depth], 1).contiguous(memory_format=torch.channels_last)

    def where(self, mask: NDArray[np.bool_]) -> "Faces":
        """Keep the samples of ``mask``; people are numbered anew."""
        person = np.unique(self.person[mask], return_inverse=True)[1].astype(np.int64)
        return Faces(self.color[mask], self.depth[mask], person)


def load_faces(folder: Path) -> Faces:
    """Read a set of textured people as `lab synthesise` writes it; 63 kB of memory a sample.

    Raises:
        SourceError: there is none, it is damaged, or it has no colour.
    """
    shards = list(read_set(folder).each_shard("color", "depth", "person"))
    color, depth, person = (np.concatenate([shard[name] for shard in shards]) for name in ("color", "depth", "person"))
    return Faces(color, depth, person.astype(np.int64)).where(np.ones(len(person), np.bool_))


def divide(faces: Faces, share: float, *, seed: int) -> tuple[Faces, Faces]:
    """Return the samples of people to train on, and those of a ``share`` of people (at least two) to validate on."""
    people = np.unique(faces.person)
    kept_back = np.random.default_rng(seed).permutation(people)[: max(2, round(share * len(people)))]
    held_out = np.isin(faces.person, kept_back)
    return faces.where(~held_out), faces.where(held_out)


class Batches:
    """Which samples each step looks at: some people, some samples of each. A step's choice follows from seed and step.

    Raises:
        ConfigError: there are fewer people than a batch wants.
    """

    def __init__(self, person: NDArray[np.int64], batch: Batch, *, seed: int) -> None:
        people = len(np.unique(person))
        if people < batch.people:
            raise ConfigError(f"$.batch.people: a batch wants {batch.people} people, there are {people} to train on")
        self._person, self._batch, self._seed = person, batch, seed
        self._per_epoch = max(1, len(person) // batch.samples)
        self._epoch, self._rows = -1, np.zeros(0, np.int64)

    def rows(self, step: int) -> NDArray[np.int64]:
        """Return the rows i64[B] of one step."""
        epoch, place = divmod(step, self._per_epoch)
        if epoch != self._epoch:
            self._epoch, self._rows = epoch, self._drawn(epoch)
        return self._rows[place * self._batch.samples : (place + 1) * self._batch.samples]

    def _drawn(self, epoch: int) -> NDArray[np.int64]:
        # The library draws from one generator of its own for everything; here it is one that knows seed and epoch.
        common_functions.NUMPY_RANDOM = np.random.RandomState((self._seed, epoch))
        samples = self._batch.samples
        sampler = samplers.MPerClassSampler(self._person, self._batch.samples_each, samples, self._per_epoch * samples)
        return np.fromiter(sampler, np.int64)
