"""Where a head is and where it looks, in millimetres and degrees, from five landmarks and their depth."""

from typing import Final

import numpy as np

from kinect_unlock.align import FaceDepth
from kinect_unlock.frames import F64, Calibration, Detection, HeadPose, read_only

# A mean face's five landmarks, mm, in head axes (x image-right, y down, z away from the camera when it faces it),
# from the neutral head of ICT-FaceKit (MIT).
_MEAN_FACE_MM: Final = read_only(
    np.array(
        ((-31.0, -34.0, 28.0), (31.0, -34.0, 28.0), (0.0, 0.0, 0.0), (-25.0, 33.0, 24.0), (25.0, 33.0, 24.0)),
        np.float64,
    )
)


def head_pose(detection: Detection, face_depth: FaceDepth, calibration: Calibration) -> HeadPose | None:
    """Measure a head's pose; None where depth does not allow it."""
    points = _landmark_points(detection, face_depth, calibration)
    found = np.isfinite(points[:, 2])
    if found.sum() < 4:  # noqa: PLR2004 - of five
        return None
    rotation, centre = _rigid(_MEAN_FACE_MM[found], points[found])
    yaw, pitch, roll = _angles(_facing(centre) @ rotation)
    return HeadPose(float(np.median(points[found, 2])), yaw, pitch, roll)


def _landmark_points(detection: Detection, face_depth: FaceDepth, calibration: Calibration) -> F64:
    del calibration
    cells = np.rint(face_depth.cells(detection.landmarks_px)).astype(int)
    points = np.full((5, 3), np.nan)
    for index, (column, row) in enumerate(cells):
        window = face_depth.xyz_mm[max(0, row - 2) : max(0, row + 3), max(0, column - 2) : max(0, column + 3)]
        valid = window[np.isfinite(window[..., 2])]
        if len(valid):
            points[index] = np.median(valid, axis=0)
    return points


def _rigid(model: F64, points: F64) -> tuple[F64, F64]:
    """Kabsch: the rotation and translation that take the model nearest to the points."""
    model_centre, centre = model.mean(axis=0), points.mean(axis=0)
    u, _, vt = np.linalg.svd((points - centre).T @ (model - model_centre))
    flip = np.diag((1.0, 1.0, float(np.sign(np.linalg.det(u @ vt)))))
    rotation: F64 = u @ flip @ vt
    return rotation, centre - rotation @ model_centre


def _facing(point: F64) -> F64:
    """Return the smallest rotation that takes the direction to ``point`` onto the camera's axis."""
    x, y, z = point / np.linalg.norm(point)
    return np.array(
        (
            (1 - x * x / (1 + z), -x * y / (1 + z), -x),
            (-x * y / (1 + z), 1 - y * y / (1 + z), -y),
            (x, y, z),
        )
    )


def _angles(rotation: F64) -> tuple[float, float, float]:
    """Read yaw, pitch and roll in degrees off ``R_yaw @ R_pitch @ R_roll``, with the signs of `HeadPose`."""
    look = -rotation[:, 2]
    yaw, pitch = np.arctan2(look[0], -look[2]), np.arcsin(np.clip(-look[1], -1, 1))
    roll = np.arctan2(rotation[1, 0], rotation[1, 1])
    return float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll))
