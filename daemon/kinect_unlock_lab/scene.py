"""What is around a sitter: a room, a printed photograph, and the hands that hold it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np

from kinect_unlock.arrays import F32, F64, U8
from kinect_unlock.frames import Calibration, Intrinsics, Registered
from kinect_unlock_lab.body import Body, Stance, head_turn, pose_body
from kinect_unlock_lab.head_model import vertex_normals
from kinect_unlock_lab.lighting import OFFICE, Light, fibonacci_sphere
from kinect_unlock_lab.people import linear
from kinect_unlock_lab.raster import rasterise
from kinect_unlock_lab.render import Canvas, Solid, blank_canvas, color_screen, develop, paint_body

_PAPER_MM = (210.0, 297.0)
_PAPER_BORDER_MM = 9.0
_PRINT_PX_PER_MM = 3.0
_PHOTOGRAPHED_FROM_MM = 1200.0


@dataclass(frozen=True, slots=True, eq=False)
class Room:
    """A wall behind the sitter: ``backdrop`` f32[H,W,3] linear colour, ``wall_mm`` f32[h,w] true depth."""

    backdrop: F32
    wall_mm: F32


def make_room(calibration: Calibration, light: Light, *, seed: int, taken: bool, wall_at_mm: float = 1900.0) -> Room:
    """Paint a plastered wall with a framed picture and a shelf, lit from the side of the key lamp.

    ``taken``: somebody sits there and throws a soft shadow.
    """
    rng = np.random.default_rng([seed, 11])
    camera = calibration.color
    row, column = np.mgrid[0 : camera.height_px, 0 : camera.width_px]
    x_mm = (column - camera.cx_px) / camera.fx_px * wall_at_mm - 52.0
    y_mm = (row - camera.cy_px) / camera.fy_px * wall_at_mm
    plaster = cv2.GaussianBlur(rng.standard_normal(x_mm.shape).astype(np.float32), (0, 0), 7.0) * 14.0
    wall = np.array([0.46, 0.43, 0.385]) * (1 + 0.022 * plaster)[..., None]
    wall = _hang_picture(wall, x_mm, y_mm, rng)
    wall = _put_shelf(wall, x_mm, y_mm, rng)
    key = light.key()
    side = np.sign(key.direction[0])
    falloff = np.exp(-((x_mm - side * 900.0) ** 2 + (y_mm + 500.0) ** 2) / 1500.0**2)
    glow = np.array(light.above) * 0.85 + falloff[..., None] * np.array(key.color) * 0.75
    shade = np.exp(-(((x_mm + side * 170.0) / 290.0) ** 2 + ((y_mm - 230.0) / 420.0) ** 2))
    lit = wall * glow * (1 - (0.30 if taken else 0.0) * shade)[..., None]
    backdrop = cv2.GaussianBlur(lit.astype(np.float32), (0, 0), 1.6)
    lens = calibration.depth
    across = (np.arange(lens.width_px) - lens.cx_px) / lens.fx_px
    wall_mm = np.repeat((wall_at_mm / (1 - 0.045 * across))[None], lens.height_px, axis=0).astype(np.float32)
    return Room(np.asarray(backdrop, np.float32), wall_mm)


def _hang_picture(wall: F64, x_mm: F64, y_mm: F64, rng: np.random.Generator) -> F64:
    u, v = (x_mm - 540.0) / 210.0, (y_mm + 330.0) / 270.0
    frame = (np.abs(u) < 1.1) & (np.abs(v) < 1.08)
    mat, art = (np.abs(u) < 1.0) & (np.abs(v) < 1.0), (np.abs(u) < 0.68) & (np.abs(v) < 0.72)
    hills = 0.5 + 0.22 * np.sin(2.2 * u + rng.uniform(0, 6)) + 0.1 * np.sin(5.1 * u + 2.0)
    scene = np.where((v > hills - 0.4)[..., None], linear((72, 96, 84)), linear((176, 186, 190)))
    scene = np.where((v > hills - 0.05)[..., None], linear((52, 66, 58)), scene)
    wall = np.where(frame[..., None], linear((70, 52, 40)), wall)
    wall = np.where(mat[..., None], linear((222, 218, 208)), wall)
    return np.asarray(np.where(art[..., None], scene, wall), np.float64)


def _put_shelf(wall: F64, x_mm: F64, y_mm: F64, rng: np.random.Generator) -> F64:
    wall = np.where(((x_mm < -330) & (np.abs(y_mm + 60.0) < 14))[..., None], linear((120, 88, 60)), wall)
    edge = -350.0
    for _ in range(18):
        width, height = rng.uniform(18, 46), rng.uniform(150, 235)
        book = (x_mm < edge) & (x_mm >= edge - width + 2) & (y_mm < -74) & (y_mm > -74 - height)
        hue = np.array(
            cv2.cvtColor(
                np.array([[[rng.integers(180), rng.integers(60, 140), rng.integers(60, 150)]]], np.uint8),
                cv2.COLOR_HSV2RGB,
            )[0, 0],
            float,
        )
        wall = np.where(book[..., None], linear(hue), wall)
        edge -= width
    return np.asarray(wall, np.float64)


def photograph(body: Body, light: Light = OFFICE) -> F32:
    """Print a life-size portrait on paper: albedo f32[h,w,3] linear, with an unprinted border."""
    width, height = (round(side * _PRINT_PX_PER_MM) for side in _PAPER_MM)
    focal = _PRINT_PX_PER_MM * _PHOTOGRAPHED_FROM_MM
    lens = Intrinsics(width, height, focal, focal, width / 2 - 0.5, height * 0.50)
    camera = Calibration(lens, lens, Registered())
    canvas = blank_canvas(
        camera, np.full((height, width, 3), 0.42, np.float32) * np.array([0.95, 1.0, 1.05], np.float32)
    )
    stance = Stance((0.0, 12.0, _PHOTOGRAPHED_FROM_MM), expression=(("eyeBlink_L", 0.15), ("eyeBlink_R", 0.15)))
    paint_body(canvas, pose_body(body, stance), camera, light)
    picture: U8 = develop(canvas, gain=1.0, noise=0.3, rng=np.random.default_rng([body.person.seed, 12]))
    ink = 0.02 + 0.95 * linear(picture.astype(np.float64))
    border = round(_PAPER_BORDER_MM * _PRINT_PX_PER_MM)
    paper = np.full_like(ink, 0.86)
    paper[border:-border, border:-border] = ink[border:-border, border:-border]
    return np.asarray(paper, np.float32)


@dataclass(frozen=True, slots=True)
class Hold:
    """How a sheet is held: its middle in depth-camera mm, its angles, and the radius it is bent to (0: flat)."""

    at_mm: tuple[float, float, float]
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    bend_radius_mm: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """A held sheet before the camera: ``solid`` and, for each of its vertices, ``uv`` f64[N,2] on the paper, 0..1."""

    solid: Solid
    uv: F64


def hold_sheet(hold: Hold) -> Sheet:
    """Bend and place a sheet of paper."""
    columns, rows = 43, 60
    u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    x, y = (u - 0.5) * _PAPER_MM[0], (v - 0.5) * _PAPER_MM[1]
    z = np.zeros_like(x)
    if hold.bend_radius_mm > 0:
        angle = x / hold.bend_radius_mm
        x, z = hold.bend_radius_mm * np.sin(angle), hold.bend_radius_mm * (1 - np.cos(angle))
    points = _place(np.stack([x, y, z], axis=-1).reshape(-1, 3), hold)
    quad = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)[None]).ravel()
    triangles = np.concatenate(
        [
            np.stack([quad, quad + columns, quad + 1], axis=1),
            np.stack([quad + 1, quad + columns, quad + columns + 1], axis=1),
        ]
    )
    return Sheet(Solid(points, triangles.astype(np.int32), both_sides=True), np.stack([u.ravel(), v.ravel()], axis=1))


#: Bones of one hand on a sheet, in the sheet's own mm for the image's right side: start, end, radius.
_HAND = (
    ((70.0, 118.0, -7.0), (84.0, 150.0, -3.0), 9.0),
    ((84.0, 150.0, 2.0), (96.0, 176.0, 16.0), 13.0),
    ((72.0, 150.0, 26.0), (98.0, 182.0, 26.0), 26.0),
)
_SLEEVE = (((102.0, 205.0, 38.0), (150.0, 420.0, 120.0), 35.0),)
_Bones: TypeAlias = tuple[tuple[tuple[float, float, float], tuple[float, float, float], float], ...]


def hold_hands(hold: Hold) -> tuple[Solid, ...]:
    """Return thumbs on the paper's lower edge, and fists behind it."""
    return _limbs(_HAND, hold)


