"""Depth of analytic surfaces as a registered depth camera sees it: what the tests of depth know the truth of."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kinect_unlock.align import FaceDepth, align_face
from kinect_unlock.arrays import F64, U16
from kinect_unlock.crop import DepthChannel, face_tensor
from kinect_unlock.frames import Calibration, Intrinsics, Registered
from kinect_unlock.observations import Box, Detection, Face, FaceTensor, HeadPose

CAMERA = Intrinsics(width_px=200, height_px=220, fx_px=365.0, fy_px=365.0, cx_px=99.5, cy_px=109.5)
CALIBRATION = Calibration(CAMERA, CAMERA, Registered())
LANDMARKS_MM = np.array(((-31.0, -34.0), (31.0, -34.0), (0.0, 0.0), (-25.0, 33.0), (25.0, 33.0)))
Relief = Callable[[F64, F64], F64]
_REACH_MM = 95.0


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that liveness takes."""

    face: Face
    face_depth: FaceDepth
    tensor: FaceTensor
    calibration: Calibration = CALIBRATION


def plane(across: F64, along: F64) -> F64:
    return np.zeros_like(across + along)


def sphere(radius_mm: float) -> Relief:
    return lambda across, along: np.sqrt(np.maximum(radius_mm**2 - across**2 - along**2, 1.0)) - radius_mm


def cylinder(radius_mm: float, axis_deg: float = 0.0) -> Relief:
    """A sheet bent about an axis that is upright at 0 degrees."""
    turn = np.radians(axis_deg)
    return lambda across, along: (
        np.sqrt(np.maximum(radius_mm**2 - (np.cos(turn) * across + np.sin(turn) * along) ** 2, 1.0)) - radius_mm
    )


def face_relief(across: F64, along: F64) -> F64:
    """Something with the proportions of a face: a curved front, nose, sockets, brows, cheekbones, lips and a chin."""

    def bump(x: float, y: float, wide: float, high: float) -> F64:
        hump: F64 = np.exp(-0.5 * (((across - x) / wide) ** 2 + ((along - y) / high) ** 2))
        return hump

    def pair(x: float, y: float, wide: float, high: float) -> F64:
        return bump(-x, y, wide, high) + bump(x, y, wide, high)

    front = -(across**2) / 130 - along**2 / 900
    ridge = 20 * bump(0, -14, 7, 14) + 24 * bump(0, 2, 10, 9)
    upper = 5 * pair(30, -52, 14, 7) - 10 * pair(31, -34, 12.5, 8) + 6 * pair(40, 0, 12, 12)
    lower = 4 * bump(0, 33, 18, 6) - 5 * pair(38, 36, 12, 12) + 8 * bump(0, 62, 18, 10)
    relief: F64 = front + ridge + upper + lower
    return relief


def depth_of(
    relief: Relief,
    *,
    place_mm: tuple[float, float, float] = (0.0, 0.0, 900.0),
    yaw_deg: float = 0.0,
    pitch_deg: float = 0.0,
    roll_deg: float = 0.0,
) -> tuple[U16, F64]:
    """Render some 0.2 m of a relief before nothing: depth u16[h,w] and the landmarks f64[5,2] in pixels."""
    turn = turned(yaw_deg, pitch_deg, roll_deg)
    across, along = LANDMARKS_MM.T
    marks = np.stack((across, along, -relief(across, along)), axis=1) @ turn.T + np.array(place_mm)
    landmarks = marks[:, :2] / marks[:, 2:] * CAMERA.fx_px + (CAMERA.cx_px, CAMERA.cy_px)
    row, column = np.mgrid[0 : CAMERA.height_px, 0 : CAMERA.width_px]
    x, y = landmarks.mean(axis=0)
    shown = (column - x) ** 2 + ((row - y) / 1.25) ** 2 <= (_REACH_MM * CAMERA.fx_px / place_mm[2]) ** 2
    depth_mm = np.zeros(shown.shape, np.uint16)
    ray_x, ray_y = (column[shown] - CAMERA.cx_px) / CAMERA.fx_px, (row[shown] - CAMERA.cy_px) / CAMERA.fy_px
    depth = _walk(relief, np.stack((ray_x, ray_y, np.ones_like(ray_x)), axis=1) @ turn, -np.array(place_mm) @ turn)
    depth_mm[shown] = np.rint(np.clip(depth, 0, 8000)).astype(np.uint16)
    return depth_mm, landmarks


def _walk(relief: Relief, ray: F64, eye: F64) -> F64:
    """Go along rays f64[n,3] of the relief's frame from ``eye`` until they meet it: distances f64[n]."""
    distance: F64 = -eye[2] / ray[:, 2]
    for _ in range(15):
        point = eye + distance[:, None] * ray
        across, along = np.clip(point[:, :2], -150.0, 150.0).T  # where the walk does not settle it shall not run away
        distance = distance - 0.7 * (point[:, 2] + relief(across, along)) / ray[:, 2]
    return distance


def scene_of(
    relief: Relief,
    *,
    place_mm: tuple[float, float, float] = (0.0, 0.0, 900.0),
    yaw_deg: float = 0.0,
    pitch_deg: float = 0.0,
    change: Callable[[U16], None] | None = None,
) -> Scene:
    """Look at a relief; ``change`` may damage the depth image first."""
    depth_mm, landmarks = depth_of(relief, place_mm=place_mm, yaw_deg=yaw_deg, pitch_deg=pitch_deg)
    if change is not None:
        change(depth_mm)
    return scene_from(depth_mm, landmarks, place_mm[2])


def scene_from(depth_mm: U16, landmarks_px: F64, distance_mm: float) -> Scene:
    """Put a face with these landmarks into this depth image."""
    width = 140.0 * CAMERA.fx_px / distance_mm
    x, y = np.nan_to_num(landmarks_px.mean(axis=0))
    box = Box(float(x - width / 2), float(y - 0.6 * width), width, 1.25 * width)
    detection = Detection(box, 0.9, landmarks_px.astype(np.float32))
    face_depth = align_face(depth_mm, CALIBRATION, box)
    if np.isfinite(landmarks_px).all():
        color = np.zeros((CAMERA.height_px, CAMERA.width_px, 3), np.uint8)
        tensor = face_tensor(color, detection, face_depth, contract=DepthChannel.REGISTERED)
    else:
        tensor = FaceTensor(np.zeros((4, 112, 112), np.float32), 0.0, np.zeros((2, 3)))
    return Scene(Face(detection, HeadPose(distance_mm, 0.0, 0.0, 0.0)), face_depth, tensor)


def turned(yaw_deg: float, pitch_deg: float, roll_deg: float = 0.0) -> F64:
    """Return the rotation f64[3,3] from the relief's frame to the camera's: roll first, then pitch, then yaw."""
    yaw, pitch, roll = np.radians((yaw_deg, pitch_deg, roll_deg))
    about_y = np.array(((np.cos(yaw), 0, np.sin(yaw)), (0, 1, 0), (-np.sin(yaw), 0, np.cos(yaw))))
    about_x = np.array(((1, 0, 0), (0, np.cos(pitch), -np.sin(pitch)), (0, np.sin(pitch), np.cos(pitch))))
    about_z = np.array(((np.cos(roll), -np.sin(roll), 0), (np.sin(roll), np.cos(roll), 0), (0, 0, 1)))
    turn: F64 = about_y @ about_x @ about_z
    return turn
