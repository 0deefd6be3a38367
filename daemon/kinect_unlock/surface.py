"""The visible surface of one face beside the mean face's, in cells of one lattice in the head's own axes.

Millimetres throughout. *Across* runs to the image's right, *along* down the face, *toward* out of it, to the camera's
side; the origin is the mean face's. Readings are averaged in cells of `CELL_MM`, which takes away most of the sensor's
noise and of its 4 and 8 mm steps and leaves a nose standing. Nothing here decides anything.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kinect_unlock.arrays import F64, read_only
from kinect_unlock.frontalise import CENTRE_MM, HOLE_MM, PIXEL_MM, Frontal, face_mask
from kinect_unlock.mean_face import mean_surface
from kinect_unlock.observations import TENSOR_SIDE_PX

_PIXELS: Final = 4  # of a frontalised map, along each side of a cell
CELL_MM: Final = _PIXELS * PIXEL_MM  # 1.8 readings across at 1.2 m; a nose is four cells wide
_CELLS: Final = TENSOR_SIDE_PX // _PIXELS
_HALF: Final = _PIXELS * _PIXELS / 2  # of a cell's pixels must have a reading
_ELLIPSE_MM: Final = (62.0, 72.0)  # semi-axes across and along, about the map's middle: without hair, ears and neck

_Bool: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FaceSurface:
    """The cells of a face that have readings, f64[n] each; ``mean_mm`` is where the mean face's surface is in them."""

    across_mm: F64
    along_mm: F64
    toward_mm: F64
    mean_mm: F64

    def __post_init__(self) -> None:
        for array in (self.across_mm, self.along_mm, self.toward_mm, self.mean_mm):
            read_only(array)

    def __len__(self) -> int:
        """Return how many cells there are."""
        return len(self.across_mm)

    def part(self, kept: _Bool) -> "FaceSurface":
        """Return some of its cells."""
        return FaceSurface(self.across_mm[kept], self.along_mm[kept], self.toward_mm[kept], self.mean_mm[kept])


def measure_surface(frontal: Frontal) -> FaceSurface:
    """Average a frontalised face in cells; those that are hardly read are left out, which may be all."""
    lattice = _lattice()
    residual = _blocks(frontal.residual_mm)
    read = residual > HOLE_MM
    count = read.sum(axis=1)
    off_mm = np.where(read, residual, 0.0).sum(axis=1, dtype=np.float64) / np.maximum(count, 1)
    kept = lattice.inside & (count >= _HALF)
    mean_mm = lattice.mean_mm[kept]
    return FaceSurface(lattice.across_mm[kept], lattice.along_mm[kept], mean_mm - off_mm[kept], mean_mm)


@dataclass(frozen=True, slots=True, eq=False)
class _Lattice:
    """The middles of all cells and the mean face in them, f64[784] each; which of them are face, bool[784]."""

    across_mm: F64
    along_mm: F64
    mean_mm: F64
    inside: _Bool


@cache
def _lattice() -> _Lattice:
    steps = (np.arange(TENSOR_SIDE_PX) - (TENSOR_SIDE_PX - 1) / 2) * PIXEL_MM
    x, y = np.meshgrid(steps + CENTRE_MM[0], steps + CENTRE_MM[1])
    face = _blocks(face_mask().astype(np.float64))
    count = face.sum(axis=1)
    deep_mm = mean_surface(x.astype(np.float32), y.astype(np.float32))[..., 0].astype(np.float64)
    mean_mm = -(_blocks(deep_mm) * face).sum(axis=1) / np.maximum(count, 1)
    across, along = _blocks(x).mean(axis=1), _blocks(y).mean(axis=1)
    half_across, half_along = _ELLIPSE_MM
    ellipse = ((across - CENTRE_MM[0]) / half_across) ** 2 + ((along - CENTRE_MM[1]) / half_along) ** 2 <= 1
    return _Lattice(across, along, mean_mm, ellipse & (count >= _HALF))


def _blocks(image: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the pixels [784,16] of each cell of an image [112,112]."""
    cells = image.reshape(_CELLS, _PIXELS, _CELLS, _PIXELS).swapaxes(1, 2)
    return cells.reshape(_CELLS * _CELLS, _PIXELS * _PIXELS)
