"""Victims of the attack laboratory who never lived: analytic faces with a picture on which every place is known."""

import numpy as np

from analytic_faces import CALIBRATION, CAMERA, Relief, depth_of, face_relief
from kinect_unlock.arrays import F32, F64, U8
from kinect_unlock.frames import Frame
from kinect_unlock.observations import Box, Detection, HeadPose
from kinect_unlock_lab.attack.exhibit import Exhibit, Victim

DISTANCE_MM = 900.0


def broad_relief(across: F64, along: F64) -> F64:
    """A face that is wider and has a shorter nose than `face_relief`."""
    broad: F64 = 0.6 * face_relief(across * 0.85, along)
    return broad


def gradient() -> U8:
    """A picture whose red grows to the right and whose green grows downwards."""
    column, row = np.meshgrid(np.linspace(40, 240, CAMERA.width_px), np.linspace(40, 240, CAMERA.height_px))
    return np.stack((column, row, np.full_like(row, 128)), axis=2).astype(np.uint8)


def victim(
    person: str = "anna",
    relief: Relief = face_relief,
    *,
    yaw_deg: float = 0.0,
    pitch_deg: float = 0.0,
    depth: bool = True,
    color: U8 | None = None,
) -> Victim:
    """Somebody with this relief, at `DISTANCE_MM`."""
    depth_mm, landmarks = depth_of(relief, place_mm=(0.0, 0.0, DISTANCE_MM), yaw_deg=yaw_deg, pitch_deg=pitch_deg)
    x, y = landmarks.mean(axis=0)
    width = 140.0 * CAMERA.fx_px / DISTANCE_MM
    detection = Detection(
        Box(float(x - width / 2), float(y - 0.6 * width), width, 1.25 * width), 0.9, landmarks.astype(np.float32)
    )
    shown = gradient() if color is None else color
    frame = Frame(7, 70, shown, depth_mm if depth else None, CALIBRATION)
    return Victim(person, frame, detection, HeadPose(DISTANCE_MM, yaw_deg, pitch_deg, 0.0))


def points(depth_mm: F32) -> F64:
    """Unproject by the pinhole formula: rows of x, y, z in mm of every pixel where something is."""
    row, column = np.nonzero(np.isfinite(depth_mm))
    z = depth_mm[row, column].astype(np.float64)
    return np.stack(((column - CAMERA.cx_px) / CAMERA.fx_px * z, (row - CAMERA.cy_px) / CAMERA.fy_px * z, z), axis=1)


def off_plane_mm(depth_mm: F32) -> float:
    """How far the farthest point of what is seen lies off its best plane."""
    at = points(depth_mm)
    centred = at - at.mean(axis=0)
    return float(np.abs(centred @ np.linalg.svd(centred, full_matrices=False)[2][2]).max())


def same(one: Exhibit, other: Exhibit) -> bool:
    """True if two exhibits are the same to the last bit."""
    planes = (
        (one.color, other.color),
        (one.depth_mm, other.depth_mm),
        (one.reflectance, other.reflectance),
        (one.gloss, other.gloss),
    )
    return all(np.array_equal(mine, theirs) for mine, theirs in planes)
