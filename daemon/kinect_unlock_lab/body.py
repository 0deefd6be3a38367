"""A whole sitter: head, hair and a shirt as one mesh that can turn its head, look about and breathe.

Everything here is at rest in millimetres with the nose tip at the origin; `pose_body` puts it before the camera.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from kinect_unlock.arrays import F32, F64
from kinect_unlock_lab.hair import Strands, brows, lashes, long_hair, short_hair
from kinect_unlock_lab.head_model import HeadModel, Part, vertex_normals
from kinect_unlock_lab.lighting import Exposure, expose, neighbour_average
from kinect_unlock_lab.people import Person, invent_person, linear, smoothstep, wave_noise
from kinect_unlock_lab.raster import I32, Mask

_NECK_PIVOT_MM: Final = np.array([0.0, 95.0, 125.0])
#: The shirt's rings from collar to waist: height, half width, half depth, how far back its middle lies, forward slant.
_SHIRT_RINGS: Final = (
    (116.0, 58.0, 54.0, 138.0, 0.46),
    (119.0, 65.0, 60.0, 138.0, 0.44),
    (126.0, 80.0, 66.0, 138.0, 0.38),
    (138.0, 112.0, 74.0, 138.0, 0.26),
    (150.0, 150.0, 84.0, 138.0, 0.14),
    (166.0, 184.0, 94.0, 138.0, 0.04),
    (196.0, 206.0, 106.0, 138.0, 0.0),
    (260.0, 214.0, 116.0, 138.0, 0.0),
    (520.0, 222.0, 124.0, 138.0, 0.0),
)


@dataclass(frozen=True, slots=True)
class Stance:
    """How a sitter holds still for one frame.

    Angles have the signs of `kinect_unlock.observations.HeadPose` and turn the head on the neck. ``at_mm`` is where the
    nose tip would be with the head straight, in depth-camera coordinates. Expression strengths are 0..1.
    """

    at_mm: tuple[float, float, float] = (0.0, 0.0, 750.0)
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    expression: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Body:
    """A sitter at rest.

    ``vertices`` f64[N,3]; ``triangles`` i32[F,3]; ``albedo`` f32[N,3]; ``gloss`` and ``grain`` f32[N];
    ``skin`` and ``eye`` bool[N]; ``follows_head`` f64[N], 1 on the head to 0 on the trunk. The first
    ``head_count`` vertices are the model's.
    """

    person: Person
    model: HeadModel
    vertices: F64
    triangles: I32
    albedo: F32
    gloss: F32
    grain: F32
    skin: Mask
    eye: Mask
    follows_head: F64
    head_count: int
    strands: tuple[Strands, ...]
    exposure: Exposure
    average: object


def make_body(model: HeadModel, person: Person, *, directions: int = 96) -> Body:
    """Dress a person and find out what light reaches where; takes some seconds."""
    rng = np.random.default_rng([person.seed, 5])
    shirt, shirt_triangles, shirt_albedo = _shirt(person, model, rng)
    meshes, triangles = [person.shape, shirt], [_above_collar(model), shirt_triangles + len(person.shape)]
    albedo, gloss = [person.albedo, shirt_albedo], [person.gloss, np.zeros(len(shirt), np.float32)]
    grain = [np.asarray(0.035 + 0.12 * person.hair_cover, np.float32), np.full(len(shirt), 0.05, np.float32)]
    strands = [brows(person, model, rng), lashes(person, model, rng)]
    if person.traits.hair_style == "long":
        mass = long_hair(person, model, rng)
        triangles.append(mass.triangles + sum(len(mesh) for mesh in meshes))
        meshes.append(mass.vertices)
        albedo.append(np.tile(linear(person.traits.hair) * 0.5, (len(mass.vertices), 1)).astype(np.float32))
        gloss.append(np.zeros(len(mass.vertices), np.float32))
        grain.append(np.full(len(mass.vertices), 0.15, np.float32))
        strands.append(mass.strands)
    else:
        strands.append(short_hair(person, model, rng))
    vertices, faces = np.concatenate(meshes), np.concatenate(triangles).astype(np.int32)
    normals = vertex_normals(vertices, faces)
    head = len(person.shape)
    part = np.full(len(vertices), -1)
    part[:head] = model.part
    cloth = np.zeros(len(vertices), bool)
    cloth[head : head + len(shirt)] = True
    skin = (part == Part.FACE) | (part == Part.SCALP_AND_NECK) | (part == Part.EYE_SOCKETS)
    height = vertices[:, 1] + 0.35 * (vertices[:, 2] - 130.0)
    follows = smoothstep(138.0, 66.0, height)
    follows[cloth] = 0.0
    return Body(
        person=person,
        model=model,
        vertices=vertices,
        triangles=faces,
        albedo=np.concatenate(albedo),
        gloss=np.concatenate(gloss),
        grain=np.concatenate(grain),
        skin=skin,
        eye=part == Part.EYEBALLS,
        follows_head=follows,
        head_count=head,
        strands=tuple(strands),
        exposure=expose(vertices, faces, normals, directions=directions),
        average=neighbour_average(len(vertices), faces),
    )


def sitter(model: HeadModel, seed: int, *, directions: int = 96) -> Body:
    """Return the dressed person of this seed."""
    return make_body(model, invent_person(model, seed), directions=directions)


def _above_collar(model: HeadModel) -> I32:
    """Drop the model's own shoulders: the shirt has them."""
    x, y, z = model.neutral.T
    below = (y > 98.0) & (np.hypot(x, z - 138.0) > 70.0) & (z > 92.0) | (y > 172.0)
    return np.asarray(model.triangles[~below[model.triangles].any(axis=1)], np.int32)


