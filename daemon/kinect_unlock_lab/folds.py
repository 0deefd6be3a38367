"""What is fitted on people is judged on others: folds of people, and the depth half's bars fitted across them."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from kinect_unlock.halves import Half
from kinect_unlock_lab.attempting import Data, Protocol, settings
from kinect_unlock_lab.protocols import F32, I64, Bools, Names
from kinect_unlock_lab.scoring import DepthBar, OneHalf, Rule, TwoVotes

FOLDS: Final = 5
DEPTH_MISSES: Final = 0.04  # share of genuine looks that the depth vote may refuse
BAND_ENDS_MM: Final = (900.0, 1100.0, 1350.0)
_ENOUGH: Final = 25  # looks of a band; with fewer the nearer band's bar holds, or one for all bands


@dataclass(frozen=True, slots=True, eq=False)
class _Genuine:
    """Looks at a person's own template: depth cosines f32[M], the looks' distances f32[M] and people i64[M]."""

    scores: F32
    distance_mm: F32
    person: I64


def folds_of(people: Sequence[str] | Names, *, folds: int = FOLDS) -> I64:
    """Return each person's fold i64[P], for ever the same: the CRC-32 of the name, halved, modulo their number.

    Halved, because its parity is the split into tune and report.
    """
    return np.array([(zlib.crc32(str(name).encode()) >> 1) % folds for name in people], np.int64)


def two_votes(data: Data, *, misses: float = DEPTH_MISSES, folds: int = FOLDS) -> TwoVotes:
    """Fit the depth half's bars by distance, for each fold on the people of the others, so that it refuses ``misses``.

    Looks are single frames with fit depth at templates of the most frontal samples that have it. A fold without looks
    keeps a bar that is never reached.

    Raises:
        ValueError: the embeddings have no depth half.
    """
    halves = {half.name: half for half in data.enrol.halves}
    if "depth" not in halves or len(halves) < 2:
        raise ValueError(f"two votes need a depth half and another, got {', '.join(halves)}")
    fit = data.enrol.acquired & data.enrol.depth_fit
    looks = _genuine(replace(data, enrol=replace(data.enrol, acquired=fit), usable=data.usable & fit), halves["depth"])
    fold_of = folds_of(np.unique(data.enrol.person), folds=folds)
    bars = tuple(_bars(looks, fold_of[looks.person] != fold, misses) for fold in range(folds))
    return TwoVotes(data.enrol.halves[0], halves["depth"], bars, fold_of)


def of_people(rule: Rule, people: Names) -> Rule:
    """Return the rule for these people alone; bars are by fold, and who is in which is told by name."""
    return (
        replace(rule, fold_of=folds_of(np.unique(people), folds=len(rule.bars))) if isinstance(rule, TwoVotes) else rule
    )


def _genuine(data: Data, depth: Half) -> _Genuine:
    looks = tuple(settings(data, Protocol()))
    if not looks:
        nothing = np.zeros(0, np.float32)
        return _Genuine(nothing, nothing, np.zeros(0, np.int64))
    ((attempts, gallery),) = looks
    own = attempts.person[:, np.newaxis] == gallery.person[np.newaxis]
    scores = np.where(own, OneHalf(depth).scores(attempts, gallery), np.nan)
    owned = own.any(axis=1)
    best = np.array([row[mask][0] for row, mask in zip(scores[owned], own[owned], strict=True)], np.float32)
    return _Genuine(best, attempts.distance_mm[owned], attempts.person[owned])


def _bars(looks: _Genuine, chosen: Bools, misses: float) -> tuple[DepthBar, ...]:
    known = chosen & np.isfinite(looks.scores)
    bars: list[DepthBar] = []
    begin_mm = 0.0
    for end_mm in BAND_ENDS_MM:
        inside = known & (looks.distance_mm > begin_mm) & (looks.distance_mm <= end_mm)
        if inside.sum() >= _ENOUGH:
            bars.append(DepthBar(end_mm, float(np.quantile(looks.scores[inside], misses))))
        elif bars:
            bars.append(DepthBar(end_mm, bars[-1].cosine))
        begin_mm = end_mm
    if not bars and known.sum() >= _ENOUGH:
        bars.append(DepthBar(begin_mm, float(np.quantile(looks.scores[known], misses))))
    return tuple(bars)
