"""People who do not exist: a shape from the head model and colours of our own invention, both from one seed.

Paints on the neutral head, so a person keeps their skin whatever the expression. Everything is made of formulas;
no photograph and no texture of anybody went in. Colours are linear light, 0..1.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from kinect_unlock.arrays import F32, F64
from kinect_unlock_lab.head_model import HeadModel, Part, vertex_normals

HairStyle: TypeAlias = Literal["short", "long"]
Rgb: TypeAlias = tuple[int, int, int]

_SKIN_LIGHT: Rgb = (226, 176, 150)
_SKIN_DARK: Rgb = (104, 66, 46)
_HAIR_COLORS: tuple[Rgb, ...] = (
    (44, 36, 32),
    (68, 48, 36),
    (102, 74, 52),
    (146, 114, 76),
    (108, 58, 38),
    (124, 120, 116),
)
_IRIS_COLORS: tuple[Rgb, ...] = ((70, 46, 30), (92, 70, 46), (92, 106, 120), (88, 94, 74), (52, 38, 30))
_SHIRT_COLORS: tuple[Rgb, ...] = (
    (52, 70, 92),
    (110, 46, 48),
    (70, 88, 70),
    (92, 92, 98),
    (150, 138, 118),
    (46, 46, 52),
)
#: Height of the hairline (y, mm) over how far back a point lies (z, mm): forehead, temple, sideburn, ear, nape.
HAIRLINE_Z_MM = (30.0, 46.0, 58.0, 68.0, 78.0, 90.0, 98.0, 146.0, 158.0, 170.0, 200.0)
HAIRLINE_Y_MM = (-93.0, -91.0, -79.0, -64.0, -42.0, -24.0, -48.0, -48.0, -5.0, 40.0, 60.0)
_PLOT_MM = 80  # outlines are measured on a plot of the face from -80 to 80 mm
_PLOT_STEP_MM = 0.2


@dataclass(frozen=True, slots=True)
class Traits:
    """What can be said about a person's looks; colours are sRGB, shares 0..1."""

    skin: Rgb
    hair: Rgb
    iris: Rgb
    shirt: Rgb
    hair_style: HairStyle
    hair_thickness_mm: float
    brow_thickness_mm: float
    brow_density: float
    lip_redness: float
    blush: float
    stubble: float
    freckles: float


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """One invented person.

    ``shape`` f64[V,3] mm at rest, ``albedo`` f32[V,3], ``gloss`` f32[V], ``hair_cover`` f64[V] 0..1.
    """

    seed: int
    traits: Traits
    shape: F64
    albedo: F32
    gloss: F32
    hair_cover: F64


def linear(srgb: Rgb | F64) -> F64:
    """Turn sRGB 0..255 into linear light 0..1."""
    return np.power(np.asarray(srgb, np.float64) / 255.0, 2.2)


def smoothstep(low: float, high: float, x: F64) -> F64:
    """Rise from 0 at ``low`` to 1 at ``high`` (which may be the smaller one)."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), np.float64)


def wave_noise(points_mm: F64, wavelength_mm: float, rng: np.random.Generator, *, waves: int = 20) -> F64:
    """Return a smooth random field f64[N] of variance 1 at these points."""
    direction = rng.standard_normal((waves, points_mm.shape[1]))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    direction *= 2 * np.pi / (wavelength_mm * rng.uniform(0.7, 1.5, (waves, 1)))
    phase = rng.uniform(0, 2 * np.pi, waves)
    field = np.sin(points_mm @ direction.T + phase).sum(axis=1) * np.sqrt(2.0 / waves)
    return np.asarray(field, np.float64)


def invent_traits(seed: int) -> Traits:
    """Draw a person's looks."""
    rng = np.random.default_rng([seed, 1])
    darkness = rng.beta(1.2, 2.2)
    skin = [round(a + (b - a) * darkness) for a, b in zip(_SKIN_LIGHT, _SKIN_DARK, strict=True)]
    style: HairStyle = "long" if rng.random() < 0.4 else "short"
    return Traits(
        skin=(skin[0], skin[1], skin[2]),
        hair=_HAIR_COLORS[rng.choice(6, p=[0.3, 0.25, 0.17, 0.1, 0.08, 0.1])],
        iris=_IRIS_COLORS[rng.integers(5)],
        shirt=_SHIRT_COLORS[rng.integers(6)],
        hair_style=style,
        hair_thickness_mm=float(rng.uniform(8, 18)),
        brow_thickness_mm=float(rng.uniform(3.0, 4.0) if style == "long" else rng.uniform(3.4, 5.2)),
        brow_density=float(rng.uniform(0.5, 1.0)),
        lip_redness=float(rng.uniform(0.5, 1.0) if style == "long" else rng.uniform(0.1, 0.5)),
        blush=float(rng.uniform(0.3, 1.0)),
        stubble=0.0 if style == "long" else float(rng.choice([0.0, 0.25, 0.6])),
        freckles=float(rng.uniform(0.3, 1.0)) if rng.random() < 0.3 else 0.0,
    )


