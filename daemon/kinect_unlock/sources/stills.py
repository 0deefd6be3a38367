"""Turning stills into a short stream: each frame again and again, slightly moved, with a sensor's noise.

What comes of it exercises the program; it says nothing about people, since every copy shows the same moment. The
provenance says so (`Shake.provenance`).

A copy is the still as seen after a small motion of the camera: a shift (a turn, in truth), a roll around the optical
axis, and a step forwards or back, which scales the picture and the depth together so that sizes in millimetres stay.
Colour noise is Gaussian in grey levels; depth noise is Gaussian with a standard deviation that grows with the square
of the distance, as a time-of-flight camera's does. Both are plain models, not fitted to a device.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final

import cv2
import numpy as np

from kinect_unlock.arrays import F64, U8, U16
from kinect_unlock.errors import SourceError
from kinect_unlock.frames import Calibration, Frame, Origin, Registered
from kinect_unlock.sources.base import FrameSource
from kinect_unlock.sources.images import INTERVAL_NS

_MM_PER_M: Final = 1000.0
_DEPTH_MAX_MM: Final = 65535


@dataclass(frozen=True, slots=True)
class Shake:
    """How each still becomes several frames; the amounts are standard deviations, and ``seed`` fixes all of them."""

    copies: int = 15
    seed: int = 0
    shift_px: float = 0.7
    roll_deg: float = 0.8
    scale: float = 0.01
    color_noise: float = 1.5  # grey levels
    depth_noise_mm: float = 1.0  # at 1 m

    def __post_init__(self) -> None:
        if self.copies < 1:
            raise ValueError(f"a still needs at least 1 copy, got {self.copies}")
        amounts = (self.shift_px, self.roll_deg, self.scale, self.color_noise, self.depth_noise_mm)
        if not all(np.isfinite(amount) and amount >= 0 for amount in amounts):
            raise ValueError(f"amounts of shake must be numbers and not negative, got {amounts}")

    def provenance(self) -> dict[str, Any]:
        """Say in a recording that its frames are copies of stills, and how they were made."""
        return {"jittered": True, "jitter": asdict(self)}


class StillsSource:
    """Gives ``shake.copies`` moved and noisy frames for each frame of another source, at 30 Hz from 0."""

    def __init__(self, stills: FrameSource, shake: Shake) -> None:
        self._stills = stills
        self._shake = shake
        self._random = np.random.default_rng(shake.seed)
        self._still: Frame | None = None
        self._copies_left = 0
        self._given = 0

    @property
    def origin(self) -> Origin:
        """The stills' own origin."""
        return self._stills.origin

    def open(self) -> None:
        """Open the stills, and begin again with the seed.

        Raises:
            SourceError: they cannot be opened.
        """
        self._stills.open()
        self._random = np.random.default_rng(self._shake.seed)
        self._still, self._copies_left, self._given = None, 0, 0

    def read(self, timeout_s: float) -> Frame | None:
        """Return the next copy, or None if the next still did not come within ``timeout_s``.

        Raises:
            EndOfStream: all stills have been given.
            SourceError: the stills are damaged, have no depth, or their colour and depth have not one grid.
        """
        if self._copies_left == 0:
            still = self._stills.read(timeout_s)
            if still is None:
                return None
            self._still, self._copies_left = still, self._shake.copies
        if self._still is None:
            raise SourceError("the stills are not open")
        frame = shaken(self._still, self._shake, self._random, seq=self._given, captured_ns=self._given * INTERVAL_NS)
        self._copies_left -= 1
        self._given += 1
        return frame

    def close(self) -> None:
        """Close the stills."""
        self._stills.close()


def shaken(frame: Frame, shake: Shake, random: np.random.Generator, *, seq: int, captured_ns: int) -> Frame:
    """Return a moved and noisy copy of a frame whose colour and depth share one grid.

    Raises:
        SourceError: they do not; moving both images by one 2-D motion would then part them.
    """
    calibration = frame.calibration
    if frame.depth_mm is None or calibration is None or not isinstance(calibration.depth_to_color, Registered):
        raise SourceError("only images whose calibration is `registered` can be jittered; record these without jitter")
    scale = 1.0 + shake.scale * float(np.clip(random.normal(), -3.0, 3.0))
    motion = _motion(calibration, shake, scale, random)
    color = _moved(frame.color, motion, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE)
    depth_mm = _moved(frame.depth_mm, motion, cv2.INTER_NEAREST, cv2.BORDER_CONSTANT) / scale
    return Frame(
        seq=seq,
        captured_ns=captured_ns,
        color=_noisy_color(color, shake, random),
        depth_mm=_noisy_depth(depth_mm, shake, random),
        calibration=calibration,
    )


def _motion(calibration: Calibration, shake: Shake, scale: float, random: np.random.Generator) -> F64:
    """Return f64[2,3], still pixels to copy pixels: roll and scale about the optical axis, then the shift."""
    axis_px = (calibration.color.cx_px, calibration.color.cy_px)
    turn = np.asarray(cv2.getRotationMatrix2D(axis_px, shake.roll_deg * random.normal(), scale), dtype=np.float64)
    shift_px = shake.shift_px * random.normal(size=(2, 1))
    return np.asarray(turn + np.hstack([np.zeros((2, 2)), shift_px]), dtype=np.float64)


def _moved(image: U8 | U16, motion: F64, sampling: int, border: int) -> F64:
    height_px, width_px = image.shape[:2]
    moved = cv2.warpAffine(image, motion, (width_px, height_px), flags=sampling, borderMode=border)
    return np.asarray(moved, dtype=np.float64)


def _noisy_color(color: F64, shake: Shake, random: np.random.Generator) -> U8:
    noisy = color + shake.color_noise * random.normal(size=color.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def _noisy_depth(depth_mm: F64, shake: Shake, random: np.random.Generator) -> U16:
    """Add noise to readings; what was no reading stays none."""
    noise_mm = shake.depth_noise_mm * (depth_mm / _MM_PER_M) ** 2 * random.normal(size=depth_mm.shape)
    noisy_mm = np.clip(np.rint(depth_mm + noise_mm), 1, _DEPTH_MAX_MM)
    return np.where(depth_mm > 0, noisy_mm, 0).astype(np.uint16)
