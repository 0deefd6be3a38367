"""How like real faces invented ones are: residual maps compared by bands of detail and by eye.

A map is split into bands by differences of Gaussians that know of holes. In every band three spreads are stated: of
all samples, of one person's samples about that person's mean, and what is left for people themselves. A recipe fits
where the second and the third fit: too little within people makes a recogniser trust noise, too little between them
leaves it nothing to learn.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from kinect_unlock.arrays import F32
from kinect_unlock.frontalise import HOLE_MM, PIXEL_MM, face_mask
from kinect_unlock_lab.synthesis.shards import SampleSet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_Bool: TypeAlias = NDArray[np.bool_]
_People: TypeAlias = NDArray[np.integer] | NDArray[np.str_]

_INNER_MM: Final = (58.0, 70.0)  # semi-axes of the face that is compared; outside it hair decides
_RADII_PX: Final = (1.0, 2.0, 4.0, 8.0, 16.0)
BANDS: Final = ("<1.5", "1.5-3", "3-6", "6-12", "12-24", ">24")  # mm, standard deviations of the Gaussians
_WILD_MM: Final = 30.0  # a residual counts as this at most
_FRONTAL_DEG: Final = 20.0
_MOST: Final = 800  # samples of a group; more change no figure in its second digit


@dataclass(frozen=True, slots=True, eq=False)
class Maps:
    """Residual maps f32[n,112,112] mm with person [n], distance f32[n] mm, angles f32[n] degrees and fit f32[n] mm."""

    residual_mm: F32
    person: _People
    distance_mm: F32
    yaw_deg: F32
    pitch_deg: F32
    fit_mm: F32

    def where(self, chosen: _Bool | NDArray[np.intp]) -> "Maps":
        """Keep these rows."""
        return Maps(*(getattr(self, name)[chosen] for name in self.__slots__))


@dataclass(frozen=True, slots=True)
class Group:
    """Samples that are compared with each other; ``turned`` are those beyond 20 degrees of yaw or pitch."""

    name: str
    near_mm: float
    far_mm: float
    turned: bool

    def of(self, maps: Maps) -> Maps:
        """Return the group's samples, as many as are needed."""
        frontal = (np.abs(maps.yaw_deg) < _FRONTAL_DEG) & (np.abs(maps.pitch_deg) < _FRONTAL_DEG)
        inside = (maps.distance_mm >= self.near_mm) & (maps.distance_mm < self.far_mm)
        return maps.where(np.flatnonzero(inside & (frontal != self.turned))[:_MOST])


#: The distances of the two years of rgbd-faces.
GROUPS: Final = (
    Group("0.69-0.95 m frontal", 690, 950, turned=False),
    Group("0.69-0.95 m turned", 690, 950, turned=True),
    Group("0.94-1.36 m frontal", 940, 1360, turned=False),
    Group("0.94-1.36 m turned", 940, 1360, turned=True),
)


@dataclass(frozen=True, slots=True)
class Spreads:
    """What a group's maps look like in numbers; spreads are root mean squares in mm, one a band of `BANDS`.

    ``holes`` 0..1 share of the inner face without a reading; ``fit_mm`` the median.
    """

    samples: int
    people: int
    fit_mm: float
    holes: float
    total_mm: tuple[float, ...]
    within_mm: tuple[float, ...]
    between_mm: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Compared:
    """One group, real and invented; None where there are too few samples."""

    group: str
    real: Spreads | None
    invented: Spreads | None


def compare(real: Maps, invented: Maps) -> tuple[Compared, ...]:
    """Measure both in every group."""
    return tuple(Compared(group.name, spreads(group.of(real)), spreads(group.of(invented))) for group in GROUPS)


def of_set(samples: SampleSet, *, most: int = 4000, on_done: Callable[[int], None] = lambda _: None) -> Maps:
    """Take the first samples of a set of depth faces, at most so many; ``on_done`` is told how many are read."""
    taken: list[Maps] = []
    count = 0
    for shard in samples.each_shard():
        residual = shard["residual"].astype(np.float32) / np.float32(10)
        numbers = (shard[name] for name in ("distance_mm", "yaw_deg", "pitch_deg", "fit_mm"))
        taken.append(Maps(residual, shard["person"], *numbers))
        count += len(residual)
        on_done(count)
        if count >= most:
            break
    joined = (np.concatenate([getattr(maps, name) for maps in taken])[:most] for name in Maps.__slots__)
    return Maps(*joined)


