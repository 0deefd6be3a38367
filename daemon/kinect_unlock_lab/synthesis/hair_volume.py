"""What lies before the skin for a depth camera: hair as volume, beards, glasses; and how dark all that is in infrared.

No strands and no colours: a depth camera at a metre sees hair as a dark, rough surface that hangs where it likes. Hair
is therefore a push of the head's own vertices (cap, fringe, sides, beard) and a few ribbons that hang free before the
face. It is drawn anew for most looks of a person: it must never tell who somebody is.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from kinect_unlock.arrays import F32, F64, read_only
from kinect_unlock_lab.head_model import Part
from kinect_unlock_lab.people import HAIRLINE_Y_MM, HAIRLINE_Z_MM, outline_distance, smooth_outline, wave_noise
from kinect_unlock_lab.raster import I32
from kinect_unlock_lab.synthesis.compiled import compiled
from kinect_unlock_lab.synthesis.heads import TrainingHead, add_weighted
from kinect_unlock_lab.synthesis.rasteriser import rasterise

_RIBBONS: Final = 5
_ROWS, _COLUMNS = 24, 5  # vertices of a ribbon along and across
_CLUMPS: Final = 16
_CLUMP_LENGTHS_MM: Final = (6.0, 40.0)
_CLUMP_SEED: Final = 20_180
_CELL_MM: Final = 3.0  # of the map from places before the face to its vertices
_HALF_WIDTH_MM, _TOP_MM, _BOTTOM_MM = 90.0, -110.0, 132.0
_AFAR_MM: Final = 1e4  # so far away that perspective is parallel
_NO_LENS: Final = 10.0  # in units of a lens's radius
_EYE_ALBEDO: Final = 0.45


@dataclass(frozen=True, slots=True, eq=False)
class Growth:
    """Where things grow on a prepared head of V vertices.

    ``under_mm`` f32[V]: how far below the hairline a vertex lies; ``brow``, ``moustache``, ``jaw``, ``eye`` f32[V]
    0..1; ``lens`` f32[V]: distance from the nearer eye in units of a lens's half axes; ``clumps`` f32[16,V] rough
    fields of variance 1; ``out`` f32[V,3]: where hair rises to, unit length; ``below`` i32[h,w]: the vertex behind a
    place before the face, in cells of 3 mm; ``triangles`` i32[F+G,3]: the
    head's, and those of all ribbons, both sides, whose vertices are counted on from V.
    """

    under_mm: F32
    brow: F32
    moustache: F32
    jaw: F32
    eye: F32
    lens: F32
    clumps: F32
    out: F32
    below: I32
    triangles: I32


@dataclass(frozen=True, slots=True)
class HairShares:
    """How many looks have what, 0..1."""

    fringe: float = 0.30
    sides: float = 0.25
    ribbons: float = 0.25
    beard: float = 0.25
    glasses: float = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class Cover:
    """One look's hair and glasses, for V vertices of the head and R of the ribbons.

    ``push`` f32[V,3] mm; ``place`` f32[R,2] mm across and down before the neutral face, NaN for a ribbon that is not
    there; ``offset_mm`` f32[R] from the skin; ``surface`` f32[V+R,2]: the logarithm of infrared brightness relative to
    skin, and the distance from a lens's middle as in `Growth` (10 where no glasses are worn).
    """

    push: F32
    place: F32
    offset_mm: F32
    surface: F32


def plant(head: TrainingHead) -> Growth:
    """Find out where hair grows on a prepared head."""
    at = head.neutral.astype(np.float64)
    skin = head.part <= Part.SCALP_AND_NECK
    x, y, z = np.abs(at[:, 0]), at[:, 1], at[:, 2]
    under = np.where(skin & (y < 75), y - np.interp(z, HAIRLINE_Z_MM, HAIRLINE_Y_MM), np.inf)
    jaw = _rise(12, 34, y - 0.25 * (60 - x).clip(0)) * _rise(100, 88, y) * (z < 92)
    sides = _rise(58, 68, x) * _rise(-15, 0, y) * _rise(78, 62, y) * _rise(96, 88, z)
    moustache = np.exp(-(((y - 23) / 6.0) ** 2)) * _rise(33, 26, x) * (z < 45)
    lines = [smooth_outline(head.landmarks[marks] + (0.0, 3.0, 0.0), closed=False) for marks in _BROWS]
    brow = np.max([_rise(6.0, 3.0, outline_distance(line, at, closed=False)) for line in lines], axis=0) * (z < 62)
    rng = np.random.default_rng(_CLUMP_SEED)
    lengths = np.geomspace(*_CLUMP_LENGTHS_MM, _CLUMPS)
    return Growth(
        under_mm=_kept(under),
        brow=_kept(brow * skin),
        moustache=_kept(moustache * skin),
        jaw=_kept(np.maximum(jaw, sides) * skin),
        eye=_kept(head.part == Part.EYEBALLS),
        lens=_kept(_lens(head, at)),
        clumps=_kept(np.stack([wave_noise(at, float(length), rng, waves=4) for length in lengths])),
        out=_kept(_unit(head.normals + np.array((0, 0, -0.5), np.float32))),
        below=read_only(_below(head)),
        triangles=read_only(np.concatenate((head.triangles, _sheets(len(at))))),
    )


def draw_cover(head: TrainingHead, growth: Growth, shares: HairShares, rng: np.random.Generator) -> Cover:
    """Draw hair, beard and glasses for one look."""
    rough = np.zeros(len(head.neutral), np.float32)
    add_weighted(rough, (rng.standard_normal(_CLUMPS) / np.sqrt(_CLUMPS)).astype(np.float32), growth.clumps)
    hair, lift = _cap(head, growth, rough, shares, rng)
    for share, side in ((shares.sides, -1), (shares.sides, 1)):
        if rng.random() < share:
            _side(head, side, rough, hair, lift, rng)
    if rng.random() < shares.beard:
        beard = np.maximum(growth.jaw * np.float32(rng.random() < 0.8), growth.moustache * np.float32(rng.random()))
        np.maximum(hair, beard, out=hair)
        np.maximum(lift, beard * np.float32(rng.uniform(0.5, 9.0)) * (1 + np.float32(0.25) * rough), out=lift)
    np.maximum(lift, np.float32(rng.uniform(0.0, 1.2)) * growth.brow, out=lift)
    place, offset = _hang(shares, rng)
    dark = np.float32(rng.uniform(0.15, 0.7))
    surface = np.full((len(lift) + len(place), 2), _NO_LENS, np.float32)
    skin = 1 - growth.brow * np.float32(rng.uniform(0.1, 0.6)) - np.float32(1 - _EYE_ALBEDO) * growth.eye
    surface[: len(lift), 0] = np.log(skin * (1 - hair) + dark * hair) + np.float32(0.06) * rough
    surface[len(lift) :, 0] = np.log(dark)
    if rng.random() < shares.glasses:
        surface[: len(lift), 1] = growth.lens * np.float32(rng.uniform(0.9, 1.25))
    push = np.empty_like(growth.out)
    _pushed(lift, growth.out, push)
    return Cover(push, place, offset, surface)


@compiled
def _pushed(lift: F32, out: F32, push: F32) -> None:
    for vertex in range(len(lift)):
        for axis in range(3):
            push[vertex, axis] = lift[vertex] * out[vertex, axis]


def covered(head: TrainingHead, growth: Growth, cover: Cover, face: F32) -> F32:
    """Put hair on a head ``face`` f32[V,3]: vertices f32[V+R,3], NaN for ribbons that are not there."""
    vertices = np.empty((len(face) + len(cover.place), 3), np.float32)
    np.add(face, cover.push, out=vertices[: len(face)])
    vertices[len(face) :] = _hanging(head, growth, cover, face)
    return vertices


def _hanging(head: TrainingHead, growth: Growth, cover: Cover, face: F32) -> F32 | float:
    """Return the ribbons' vertices f32[R,3], NaN for those that are not there; a single NaN if none is."""
    there = np.isfinite(cover.place[:, 0])
    if not there.any():
        return np.nan
    rows, columns = growth.below.shape
    column = np.nan_to_num((cover.place[:, 0] + _HALF_WIDTH_MM) / _CELL_MM).astype(np.intp).clip(0, columns - 1)
    row = np.nan_to_num((cover.place[:, 1] - _TOP_MM) / _CELL_MM).astype(np.intp).clip(0, rows - 1)
    anchor = growth.below[row, column]
    hanging: F32 = face[anchor]
    hanging[:, :2] += cover.place - head.neutral[anchor, :2]
    hanging[:, 2] -= cover.offset_mm
    hanging[~there] = np.nan
    return hanging


