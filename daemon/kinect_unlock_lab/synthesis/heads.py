"""Random heads for training: shapes and expressions drawn from a head model, whichever it is.

A head model is loaded once a process and made ready here: float32, without what depth never shows, with the vertices
of the five landmarks. Shapes are sums of the model's offsets, added up in one fixed order, so that a seed gives the
same bytes however many processes work.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kinect_unlock.arrays import F32, F64, read_only
from kinect_unlock_lab.head_model import HeadModel, Part, vertex_normals
from kinect_unlock_lab.people import wave_noise
from kinect_unlock_lab.raster import I32
from kinect_unlock_lab.synthesis.compiled import compiled

_UNSEEN: Final = (Part.GUMS,)  # behind the teeth
_BACK_MM: Final = 140.0  # of the head, from the nose: never seen within 30 degrees of straight ahead
_WAVES: Final = 24  # fields of which everybody's own unevenness is mixed
_WAVE_LENGTHS_MM: Final = (30.0, 90.0)
_WAVE_SEED: Final = 20_170
#: Of the 68 landmarks: both eyes' rims, nose tip, mouth corners; eye and mouth of the image's left first.
_FIVE: Final = (tuple(range(36, 42)), tuple(range(42, 48)), (30,), (48,), (54,))
_BLOCK: Final = 1024  # numbers added up at a time; they stay in the nearest cache


@dataclass(frozen=True, slots=True, eq=False)
class TrainingHead:
    """A head model made ready: V vertices, F triangles, axes and millimetres as in `HeadModel`.

    ``neutral`` f32[V,3]; ``normals`` f32[V,3] of it; ``triangles`` i32[F,3]; ``part`` i32[V]; ``identity`` f32[K,3V]
    and ``expression`` f32[E,3V], offsets for one standard deviation and for full strength; ``mirrored`` i32[E] the same
    expression of the other side (itself if there is none); ``waves`` f32[24,V] smooth fields of variance 1;
    ``landmarks`` f64[68,3]; ``five``: the vertices of each of the five landmarks.
    """

    neutral: F32
    normals: F32
    triangles: I32
    part: I32
    identity: F32
    expression: F32
    expression_names: tuple[str, ...]
    mirrored: I32
    waves: F32
    landmarks: F64
    five: tuple[I32, ...]


@dataclass(frozen=True, slots=True)
class ShapeSpread:
    """How far people differ; shares 0..1.

    The weights of the scan model's components are multiplied by a factor drawn from ``identity_scale``; what they
    cannot make is added: each head's own unevenness of ``uneven_mm``, which is not symmetric, and ``proportions``,
    factors of breadth, height and depth: seen by the sensor, half of the tuning people's faces are 106 to 118 mm wide
    at the cheeks, those of the scan model alone are wider and more alike.
    """

    identity_scale: tuple[float, float] = (0.75, 1.1)
    proportions: tuple[tuple[float, float], ...] = ((0.89, 1.05), (0.96, 1.04), (0.94, 1.06))
    uneven_mm: tuple[float, float] = (0.5, 1.4)
    neutral_share: float = 0.2
    smile_share: float = 0.3
    open_mouth_share: float = 0.2
    strength: float = 0.9


def prepare(model: HeadModel) -> TrainingHead:
    """Make a head model ready."""
    kept = ~np.isin(model.part, _UNSEEN) & (model.neutral[:, 2] < _BACK_MM)
    number = np.cumsum(kept, dtype=np.int32) - 1
    neutral = model.neutral[kept]
    triangles = number[model.triangles[kept[model.triangles].all(axis=1)]]
    nearest = [int(((neutral - point) ** 2).sum(axis=1).argmin()) for point in model.landmarks]
    rng = np.random.default_rng(_WAVE_SEED)
    lengths = np.geomspace(*_WAVE_LENGTHS_MM, _WAVES)
    return TrainingHead(
        neutral=read_only(neutral.astype(np.float32)),
        normals=read_only(vertex_normals(neutral, triangles).astype(np.float32)),
        triangles=read_only(triangles.astype(np.int32)),
        part=read_only(model.part[kept]),
        identity=read_only(model.identity[:, kept].reshape(len(model.identity), -1)),
        expression=read_only(model.expression[:, kept].reshape(len(model.expression), -1)),
        expression_names=model.expression_names,
        mirrored=read_only(_mirrored(model.expression_names)),
        waves=read_only(np.stack([wave_noise(neutral, float(mm), rng, waves=4) for mm in lengths]).astype(np.float32)),
        landmarks=model.landmarks,
        five=tuple(read_only(np.array([nearest[mark] for mark in marks], np.int32)) for marks in _FIVE),
    )


def draw_shapes(head: TrainingHead, spread: ShapeSpread, rngs: Sequence[np.random.Generator]) -> F32:
    """Draw people's heads at rest f32[P,V,3] mm, nose tips near the origin, each from its own generator.

    Several at a time, so that the model is read only once.
    """
    people = len(rngs)
    weights, uneven, proportions = zip(*(_draw_weights(head, spread, rng) for rng in rngs), strict=True)
    shapes = np.repeat(head.neutral[np.newaxis], people, axis=0)
    _add_up(shapes.reshape(people, -1), np.stack(weights), head.identity, np.arange(len(head.identity)))
    along = np.zeros((people * 3, len(head.neutral)), np.float32)
    _add_up(along, np.concatenate(uneven), head.waves, np.arange(_WAVES))
    shapes += along.reshape(people, 3, -1).transpose(0, 2, 1)
    shapes *= np.stack(proportions)[:, np.newaxis]
    return shapes


def _draw_weights(head: TrainingHead, spread: ShapeSpread, rng: np.random.Generator) -> tuple[F32, F32, F32]:
    """Draw one person's weights: of the model's components f32[K], of the waves f32[3,24], of the axes f32[3]."""
    scale = rng.uniform(*spread.identity_scale)
    identity = np.clip(scale * rng.standard_normal(len(head.identity)), -3.0, 3.0).astype(np.float32)
    uneven = rng.uniform(*spread.uneven_mm) / np.sqrt(_WAVES)
    waves = (uneven * rng.standard_normal((3, _WAVES))).astype(np.float32)
    return identity, waves, np.array([rng.uniform(*factor) for factor in spread.proportions], np.float32)


def draw_expression(head: TrainingHead, spread: ShapeSpread, rng: np.random.Generator) -> F32:
    """Draw the strengths f32[E] of a facial expression: few at a time, mostly alike on both sides."""
    strengths = np.zeros(len(head.expression), np.float32)
    if rng.random() < spread.neutral_share or not len(strengths):
        return strengths
    some = rng.choice(len(strengths), min(len(strengths), int(rng.integers(1, 6))), replace=False)
    strengths[some] = rng.uniform(0.0, spread.strength, len(some))
    alike = some[rng.random(len(some)) < 0.7]
    strengths[head.mirrored[alike]] = strengths[alike]
    if rng.random() < spread.smile_share:
        _set(strengths, head, rng.uniform(0.2, 1.0), "mouthSmile_L", "mouthSmile_R")
        _set(strengths, head, rng.uniform(0.0, 0.7), "cheekSquint_L", "cheekSquint_R")
    if rng.random() < spread.open_mouth_share:
        _set(strengths, head, rng.uniform(0.1, 0.7), "jawOpen")
    return strengths


def express(head: TrainingHead, shape: F32, strengths: F32) -> F32:
    """Return the head f32[V,3] with an expression."""
    expressed = shape.copy()
    used = np.flatnonzero(strengths)
    _add_up(expressed.reshape(1, -1), strengths[np.newaxis, used], head.expression, used)
    return expressed


def add_weighted(out: F32, weights: F32, fields: F32) -> None:
    """Add ``weights`` f32[n] times ``fields`` f32[n,M] to ``out`` f32[M]: like ``weights @ fields``, in one order."""
    _add_up(out[np.newaxis], weights[np.newaxis], fields, np.arange(len(weights)))


@compiled
def _add_up(out: F32, weights: F32, fields: F32, chosen: NDArray[np.int64]) -> None:
    """Add ``weights`` f32[p,n] times ``fields[chosen]`` f32[n,M] to each of ``out`` f32[p,M], field by field."""
    count, size = len(chosen), out.shape[1]
    for first in range(0, size, _BLOCK):
        last = min(size, first + _BLOCK)
        for each in range(len(out)):
            into, weight = out[each, first:last], weights[each]
            for at in range(0, count - count % 4, 4):  # four at once: sums are read and written a quarter as often
                a, b = fields[chosen[at], first:last], fields[chosen[at + 1], first:last]
                c, d = fields[chosen[at + 2], first:last], fields[chosen[at + 3], first:last]
                by_a, by_b, by_c, by_d = weight[at], weight[at + 1], weight[at + 2], weight[at + 3]
                for place in range(last - first):
                    into[place] = into[place] + by_a * a[place] + by_b * b[place] + by_c * c[place] + by_d * d[place]
            for at in range(count - count % 4, count):
                field, by = fields[chosen[at], first:last], weight[at]
                for place in range(last - first):
                    into[place] += by * field[place]


def _mirrored(names: tuple[str, ...]) -> I32:
    other = {"_L": "_R", "_R": "_L"}
    numbers = {name: number for number, name in enumerate(names)}
    mirrored = [numbers.get(name[:-2] + other.get(name[-2:], name[-2:]), number) for name, number in numbers.items()]
    return np.array(mirrored, np.int32)


def _set(strengths: NDArray[np.float32], head: TrainingHead, strength: float, *names: str) -> None:
    for name in names:
        if name in head.expression_names:
            strengths[head.expression_names.index(name)] = strength
