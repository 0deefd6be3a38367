"""Attempts of one to four frames at everybody's templates, with the score of each half: what thresholds are tried on.

Here an attempt's score is that of the mean of its usable frames, as if the votes of single frames had all been given;
whole attempts under the daemon's rule of when to stop are `kinect_unlock_lab.votes`. The same attempts and templates
answer for every threshold, so one half alone and both together are compared on equal terms.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final, Literal, TypeAlias

import numpy as np

from kinect_unlock.halves import HalfName
from kinect_unlock.matching import Bar
from kinect_unlock.settings import Strategy
from kinect_unlock_lab.impostors import template_rows
from kinect_unlock_lab.metrics import F64, I64, Bools
from kinect_unlock_lab.votes import Faces, needed, running_means

Refusing: TypeAlias = Literal["left out", "counted"]

DRAWS: Final = 5  # templates of a person
EACH: Final = 10  # attempts of a person at most, for one template


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """Attempts at templates, N in all.

    ``scores`` has the cosine f64[N] of each half, -inf where no frame was usable; ``distance_mm`` f64[N,frames], NaN
    for a frame that was not; ``tried`` and ``owner`` i64[N] are people; ``same_group`` bool[N] where both are of one
    place and year.
    """

    scores: dict[HalfName, F64]
    distance_mm: F64
    tried: I64
    owner: I64
    same_group: Bools

    @property
    def genuine(self) -> Bools:
        """True where somebody tries their own template."""
        return np.equal(self.tried, self.owner)

    def where(self, mask: Bools) -> "Trials":
        """Keep some of them."""
        return Trials(
            {name: scores[mask] for name, scores in self.scores.items()},
            self.distance_mm[mask],
            self.tried[mask],
            self.owner[mask],
            self.same_group[mask],
        )

    def reach(self, bar: Bar) -> Bools:
        """Return bool[N], True where a half reaches the most that any of an attempt's frames needs of it."""
        usable = np.isfinite(self.distance_mm)
        needs = np.full(self.distance_mm.shape, -np.inf)
        needs[usable] = needed(bar, self.distance_mm[usable])
        return np.asarray((self.scores[bar.half] >= needs.max(axis=1)) & usable.any(axis=1), np.bool_)

    def accepted(self, bars: Sequence[Bar]) -> Bools:
        """Return bool[N], True where every half agrees."""
        return np.asarray(np.logical_and.reduce([self.reach(bar) for bar in bars]), np.bool_)


@dataclass(frozen=True, slots=True)
class Plan:
    """How many vectors are enrolled and how many different frames an attempt has.

    Frames that are not usable are *left out* before attempts are made (which gives FNMR, a rate of comparisons), or
    *counted*: attempts are made of any frames, use what they can, and are refused where that is nothing (FRR).
    """

    template_vectors: int
    frames: int
    refusing: Refusing
    strategy: Strategy = "nearest"
    seed: int = 0


def trials(faces: Faces, plan: Plan, offered: Bools, *, lit: Faces | None = None) -> Trials:
    """Let everybody's attempts try everybody's templates.

    A person's own attempts at a template are made of captures that it did not take; ``offered`` bool[N] are those that
    attempts are made of at all. ``lit`` are the same captures in the light of the attempts, if that is another.

    Raises:
        ValueError: nobody has looks enough.
    """
    random = np.random.default_rng(plan.seed)
    rows = template_rows(faces.person, faces.may_enrol, size=plan.template_vectors, draws=DRAWS, seed=plan.seed)
    both = _Lit(faces, faces if lit is None else lit)
    own = [one for template in rows for one in _own(both, template, plan, offered, random)]
    other = _others(both, rows, plan, offered, random)
    found = [one for one in (*own, other) if one is not None and len(one.tried)]
    if not found:
        raise ValueError(f"nobody has looks enough to enrol {plan.template_vectors} and show {plan.frames}")
    return Trials(
        {name: np.concatenate([one.scores[name] for one in found]) for name in found[0].scores},
        np.concatenate([one.distance_mm for one in found]),
        np.concatenate([one.tried for one in found]),
        np.concatenate([one.owner for one in found]),
        np.concatenate([one.same_group for one in found]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Lit:
    """The same captures as they are enrolled and as they are shown."""

    enrolled: Faces
    shown: Faces


def _own(faces: _Lit, template: I64, plan: Plan, offered: Bools, random: np.random.Generator) -> list[Trials]:
    person = faces.enrolled.person
    free = np.setdiff1d(np.flatnonzero((person == person[template[0]]) & offered), template)
    frames = _frames(free, faces.shown.may_try, plan, random)
    return [_scored(faces, frames, template[np.newaxis], plan)] if frames else []


def _others(faces: _Lit, rows: I64, plan: Plan, offered: Bools, random: np.random.Generator) -> Trials | None:
    """Let everybody try everybody else's templates, with the same attempts at each."""
    usable_only = replace(plan, refusing="left out")  # a stranger gains nothing by frames that do not count
    person, usable = faces.shown.person, faces.shown.may_try
    frames: list[I64] = []
    for one in np.unique(person):
        frames.extend(_frames(np.flatnonzero((person == one) & offered), usable, usable_only, random))
    if not frames:
        return None
    found = _scored(faces, frames, rows, plan)
    return found.where(~found.genuine)


def _frames(rows: I64, usable: Bools, plan: Plan, random: np.random.Generator) -> list[I64]:
    """Return the rows of each attempt: all combinations, or some at random where there are many."""
    shown = rows[usable[rows]] if plan.refusing == "left out" else rows
    every = list(combinations(shown.tolist(), plan.frames))
    if len(every) > EACH:
        every = [every[place] for place in np.sort(random.permutation(len(every))[:EACH])]
    return [np.array(one, np.int64) for one in every]


def _scored(faces: _Lit, frames: Sequence[I64], rows: I64, plan: Plan) -> Trials:
    """Score every attempt at every template."""
    templates, shown = faces.enrolled.templates(rows), faces.shown
    distance_mm = np.full((len(frames), plan.frames), np.nan)
    means = {name: np.full((len(frames), one.shape[1]), np.nan, np.float32) for name, one in shown.vectors.items()}
    for place, attempt in enumerate(frames):
        counted = attempt[shown.may_try[attempt]]
        if len(counted):
            distance_mm[place, : len(counted)] = shown.distance_mm[counted]
            for name, vectors in shown.vectors.items():
                means[name][place] = running_means(vectors[counted])[-1]
    tried = np.repeat(np.array([attempt[0] for attempt in frames]), len(rows))
    owner = np.tile(rows[:, 0], len(frames))
    return Trials(
        {
            name: np.nan_to_num(templates[name].scores(mean, plan.strategy).ravel(), nan=-np.inf)
            for name, mean in means.items()
        },
        np.repeat(distance_mm, len(rows), axis=0),
        shown.person[tried],
        shown.person[owner],
        np.equal(shown.group[tried], shown.group[owner]),
    )
