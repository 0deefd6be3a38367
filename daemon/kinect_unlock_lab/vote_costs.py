"""What it costs to ask both halves rather than the first alone: owners missed, by frames of an attempt and by kind.

Twice: at the thresholds of the manifest, which saw half of these people, and by cross-validation over people, where
nobody is judged by a threshold that was chosen on them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Final, Literal, TypeAlias

import numpy as np

from kinect_unlock.matching import Band, Bar
from kinect_unlock.settings import Strategy
from kinect_unlock_lab.calibrate import lowest_threshold
from kinect_unlock_lab.depth_calibration import Misses, choose_row, misses_of
from kinect_unlock_lab.folds import FOLDS, folds_of
from kinect_unlock_lab.metrics import I64, Bools, Comparisons, FalseAccepts, false_accepts
from kinect_unlock_lab.protocols import Embedded
from kinect_unlock_lab.vote_trials import Plan, Refusing, Trials, trials
from kinect_unlock_lab.votes import Faces

Enrolling: TypeAlias = Literal["fit", "any"]
_BarsByFold: TypeAlias = Sequence[tuple[Bar, ...]]

REFUSING: Final[tuple[Refusing, ...]] = ("left out", "counted")
FRAMES: Final = (1, 2, 3, 4)
SIZES: Final = (3, 5)
NEAR_MM: Final = 1000.0
FAR: Final = 1e-3  # for which cross-validation chooses the first half's threshold


@dataclass(frozen=True, slots=True)
class Group:
    """Captures of a kind, bool[N]: what attempts are made of."""

    name: str
    offered: Bools


@dataclass(frozen=True, slots=True)
class Rates:
    """Owners missed and strangers of the same year accepted; None where nobody has looks enough.

    ``misses`` counts attempts of usable frames only (FNMR), ``refusals_too`` attempts of any captures (FRR).
    """

    misses: Misses | None
    refusals_too: Misses | None
    accepts: FalseAccepts | None


@dataclass(frozen=True, slots=True)
class Cost:
    """One kind of attempt, with the first half alone and with both, at thresholds that ``at`` names.

    ``enrolled``: captures with depth that may vote, as the daemon enrols, or any that could be encoded.
    """

    at: str
    enrolled: Enrolling
    group: str
    template_vectors: int
    frames: int
    alone: Rates
    both: Rates


def groups_of(embedded: Embedded) -> tuple[Group, ...]:
    """Return all captures, those near frontal by the data set's rule, and those of either side of one metre."""
    everything = np.ones(len(embedded), bool)
    near = embedded.distance_mm <= NEAR_MM
    return (
        Group("all poses", everything),
        Group("near-frontal", embedded.near_frontal),
        Group("up to 1.0 m", near),
        Group("beyond 1.0 m", embedded.distance_mm > NEAR_MM),
    )


def costs(
    faces: Mapping[Enrolling, Faces],
    groups: Sequence[Group],
    shipped: Mapping[str, tuple[Bar, ...]],
    names: Sequence[str],
    *,
    strategy: Strategy,
    on_done: Callable[[int, int], None] = lambda _count, _of: None,
) -> tuple[Cost, ...]:
    """Count misses and accepts of every group; the first of each tuple of bars is the first half's.

    ``faces`` are the same looks, of which others may be enrolled; ``names`` are the people's, by their numbers there.
    """
    fold_of = folds_of(names)
    folds = {enrolled: _Folds.of(looks, fold_of, strategy) for enrolled, looks in faces.items()}
    found: list[Cost] = []
    steps = tuple(product(faces, groups, SIZES, FRAMES))
    for number, (enrolled, group, size, frames) in enumerate(steps, start=1):
        tried = _Tried.of(faces[enrolled], Plan(size, frames, "left out", strategy), group.offered)
        told = {at: _constant(bars) for at, bars in shipped.items()}
        chosen = folds[enrolled].chosen(tried)
        if chosen:
            told[f"cross-validated for FAR {FAR:g}"] = chosen
        for at, by_fold in told.items():
            alone, both = (tried.rates(fold_of, [bars[:votes] for bars in by_fold]) for votes in (1, None))
            found.append(Cost(at, enrolled, group.name, size, frames, alone, both))
        on_done(number, len(steps))
    return tuple(found)


