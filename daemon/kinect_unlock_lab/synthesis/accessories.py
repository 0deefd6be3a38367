"""What a person wears that has a shape of its own: hair that hangs, a head scarf, and spectacles; as meshes.

Axes and millimetres are those of the head at rest. Triangles face outwards; `both_sides` adds the inner ones.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from kinect_unlock.arrays import F32, F64
from kinect_unlock_lab.people import smoothstep
from kinect_unlock_lab.raster import I32
from kinect_unlock_lab.synthesis import atlas
from kinect_unlock_lab.synthesis.looks import Glasses, Hair

_COLUMNS: Final = 73
_ROWS: Final = 36
_RIM_POINTS: Final = 40
_EAR_MM: Final = (80.0, -22.0, 108.0)


@dataclass(frozen=True, slots=True, eq=False)
class Worn:
    """A mesh: ``vertices`` f64[N,3], ``triangles`` i32[F,3], ``cells`` f32[N,2] in the atlas, ``tint`` f32[N,3]."""

    vertices: F64
    triangles: I32
    cells: F32
    tint: F32


def hanging_hair(scalp_mm: F64, hair: Hair, rng: np.random.Generator) -> Worn:
    """Let hair, or cloth, hang from the crown around the head, open in front.

    Args:
        scalp_mm: points f64[N,3] of the head and neck that it must lie on.
        hair: how long it is and how far it opens.
        rng: for its waves.
    """
    upper = scalp_mm[scalp_mm[:, 1] < -48.0]
    thick = 5.0 + hair.thickness_mm
    half_width = float(np.abs(upper[:, 0]).max()) + thick
    front, back = float(upper[upper[:, 1] < -88.0][:, 2].min()), float(upper[:, 2].max())
    half_depth, middle_z = (back - front) / 2 + thick, (back + front) / 2
    top = float(upper[:, 1].min()) - thick
    around, t = np.meshgrid(np.linspace(-np.pi, np.pi, _COLUMNS), np.linspace(0.0, 1.0, _ROWS))
    uneven = 1 + 0.06 * np.sin(3 * around + rng.uniform(0, 6))
    forehead = -97.0 + hair.line_mm
    hangs = smoothstep(hair.opening, hair.opening + 0.35, np.abs(around) * uneven)
    end = forehead + (hair.drop_mm - forehead) * hangs + 5.0 * np.sin(7 * around + rng.uniform(0, 6))
    y = top + (end - top) * t
    dome = np.sqrt(np.clip(1 - ((y + 55.0) / (top + 55.0)).clip(0, 1) ** 2.2, 0, 1))
    wave = 2.0 * np.sin(9 * around + 3 * t + rng.uniform(0, 6)) + 1.2 * np.sin(6.28 * y / hair.curl_mm + 5 * around)
    across = (half_width - 6.0 * smoothstep(-30, 90, y) + wave) * dome
    deep = (half_depth - 18.0 * smoothstep(-40, 80, y) + wave) * dome
    points = np.stack([across * np.sin(around), y, middle_z - deep * np.cos(around)], axis=-1).reshape(-1, 3)
    column = atlas.LABEL_COLUMNS + 2 + (np.abs(around) * 14.0) % (atlas.TILE - 5)
    row = atlas.HAIR_ROW + 2 + np.clip((y - top) * 0.8, 0, atlas.LABEL_ROWS - atlas.HAIR_ROW - 6)
    cells = np.stack([column, row], axis=-1).reshape(-1, 2).astype(np.float32)
    return Worn(points, _sheet(_ROWS, _COLUMNS), cells, np.ones((len(points), 3), np.float32))


def spectacles(left_eye_mm: F64, right_eye_mm: F64, bridge_mm: F64, glasses: Glasses) -> Worn:
    """Put a frame on a nose.

    Args:
        left_eye_mm: middle f64[3] of the eye on the image's left.
        right_eye_mm: the other one.
        bridge_mm: the nose between the eyes f64[3].
        glasses: the frame.
    """
    parts = [_rim(eye, glasses, bridge_mm) for eye in (left_eye_mm, right_eye_mm)]
    front = float(bridge_mm[2]) - 2.0
    height = (left_eye_mm[1] + right_eye_mm[1]) / 2 + glasses.drop_mm - 0.35 * glasses.half_height_mm
    inner = [eye[0] - np.sign(eye[0]) * glasses.half_width_mm * 0.97 for eye in (left_eye_mm, right_eye_mm)]
    parts.append(_band(np.linspace((inner[0], height, front), (inner[1], height, front), 5), glasses.rim_mm + 0.6))
    for eye in (left_eye_mm, right_eye_mm):
        side = np.sign(eye[0])
        hinge = (eye[0] + side * glasses.half_width_mm, height, front + _wrap(glasses.half_width_mm))
        ear = (side * _EAR_MM[0], _EAR_MM[1], _EAR_MM[2])
        parts.append(_band(np.linspace(hinge, ear, 6), glasses.rim_mm + 1.5))
    first = np.cumsum([0, *(len(points) for points, _ in parts)])
    vertices = np.concatenate([points for points, _ in parts])
    triangles = np.concatenate([faces + start for (_, faces), start in zip(parts, first, strict=False)])
    white = np.array((atlas.LABEL_COLUMNS + atlas.TILE / 2, atlas.WHITE_ROW + atlas.TILE / 2), np.float32)
    cells = np.tile(white, (len(vertices), 1))
    return Worn(vertices, triangles.astype(np.int32), cells, np.tile(glasses.color.astype(np.float32), (len(cells), 1)))


def _wrap(across_mm: float) -> float:
    """Return how far back a rim bends this far from its middle."""
    return 5.0 * (across_mm / 25.0) ** 2 if across_mm > 0 else 0.0


def _rim(eye_mm: F64, glasses: Glasses, bridge_mm: F64) -> tuple[F64, I32]:
    around = np.linspace(0, 2 * np.pi, _RIM_POINTS + 1)
    power = 2.0 / glasses.roundness
    x = np.sign(np.cos(around)) * np.abs(np.cos(around)) ** power
    y = np.sign(np.sin(around)) * np.abs(np.sin(around)) ** power
    rings = []
    for grown in (-glasses.rim_mm / 2, glasses.rim_mm / 2):
        across, down = x * (glasses.half_width_mm + grown), y * (glasses.half_height_mm + grown)
        outwards = np.clip(across * np.sign(eye_mm[0]), 0, None)
        z = bridge_mm[2] - 2.0 + 5.0 * (outwards / 25.0) ** 2
        rings.append(np.stack([eye_mm[0] + across, eye_mm[1] + glasses.drop_mm + down, z], axis=1))
    return np.concatenate(rings), _sheet(2, _RIM_POINTS + 1)


def _band(path_mm: F64, high_mm: float) -> tuple[F64, I32]:
    half = np.array((0.0, high_mm / 2, 0.0))
    return np.concatenate([path_mm - half, path_mm + half]), _sheet(2, len(path_mm))


def _sheet(rows: int, columns: int) -> I32:
    """Return the triangles of a grid of points."""
    here = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)[None]).ravel()
    halves = [
        np.stack([here, here + columns, here + 1], 1),
        np.stack([here + 1, here + columns, here + columns + 1], 1),
    ]
    return np.concatenate(halves).astype(np.int32)
