"""A folder like the evaluation data, of people who do not exist: the demo's own recordings, cut to 119 x 149 pixels."""

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from kinect_unlock.align import register_full
from kinect_unlock.frames import Frame
from kinect_unlock.recording import RecordingReader
from kinect_unlock_lab.datasets import RGBD_FACES_CAMERA

DEMO: Final = Path(__file__).parents[1] / "daemon" / "kinect_unlock" / "data" / "demo"
_WALL_MM: Final = 1500.0
_HEAD_CELLS: Final = 110
_HEADER: Final = "person,year,pose,rgb,depth,near_frontal"


def write_dataset(folder: Path, people: dict[str, tuple[str, int, tuple[int, ...]]]) -> Path:
    """Write people by name: each is so many frames of a recording, in a year."""
    rows = [_HEADER]
    for person, (recording, year, numbers) in people.items():
        (folder / person).mkdir(parents=True)
        with RecordingReader(DEMO / f"{recording}.mkv") as reader:
            frames = list(reader)
        for place, number in enumerate(numbers):
            stem = f"{person}/{place:02d}_{year}_front"
            _write_pair(folder / stem, frames[number])
            rows.append(f"{person},{year},front,{stem}_rgb.png,{stem}_depth.png,1")
    (folder / "index.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def _write_pair(stem: Path, frame: Frame) -> None:
    """Register a frame's depth to its colour and cut both out around the head, at the scale of the depth camera."""
    assert frame.depth_mm is not None
    assert frame.calibration is not None
    depth = register_full(frame.depth_mm, frame.calibration)
    camera, color = RGBD_FACES_CAMERA, frame.calibration.color
    rows, columns = np.nonzero((depth.depth_mm > 0) & (depth.depth_mm < _WALL_MM))
    top = int(rows.min())  # of the hair
    head = columns[rows < top + _HEAD_CELLS]
    middle_px = (
        depth.x0_px + float(np.median(head)) * depth.step_px,
        depth.y0_px + (top + _HEAD_CELLS / 2) * depth.step_px,
    )
    u, v = np.meshgrid(np.arange(camera.width_px), np.arange(camera.height_px))
    x_px = middle_px[0] + (u - camera.cx_px) * color.fx_px / camera.fx_px
    y_px = middle_px[1] + (v - camera.cy_px) * color.fy_px / camera.fy_px
    picture = cv2.remap(frame.color, x_px.astype(np.float32), y_px.astype(np.float32), cv2.INTER_LINEAR)
    cells = [
        np.clip(np.rint((px - first) / depth.step_px).astype(int), 0, size - 1)
        for px, first, size in zip((y_px, x_px), (depth.y0_px, depth.x0_px), depth.depth_mm.shape, strict=True)
    ]
    cv2.imwrite(f"{stem}_rgb.png", picture[:, :, ::-1])
    cv2.imwrite(f"{stem}_depth.png", depth.depth_mm[cells[0], cells[1]].astype(np.uint16))
