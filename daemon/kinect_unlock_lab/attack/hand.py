"""How a thing is held: where it is meant to be, and the hand that trembles about it."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from kinect_unlock.arrays import F64, read_only

NEAREST_MM: Final = 550.0  # between these everything is shown that has no reason to be elsewhere
FARTHEST_MM: Final = 1350.0
_SWAY_HZ: Final = (0.15, 1.5)  # arms drift slowly ...
_TREMOR_HZ: Final = (8.0, 12.0)  # ... and tremble fast, by little
_WAVES: Final = 3  # of each, per direction
_TREMOR_SHARE: Final = 0.05  # of the sway's spread


@dataclass(frozen=True, slots=True, eq=False)
class Hand:
    """Motion of a thing about where it is meant to be: waves f64[6,n], for x, y, z in mm and yaw, pitch, roll in deg.

    ``spread`` at n waves is each one's amplitude; ``rate_hz`` and ``phase_rad`` are its frequency and start.
    """

    spread: F64 = field(default_factory=lambda: np.zeros((6, 1)))
    rate_hz: F64 = field(default_factory=lambda: np.zeros((6, 1)))
    phase_rad: F64 = field(default_factory=lambda: np.zeros((6, 1)))

    def __post_init__(self) -> None:
        for waves in (self.spread, self.rate_hz, self.phase_rad):
            read_only(waves)

    def at(self, t_s: float) -> F64:
        """Return f64[6]: how far it is off by now, mm and degrees."""
        moved: F64 = (self.spread * np.sin(2 * np.pi * self.rate_hz * t_s + self.phase_rad)).sum(axis=1)
        return moved


STILL: Final = Hand()  # a tripod


def trembling(rng: np.random.Generator, *, sway_mm: float = 3.0, sway_deg: float = 1.5) -> Hand:
    """Draw the motion of a hand; its spread in each direction is the root of the mean square."""
    each = np.repeat((sway_mm, sway_deg), 3)[:, None] * np.sqrt(2.0 / _WAVES)
    spread = each * np.repeat((1.0, _TREMOR_SHARE), _WAVES)
    rates = [rng.uniform(*hz, (6, _WAVES)) for hz in (_SWAY_HZ, _TREMOR_HZ)]
    return Hand(spread, np.concatenate(rates, axis=1), rng.uniform(0, 2 * np.pi, spread.shape))


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the face's middle is meant to be, in camera axes, and how the thing is turned; signs as in `HeadPose`."""

    x_mm: float
    y_mm: float
    z_mm: float
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0

    def placed(self, moved: F64) -> tuple[F64, F64]:
        """Return the rotation f64[3,3] and the middle f64[3] in mm, after the hand moved by f64[6]."""
        turn = np.array((self.yaw_deg, self.pitch_deg, self.roll_deg)) + moved[3:]
        return turned(*turn), np.array((self.x_mm, self.y_mm, self.z_mm)) + moved[:3]


def turned(yaw_deg: float, pitch_deg: float, roll_deg: float) -> F64:
    """Return the rotation f64[3,3] from a thing's axes to the camera's: roll first, then pitch, then yaw.

    The signs are those of `kinect_unlock.observations.HeadPose`.
    """
    yaw, pitch, roll = np.radians((-yaw_deg, -pitch_deg, roll_deg))
    about_y = np.array(((np.cos(yaw), 0, np.sin(yaw)), (0, 1, 0), (-np.sin(yaw), 0, np.cos(yaw))))
    about_x = np.array(((1, 0, 0), (0, np.cos(pitch), -np.sin(pitch)), (0, np.sin(pitch), np.cos(pitch))))
    about_z = np.array(((np.cos(roll), -np.sin(roll), 0), (np.sin(roll), np.cos(roll), 0), (0, 0, 1)))
    turn: F64 = about_y @ about_x @ about_z
    return turn
