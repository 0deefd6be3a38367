"""A depth buffer over a grid: which of many readings that fall into one cell is seen, and what lies between cells.

Knows nothing of cameras or faces.
"""

from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from kinect_unlock.arrays import F32, U16

_SURFACE_MM: Final = 25.0  # neighbouring readings that differ by less belong to one surface
_ALL: Final = slice(None)
_FIRST, _MIDDLE, _LAST = slice(None, -2), slice(1, -1), slice(2, None)
_ALONG_ROWS: Final = ((_ALL, _FIRST), (_ALL, _MIDDLE), (_ALL, _LAST))
_ALONG_COLUMNS: Final = ((_FIRST, _ALL), (_MIDDLE, _ALL), (_LAST, _ALL))

_Index: TypeAlias = NDArray[np.intp]
_Bool: TypeAlias = NDArray[np.bool_]


def nearest_readings(column: F32, row: F32, z_mm: F32, shape: tuple[int, int]) -> tuple[F32, _Index]:
    """Return for each cell the depth of the nearest reading that falls into it, and whose it is (flat index).

    Where none does: infinity, and 0.
    """
    rows, columns = shape
    # The bits of positive floats order as the floats do: with the index below them, the smallest key is the nearest.
    key = z_mm.view(np.int32).astype(np.int64) << 32
    key |= np.arange(z_mm.size).reshape(z_mm.shape)
    cell = _clipped(row, rows) * (columns + 2) + _clipped(column, columns)
    buffer = np.full((rows + 2) * (columns + 2), int(np.float32(np.inf).view(np.int32)) << 32)
    np.minimum.at(buffer, cell.ravel(), key.ravel())
    inner = buffer.reshape(rows + 2, columns + 2)[1:-1, 1:-1]
    return (inner >> 32).astype(np.int32).view(np.float32), inner & 0xFFFFFFFF


def _clipped(cells: F32, count: int) -> _Index:
    """Return whole cells counted from 1; 0 and count + 1 are a rim that catches what falls outside."""
    whole: _Index = np.clip(cells + np.float32(1.5), 0, count + 1).astype(np.intp)
    return whole


def complete_neighbourhoods(depth_mm: U16) -> _Bool:
    """Return, flat, which pixels have a reading on every side as well as their own."""
    full = cv2.erode((depth_mm > 0).view(np.uint8), np.ones((3, 3), np.uint8))
    return full.ravel().view(np.bool_)


def close_seams(z_mm: F32, owner: _Index, complete: _Bool) -> None:
    """Close, in place, the one-cell seams that open where a slope is stretched between neighbouring readings.

    A cell that is empty, or through which something farther shines, takes the nearer of the readings on its two sides
    if those are of one surface. A hole of the sensor's stays one: the readings beside it are not ``complete``.
    """
    for before, middle, after in _ALONG_ROWS, _ALONG_COLUMNS:
        farther = z_mm[middle] > np.maximum(z_mm[before], z_mm[after]) + np.float32(_SURFACE_MM)
        at = np.unravel_index(np.flatnonzero(farther), farther.shape)
        near, far = z_mm[before][at], z_mm[after][at]
        one, other = owner[before][at], owner[after][at]
        joined = complete[one] & complete[other] & (np.abs(far - near) < _SURFACE_MM)
        seam = (at[0][joined], at[1][joined])
        owner[middle][seam] = np.where(near <= far, one, other)[joined]
        z_mm[middle][seam] = np.minimum(near, far)[joined]
