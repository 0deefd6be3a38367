"""Paints the skin, features and hair of one invented person onto the atlas; formulas and strokes, no photograph.

Order is that of nature: skin, what shows through it, what lies on it, what grows out of it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from kinect_unlock.arrays import F32, F64
from kinect_unlock_lab.people import smooth_outline
from kinect_unlock_lab.synthesis import atlas
from kinect_unlock_lab.synthesis.hair_painting import paint_beard, paint_brows, paint_hair, strand_tile
from kinect_unlock_lab.synthesis.looks import Looks, Makeup, Skin
from kinect_unlock_lab.synthesis.strokes import Takes, blob, cover, draw, stain, step, stroke

_EYES: Final = ((slice(36, 42), -1.0), (slice(42, 48), 1.0))
_NECKLINE_MM: Final = 112.0


@dataclass(frozen=True, slots=True, eq=False)
class Painting:
    """``texture`` f32[rows,columns,4]: linear colour and gloss; ``hair`` and ``beard`` f32 over the label, 0..1."""

    texture: F32
    hair: F32
    beard: F32


def paint(landmarks_mm: F64, looks: Looks, rng: np.random.Generator) -> Painting:
    """Paint a person.

    Args:
        landmarks_mm: the 68 landmarks f64[68,3] of the neutral head.
        looks: what the person looks like.
        rng: where blemishes and strands come from.
    """
    marks = atlas.unroll(landmarks_mm)
    texture = np.ones((atlas.LABEL_ROWS, atlas.COLUMNS, 4), np.float32)
    label = np.ascontiguousarray(texture[:, : atlas.LABEL_COLUMNS])
    label[..., :3] = looks.skin.color
    label[..., 3] = looks.skin.gloss * 0.6
    _flesh(label, looks.skin, rng)
    _blemishes(label, looks.skin, rng)
    _lines(label, marks, looks.skin)
    _lids(label, marks, looks)
    _lips(label, marks, looks.makeup, rng)
    _nostrils(label)
    fine = atlas.texture_noise(1.6, rng, stretch=4.0)
    beard = paint_beard(label, marks, looks.beard, fine, rng)
    paint_brows(label, marks, looks.brows, rng)
    hair = paint_hair(label, looks.hair, fine, rng)
    _cloth(label, looks.cloth, rng)
    texture[:, : atlas.LABEL_COLUMNS] = np.clip(label, 0.0, 1.5)
    texture[: atlas.TILE, atlas.LABEL_COLUMNS :] = _eye(looks.makeup, rng)
    texture[atlas.HAIR_ROW :, atlas.LABEL_COLUMNS :, :3] = strand_tile(looks.hair, rng)
    texture[atlas.HAIR_ROW :, atlas.LABEL_COLUMNS :, 3] = 0.25
    return Painting(texture, hair, beard)


def _flesh(label: F32, skin: Skin, rng: np.random.Generator) -> None:
    coarse, middle, fine = (atlas.texture_noise(length, rng) for length in (24.0, 7.0, 2.2))
    mottled = 1 + skin.mottling * (0.8 * coarse + 0.6 * middle) + 0.025 * fine
    label[..., :3] *= mottled[..., None]
    stain(label, skin.blush * np.clip(1 + 0.3 * middle, 0, 2) * blob(40, 6, 20, 17), (0.12, 0.8, 0.7))
    stain(label, skin.nose_red * blob(0, 3, 15, 13), (0.08, 0.7, 0.6))
    stain(label, 0.5 * skin.blush * blob(0, 72, 17, 10), (0.1, 0.6, 0.5))
    stain(label, np.float32(0.35) * blob(148, -15, 16, 30), (0.1, 0.6, 0.5))
    label[..., 3] += skin.gloss * (0.5 * blob(0, -72, 34, 18) + 0.6 * blob(0, -10, 8, 24) + 0.2 * blob(42, 2, 14, 12))


def _blemishes(label: F32, skin: Skin, rng: np.random.Generator) -> None:
    if skin.freckles > 0:
        specks = step(1.1, 2.0, atlas.texture_noise(2.8, rng)) + step(1.4, 2.2, atlas.texture_noise(4.5, rng))
        stain(label, skin.freckles * np.clip(specks, 0, 1) * blob(20, -4, 55, 28), (0.22, 0.34, 0.4))
    for _ in range(skin.moles):
        _dot(label, rng.uniform((-85, -85), (85, 90)), rng.uniform(0.7, 2.4), rng.uniform(0.35, 0.8), (0.7, 0.85, 0.9))
    for _ in range(skin.spots):
        _dot(label, rng.uniform((-70, -85), (70, 75)), rng.uniform(0.8, 2.0), rng.uniform(0.3, 0.7), (0.1, 0.6, 0.5))


def _dot(label: F32, at_mm: F64, radius_mm: float, strength: float, takes: Takes) -> None:
    column, row = atlas.cells(at_mm)
    reach = int(3 * radius_mm / atlas.CELL_MM) + 1
    top, left = int(row) - reach, int(column) - reach
    part = label[top : top + 2 * reach, left : left + 2 * reach]
    y, x = np.mgrid[0 : part.shape[0], 0 : part.shape[1]]
    far = ((y + top - row) ** 2 + (x + left - column) ** 2) * (atlas.CELL_MM / radius_mm) ** 2
    stain(part, np.asarray(strength * np.exp(-far * far), np.float32), takes)


def _lines(label: F32, marks: F64, skin: Skin) -> None:
    """Fold the skin beside the nose, under the eyes and over the brows."""
    for side, corner, wing in ((-1.0, 48, 31), (1.0, 54, 35)):
        start, end = marks[wing] + (side * 4.0, -5.0), marks[corner] + (side * 9.0, 2.0)
        bend = (start + end) / 2 + (side * 4.0, -2.0)
        draw(label, stroke(np.stack([start, bend, end]), 1.2, 1.6), skin.folds * 1.6, (0.8, 0.9, 0.9))
        eye = marks[41 if side < 0 else 47]
        bag = np.stack([eye + np.array(aside) for aside in ((-12.0, 5.0), (0.0, 9.5), (13.0, 6.0))])
        draw(label, stroke(bag, 1.2, 1.6), skin.under_eyes * 0.7, (0.8, 0.9, 0.8))
    for height in (-84.0, -76.0, -69.0):
        line = np.stack([(-34.0, height + 2.0), (0.0, height), (34.0, height + 2.0)])
        draw(label, stroke(line, 0.8, 1.0), skin.wrinkles, (0.8, 0.9, 0.9))


def _lids(label: F32, marks: F64, looks: Looks) -> None:
    makeup = looks.makeup
    for ids, side in _EYES:
        eye = marks[ids]
        middle = eye.mean(axis=0)
        tired = blob(abs(float(middle[0])), float(middle[1]) + 8.0, 17, 7)
        stain(label, looks.skin.under_eyes * 0.5 * tired, (0.7, 0.95, 0.75))
        lid = blob(abs(float(middle[0])), float(middle[1]) - 7.0, 17, 7) * (np.sign(atlas.grid()[0]) == side)
        cover(label, makeup.lids_share * lid, makeup.lids, 0.5)
        corners = eye if side > 0 else eye[[3, 2, 1, 0, 5, 4]]  # from inner to outer corner
        upper, lower = smooth_outline(corners[:4], closed=False), smooth_outline(corners[[3, 4, 5, 0]], closed=False)
        draw(label, stroke(upper, 1.4, 0.7), 0.7 + 0.7 * makeup.liner, (0.55, 0.6, 0.6))
        draw(label, stroke(lower, 0.9, 0.6), 0.25 + 0.5 * makeup.liner, (0.5, 0.6, 0.6))
        draw(label, stroke(upper + np.array((0.0, -4.5)), 0.8, 0.8), 0.5, (0.6, 0.7, 0.7))
    np.clip(label, 0.0, None, out=label)  # a stroke over another may take more than there is


def _lips(label: F32, marks: F64, makeup: Makeup, rng: np.random.Generator) -> None:
    outline = smooth_outline(marks[48:60], closed=True)
    middle = marks[60:68].mean(axis=0)
    outline = middle + (outline - middle) * (makeup.lips_wide, makeup.lips_full)
    lips = stroke(outline, 1.0, 0.8, filled=True)
    uneven = 1 + 0.08 * atlas.texture_noise(2.2, rng, stretch=2.0)[lips.rows, lips.columns]
    cover(label[lips.rows, lips.columns], lips.share * makeup.lips_share, makeup.lips, 1.0, uneven)
    draw(label, stroke(smooth_outline(marks[60:65], closed=False), 1.0, 0.8), 0.9, (0.6, 0.75, 0.75))


def _nostrils(label: F32) -> None:
    around, down = atlas.grid()
    u, v = (np.abs(around[:1]) - 6.3) / 3.8, (down[:, :1] - 10.2) / 2.4
    stain(label, np.asarray(0.75 * np.exp(-((u * u + v * v) ** 2)), np.float32), (0.8, 0.95, 0.95))


def _cloth(label: F32, cloth: F64, rng: np.random.Generator) -> None:
    around, down = atlas.grid()
    neckline = _NECKLINE_MM - 10.0 * np.cos(around / 60.0) + float(rng.uniform(-4, 14))
    weave = 1 + 0.05 * atlas.texture_noise(5.0, rng)
    cover(label, step(-0.8, 0.8, down - neckline), cloth, 0.0, weave)


def _eye(makeup: Makeup, rng: np.random.Generator) -> F32:
    """Return the eye's tile f32[TILE,TILE,4]: white, iris with spokes, dark ring, pupil."""
    angle = atlas.eye_angles().astype(np.float32)
    row, column = np.mgrid[0 : atlas.TILE, 0 : atlas.TILE] - (atlas.TILE / 2 - 0.5)
    around = np.arctan2(row, column)
    spokes = 1 + 0.18 * np.sin(23 * around + rng.uniform(0, 6)) + 0.12 * np.sin(41 * around)
    tile = np.empty((atlas.TILE, atlas.TILE, 4), np.float32)
    tile[..., :3] = np.array([0.46, 0.42, 0.39]) * (1 - 0.3 * step(35, 70, angle)[..., None] * np.array([0.3, 1, 1]))
    tile[..., 3] = 3.0  # marks the wet eye: shines sharply
    iris = makeup.iris * (spokes * (0.75 + 0.4 * step(22, 10, angle)))[..., None]
    iris = iris * (1 - makeup.iris_ring * step(18, 23, angle))[..., None]
    share = step(24.5, 22.5, angle)[..., None]
    tile[..., :3] = tile[..., :3] * (1 - share) + iris * share
    tile[..., :3] *= 1 - 0.98 * step(9.5 + rng.uniform(-2, 2), 7.0, angle)[..., None]
    return tile
