"""Error rates of a biometric comparison with intervals that the data can support.

Terms follow ISO/IEC 19795-1. Scores are similarities: higher is more alike. A comparison that could not be made
(failure to acquire) has the score -inf, so that it counts as a rejection on either side.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

F64: TypeAlias = NDArray[np.float64]
I64: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]

RULE_OF_THREE: Final = 3.0


@dataclass(frozen=True, slots=True)
class Interval:
    """A point estimate with a 95 % interval; all three are shares, 0..1."""

    value: float
    low: float
    high: float

    def percent(self, digits: int = 1) -> str:
        """Return it as ``4.6 % [3.1, 6.2]``."""
        return f"{100 * self.value:.{digits}f} % [{100 * self.low:.{digits}f}, {100 * self.high:.{digits}f}]"


def clopper_pearson(events: float, trials: int, *, confidence: float = 0.95) -> Interval:
    """Return the exact binomial interval of a rate (Clopper and Pearson, Biometrika 26, 1934).

    Events need not be whole, so that a rate may be judged as if fewer trials had given it.

    Raises:
        ValueError: counts that cannot be, such as more events than trials.
    """
    if not 0 <= events <= trials:
        raise ValueError(f"{events} events in {trials} trials")
    if trials == 0:
        return Interval(float("nan"), 0.0, 1.0)
    from scipy.special import betaincinv  # noqa: PLC0415 - of an extra, and `lab --help` must do without

    tail = (1.0 - confidence) / 2.0
    low = 0.0 if events == 0 else float(betaincinv(events, trials - events + 1, tail))
    high = 1.0 if events == trials else float(betaincinv(events + 1, trials - events, 1.0 - tail))
    return Interval(events / trials, low, high)


@dataclass(frozen=True, slots=True, eq=False)
class Comparisons:
    """Scores f64[M] of probe against reference, with the person behind each side as an index i64[M]."""

    scores: F64
    probe_person: I64
    reference_person: I64

    @property
    def genuine(self) -> Bools:
        """True where both sides are one person."""
        return np.equal(self.probe_person, self.reference_person)

    def where(self, mask: Bools | I64) -> "Comparisons":
        """Keep the comparisons of ``mask``, or take those of an index in its order."""
        return Comparisons(self.scores[mask], self.probe_person[mask], self.reference_person[mask])


@dataclass(frozen=True, slots=True, eq=False)
class Roc:
    """Operating points by falling threshold; every distinct score is one, and the first accepts nobody."""

    thresholds: F64
    far: F64
    tar: F64

    @classmethod
    def of(cls, comparisons: Comparisons, *, weights: F64 | None = None) -> "Roc":
        """Build it; ``weights`` f64[M] counts each comparison that many times (bootstrap)."""
        weight = np.ones(len(comparisons.scores)) if weights is None else weights
        order = np.argsort(-comparisons.scores, kind="stable")
        return cls.of_ranked(comparisons.where(order), weight[order])

    @classmethod
    def of_ranked(cls, comparisons: Comparisons, weight: F64) -> "Roc":
        """Build it from comparisons that fall in score, each counted ``weight`` f64[M] times."""
        scores, genuine = comparisons.scores, comparisons.genuine
        accepted_genuine = np.cumsum(weight * genuine)
        accepted_impostor = np.cumsum(weight * ~genuine)
        last_of_score = np.append(scores[1:] != scores[:-1], np.ones(min(1, len(scores)), bool))
        last_of_score &= np.isfinite(scores)
        keep = np.flatnonzero(last_of_score)
        all_genuine, all_impostor = float((weight * genuine).sum()), float((weight * ~genuine).sum())
        return cls(
            np.concatenate([[np.inf], scores[keep]]),
            np.concatenate([[0.0], accepted_impostor[keep] / max(all_impostor, 1e-12)]),
            np.concatenate([[0.0], accepted_genuine[keep] / max(all_genuine, 1e-12)]),
        )

    def eer(self) -> float:
        """Return the rate at which false accepts and false rejects are equally frequent, interpolated."""
        frr = 1.0 - self.tar
        gap = self.far - frr
        after = int(np.argmax(gap >= 0)) if bool((gap >= 0).any()) else len(gap) - 1
        if after == 0 or gap[after] < 0:
            return float(max(self.far[after], frr[after]))
        share = -gap[after - 1] / (gap[after] - gap[after - 1])
        return float(self.far[after - 1] + share * (self.far[after] - self.far[after - 1]))

    def at_far(self, far: float) -> tuple[float, float]:
        """Return ``(tar, threshold)`` of the loosest operating point whose FAR does not exceed ``far``."""
        index = int(np.searchsorted(self.far, far, side="right")) - 1
        return float(self.tar[index]), float(self.thresholds[index])


def by_person(
    comparisons: Comparisons,
    *measures: Callable[[Roc], float],
    rounds: int = 200,
    seed: int = 0,
) -> tuple[Interval, ...]:
    """Return each measure with a 95 % interval from resampling people, not comparisons (they are not independent)."""
    order = np.argsort(-comparisons.scores, kind="stable")  # once: it stays so for every weighting
    ranked = comparisons.where(order)
    genuine = ranked.genuine
    people = int(max(comparisons.probe_person.max(), comparisons.reference_person.max())) + 1
    random = np.random.default_rng(seed)
    values = np.empty((rounds, len(measures)))
    for round_number in range(rounds):
        drawn = np.bincount(random.integers(0, people, people), minlength=people).astype(np.float64)
        probe, reference = drawn[ranked.probe_person], drawn[ranked.reference_person]
        # A person drawn twice is one person: its own comparisons count by the draws, not by their square.
        roc = Roc.of_ranked(ranked, np.where(genuine, probe, probe * reference))
        values[round_number] = [measure(roc) for measure in measures]
    whole = Roc.of_ranked(ranked, np.ones(len(order)))
    bounds = np.percentile(values, [2.5, 97.5], axis=0)
    return tuple(
        Interval(measure(whole), float(low), float(high)) for measure, low, high in zip(measures, *bounds, strict=True)
    )


def share_by_person(events: F64, person: I64, *, rounds: int = 1000, seed: int = 0) -> Interval:
    """Return the mean of ``events`` f64[M] with a 95 % interval from resampling the people i64[M] behind them."""
    people, index = np.unique(person, return_inverse=True)
    size = len(people)
    drawn = np.random.default_rng(seed).multinomial(size, np.full(size, 1.0 / size), rounds)
    shares = (drawn @ np.bincount(index, events)) / np.maximum(drawn @ np.bincount(index), 1)
    low, high = np.percentile(shares, [2.5, 97.5])
    return Interval(float(events.mean()), float(low), float(high))


@dataclass(frozen=True, slots=True)
class FalseAccepts:
    """How often strangers reach a threshold; ``person_pairs`` counts two people once, whoever tried to be whom."""

    accepted: int
    comparisons: int
    accepted_pairs: int
    person_pairs: int
    rate: Interval


def false_accepts(
    comparisons: Comparisons, thresholds: Sequence[float], *, rounds: int = 1000, seed: int = 0
) -> tuple[FalseAccepts, ...]:
    """Count the strangers at or above each threshold; ``comparisons`` must be of different people only.

    The interval is the hull of two, 95 % each: of resampling people, which knows that a lookalike is one for every
    capture but sees no doubt where nothing happened, and the exact binomial one that counts a pair of people as one
    trial, which is the other way about.
    """
    people = np.union1d(comparisons.probe_person, comparisons.reference_person)
    size = len(people)
    probe = np.searchsorted(people, comparisons.probe_person)
    reference = np.searchsorted(people, comparisons.reference_person)
    total = np.bincount(probe * size + reference, minlength=size * size).reshape(size, size)
    drawn = np.random.default_rng(seed).multinomial(size, np.full(size, 1.0 / size), rounds).astype(np.float64)
    totals = np.maximum(((drawn @ total) * drawn).sum(axis=1), 1.0)
    pairs, count = int(np.count_nonzero(np.triu(total + total.T))), len(probe)
    found = []
    for threshold in thresholds:
        passed = np.flatnonzero(comparisons.scores >= threshold)
        tried, owner = probe[passed], reference[passed]
        low, high = np.percentile((drawn[:, tried] * drawn[:, owner]).sum(axis=1) / totals, [2.5, 97.5])
        exact = clopper_pearson(len(passed) / count * pairs, pairs)
        rate = Interval(len(passed) / count, min(float(low), exact.low), max(float(high), exact.high))
        accepted_pairs = len(np.unique(np.minimum(tried, owner) * size + np.maximum(tried, owner)))
        found.append(FalseAccepts(len(passed), count, accepted_pairs, pairs, rate))
    return tuple(found)


def smallest_far(impostor_comparisons: int) -> float:
    """Return the FAR below which so many comparisons can claim nothing (rule of three, 95 %)."""
    return min(1.0, RULE_OF_THREE / max(1, impostor_comparisons))
