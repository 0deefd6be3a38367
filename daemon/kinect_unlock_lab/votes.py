"""Looks and whole attempts under every vote at once: by how much they reach what each half needs.

A margin is the least of the halves' cosines above what they need at that distance. Attempts go by the daemon's rule
(`kinect_unlock.evidence`): each frame by itself, and the mean of all frames, which needs the most that any of them
needs. So an attempt is accepted where its margin is not negative. Bars of one half alone show what that half does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

import numpy as np

from kinect_unlock.halves import HalfName
from kinect_unlock.matching import Bar
from kinect_unlock.observations import Seen
from kinect_unlock.settings import EvidenceRules, Strategy
from kinect_unlock_lab.datasets import Sample
from kinect_unlock_lab.impostors import LEAST_LOOKS, Strangers, Templates, attempt_scores, frame_rows, template_rows
from kinect_unlock_lab.metrics import F64, I64, Bools, Comparisons
from kinect_unlock_lab.protocols import F32, Embedded

Way: TypeAlias = Literal["one look", "moving", "holding"]
WAYS: Final[tuple[Way, ...]] = ("one look", "moving", "holding")
LEAST_OWN_LOOKS: Final = 2  # different looks that an owner needs for an attempt to be more than one look repeated
# What the gates of the verify ranges let pass; liveness is judged apart.
_IN_RANGE: Final = tuple(seen.value for seen in (Seen.FACE, Seen.SPOOF, Seen.UNSURE))


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """Looks at people, half by half.

    ``vectors`` has each half's unit vectors f32[N,dim]; ``distance_mm`` f64[N]; ``person`` and ``group`` i64[N], a
    group being one place and year; ``may_enrol`` and ``may_try`` bool[N] say what each look is good for.
    """

    vectors: Mapping[HalfName, F32]
    distance_mm: F64
    person: I64
    group: I64
    may_enrol: Bools
    may_try: Bools

    def where(self, mask: Bools) -> "Faces":
        """Keep the looks of ``mask``."""
        return Faces(
            {name: vectors[mask] for name, vectors in self.vectors.items()},
            self.distance_mm[mask],
            self.person[mask],
            self.group[mask],
            self.may_enrol[mask],
            self.may_try[mask],
        )

    def trying(self, mask: Bools) -> "Faces":
        """Let only looks of ``mask`` try."""
        return replace(self, may_try=self.may_try & mask)

    def shown(self, rows: I64) -> "Shown":
        """Show these looks, one a frame."""
        return Shown({name: vectors[rows] for name, vectors in self.vectors.items()}, self.distance_mm[rows])

    def templates(self, rows: I64) -> Mapping[HalfName, Templates]:
        """Return the templates of rows i64[T,K], half by half."""
        person, group = self.person[rows[:, 0]], self.group[rows[:, 0]]
        return {name: Templates(vectors[rows], person, group) for name, vectors in self.vectors.items()}


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """What frames show: each half's unit vectors f32[L,dim], and from where, ``distance_mm`` f64[L]."""

    vectors: Mapping[HalfName, F32]
    distance_mm: F64


@dataclass(frozen=True, slots=True)
class Rule:
    """What each half that votes must reach, and how a template is compared."""

    bars: tuple[Bar, ...]
    strategy: Strategy

    def margins(self, shown: Shown, templates: Mapping[HalfName, Templates]) -> F64:
        """Return f64[L,T]: the least of what the halves have above what they need; -inf where a half has no vote."""
        needs = [needed(bar, shown.distance_mm) for bar in self.bars]
        return self._least(shown.vectors, needs, templates)

    def margins_of_mean(self, shown: Shown, templates: Mapping[HalfName, Templates]) -> F64:
        """Return f64[L,T]: margins of the mean of the frames so far, which needs the most that any of them needs."""
        means = {bar.half: running_means(shown.vectors[bar.half]) for bar in self.bars}
        needs = [np.maximum.accumulate(needed(bar, shown.distance_mm)) for bar in self.bars]
        return self._least(means, needs, templates)

    def of_attempt(self, shown: Shown, templates: Mapping[HalfName, Templates], rules: EvidenceRules) -> F64:
        """Return f64[T]: the margin of a whole attempt, frame after frame until the daemon would stop."""
        return attempt_scores(self.margins(shown, templates), self.margins_of_mean(shown, templates), rules)

    def _least(
        self, vectors: Mapping[HalfName, F32], needs: Sequence[F64], templates: Mapping[HalfName, Templates]
    ) -> F64:
        above = [
            templates[bar.half].scores(vectors[bar.half], self.strategy) - need[:, np.newaxis]
            for bar, need in zip(self.bars, needs, strict=True)
        ]
        return np.asarray(np.nan_to_num(np.min(above, axis=0), nan=-np.inf, neginf=-np.inf), np.float64)