def invent_person(model: HeadModel, seed: int, traits: Traits | None = None) -> Person:
    """Make the person of this seed; the same seed gives the same person.

    Args:
        model: the head model.
        seed: who it is.
        traits: looks to use instead of those drawn from the seed.
    """
    looks = traits or invent_traits(seed)
    cover = hair_cover(model.neutral)
    cover[model.part > Part.SCALP_AND_NECK] = 0.0
    shape = _bare_shape(model, seed)
    rng = np.random.default_rng([seed, 3])
    thick = looks.hair_thickness_mm if looks.hair_style == "short" else 2.0
    lift = thick * cover * (1.0 + 0.16 * wave_noise(model.neutral, 34.0, rng))
    shape += vertex_normals(shape, model.triangles) * lift[:, None]
    albedo, gloss = _paint(model, looks, cover, np.random.default_rng([seed, 4]))
    return Person(seed, looks, shape, albedo, gloss, cover)


def _bare_shape(model: HeadModel, seed: int) -> F64:
    rng = np.random.default_rng([seed, 2])
    weights = np.clip(1.2 * rng.standard_normal(len(model.identity)), -2.2, 2.2).astype(np.float32)
    shape: F64 = model.neutral + np.tensordot(weights, model.identity, 1)
    nose = int(np.argmin(np.abs(model.neutral).sum(axis=1)))
    return np.asarray(shape - shape[nose], np.float64)


def hair_cover(points_mm: F64) -> F64:
    """Return 0..1 for points of the neutral head: how much hair grows there."""
    line = np.interp(points_mm[:, 2], HAIRLINE_Z_MM, HAIRLINE_Y_MM)
    wobble = 2.5 * np.sin(points_mm[:, 0] * 0.21) + 1.5 * np.sin(points_mm[:, 0] * 0.53 + 1.0)
    inside = smoothstep(-3.0, 6.0, line + wobble - points_mm[:, 1])
    return np.asarray(inside * (points_mm[:, 1] < 75.0), np.float64)


def outline_distance(outline_mm: F64, points_mm: F64, *, closed: bool) -> F64:
    """Return each point's distance in mm, seen from the front, to a line or (negative inside) to a closed outline."""
    side = round(2 * _PLOT_MM / _PLOT_STEP_MM)
    corners = np.round((outline_mm[:, :2] + _PLOT_MM) / _PLOT_STEP_MM).astype(np.int32)
    line = np.full((side, side), 255, np.uint8)
    cv2.polylines(line, [corners], closed, 0, 1)
    distance = cv2.distanceTransform(line, cv2.DIST_L2, 5).astype(np.float64) * _PLOT_STEP_MM
    if closed:
        inside = np.zeros((side, side), np.uint8)
        cv2.fillPoly(inside, [corners], 1)
        distance = np.where(inside > 0, -distance, distance)
    cell = np.clip(np.round((points_mm[:, :2] + _PLOT_MM) / _PLOT_STEP_MM).astype(np.int64), 0, side - 1)
    return np.asarray(distance[cell[:, 1], cell[:, 0]], np.float64)