def spreads(maps: Maps) -> Spreads | None:
    """Measure one group; None with fewer than two people or no person seen twice."""
    _, person, looks = np.unique(maps.person, return_inverse=True, return_counts=True)
    if len(looks) < 2 or looks.max() < 2:
        return None
    seen = (maps.residual_mm > HOLE_MM) & face_mask(_INNER_MM)
    bands = [_spread(band, seen, person) for band in _bands(maps.residual_mm, seen)]
    return Spreads(
        samples=len(person),
        people=len(looks),
        fit_mm=round(float(np.median(maps.fit_mm)), 3),
        holes=round(1.0 - float(seen[:, face_mask(_INNER_MM)].mean()), 4),
        total_mm=tuple(round(total, 3) for total, _ in bands),
        within_mm=tuple(round(within, 3) for _, within in bands),
        between_mm=tuple(round(float(np.sqrt(max(0.0, total**2 - within**2))), 3) for total, within in bands),
    )


def _bands(residual_mm: F32, seen: _Bool) -> list[F32]:
    """Split maps into bands f32[n,112,112], the finest first."""
    clipped = np.where(seen, np.clip(residual_mm, -_WILD_MM, _WILD_MM), 0).astype(np.float32)
    there = seen.astype(np.float32)
    levels = [clipped]
    for radius in _RADII_PX:
        smooth = np.stack([cv2.GaussianBlur(image, (0, 0), radius) for image in clipped])
        share = np.stack([cv2.GaussianBlur(image, (0, 0), radius) for image in there])
        levels.append(smooth / np.maximum(share, np.float32(1e-3)))
    levels.append(np.zeros_like(clipped))
    return [finer - coarser for finer, coarser in pairwise(levels)]


def _spread(band: F32, seen: _Bool, person: NDArray[np.intp]) -> tuple[float, float]:
    """Return the spread about the mean map and that about each person's own, pooled; both of pixels that are seen."""
    band = np.where(seen, band, 0)
    mean = band.sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    total = float(np.sqrt((((band - mean) ** 2) * seen).sum() / seen.sum()))
    squares, freedom = 0.0, 0
    for number in range(int(person.max()) + 1):
        rows = person == number
        own, count = band[rows], seen[rows].sum(axis=0)
        deviation = (own - own.sum(axis=0) / np.maximum(count, 1)) * seen[rows]
        squares += float((deviation**2).sum())
        freedom += int(np.maximum(count - 1, 0).sum())
    return total, float(np.sqrt(squares / max(1, freedom)))


def table(rows: Sequence[Compared]) -> str:
    """Lay the comparison out as text, real above invented."""
    bands = "".join(f"{name:>7}" for name in BANDS)
    head = f"{'':32}{'n':>5}{'people':>8}{'fit mm':>8}{'holes':>8}  {'spread mm':9}{bands}"
    lines = [head]
    for row in rows:
        for name, found in ((row.group + " real", row.real), (" " * len(row.group) + " invented", row.invented)):
            if found is None:
                lines.append(f"{name:32} too few samples")
                continue
            first = f"{name:32}{found.samples:5}{found.people:8}{found.fit_mm:8.2f}{100 * found.holes:7.1f}%"
            kinds = (("total", found.total_mm), ("within", found.within_mm), ("between", found.between_mm))
            for kind, values in kinds:
                lines.append(f"{first:61}  {kind:9}" + "".join(f"{value:7.2f}" for value in values))
                first = ""
    return "\n".join(lines)


def picture(real: Maps, invented: Maps, *, columns: int = 8, seed: int = 1) -> "Figure":
    """Draw maps of both side by side, group by group. Shows people's faces if ``real`` does."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - belongs to an extra, and only pictures need it

    rng = np.random.default_rng(seed)
    rows = [(f"{group.name}\n{kind}", group.of(maps)) for group in GROUPS for kind, maps in _both(real, invented)]
    figure = Figure(figsize=(1.3 * columns + 1.5, 1.4 * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for axes, (name, maps) in zip(grid, rows, strict=True):
        chosen = rng.permutation(len(maps.person))[:columns]
        for place, one in enumerate(axes):
            one.set(xticks=[], yticks=[])
            if place < len(chosen):
                residual = maps.residual_mm[chosen[place]]
                shown = np.where(residual > HOLE_MM, residual, np.nan)
                one.imshow(shown, cmap="RdBu", vmin=-12, vmax=12, interpolation="nearest")
        axes[0].set_ylabel(name, fontsize=7)
    side = 112 * PIXEL_MM
    figure.suptitle(f"{side:.0f} mm across, against the mean face: blue 12 mm behind it, red 12 mm before", fontsize=9)
    return figure


def _both(real: Maps, invented: Maps) -> tuple[tuple[str, Maps], tuple[str, Maps]]:
    return ("real", real), ("invented", invented)
