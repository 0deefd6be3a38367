"""The halves of a siamese encoder and where each stands in an embedding. Pure; knows no network and no threshold.

An embedding is the unit vectors of its halves, each times the square root of its share, one after the other. So it has
length 1 itself, the cosine of two embeddings is the halves' cosines weighted by their shares, and every half can be
read apart again. An encoder of one piece is one half with the whole share.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

import numpy as np

from kinect_unlock.arrays import F32

# What a half looks at: the three colour planes, the depth plane, or all four.
HalfName: TypeAlias = Literal["rgb", "depth", "rgbd"]


@dataclass(frozen=True, slots=True)
class Half:
    """One half's place in an embedding: the numbers from ``begin`` to before ``end``.

    ``share`` 0..1 is its part of the embedding's squared length.
    """

    name: HalfName
    begin: int
    end: int
    share: float

    @property
    def dim(self) -> int:
        """How many numbers it has."""
        return self.end - self.begin


def half_vectors(vectors: F32, halves: Sequence[Half]) -> Mapping[HalfName, F32]:
    """Return each half's unit vectors f32[...,dim] out of embeddings f32[...,D].

    A half without direction, or with a number that is not finite, comes out as NaN: it reaches no threshold.

    Raises:
        ValueError: the embeddings do not have as many numbers as the halves together.
    """
    width = sum(half.dim for half in halves)
    if vectors.shape[-1:] != (width,):
        raise ValueError(f"the halves have {width} numbers together, the embeddings {list(vectors.shape)}")
    return MappingProxyType({half.name: _unit(vectors[..., half.begin : half.end]) for half in halves})


def _unit(vectors: F32) -> F32:
    exact = vectors.astype(np.float64)
    lengths = np.sqrt(np.add.reduce(exact * exact, axis=-1, keepdims=True))  # np.linalg.norm's bits in half its time
    with np.errstate(invalid="ignore"):
        exact /= lengths  # 0 / 0 is NaN, as it must be
    return exact.astype(np.float32)
