"""Frames of the shipped recordings, and the same as pictures: people who belong to nobody."""

from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from kinect_unlock.align import register_full
from kinect_unlock.arrays import U8, U16, read_only
from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.frames import Calibration, Frame, Intrinsics, Registered
from kinect_unlock.recording import RecordingReader


def frames_of(name: str, count: int) -> list[Frame]:
    """Return the first frames of a shipped recording."""
    with RecordingReader(folder_of_recordings() / f"{name}.mkv") as reader:
        return list(islice(reader, count))


def write_photograph(path: Path, *colors: U8) -> Path:
    """Write RGB pictures, side by side, as one photograph."""
    path.parent.mkdir(exist_ok=True)
    assert cv2.imwrite(str(path), np.ascontiguousarray(np.hstack(colors)[:, :, ::-1]))
    return path


def registered(frame: Frame) -> Frame:
    """Return the frame as a camera would give it whose colour and depth share one grid."""
    assert frame.calibration is not None
    assert frame.depth_mm is not None
    depth = register_full(frame.depth_mm, frame.calibration)
    rows, columns = depth.depth_mm.shape
    seen_from = frame.calibration.color
    x = np.clip(np.rint(depth.x0_px + depth.step_px * np.arange(columns)), 0, seen_from.width_px - 1).astype(np.intp)
    y = np.clip(np.rint(depth.y0_px + depth.step_px * np.arange(rows)), 0, seen_from.height_px - 1).astype(np.intp)
    camera = Intrinsics(
        columns,
        rows,
        seen_from.fx_px / depth.step_px,
        seen_from.fy_px / depth.step_px,
        (seen_from.cx_px - depth.x0_px) / depth.step_px,
        (seen_from.cy_px - depth.y0_px) / depth.step_px,
    )
    depth_mm: U16 = np.rint(depth.depth_mm).astype(np.uint16)
    return Frame(
        frame.seq,
        frame.captured_ns,
        read_only(np.ascontiguousarray(frame.color[np.ix_(y, x)])),
        read_only(depth_mm),
        Calibration(camera, camera, Registered()),
    )
