"""What stands before the cameras in a simulated attack, and who makes it, shows it and reads it: values and protocols.

Everything lies in one grid of pixels, the depth camera's with colour registered to it, as libfreenect2 gives it and as
the real faces at hand are kept. What comes of it is to be called *simulated*, always.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Literal, Protocol, TypeAlias

import numpy as np

from kinect_unlock.arrays import F32, U8, U16, read_only
from kinect_unlock.frames import Calibration, Frame, Intrinsics, Registered
from kinect_unlock.observations import Detection, HeadPose

# How the readings of a data set are kept: as the sensor gives them, or rounded to 4 mm, from 1024 mm to 8 mm.
Steps: TypeAlias = Literal["none", "coarse"]


@unique
class Species(StrEnum):
    """Kinds of attack instrument (ISO/IEC 30107-3): rates are stated for each, the worst one is the headline."""

    FLAT_PRINT = "flat print"
    BENT_PRINT = "bent print"
    FOLDED_PRINT = "folded print"
    CRUMPLED_PRINT = "crumpled print"
    CUT_OUT_PRINT = "print with cut-outs, worn"
    BLACK_PRINT = "infrared-black print, worn"
    CYLINDER_PRINT = "print around a cylinder"
    HEAD_PRINT = "print around a head"
    SCREEN = "screen"
    MOVING_SCREEN = "video on a moving screen"
    SMOOTH_HEAD = "smooth head"
    FOREIGN_MASK = "mask of foreign shape"
    RELIEF_MASK = "relief mask, up to 75 %"
    FULL_RELIEF_MASK = "relief mask, 100 %"
    WRONG_SCALE = "head of wrong scale"
    DEPTH_INJECTED = "depth without its colour"
    COLOR_INJECTED = "colour without its depth"
    FROZEN = "frozen stream"
    LOOPED = "looped stream"
    SHIFTED = "colour and depth apart in time"
    REAL_PRINT = "photographed print, flat or bent"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Victim:
    """One look at a living person, whose likeness is stolen.

    ``frame`` has depth registered to its colour, or none where only a photograph is known. ``detection`` and ``pose``
    are what the product measured; a photograph's pose is assumed.
    """

    person: str
    frame: Frame
    detection: Detection
    pose: HeadPose
    steps: Steps = "none"

    @property
    def calibration(self) -> Calibration:
        """The cameras that look at the victim and at what is made of it.

        Raises:
            ValueError: the victim's frame has none.
        """
        if self.frame.calibration is None:
            raise ValueError(f"{self.person}: a victim needs the calibration of its camera")
        return self.frame.calibration


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Exhibit:
    """What a perfect camera would see at one moment; every plane has the same grid.

    ``color`` u8[h,w,3] RGB. ``depth_mm`` f32[h,w], true distance along the optical axis, infinity where nothing is.
    ``reflectance`` f32[h,w] 0..1, share of the lamp's light (860 nm) scattered back at right angles: skin 0.6, paper
    0.8, black toner 0.1. ``gloss`` f32[h,w] 0..1, share that is mirrored instead: glass 0.9, paper 0.
    """

    color: U8
    depth_mm: F32
    reflectance: F32
    gloss: F32

    def __post_init__(self) -> None:
        shape = self.color.shape[:2]
        for name, plane in (("depth_mm", self.depth_mm), ("reflectance", self.reflectance), ("gloss", self.gloss)):
            if plane.shape != shape or plane.dtype != np.float32:
                raise ValueError(f"{name} must be f32{list(shape)}, got {plane.dtype.name}{list(plane.shape)}")
            read_only(plane)
        read_only(self.color)


class Instrument(Protocol):
    """One attack instrument in somebody's hands, ready to be shown for any length of time."""

    @property
    def species(self) -> Species:
        """What it is."""
        ...

    @property
    def camera(self) -> Intrinsics:
        """Which camera it is before; a borrowed head is before the one that saw it, which may not be the victim's."""
        ...

    @property
    def parameters(self) -> dict[str, float]:
        """What sets it apart from others of its species, by name with its unit (``radius_mm``, ``tilt_deg`` ...)."""
        ...

    def at(self, t_s: float) -> Exhibit:
        """Return what is to be seen after this time; the same at every call."""
        ...


def calibration_of(instrument: Instrument) -> Calibration:
    """Return the calibration of frames that show it: colour and depth in its camera's one grid."""
    return Calibration(instrument.camera, instrument.camera, Registered())


class Maker(Protocol):
    """Makes the instruments of one species that one attacker would try on a victim."""

    def __call__(self, victim: Victim, others: Sequence[Victim], rng: np.random.Generator, /) -> Iterator[Instrument]:
        """Yield instruments, none if they cannot be made; ``others`` are people whose heads may be borrowed."""
        ...


class DepthSensor(Protocol):
    """A model of a time-of-flight camera, one per stream: its fixed faults stay the same from frame to frame."""

    def read(self, exhibit: Exhibit, rng: np.random.Generator) -> U16:
        """Return depth u16[h,w] mm, 0 = no reading."""
        ...


class SensorModel(Protocol):
    """Builds one sensor of a kind."""

    def __call__(self, calibration: Calibration, steps: Steps, rng: np.random.Generator, /) -> DepthSensor:
        """Return a sensor with the faults that this one unit has."""
        ...
