"""Attempts of several frames against templates of several vectors, scored block by block.

An attempt is scored as the daemon does it: each half's unit vectors of its frames are averaged, made unit again and
weighted by the half's share. A template's score is the best of its vectors.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Final, Protocol, TypeAlias

import numpy as np

from kinect_unlock.halves import Half
from kinect_unlock_lab.metrics import F64
from kinect_unlock_lab.protocols import F32, I64, Bools, Embedded
from kinect_unlock_lab.tally import NOBODY, Kind, Kinds, Scored

ROWS_AT_ONCE: Final = 512  # attempts of a block; with 512 templates of three vectors 3 MB of scores


@dataclass(frozen=True, slots=True, eq=False)
class Attempts:
    """Attempts: ``vectors`` f32[M,D], ``person`` and ``place`` i64[M], ``distance_mm`` f32[M], the farthest frame's.

    Vectors of an attempt in which no frame was usable are NaN. An attempt is compared with templates whose ``order`` is
    below its own ``order`` i64[M]; so a pair is compared once, and nothing with itself.
    """

    vectors: F32
    person: I64
    place: I64
    distance_mm: F32
    order: I64

    def __len__(self) -> int:
        return len(self.person)

    def rows(self, chosen: I64 | Bools | slice) -> "Attempts":
        """Keep some of them."""
        return Attempts(*(getattr(self, one.name)[chosen] for one in fields(self)))


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """Templates of one size: ``vectors`` f32[T,K,D]; ``person``, ``place`` and ``order`` i64[T]."""

    vectors: F32
    person: I64
    place: I64
    order: I64

    def rows(self, chosen: slice) -> "Gallery":
        """Keep some of them."""
        return Gallery(*(getattr(self, one.name)[chosen] for one in fields(self)))


class Rule(Protocol):
    """What makes one score of an attempt and a template."""

    def scores(self, attempts: Attempts, gallery: Gallery) -> F32:
        """Return f32[M,T]; NaN or -inf where the attempt can be no match."""
        ...


@dataclass(frozen=True, slots=True)
class Fused:
    """The cosine of whole embeddings: the halves' cosines weighted by their shares."""

    def scores(self, attempts: Attempts, gallery: Gallery) -> F32:
        """Return f32[M,T]."""
        return _best(attempts.vectors, gallery.vectors)


@dataclass(frozen=True, slots=True)
class OneHalf:
    """The cosine of one half alone."""

    half: Half

    def scores(self, attempts: Attempts, gallery: Gallery) -> F32:
        """Return f32[M,T]."""
        place = slice(self.half.begin, self.half.end)
        return _best(attempts.vectors[:, place], gallery.vectors[:, :, place]) / np.float32(self.half.share)


@dataclass(frozen=True, slots=True)
class DepthBar:
    """What the depth half must reach from where the bar before ends to ``to_mm``, for people of one fold."""

    to_mm: float
    cosine: float


@dataclass(frozen=True, slots=True, eq=False)
class TwoVotes:
    """The first half's cosine, where the depth half reaches its own bar for the distance; -inf elsewhere.

    ``fold_of`` i64[people] says which of ``bars`` holds for a person who tries, so that nobody is judged by a bar that
    was fitted on them.
    """

    first: Half
    depth: Half
    bars: Sequence[tuple[DepthBar, ...]]
    fold_of: I64

    def scores(self, attempts: Attempts, gallery: Gallery) -> F32:
        """Return f32[M,T]."""
        needed = self._needed(attempts)[:, np.newaxis]
        agreed = OneHalf(self.depth).scores(attempts, gallery) >= needed  # False for NaN
        return np.where(agreed, OneHalf(self.first).scores(attempts, gallery), np.float32(-np.inf))

    def _needed(self, attempts: Attempts) -> F32:
        """Return f32[M]; infinite beyond the last bar, and for a distance that is not known."""
        needed = np.full(len(attempts), np.inf, np.float32)
        folds = self.fold_of[attempts.person]
        for fold, bars in enumerate(self.bars):
            for bar in reversed(bars):
                needed[(folds == fold) & (attempts.distance_mm <= bar.to_mm)] = bar.cosine
        return needed


Block: TypeAlias = tuple[Attempts, Gallery]


def blocks(attempts: Attempts, gallery: Gallery, *, rows: int = ROWS_AT_ONCE) -> Iterator[Block]:
    """Yield parts that together compare every attempt with every template."""
    for first in range(0, len(attempts), rows):
        for other in range(0, len(gallery.person), rows):
            yield attempts.rows(slice(first, first + rows)), gallery.rows(slice(other, other + rows))