def _shirt(person: Person, model: HeadModel, rng: np.random.Generator) -> tuple[F64, I32, F32]:
    """Loft a shirt over the rings; returns vertices, triangles and albedo."""
    around = np.linspace(0, 2 * np.pi, 161)[:-1]
    rings = np.array(_SHIRT_RINGS)
    length = np.linspace(0, 1, len(rings)) ** 0.8
    t = np.linspace(0, 1, 70)
    y, half_width, half_depth, middle, slant = (np.interp(t, length, rings[:, k])[:, None] for k in range(5))
    sharp = 1.0 - 0.22 * smoothstep(130, 190, y)
    across = np.sign(np.sin(around)) * np.abs(np.sin(around)) ** sharp
    deep = np.sign(np.cos(around)) * np.abs(np.cos(around)) ** sharp
    x, z = half_width * across, middle - half_depth * deep
    points = np.stack([x, y - slant * (z - middle), z], axis=-1)
    neck = (np.abs(model.neutral[:, 1] - 115.0) < 20.0) & (
        np.hypot(model.neutral[:, 0], model.neutral[:, 2] - 138.0) < 80.0
    )
    grown = np.abs(person.shape[neck] - model.neutral[neck].mean(axis=0)).mean(axis=0)
    usual = np.abs(model.neutral[neck] - model.neutral[neck].mean(axis=0)).mean(axis=0)
    flat = points.reshape(-1, 3)
    flat = (flat - (0.0, 0.0, 138.0)) * np.array([1, 1, 1]) * np.clip(grown / usual, 0.9, 1.15) ** (1, 0, 1) + (
        0.0,
        0.0,
        138.0,
    )
    flat += person.shape[neck].mean(axis=0) - model.neutral[neck].mean(axis=0)
    folds = wave_noise(flat * (1.0, 0.45, 1.0), 60.0, rng) * 2.6 + wave_noise(flat * (1.0, 0.6, 1.0), 24.0, rng) * 0.7
    depth = np.repeat(smoothstep(0.12, 0.4, t), len(around))
    crease = (
        16.0 * np.exp(-(((np.abs(flat[:, 0]) - 158.0) / 9.0) ** 2)) * smoothstep(185, 270, flat[:, 1])
    )  # arm from trunk
    flat[:, 2] -= folds * depth - np.sign(138.0 - flat[:, 2]) * crease
    count = len(around)
    column = np.arange(count)
    quad = np.arange(len(t) - 1)[:, None] * count
    here, right = (quad + column).ravel(), (quad + (column + 1) % count).ravel()
    triangles = np.concatenate(
        [np.stack([here, here + count, right], axis=1), np.stack([right, here + count, right + count], axis=1)]
    )
    color = linear(person.traits.shirt) * (1 + 0.05 * wave_noise(flat, 5.0, rng))[:, None]
    collar = np.repeat(np.where((t > 0.0) & (t < 0.085), 0.72, 1.0), count)
    return flat, triangles.astype(np.int32), np.asarray(color * collar[:, None], np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class PosedBody:
    """A sitter before the camera: ``vertices`` and ``normals`` f64[N,3] in depth-camera mm, head turned by ``turn``."""

    body: Body
    vertices: F64
    normals: F64
    turn: F64
    strands: tuple[Strands, ...]


def head_turn(yaw_deg: float, pitch_deg: float, roll_deg: float) -> F64:
    """Return the rotation f64[3,3] of a head with these angles: pitch first, then yaw, then roll."""
    (sy, sp, sr), (cy, cp, cr) = (f(np.radians((yaw_deg, pitch_deg, roll_deg))) for f in (np.sin, np.cos))
    yaw = np.array([[cy, 0, -sy], [0, 1, 0], [sy, 0, cy]])
    pitch = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray(roll @ yaw @ pitch, np.float64)


def pose_body(body: Body, stance: Stance) -> PosedBody:
    """Turn, move and animate a sitter."""
    turn = head_turn(stance.yaw_deg, stance.pitch_deg, stance.roll_deg)
    change = np.zeros_like(body.vertices)
    change[: body.head_count] = body.model.expressed(dict(stance.expression))
    place = np.array(stance.at_mm)

    def settle(points: F64, share: F64) -> F64:
        turned = (points - _NECK_PIVOT_MM) @ turn.T + _NECK_PIVOT_MM
        return np.asarray(points + share[..., None] * (turned - points) + place, np.float64)

    vertices = settle(body.vertices + change, body.follows_head)
    strands = tuple(
        replace(
            tuft,
            points=settle(
                tuft.points + change[tuft.anchor][:, None],
                smoothstep(138.0, 66.0, tuft.points[..., 1] + 0.35 * (tuft.points[..., 2] - 130.0)),
            ),
        )
        for tuft in body.strands
    )
    return PosedBody(body, vertices, vertex_normals(vertices, body.triangles), turn, strands)
