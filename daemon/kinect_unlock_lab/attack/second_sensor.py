"""A second model of a time-of-flight camera, from its physics, for testing only.

It shares nothing with the first one, so that what was made to withstand that one's depth is not graded by it. A lamp's
light comes back (`returned_light`), nine samples a pixel with photon and read noise are taken of it, a driver makes
depth of them (`phase_depth`), and a unit adds faults of its own.

Levels are a compromise between real faces and one raw frame, each measured alike on what is simulated (in brackets):

- 121 near-frontal samples of the tuning side, within the landmarks: pixels that leave the step of both neighbours,
  which tells noise from shape: 3.4 % (3.4 %) at 0.7 to 0.95 m and 1.7 % (1.6 %) at 0.94 to 1.36 m; holes 0.02 % or less
  (0.01 %).
- A frame with a face at 0.6 m before a wall at 1.4 m, by another driver. Second differences over cheeks and forehead
  0.73 mm (0.68), over the wall 0.62 mm (0.87); residuals of the wall correlate by 0.45 (0.39) with the next one and by
  0.03 (-0.05) with the next but one, and their means over 13 by 13 pixels have a sigma of 0.28 mm (0.30). Within 2 px
  of outlines 45 % have no reading (43 %) and 1.6 % lie between the surfaces (2.6 %); the shadow is 5 px wide (5).

Corti and others ("A metrological characterization of the Kinect V2", 2016) find an error of temperature, harmonic
wiggles and noise that grows off the axis; the size of the first two is assumed here.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from kinect_unlock.arrays import F32, U16
from kinect_unlock.frames import Calibration
from kinect_unlock_lab.attack.exhibit import Exhibit, Steps
from kinect_unlock_lab.attack.phase_depth import FARTHEST_MM, NEAREST_MM, depth_along_ray
from kinect_unlock_lab.attack.returned_light import C64, WRAP_MM, Light, View, returned_light

_SAMPLES: Final = 3
_ROOM_LIGHT: Final = 0.1  # on a pixel, beside the lamp's
_PHOTON_VARIANCE: Final = 4.5e-5  # for each unit of light
_READ_VARIANCE: Final = 8e-6
_FULL_WELL: Final = 12.0
_LEAST_AMPLITUDE: Final = 0.012

# Declared faults of one unit, standard deviations.
OFFSET_MM: Final = 2.0  # of all readings, as the temperature moves it
PATTERN_MM: Final = 0.6  # of single pixels
SWELL_MM: Final = 0.5  # of whole regions
WIGGLE_RAD: Final = 0.008  # of each frequency's phase, at its 3rd and 6th harmonic as three samples fold them
_SWELL_PX: Final = 12.0
_HARMONICS: Final = (3, 6)
_ROOM_MM: Final = (2500.0, 6000.0)

_COARSE_FROM_MM: Final = 1024
_FINE_STEP_MM: Final = 4
_COARSE_STEP_MM: Final = 8


@dataclass(frozen=True, slots=True, eq=False)
class SecondSensor:
    """One unit before one room; `second_sensor` makes it."""

    view: View
    steps: Steps
    offset_mm: F32  # [h,w], all that is the same in every reading
    wiggle_rad: C64  # [3,2], strength and phase of each frequency's harmonics
    room_mm: float

    def read(self, exhibit: Exhibit, rng: np.random.Generator) -> U16:
        """Return depth u16[h,w] mm, 0 = no reading.

        Raises:
            ValueError: the exhibit has another grid than the sensor.
        """
        if exhibit.depth_mm.shape != self.view.stretch.shape:
            raise ValueError(f"the sensor has {self.view.stretch.shape} pixels, the exhibit {exhibit.depth_mm.shape}")
        light = returned_light(exhibit, self.view, self.room_mm)
        phasors = self._wiggled(_sampled(light, rng))
        phasors[:, light.own > _FULL_WELL] = 0
        way_mm = depth_along_ray(phasors, _LEAST_AMPLITUDE)
        depth_mm = np.where(way_mm > 0, way_mm / self.view.stretch + self.offset_mm, 0)
        depth_mm[(depth_mm < NEAREST_MM) | (depth_mm > FARTHEST_MM)] = 0
        return _in_steps(depth_mm, self.steps)

    def _wiggled(self, phasors: C64) -> C64:
        """Return phasors turned by the error that follows their own phase: the lamp's light is no pure sine."""
        phase = np.angle(phasors)
        error = np.zeros_like(phase)
        for place, harmonic in enumerate(_HARMONICS):
            strength = self.wiggle_rad[:, place, None, None]
            error += np.abs(strength) * np.sin(harmonic * phase + np.angle(strength))
        turned: C64 = phasors * np.exp(np.complex64(1j) * error)
        return turned


def second_sensor(calibration: Calibration, steps: Steps, rng: np.random.Generator, /) -> SecondSensor:
    """Return a unit with faults of its own, in a room of its own."""
    view = View.of(calibration.depth)
    shape = view.stretch.shape
    # A blur flattens white noise by 2 sqrt(pi) times its width.
    white = rng.normal(0, SWELL_MM * 2 * np.sqrt(np.pi) * _SWELL_PX, shape).astype(np.float32)
    swell = cv2.GaussianBlur(white, (0, 0), _SWELL_PX)
    pattern = rng.normal(0, PATTERN_MM, shape).astype(np.float32)
    wiggle = rng.normal(0, WIGGLE_RAD, (2, len(WRAP_MM), len(_HARMONICS)))
    return SecondSensor(
        view,
        steps,
        offset_mm=pattern + swell + np.float32(rng.normal(0, OFFSET_MM)),
        wiggle_rad=((wiggle[0] + 1j * wiggle[1]) / np.sqrt(2)).astype(np.complex64),
        room_mm=float(rng.uniform(*_ROOM_MM)),
    )


def _sampled(light: Light, rng: np.random.Generator) -> C64:
    """Return the phasors as three samples of each frequency show them, with the noise of photons and of reading."""
    angles = 2 * np.pi * np.arange(_SAMPLES) / _SAMPLES
    noise = rng.standard_normal((_SAMPLES, *light.phasors.shape), dtype=np.float32)
    noise *= np.sqrt(_PHOTON_VARIANCE * (light.own + np.float32(_ROOM_LIGHT)) + np.float32(_READ_VARIANCE))
    measured = np.zeros_like(light.phasors)
    for angle, error in zip(angles, noise, strict=True):
        turn = np.complex64(np.exp(1j * angle))
        charge = (light.phasors * np.conj(turn)).real + error
        measured += np.float32(2 / _SAMPLES) * charge * turn
    return measured


def _in_steps(depth_mm: F32, steps: Steps) -> U16:
    """Round as the readings are kept; a reading stays one."""
    whole: U16 = np.rint(depth_mm).astype(np.uint16)
    if steps == "coarse":
        step = np.where(whole < _COARSE_FROM_MM, _FINE_STEP_MM, _COARSE_STEP_MM)
        whole = (np.rint(depth_mm / step) * step).astype(np.uint16)
    return whole
