"""Scores counted instead of kept: error rates of any number of comparisons in the memory of a few.

A score is a cosine, and its bin is 2^-15 wide: every edge is a number that a float holds exactly, so counts at an edge
are exact, and a threshold found here is at most 3e-5 above the loosest one. For intervals the comparisons are counted
again for people drawn with replacement, in bins 16 times as wide; comparisons of one person with themselves count by
the draws, those of two people by the product. Parts may be counted anywhere and in any order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, unique
from functools import cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kinect_unlock.arrays import read_only
from kinect_unlock_lab.metrics import F64, I64, Bools, Roc

_PER_UNIT: Final = 2**15
_BINS: Final = 2 * _PER_UNIT + 2  # -1 to 1, and before them the comparisons that could not be made
_COARSER_BITS: Final = 4
_COARSE_BINS: Final = ((_BINS - 1) >> _COARSER_BITS) + 1
_AT_ONCE: Final = 2**15  # comparisons: with 200 rounds 50 MB of weights at most
NOBODY: Final = -1  # a reference that is no one person, as in a search

Kinds: TypeAlias = NDArray[np.int8]


@unique
class Kind(IntEnum):
    """What a comparison was of."""

    GENUINE = 0
    SAME_PLACE = 1  # two people, taken at one place and time: harder to tell apart
    ACROSS = 2


SAME_PLACE: Final = (Kind.SAME_PLACE,)
EVERYBODY: Final = (Kind.SAME_PLACE, Kind.ACROSS)


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Comparisons: ``scores`` f64[M] of people ``probe`` with ``reference`` i64[M], each of a ``kind`` i8[M].

    A score is a cosine; -inf or NaN is a comparison that could not be made, and counts as a rejection. ``reference``
    is `NOBODY` for a search among many.
    """

    scores: F64
    probe: I64
    reference: I64
    kind: Kinds


@dataclass(frozen=True, slots=True)
class Resampling:
    """So many people, drawn with replacement so many times, always the same ones for the same seed."""

    people: int
    rounds: int = 200
    seed: int = 0

    def weights(self) -> F64:
        """Return how often each person was drawn, f64[rounds,people+1]; the last column is `NOBODY`, always once."""
        return _weights(self)