def smooth_outline(corners_mm: F64, *, closed: bool) -> F64:
    """Return the corners with three rounded points between each two (Catmull-Rom), f64[M,3]."""
    ring = (
        np.vstack([corners_mm[-1:], corners_mm, corners_mm[:2]])
        if closed
        else np.vstack([2 * corners_mm[:1] - corners_mm[1:2], corners_mm, 2 * corners_mm[-1:] - corners_mm[-2:-1]])
    )
    a, b, c, d = ring[:-3], ring[1:-2], ring[2:-1], ring[3:]
    t = np.arange(4)[:, None, None] / 4.0
    points = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    return np.asarray(points.transpose(1, 0, 2).reshape(-1, corners_mm.shape[1]), np.float64)


def _blob(points: F64, centre: tuple[float, float], radius: tuple[float, float]) -> F64:
    across, down = (np.abs(points[:, 0]) - centre[0]) / radius[0], (points[:, 1] - centre[1]) / radius[1]
    return np.asarray(np.exp(-(across**2 + down**2)), np.float64)


def _paint(model: HeadModel, looks: Traits, cover: F64, rng: np.random.Generator) -> tuple[F32, F32]:
    at, front = model.neutral, model.neutral[:, 2] < 75.0
    skin = linear(looks.skin)
    color = np.repeat(skin[None], len(at), axis=0)
    color *= (1 + 0.035 * wave_noise(at, 26.0, rng) + 0.03 * wave_noise(at, 8.0, rng))[:, None]
    blood = (
        _blob(at, (38, 8), (20, 17)) + 0.9 * _blob(at, (0, 3), (14, 12)) + 0.4 * _blob(at, (0, 72), (18, 10))
    ) * front
    blood += 0.9 * smoothstep(78, 84, np.abs(at[:, 0])) * (at[:, 2] > 95) * (at[:, 2] < 145) * (np.abs(at[:, 1]) < 45)
    color *= 1 - (looks.blush * 0.30 * blood)[:, None] * np.array([0.10, 0.85, 0.75])
    color *= 1 - (0.16 * _blob(at, (31, -24), (16, 7)) * front)[:, None] * np.array([0.8, 1.0, 0.8])  # under the eyes
    color *= 1 - (0.10 * _blob(at, (31, -40), (17, 7)) * front)[:, None]  # lids
    gloss = (
        0.55
        + 0.45
        * (_blob(at, (0, -70), (30, 18)) + _blob(at, (0, -8), (9, 22)) + 0.5 * _blob(at, (38, 0), (14, 12)))
        * front
    )
    color = _freckle(color, at, looks, rng)
    color = _shave(color, at, model, looks, rng)
    color, gloss = _lips(color, gloss, model, looks, rng)
    hair = linear(looks.hair) * 0.7
    color = color * (1 - cover[:, None]) + hair * cover[:, None]
    gloss = gloss * (1 - cover)
    for part, tint, shine in (
        (Part.MOUTH_SOCKET, (0.10, 0.025, 0.025), 0.4),
        (Part.EYE_SOCKETS, (0.24, 0.11, 0.09), 0.6),
        (Part.GUMS, (0.30, 0.09, 0.09), 0.8),
        (Part.TEETH, (0.62, 0.56, 0.46), 1.0),
        (Part.EYEBALLS, (0.66, 0.62, 0.58), 0.0),
    ):
        color[model.part == part], gloss[model.part == part] = tint, shine
    return np.clip(color, 0.0, 1.0).astype(np.float32), gloss.astype(np.float32)


