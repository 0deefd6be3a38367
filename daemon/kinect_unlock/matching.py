"""How alike two embeddings are, half by half, what they must reach, and whose template one is nearest to.

Pure; knows no attempt and no time. Scores are cosines, -1..1. A score that is not a number reaches no threshold, and
where a threshold is missing nothing is enough.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, assert_never

import numpy as np

from kinect_unlock.arrays import F32
from kinect_unlock.halves import Half, HalfName, half_vectors
from kinect_unlock.observations import Modality
from kinect_unlock.settings import Strategy
from kinect_unlock.templates import Template

# Below this length a mean of unit vectors points nowhere: they cancel each other out.
_SHORTEST_MEAN: Final = 1e-3


@dataclass(frozen=True, slots=True)
class HalfScores:
    """How alike each half of an embedding is to a template's."""

    cosines: Mapping[HalfName, float]

    def of(self, half: HalfName) -> float:
        """Return a half's cosine, NaN if there is none."""
        return self.cosines.get(half, float("nan"))

    def short_of(self, needed: Mapping[HalfName, float]) -> tuple[HalfName, ...]:
        """Return the halves that do not reach what they need."""
        return tuple(half for half, cosine in needed.items() if not self.of(half) >= cosine)

    def reach(self, needed: Mapping[HalfName, float]) -> bool:
        """Say whether every half that has a vote reaches what it needs; where nobody has a vote, nothing is reached."""
        return bool(needed) and not self.short_of(needed)


@dataclass(frozen=True, slots=True)
class Band:
    """The cosine needed from where the band before ends up to ``to_mm``."""

    to_mm: float
    cosine: float


@dataclass(frozen=True, slots=True)
class Bar:
    """What a half must reach, by distance; beyond the last of its bands, which rise in distance, it has no vote."""

    half: HalfName
    bands: tuple[Band, ...]

    def at(self, distance_mm: float) -> float | None:
        """Return the cosine needed at a distance, None where there is no vote; also for a distance that is NaN."""
        return next((band.cosine for band in self.bands if distance_mm <= band.to_mm), None)


def cosines_needed(bars: Sequence[Bar], distances_mm: Sequence[float]) -> Mapping[HalfName, float]:
    """Return what each half needs for frames from these distances: the most that any one of them asks for.

    Empty, and so never to be reached, if there is no frame or one at a distance at which a half has no vote.
    """
    asked = {bar.half: [bar.at(distance_mm) for distance_mm in distances_mm] for bar in bars}
    known = {half: [cosine for cosine in found if cosine is not None] for half, found in asked.items()}
    if not distances_mm or any(len(found) < len(distances_mm) for found in known.values()):
        return MappingProxyType({})
    # numpy's maximum, unlike Python's, is NaN if any number is
    return MappingProxyType({half: float(np.max(found)) for half, found in known.items()})


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


def mean_vector(vectors: Sequence[F32] | F32) -> F32:
    """Return the mean of unit vectors f32[D], or of the rows of f32[N,D], as a unit vector f32[D].

    Raises:
        ValueError: there are none, or they cancel each other out.
    """
    if not len(vectors):
        raise ValueError("a mean needs at least one vector")
    mean = np.add.reduce(np.asarray(vectors, dtype=np.float64)) / len(vectors)
    length = float(np.linalg.norm(mean))
    if not length >= _SHORTEST_MEAN:
        raise ValueError(f"{len(vectors)} vectors cancel each other out: their mean has length {length:.2g}")
    unit: F32 = (mean / length).astype(np.float32)
    return unit


def mean_of_halves(vectors: Sequence[F32], halves: Sequence[Half]) -> F32:
    """Return the mean of embeddings f32[D] as one f32[D]: each half's mean direction by its share.

    Raises:
        ValueError: there are none, or a half of them cancels itself out or is not finite.
    """
    if not vectors:
        raise ValueError("a mean needs at least one vector")
    parts = half_vectors(np.stack(vectors), halves)
    means = [np.sqrt(np.float32(half.share)) * mean_vector(parts[half.name]) for half in halves]
    return np.concatenate(means)


class Known:
    """A template to compare embeddings with, taken apart once for all frames of an attempt."""

    def __init__(self, template: Template, strategy: Strategy, halves: Sequence[Half]) -> None:
        """Prepare the template.

        ``nearest`` compares with each of its vectors, ``centre`` with their mean direction.

        Raises:
            ValueError: it does not have as many numbers as the halves.
        """
        self._halves = halves
        views = {light: template.views(light) for light in Modality}
        self._lights = {
            light: {
                name: _compared_with(parts, strategy) for name, parts in half_vectors(found.vectors, halves).items()
            }
            for light, found in views.items()
            if found is not None
        }

    def scores(self, vector: F32, modality: Modality = Modality.COLOR) -> HalfScores:
        """Return how alike each half of an embedding f32[D] is to the same half of the template, both of one light.

        Each half is looked at for itself: the nearest colour and the nearest depth may be of two vectors. There are
        no scores where the template has no views in that light.

        Raises:
            ValueError: the embedding does not have as many numbers as the halves.
        """
        known = self._lights.get(modality)
        if known is None:
            return HalfScores(MappingProxyType({}))
        seen = half_vectors(vector, self._halves)
        # numpy's maximum, unlike Python's, is NaN if any number is
        return HalfScores(MappingProxyType({name: float((known[name] @ seen[name]).max()) for name in known}))


def _compared_with(references: F32, strategy: Strategy) -> F32:
    """Return what to compare with of unit vectors f32[N,d]: these, or f32[d]: NaN where they have no mean."""
    match strategy:
        case "nearest":
            return references
        case "centre":
            try:
                return mean_vector(references)
            except ValueError:
                return np.full(references.shape[-1], np.nan, np.float32)
        case _:
            assert_never(strategy)


def half_scores(
    vector: F32,
    template: Template,
    strategy: Strategy,
    halves: Sequence[Half],
    modality: Modality = Modality.COLOR,
) -> HalfScores:
    """Return what `Known` says of one embedding f32[D]; for those that are compared once.

    Raises:
        ValueError: embedding or template do not have as many numbers as the halves.
    """
    return Known(template, strategy, halves).scores(vector, modality)


def identify(
    vector: F32,
    templates: Iterable[Template],
    halves: Sequence[Half],
    *,
    threshold: float,
    margin: float,
    strategy: Strategy,
) -> Identification:
    """Name the user whose template is nearest by the first half, if near enough and clearly nearer than anybody else's.

    Args:
        vector: embedding f32[D].
        templates: one a user, all of the vector's space.
        halves: of that space; the first is the one that says who it is.
        threshold: the cosine to reach.
        margin: the cosine by which the best must lead the second.
        strategy: as in `half_scores`.
    """
    first = halves[0].name
    candidates = [
        Candidate(template.user, half_scores(vector, template, strategy, halves).of(first)) for template in templates
    ]
    ranking = tuple(sorted(candidates, key=lambda one: (-one.score, one.user)))
    if not ranking or not ranking[0].score >= threshold:
        return Identification(None, ranking)
    if len(ranking) > 1 and not ranking[0].score - ranking[1].score >= margin:
        return Identification(None, ranking)
    return Identification(ranking[0].user, ranking)
