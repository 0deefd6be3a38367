"""Light on heads, one compiled loop each: normals, which directions a point sees, what falls on it, what is seen of it.

A head's openness is found once, for one set of directions; every light is then a sum over them, so shadows cost a
picture nothing. Points and directions are in the head's own axes throughout.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from kinect_unlock.arrays import F32, F64
from kinect_unlock_lab.lighting import Light, fibonacci_sphere
from kinect_unlock_lab.raster import I32
from kinect_unlock_lab.synthesis.compiled import compiled
from kinect_unlock_lab.synthesis.rasteriser import Raster, rasterise

_SHADOW_CELL_MM: Final = 3.0
_SHADOW_SIDE: Final = 160  # cells: a head with long hair from any side
_SHADOW_BIAS_MM: Final = 4.0
_DIRECTIONS: Final = 64
_HINDMOST: Final = 0.3  # z of the rearmost direction that is looked at; light from behind hardly reaches a face
_WRAP: Final = np.array((0.17, 0.09, 0.06), np.float32)  # light wanders under skin, red farthest
_HIDDEN: Final = 0.35  # a surface turned away from the camera by more than this is not lit: nobody sees it
_EYE_GLOSS: Final = 2.0  # more gloss than this is a wet eye


@dataclass(frozen=True, slots=True, eq=False)
class Openness:
    """``directions`` f32[K,3], which point away from the head, and ``seen`` f32[V,K]: 0 hidden to 1 open."""

    directions: F32
    seen: F32


def normals_of(vertices: F32, triangles: I32) -> F32:
    """Return unit normals f32[V,3] that point out of the head, weighted by triangle area."""
    out = np.zeros((len(vertices), 3), np.float32)
    _normals(vertices, triangles, out)
    return out


@compiled
def _normals(vertices: F32, triangles: I32, out: F32) -> None:
    for number in range(len(triangles)):
        a, b, c = triangles[number]
        ux, uy, uz = vertices[b, 0] - vertices[a, 0], vertices[b, 1] - vertices[a, 1], vertices[b, 2] - vertices[a, 2]
        vx, vy, vz = vertices[c, 0] - vertices[a, 0], vertices[c, 1] - vertices[a, 1], vertices[c, 2] - vertices[a, 2]
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for corner in (a, b, c):
            out[corner, 0] += nx
            out[corner, 1] += ny
            out[corner, 2] += nz
    for vertex in range(len(out)):
        x, y, z = out[vertex]
        length = max(np.sqrt(x * x + y * y + z * z), np.float32(1e-9))
        for k in range(3):
            out[vertex, k] /= length


def openness(vertices: F32, casting: I32, normals: F32) -> Openness:
    """Find out which directions each vertex sees, by one orthographic shadow map a direction.

    ``casting`` i32[F,3] are the triangles that throw shadows.
    """
    rays = fibonacci_sphere(_DIRECTIONS)
    rays = rays[rays[:, 2] < _HINDMOST]
    seen = np.empty((len(rays), len(vertices)), np.float32)
    middle = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    for number, ray in enumerate(rays):
        _see(vertices - middle, casting, normals, ray, seen[number])
    return Openness(rays.astype(np.float32), np.ascontiguousarray(seen.T))


def _see(vertices: F32, casting: I32, normals: F32, ray: F64, out: F32) -> None:
    helper = np.array([0.0, 1.0, 0.0]) if abs(ray[1]) < 0.9 else np.array([1.0, 0.0, 0.0])
    right = np.cross(helper, ray)
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(ray, right), -ray], axis=1).astype(np.float32)
    plane = np.asarray(vertices @ (axes / np.array((_SHADOW_CELL_MM, _SHADOW_CELL_MM, 1.0), np.float32)), np.float32)
    plane += np.array((_SHADOW_SIDE / 2, _SHADOW_SIDE / 2, 1000.0), np.float32)
    nearest = rasterise(plane, casting, _SHADOW_SIDE, _SHADOW_SIDE).z_mm
    _compare(plane, np.ascontiguousarray((normals @ axes)[:, :2], np.float32), nearest, out)


@compiled
def _compare(plane: F32, tilt: F32, nearest: F32, out: F32) -> None:
    height, width = nearest.shape
    for vertex in range(len(plane)):
        open_share = 0.0
        for step in range(4):
            x = plane[vertex, 0] + tilt[vertex, 0] + (step % 2) - 0.5
            y = plane[vertex, 1] + tilt[vertex, 1] + (step // 2) - 0.5
            column, row = min(max(round(x), 0), width - 1), min(max(round(y), 0), height - 1)
            if plane[vertex, 2] <= nearest[row, column] + _SHADOW_BIAS_MM:
                open_share += 0.25
        out[vertex] = open_share


def irradiance(open_to: Openness, normals: F32, turn: F64, light: Light) -> F32:
    """Return the light f32[V,3] that falls on each vertex of a head turned by ``turn`` f64[3,3].

    What is turned away from the camera stays dark.
    """
    arriving = light.radiance(open_to.directions.astype(np.float64) @ turn.T) * (4.0 / _DIRECTIONS)
    out = np.zeros((len(normals), 3), np.float32)
    _fall(
        open_to.seen, open_to.directions, normals, arriving.astype(np.float32), _WRAP, turn[2].astype(np.float32), out
    )
    return out


@compiled
def _fall(seen: F32, directions: F32, normals: F32, arriving: F32, wrap: F32, away: F32, out: F32) -> None:
    red_wrap, green_wrap, blue_wrap = wrap
    one = np.float32(1.0)
    red_share, green_share, blue_share = one / (one + red_wrap), one / (one + green_wrap), one / (one + blue_wrap)
    for vertex in range(len(normals)):
        red = green = blue = np.float32(0.0)
        x, y, z = normals[vertex]
        if x * away[0] + y * away[1] + z * away[2] > _HIDDEN:
            continue
        for number in range(len(directions)):
            cosine = x * directions[number, 0] + y * directions[number, 1] + z * directions[number, 2]
            share = seen[vertex, number]
            if cosine <= -red_wrap or share == 0:
                continue
            red += share * arriving[number, 0] * (cosine + red_wrap)
            if cosine > -green_wrap:
                green += share * arriving[number, 1] * (cosine + green_wrap)
            if cosine > -blue_wrap:
                blue += share * arriving[number, 2] * (cosine + blue_wrap)
        out[vertex, 0], out[vertex, 1], out[vertex, 2] = red * red_share, green * green_share, blue * blue_share


def sees_lamp(open_to: Openness, turn: F64, light: Light) -> F32:
    """Return how much of the strongest lamp each vertex sees, f32[V], 0..1."""
    toward = (light.key().toward @ turn).astype(np.float32)
    weight = np.exp(14.0 * (open_to.directions @ toward - 1.0))
    return np.asarray(open_to.seen @ (weight / weight.sum()).astype(np.float32), np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """What each vertex brings to a picture: place in the texture f32[V,2], ``tint`` f32[V,3], and the light on it.

    ``lit`` f32[V,3] is irradiance, ``sees`` f32[V] the share of the strongest lamp, ``normals`` f32[V,3].
    """

    cells: F32
    tint: F32
    lit: F32
    sees: F32
    normals: F32


def shade(
    raster: Raster, screen: F32, triangles: I32, surface: Surface, texture: F32, *, halfway: F32, lamp: F32
) -> F32:
    """Return the linear colour f32[h,w,3] of what a raster shows; NaN where that is nothing.

    Args:
        raster: which triangle is where; made of ``screen`` f32[V,3] and ``triangles`` i32[F,3].
        screen: the projected vertices.
        triangles: the mesh.
        surface: what its vertices bring.
        texture: f32[rows,columns,4], colour and gloss.
        halfway: unit f32[3] between the strongest lamp and the camera, in the axes of the normals.
        lamp: that lamp's colour f32[3].
    """
    out = np.full((*raster.triangle.shape, 3), np.nan, np.float32)
    packed = np.concatenate(
        [surface.cells, surface.normals, surface.lit * surface.tint, surface.sees[:, None]], axis=1
    ).astype(np.float32)
    _shade(raster.triangle, screen, triangles, packed, texture, halfway, lamp, out)
    return out


@compiled
def _gleam(shine: float, gloss: float) -> float:
    """Return how much of the lamp is mirrored; ``shine`` is the cosine to the mirror's direction."""
    if shine < 0.6:
        return 0.0
    fourth = shine**4
    sixteenth = fourth**4
    if gloss > _EYE_GLOSS:
        return float(0.6 * (sixteenth * sixteenth) ** 13 + 0.02 * sixteenth * fourth)
    return float(gloss * (0.04 * sixteenth + 0.022 * sixteenth**3))


