"""A tally's figures: rates with intervals, the curve, and where the data end.

Intervals are of people drawn with replacement, 95 %. Where nothing happened that sees no doubt; then the rule of three
gives the bound: 3 / people for misses, 3 / pairs of people for false accepts. A FAR below 3 / comparisons is not
claimed at all, and one below 3 / pairs of people is marked: comparisons of the same two people are hardly independent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from kinect_unlock_lab.metrics import F64, RULE_OF_THREE, Interval, Roc, smallest_far
from kinect_unlock_lab.tally import EVERYBODY, Kind, Tally, edges

FARS: Final = (1e-2, 1e-3, 1e-4)
_GENUINE: Final = (Kind.GENUINE,)
_CURVE_POINTS: Final = 160
_HISTOGRAM_STEP: Final = 0.01
_COARSER_BITS: Final = 4


@dataclass(frozen=True, slots=True)
class Point:
    """What is accepted at a FAR; ``tar`` and ``threshold`` None where the comparisons are too few to claim it.

    ``by_pairs`` is True where there are pairs of people enough as well.
    """

    far: float
    tar: Interval | None
    threshold: float | None
    by_pairs: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """Operating points, shares: FAR and FRR by falling threshold; solid down to ``solid_to``, where pairs end."""

    threshold: tuple[float, ...]
    far: tuple[float, ...]
    frr: tuple[float, ...]
    solid_to: float
    ends_at: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """Shares of genuine and impostor scores in bins of one width from ``begin``, without what was not compared."""

    begin: float
    step: float
    genuine: tuple[float, ...]
    impostor: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """One protocol on one choice of samples; shares are 0..1."""

    people: int
    genuine: int
    impostor: int
    person_pairs: int
    eer: Interval
    points: tuple[Point, ...]
    curve: Curve
    histogram: Histogram


def figures_of(tally: Tally, impostors: Sequence[Kind] = EVERYBODY, *, fars: Sequence[float] = FARS) -> Figures | None:
    """Read a tally; None where it holds no genuine comparisons or no impostors'."""
    read = read_tally(tally, impostors, fars=fars)
    return None if read is None else read.figures


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """A tally's figures and, to compare two of the same people, ``drawn`` f64[rounds,1+fars]: EER, and TAR by FAR."""

    figures: Figures
    drawn: F64


def read_tally(tally: Tally, impostors: Sequence[Kind] = EVERYBODY, *, fars: Sequence[float] = FARS) -> Read | None:
    """Read a tally; None where it holds no genuine comparisons or no impostors'."""
    genuine, impostor = tally.total(_GENUINE), tally.total(impostors)
    if not genuine or not impostor:
        return None
    roc = tally.roc(impostors)
    rates = np.array([_rates(one, fars) for one in tally.rounds(impostors)])
    people = tally.people(_GENUINE)
    # A search is among many; there its people are the trials
    pairs = tally.person_pairs(impostors) or tally.people(impostors)

    def point(far: float) -> Point:
        if far < smallest_far(impostor):
            return Point(far, None, None, by_pairs=False)
        tar, threshold = roc.at_far(far)
        bounds = _interval(tar, rates[:, 1 + fars.index(far)], people)
        return Point(far, bounds, threshold, by_pairs=far >= smallest_far(pairs))

    figures = Figures(
        people=people,
        genuine=genuine,
        impostor=impostor,
        person_pairs=pairs,
        eer=_interval(roc.eer(), rates[:, 0], people),
        points=tuple(point(far) for far in fars),
        curve=_curve(roc, smallest_far(pairs), smallest_far(impostor)),
        histogram=_histogram(tally, impostors),
    )
    return Read(figures, rates)


def _rates(roc: Roc, fars: Sequence[float]) -> tuple[float, ...]:
    return (roc.eer(), *(roc.at_far(far)[0] for far in fars))


def difference(value: float, drawn: F64) -> Interval:
    """Return a difference of two rates with the interval of what ``drawn`` f64[rounds] people gave."""
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Interval(value, min(value, float(low)), max(value, float(high)))


def misses_at(tally: Tally, threshold: float) -> Interval:
    """Return the share of genuine comparisons that do not reach a threshold, or could not be made."""
    share = _reaching(tally, _GENUINE, threshold)
    people = tally.people(_GENUINE)
    return widened(Interval(1.0 - share.value, 1.0 - share.high, 1.0 - share.low), people)


def accepts_at(tally: Tally, threshold: float, impostors: Sequence[Kind] = EVERYBODY) -> Interval:
    """Return the share of impostors' comparisons that reach a threshold."""
    pairs = tally.person_pairs(impostors) or tally.people(impostors)
    return widened(_reaching(tally, impostors, threshold), pairs)


def _reaching(tally: Tally, kinds: Sequence[Kind], threshold: float) -> Interval:
    total = tally.total(kinds)
    if not total:
        return Interval(float("nan"), 0.0, 1.0)
    counts = tally.counts[list(kinds)].sum(axis=0)
    share = float(counts[edges() >= threshold].sum() / total)
    drawn = tally.drawn[list(kinds)].sum(axis=0)
    sums = np.maximum(drawn.sum(axis=0), 1e-12)
    shares = drawn[edges(_COARSER_BITS) >= threshold].sum(axis=0) / sums
    low, high = np.percentile(shares, [2.5, 97.5])
    return Interval(share, min(share, float(low)), max(share, float(high)))


def _interval(value: float, drawn: F64, people: int) -> Interval:
    return widened(difference(value, drawn), people)


def widened(interval: Interval, trials: int) -> Interval:
    """Let the rule of three speak where nothing, or everything, happened."""
    doubt = min(1.0, RULE_OF_THREE / max(1, trials))
    if interval.value == 0.0:
        return Interval(0.0, 0.0, max(interval.high, doubt))
    if interval.value == 1.0:
        return Interval(1.0, min(interval.low, 1.0 - doubt), 1.0)
    return interval


def _curve(roc: Roc, solid_to: float, ends_at: float) -> Curve:
    """Keep so many points of the curve that a plot shows no difference, and none that the data cannot claim."""
    far, frr = roc.far, 1.0 - roc.tar
    claimed = np.flatnonzero(far >= ends_at)
    spread = np.geomspace(ends_at, 1.0, _CURVE_POINTS)
    chosen = np.unique(np.searchsorted(far, spread, side="right") - 1)
    chosen = np.union1d(chosen[far[chosen] >= ends_at], claimed[:1])
    return Curve(
        tuple(float(one) for one in roc.thresholds[chosen]),
        tuple(float(one) for one in far[chosen]),
        tuple(float(one) for one in frr[chosen]),
        solid_to,
        ends_at,
    )


def _histogram(tally: Tally, impostors: Sequence[Kind]) -> Histogram:
    lowest = edges()
    place = np.floor((lowest[1:] + 1.0) / _HISTOGRAM_STEP + 1e-9).astype(np.int64)
    bins = round(2 / _HISTOGRAM_STEP) + 1

    def shares(kinds: Sequence[Kind]) -> tuple[float, ...]:
        counts = tally.counts[list(kinds)].sum(axis=0)
        held = np.bincount(place, counts[1:], minlength=bins)
        return tuple(float(one) for one in held / max(1.0, float(counts.sum())))

    return Histogram(-1.0, _HISTOGRAM_STEP, shares(_GENUINE), shares(impostors))
