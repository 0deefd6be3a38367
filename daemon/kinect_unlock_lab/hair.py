"""Hair as strands that grow from the skin: on the head, in the brows, on the lids; and the mass of long hair.

Strands are polylines on the person at rest; each hangs on one vertex and follows it. The mass beneath them is mesh,
so that depth and occlusion do not depend on strands.
"""

from dataclasses import dataclass

import numpy as np

from kinect_unlock.arrays import F32, F64
from kinect_unlock_lab.head_model import HeadModel, Part, vertex_normals
from kinect_unlock_lab.people import Person, linear, outline_distance, smooth_outline, smoothstep, wave_noise
from kinect_unlock_lab.raster import I32

_KNOTS = 7
_SKULL_RADIUS_MM = 80.0


@dataclass(frozen=True, slots=True, eq=False)
class Strands:
    """``points`` f64[S,7,3] mm at rest, ``anchor`` i32[S] the vertex each follows, ``color`` f32[S,3] linear."""

    points: F64
    anchor: I32
    color: F32
    opacity: float
    shine: float


def _roots(
    person: Person, model: HeadModel, density: F64, count: int, rng: np.random.Generator
) -> tuple[F64, F64, I32]:
    """Scatter ``count`` roots over the skin where ``density`` f64[V] says; returns place, normal and anchor."""
    corner = person.shape[model.triangles]
    area = np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1)
    share = area * density[model.triangles].mean(axis=1)
    chosen = model.triangles[rng.choice(len(share), count, p=share / share.sum())]
    weights = rng.dirichlet((1.0, 1.0, 1.0), count)
    normals = vertex_normals(person.shape, model.triangles)
    place = np.einsum("nk,nkc->nc", weights, person.shape[chosen])
    out = np.einsum("nk,nkc->nc", weights, normals[chosen])
    return place, out / np.linalg.norm(out, axis=1, keepdims=True), chosen[:, 0].astype(np.int32)


def _unit(vectors: F64) -> F64:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9), np.float64)


def _grow(place: F64, out: F64, flow: F64, length_mm: F64, lift: F64) -> F64:
    """Let each strand rise from the skin and lie down along ``flow``; f64[S,7,3]."""
    along = _unit(flow - out * (flow * out).sum(axis=1, keepdims=True))
    s = np.linspace(0, 1, _KNOTS)[None, :, None]
    rise = lift[:, None, None] * (1 - (1 - s) ** 2)
    sag = length_mm[:, None, None] * s * s / (2 * _SKULL_RADIUS_MM)  # a straight strand would leave the round head
    bend = along[:, None] * s**1.3 + out[:, None] * (rise * s * (1.6 - s) - sag)
    return np.asarray(place[:, None] + length_mm[:, None, None] * bend, np.float64)


def _shades(person: Person, count: int, rng: np.random.Generator, *, spread: float) -> F32:
    return np.asarray(linear(person.traits.hair) * np.exp(spread * rng.standard_normal((count, 1))), np.float32)


def short_hair(person: Person, model: HeadModel, rng: np.random.Generator, *, count: int = 20000) -> Strands:
    """Comb short hair from a side parting backwards and down the sides."""
    place, out, anchor = _roots(person, model, person.hair_cover, count, rng)
    rest = model.neutral[anchor]
    top = smoothstep(-45, -84, rest[:, 1])
    side = np.tanh((rest[:, 0] - 22.0) / 12.0)
    clump = (
        wave_noise(rest, 16.0, rng)[:, None] * np.array([0.5, 0.2, 0.3]) + wave_noise(rest, 7.0, rng)[:, None] * 0.25
    )
    flow = np.stack([0.9 * side * top, 1.0 - 1.05 * top, 0.35 + 0.5 * top], axis=1)
    flow = flow + clump + 0.16 * rng.standard_normal((count, 3))
    length = (9.0 + 17.0 * top) * rng.uniform(0.7, 1.2, count)
    points = _grow(place, out, flow, length, 0.08 + 0.05 * top)
    return Strands(points, anchor, _shades(person, count, rng, spread=0.28), opacity=0.62, shine=0.5)