def _freckle(color: F64, at: F64, looks: Traits, rng: np.random.Generator) -> F64:
    spots = (
        smoothstep(1.2, 2.0, wave_noise(at, 4.0, rng, waves=40))
        * np.exp(-(((at[:, 1] + 2) / 26) ** 2))
        * (at[:, 2] < 70)
    )
    out = color * (1 - (0.35 * looks.freckles * spots)[:, None] * np.array([0.6, 0.9, 1.0]))
    for _ in range(rng.integers(1, 5)):  # moles
        place, radius = rng.uniform((-60, -70), (60, 70)), rng.uniform(0.8, 1.5)
        mole = np.exp(-(((at[:, :2] - place) ** 2).sum(axis=1) / radius**2)) * (at[:, 2] < 75)
        out *= 1 - (0.55 * mole)[:, None]
    return np.asarray(out, np.float64)


def _shave(color: F64, at: F64, model: HeadModel, looks: Traits, rng: np.random.Generator) -> F64:
    x, y, z = np.abs(at[:, 0]), at[:, 1], at[:, 2]
    jaw = smoothstep(12, 34, y - 0.25 * (60 - x).clip(0)) * smoothstep(100, 88, y) * (z < 92)
    sides = smoothstep(58, 68, x) * smoothstep(-15, 0, y) * smoothstep(78, 62, y) * smoothstep(96, 88, z)
    moustache = np.exp(-(((y - 23) / 5.0) ** 2)) * smoothstep(33, 24, x) * smoothstep(1, 5, x) * (z < 45)
    beard = np.maximum(np.maximum(jaw, sides), moustache) * (model.part <= Part.SCALP_AND_NECK)
    share = looks.stubble * beard * np.clip(0.8 + 0.3 * wave_noise(at, 7.0, rng), 0, 1)
    return np.asarray(
        color * (1 - 0.75 * share[:, None]) + 0.75 * share[:, None] * linear(looks.hair) * 0.9, np.float64
    )


def _lips(color: F64, gloss: F64, model: HeadModel, looks: Traits, rng: np.random.Generator) -> tuple[F64, F64]:
    at = model.neutral
    near = (at[:, 2] < 45) & (model.part <= Part.SCALP_AND_NECK)
    edge = outline_distance(smooth_outline(model.landmarks[48:60], closed=True), at, closed=True)
    lips = smoothstep(1.3, -1.5, edge) * near
    tint = linear(looks.skin) * (1 - looks.lip_redness * np.array([0.08, 0.42, 0.36]) - np.array([0.06, 0.22, 0.18]))
    tint = tint * (1 + 0.06 * wave_noise(at, 3.0, rng))[:, None]
    color = color * (1 - 0.9 * lips[:, None]) + 0.9 * lips[:, None] * tint
    slit = outline_distance(smooth_outline(model.landmarks[60:65], closed=False), at, closed=False)
    color *= 1 - (0.55 * np.exp(-((slit / 1.1) ** 2)) * near)[:, None] * np.array([0.8, 1.0, 1.0])
    return color, gloss * (1 - lips) + 1.1 * lips


def iris_color(gaze_deg: NDArray[np.floating], around_rad: NDArray[np.floating], looks: Traits) -> F32:
    """Return the eyeball's linear colour f32[N,3] at this angle from the gaze and this direction around it."""
    angle = np.asarray(gaze_deg, np.float64)
    spokes = 0.5 + 0.25 * np.sin(23 * around_rad + 2 * np.sin(5 * around_rad)) + 0.25 * np.sin(41 * around_rad + 1.0)
    white = np.array([0.50, 0.455, 0.42]) * (1 - 0.25 * smoothstep(40, 75, angle)[:, None] * np.array([0.3, 1.0, 1.0]))
    iris = linear(looks.iris) * (0.6 + 0.7 * spokes * smoothstep(23, 11, angle))[:, None]
    iris = iris * (1 - 0.72 * smoothstep(19.5, 23, angle))[:, None]  # the dark ring around it
    share = smoothstep(24.2, 22.2, angle)[:, None]
    pupil = smoothstep(9.5, 8.0, angle)[:, None]
    return np.asarray((white * (1 - share) + iris * share) * (1 - pupil) + 0.008 * pupil, np.float32)
