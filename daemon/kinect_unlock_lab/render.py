"""Pictures of sitters: one colour image and one depth image as a Kinect v2 would give them.

What does not change from frame to frame is kept by `kinect_unlock_lab.demo_recordings.Stage`.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np

from kinect_unlock.arrays import F32, F64, U8, U16
from kinect_unlock.frames import Calibration
from kinect_unlock_lab.body import PosedBody
from kinect_unlock_lab.hair import Strands
from kinect_unlock_lab.lighting import Light, scatter
from kinect_unlock_lab.people import iris_color
from kinect_unlock_lab.raster import I32, Hits, Threads, depth_image, rasterise, splat
from kinect_unlock_lab.sensor import (
    EMITTER_MM,
    DepthNoise,
    expose_color,
    lamp_view,
    project_to_color,
    project_to_depth,
    sense_depth,
)

SUPERSAMPLE: Final = 2
_DETAIL_SIDE: Final = 512


@dataclass(frozen=True, slots=True, eq=False)
class Canvas:
    """An image in the making, finer than its camera: ``color`` f32[h,w,3] linear, ``z`` f32[h,w] mm."""

    color: F32
    z: F32

    def lay(self, hits: Hits, color: F32) -> None:
        """Paint ``color`` f32[P,3] at the hits that nothing drawn before lies in front of."""
        in_front = hits.z < self.z.reshape(-1)[hits.pixel]
        self.color.reshape(-1, 3)[hits.pixel[in_front]] = color[in_front]
        self.z.reshape(-1)[hits.pixel[in_front]] = hits.z[in_front]


def color_screen(points_mm: F64, calibration: Calibration) -> F64:
    """Project to the canvas of the colour camera."""
    screen = project_to_color(points_mm, calibration)
    screen[:, :2] = (screen[:, :2] + 0.5) * SUPERSAMPLE - 0.5
    return screen


def blank_canvas(calibration: Calibration, backdrop: F32) -> Canvas:
    """Begin with ``backdrop`` f32[h,w,3], linear, in the colour camera's own size."""
    size = (calibration.color.width_px * SUPERSAMPLE, calibration.color.height_px * SUPERSAMPLE)
    color = np.asarray(cv2.resize(backdrop, size, interpolation=cv2.INTER_LINEAR), np.float32)
    return Canvas(color, np.full(color.shape[:2], np.inf, np.float32))


def paint_body(canvas: Canvas, posed: PosedBody, calibration: Calibration, light: Light) -> None:
    """Draw a sitter in place: surface first, then every strand."""
    body, (height, width) = posed.body, canvas.z.shape
    hits = rasterise(color_screen(posed.vertices, calibration), body.triangles, width_px=width, height_px=height)
    irradiance = body.exposure.irradiance(posed.normals @ posed.turn, posed.turn, light)
    glow = scatter(irradiance, body.average, body.skin)
    rest = np.zeros_like(body.vertices)
    rest[: body.head_count] = body.model.neutral
    rest[body.head_count :] = body.vertices[body.head_count :]
    values = hits.gather(
        np.concatenate(
            [
                body.albedo,
                glow,
                posed.normals,
                rest,
                body.gloss[:, None],
                _sees(posed, light)[:, None],
                body.eye[:, None],
                body.grain[:, None],
            ],
            axis=1,
        ),
        body.triangles,
    )
    canvas.lay(hits, _shade(values, posed, light))
    for tuft in posed.strands:
        count, knots = tuft.points.shape[:2]
        screen = color_screen(tuft.points.reshape(-1, 3), calibration).reshape(count, knots, 3)
        color = _strand_color(tuft, glow[tuft.anchor], light)
        pitch = calibration.color.fx_px * SUPERSAMPLE / float(np.median(tuft.points[..., 2]))
        splat(canvas.color, canvas.z, Threads(screen, color, tuft.opacity, pitch))


def _sees(posed: PosedBody, light: Light) -> F32:
    """Tell how much of the key lamp each vertex sees, f32[N] 0..1."""
    toward = light.key().toward @ posed.turn
    weight = np.exp(14.0 * (posed.body.exposure.directions @ toward - 1.0)).astype(np.float32)
    return np.asarray(posed.body.exposure.seen @ (weight / weight.sum()), np.float32)


def _shade(values: F32, posed: PosedBody, light: Light) -> F32:
    albedo, glow, normal, rest = values[:, 0:3], values[:, 3:6], values[:, 6:9], values[:, 9:12]
    gloss, sees, eye, grain = values[:, 12], values[:, 13], values[:, 14] > 0.99, values[:, 15]
    normal = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    fine, coarse = _detail(rest, 0.42, posed.body.person.seed), _detail(rest, 1.6, posed.body.person.seed + 1)
    albedo = albedo * np.clip(1 + grain * (fine + 0.8 * coarse), 0.3, 2.0)[:, None]
    albedo[eye] = _eyes(rest[eye], posed)
    bumped = normal + 0.05 * np.stack([fine, coarse, np.zeros_like(fine)], axis=1)
    shine = np.clip(bumped @ light.key().halfway, 0, 1)
    rim = (1 - np.clip(-normal[:, 2], 0, 1)) ** 4
    lobes = 0.040 * shine**14 + 0.022 * shine**50 + 0.02 * rim
    lobes = np.where(eye, 0.7 * shine**420 + 0.02 * shine**20, lobes * gloss)
    lamp = np.array(light.key().color, np.float32)
    return np.asarray(albedo * glow + (lobes * sees * 2.4)[:, None] * lamp, np.float32)


