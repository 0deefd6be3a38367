"""Light that comes from everywhere: soft shadows and ambient occlusion by asking which directions a point sees.

A body's visibility is computed once, in its own frame, for a fixed set of directions; a light environment is then
a sum over those directions, turned with the head. Skin lets light wander: irradiance is spread over the mesh, red
farther than green and blue.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from kinect_unlock.arrays import F32, F64
from kinect_unlock_lab.raster import I32, Mask, depth_image, rasterise

_SHADOW_STEP_MM = 2.5
_SHADOW_BIAS_MM = 4.0


@dataclass(frozen=True, slots=True)
class Lamp:
    """A soft light: where it stands seen from the person (x right, y down, z away), its strength and its width."""

    direction: tuple[float, float, float]
    color: tuple[float, float, float]
    spread_deg: float

    @property
    def toward(self) -> F64:
        """The unit vector f64[3] from the person to the lamp."""
        return np.asarray(np.array(self.direction) / np.linalg.norm(self.direction), np.float64)

    @property
    def halfway(self) -> F64:
        """The unit vector f64[3] between lamp and camera: what faces it shines."""
        middle = self.toward + np.array([0.0, 0.0, -1.0])
        return np.asarray(middle / np.linalg.norm(middle), np.float64)


@dataclass(frozen=True, slots=True)
class Light:
    """Everything that shines: lamps and the room's own glow from above and below; colours are linear."""

    lamps: tuple[Lamp, ...]
    above: tuple[float, float, float]
    below: tuple[float, float, float]

    def radiance(self, directions: F64) -> F64:
        """Return the light f64[N,3] arriving from unit ``directions`` f64[N,3], which point away from the person."""
        up = 0.5 - 0.5 * directions[:, 1:2]
        total = up * np.array(self.above) + (1 - up) * np.array(self.below)
        for lamp in self.lamps:
            sharpness = 1.0 / (1.0 - np.cos(np.radians(lamp.spread_deg)))
            total = (
                total
                + np.exp(sharpness * (directions @ lamp.toward - 1.0))[:, None] * sharpness * np.array(lamp.color) / 2.0
            )
        return np.asarray(total, np.float64)

    def key(self) -> Lamp:
        """Return the strongest lamp: its highlight is the one that shows."""
        return max(self.lamps, key=lambda lamp: sum(lamp.color))


DAYLIGHT = Light(
    lamps=(
        Lamp((-0.75, -0.45, -0.65), (1.12, 1.12, 1.12), 24.0),
        Lamp((0.9, -0.1, -0.5), (0.17, 0.17, 0.18), 40.0),
    ),
    above=(0.36, 0.37, 0.39),
    below=(0.16, 0.14, 0.12),
)
EVENING = Light(
    lamps=(
        Lamp((0.7, -0.75, -0.6), (0.92, 0.76, 0.56), 18.0),
        Lamp((-0.3, 0.25, -0.9), (0.20, 0.23, 0.30), 30.0),  # the screen
    ),
    above=(0.26, 0.22, 0.18),
    below=(0.10, 0.085, 0.07),
)
OFFICE = Light(
    lamps=(
        Lamp((0.1, -0.95, -0.55), (0.66, 0.68, 0.66), 35.0),
        Lamp((-0.6, -0.2, -0.8), (0.36, 0.37, 0.38), 40.0),
    ),
    above=(0.48, 0.49, 0.49),
    below=(0.20, 0.20, 0.20),
)


@dataclass(frozen=True, slots=True, eq=False)
class Exposure:
    """What each vertex of a body sees: ``directions`` f64[K,3] and ``seen`` f32[V,K], 0 hidden to 1 open."""

    directions: F64
    seen: F32

    def irradiance(self, normals: F64, turn: F64, light: Light) -> F32:
        """Return the light f32[V,3] that falls on each vertex of the body turned by ``turn`` f64[3,3]."""
        arriving = light.radiance(self.directions @ turn.T)
        facing = np.maximum((normals @ self.directions.T + 0.06) / 1.06, 0.0).astype(np.float32)
        scale = np.float32(4.0 / len(self.directions))
        return np.asarray((self.seen * facing) @ arriving.astype(np.float32) * scale, np.float32)


def fibonacci_sphere(count: int) -> F64:
    """Return ``count`` unit vectors f64[count,3] spread evenly."""
    index = np.arange(count) + 0.5
    y = 1 - 2 * index / count
    around = np.pi * (1 + np.sqrt(5)) * index
    ring = np.sqrt(1 - y * y)
    return np.stack([ring * np.cos(around), y, ring * np.sin(around)], axis=1)


def expose(vertices: F64, triangles: I32, normals: F64, *, directions: int = 96) -> Exposure:
    """Find out which directions each vertex sees, by one orthographic shadow map a direction."""
    rays = fibonacci_sphere(directions)
    seen = np.stack([_open_towards(vertices, triangles, normals, ray) for ray in rays], axis=1)
    return Exposure(rays, seen)


def _open_towards(vertices: F64, triangles: I32, normals: F64, ray: F64) -> F32:
    helper = np.array([0.0, 1.0, 0.0]) if abs(ray[1]) < 0.9 else np.array([1.0, 0.0, 0.0])
    right = np.cross(helper, ray)
    right /= np.linalg.norm(right)
    plane = vertices @ np.stack([right, np.cross(ray, right), -ray], axis=1)
    plane -= plane.min(axis=0) - (4 * _SHADOW_STEP_MM, 4 * _SHADOW_STEP_MM, 1000.0)
    plane[:, :2] /= _SHADOW_STEP_MM
    width, height = (int(size) + 4 for size in plane[:, :2].max(axis=0))
    hits = rasterise(plane, triangles, width_px=width, height_px=height, both_sides=True)
    nearest = depth_image(hits, width_px=width, height_px=height)
    offset = plane[:, :2] + (normals @ np.stack([right, np.cross(ray, right)], axis=1)) * 1.0
    open_share = np.zeros(len(vertices), np.float32)
    for dx, dy in ((-0.5, -0.5), (0.5, -0.5), (-0.5, 0.5), (0.5, 0.5)):
        column = np.clip(np.round(offset[:, 0] + dx).astype(np.int64), 0, width - 1)
        row = np.clip(np.round(offset[:, 1] + dy).astype(np.int64), 0, height - 1)
        open_share += np.float32(0.25) * (plane[:, 2] <= nearest[row, column] + _SHADOW_BIAS_MM)
    return open_share


def neighbour_average(count: int, triangles: I32) -> csr_matrix:
    """Return the matrix [count,count] that replaces each vertex's value by the mean of itself and its neighbours."""
    start = np.concatenate([triangles[:, k] for k in (0, 1, 2, 1, 2, 0)])
    end = np.concatenate([triangles[:, k] for k in (1, 2, 0, 0, 1, 2)])
    own = np.arange(count)
    rows, columns = np.concatenate([start, own]), np.concatenate([end, own])
    links = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(count, count))
    links.data[:] = 1.0
    degree = np.asarray(links.sum(axis=1)).ravel()
    links.data /= np.repeat(degree, np.diff(links.indptr))
    return links


def scatter(irradiance: F32, average: csr_matrix, skin: Mask) -> F32:
    """Let light wander under the ``skin`` bool[V]: the farther the redder. Returns f32[V,3]."""
    out = irradiance.copy()
    spread = irradiance
    for step in range(1, 13):
        spread = average @ spread
        for channel, steps in enumerate((12, 4, 2)):
            if step == steps:
                out[skin, channel] = 0.35 * irradiance[skin, channel] + 0.65 * spread[skin, channel]
    return out
