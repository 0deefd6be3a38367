"""Strokes of the brush that paints people: soft edges, stains, covers and lines on the label; all in place.

A label is f32[rows,columns,4]: linear colour and gloss. Shares are f32[rows,columns], 0..1.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import ArrayLike

from kinect_unlock.arrays import F32, F64
from kinect_unlock_lab.synthesis import atlas
from kinect_unlock_lab.synthesis.compiled import compiled

Takes: TypeAlias = tuple[float, float, float]

SHIFT_BITS: Final = 4  # cv2 draws with sixteenths of a pixel
_MARGIN: Final = 14  # cells around a stroke, for its softness


def step(low: float, high: float, x: ArrayLike) -> F32:
    """Rise from 0 at ``low`` to 1 at ``high``, which may be the smaller one."""
    t = np.clip((np.asarray(x, np.float32) - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def blob(across_mm: float, down_mm: float, wide_mm: float, high_mm: float) -> F32:
    """Return a soft spot on both sides of the face, 1 in its middle."""
    around, down = atlas.grid()
    u = (np.abs(around[:1]) - across_mm) / wide_mm
    v = (down[:, :1] - down_mm) / high_mm
    return np.asarray(np.exp(-v * v) * np.exp(-u * u), np.float32)


def stain(label: F32, share: F32, takes: Takes) -> None:
    """Take these shares of red, green and blue away where ``share`` is 1."""
    for channel, taken in enumerate(takes):
        label[..., channel] *= 1 - np.float32(taken) * share


@compiled
def _lay(label: F32, share: F32, color: F32, tone: F32) -> None:
    """Mix ``color`` f32[4] (the fourth is gloss) times ``tone`` over what is there, by ``share``; in place."""
    for row in range(label.shape[0]):
        for column in range(label.shape[1]):
            part = share[row, column]
            if part > 0:
                for channel in range(3):
                    wanted = color[channel] * tone[row, column]
                    label[row, column, channel] += part * (wanted - label[row, column, channel])
                label[row, column, 3] += part * (color[3] - label[row, column, 3])


def cover(label: F32, share: ArrayLike, color: F64, gloss: float, tone: ArrayLike = 1.0) -> None:
    """Put ``color`` f64[3], times ``tone`` where that varies, over a label by ``share``."""
    parts = np.asarray(share, np.float32)
    tones = np.ascontiguousarray(np.broadcast_to(np.asarray(tone, np.float32), parts.shape))
    _lay(label, parts, np.array((*color, gloss), np.float32), tones)


@dataclass(frozen=True, slots=True, eq=False)
class Mark:
    """A soft stroke: ``share`` f32[h,w] 0..1 on the part of the label at ``rows`` and ``columns``."""

    rows: slice
    columns: slice
    share: F32


def stroke(points_mm: F64, width_mm: float, soft_mm: float, *, filled: bool = False) -> Mark:
    """Draw a line, or a filled outline, and blur it."""
    place = atlas.cells(points_mm)
    left, top = np.maximum(np.floor(place.min(axis=0)) - _MARGIN, 0).astype(int)
    right, bottom = np.ceil(place.max(axis=0)).astype(int) + _MARGIN
    canvas = np.zeros((min(bottom, atlas.LABEL_ROWS) - top, min(right, atlas.LABEL_COLUMNS) - left), np.uint8)
    corners = [np.round((place - (left, top)) * 2**SHIFT_BITS).astype(np.int32)]
    if filled:
        cv2.fillPoly(canvas, corners, 255, cv2.LINE_AA, SHIFT_BITS)
    else:
        cv2.polylines(canvas, corners, False, 255, max(1, round(width_mm / atlas.CELL_MM)), cv2.LINE_AA, SHIFT_BITS)  # noqa: FBT003 - cv2 takes no keyword
    soft = cv2.GaussianBlur(canvas, (0, 0), soft_mm / atlas.CELL_MM).astype(np.float32) / 255.0
    return Mark(slice(top, top + len(canvas)), slice(left, left + canvas.shape[1]), soft)


def draw(label: F32, mark: Mark, strength: float, takes: Takes) -> None:
    """Stain a label with a stroke."""
    stain(label[mark.rows, mark.columns], np.float32(strength) * mark.share, takes)