def _constant(bars: tuple[Bar, ...]) -> _BarsByFold:
    return [bars] * FOLDS


@dataclass(frozen=True, slots=True, eq=False)
class _Tried:
    """Attempts of usable frames only, and of any frames; None where nobody has looks enough."""

    usable: Trials | None
    counted: Trials | None

    @classmethod
    def of(cls, faces: Faces, plan: Plan, offered: Bools) -> "_Tried":
        """Let everybody try."""
        return cls(*(_trials(faces, replace(plan, refusing=refusing), offered) for refusing in REFUSING))

    def rates(self, fold_of: I64, bars: _BarsByFold) -> Rates:
        """Judge each attempt by the bars for the fold of who tries."""
        judged = [None if one is None else _Judged.by(one, fold_of, bars) for one in (self.usable, self.counted)]
        usable, counted = judged
        return Rates(
            None if usable is None else usable.misses(),
            None if counted is None else counted.misses(),
            None if usable is None else usable.accepts(),
        )


def _trials(faces: Faces, plan: Plan, offered: Bools) -> Trials | None:
    try:
        return trials(faces, plan, offered)
    except ValueError:  # nobody has looks enough
        return None


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """Trials and what was decided of each, bool[N]."""

    trials: Trials
    accepted: Bools

    @classmethod
    def by(cls, tried: Trials, fold_of: I64, bars: _BarsByFold) -> "_Judged":
        """Judge each by the bars for the fold of who tries."""
        accepted = np.zeros(len(tried.tried), np.bool_)
        for fold, asked in enumerate(bars):
            mine = fold_of[tried.tried] == fold
            accepted[mine] = tried.where(mine).accepted(asked)
        return cls(tried, accepted)

    def misses(self) -> Misses | None:
        """Count owners who were not accepted."""
        own = self.trials.genuine
        person = self.trials.tried[own]
        return misses_of(Comparisons(np.where(self.accepted[own], 0.0, -1.0), person, person)) if own.any() else None

    def accepts(self) -> FalseAccepts | None:
        """Count strangers of the same place and year who were."""
        other = ~self.trials.genuine & self.trials.same_group
        if not other.any():
            return None
        tried, owner = self.trials.tried[other], self.trials.owner[other]
        return false_accepts(Comparisons(self.accepted[other].astype(np.float64), tried, owner), [1.0])[0]


@dataclass(frozen=True, slots=True, eq=False)
class _Folds:
    """Each person's fold, i64[P], and what depth must reach there, chosen on the people of the others."""

    fold_of: I64
    depth_bars: Sequence[Bar]

    @classmethod
    def of(cls, faces: Faces, fold_of: I64, strategy: Strategy) -> "_Folds":
        """Choose what depth must reach; raises ValueError where a fold's others are too few."""
        others = [faces.where(fold_of[faces.person] != fold) for fold in range(FOLDS)]
        return cls(fold_of, [choose_row(one, strategy).bar for one in others])

    def chosen(self, tried: _Tried) -> _BarsByFold:
        """Choose both halves' bars for each fold on the others' attempts; empty where strangers are too few."""
        if tried.usable is None:
            return []
        strangers = tried.usable.where(~tried.usable.genuine & tried.usable.same_group)
        bars: list[tuple[Bar, ...]] = []
        for fold, depth in enumerate(self.depth_bars):
            other = self.fold_of != fold
            met = other[strangers.tried] & other[strangers.owner]
            threshold = lowest_threshold(strangers.scores["rgb"][met], FAR)
            if threshold is None:
                return []
            bars.append((Bar("rgb", (Band(np.inf, threshold),)), depth))
        return bars
