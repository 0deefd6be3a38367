"""How alike two embeddings are, and whose template an embedding is nearest to. Pure; knows no attempt and no time.

Scores are cosines, -1..1. What cannot be computed raises, and a score that is not a number reaches no threshold.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, assert_never

import numpy as np

from kinect_unlock.frames import F32, Embedding, Template
from kinect_unlock.settings import Strategy

# Below this length a mean of unit vectors points nowhere: they cancel each other out.
_SHORTEST_MEAN: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Candidate:
    """A user and how alike an embedding is to their template (cosine, -1..1)."""

    user: str
    score: float


@dataclass(frozen=True, slots=True)
class Identification:
    """Who it is, or nobody: below the threshold, or two users too close to call. ``ranking`` is best first."""

    user: str | None
    ranking: tuple[Candidate, ...]


def mean_vector(vectors: Sequence[F32]) -> F32:
    """Return the mean of unit vectors f32[D] as a unit vector f32[D].

    Raises:
        ValueError: there are none, or they cancel each other out.
    """
    if not vectors:
        raise ValueError("a mean needs at least one vector")
    mean = np.mean(np.asarray(vectors, dtype=np.float64), axis=0)
    length = float(np.linalg.norm(mean))
    if not length >= _SHORTEST_MEAN:
        raise ValueError(f"{len(vectors)} vectors cancel each other out: their mean has length {length:.2g}")
    unit: F32 = (mean / length).astype(np.float32)
    return unit


def mean_embedding(embeddings: Sequence[Embedding]) -> Embedding:
    """Return the mean direction of embeddings of one space.

    Raises:
        ValueError: there are none, they are of different spaces, or they cancel each other out.
    """
    spaces = {embedding.model_id for embedding in embeddings}
    if len(spaces) != 1:
        raise ValueError(f"a mean needs embeddings of exactly one space, got {sorted(spaces)}")
    return Embedding(mean_vector([embedding.vector for embedding in embeddings]), spaces.pop())


def score(vector: F32, template: Template, strategy: Strategy) -> float:
    """Return how alike a unit vector f32[D] is to a template.

    ``nearest`` takes the best cosine to any of the template's vectors, ``centre`` the cosine to their mean direction.

    Raises:
        ValueError: the vector does not have the template's dimension.
    """
    if vector.shape != template.vectors.shape[1:]:
        raise ValueError(f"vector has shape {vector.shape}, the template's have {template.vectors.shape[1:]}")
    match strategy:
        case "nearest":
            return float(np.max(template.vectors @ vector))
        case "centre":
            return float(mean_vector(list(template.vectors)) @ vector)
        case _:
            assert_never(strategy)


def identify(
    vector: F32, templates: Iterable[Template], *, threshold: float, margin: float, strategy: Strategy
) -> Identification:
    """Name the user whose template is nearest, if near enough and clearly nearer than anybody else's.

    Args:
        vector: unit vector f32[D].
        templates: one a user, all of the vector's space.
        threshold: the cosine to reach.
        margin: the cosine by which the best must lead the second.
        strategy: as in `score`.
    """
    candidates = [Candidate(template.user, score(vector, template, strategy)) for template in templates]
    ranking = tuple(sorted(candidates, key=lambda one: (-one.score, one.user)))
    if not ranking or not ranking[0].score >= threshold:
        return Identification(None, ranking)
    if len(ranking) > 1 and not ranking[0].score - ranking[1].score >= margin:
        return Identification(None, ranking)
    return Identification(ranking[0].user, ranking)
