"""Paints what grows: hair of the head up to its line, brows hair by hair, and beards."""

from itertools import pairwise
from typing import Final

import cv2
import numpy as np

from kinect_unlock.arrays import F32, F64, U8
from kinect_unlock_lab.people import smooth_outline
from kinect_unlock_lab.synthesis import atlas
from kinect_unlock_lab.synthesis.looks import Beard, Brows, Hair, HairStyle
from kinect_unlock_lab.synthesis.strokes import SHIFT_BITS, cover, step, stroke

#: Hairline on the label: height in mm over how far around, from the forehead past temple, sideburn and ear to the nape.
_LINE_AROUND_MM: Final = (0.0, 45.0, 70.0, 90.0, 105.0, 117.0, 128.0, 146.0, 165.0, 178.0, 192.0)
_LINE_DOWN_MM: Final = (-94.0, -92.0, -86.0, -72.0, -46.0, -24.0, -46.0, -58.0, -40.0, 15.0, 45.0)
_THIN: Final = {HairStyle.BALD: 0.3, HairStyle.BUZZED: 0.72}


def paint_beard(label: F32, marks: F64, beard: Beard, fine: F32, rng: np.random.Generator) -> F32:
    """Grow a beard; returns where, f32 over the label 0..1.

    ``marks`` f64[68,2] are the landmarks in mm on the label, ``fine`` f32 a field of strands.
    """
    if beard.strength <= 0:
        return np.zeros(label.shape[:2], np.float32)
    around, down = atlas.grid()
    side = np.abs(around)
    edge = beard.top_mm + np.clip(58.0 - side, 0, None) * 0.55  # lower towards the mouth
    jaw = step(-5, 9, down - edge - 3.0 * atlas.texture_noise(9.0, rng)) * step(98, 78, down) * step(124, 112, side)
    chin = step(44, 50, down) * step(34, 22, side)
    lip = step(17, 22, down) * step(30, 26, down - 0.12 * side) * step(32, 25, side)
    corner = step(24, 30, down) * np.exp(-(((side - 30.0) / 4.5) ** 2)) * step(56, 48, down)
    joined = corner * min(beard.chin, beard.moustache)
    grown: F32 = np.maximum.reduce([jaw * beard.cheeks, chin * beard.chin, lip * beard.moustache, joined]).astype(
        np.float32
    )
    mouth = stroke(marks[48:60], 1.0, 1.2, filled=True)
    grown[mouth.rows, mouth.columns] *= step(0.5, 0.05, mouth.share)
    cover(label, beard.strength * grown * np.clip(0.85 + 0.22 * fine, 0.2, 1.0), beard.color * 0.8, 0.1)
    return grown


def paint_brows(label: F32, marks: F64, brows: Brows, rng: np.random.Generator) -> None:
    """Draw both brows: a soft shade, and hairs."""
    hairs = np.zeros(label.shape[:2], np.uint8)
    shade = np.zeros(label.shape[:2], np.uint8)
    for ids, side in ((slice(17, 22), -1.0), (slice(22, 27), 1.0)):
        path = _brow_line(marks[ids][:: int(side)], side, brows)
        for first, last in pairwise(np.linspace(0, len(path) - 1, 14).round().astype(int)):
            thick = brows.thickness_mm * (1.0 - 0.6 * (first / len(path)))
            ends = np.round(atlas.cells(path[[first, last]]) * 2**SHIFT_BITS).astype(np.int32)
            width = max(1, round(thick * 0.8 / atlas.CELL_MM))
            cv2.polylines(
                shade, [ends], isClosed=False, color=255, thickness=width, lineType=cv2.LINE_AA, shift=SHIFT_BITS
            )
        _draw_hairs(hairs, path, side, brows, rng)
    soft = cv2.GaussianBlur(shade, (0, 0), 2.0).astype(np.float32) / 255.0
    fine = cv2.GaussianBlur(hairs, (0, 0), 0.6).astype(np.float32) / 255.0
    covered = np.clip(0.55 * brows.density * soft + (0.4 + 0.5 * brows.density) * fine, 0, 0.95)
    cover(label, covered, brows.color, 0.1)


