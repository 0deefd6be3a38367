"""Depth from phase samples, as a driver of the Kinect v2 works it out: filter, unwrap, drop what lies between surfaces.

What is known of libfreenect2 and kept: 3x3 filter of phasors, weighted less the more their phases differ; a pixel is
dropped where those differences sum up to 2.5; wraps by the candidate in which the three frequencies agree best; none if
they disagree by more than 0.35 (bright) to 0.61 rad (dark); 0.5 to 4.5 m; a pixel is dropped that stands more than 50
mm behind one neighbour and 30 mm before another, if they are 100 mm apart and of different brightness.
"""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kinect_unlock.arrays import F32
from kinect_unlock_lab.attack.returned_light import C64, CONTRAST, WRAP_MM
from kinect_unlock_lab.synthesis.compiled import compiled

Mask: TypeAlias = NDArray[np.bool_]

NEAREST_MM: Final = 500.0
FARTHEST_MM: Final = 4500.0

# Nearly flat, as the driver's; chosen for how residuals of the real wall go with their neighbours'.
_TAPS: Final = (0.3, 0.4, 0.3)
_PHASE_EXPONENT: Final = 5.0
_MOST_DIFFERENCE: Final = 2.5
_WRAPS: Final = 8  # of the shortest wave: 10 m
_STRICT_RAD: Final = 0.349
_LAX_RAD: Final = 0.611
_LAX_BELOW: Final = 0.1  # amplitude; where strictness begins and ends is assumed
_STRICT_FROM: Final = 0.4
_LEAST_CONTRAST: Final = 0.05
_BEHIND_MM: Final = 50.0
_BEFORE_MM: Final = 30.0
_APART_MM: Final = 100.0


def depth_along_ray(phasors: C64, least_amplitude: float) -> F32:
    """Return f32[h,w] mm along each ray, 0 where there is none; phasors c64[3,h,w] with their noise."""
    filtered, smooth = _filtered(phasors, least_amplitude)
    brightness = np.abs(filtered[0]) / CONTRAST[0]
    for phasor, contrast in zip(filtered[1:], CONTRAST[1:], strict=True):
        brightness += np.abs(phasor) / contrast
    brightness /= np.float32(len(CONTRAST))
    cycles = (np.angle(filtered) / np.float32(2 * np.pi)) % np.float32(1)
    strictness = np.clip(np.log(np.maximum(brightness, 1e-6) / _LAX_BELOW) / np.log(_STRICT_FROM / _LAX_BELOW), 0, 1)
    limit_rad = (_LAX_RAD - (_LAX_RAD - _STRICT_RAD) * strictness).astype(np.float32)
    way_mm = _unwrapped(cycles, limit_rad)
    way_mm[(brightness < least_amplitude) | ~smooth] = 0
    return _without_between(way_mm, brightness)


@compiled
def _filtered(phasors: C64, least: float) -> tuple[C64, Mask]:
    """Return the filtered phasors and where no neighbours' phases differ too much."""
    count, height, width = phasors.shape
    filtered = phasors.copy()
    smooth = np.ones((height, width), np.bool_)
    lengths = np.abs(phasors)
    directions = phasors / np.maximum(lengths, np.float32(least))
    for band in range(count):
        for y in range(1, height - 1):
            for x in range(1, width - 1):
                if lengths[band, y, x] < least:
                    continue
                own = directions[band, y, x]
                total = phasors[band, y, x] * np.float32(_TAPS[1] * _TAPS[1])
                weights = np.float32(_TAPS[1] * _TAPS[1])
                difference = np.float32(0)
                for dy in range(-1, 2):
                    for dx in range(-1, 2):
                        if (dy == 0 and dx == 0) or lengths[band, y + dy, x + dx] < least:
                            continue
                        other = directions[band, y + dy, x + dx]
                        apart = np.float32(0.5) * (1 - own.real * other.real - own.imag * other.imag)
                        weight = np.float32(_TAPS[dy + 1] * _TAPS[dx + 1] * np.exp2(-_PHASE_EXPONENT * apart))
                        total += weight * phasors[band, y + dy, x + dx]
                        weights += weight
                        difference += apart
                filtered[band, y, x] = total / weights
                smooth[y, x] = smooth[y, x] and difference < _MOST_DIFFERENCE
    return filtered, smooth


@compiled
def _unwrapped(cycles: F32, limit_rad: F32) -> F32:
    """Return mm where the frequencies agree: cycles f32[3,h,w] 0..1 in the order of 80, 16, 120 MHz."""
    _, height, width = cycles.shape
    way_mm = np.zeros((height, width), np.float32)
    rate_0, rate_1, rate_2 = 1 / WRAP_MM[0], 1 / WRAP_MM[1], 1 / WRAP_MM[2]
    rates_sq = rate_0 * rate_0 + rate_1 * rate_1 + rate_2 * rate_2
    for y in range(height):
        for x in range(width):
            least = (limit_rad[y, x] / (2 * np.pi)) ** 2
            for wraps in range(_WRAPS):
                third = wraps + cycles[2, y, x]
                guess_mm = third * WRAP_MM[2]
                first = cycles[0, y, x] + np.rint(guess_mm * rate_0 - cycles[0, y, x])
                second = cycles[1, y, x] + np.rint(guess_mm * rate_1 - cycles[1, y, x])
                along = first * rate_0 + second * rate_1 + third * rate_2
                off_sq = first * first + second * second + third * third - along * along / rates_sq
                if off_sq < least:
                    least = off_sq
                    way_mm[y, x] = (first + second + third) / (rate_0 + rate_1 + rate_2)
    return way_mm


@compiled
def _without_between(way_mm: F32, brightness: F32) -> F32:
    """Return the depth without pixels that stand between a nearer and a farther neighbour."""
    height, width = way_mm.shape
    kept = way_mm.copy()
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            own = way_mm[y, x]
            if own == 0:
                continue
            nearest = farthest = own
            total = total_sq = 0.0
            for dy in range(-1, 2):
                for dx in range(-1, 2):
                    other = way_mm[y + dy, x + dx]
                    if other > 0:
                        nearest = min(nearest, other)
                        farthest = max(farthest, other)
                    total += brightness[y + dy, x + dx]
                    total_sq += brightness[y + dy, x + dx] ** 2
            between = own - nearest > _BEHIND_MM and farthest - own > _BEFORE_MM and farthest - nearest > _APART_MM
            mean = total / 9
            if between and total_sq / 9 - mean * mean > (_LEAST_CONTRAST * mean) ** 2:
                kept[y, x] = 0
    return kept