def hold_sleeves(hold: Hold) -> tuple[Solid, ...]:
    """Return the forearms below the hands."""
    return _limbs(_SLEEVE, hold)


def _limbs(bones: _Bones, hold: Hold) -> tuple[Solid, ...]:
    return tuple(
        _capsule(_place(np.array([start, end]) * (side, 1.0, 1.0), hold), radius)
        for side in (-1.0, 1.0)
        for start, end, radius in bones
    )


def _place(points: F64, hold: Hold) -> F64:
    turn = head_turn(hold.yaw_deg, hold.pitch_deg, hold.roll_deg)
    return np.asarray(points @ turn.T + np.array(hold.at_mm), np.float64)


def _capsule(ends: F64, radius_mm: float) -> Solid:
    columns, rows = 28, 24
    around, t = np.meshgrid(np.linspace(0, 2 * np.pi, columns), np.linspace(0, np.pi, rows))
    axis = (ends[1] - ends[0]) / np.linalg.norm(ends[1] - ends[0])
    side = np.cross(axis, (0.0, 0.0, 1.0))
    side /= np.linalg.norm(side)
    ring = np.cos(around)[..., None] * side + np.sin(around)[..., None] * np.cross(axis, side)
    end = np.where((t < np.pi / 2)[..., None], ends[0], ends[1])
    points = end + radius_mm * (np.sin(t)[..., None] * ring - np.cos(t)[..., None] * axis)
    quad = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)[None]).ravel()
    triangles = np.concatenate(
        [
            np.stack([quad, quad + columns, quad + 1], axis=1),
            np.stack([quad + 1, quad + columns, quad + columns + 1], axis=1),
        ]
    )
    return Solid(points.reshape(-1, 3), triangles.astype(np.int32), both_sides=True)