def needed(bar: Bar, distance_mm: F64) -> F64:
    """Return the cosine f64[L] that a half needs at each distance; infinity where it has no vote."""
    needs = np.full(distance_mm.shape, np.inf)
    for band in reversed(bar.bands):
        needs[distance_mm <= band.to_mm] = band.cosine  # as `Bar.at` picks it; never for NaN
    return needs


def faces_of(samples: Sequence[Sample], embedded: Embedded, *, may_vote: Bools | None = None) -> Faces:
    """Take the looks with depth that may vote: the daemon enrols no other, and lets no other count.

    ``may_vote`` bool[N] in place of what the settings say. Liveness is judged apart: it does not choose here.
    """
    fit = embedded.acquired & (embedded.depth_fit if may_vote is None else may_vote)
    return Faces(
        {half.name: embedded.half(half.name) for half in embedded.halves},
        embedded.distance_mm.astype(np.float64),
        embedded.person_index,
        np.array([sample.year for sample in samples], np.int64),
        fit,
        fit & np.isin(embedded.seen, _IN_RANGE),
    )


def has_depth(embedded: Embedded) -> Bools:
    """Return bool[N], True where the depth half had something to look at, however turned or far."""
    return np.asarray(np.isfinite(embedded.half("depth")).all(axis=1) & embedded.acquired, np.bool_)


def owners(faces: Faces, rule: Rule, way: Way, *, size: int, draws: int, seed: int = 0) -> Comparisons:
    """Let everybody try templates of ``size`` others of their own looks; scores are margins.

    Raises:
        ValueError: nobody has looks enough.
    """
    random, rules = np.random.default_rng(seed), EvidenceRules()
    scores: list[F64] = []
    people: list[I64] = []
    for person in np.unique(faces.person):
        own = np.flatnonzero((faces.person == person) & faces.may_enrol)
        for _ in range(draws if len(own) > size else 0):
            enrolled = random.choice(own, size, replace=False)
            free = np.setdiff1d(np.flatnonzero((faces.person == person) & faces.may_try), enrolled)
            if len(free) < (1 if way == "one look" else LEAST_OWN_LOOKS):
                continue
            templates = faces.templates(enrolled[np.newaxis])
            if way == "one look":
                margins = rule.margins(faces.shown(free), templates)[:, 0]
            else:
                margins = rule.of_attempt(faces.shown(frame_rows(free, way, random)), templates, rules)
            scores.append(margins)
            people.append(np.full(len(margins), person, np.int64))
    if not scores:
        raise ValueError(f"nobody has looks enough to enrol {size} and try")
    person_of = np.concatenate(people)
    return Comparisons(np.concatenate(scores), person_of, person_of)


def strangers(faces: Faces, rule: Rule, way: Way, *, size: int, draws: int, each: int, seed: int = 0) -> Strangers:
    """Let everybody try templates of everybody else; scores are margins.

    Raises:
        ValueError: nobody has looks enough.
    """
    rows = template_rows(faces.person, faces.may_enrol, size=size, draws=draws, seed=seed)
    templates = faces.templates(rows)
    random, rules = np.random.default_rng(seed), EvidenceRules()
    scores: list[F64] = []
    first_rows: list[int] = []
    for person in np.unique(faces.person[faces.may_try]):
        own = np.flatnonzero((faces.person == person) & faces.may_try)
        if way == "one look":
            scores.extend(rule.margins(faces.shown(own), templates))
            first_rows.extend(own.tolist())
            continue
        for _ in range(each if len(own) >= LEAST_LOOKS else 0):
            scores.append(rule.of_attempt(faces.shown(frame_rows(own, way, random)), templates, rules))
            first_rows.append(int(own[0]))
    if not scores:
        raise ValueError(f"nobody has looks enough to try {way}")
    return among_strangers(np.array(scores), np.array(first_rows), rows[:, 0], faces)


def among_strangers(scores: F64, tried_rows: I64, owner_rows: I64, faces: Faces) -> Strangers:
    """Keep, of scores f64[M,T] of looks at templates, those of different people."""
    tried = np.repeat(tried_rows, len(owner_rows))
    owner = np.tile(owner_rows, len(tried_rows))
    other = faces.person[tried] != faces.person[owner]
    compared = Comparisons(scores.ravel()[other], faces.person[tried[other]], faces.person[owner[other]])
    return Strangers(compared, np.equal(faces.group[tried[other]], faces.group[owner[other]]))


def running_means(vectors: F32) -> F32:
    """Return, for each of unit vectors f32[L,dim], the mean direction of those so far; NaN where they cancel out."""
    sums = np.cumsum(vectors, axis=0, dtype=np.float64)
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(sums / np.where(length > 0, length, np.nan), np.float32)
