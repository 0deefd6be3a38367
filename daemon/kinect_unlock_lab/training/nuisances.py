"""What differs between looks at one real person and is not in the simulated ones: added to the scatter within people.

Each kind is a random change of the map, of which only the size is a setting. Real sensors, and the fit to the mean
face, change a face's relief in ways that a simulation of the sensor's noise has too little of: smooth bumps
(``height``: muscles, skin that swallows light), parts a little beside their place (``shift``: the fit, the jaw) and a
relief that comes out flatter or sharper than it is (``relief``: a sensor's pixels and filters blur a nose and fill
eye sockets, the more so the farther off).
"""

from typing import Annotated, Final, Literal, TypeAlias

import cv2
import msgspec
import numpy as np
from msgspec import Meta, Struct

from kinect_unlock.frames import F32, F64
from kinect_unlock.frontalise import CENTRE_MM, HOLE_MM, PIXEL_MM, face_mask
from kinect_unlock.mean_face import mean_surface
from kinect_unlock_lab.training.depth_features import MAP_SIDE_PX, Above0, DepthFeatures, features

_DRAWS: Final = 1500  # of each kind: twice as many change no figure's first decimal
_STEEPEST: Final = 2.0  # mm of depth per mm: beyond it the side of a nose is hardly ever seen
_ANYTHING: Final = 1e6  # a reach and a slope limit that nothing meets
_EDGE_CELLS: Final = 3  # a field's lattice needs so many more than the map

_Size: TypeAlias = Annotated[float, Meta(ge=0.0)]


class Nuisance(Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of change.

    ``scale_mm`` is the distance over which a field changes (``height``, ``shift``) or the sigma of a blur
    (``relief``); ``deviation`` is the field's in mm (``height``, ``shift``) or the share of what the blur takes away.
    """

    kind: Literal["height", "shift", "relief"]
    scale_mm: Above0
    deviation: _Size


def nuisance_scatter(nuisances: tuple[Nuisance, ...], recipe: DepthFeatures, *, seed: int) -> F64:
    """Return the covariance f64[1568,1568] that the changes give the features."""
    unlimited = msgspec.structs.replace(recipe, reach_mm=_ANYTHING, slope_limit=_ANYTHING)
    total: F64 = np.zeros(())
    for nuisance, random in zip(nuisances, np.random.default_rng(seed).spawn(len(nuisances)), strict=True):
        changes = _changes(nuisance, random)
        seen = np.where(face_mask(), changes, np.float32(HOLE_MM))
        drawn = features(seen, unlimited).astype(np.float64)
        total = total + drawn.T @ drawn / len(drawn)
    return total


def _changes(nuisance: Nuisance, random: np.random.Generator) -> F32:
    """Draw changes f32[n,112,112] in mm."""
    match nuisance.kind:
        case "height":
            return nuisance.deviation * _fields(random, nuisance.scale_mm)
        case "shift":
            across, down = _mean_slopes()
            first, second = (_fields(random, nuisance.scale_mm) for _ in range(2))
            return np.asarray(nuisance.deviation * (across * first + down * second), np.float32)
        case "relief":
            strengths = random.standard_normal((_DRAWS, 1, 1), np.float32)
            return np.asarray(nuisance.deviation * strengths * _lost_relief(nuisance.scale_mm), np.float32)


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


def _mean_face() -> F32:
    """Return z and unit normal f32[112,112,4] of the mean face, zeros off it."""
    steps = (np.arange(MAP_SIDE_PX, dtype=np.float32) - np.float32((MAP_SIDE_PX - 1) / 2)) * np.float32(PIXEL_MM)
    x, y = np.meshgrid(steps + np.float32(CENTRE_MM[0]), steps + np.float32(CENTRE_MM[1]))
    return mean_surface(x, y)


def _mean_slopes() -> tuple[F32, F32]:
    surface = _mean_face()
    along_z = np.where(surface[..., 3] > 0, surface[..., 3], np.float32(1))
    across, down = (np.clip(-surface[..., axis] / along_z, -_STEEPEST, _STEEPEST) for axis in (1, 2))
    return across.astype(np.float32), down.astype(np.float32)


def _lost_relief(blur_mm: float) -> F32:
    """Return f32[112,112] mm: how much a blur of the mean face changes it."""
    surface = _mean_face()
    there = (surface[..., 3] > 0).astype(np.float32)
    sigma = blur_mm / PIXEL_MM
    blurred = cv2.GaussianBlur(surface[..., 0] * there, (0, 0), sigma) / np.maximum(
        cv2.GaussianBlur(there, (0, 0), sigma), np.float32(0.05)
    )
    return ((blurred - surface[..., 0]) * there).astype(np.float32)