def _brow_line(marks: F64, side: float, brows: Brows) -> F64:
    """Return a brow's middle line f64[n,2] in mm, from the nose outwards."""
    line = marks.copy()
    t = np.linspace(0, 1, len(line))
    line[:, 0] = line[0, 0] + (line[:, 0] - line[0, 0]) * brows.length + side * brows.gap_mm
    line[:, 1] += 3.0 + brows.lift_mm - brows.arch_mm * np.sin(np.pi * t) + brows.tilt_mm * 2 * (t - 0.5)
    return smooth_outline(line, closed=False)


def _draw_hairs(canvas: U8, path: F64, side: float, brows: Brows, rng: np.random.Generator) -> None:
    count = int(60 + 150 * brows.density)
    t = rng.random(count)
    along = t * (len(path) - 1.001)
    whole = along.astype(int)
    middle = path[whole] + (path[whole + 1] - path[whole]) * (along - whole)[:, None]
    thick = brows.thickness_mm * (1.05 - 0.65 * t)
    root = middle + np.stack([rng.normal(0, 0.8, count), rng.uniform(-0.5, 0.7, count) * thick], axis=1)
    lean = np.stack([side * (0.5 + 0.8 * t), -1.0 + 1.3 * t], axis=1) + rng.normal(0, 0.2, (count, 2))
    tip = root + lean * rng.uniform(2.0, 4.5, (count, 1))
    lines = np.round(atlas.cells(np.stack([root, tip], axis=1)) * 2**SHIFT_BITS).astype(np.int32)
    cv2.polylines(canvas, list(lines), isClosed=False, color=150, thickness=1, lineType=cv2.LINE_AA, shift=SHIFT_BITS)


def paint_hair(label: F32, hair: Hair, fine: F32, rng: np.random.Generator) -> F32:
    """Paint the hair of the head, or a scarf; returns where, f32 over the label 0..1."""
    if hair.style is HairStyle.BALD and rng.random() < 0.6:
        return np.zeros(label.shape[:2], np.float32)
    scarf = hair.style is HairStyle.SCARF
    _, down = atlas.grid()
    ragged = hair.edge_mm * (0.8 * atlas.texture_noise(11.0, rng) + 0.8 * fine)
    soft = 2.0 if scarf or hair.fringe_mm > 0 else 7.0
    grown = step(-soft, soft, _hairline(hair) - down + ragged)
    if scarf:
        grown = np.maximum(grown, step(86, 92, down))  # closed under the chin
    streak = np.clip(0.54 + (0.05 if scarf else 0.2) * fine, 0.2, 1.2)
    cover(label, _THIN.get(hair.style, 0.97) * grown, hair.color, 0.25, streak)
    return grown


def _hairline(hair: Hair) -> F32:
    """Return how far down hair reaches, f32[1,columns] in mm."""
    around = atlas.grid()[0][:1]
    side = np.abs(around)
    if hair.style is HairStyle.SCARF:
        return np.asarray(-82.0 + hair.line_mm + 1.1 * np.clip(side - 55.0, 0, 45.0) ** 1.28, np.float32)
    line = np.interp(side, _LINE_AROUND_MM, _LINE_DOWN_MM) + hair.line_mm * step(110, 60, side)
    line -= hair.temples_mm * np.exp(-(((side - 62.0) / 20.0) ** 2))
    line += hair.peak_mm * np.exp(-((side / 14.0) ** 2))
    line += (hair.sideburn_mm - 12.0) * np.exp(-(((side - 117.0) / 8.0) ** 2))
    line += hair.fringe_mm * np.exp(-(np.abs((around - hair.fringe_side_mm) / hair.fringe_width_mm) ** 3))
    return np.asarray(line, np.float32)


def strand_tile(hair: Hair, rng: np.random.Generator) -> F32:
    """Return the tile f32[h,TILE,3] that long hair looks up: streaks downwards, or plain cloth."""
    rows = atlas.LABEL_ROWS - atlas.HAIR_ROW
    streak = cv2.resize(rng.standard_normal((rows // 40 + 3, atlas.TILE // 2), np.float32), (atlas.TILE, rows))
    depth = 0.1 if hair.style is HairStyle.SCARF else 0.45
    return np.asarray(np.clip(0.75 + depth * streak, 0.15, 1.6)[..., None] * hair.color, np.float32)
