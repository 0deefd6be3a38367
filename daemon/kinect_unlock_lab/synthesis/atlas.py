"""A head unrolled like the label of a can: where each point of the neutral head lies on a person's painting.

All people share the neutral head's layout, so what is painted on it keeps its place whatever the shape and the
expression. Beside the label lie three small tiles: an eye, plain white (for parts with one colour), and hair.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np

from kinect_unlock.arrays import F32, F64, read_only
from kinect_unlock_lab.head_model import HeadModel, Part

CELL_MM: Final = 0.6
_AXIS_Z_MM: Final = 112.0  # of the can, behind the nose tip
_RADIUS_MM: Final = 95.0
_HALF_AROUND_MM: Final = 192.0
_TOP_MM, _BOTTOM_MM = -144.0, 150.0
LABEL_COLUMNS: Final = round(2 * _HALF_AROUND_MM / CELL_MM)
LABEL_ROWS: Final = round((_BOTTOM_MM - _TOP_MM) / CELL_MM)
TILE: Final = 96
COLUMNS: Final = LABEL_COLUMNS + TILE
_EYE_DEG_PER_CELL: Final = 1.2
EYE_MIDDLE: Final = (LABEL_COLUMNS + TILE / 2 - 0.5, TILE / 2 - 0.5)
WHITE_ROW: Final = TILE
HAIR_ROW: Final = 2 * TILE


def unroll(points_mm: F64) -> F64:
    """Map places of the neutral head f64[...,3] to mm on the label f64[...,2]: around (right positive) and down."""
    around = np.arctan2(points_mm[..., 0], _AXIS_Z_MM - points_mm[..., 2]) * _RADIUS_MM
    return np.asarray(np.stack([around, points_mm[..., 1]], axis=-1), np.float64)


def cells(label_mm: F64) -> F64:
    """Map mm on the label f64[...,2] to atlas pixels (column, row), pixel centres at whole numbers."""
    out = np.empty_like(label_mm)
    out[..., 0] = (label_mm[..., 0] + _HALF_AROUND_MM) / CELL_MM - 0.5
    out[..., 1] = (label_mm[..., 1] - _TOP_MM) / CELL_MM - 0.5
    return out


@cache
def grid() -> tuple[F32, F32]:
    """Return for every cell of the label how far around and how far down it lies, two f32[rows,columns] in mm."""
    around = (np.arange(LABEL_COLUMNS, dtype=np.float32) + 0.5) * CELL_MM - _HALF_AROUND_MM
    down = (np.arange(LABEL_ROWS, dtype=np.float32) + 0.5) * CELL_MM + _TOP_MM
    across, along = np.meshgrid(around, down)
    return read_only(across), read_only(along)


def eye_cells(offset_deg: F64) -> F64:
    """Map angles f64[N,2] from the middle of an iris (right, down) to atlas pixels, kept inside the tile."""
    limit = TILE / 2 - 2.0
    place: F64 = np.clip(offset_deg / _EYE_DEG_PER_CELL, -limit, limit) + np.array(EYE_MIDDLE)
    return place


def eye_angles() -> F64:
    """Return the angle f64[TILE,TILE] in degrees of each cell of the eye's tile from the middle of the iris."""
    row, column = np.mgrid[0:TILE, 0:TILE] - (TILE / 2 - 0.5)
    return np.asarray(np.hypot(row, column) * _EYE_DEG_PER_CELL, np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """Where each vertex of the head model looks up its colour.

    ``label_mm`` f64[V,2]; ``cells`` f32[V,2], where eyeballs look straight ahead; ``eye_deg`` f64[E,2] and
    ``eye_vertices`` i64[E] for turning them; ``painted`` bool[V]: skin, the rest has one colour.
    """

    label_mm: F64
    cells: F32
    eye_vertices: np.ndarray[tuple[int], np.dtype[np.int64]]
    eye_deg: F64
    painted: np.ndarray[tuple[int], np.dtype[np.bool_]]


def lay_out(model: HeadModel) -> Layout:
    """Give every vertex of the model its place in the atlas."""
    label = unroll(model.neutral)
    place = np.clip(cells(label), 0, (LABEL_COLUMNS - 1.001, LABEL_ROWS - 1.001))
    painted = (model.part <= Part.SCALP_AND_NECK) | (model.part == Part.EYE_SOCKETS)
    place[~painted] = (LABEL_COLUMNS + TILE / 2, WHITE_ROW + TILE / 2)
    eyes = np.flatnonzero(model.part == Part.EYEBALLS)
    angles = _eye_angles(model.neutral[eyes])
    place[eyes] = eye_cells(angles)
    return Layout(label, place.astype(np.float32), eyes, angles, painted)


def _eye_angles(points_mm: F64) -> F64:
    """Return how far right and down f64[E,2], in degrees, each point of an eyeball lies from its middle in front."""
    angles = np.zeros((len(points_mm), 2))
    for right in (False, True):
        mine = (points_mm[:, 0] > 0) == right
        if not mine.any():
            continue
        ball = points_mm[mine]
        ray = ball - (ball.min(axis=0) + ball.max(axis=0)) / 2
        ray /= np.linalg.norm(ray, axis=1, keepdims=True)
        away = np.degrees(np.arccos(np.clip(-ray[:, 2], -1, 1)))
        flat = np.maximum(np.hypot(ray[:, 0], ray[:, 1]), 1e-9)
        angles[mine] = ray[:, :2] / flat[:, None] * away[:, None]
    return angles


def texture_noise(wavelength_mm: float, rng: np.random.Generator, *, stretch: float = 1.0) -> F32:
    """Return a smooth random field of variance about 1 over the label, drawn out downwards by ``stretch``."""
    step = max(1.0, wavelength_mm / CELL_MM / 2.0)
    coarse = (int(LABEL_ROWS / (step * stretch)) + 4, int(LABEL_COLUMNS / step) + 4)
    noise = rng.standard_normal(coarse, np.float32)
    return np.asarray(cv2.resize(noise, (LABEL_COLUMNS, LABEL_ROWS), interpolation=cv2.INTER_CUBIC) * 1.25, np.float32)