def _eyes(rest: F32, posed: PosedBody) -> F32:
    """Colour eyeballs by the angle between each point and the gaze."""
    model = posed.body.model
    ball = model.neutral[model.part == model.part.max()]
    out = np.empty_like(rest)
    for left in (False, True):
        mine = (rest[:, 0] > 0) == left
        own = ball[(ball[:, 0] > 0) == left]
        centre = (own.min(axis=0) + own.max(axis=0)) / 2
        ray = (rest[mine] - centre) / np.linalg.norm(rest[mine] - centre, axis=1, keepdims=True)
        gaze = np.degrees(np.arccos(np.clip(-ray[:, 2], -1, 1)))
        out[mine] = iris_color(gaze, np.arctan2(ray[:, 1], ray[:, 0]), posed.body.person.traits)
    return out


def _strand_color(tuft: Strands, glow: F32, light: Light) -> F32:
    """Light strands by their direction (Kajiya and Kay), darker at the root; f32[S,P,3]."""
    along = np.gradient(tuft.points, axis=1)
    along /= np.maximum(np.linalg.norm(along, axis=2, keepdims=True), 1e-9)
    key = light.key()
    diffuse = np.sqrt(np.clip(1 - (along @ key.toward) ** 2, 0, 1))
    gleam = tuft.shine * np.clip(1 - (along @ key.halfway) ** 2, 0, 1) ** 16
    root = np.linspace(0.6, 1.05, tuft.points.shape[1])
    body = tuft.color[:, None] * (root * (0.45 + 0.65 * diffuse) + gleam)[..., None] + 0.045 * gleam[..., None]
    return np.asarray(body * np.maximum(glow, 0.25)[:, None], np.float32)


@lru_cache(maxsize=8)
def _detail_tile(seed: int) -> F32:
    noise = np.random.default_rng([seed, 9]).standard_normal((_DETAIL_SIDE, _DETAIL_SIDE)).astype(np.float32)
    tiled = np.tile(noise, (3, 3))
    smooth = cv2.GaussianBlur(tiled, (0, 0), 1.6) - cv2.GaussianBlur(tiled, (0, 0), 5.0)
    middle = smooth[_DETAIL_SIDE : 2 * _DETAIL_SIDE, _DETAIL_SIDE : 2 * _DETAIL_SIDE]
    return np.asarray(middle / middle.std(), np.float32)


def _detail(rest: F32, cell_mm: float, seed: int) -> F32:
    """Look up skin grain at places of the neutral head: wrapped round it like a label on a can."""
    around = np.arctan2(rest[:, 0], 120.0 - rest[:, 2]) * 95.0
    column = np.mod(np.round(around / cell_mm).astype(np.int64), _DETAIL_SIDE)
    row = np.mod(np.round(rest[:, 1] / cell_mm).astype(np.int64), _DETAIL_SIDE)
    return np.asarray(_detail_tile(seed)[row, column], np.float32)


def develop(canvas: Canvas, *, gain: float, noise: float, rng: np.random.Generator) -> U8:
    """Reduce the canvas to the camera's size and store it as the camera does, u8[H,W,3]."""
    size = (canvas.z.shape[1] // SUPERSAMPLE, canvas.z.shape[0] // SUPERSAMPLE)
    small = np.asarray(cv2.resize(canvas.color, size, interpolation=cv2.INTER_AREA), np.float32)
    return np.asarray(np.round(expose_color(small, gain=gain, noise=noise, rng=rng)), np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Solid:
    """Something with depth: ``vertices`` f64[N,3] in depth-camera mm, ``triangles`` i32[F,3]."""

    vertices: F64
    triangles: I32
    both_sides: bool = False


def depth_of(
    solids: tuple[Solid, ...], wall_mm: F32, calibration: Calibration, noise: DepthNoise, rng: np.random.Generator
) -> U16:
    """Return what the depth camera reads, u16[h,w] mm, of these solids before a wall f32[h,w] mm (infinity: none)."""
    truth, lit = wall_mm, np.full_like(wall_mm, np.inf)
    height, width = wall_mm.shape
    for solid in solids:
        for viewpoint in (np.zeros(3), EMITTER_MM):
            hits = rasterise(
                project_to_depth(solid.vertices - viewpoint, calibration),
                solid.triangles,
                width_px=width,
                height_px=height,
                both_sides=solid.both_sides,
            )
            if viewpoint.any():
                lit = np.minimum(lit, depth_image(hits, width_px=width, height_px=height))
            else:
                truth = np.minimum(truth, depth_image(hits, width_px=width, height_px=height))
    return sense_depth(truth, lamp_view(lit, truth, calibration), noise, rng)


def head_solid(posed: PosedBody) -> Solid:
    """Return a sitter as the depth camera meets it."""
    return Solid(posed.vertices, posed.body.triangles)
