"""The first model of a time-of-flight camera: what encoders are trained by, as one unit that lasts a stream.

How a unit errs is drawn once, from what such cameras do; its slow wave over the image stays where it is. Noise, holes
and flying readings are fresh in every frame. Glass mirrors the room: a part of it gives no reading, the rest reads what
is seen in it as well, and so lies off by some millimetres which change across the image.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from kinect_unlock.arrays import F32, U16
from kinect_unlock.frames import Calibration
from kinect_unlock_lab.attack.exhibit import DepthSensor, Exhibit, Steps
from kinect_unlock_lab.synthesis.depth_sensor import Errors, ErrorSpread, draw_errors, draw_wave, sense, stepped

_SKIN: Final = 0.6  # what the model measures brightness by
_NO_GLASSES: Final = 1e3  # half axes of a lens away from it
_LEAST: Final = 1e-3
_NEAREST_MM: Final = 500.0  # what a Kinect v2 reads
_FARTHEST_MM: Final = 4500.0
_MIRROR_HOLE: Final = (0.02, 0.6)  # share of a mirror that gives no reading
_MIRROR_MM: Final = (-5.0, 40.0)  # by how much the rest reads too far
_MIRROR_SLOPE_MM: Final = 15.0  # spread of what is added from the image's middle to its edge


@dataclass(frozen=True, slots=True, eq=False)
class FirstSensor:
    """One unit: ``errors`` and ``wave_mm`` f32[h,w] are its own; so is what glass before it mirrors, in f32[h,w] mm."""

    errors: Errors
    wave_mm: F32
    mirror_hole: float
    mirror_mm: F32
    steps: Steps

    def read(self, exhibit: Exhibit, rng: np.random.Generator) -> U16:
        """Return depth u16[h,w] mm, 0 = no reading."""
        light = np.log(np.maximum(exhibit.reflectance, _LEAST) / _SKIN)
        surface = np.stack((light, np.full_like(light, _NO_GLASSES)), axis=2).astype(np.float32)
        reading = sense(exhibit.depth_mm, surface, self.errors, rng, wave_mm=self.wave_mm)
        lost = rng.random(reading.shape) < self.mirror_hole * exhibit.gloss
        mirrored = reading + exhibit.gloss * self.mirror_mm
        read = (reading > 0) & ~lost & (mirrored >= _NEAREST_MM) & (mirrored <= _FARTHEST_MM)
        return np.where(read, np.rint(stepped(mirrored.astype(np.float32), self.steps)), 0).astype(np.uint16)


def first_sensor(calibration: Calibration, steps: Steps, rng: np.random.Generator, /) -> DepthSensor:
    """Draw one unit of a camera that looks at ``calibration``'s grid."""
    errors = replace(draw_errors(ErrorSpread(), rng), steps="none")
    shape = (calibration.depth.height_px, calibration.depth.width_px)
    wave = draw_wave(shape, errors, rng)
    down, across = np.meshgrid(*(np.linspace(-1, 1, size) for size in shape), indexing="ij")
    slopes = rng.normal(0, _MIRROR_SLOPE_MM, 2)
    mirror = rng.uniform(*_MIRROR_MM) + slopes[0] * across + slopes[1] * down
    return FirstSensor(errors, wave, rng.uniform(*_MIRROR_HOLE), mirror.astype(np.float32), steps)
