"""Takes a picture of a textured person: colour as a camera stores it, depth as a Kinect v2 reads it, and the truth.

Only a window around the head is drawn. Of a near face the Kinect's own camera has up to four times the pixels that any
network will see; such a window is drawn at a smaller scale.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import cv2
import numpy as np

from kinect_unlock.align import FaceDepth, align_face
from kinect_unlock.arrays import F32, F64, U8, U16
from kinect_unlock.frames import Calibration, Intrinsics, Registered
from kinect_unlock.observations import Box, HeadPose
from kinect_unlock_lab.body import head_turn
from kinect_unlock_lab.sensor import nominal_kinect, project_to_color, project_to_depth
from kinect_unlock_lab.synthesis.atlas import eye_cells
from kinect_unlock_lab.synthesis.color_camera import backdrop, develop
from kinect_unlock_lab.synthesis.conditions import Conditions, View
from kinect_unlock_lab.synthesis.depth_sensor import sense
from kinect_unlock_lab.synthesis.rasteriser import Raster, interpolate, rasterise
from kinect_unlock_lab.synthesis.shading import Surface, irradiance, normals_of, sees_lamp, shade
from kinect_unlock_lab.synthesis.textured import NO_LENS, Drawer, TexturedPerson

_PIVOT_MM: Final = np.array([0.0, 20.0, 90.0])
_WINDOW_MM: Final = 265.0  # a head with some room around it
_DENSE_PX_PER_MM: Final = 1.2
_COLOR_CAMERA_MM: Final = 52.0  # from the depth camera, on the other side than the lamp
_SHADOW_MM: Final = 25.0
_WINDOW_PAD_PX: Final = 6
_OUTER_MM: Final = 3000.0
_REGISTERED_BLUR: Final = 0.35  # registration takes single pixels of a sharper picture


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """One picture and what is true about it.

    ``color`` u8[h,w,3]; ``face_depth`` in that picture's pixels; ``landmarks_px`` f32[5,2] of the mesh, in the order
    of `kinect_unlock.observations.Detection`; ``eyes_seen`` f64[2], how much of each eyeball is seen, of the square
    over the eye's width: about 0.3 where it is open, image-left first.
    """

    color: U8
    face_depth: FaceDepth
    landmarks_px: F32
    pose: HeadPose
    eyes_seen: F64


@dataclass(frozen=True, slots=True, eq=False)
class _Posed:
    """A head before the camera: ``vertices`` f64[N,3] in depth-camera mm; the rest is in the head's axes."""

    vertices: F64
    normals: F32
    turn: F64
    marks: F64


@dataclass(frozen=True, slots=True)
class _Window:
    """A part of an image: its corner in that image's pixels, its size, and how many of its own pixels are one."""

    left_px: int
    top_px: int
    width_px: int
    height_px: int
    scale: float

    def moved(self, screen: F64) -> F32:
        """Map image pixels f64[...,2+] to the window's own, pixel centres at whole numbers."""
        out = screen.astype(np.float32)
        out[..., 0] = (screen[..., 0] - self.left_px + 0.5) * self.scale - 0.5
        out[..., 1] = (screen[..., 1] - self.top_px + 0.5) * self.scale - 0.5
        return out


def take_portrait(drawer: Drawer, person: TexturedPerson, conditions: Conditions, rng: np.random.Generator) -> Portrait:
    """Photograph a person.

    Args:
        drawer: the prepared head model.
        person: who.
        conditions: how.
        rng: for noise and background.
    """
    posed = _pose(drawer, person, conditions)
    if conditions.view is View.REGISTERED:
        return _registered(drawer, person, posed, conditions, rng)
    return _kinect_color(drawer, person, posed, conditions, rng)


def _pose(drawer: Drawer, person: TexturedPerson, conditions: Conditions) -> _Posed:
    stance = conditions.stance
    rest = person.shape.copy()
    rest[: person.head_count] += drawer.model.expressed(dict(stance.expression)).astype(np.float32)
    turn = head_turn(stance.yaw_deg, stance.pitch_deg, stance.roll_deg)
    vertices = (rest - _PIVOT_MM) @ turn.T + _PIVOT_MM + np.array(stance.at_mm)
    return _Posed(vertices, normals_of(rest, person.outside), turn, drawer.landmarks(vertices))


def _five(marks: F64) -> F64:
    """Return eyes, nose tip and corners of the mouth f64[5,3] out of 68 landmarks."""
    return np.stack([marks[36:42].mean(axis=0), marks[42:48].mean(axis=0), marks[30], marks[48], marks[54]])


@cache
def _kinect() -> Calibration:
    return nominal_kinect()


@cache
def _registered_kinect() -> Calibration:
    lens = Intrinsics(512, 424, 365.6, 365.6, 256.3, 206.8)
    return Calibration(lens, lens, Registered())