@compiled
def _shade(
    owner: I32, screen: F32, triangles: I32, packed: F32, texture: F32, halfway: F32, lamp: F32, out: F32
) -> None:
    height, width = owner.shape
    value = np.empty(packed.shape[1], np.float32)
    texel = np.empty(4, np.float32)
    for y in range(height):
        for x in range(width):
            if owner[y, x] < 0:
                continue
            a, b, c = triangles[owner[y, x]]
            ax, ay, bx, by = float(screen[a, 0]), float(screen[a, 1]), float(screen[b, 0]), float(screen[b, 1])
            cx, cy = float(screen[c, 0]), float(screen[c, 1])
            area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
            wa = ((bx - x) * (cy - y) - (by - y) * (cx - x)) / area
            wb = ((cx - x) * (ay - y) - (cy - y) * (ax - x)) / area
            wa, wb, wc = wa / screen[a, 2], wb / screen[b, 2], (1.0 - wa - wb) / screen[c, 2]
            total = wa + wb + wc
            for channel in range(len(value)):
                value[channel] = (wa * packed[a, channel] + wb * packed[b, channel] + wc * packed[c, channel]) / total
            column, row = int(value[0]), int(value[1])
            u, v = value[0] - column, value[1] - row
            for channel in range(4):
                upper = texture[row, column, channel] * (1 - u) + texture[row, column + 1, channel] * u
                lower = texture[row + 1, column, channel] * (1 - u) + texture[row + 1, column + 1, channel] * u
                texel[channel] = upper * (1 - v) + lower * v
            nx, ny, nz = value[2], value[3], value[4]
            length = max(np.sqrt(nx * nx + ny * ny + nz * nz), 1e-6)
            shine = max((nx * halfway[0] + ny * halfway[1] + nz * halfway[2]) / length, 0.0)
            lobe = 2.4 * value[8] * _gleam(shine, texel[3])
            for channel in range(3):
                out[y, x, channel] = texel[channel] * value[5 + channel] + lobe * lamp[channel]
