"""The README's picture, made again by ``kinect-unlock lab render-demo --picture``.

The owner, the stranger and the flat photo of the demo, each with the depth that lies on the same pixels.
"""

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from kinect_unlock.align import register_full
from kinect_unlock.arrays import U8
from kinect_unlock.frames import Frame
from kinect_unlock_lab.body import Stance
from kinect_unlock_lab.demo_recordings import HOLDER_SEED, OWNER_SEED, STRANGER_SEED, Stage, resting_face
from kinect_unlock_lab.head_model import load_head_model
from kinect_unlock_lab.lighting import DAYLIGHT, OFFICE
from kinect_unlock_lab.scene import Hold
from kinect_unlock_lab.sensor import Crop, DepthNoise, nominal_kinect

_CROP: Final = Crop(reduced_by=1, x_px=710, y_px=215, width_px=500, height_px=600)
_PANEL_PX: Final = (270, 324)
_NEAR_MM: Final = 630.0
_SPAN_MM: Final = 250.0
_BAND_MM: Final = 5.0  # bands of one colour keep the file small


def depth_panel(frame: Frame) -> U8:
    """Return the depth of a frame on its colour image's pixels, coloured from near (red) to far (blue), u8[H,W,3]."""
    height, width = frame.color.shape[:2]
    if frame.depth_mm is None or frame.calibration is None:
        return np.zeros((height, width, 3), np.uint8)
    grid = register_full(frame.depth_mm, frame.calibration)
    row, column = np.mgrid[0:height, 0:width]
    cell = np.round(grid.cells(np.stack([column.ravel(), row.ravel()], axis=1).astype(np.float32))).astype(int)
    last = np.array(grid.depth_mm.shape)[::-1] - 1
    cell = np.clip(cell, 0, last)
    depth = grid.depth_mm[cell[:, 1], cell[:, 0]].reshape(height, width).astype(np.float64)
    depth = cv2.medianBlur(depth.astype(np.float32), 5)
    near = 1 - np.clip((np.round(depth / _BAND_MM) * _BAND_MM - _NEAR_MM) / _SPAN_MM, 0, 1)
    colored = cv2.applyColorMap((30 + 215 * near).astype(np.uint8), cv2.COLORMAP_TURBO)[..., ::-1]
    return np.where(((depth > 0) & (depth < 1500))[..., None], colored, 24).astype(np.uint8)


def make_picture(model_path: Path) -> U8:
    """Render the panels side by side, u8[H,W,3]."""
    stage = Stage(load_head_model(model_path), calibration=nominal_kinect(_CROP))
    day, office = stage.room(DAYLIGHT), stage.room(OFFICE)
    quiet = DepthNoise()
    panels: list[U8] = []
    for seed, smile in ((OWNER_SEED, 0.35), (STRANGER_SEED, 0.15)):
        stances = iter([Stance((-40.0, -8.0, 700.0), 6.0, 2.0, 1.0, resting_face(0, blink_at=9, smile=smile))])
        frame = next(stage.shoot_sitter(seed, stances, DAYLIGHT, day, noise=quiet, grain=0.0))
        panels += [frame.color, depth_panel(frame)]
    held = next(
        stage.shoot_print(OWNER_SEED, HOLDER_SEED, iter([Hold((-40.0, -5.0, 660.0), 5.0, -3.0, -2.0)]), OFFICE, office)
    )
    panels += [held.color, depth_panel(held)]
    small = [cv2.resize(panel, _PANEL_PX, interpolation=cv2.INTER_AREA) for panel in panels]
    return np.asarray(np.hstack(small), np.uint8)


def write_picture(model: Path, path: Path) -> None:
    """Write the picture as PNG.

    Raises:
        SourceError: the head model cannot be read.
        OSError: the picture cannot be written.
    """
    _, png = cv2.imencode(".png", make_picture(model)[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    path.write_bytes(png.tobytes())
