"""Folders as the article's data set has them: VAP RGB-D of Aalborg University, one Kinect v1, 640 x 480 pixels.

R. I. Hg, P. Jasek, C. Rofidal, K. Nasrollahi, T. B. Moeslund and G. Tranchet, "An RGB-D Database Using Microsoft's
Kinect for Windows for Face Detection", SITIS 2012. A folder a person; in it ``NNN_M_c.bmp``, pose NNN in its M-th take
in colour, and ``NNN_M_d.dat``, its depth as text: one number a pixel in millimetres, row by row, -1 = no reading.

The set does not say how its two cameras are registered; as in the article one grid is assumed for both.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from kinect_unlock.arrays import U16
from kinect_unlock.errors import SourceError
from kinect_unlock.frames import Calibration, Frame, Intrinsics, Registered
from kinect_unlock_lab.datasets import read_color

# The nominal colour camera of a Kinect v1, to which its driver registers depth.
VAP_CAMERA: Final = Intrinsics(width_px=640, height_px=480, fx_px=525.0, fy_px=525.0, cx_px=319.5, cy_px=239.5)
_CALIBRATION: Final = Calibration(VAP_CAMERA, VAP_CAMERA, Registered())
_NAME: Final = re.compile(r"\d+_\d+_c")
_PIXELS: Final = VAP_CAMERA.width_px * VAP_CAMERA.height_px


@dataclass(frozen=True, slots=True)
class VapSample:
    """One colour and depth pair of a person."""

    person: str
    color_path: Path
    depth_path: Path

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.color_path.stem.removesuffix("_c")

    @property
    def group(self) -> str:
        """Everybody sat at the same place."""
        return "vap"

    @property
    def near_frontal(self) -> bool:
        """The set does not say so of its poses."""
        return False

    def frame(self, seq: int = 0, captured_ns: int = 0) -> Frame:
        """Read the pair; raises `SourceError` for a bad file."""
        color = read_color(self.color_path)
        if color.shape[:2] != (VAP_CAMERA.height_px, VAP_CAMERA.width_px):
            raise SourceError(f"{self.color_path}: {color.shape[1]}x{color.shape[0]} pixels; expected 640x480")
        return Frame(seq, captured_ns, color, _read_depth(self.depth_path), _CALIBRATION)


def load_vap(folder: Path) -> tuple[VapSample, ...]:
    """List a VAP-style folder, sorted by path; raises `SourceError` where it is none or a depth file is missing."""
    samples = []
    for color in sorted(folder.glob("*/*_c.bmp")):
        depth = color.with_name(color.stem.removesuffix("_c") + "_d.dat")
        if _NAME.fullmatch(color.stem) is None:
            raise SourceError(f"{color}: expected a name like 004_1_c.bmp")
        if not depth.is_file():
            raise SourceError(f"{depth}: missing; every _c.bmp has a _d.dat beside it")
        samples.append(VapSample(color.parent.name, color, depth))
    if not samples:
        raise SourceError(f"{folder}: no <person>/NNN_M_c.bmp in it; expected a VAP RGB-D folder")
    return tuple(samples)


def _read_depth(path: Path) -> U16:
    try:
        values = np.array(path.read_text(encoding="ascii").split(), dtype=np.int64)
    except (OSError, ValueError, OverflowError) as error:
        raise SourceError(f"{path}: no depth can be read from it ({error}); expected whole numbers") from error
    if values.size != _PIXELS:
        raise SourceError(f"{path}: {values.size} numbers; expected {_PIXELS}, one a pixel of 640x480")
    readable = (values > 0) & (values <= np.iinfo(np.uint16).max)
    return np.where(readable, values, 0).astype(np.uint16).reshape(VAP_CAMERA.height_px, VAP_CAMERA.width_px)
