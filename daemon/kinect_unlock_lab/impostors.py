"""Strangers and owners against templates: one look each, or whole attempts under the daemon's rule of when to stop.

Scores of an attempt are the highest threshold at which `kinect_unlock.evidence` would have accepted it, so that one
array of scores answers for every threshold.
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np

from kinect_unlock.settings import EvidenceRules, Strategy
from kinect_unlock_lab.metrics import F64, I64, Bools, Comparisons
from kinect_unlock_lab.protocols import F32

Manner: TypeAlias = Literal["moving", "holding"]

# So many frames, and the tenth stranger's vote has ended every attempt that a usual threshold could still accept.
ATTEMPT_FRAMES: Final = 15
LEAST_LOOKS: Final = 3  # different looks that a stranger needs for an attempt to be more than one look repeated


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """Looks at people: unit ``vectors`` f32[N,D]; ``person`` and ``group`` i64[N], a group being one place and year.

    ``may_enrol`` and ``may_try`` bool[N] say what each look is good for.
    """

    vectors: F32
    person: I64
    group: I64
    may_enrol: Bools
    may_try: Bools

    def where(self, mask: Bools) -> "Looks":
        """Keep the looks of ``mask``."""
        return Looks(*(getattr(self, name)[mask] for name in self.__slots__))


@dataclass(frozen=True, slots=True, eq=False)
class Templates:
    """Templates of one size: ``vectors`` f32[T,K,D] and whose they are, ``person`` and ``group`` i64[T]."""

    vectors: F32
    person: I64
    group: I64

    def scores(self, probes: F32, strategy: Strategy) -> F64:
        """Return f64[M,T]: how alike unit vectors f32[M,D] are to each template, as `kinect_unlock.matching` does."""
        count, size, width = self.vectors.shape
        if strategy == "centre":
            means = self.vectors.mean(axis=1)
            means /= np.linalg.norm(means, axis=1, keepdims=True)
            cosines = probes @ means.T
        else:
            cosines = (probes @ self.vectors.reshape(count * size, width).T).reshape(-1, count, size).max(axis=2)
        return np.asarray(cosines, np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Strangers:
    """Comparisons of different people only; ``same_group`` bool[M] where both are of one place and year."""

    compared: Comparisons
    same_group: Bools


def draw_templates(looks: Looks, *, size: int, draws: int, seed: int = 0) -> Templates:
    """Draw templates of ``size`` different looks for everybody who has so many; all looks of a person are drawn once.

    Raises:
        ValueError: nobody has so many looks.
    """
    rows = template_rows(looks.person, looks.may_enrol, size=size, draws=draws, seed=seed)
    return Templates(looks.vectors[rows], looks.person[rows[:, 0]], looks.group[rows[:, 0]])


def template_rows(person: I64, may_enrol: Bools, *, size: int, draws: int, seed: int = 0) -> I64:
    """Return the rows i64[T,size] of templates as `draw_templates` draws them; raises ValueError if there are none."""
    random = np.random.default_rng(seed)
    chosen: list[I64] = []
    for one in np.unique(person):
        rows = np.flatnonzero((person == one) & may_enrol)
        if len(rows) >= size:
            chosen.extend(random.choice(rows, size, replace=False) for _ in range(1 if len(rows) == size else draws))
    if not chosen:
        raise ValueError(f"nobody has {size} looks to enrol")
    return np.array(chosen)


def single_looks(looks: Looks, templates: Templates, strategy: Strategy) -> Strangers:
    """Compare every look that may try with every template of somebody else."""
    rows = np.flatnonzero(looks.may_try)
    scores = templates.scores(looks.vectors[rows], strategy)
    return _strangers(scores, looks.person[rows], looks.group[rows], templates)


def attempts(
    looks: Looks, templates: Templates, strategy: Strategy, *, manner: Manner, each: int, seed: int = 0
) -> Strangers:
    """Let every stranger with looks enough try ``each`` times at every template of somebody else.

    Somebody *moving* shows any of their looks in any frame; somebody *holding* shows them one after the other, each as
    long, as frames of a stream are alike. Looks recur, as they do in a stream.
    """
    random, rules = np.random.default_rng(seed), EvidenceRules()
    scores: list[F64] = []
    first_rows: list[int] = []
    for person in np.unique(looks.person[looks.may_try]):
        rows = np.flatnonzero((looks.person == person) & looks.may_try)
        for _ in range(each if len(rows) >= LEAST_LOOKS else 0):
            frames = looks.vectors[frame_rows(rows, manner, random)]
            running = np.cumsum(frames, axis=0)
            running /= np.linalg.norm(running, axis=1, keepdims=True)
            of_frames, of_means = (templates.scores(vectors, strategy) for vectors in (frames, running))
            scores.append(attempt_scores(of_frames, of_means, rules))
            first_rows.append(int(rows[0]))
    if not scores:
        raise ValueError(f"nobody has {LEAST_LOOKS} looks to try with")
    return _strangers(np.array(scores), looks.person[first_rows], looks.group[first_rows], templates)


def owners(looks: Looks, strategy: Strategy, *, size: int, draws: int, seed: int = 0) -> Comparisons:
    """Compare looks that may try with templates of ``size`` others of the same person; people without are left out."""
    random = np.random.default_rng(seed)
    scores: list[F64] = []
    people: list[I64] = []
    for person in np.unique(looks.person):
        own = np.flatnonzero((looks.person == person) & looks.may_enrol)
        for _ in range(draws if len(own) > size else 0):
            enrolled = random.choice(own, size, replace=False)
            trying = np.setdiff1d(np.flatnonzero((looks.person == person) & looks.may_try), enrolled)
            template = Templates(looks.vectors[enrolled][np.newaxis], looks.person[own[:1]], looks.group[own[:1]])
            scores.append(template.scores(looks.vectors[trying], strategy)[:, 0])
            people.append(looks.person[trying])
    if not scores:
        raise ValueError(f"nobody has more than {size} looks to enrol")
    person_of = np.concatenate(people)
    return Comparisons(np.concatenate(scores), person_of, person_of)


def attempt_scores(of_frames: F64, of_means: F64, rules: EvidenceRules) -> F64:
    """Return f64[T]: the highest threshold at which an attempt is accepted, from f64[L,T] of frames and running means.

    An attempt is accepted at a frame if that frame votes for the owner, so many of the last ones do, the mean of all
    so far reaches the threshold and fewer than ``reject_after`` frames voted against. Each of these holds for every
    threshold up to one value, hence their minimum, and the best frame decides. A stream's breaks and its least span
    are not looked at.
    """
    accepted_up_to = np.full(of_frames.shape[1], -np.inf)
    for last in range(rules.votes_needed - 1, len(of_frames)):
        window = np.sort(of_frames[max(0, last + 1 - rules.votes_window) : last + 1], axis=0)
        here = np.minimum(np.minimum(window[-rules.votes_needed], of_frames[last]), of_means[last])
        if last + 1 >= rules.reject_after:
            here = np.minimum(here, np.sort(of_frames[: last + 1], axis=0)[rules.reject_after - 1])
        accepted_up_to = np.maximum(accepted_up_to, here)
    return accepted_up_to


def frame_rows(rows: I64, manner: Manner, random: np.random.Generator) -> I64:
    """Return which of somebody's looks each frame of an attempt shows, i64[`ATTEMPT_FRAMES`]."""
    if manner == "moving":
        return random.choice(rows, ATTEMPT_FRAMES)
    held = -(-ATTEMPT_FRAMES // len(rows))  # rounded up
    return np.repeat(random.permutation(rows), max(held, EvidenceRules().votes_needed))[:ATTEMPT_FRAMES]


def _strangers(scores: F64, person: I64, group: I64, templates: Templates) -> Strangers:
    tried, home = np.repeat(person, len(templates.person)), np.repeat(group, len(templates.person))
    owner, place = np.tile(templates.person, len(scores)), np.tile(templates.group, len(scores))
    other = tried != owner
    compared = Comparisons(scores.ravel()[other], tried[other], owner[other])
    return Strangers(compared, (home == place)[other])
