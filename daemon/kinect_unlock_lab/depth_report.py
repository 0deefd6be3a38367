"""How well depth alone tells people apart: by pose, distance, hair and face width, against comparing maps untrained.

Only people of one year are compared: those of another stood elsewhere, and would be told apart by that.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Table

from kinect_unlock.arrays import F32, F64
from kinect_unlock.frontalise import HOLE_MM, face_mask
from kinect_unlock.settings import PoseRange
from kinect_unlock_lab.depth_maps import DepthMaps, face_width_mm, hair_share
from kinect_unlock_lab.metrics import Comparisons, Interval, Roc, by_person

_Bool: TypeAlias = NDArray[np.bool_]

FAR: Final = 1e-2
_COMPARED_MM: Final = (60.0, 70.0)  # semi-axes of what the untrained comparison looks at
_NEAR_MM: Final = 1000.0
_THIRD: Final = 1 / 3  # of the people, by the median of a person's near-frontal looks


@dataclass(frozen=True, slots=True)
class DepthRow:
    """Pairs within one choice of samples."""

    samples: str
    people: int
    sample_count: int
    genuine: int
    impostor: int
    eer: Interval
    auc: Interval
    tar: Interval  # at `FAR`


def unit_rows(vectors: F64) -> F64:
    """Return the rows f64[n,d] at length 1; a row of zeros stays one."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float64)


def cosines(vectors: F64, acquired: _Bool) -> F64:
    """Return every pair's cosine f64[n,n] of vectors f64[n,d]; -inf where one was not acquired."""
    unit = unit_rows(vectors)
    return np.where(acquired[:, np.newaxis] & acquired, unit @ unit.T, -np.inf)


def untrained(maps: DepthMaps) -> F64:
    """Return the negative mean difference in mm f64[n,n] of every pair of maps where both have readings.

    The baseline that needs no training.
    """
    pooled = maps.residual_mm[:, face_mask(_COMPARED_MM)]
    seen = (pooled > HOLE_MM).astype(np.float32)
    scores = np.empty((len(pooled), len(pooled)))
    for row, (own, own_seen) in enumerate(zip(pooled, seen, strict=True)):
        shared = seen * own_seen
        scores[row] = -(np.abs(pooled - own) * shared).sum(axis=1) / np.maximum(shared.sum(axis=1), 1)
    return np.where(maps.acquired[:, np.newaxis] & maps.acquired, scores, -np.inf)


def depth_rows(maps: DepthMaps, scores: F64, gate: PoseRange, *, rounds: int = 200) -> tuple[DepthRow, ...]:
    """Report every choice of samples with pairs of both kinds; ``scores`` f64[n,n] of every pair."""
    compared = [(name, chosen, comparisons(maps, scores, chosen)) for name, chosen in choices(maps, gate)]
    return tuple(
        _row(maps, name, chosen, pairs, rounds)
        for name, chosen, pairs in compared
        if pairs.genuine.any() and not pairs.genuine.all()
    )


def choices(maps: DepthMaps, gate: PoseRange) -> Iterator[tuple[str, _Bool]]:
    """Name the choices of samples, bool[n] each; the groups are of those within the gate."""
    near_frontal = maps.near_frontal & maps.acquired
    yield "near-frontal", maps.near_frontal
    yield "all poses", np.ones(len(maps.person), bool)
    gated = maps.acquired & in_gate(maps, gate)
    yield "in verify range", gated
    near = maps.distance_mm < _NEAR_MM
    yield "below 1.0 m", gated & near
    yield "1.0 m and beyond", gated & ~near
    yield "near-frontal, below 1.0 m", near_frontal & near
    yield "near-frontal, 1.0 m and beyond", near_frontal & ~near
    for measure, least, most in (
        (hair_share(maps.residual_mm), "least hair over the outer face, a third", "most hair over it, a third"),
        (face_width_mm(maps.residual_mm), "narrowest faces, a third", "widest faces, a third"),
    ):
        of_person = _of_person(maps, measure)
        _, first = np.unique(maps.person, return_index=True)
        low, high = np.nanquantile(of_person[first], (_THIRD, 1 - _THIRD))
        yield least, gated & (of_person <= low)
        yield most, gated & (of_person >= high)


def in_gate(maps: DepthMaps, gate: PoseRange) -> _Bool:
    """Return bool[n]: whether the daemon would take the frame by its pose and distance; False for NaN."""
    return (
        (maps.distance_mm >= gate.near_mm)
        & (maps.distance_mm <= gate.far_mm)
        & (np.abs(maps.yaw_deg) <= gate.yaw_deg)
        & (np.abs(maps.pitch_deg) <= gate.pitch_deg)
        & (np.abs(maps.roll_deg) <= gate.roll_deg)
    )


def comparisons(maps: DepthMaps, scores: F64, chosen: _Bool) -> Comparisons:
    """Return the pairs of one year among the chosen samples."""
    rows = np.flatnonzero(chosen)
    people = np.unique(maps.person[rows], return_inverse=True)[1].astype(np.int64)
    first, second = np.triu_indices(len(rows), 1)
    same_year = maps.year[rows[first]] == maps.year[rows[second]]
    first, second = first[same_year], second[same_year]
    return Comparisons(scores[rows[first], rows[second]], people[first], people[second])


def auc(roc: Roc) -> float:
    """Return the area under the curve; what was never accepted is joined to the corner by a line."""
    return float(np.trapezoid(np.append(roc.tar, 1.0), np.append(roc.far, 1.0)))


def as_json(rows: tuple[DepthRow, ...]) -> list[dict[str, Any]]:
    """Return the rows as plain data."""
    return [asdict(row) for row in rows]


def table(title: str, rows: tuple[DepthRow, ...]) -> Table:
    """Lay the rows out for a terminal of 80 columns, each interval below its value."""
    view = Table(
        title=f"[bold]{title}[/]", title_justify="left", box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False
    )
    view.add_column("samples")
    for heading in ("people", "genuine\nimpostor", "EER", "AUC", f"TAR @\nFAR {FAR:g}"):
        view.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        area = f"{row.auc.value:.3f}\n[{row.auc.low:.3f}, {row.auc.high:.3f}]"
        eer, tar = (rate.percent().replace(" [", "\n[") for rate in (row.eer, row.tar))
        view.add_row(row.samples, str(row.people), f"{row.genuine:,}\n{row.impostor:,}", eer, area, tar)
    return view


def _row(maps: DepthMaps, name: str, chosen: _Bool, compared: Comparisons, rounds: int) -> DepthRow:
    genuine = int(compared.genuine.sum())
    eer, area, tar = by_person(compared, Roc.eer, auc, lambda roc: roc.at_far(FAR)[0], rounds=rounds)
    return DepthRow(
        samples=name,
        people=len(np.unique(maps.person[chosen])),
        sample_count=int(chosen.sum()),
        genuine=genuine,
        impostor=len(compared.scores) - genuine,
        eer=eer,
        auc=area,
        tar=tar,
    )


def _of_person(maps: DepthMaps, measure: F32) -> F32:
    """Return f32[n]: the median of a person's near-frontal looks, NaN without one."""
    result = np.full(len(measure), np.nan, np.float32)
    for person in np.unique(maps.person):
        own = maps.person == person
        seen = measure[own & maps.near_frontal & maps.acquired & np.isfinite(measure)]
        if len(seen):
            result[own] = np.median(seen)
    return result
