"""What differs between looks at one real person and is not in the simulated ones: added to the scatter within people.

Real faces, and the fit of the mean face to them, change a map in ways that simulated ones do not, or too little. Two
kinds are named here, with their size as the only setting: smooth random fields over the whole face, of depth
(``height``) or of place (``shift``: what is a little beside where it should be errs by as much as the face is steep
there), and soft parts that go in or out as one. Directions in which looks differ get less of a say about people.
"""

from typing import Final, Literal, TypeAlias, assert_never

import cv2
import msgspec
import numpy as np
from msgspec import Struct

from kinect_unlock.arrays import F32, F64
from kinect_unlock.frontalise import CENTRE_MM, HOLE_MM, PIXEL_MM, face_mask
from kinect_unlock.mean_face import mean_surface
from kinect_unlock_lab.training.depth_features import MAP_SIDE_PX, Above0, DepthFeatures, features

_DRAWS: Final = 600  # of each field
_STEEPEST: Final = 2.0  # mm of depth per mm: beyond it the side of a nose is hardly ever seen
_ANYTHING: Final = 1e6  # a reach and a slope limit that nothing meets
_EDGE_CELLS: Final = 3  # a field's lattice needs so many more than the map

PartName: TypeAlias = Literal["outer-eyes", "mouth-corners", "nose-wings", "lips", "cheeks"]
# Bumps (x, y, sigma across, sigma down, direction) in mm of head axes; each stands on both sides where x is not 0.
_PARTS: Final[dict[PartName, tuple[tuple[float, float, float, float, float], ...]]] = {
    "outer-eyes": ((48.0, -34.0, 7.0, 7.0, 1.0),),
    "mouth-corners": ((26.0, 34.0, 9.0, 9.0, 1.0),),
    "nose-wings": ((18.0, 0.0, 5.0, 7.5, 1.0),),
    "lips": ((0.0, 27.0, 15.0, 5.0, 1.0), (0.0, 41.0, 15.0, 5.0, -1.0)),  # one out, the other in
    "cheeks": ((40.0, 5.0, 18.0, 18.0, 1.0),),
}


class Height(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="height"):
    """Depth that errs: smooth fields whose values ``scale_mm`` apart are independent, of ``deviation_mm``."""

    scale_mm: Above0
    deviation_mm: Above0


class Shift(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="shift"):
    """Places that err, across and down: two such fields."""

    scale_mm: Above0
    deviation_mm: Above0


class Part(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="part"):
    """A soft part that goes in or out by ``deviation_mm``."""

    name: PartName
    deviation_mm: Above0


Nuisance: TypeAlias = Height | Shift | Part


def nuisance_scatter(nuisances: tuple[Nuisance, ...], recipe: DepthFeatures, *, seed: int) -> F64:
    """Return the covariance f64[1568,1568] that the changes give the features."""
    total: F64 = np.zeros(())
    for nuisance, random in zip(nuisances, np.random.default_rng(seed).spawn(len(nuisances)), strict=True):
        drawn = _features(_changes(nuisance, random), recipe)
        total = total + drawn.T @ drawn / len(drawn)
    return total


def _features(changes: F32, recipe: DepthFeatures) -> F64:
    """Return the features f64[n,1568] of changes f32[n,112,112] of a face that is seen whole."""
    unlimited = msgspec.structs.replace(recipe, reach_mm=_ANYTHING, slope_limit=_ANYTHING)
    return features(np.where(face_mask(), changes, np.float32(HOLE_MM)), unlimited).astype(np.float64)


def _changes(nuisance: Nuisance, random: np.random.Generator) -> F32:
    """Draw changes f32[n,112,112] in mm; of a part there is but one."""
    match nuisance:
        case Height(scale_mm=scale_mm):
            changes = _fields(random, scale_mm)
        case Shift(scale_mm=scale_mm):
            across, down = _mean_slopes()
            changes = across * _fields(random, scale_mm) + down * _fields(random, scale_mm)
        case Part(name=name):
            changes = _bumps(name)[np.newaxis]
        case _:
            assert_never(nuisance)
    return np.asarray(nuisance.deviation_mm * changes, np.float32)


def _bumps(name: PartName) -> F32:
    """Return a part's shape f32[112,112], about 1 at its highest."""
    x, y = _places()
    shape = np.zeros_like(x)
    for middle, height, across, down, direction in _PARTS[name]:
        for side in {middle, -middle}:
            shape += direction * np.exp(-0.5 * (((x - side) / across) ** 2 + ((y - height) / down) ** 2))
    return shape


def _fields(random: np.random.Generator, scale_mm: float) -> F32:
    """Draw smooth random fields f32[n,112,112] of deviation 1, their values at a lattice of ``scale_mm`` independent.

    The lattice is moved at random, so that no place of the map is special.
    """
    cells = int(np.ceil(MAP_SIDE_PX * PIXEL_MM / scale_mm)) + _EDGE_CELLS
    lattices = random.standard_normal((_DRAWS, cells, cells), np.float32)
    moved = random.uniform(0.5, 1.5, (_DRAWS, 2)).astype(np.float32)
    along = np.arange(MAP_SIDE_PX, dtype=np.float32) * np.float32(PIXEL_MM / scale_mm)
    fields = np.empty((_DRAWS, MAP_SIDE_PX, MAP_SIDE_PX), np.float32)
    for field, lattice, (x, y) in zip(fields, lattices, moved, strict=True):
        columns, rows = np.meshgrid(along + x, along + y)
        cv2.remap(lattice, columns, rows, cv2.INTER_CUBIC, dst=field)
    fields /= fields.std()
    return fields


def _places() -> tuple[F32, F32]:
    """Return x and y f32[112,112] mm of the map's pixels in head axes."""
    steps = (np.arange(MAP_SIDE_PX, dtype=np.float32) - np.float32((MAP_SIDE_PX - 1) / 2)) * np.float32(PIXEL_MM)
    x, y = np.meshgrid(steps + np.float32(CENTRE_MM[0]), steps + np.float32(CENTRE_MM[1]))
    return x, y


def _mean_slopes() -> tuple[F32, F32]:
    """Return the mean face's slopes across and down f32[112,112], 0 off it."""
    surface = mean_surface(*_places())
    along_z = np.where(surface[..., 3] > 0, surface[..., 3], np.float32(1))
    across, down = (np.clip(-surface[..., axis] / along_z, -_STEEPEST, _STEEPEST) for axis in (1, 2))
    return across.astype(np.float32), down.astype(np.float32)
