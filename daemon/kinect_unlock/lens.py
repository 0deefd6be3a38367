"""A camera's lens: the pixel that each direction is seen at, and back.

A direction is (x/z, y/z) in the camera's coordinates. Distortion is Brown and Conrady's, as OpenCV numbers it.
"""

import cv2
import numpy as np

from kinect_unlock.arrays import F32
from kinect_unlock.frames import Intrinsics


def rays(camera: Intrinsics, x_px: F32, y_px: F32) -> tuple[F32, F32]:
    """Undo projection and distortion: pixel to (x/z, y/z); NaN where the distortion cannot be undone."""
    x = (x_px - np.float32(camera.cx_px)) / np.float32(camera.fx_px)
    y = (y_px - np.float32(camera.cy_px)) / np.float32(camera.fy_px)
    if not _distorts(camera):
        return x, y
    distorted = np.stack((x.ravel(), y.ravel()), axis=1).astype(np.float64)[:, None]
    lens = np.array((camera.k1, camera.k2, camera.p1, camera.p2, camera.k3))
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 60, 1e-9)
    undone = cv2.undistortPointsIter(distorted, np.eye(3), lens, np.eye(3), np.eye(3), criteria)[:, 0]
    ray_x, ray_y = undone[:, 0].astype(np.float32).reshape(x.shape), undone[:, 1].astype(np.float32).reshape(x.shape)
    back_x, back_y = _distort(camera, ray_x, ray_y)
    lost = ~((np.abs(back_x - x) < 1e-3) & (np.abs(back_y - y) < 1e-3))  # noqa: PLR2004 - a third of a depth pixel
    ray_x[lost] = np.nan
    ray_y[lost] = np.nan
    return ray_x, ray_y


def pixels(camera: Intrinsics, ray_x: F32, ray_y: F32) -> tuple[F32, F32]:
    """Project directions (x/z, y/z) to pixels, with the camera's distortion."""
    x, y = _distort(camera, ray_x, ray_y) if _distorts(camera) else (ray_x, ray_y)
    x_px = x * np.float32(camera.fx_px) + np.float32(camera.cx_px)
    y_px = y * np.float32(camera.fy_px) + np.float32(camera.cy_px)
    return x_px, y_px


def _distorts(camera: Intrinsics) -> bool:
    return any((camera.k1, camera.k2, camera.k3, camera.p1, camera.p2))


def _distort(camera: Intrinsics, x: F32, y: F32) -> tuple[F32, F32]:
    """Brown-Conrady, on normalised coordinates."""
    r2 = x * x + y * y
    radial = 1 + ((camera.k3 * r2 + camera.k2) * r2 + camera.k1) * r2
    xy2 = 2 * x * y
    return (
        x * radial + camera.p1 * xy2 + camera.p2 * (r2 + 2 * x * x),
        y * radial + camera.p2 * xy2 + camera.p1 * (r2 + 2 * y * y),
    )


def every_pixel(camera: Intrinsics) -> tuple[F32, F32]:
    """Return column and row of each pixel of the camera's image, f32[h,w] each."""
    y, x = np.mgrid[0 : camera.height_px, 0 : camera.width_px].astype(np.float32)
    return x, y
