"""What an attacker takes from one look at a victim: the picture, its size in life, and where the face is."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from kinect_unlock.arrays import F32, F64, U8
from kinect_unlock.frames import Intrinsics
from kinect_unlock_lab.attack.exhibit import Victim
from kinect_unlock_lab.attack.hand import Pose
from kinect_unlock_lab.attack.things import Picture

SKIN: Final = 0.6  # reflectances at 860 nm
HAIR: Final = 0.35
PAPER: Final = 0.8
TONER: Final = 0.1  # where black toner covers the paper
_HAIR_BELOW: Final = 0.45  # of the face's brightness


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Likeness:
    """A victim's picture: the face's middle lies at ``middle_px``, where life size is ``px_per_mm``."""

    color: U8
    camera: Intrinsics
    middle_px: tuple[float, float]
    px_per_mm: float

    def picture_px(self, across_mm: F64, down_mm: F64, scale: float = 1.0) -> F32:
        """Return f32[n,2]: where a picture printed at ``scale`` of life size takes its colour, so far from the face."""
        per_mm = self.px_per_mm / scale
        x, y = self.middle_px
        return np.stack((x + across_mm * per_mm, y + down_mm * per_mm), axis=-1).astype(np.float32).reshape(-1, 2)

    def pose(self, distance_mm: float, yaw_deg: float = 0.0, pitch_deg: float = 0.0, roll_deg: float = 0.0) -> Pose:
        """Return where a thing is that shows the face where the victim's was seen, at this distance."""
        x, y = self.middle_px
        x_mm = (x - self.camera.cx_px) / self.camera.fx_px * distance_mm
        y_mm = (y - self.camera.cy_px) / self.camera.fy_px * distance_mm
        return Pose(x_mm, y_mm, distance_mm, yaw_deg, pitch_deg, roll_deg)

    def printed(self, toner: float) -> Picture:
        """Print it; ``toner`` 0..1 is the share of the lamp's light that black ink takes from paper's, 0 for dyes."""
        bright = brightness(self.color)
        reflectance = PAPER - (PAPER - TONER) * np.float32(toner) * (1 - bright)
        return Picture(self.color, reflectance.astype(np.float32))

    def painted(self, reflectance: float = SKIN) -> Picture:
        """Wear it as a coat on something that reflects evenly."""
        return Picture(self.color, np.full(self.color.shape[:2], reflectance, np.float32))

    def lived(self) -> Picture:
        """Wear it as the living do: hair is what is much darker than the face."""
        return Picture(self.color, live_reflectance(self.color, self.middle_px))


def likeness(victim: Victim) -> Likeness:
    """Take what a photograph shows of a victim; none of their depth goes into it but how far away they stood."""
    camera = victim.calibration.color
    x, y = face_middle_px(victim)
    return Likeness(victim.frame.color, camera, (x, y), camera.fx_px / victim.pose.distance_mm)


def face_middle_px(victim: Victim) -> tuple[float, float]:
    """Return the middle between eyes and mouth."""
    points = victim.detection.landmarks_px
    x, y = (points[:2].mean(axis=0) + points[3:].mean(axis=0)) / 2
    return float(x), float(y)


def brightness(color: U8) -> F32:
    """Return f32[h,w], 0 black to 1 white."""
    return np.asarray(cv2.cvtColor(color, cv2.COLOR_RGB2GRAY), np.float32) / np.float32(255)


def live_reflectance(color: U8, middle_px: tuple[float, float]) -> F32:
    """Return f32[h,w]: skin's, and hair's where it is much darker than around the middle of the face."""
    bright = brightness(color)
    x, y = (round(value) for value in middle_px)
    face = bright[max(0, y - 8) : y + 9, max(0, x - 8) : x + 9]
    usual = float(np.median(face)) if face.size else 0.5
    return np.where(bright < _HAIR_BELOW * usual, np.float32(HAIR), np.float32(SKIN))