def brows(person: Person, model: HeadModel, rng: np.random.Generator) -> Strands:
    """Grow both brows along their landmarks, dense in the middle and thin at the tail."""
    looks, at = person.traits, model.neutral
    on_face = (at[:, 2] < 62) & (model.part == Part.FACE)
    density = np.zeros(len(at))
    flow = np.zeros_like(at)
    for side, ids in ((-1.0, slice(17, 22)), (1.0, slice(22, 27))):
        line = smooth_outline(model.landmarks[ids] + np.array([0.0, 3.5, 0.0]), closed=False)
        tail = smoothstep(16.0, 58.0, side * at[:, 0])
        thick = looks.brow_thickness_mm * (1.1 - 0.6 * tail)
        band = smoothstep(1.25, 0.5, outline_distance(line, at, closed=False) / thick) * on_face
        density = np.maximum(density, band * (1 - 0.35 * tail))
        here = band > 0
        flow[here] = np.stack(
            [side * np.ones(here.sum()), -0.75 + 1.15 * tail[here], 0.35 * np.ones(here.sum())], axis=1
        )
    count = int(520 * looks.brow_density) + 260
    place, out, anchor = _roots(person, model, density, count, rng)
    lean = flow[anchor] + 0.18 * rng.standard_normal((count, 3))
    points = _grow(place + 0.3 * out, out, lean, rng.uniform(4.5, 8.0, count), np.full(count, 0.12))
    return Strands(points, anchor, _shades(person, count, rng, spread=0.2) * np.float32(0.7), opacity=0.42, shine=0.0)


def lashes(person: Person, model: HeadModel, rng: np.random.Generator) -> Strands:
    """Set lashes on the rims of the lids: long and curled above, short below."""
    marks = model.landmarks
    parts: list[tuple[F64, I32]] = []
    for upper, lower in (((36, 37, 38, 39), (39, 40, 41, 36)), ((45, 44, 43, 42), (42, 47, 46, 45))):
        for rim, count, length, rise in ((upper, 80, 5.6, -0.7), (lower, 34, 2.4, 0.6)):
            line = smooth_outline(marks[list(rim)], closed=False)
            pick = line[rng.integers(0, len(line) - 1, count)] + 0.8 * rng.standard_normal((count, 3)) * (1, 0.1, 0.2)
            gap = ((model.neutral[None, : int(Part.SCALP_AND_NECK)] - pick[:, None]) ** 2).sum(axis=2)
            anchor = gap.argmin(axis=1).astype(np.int32)
            root = person.shape[anchor] + (pick - model.neutral[anchor]) * (1, 0.3, 0.3)
            outward = np.sign(pick[:, :1]) * (np.abs(pick[:, :1]) - 31.0) / 22.0
            aim = np.concatenate([outward, np.full((count, 1), rise * 0.5), np.full((count, 1), -1.0)], axis=1)
            s = np.linspace(0, 1, _KNOTS)[None, :, None]
            reach = length * rng.uniform(0.6, 1.0, (count, 1, 1))
            curl = np.array([0.0, rise, 0.0]) * s**2 * reach * 0.6
            parts.append((root[:, None] + _unit(aim)[:, None] * s * reach + curl, anchor))
    points = np.concatenate([part[0] for part in parts])
    anchors = np.concatenate([part[1] for part in parts])
    color = np.tile(linear(person.traits.hair) * 0.25, (len(points), 1)).astype(np.float32)
    return Strands(points, anchors, color, opacity=0.3, shine=0.0)


@dataclass(frozen=True, slots=True, eq=False)
class LongHair:
    """The mass of long hair as mesh (``vertices`` f64[M,3], ``triangles`` i32[G,3]) and the strands over it."""

    vertices: F64
    triangles: I32
    strands: Strands


_TIPS_Y_MM = 122.0
_COLUMNS, _ROWS = 121, 60