def _cap(
    head: TrainingHead, growth: Growth, rough: F32, shares: HairShares, rng: np.random.Generator
) -> tuple[F32, F32]:
    """Cover the skull down to the hairline, and the forehead where there is a fringe: 0..1 and mm, each f32[V]."""
    thick = np.float32(np.exp(rng.uniform(np.log(3.0), np.log(32.0))))
    low = growth.under_mm - 4 * rough
    if rng.random() < shares.fringe:
        side = rng.choice((-1.0, 0.0, 1.0)) / rng.uniform(10, 40)
        swept = 1 / (1 + np.exp((rng.uniform(-40, 40) - head.neutral[:, 0]) * np.float32(side)))
        low -= np.float32(2 * rng.uniform(8, 55)) * swept * _rise32(90, 70, head.neutral[:, 2])
        thick = min(thick, np.float32(rng.uniform(3, 14)))
    hair = _rise32(5.0, -3.0, low)
    return hair, hair * thick * (1 + np.float32(0.2) * rough)


def _side(head: TrainingHead, side: int, rough: F32, hair: F32, lift: F32, rng: np.random.Generator) -> None:
    """Let hair lie over temple and cheek of one side; widens ``hair`` and ``lift`` in place."""
    x, y, z = head.neutral.T
    edge = rng.uniform(45, 70) + rng.uniform(-0.12, 0.12) * (y + 40) - 3 * rough
    end = rng.uniform(-10, 100)
    over = _rise32(-3, 5, side * x - edge) * _rise32(end + 8, end, y) * (z < 110)
    np.maximum(hair, over, out=hair)
    np.maximum(lift, over * np.float32(rng.uniform(3, 16)) * (1 + np.float32(0.25) * rough), out=lift)