def compared(rule: Rule, block: Block) -> Scored:
    """Score every attempt of a block with every template below it."""
    attempts, gallery = block
    scores = rule.scores(attempts, gallery)
    tried, owner = np.nonzero(attempts.order[:, np.newaxis] > gallery.order[np.newaxis])
    probe, reference = attempts.person[tried], gallery.person[owner]
    return Scored(
        scores[tried, owner].astype(np.float64),
        probe,
        reference,
        _kinds(probe == reference, attempts.place[tried] == gallery.place[owner]),
    )


def compared_pairs(rule: Rule, attempts: Attempts, pairs: I64) -> Scored:
    """Score each pair of attempts, rows i64[M,2], the second as a template of its own."""
    scores = np.empty(len(pairs), np.float64)
    for place, (first, second) in enumerate(pairs):
        other = attempts.rows(slice(second, second + 1))
        gallery = Gallery(other.vectors[np.newaxis], other.person, other.place, other.order)
        scores[place] = rule.scores(attempts.rows(slice(first, first + 1)), gallery)[0, 0]
    first, second = pairs.T
    probe, reference = attempts.person[first], attempts.person[second]
    alike = attempts.place[first] == attempts.place[second]
    return Scored(scores, probe, reference, _kinds(probe == reference, alike))


@dataclass(frozen=True, slots=True)
class Search:
    """Who is it: the nearest template's score, where it leads the second by ``margin``; -inf where it does not.

    Mated searches, of people in the gallery, are genuine and name the right person or nobody; the same searches with
    their own template taken out are impostors' and should name nobody.
    """

    margin: float

    def searched(self, rule: Rule, attempts: Attempts, gallery: Gallery) -> Scored:
        """Search the whole gallery for every attempt, once or, if its person is in there, twice."""
        scores = np.nan_to_num(rule.scores(attempts, gallery).astype(np.float64), nan=-np.inf)
        own = attempts.person[:, np.newaxis] == gallery.person[np.newaxis]
        mated = own.any(axis=1)
        right, lead = self._named(scores)
        named_own = own[np.arange(len(own)), right]
        genuine = np.where(named_own & lead, scores.max(axis=1), -np.inf)[mated]
        others = np.where(own, -np.inf, scores)
        _, wrong_lead = self._named(others)
        impostor = np.where(wrong_lead, others.max(axis=1), -np.inf)
        person = np.concatenate((attempts.person[mated], attempts.person))
        kind = np.concatenate((np.full(mated.sum(), Kind.GENUINE), np.full(len(attempts), Kind.ACROSS)))
        return Scored(np.concatenate((genuine, impostor)), person, np.full(len(person), NOBODY), kind.astype(np.int8))

    def _named(self, scores: F64) -> tuple[I64, Bools]:
        """Return the nearest template of each row, and whether it leads by the margin."""
        nearest = scores.argmax(axis=1)
        if scores.shape[1] < 2:
            return nearest, np.ones(len(scores), bool)
        second, first = np.partition(scores, -2, axis=1)[:, -2:].T
        with np.errstate(invalid="ignore"):
            return nearest, (first - second >= self.margin) | np.isneginf(second)


def _kinds(same_person: Bools, same_place: Bools) -> Kinds:
    kinds = np.where(same_place, Kind.SAME_PLACE, Kind.ACROSS)
    return np.where(same_person, Kind.GENUINE, kinds).astype(np.int8)


def _best(vectors: F32, templates: F32) -> F32:
    count, size, width = templates.shape
    # Copies, for NumPy takes another routine, with other last bits, where both sides are one array: that is so in one
    # process, and no longer when they have been sent to another.
    rows, columns = np.array(vectors, order="C"), np.array(templates.reshape(count * size, width), order="C")
    cosines = rows @ columns.T
    return np.asarray(cosines.reshape(len(vectors), count, size).max(axis=2), np.float32)


def joined(embedded: Embedded, frames: Sequence[I64]) -> F32:
    """Return the mean embedding f32[M,D] of each attempt's rows, half by half; NaN for an attempt without any."""
    sums = np.full((len(frames), embedded.embeddings.shape[1]), np.nan, np.float32)
    for place, rows in enumerate(frames):
        if len(rows):
            sums[place] = embedded.embeddings[rows].sum(axis=0, dtype=np.float64)
    for half in embedded.halves:
        part = sums[:, half.begin : half.end]
        length = np.linalg.norm(part, axis=1, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            part *= np.sqrt(half.share) / np.where(length > 0, length, np.nan)
    return sums