@dataclass(frozen=True, slots=True)
class _Skull:
    """What long hair lies on, in mm: half width and depth, where middle and crown are, and how thick the hair is."""

    half_width: float
    half_depth: float
    middle_z: float
    crown_y: float
    thick: float

    def place(self, around: F64, t: F64, lift: F64) -> F64:
        """Place points: ``around`` 0 in front to pi behind (signed by side), ``t`` 0 at the crown to 1 at the tips."""
        end = -98.0 + (_TIPS_Y_MM + 98.0) * smoothstep(0.68, 1.2, np.abs(around)) + 6.0 * np.sin(7 * around)
        top = self.crown_y - 0.4 * self.thick
        y = top - lift * (1 - t) + (end - top) * t**1.15
        ball = np.sqrt(np.clip(1 - ((y + 55.0) / (top + 55.0)).clip(0, 1) ** 2.2, 0, 1))
        hang = smoothstep(-40, 80, y)
        curl = smoothstep(80, 125, y)
        across = (self.half_width + self.thick - 4.0 * hang - 9.0 * curl + lift) * ball
        deep = (self.half_depth + self.thick - 22.0 * hang + lift) * ball
        return np.stack([across * np.sin(around), y, self.middle_z - deep * np.cos(around)], axis=-1)


def _measure_skull(person: Person) -> _Skull:
    scalp = person.shape[: int(Part.MOUTH_SOCKET)]
    upper = scalp[scalp[:, 1] < -48.0]
    front, back = float(upper[upper[:, 1] < -92.0][:, 2].min()), float(upper[:, 2].max())
    return _Skull(
        half_width=float(np.abs(upper[:, 0]).max()) - 1.0,
        half_depth=(back - front) / 2,
        middle_z=(back + front) / 2,
        crown_y=float(upper[:, 1].min()),
        thick=6.0 + 0.4 * person.traits.hair_thickness_mm,
    )


def long_hair(person: Person, model: HeadModel, rng: np.random.Generator, *, count: int = 26000) -> LongHair:
    """Let hair fall from a middle parting over the sides and the back, past the jaw."""
    skull = _measure_skull(person)
    around, t = np.meshgrid(np.linspace(-np.pi, np.pi, _COLUMNS), np.linspace(0, 1, _ROWS))
    ripple = 1.6 * np.sin(9 * around + 3 * t) + 0.8 * np.sin(23 * around)
    outer = skull.place(around, t, ripple).reshape(-1, 3)
    inner = skull.place(around, t, ripple - 7.0).reshape(-1, 3)
    quad = (np.arange(_ROWS - 1)[:, None] * _COLUMNS + np.arange(_COLUMNS - 1)[None, :]).ravel()
    sheet = np.concatenate(
        [
            np.stack([quad, quad + 1, quad + _COLUMNS], axis=1),
            np.stack([quad + 1, quad + _COLUMNS + 1, quad + _COLUMNS], axis=1),
        ]
    )
    triangles = np.concatenate([sheet[:, ::-1], sheet + len(outer)]).astype(np.int32)
    side = rng.choice([-1.0, 1.0], (count, 1))
    start = np.pi * rng.beta(1.1, 1.0, (count, 1))
    s = np.linspace(0.0, 1.0, _KNOTS)[None]
    sweep = start + (np.maximum(start, 1.12) - start) * smoothstep(0.0, 0.7, s)
    sweep = sweep + 0.03 * np.sin(6 * s + 9 * start) + 0.015 * rng.standard_normal((count, 1))
    first = rng.uniform(0.0, 0.55, (count, 1)) * (rng.random((count, 1)) < 0.5)
    reach = np.clip(first + s * rng.uniform(0.4, 1.08, (count, 1)), 0, 1.08)
    strays = rng.exponential(0.7, (count, 1)) * s
    wave = 1.6 * np.sin(9 * sweep * side + 3 * s) + 0.8 * np.sin(23 * sweep * side) + strays
    points = skull.place(sweep * side, reach, wave + rng.uniform(0.6, 3.2, (count, 1)))
    crown = int(np.argmin(model.neutral[:, 1]))
    shades = _shades(person, count, rng, spread=0.3)
    strands = Strands(points, np.full(count, crown, np.int32), shades, opacity=0.6, shine=0.8)
    return LongHair(np.concatenate([outer, inner]), triangles, strands)
