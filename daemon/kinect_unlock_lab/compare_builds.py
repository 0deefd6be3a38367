"""Whether a faster build of an encoder recognises people as well as float32 does: the same faces, the same draws.

What is compared is the first half, which says who somebody is; depth is not quantised. Differences are paired: every
draw of people weighs both builds alike, so that what the data cannot tell anyway does not widen the interval.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Column, Table

from kinect_unlock.arrays import F32, U8
from kinect_unlock.choosing import check_faces
from kinect_unlock.crop import DepthChannel, face_tensor
from kinect_unlock.photographs import NO_READINGS
from kinect_unlock.pipeline import FaceDetector
from kinect_unlock_lab.metrics import F64, I64, Comparisons, Interval, Roc

Vectors: TypeAlias = Mapping[str, F32]  # unit vectors f32[N,D] of the same faces by build, float32 first

FAR: Final = 1e-3


@dataclass(frozen=True, slots=True)
class BuildRow:
    """One way to compare faces: ``probe`` is the build of the one side, ``template`` that of the other.

    Rates 0..1; differences are to float32 on both sides. Cosines are of one face's vectors in both builds.
    """

    probe: str
    template: str
    eer: float
    eer_difference: Interval
    tar: float
    tar_difference: Interval
    cosine_min: float
    cosine_p1: float
    cosine_p50: float


@dataclass(frozen=True, slots=True)
class Faces:
    """Face tensors f32[N,4,112,112] and whose they are; ``missed`` images showed no face."""

    tensors: F32
    person: NDArray[np.str_]
    missed: int


def faces_of(images: Iterable[tuple[str, U8]], detector: FaceDetector, *, on_done: Callable[[int], None]) -> Faces:
    """Cut the largest face out of every image, given with whose it is; its depth plane is `check_faces`'."""
    relief = check_faces()[0, 3]
    tensors, people, missed = [], [], 0
    for number, (person, color) in enumerate(images, start=1):
        found = max(detector.detect(color), key=lambda face: face.box.width_px * face.box.height_px, default=None)
        on_done(number)
        if found is None:
            missed += 1
            continue
        tensor = face_tensor(color, found, NO_READINGS, contract=DepthChannel.REGISTERED).data.copy()
        tensor[3] = relief
        tensors.append(tensor)
        people.append(person)
    return Faces(np.array(tensors, np.float32), np.array(people), missed)


def compare(vectors: Vectors, person: NDArray[np.str_], *, rounds: int = 200, seed: int = 0) -> tuple[BuildRow, ...]:
    """Compare all pairs of faces in every build, and every build against templates of float32."""
    reference = next(iter(vectors))
    index = np.unique(person, return_inverse=True)[1].astype(np.int64)
    first, second = np.triu_indices(len(index), 1)
    pairs = [(reference, reference)]
    pairs += [(name, template) for name in list(vectors)[1:] for template in (name, reference)]
    ranked = []
    for probe, template in pairs:
        scores = (vectors[probe] @ vectors[template].T)[first, second].astype(np.float64)
        order = np.argsort(-scores, kind="stable")
        ranked.append(Comparisons(scores, index[first], index[second]).where(order))
    draws = np.array([_measures(ranked, weights) for weights in _draws(index, rounds, seed)])
    whole = np.array(_measures(ranked, None))
    return tuple(
        _row(
            pair, whole[place], whole[0], draws[:, place] - draws[:, 0], (vectors[pair[0]] * vectors[reference]).sum(1)
        )
        for place, pair in enumerate(pairs)
    )


def as_table(rows: Iterable[BuildRow]) -> Table:
    """Lay the rows out for a terminal, rates in per cent, changes from float32 with 95 % intervals, cosines at p1."""
    view = Table(
        *(Column(heading, no_wrap=True) for heading in ("build", "template")), box=SIMPLE_HEAD, padding=(0, 1, 0, 0)
    )
    for heading in ("EER %", "change", f"TAR@{FAR:g}", "change", "cosine"):
        view.add_column(heading, justify="right", overflow="fold")
    for row in rows:
        rates = f"{100 * row.eer:.2f}", f"{100 * row.tar:.2f}"
        differences = [_difference(interval) for interval in (row.eer_difference, row.tar_difference)]
        cells = [*(part for pair in zip(rates, differences, strict=True) for part in pair), f"{row.cosine_p1:.4f}"]
        view.add_row(row.probe, row.template, *cells)
    return view


def _difference(interval: Interval) -> str:
    return f"{100 * interval.value:+.2f}\n{100 * interval.low:+.2f} {100 * interval.high:+.2f}"


def _draws(person: I64, rounds: int, seed: int) -> Iterator[F64]:
    """Yield how often each person is drawn when as many as there are are drawn with replacement."""
    people, random = int(person.max()) + 1, np.random.default_rng(seed)
    for _ in range(rounds):
        yield np.bincount(random.integers(0, people, people), minlength=people).astype(np.float64)


def _measures(ranked: list[Comparisons], drawn: F64 | None) -> list[tuple[float, float]]:
    """Return EER and TAR of comparisons that fall in score; a person's own count by the draws, not by their square."""
    found = []
    for comparisons in ranked:
        weight = np.ones(len(comparisons.scores))
        if drawn is not None:
            probe, reference = drawn[comparisons.probe_person], drawn[comparisons.reference_person]
            weight = np.where(comparisons.genuine, probe, probe * reference)
        roc = Roc.of_ranked(comparisons, weight)
        found.append((roc.eer(), roc.at_far(FAR)[0]))
    return found


def _row(pair: tuple[str, str], whole: F64, reference: F64, differences: F64, cosines: F32) -> BuildRow:
    low, high = np.percentile(differences, [2.5, 97.5], axis=0)
    eer, tar = (
        Interval(float(whole[place] - reference[place]), float(low[place]), float(high[place])) for place in range(2)
    )
    p1, p50 = np.percentile(cosines, [1, 50]).tolist()
    return BuildRow(*pair, float(whole[0]), eer, float(whole[1]), tar, float(cosines.min()), p1, p50)
