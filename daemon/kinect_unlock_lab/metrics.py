"""Error rates of a biometric comparison with intervals that the data can support.

Terms follow ISO/IEC 19795-1. Scores are similarities: higher is more alike. A comparison that could not be made
(failure to acquire) has the score -inf, so that it counts as a rejection on either side.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import stats

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


def clopper_pearson(events: int, trials: int, *, confidence: float = 0.95) -> Interval:
    """Return the exact binomial interval of a rate (Clopper and Pearson, Biometrika 26, 1934).

    Raises:
        ValueError: counts that cannot be, such as more events than trials.
    """
    if not 0 <= events <= trials:
        raise ValueError(f"{events} events in {trials} trials")
    if trials == 0:
        return Interval(float("nan"), 0.0, 1.0)
    tail = (1.0 - confidence) / 2.0
    low = 0.0 if events == 0 else float(stats.beta.ppf(tail, events, trials - events + 1))
    high = 1.0 if events == trials else float(stats.beta.ppf(1.0 - tail, events + 1, trials - events))
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

    def where(self, mask: Bools) -> "Comparisons":
        """Keep the comparisons of ``mask``."""
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
        scores, weight, genuine = comparisons.scores[order], weight[order], comparisons.genuine[order]
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
    measure: Callable[[Roc], float],
    *,
    rounds: int = 200,
    seed: int = 0,
) -> Interval:
    """Return ``measure`` with a 95 % interval from resampling people, not comparisons (they are not independent)."""
    people = int(max(comparisons.probe_person.max(), comparisons.reference_person.max())) + 1
    random = np.random.default_rng(seed)
    values = np.empty(rounds)
    for round_number in range(rounds):
        drawn = np.bincount(random.integers(0, people, people), minlength=people).astype(np.float64)
        probe, reference = drawn[comparisons.probe_person], drawn[comparisons.reference_person]
        # A person drawn twice is one person: its own comparisons count by the draws, not by their square.
        weights = np.where(comparisons.genuine, probe, probe * reference)
        values[round_number] = measure(Roc.of(comparisons, weights=weights))
    low, high = np.percentile(values, [2.5, 97.5])
    return Interval(measure(Roc.of(comparisons)), float(low), float(high))


def smallest_far(impostor_comparisons: int) -> float:
    """Return the FAR below which so many comparisons can claim nothing (rule of three, 95 %)."""
    return min(1.0, RULE_OF_THREE / max(1, impostor_comparisons))