def paint_sheet(canvas: Canvas, sheet: Sheet, paper: F32, calibration: Calibration, light: Light) -> None:
    """Draw a printed sheet where nothing is before it."""

    def look_up(uv: F32) -> F32:
        height, width = paper.shape[:2]
        x, y = (uv[:, 0] * (width - 1)).astype(np.float32), (uv[:, 1] * (height - 1)).astype(np.float32)
        soft = cv2.GaussianBlur(paper, (0, 0), 1.2)
        columns = 4096  # cv2.remap takes images of at most 32767 rows
        rows = -(-len(x) // columns)
        pad = (0, rows * columns - len(x))
        picked = cv2.remap(
            soft, np.pad(x, pad).reshape(rows, columns), np.pad(y, pad).reshape(rows, columns), cv2.INTER_LINEAR
        )
        return np.asarray(picked.reshape(-1, 3)[: len(x)], np.float32)

    _paint(canvas, sheet.solid, sheet.uv, look_up, calibration, light, sheen=0.035)


def paint_solid(canvas: Canvas, solid: Solid, albedo: F64, calibration: Calibration, light: Light) -> None:
    """Draw a solid of one colour, linear f64[3]."""
    tint = np.repeat(albedo[None], len(solid.vertices), axis=0)
    _paint(canvas, solid, tint, lambda values: values, calibration, light, sheen=0.02)


def _paint(
    canvas: Canvas,
    solid: Solid,
    values: F64,
    color_of: Callable[[F32], F32],
    calibration: Calibration,
    light: Light,
    *,
    sheen: float,
) -> None:
    """Draw a solid whose per-vertex ``values`` f64[N,C] ``color_of`` turns into albedo, unshadowed."""
    height, width = canvas.z.shape
    hits = rasterise(
        color_screen(solid.vertices, calibration), solid.triangles, width_px=width, height_px=height, both_sides=True
    )
    normals = _normals_to_camera(solid)
    rays = fibonacci_sphere(160)
    arriving = light.radiance(rays) * (4.0 / len(rays))
    glow = (np.maximum(normals @ rays.T, 0.0) @ arriving).astype(np.float32)
    shine = sheen * np.clip(normals @ light.key().halfway, 0, 1) ** 12 * 3.0
    packed = hits.gather(np.concatenate([values, glow, shine[:, None]], axis=1), solid.triangles)
    count = values.shape[1]
    color = np.asarray(color_of(packed[:, :count]) * packed[:, count : count + 3] + packed[:, -1:], np.float32)
    canvas.lay(hits, color)


def _normals_to_camera(solid: Solid) -> F64:
    """Return unit normals f64[N,3] turned to the camera."""
    normals = vertex_normals(solid.vertices, solid.triangles)
    away = (normals * solid.vertices).sum(axis=1) > 0
    normals[away] *= -1.0
    return normals
