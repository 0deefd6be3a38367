"""One cosine over both halves: what weight serves best in which light, and whether depth helps where colour fails.

The weight w is the first half's share: w = 1 is the first half alone. Fusing is no defence, colour pays for depth; so
this asks only how well people are told apart. People are enrolled in good light and try in each. It is chosen by
cross-validation over people: nobody is judged by a weight that was chosen on them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from kinect_unlock_lab.folds import FOLDS
from kinect_unlock_lab.metrics import I64, Bools, Comparisons, Interval, Roc, by_person
from kinect_unlock_lab.vote_trials import Plan, Trials, trials
from kinect_unlock_lab.votes import Faces

WEIGHTS: Final = tuple(round(0.05 * step, 2) for step in range(21))
FAR: Final = 1e-3
_ROUNDS: Final = 100


@dataclass(frozen=True, slots=True)
class AtWeight:
    """How well one weight tells people apart."""

    weight: float
    eer: Interval
    tar: Interval


@dataclass(frozen=True, slots=True)
class Fused:
    """One light. ``chosen`` has a weight for each fold; the held-out rates are means over folds by their owners.

    ``usable`` and ``captures`` count what a person shows: no face found, or none that may vote, is not usable.
    """

    light: str
    frames: int
    usable: int
    captures: int
    genuine: int
    people: int
    strangers: int
    by_weight: tuple[AtWeight, ...]
    chosen: tuple[float, ...]
    eer_chosen: float
    eer_first_alone: float


def fused(enrolled: Faces, lit: Faces, light: str, fold_of: I64, *, frames: int) -> Fused:
    """Judge every weight in one light; rows of ``enrolled`` and ``lit`` agree. ``fold_of`` i64[P] is each person's.

    Raises:
        ValueError: nobody has looks enough.
    """
    everything = np.ones(len(lit.person), bool)
    tried = trials(enrolled, Plan(3, frames, "left out"), everything, lit=lit)
    tried = tried.where(tried.genuine | tried.same_group)
    chosen = tuple(_best(_of_people(tried, fold_of != fold)) for fold in range(FOLDS))
    return Fused(
        light=light,
        frames=frames,
        usable=int(lit.may_try.sum()),
        captures=int(enrolled.may_try.sum()),
        genuine=int(tried.genuine.sum()),
        people=len(np.unique(tried.tried[tried.genuine])),
        strangers=int((~tried.genuine).sum()),
        by_weight=tuple(_at(tried, weight) for weight in WEIGHTS),
        chosen=chosen,
        eer_chosen=_held_out(tried, fold_of, chosen),
        eer_first_alone=_held_out(tried, fold_of, (1.0,) * FOLDS),
    )


def _compared(tried: Trials, weight: float) -> Comparisons:
    scores = np.nan_to_num(weight * tried.scores["rgb"] + (1 - weight) * tried.scores["depth"], nan=-np.inf)
    return Comparisons(scores, tried.tried, tried.owner)


def _at(tried: Trials, weight: float) -> AtWeight:
    eer, tar = by_person(_compared(tried, weight), Roc.eer, _tar, rounds=_ROUNDS)
    return AtWeight(weight, eer, tar)


def _tar(roc: Roc) -> float:
    return roc.at_far(FAR)[0]


def _best(tried: Trials) -> float:
    """Return the weight of the least equal error rate; the middle one where several have it."""
    rates = np.array([Roc.of(_compared(tried, weight)).eer() for weight in WEIGHTS])
    best = np.flatnonzero(rates == rates.min())
    return WEIGHTS[int(best[len(best) // 2])]


def _of_people(tried: Trials, people: Bools) -> Trials:
    return tried.where(people[tried.tried] & people[tried.owner])


def _held_out(tried: Trials, fold_of: I64, weights: Sequence[float]) -> float:
    """Return the mean equal error rate of the folds, by their genuine attempts; a fold without any has no say."""
    rates, counts = [], []
    for fold, weight in enumerate(weights):
        mine = tried.where(fold_of[tried.tried] == fold)
        if mine.genuine.any() and not mine.genuine.all():
            rates.append(Roc.of(_compared(mine, weight)).eer())
            counts.append(int(mine.genuine.sum()))
    return float(np.average(rates, weights=counts)) if rates else float("nan")