def _window(middle_px: F64, distance_mm: float, focal_px: float, scale: float) -> _Window:
    side = int(np.ceil(_WINDOW_MM / distance_mm * focal_px / 2)) * 2
    left, top = (round(float(value)) - side // 2 for value in middle_px)
    return _Window(left, top + side // 24, side, side, scale)


def _kinect_color(
    drawer: Drawer, person: TexturedPerson, posed: _Posed, conditions: Conditions, rng: np.random.Generator
) -> Portrait:
    calibration = _kinect()
    camera = calibration.color
    screen = project_to_color(posed.vertices, calibration)
    five = project_to_color(_five(posed.marks), calibration)
    distance = float(posed.marks[27:36, 2].mean())
    scale = min(1.0, _DENSE_PX_PER_MM * distance / camera.fx_px)
    window = _window(five[:, :2].mean(axis=0), distance, camera.fx_px, scale)
    linear, eyes_seen = _drawn(drawer, person, posed, conditions, window, screen, rng)
    color = develop(linear, conditions.camera, rng)
    depth = _depth_reading(person, posed, conditions, calibration, rng)
    face = align_face(depth, calibration, _box(five))
    step = face.step_px * window.scale
    corner = window.moved(np.array([[face.x0_px, face.y0_px]]))[0]
    moved = FaceDepth(face.depth_mm, face.xyz_mm, float(corner[0]), float(corner[1]), step)
    return Portrait(color, moved, window.moved(five)[:, :2], _true_pose(posed, conditions), eyes_seen)


def _registered(
    drawer: Drawer, person: TexturedPerson, posed: _Posed, conditions: Conditions, rng: np.random.Generator
) -> Portrait:
    calibration = _registered_kinect()
    lens = calibration.depth
    five = project_to_depth(_five(posed.marks), calibration)
    distance = float(posed.marks[27:36, 2].mean())
    window = _window(five[:, :2].mean(axis=0), distance, lens.fx_px, 2.0)
    depth = _depth_reading(person, posed, conditions, calibration, rng)
    screen = project_to_depth(posed.vertices, calibration)
    linear, eyes_seen = _drawn(drawer, person, posed, conditions, window, screen, rng)
    small = cv2.resize(linear, (window.width_px, window.height_px), interpolation=cv2.INTER_AREA)
    camera = replace(conditions.camera, blur_px=_REGISTERED_BLUR * conditions.camera.blur_px, jpeg_quality=98)
    color = develop(np.asarray(small, np.float32), camera, rng)
    beside_mm = -_COLOR_CAMERA_MM * float(np.sign(conditions.depth_errors.lamp_mm))
    seen = _seen_by_color(person, posed, calibration, window, beside_mm)
    rows, columns = _inside(window, calibration)
    reading = np.zeros(color.shape[:2], np.uint16)
    reading[
        rows[0] - window.top_px : rows[1] - window.top_px, columns[0] - window.left_px : columns[1] - window.left_px
    ] = depth[rows[0] : rows[1], columns[0] : columns[1]]
    color[(reading == 0) | ~seen] = 0
    face = align_face(depth, calibration, _box(five))
    moved = FaceDepth(face.depth_mm, face.xyz_mm, face.x0_px - window.left_px, face.y0_px - window.top_px, face.step_px)
    marks = (five[:, :2] - (window.left_px, window.top_px)).astype(np.float32)
    return Portrait(color, moved, marks, _true_pose(posed, conditions), eyes_seen)


def _true_pose(posed: _Posed, conditions: Conditions) -> HeadPose:
    stance = conditions.stance
    return HeadPose(float(posed.marks[27:36, 2].mean()), stance.yaw_deg, stance.pitch_deg, stance.roll_deg)


def _box(five: F64) -> Box:
    """Return about the box that a detector would give, from the five landmarks."""
    middle, eyes, mouth = five[:, :2].mean(axis=0), five[:2, :2].mean(axis=0), five[3:, :2].mean(axis=0)
    side = max(float(np.linalg.norm(mouth - eyes)) * 2.4, float(np.linalg.norm(five[1, :2] - five[0, :2])) * 2.2)
    return Box(float(middle[0]) - side / 2, float(middle[1]) - side / 2, side, side)


def _inside(window: _Window, calibration: Calibration) -> tuple[tuple[int, int], tuple[int, int]]:
    lens = calibration.depth
    rows = max(0, window.top_px), min(lens.height_px, window.top_px + window.height_px)
    columns = max(0, window.left_px), min(lens.width_px, window.left_px + window.width_px)
    return rows, columns


def _drawn(
    drawer: Drawer,
    person: TexturedPerson,
    posed: _Posed,
    conditions: Conditions,
    window: _Window,
    screen_px: F64,
    rng: np.random.Generator,
) -> tuple[F32, F64]:
    """Return linear colour f32[h,w,3] of a window, in the window's own pixels, and `Portrait.eyes_seen`."""
    width, height = round(window.width_px * window.scale), round(window.height_px * window.scale)
    screen = window.moved(screen_px)
    raster = rasterise(screen, person.drawn, width, height)
    light, key = conditions.light, conditions.light.key()
    surface = Surface(
        cells=_gazing(drawer, person, conditions.gaze_deg),
        tint=person.tint,
        lit=irradiance(person.open_to, posed.normals, posed.turn, light),
        sees=sees_lamp(person.open_to, posed.turn, light),
        normals=posed.normals,
    )
    halfway = (key.halfway @ posed.turn).astype(np.float32)
    drawn = shade(
        raster, screen, person.drawn, surface, person.texture, halfway=halfway, lamp=np.array(key.color, np.float32)
    )
    nothing = raster.triangle < 0
    drawn[nothing] = backdrop(height, width, light, rng)[nothing]
    return drawn, _eyes_seen(drawer, person, raster, screen)


def _eyes_seen(drawer: Drawer, person: TexturedPerson, raster: Raster, screen: F32) -> F64:
    shown = person.drawn[raster.triangle[raster.triangle >= 0], 0]
    balls = shown[np.isin(shown, drawer.layout.eye_vertices)]
    on_the_right = drawer.model.neutral[balls, 0] > 0
    marks = screen[drawer.landmark_vertices, :2]
    width_px = np.linalg.norm(marks[[39, 45]] - marks[[36, 42]], axis=1)
    counts = np.array((np.count_nonzero(~on_the_right), np.count_nonzero(on_the_right)), np.float64)
    return np.asarray(counts / np.maximum(width_px, 1.0) ** 2, np.float64)


def _gazing(drawer: Drawer, person: TexturedPerson, gaze_deg: tuple[float, float]) -> F32:
    """Turn the eyes: what is looked up moves the other way."""
    cells = person.cells.copy()
    cells[drawer.layout.eye_vertices] = eye_cells(drawer.layout.eye_deg - np.array(gaze_deg))
    return cells


def _depth_window(posed: _Posed, calibration: Calibration) -> _Window:
    lens = calibration.depth
    middle = project_to_depth(posed.marks[30:31], calibration)[0]
    side = int(1.1 * _WINDOW_MM / middle[2] * lens.fx_px / 2) + _WINDOW_PAD_PX
    left, top = max(0, round(middle[0]) - side), max(0, round(middle[1]) - side)
    return _Window(
        left,
        top,
        min(lens.width_px, round(middle[0]) + side) - left,
        min(lens.height_px, round(middle[1]) + side) - top,
        1.0,
    )


def _depth_reading(
    person: TexturedPerson, posed: _Posed, conditions: Conditions, calibration: Calibration, rng: np.random.Generator
) -> U16:
    """Return the depth camera's image u16[424,512]; away from the head it is empty."""
    window = _depth_window(posed, calibration)
    screen = window.moved(project_to_depth(posed.vertices, calibration))
    raster = rasterise(screen, person.solid, window.width_px, window.height_px)
    seen = interpolate(raster, screen, person.solid, person.infrared)
    nothing = raster.triangle < 0
    seen[nothing] = (0.0, NO_LENS)
    truth = np.minimum(raster.z_mm, np.float32(conditions.wall_mm))
    reading = sense(truth, seen, conditions.depth_errors, rng)
    whole = np.zeros((calibration.depth.height_px, calibration.depth.width_px), np.uint16)
    whole[window.top_px : window.top_px + window.height_px, window.left_px : window.left_px + window.width_px] = reading
    return whole


def _distance(vertices: F64, person: TexturedPerson, calibration: Calibration, window: _Window) -> F32:
    screen = window.moved(project_to_depth(vertices, calibration))
    return rasterise(screen, person.solid, window.width_px, window.height_px).z_mm


def _seen_by_color(
    person: TexturedPerson, posed: _Posed, calibration: Calibration, window: _Window, beside_mm: float
) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Tell which pixels of the depth camera the colour camera sees too, bool[h,w]."""
    native = _Window(window.left_px, window.top_px, window.width_px, window.height_px, 1.0)
    truth = _distance(posed.vertices, person, calibration, native)
    beside = _distance(posed.vertices - np.array((beside_mm, 0.0, 0.0)), person, calibration, native)
    row, column = np.mgrid[0 : native.height_px, 0 : native.width_px]
    far = np.minimum(truth, _OUTER_MM)
    shifted = np.round(column - beside_mm * calibration.depth.fx_px / far).astype(np.int64)
    nearest = beside[row, np.clip(shifted, 0, native.width_px - 1)]
    return np.asarray(far <= nearest + _SHADOW_MM, np.bool_)
