"""A Kinect v1 that is not there: libfreenect's own stand-in, fakenect, plays a dump made from a recording.

Debian ships fakenect beside the library, in a folder of its own. It has fewer calls than the library it stands for
(0.5.3): it cannot list serial numbers, and aborts when asked for depth on the colour grid. Its one depth mode passes
on what the dump holds, so that dumps made here hold the latter.
"""

import os
from ctypes import c_void_p
from itertools import cycle, islice
from pathlib import Path

import cv2
import numpy as np

from demo_frames import frames_of, registered
from kinect_unlock.arrays import U8, U16
from kinect_unlock.clock import Clock
from kinect_unlock.frames import Frame, Origin
from kinect_unlock.settings import Source
from kinect_unlock.sources.drivers import Driver
from kinect_unlock.sources.kinect_v1 import CALIBRATION, HEIGHT_PX, WIDTH_PX, KinectV1Source
from kinect_unlock.sources.kinect_v1_library import Libfreenect, Mode

LIBRARY = next(Path("/usr/lib").glob("*/fakenect/libfreenect.so.0.5"), None)
WHY_NOT = "fakenect is not installed: apt-get install libfreenect0.5"
SERIAL = "fakenect"
AS_SHIPPED = Driver("fakes.fakenect:played_as_shipped", Origin.UNPROVEN, "Kinect v1", reads_path=True)
DRIVER = Driver("fakes.fakenect:played", Origin.UNPROVEN, "Kinect v1", reads_path=True)

_ONLY_DEPTH = 0  # FREENECT_DEPTH_11BIT
_RATE_HZ = 30
_TICKS_PER_FRAME = 2_000_000


class Fakenect(Libfreenect):
    """The library's stand-in, with its gaps filled."""

    def __init__(self, dump: Path) -> None:
        os.environ["FAKENECT_PATH"] = str(dump)
        super().__init__(str(LIBRARY))

    def serials(self, context: c_void_p) -> list[str]:
        return [SERIAL] if self.device_count(context) else []

    def depth_mode(self) -> Mode:
        return self._mode("freenect_find_depth_mode", _ONLY_DEPTH)


def played(settings: Source, clock: Clock) -> KinectV1Source:
    """Play the dump at ``settings.path``; for a driver's child, since fakenect ends the process when it is unhappy."""
    return KinectV1Source(settings, clock, library=lambda: Fakenect(Path(settings.path or "")))


class FakenectAsShipped(Fakenect):
    """The library's stand-in with one gap left open: it aborts the process when asked for depth in millimetres."""

    def depth_mode(self) -> Mode:
        return Libfreenect.depth_mode(self)


def played_as_shipped(settings: Source, clock: Clock) -> KinectV1Source:
    """Play a dump until fakenect aborts the process, which is at once."""
    return KinectV1Source(settings, clock, library=lambda: FakenectAsShipped(Path(settings.path or "")))


def write_dump(folder: Path, recording: str, *, frames: int, distinct: int = 20) -> Path:
    """Write a dump of a shipped recording's first frames, over and over, at 30 Hz."""
    folder.mkdir()
    images = [on_kinect_v1(frame) for frame in frames_of(recording, distinct)]
    files = [_written(folder, number, *both) for number, both in enumerate(images)]
    lines = []
    for number, (color, depth) in enumerate(islice(cycle(files), frames)):
        for kind, file, offset in (("r", color, 0.0), ("d", depth, 0.3)):
            moment = (number + offset + 1) / _RATE_HZ
            name = f"{kind}-{moment:.6f}-{number * _TICKS_PER_FRAME}{file.suffix}"
            (folder / name).symlink_to(file.name)
            lines.append(name)
    (folder / "INDEX.txt").write_text("\n".join(lines) + "\n")
    return folder


def on_kinect_v1(frame: Frame) -> tuple[U8, U16]:
    """Return colour and depth as a Kinect v1 would see the scene: on one grid, at its nominal calibration."""
    seen = registered(frame)
    assert seen.calibration is not None
    assert seen.depth_mm is not None
    source, target = seen.calibration.color, CALIBRATION.color
    x, y = np.meshgrid(np.arange(WIDTH_PX, dtype=np.float32), np.arange(HEIGHT_PX, dtype=np.float32))
    map_x = (x - target.cx_px) / target.fx_px * source.fx_px + source.cx_px
    map_y = (y - target.cy_px) / target.fy_px * source.fy_px + source.cy_px
    color = cv2.remap(seen.color, map_x.astype(np.float32), map_y.astype(np.float32), cv2.INTER_LINEAR)
    depth = cv2.remap(seen.depth_mm, map_x.astype(np.float32), map_y.astype(np.float32), cv2.INTER_NEAREST)
    return np.asarray(color, dtype=np.uint8), np.asarray(depth, dtype=np.uint16)


def _written(folder: Path, number: int, color: U8, depth_mm: U16) -> tuple[Path, Path]:
    ppm, pgm = folder / f"color{number}.ppm", folder / f"depth{number}.pgm"
    ppm.write_bytes(f"P6 {WIDTH_PX} {HEIGHT_PX} 255\n".encode() + color.tobytes())
    # Not as PGM wants it: fakenect's depth is in the machine's own byte order.
    pgm.write_bytes(f"P5 {WIDTH_PX} {HEIGHT_PX} 65535\n".encode() + depth_mm.tobytes())
    return ppm, pgm