@dataclass(frozen=True, slots=True, eq=False)
class _OfKind:
    """Counts of one kind: only the bins that hold any; who met is ``probe * (people + 1) + reference``."""

    bins: I64
    counts: I64
    coarse_bins: I64
    drawn: F64
    met: I64


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What a `Tally` takes of some comparisons: small enough to be sent from one process to another."""

    of_kind: tuple[_OfKind, ...]

    @classmethod
    def of(cls, scored: Scored, resampling: Resampling) -> "Part":
        """Count comparisons, once as they are and once for every drawing of people."""
        weights, bins = resampling.weights(), bins_of(scored.scores)
        return cls(tuple(_counted(kind, scored, bins, weights) for kind in Kind))


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Counts by kind and bin: ``counts`` i64[3,bins], ``drawn`` f64[3,coarse bins,rounds].

    ``met`` bool[3,people,people+1] says which people were compared with whom.
    """

    counts: I64
    drawn: F64
    met: Bools

    @classmethod
    def empty(cls, resampling: Resampling) -> "Tally":
        """Return a tally of nothing."""
        people = resampling.people
        return cls(
            np.zeros((len(Kind), _BINS), np.int64),
            np.zeros((len(Kind), _COARSE_BINS, resampling.rounds)),
            np.zeros((len(Kind), people, people + 1), bool),
        )

    def join(self, part: Part) -> None:
        """Count some comparisons more."""
        people = self.met.shape[1]
        for kind, own in zip(Kind, part.of_kind, strict=True):
            self.counts[kind][own.bins] += own.counts
            self.drawn[kind][own.coarse_bins] += own.drawn
            self.met[kind, own.met // (people + 1), own.met % (people + 1)] = True

    def total(self, kinds: Sequence[Kind]) -> int:
        """Return how many comparisons of these kinds were counted."""
        return int(self.counts[list(kinds)].sum())

    def people(self, kinds: Sequence[Kind]) -> int:
        """Return how many people were the probe of such a comparison."""
        return int(self.met[list(kinds)].any(axis=(0, 2)).sum())

    def person_pairs(self, kinds: Sequence[Kind]) -> int:
        """Return how many pairs of people met, whoever of them was the probe."""
        met: Bools = np.logical_or.reduce(self.met[list(kinds)])[:, :-1]
        return int(np.count_nonzero(np.triu(met | met.T)))

    def roc(self, impostors: Sequence[Kind] = EVERYBODY) -> Roc:
        """Return the operating points, one for every bin that holds a score."""
        genuine, impostor = self.counts[Kind.GENUINE], self.counts[list(impostors)].sum(axis=0)
        return _roc(genuine.astype(np.float64), impostor.astype(np.float64), 0)

    def rounds(self, impostors: Sequence[Kind] = EVERYBODY) -> list[Roc]:
        """Return the operating points of every drawing of people."""
        genuine, impostor = self.drawn[Kind.GENUINE], self.drawn[list(impostors)].sum(axis=0)
        return [_roc(genuine[:, one], impostor[:, one], _COARSER_BITS) for one in range(genuine.shape[1])]


@cache
def _weights(resampling: Resampling) -> F64:
    people, random = resampling.people, np.random.default_rng(resampling.seed)
    drawn = random.multinomial(people, np.full(people, 1.0 / max(1, people)), resampling.rounds)
    return read_only(np.column_stack((drawn.astype(np.float64), np.ones(resampling.rounds))))


def _counted(kind: Kind, scored: Scored, bins: I64, weights: F64) -> _OfKind:
    chosen = np.flatnonzero(scored.kind == kind)
    width = weights.shape[1]
    probe, reference = scored.probe[chosen], scored.reference[chosen] % width
    held, counts = np.unique(bins[chosen], return_counts=True)
    coarse, place = np.unique(bins[chosen] >> _COARSER_BITS, return_inverse=True)
    drawn = np.zeros((len(coarse), len(weights)))
    other = np.full(len(chosen), width - 1) if kind is Kind.GENUINE else reference
    for first in range(0, len(chosen), _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        drawn += _drawn(place[some], len(coarse), probe[some] * width + other[some], weights)
    return _OfKind(held, counts, coarse, drawn, np.unique(probe * width + reference))


def _drawn(rows: I64, height: int, pairs: I64, weights: F64) -> F64:
    """Count comparisons of pairs of people in rows once for every round: f64[height,rounds]."""
    from scipy import sparse  # noqa: PLC0415 - of an extra, and `lab --help` must do without

    width = weights.shape[1]
    known, column = np.unique(pairs, return_inverse=True)
    weight = weights[:, known // width] * weights[:, known % width]
    table = sparse.csr_array((np.ones(len(rows)), (rows, column)), shape=(height, len(known)))
    return np.asarray(table @ weight.T, np.float64)


def bins_of(scores: F64) -> I64:
    """Return the bin i64[M] of each score: 0 where there is none."""
    with np.errstate(invalid="ignore"):
        place = np.floor(np.clip(scores, -1.0, 1.0) * _PER_UNIT) + (_PER_UNIT + 1.0)
    return np.where(np.isfinite(scores), np.nan_to_num(place), 0.0).astype(np.int64)


@cache
def edges(coarser_bits: int = 0) -> F64:
    """Return the lowest score of each bin, f64[bins]; -inf for the first, which holds what was not compared."""
    first = np.arange(((_BINS - 1) >> coarser_bits) + 1) << coarser_bits
    lowest = (first - 1.0) / _PER_UNIT - 1.0
    lowest[0] = -np.inf
    return read_only(lowest)


def _roc(genuine: F64, impostor: F64, coarser_bits: int) -> Roc:
    """Build operating points from counts by bin, from the highest bin down; the first bin is never accepted."""
    held = np.flatnonzero(genuine + impostor)[::-1]
    held = held[held > 0]
    return Roc(
        np.concatenate([[np.inf], edges(coarser_bits)[held]]),
        np.concatenate([[0.0], np.cumsum(impostor[held]) / max(float(impostor.sum()), 1e-12)]),
        np.concatenate([[0.0], np.cumsum(genuine[held]) / max(float(genuine.sum()), 1e-12)]),
    )
