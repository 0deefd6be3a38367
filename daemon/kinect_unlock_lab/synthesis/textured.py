"""A person who does not exist, ready to be drawn: shape, painting, what is worn, and which light reaches where.

Shape, looks and strokes come from one seed and one number, so a person can be made again anywhere. What does not
change from picture to picture is computed here, once a person.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import cv2
import numpy as np

from kinect_unlock.arrays import F32, F64
from kinect_unlock_lab.head_model import HeadModel, Part
from kinect_unlock_lab.people import wave_noise
from kinect_unlock_lab.raster import I32
from kinect_unlock_lab.synthesis import atlas
from kinect_unlock_lab.synthesis.accessories import Worn, hanging_hair, spectacles
from kinect_unlock_lab.synthesis.looks import HairStyle, Looks, invent_looks
from kinect_unlock_lab.synthesis.painting import paint
from kinect_unlock_lab.synthesis.shading import Openness, normals_of, openness

_SHAPE_SPREAD: Final = 1.6  # of the model's own: two people differ more clearly
_SHAPE_LIMIT: Final = 2.7
_RESTING_SPREAD: Final = 0.22
_RESTING_LIMIT: Final = 0.45
_NOT_AT_REST: Final = (
    *("PupilDilate", "eyeLook", "eyeBlink", "jawOpen", "jawLeft", "jawRight", "mouthClose"),
    *("mouthLeft", "mouthRight", "mouthFunnel", "mouthUpperUp", "mouthLowerDown"),
)
_EYES_OF_68: Final = (slice(36, 42), slice(42, 48))
_PART_TINTS: Final = (
    (Part.MOUTH_SOCKET, (0.10, 0.025, 0.025)),
    (Part.GUMS, (0.30, 0.09, 0.09)),
    (Part.TEETH, (0.60, 0.55, 0.46)),
)
NO_LENS: Final = 9.0
_HAIR_INFRARED: Final = 0.35
_EYE_INFRARED: Final = 0.6
_BEHIND_LENS_MM: Final = 25.0
_HANGING: Final = frozenset({HairStyle.LONG, HairStyle.SCARF})


class Drawer:
    """The head model, prepared once for any number of people."""

    def __init__(self, model: HeadModel) -> None:
        self.model = model
        self.layout = atlas.lay_out(model)
        gap = ((model.landmarks[:, None] - model.neutral[None, model.part <= Part.SCALP_AND_NECK]) ** 2).sum(axis=2)
        self.landmark_vertices = gap.argmin(axis=1)
        self.expressions = frozenset(model.expression_names)

    @cached_property
    def casting(self) -> I32:
        """The head's triangles i32[F,3] that throw shadows: its skin."""
        return np.ascontiguousarray(self.model.triangles[self.layout.painted[self.model.triangles].all(axis=1)])

    @cached_property
    def part_tint(self) -> F32:
        """The colour f32[V,3] of each part of a head that is not painted, else 1."""
        tint = np.ones((len(self.model.neutral), 3), np.float32)
        for part, color in _PART_TINTS:
            tint[self.model.part == part] = color
        return tint

    def landmarks(self, vertices: F64 | F32) -> F64:
        """Return the 68 landmarks f64[68,3] of a shape f[V,3] of this model."""
        return np.asarray(vertices[self.landmark_vertices], np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class TexturedPerson:
    """A person at rest; nose tip at the origin, camera axes, mm. The first ``head_count`` vertices are the model's.

    ``shape`` f32[N,3]; ``outside`` i32[F,3] the triangles that face outwards, ``drawn`` those and the inner sides of
    what is worn, ``solid`` those that a depth camera meets (no spectacle rims); ``cells`` f32[N,2] in ``texture``
    f32[rows,columns,4]; ``tint`` f32[N,3]; ``infrared`` f32[N,2] as `depth_sensor.sense` takes it: the logarithm of
    brightness to the depth camera's lamp, skin 0, and the distance from the middle of the nearer lens in units of its
    half axes (`NO_LENS` without glasses).
    """

    number: int
    looks: Looks
    shape: F32
    outside: I32
    drawn: I32
    solid: I32
    cells: F32
    tint: F32
    infrared: F32
    texture: F32
    open_to: Openness
    head_count: int


def invent_textured(drawer: Drawer, seed: int, number: int) -> TexturedPerson:
    """Make person ``number`` of a seed; the same two give the same person."""
    looks = invent_looks(np.random.default_rng([seed, number, 1]))
    painting = paint(drawer.model.landmarks, looks, np.random.default_rng([seed, number, 2]))
    rng = np.random.default_rng([seed, number, 3])
    grown = _Grown(_looked_up(painting.hair, drawer), _looked_up(painting.beard, drawer))
    shape = _shape(drawer, grown, looks, rng)
    parts = _worn(drawer, shape, looks, rng)
    head = len(shape)
    vertices, outside, inner, solid = [shape], [drawer.model.triangles], [], [drawer.model.triangles]
    for seen_by_depth, worn in parts:
        moved = worn.triangles + np.int32(sum(len(part) for part in vertices))
        vertices.append(worn.vertices)
        outside.append(moved)
        inner.append(moved[:, ::-1])
        solid += [moved, moved[:, ::-1]] if seen_by_depth else []
    whole, faces = np.concatenate(vertices).astype(np.float32), np.concatenate(outside)
    casting = np.concatenate([drawer.casting, *outside[1:], *inner])
    return TexturedPerson(
        number=number,
        looks=looks,
        shape=whole,
        outside=faces,
        drawn=np.concatenate([faces, *inner]),
        solid=np.concatenate(solid),
        cells=np.concatenate([drawer.layout.cells, *(worn.cells for _, worn in parts)]),
        tint=np.concatenate([drawer.part_tint, *(worn.tint for _, worn in parts)]),
        infrared=_infrared(drawer, shape, looks, grown, parts),
        texture=painting.texture,
        open_to=openness(whole, casting, normals_of(whole, faces)),
        head_count=head,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Grown:
    """How much hair and beard grow at each vertex of the model, f64[V] 0..1."""

    hair: F64
    beard: F64


def _shape(drawer: Drawer, grown: _Grown, looks: Looks, rng: np.random.Generator) -> F64:
    model = drawer.model
    weights = rng.standard_normal(len(model.identity)) * _SHAPE_SPREAD
    weights = np.clip(weights, -_SHAPE_LIMIT, _SHAPE_LIMIT).astype(np.float32)
    bare = (model.neutral + np.tensordot(weights, model.identity, 1)).astype(np.float32)
    bare += model.expressed(_resting_face(model.expression_names, rng)).astype(np.float32)
    bare -= drawer.landmarks(bare)[30].astype(np.float32)
    uneven = 1 + 0.2 * wave_noise(model.neutral, looks.hair.curl_mm + 8.0, rng, waves=12)
    lift = looks.hair.thickness_mm * grown.hair * uneven + looks.beard.length_mm * grown.beard
    lift[~drawer.layout.painted] = 0.0
    return np.asarray(bare + normals_of(bare, model.triangles) * lift[:, None], np.float64)


def _resting_face(names: tuple[str, ...], rng: np.random.Generator) -> dict[str, float]:
    """Draw how a face at rest differs from the neutral one: narrow eyes, drooping corners; both sides nearly alike."""
    drawn: dict[str, float] = {}
    for name in names:
        if name.startswith(_NOT_AT_REST):
            continue
        both = name.removesuffix("_L").removesuffix("_R")
        drawn.setdefault(both, float(np.clip(rng.normal(0, _RESTING_SPREAD), -_RESTING_LIMIT, _RESTING_LIMIT)))
    return {
        name: drawn[both] * rng.uniform(0.8, 1.2)
        for name in names
        if (both := name.removesuffix("_L").removesuffix("_R")) in drawn
    }


def _looked_up(grown: F32, drawer: Drawer) -> F64:
    """Return how much grows at each vertex f64[V]; its edge is rounded, as hair lies down towards it."""
    rounded = cv2.GaussianBlur(grown, (0, 0), 4.0 / atlas.CELL_MM)
    place = np.clip(atlas.cells(drawer.layout.label_mm), 0, (atlas.LABEL_COLUMNS - 1, atlas.LABEL_ROWS - 1))
    column, row = np.ascontiguousarray(place.astype(np.float32).T)[..., None]
    found = cv2.remap(rounded, column, row, cv2.INTER_LINEAR)
    return np.asarray(found.ravel() ** 1.5, np.float64)


def _worn(drawer: Drawer, shape: F64, looks: Looks, rng: np.random.Generator) -> list[tuple[bool, Worn]]:
    """Return what is worn, each with whether a depth camera notices it."""
    out: list[tuple[bool, Worn]] = []
    if looks.hair.style in _HANGING:
        scalp = shape[drawer.model.part <= Part.SCALP_AND_NECK]
        out.append((True, hanging_hair(scalp, looks.hair, rng)))
    if looks.glasses is not None:
        marks = drawer.landmarks(shape)
        left, right = (marks[ids].mean(axis=0) for ids in _EYES_OF_68)
        out.append((False, spectacles(left, right, marks[27], looks.glasses)))
    return out


def _infrared(drawer: Drawer, shape: F64, looks: Looks, grown: _Grown, parts: list[tuple[bool, Worn]]) -> F32:
    """Return what the depth camera's lamp meets, f32[N,2]: hair swallows infrared, cloth hardly, skin not at all."""
    dark = _HAIR_INFRARED if looks.hair.style is not HairStyle.SCARF else 0.8
    bright = 1 - (1 - dark) * grown.hair
    bright *= 1 - (1 - _HAIR_INFRARED) * grown.beard * looks.beard.strength
    bright[drawer.model.part == Part.EYEBALLS] = _EYE_INFRARED
    lens = np.full(len(shape), NO_LENS)
    if looks.glasses is not None:
        marks = drawer.landmarks(shape)
        for ids in _EYES_OF_68:
            away = shape - marks[ids].mean(axis=0) - (0.0, looks.glasses.drop_mm, 0.0)
            far = np.hypot(away[:, 0] / looks.glasses.half_width_mm, away[:, 1] / looks.glasses.half_height_mm)
            lens = np.minimum(lens, np.where(away[:, 2] < _BEHIND_LENS_MM, far, NO_LENS))
    head = np.stack([np.log(bright), lens], axis=1).astype(np.float32)
    rest = sum(len(worn.vertices) for _, worn in parts)
    return np.concatenate([head, np.tile(np.array((np.log(dark), NO_LENS), np.float32), (rest, 1))])
