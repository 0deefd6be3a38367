"""Who may be standing or sitting before the camera, by depth alone: the separate things in a range that are as large.

Pure. A figure is not a person: a chair is one too. What moves is told apart by `kinect_unlock.scene`. Things end where
depth jumps and not where the range does: of a wall that the range cuts through, noise would make now more and now less
belong to it, so that it would seem to move.
"""

from typing import Final

import cv2
import numpy as np

from kinect_unlock.arrays import U16
from kinect_unlock.frames import Calibration
from kinect_unlock.observations import Figure

_STEP_PX: Final = 4  # looks at every fourth pixel of every fourth row
_EDGE_MM: Final = 120.0  # where depth jumps by more between two of them, one thing ends
# Half of what the camera sees of a grown person's head and shoulders; a face alone is 0.02 m2, a hand less.
LEAST_AREA_M2: Final = 0.05
_MM2_PER_M2: Final = 1e6


def figures_in(depth_mm: U16, calibration: Calibration, near_mm: float, far_mm: float) -> tuple[Figure, ...]:
    """Return the figures in a depth image u16[h,w] whose middle is between two distances, nearest first.

    Raises:
        ValueError: the depth image is not of the calibration's size.
    """
    camera = calibration.depth
    if depth_mm.shape != (camera.height_px, camera.width_px):
        msg = f"depth image is {depth_mm.shape}, the calibration is for {(camera.height_px, camera.width_px)}"
        raise ValueError(msg)
    z_mm = depth_mm[::_STEP_PX, ::_STEP_PX].astype(np.float64)
    inside = z_mm > 0
    inside[:, 1:] &= np.abs(np.diff(z_mm, axis=1)) <= _EDGE_MM
    inside[1:, :] &= np.abs(np.diff(z_mm, axis=0)) <= _EDGE_MM
    count, labels = cv2.connectedComponents(inside.astype(np.uint8), connectivity=4)
    flat, z = labels.ravel(), z_mm.ravel()
    across = np.broadcast_to(
        (np.arange(0, camera.width_px, _STEP_PX) - camera.cx_px) / camera.fx_px, z_mm.shape
    ).ravel()
    pixels = np.maximum(np.bincount(flat, minlength=count), 1)
    area_m2 = np.bincount(flat, z**2, count) * _STEP_PX**2 / (camera.fx_px * camera.fy_px) / _MM2_PER_M2
    distance_mm = np.bincount(flat, z, count) / pixels
    x_mm = np.bincount(flat, across * z, count) / pixels
    found = [
        Figure(float(x_mm[label]), float(distance_mm[label]), float(area_m2[label]))
        for label in range(1, count)  # 0 is what is not inside
        if area_m2[label] >= LEAST_AREA_M2 and near_mm <= distance_mm[label] <= far_mm
    ]
    return tuple(sorted(found, key=lambda figure: figure.distance_mm))