def _hang(shares: HairShares, rng: np.random.Generator) -> tuple[F32, F32]:
    """Hang ribbons before the face: places f32[R,2] and offsets f32[R] from the skin, mm."""
    place = np.full((_RIBBONS, _ROWS, _COLUMNS, 2), np.nan, np.float32)
    offset = np.zeros((_RIBBONS, _ROWS, _COLUMNS), np.float32)
    count = int(rng.integers(1, _RIBBONS + 1)) if rng.random() < shares.ribbons else 0
    t = np.linspace(0, 1, _ROWS)[:, None]
    across = np.linspace(-0.5, 0.5, _COLUMNS)
    for ribbon in range(count):
        if rng.random() < 0.6:  # long hair beside the face
            start = rng.choice((-1.0, 1.0)) * rng.uniform(55, 80)
            drift, top, end, width = rng.uniform(-12, 12), rng.uniform(-90, -50), rng.uniform(30, 130), (12, 38)
        else:  # a strand across it
            start, drift = rng.uniform(-55, 55), rng.uniform(-40, 40)
            top, end, width = rng.uniform(-100, -85), rng.uniform(-45, 50), (4, 15)
        bend = rng.uniform(-8, 8) * np.sin(np.pi * t * rng.uniform(0.7, 2.5))
        place[ribbon, ..., 0] = start + drift * t + bend + rng.uniform(*width) * (1 - 0.4 * t) * across
        place[ribbon, ..., 1] = top + (end - top) * t
        offset[ribbon] = rng.uniform(2, 14) + 3 * np.sin(9 * t + 6 * across + rng.uniform(0, 6))
    return place.reshape(-1, 2), offset.reshape(-1)


_BROWS: Final = (slice(17, 22), slice(22, 27))


def _lens(head: TrainingHead, at: F64) -> F64:
    eyes = [at[five].mean(axis=0) for five in head.five[:2]]
    lens = np.min([np.hypot((at[:, 0] - eye[0]) / 26.0, (at[:, 1] - eye[1] - 3.0) / 21.0) for eye in eyes], axis=0)
    return np.where(at[:, 2] < 62, lens, _NO_LENS)


def _below(head: TrainingHead) -> I32:
    """Map cells before the neutral face to a vertex behind each; below the chin the column's last one."""
    columns, rows = round(2 * _HALF_WIDTH_MM / _CELL_MM) + 1, round((_BOTTOM_MM - _TOP_MM) / _CELL_MM) + 1
    screen = head.neutral.copy()
    screen[:, 0] = (screen[:, 0] + _HALF_WIDTH_MM) / _CELL_MM
    screen[:, 1] = (screen[:, 1] - _TOP_MM) / _CELL_MM
    screen[:, 2] += _AFAR_MM
    seen = rasterise(screen, head.triangles, columns, rows).triangle
    vertex = np.where(seen >= 0, head.triangles[seen, 0], -1).astype(np.int32)
    for column in range(columns):  # outwards nothing may be behind; the nearest column that has something serves
        if (vertex[:, column] < 0).all():
            continue
        found = np.flatnonzero(vertex[:, column] >= 0)
        nearest = np.abs(np.arange(rows)[:, None] - found).argmin(axis=1)
        vertex[:, column] = vertex[found[nearest], column]
    filled = np.flatnonzero((vertex >= 0).all(axis=0))
    nearest = np.abs(np.arange(columns)[:, None] - filled).argmin(axis=1)
    return vertex[:, filled[nearest]]


def _sheets(first: int) -> I32:
    row, column = (index.ravel() for index in np.mgrid[0 : _ROWS - 1, 0 : _COLUMNS - 1])
    here = row * _COLUMNS + column
    corners = (here, here + 1, here + _COLUMNS, here + _COLUMNS + 1)
    one = np.concatenate([np.stack([corners[i] for i in three], 1) for three in ((0, 1, 2), (1, 3, 2))])
    sheet = np.concatenate((one, one[:, ::-1]))
    return np.concatenate([sheet + first + ribbon * _ROWS * _COLUMNS for ribbon in range(_RIBBONS)]).astype(np.int32)


def _unit(vectors: F32) -> F32:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def _rise(low: float, high: float, x: F64) -> F64:
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), np.float64)


def _rise32(low: float, high: float, x: F32) -> F32:
    rise = np.empty_like(x)
    _rise_each(np.float32(low), np.float32(1 / (high - low)), x, rise)
    return rise


@compiled
def _rise_each(low: np.float32, per_range: np.float32, x: F32, rise: F32) -> None:
    for place in range(len(x)):
        t = min(max((x[place] - low) * per_range, np.float32(0)), np.float32(1))
        rise[place] = t * t * (np.float32(3) - np.float32(2) * t)


def _kept(values: NDArray[Any]) -> F32:
    return read_only(np.ascontiguousarray(values, np.float32))
