"""What a time-of-flight camera makes of true depth: a Kinect v2 as far as faces show it.

Written for speed, for small windows and for training, where every error is drawn at random within what such cameras
do; `kinect_unlock_lab.sensor` is the one for recordings. What is modelled, in this order: light that bounces within
hollows and lengthens the way; noise that grows as less light comes back (far, dark, aslant), partly smoothed by the
driver's filters; a slow wave over the image; dark things read too far or too near; flying readings and holes along
outlines; the lamp's and the colour camera's shadows; glasses; and the coarse steps in which some recordings are kept.
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import cv2
import numpy as np

from kinect_unlock.arrays import F32, F64
from kinect_unlock_lab.raster import Mask
from kinect_unlock_lab.sensor import EMITTER_MM, in_steps
from kinect_unlock_lab.synthesis.compiled import compiled

Steps: TypeAlias = Literal["none", "fine", "coarse"]

_LAMP_MM: Final = float(EMITTER_MM[0])
_COLOR_CAMERA_MM: Final = 52.0  # from the depth camera, libfreenect2's ``shift_m``
_FX_PX: Final = 365.6
_EDGE_MM: Final = 30.0  # between neighbours: an outline
_BIAS_MM: Final = 4.0  # a surface does not lie in its own shadow
_GRAIN_PX: Final = 0.6  # of the noise: neighbouring readings share some of it
_GRAIN_GAIN: Final = 2.0  # brings noise smoothed so back to a spread of 1
_KNOT_GAIN: Final = 1.16  # brings a cubic surface through knots of spread 1 to a spread of 1
_COARSE: Final = 4  # pixels: what bounced light is averaged over is seen this coarsely
_DEEPEST_MM: Final = 12.0  # hollows that deepen; behind the head is no hollow
_FILTER_MM: Final = 20.0  # the driver's filter keeps steps higher than this
_FRAME: Final = 1.15  # of a lens's half axes: where a frame ends
_HOLLOW_PX_MM: Final = 7000.0  # over the distance: radius in pixels within which light bounces
_NEAREST_MM: Final = 400.0  # a Kinect v2 reads nothing below 500
_FLOOR: Final = 0.08  # the least brightness there is, relative to skin
_DARKEST: Final = float(np.log(_FLOOR))
_THIRD: Final = float(np.log(3.0))


@dataclass(frozen=True, slots=True)
class Errors:
    """How one image errs. Spreads in mm are those at 800 mm from skin that faces the camera; shares are 0..1.

    ``white_mm``: noise of single readings; ``growth``: it grows as the light that comes back to minus this power.
    ``wave_mm``, ``wave_px``: the slow wave, which does not grow. ``hollow``: share by which hollows deepen.
    ``dark_mm``: how much too far a thing reads that sends back a third of the light. ``edge_hole``, ``edge_flying``,
    ``stray_hole``: shares of readings. ``dim``: of what sends back less than this share of the light that skin does at
    800 mm, half is not read. ``lens_hole``, ``lens_mm``: what glasses do. ``blur_mm``: steps up to this are smeared
    over a pixel, as each pixel sees a patch. ``smooth``: the driver's filter runs. ``lamp_mm``, ``color_mm``: where the
    lamp and the colour camera stand beside the depth camera, 0 for no shadow.
    """

    white_mm: float
    growth: float
    wave_mm: float
    wave_px: float
    hollow: float
    dark_mm: float
    edge_hole: float
    edge_flying: float
    stray_hole: float
    dim: float
    lens_hole: float
    lens_mm: float
    blur_mm: float
    smooth: bool
    lamp_mm: float
    color_mm: float
    steps: Steps


@dataclass(frozen=True, slots=True)
class ErrorSpread:
    """From what the errors of one image are drawn; each pair is a range, shares are 0..1."""

    white_mm: tuple[float, float] = (0.5, 2.4)
    growth: tuple[float, float] = (0.0, 0.35)
    wave_mm: tuple[float, float] = (0.3, 1.4)
    wave_px: tuple[float, float] = (3.0, 9.0)
    hollow: tuple[float, float] = (0.0, 0.3)
    dark_mm: tuple[float, float] = (-1.5, 3.0)
    edge_hole: tuple[float, float] = (0.0, 0.4)
    edge_flying: tuple[float, float] = (0.0, 0.25)
    stray_hole: tuple[float, float] = (0.0, 0.002)
    dim: tuple[float, float] = (0.005, 0.05)
    lens_hole: tuple[float, float] = (0.0, 0.5)
    lens_mm: tuple[float, float] = (0.0, 8.0)
    blur_mm: tuple[float, float] = (20.0, 80.0)
    smooth_share: float = 0.6
    lamp_shadow_share: float = 0.4
    color_shadow_share: float = 0.2
    quantised_share: float = 0.5


def draw_errors(spread: ErrorSpread, rng: np.random.Generator) -> Errors:
    """Draw how one image errs."""
    quantised = rng.random() < spread.quantised_share
    side = rng.choice((-1.0, 1.0))  # recordings are mirrored or not
    return Errors(
        white_mm=rng.uniform(*spread.white_mm),
        growth=rng.uniform(*spread.growth),
        wave_mm=rng.uniform(*spread.wave_mm),
        wave_px=rng.uniform(*spread.wave_px),
        hollow=rng.uniform(*spread.hollow),
        dark_mm=rng.uniform(*spread.dark_mm),
        edge_hole=rng.uniform(*spread.edge_hole),
        edge_flying=rng.uniform(*spread.edge_flying),
        stray_hole=rng.uniform(*spread.stray_hole),
        dim=rng.uniform(*spread.dim),
        lens_hole=rng.uniform(*spread.lens_hole),
        lens_mm=rng.uniform(*spread.lens_mm),
        blur_mm=rng.uniform(*spread.blur_mm),
        smooth=bool(rng.random() < spread.smooth_share),
        lamp_mm=side * _LAMP_MM if rng.random() < spread.lamp_shadow_share else 0.0,
        color_mm=-side * _COLOR_CAMERA_MM if rng.random() < spread.color_shadow_share else 0.0,
        steps="coarse" if quantised else "fine",
    )


def sense(truth_mm: F32, surface: F32, errors: Errors, rng: np.random.Generator, *, wave_mm: F32 | None = None) -> F32:
    """Turn true depth into readings f32[h,w] mm, 0 = none.

    Args:
        truth_mm: f32[h,w], infinity where nothing is.
        surface: f32[h,w,2]: logarithm of infrared brightness relative to skin, and distance from the middle of the
            nearer lens of glasses in units of its half axes; any number where nothing is.
        errors: how this image errs.
        rng: what is random in it.
        wave_mm: f32[h,w], the slow wave of a unit that keeps it from image to image; drawn if None.
    """
    there = np.isfinite(truth_mm)
    z = np.where(there, truth_mm, np.float32(0))
    grain = cv2.GaussianBlur(rng.standard_normal(z.shape, np.float32), (0, 0), _GRAIN_PX) * np.float32(_GRAIN_GAIN)
    slow = np.stack((grain, draw_wave(z.shape, errors, rng) if wave_mm is None else wave_mm), axis=2)
    luck = rng.random((*z.shape, 2), np.float32)
    e = errors
    numbers = (e.white_mm, e.growth, e.dark_mm, e.edge_hole, e.edge_flying, e.stray_hole, e.dim, e.lens_hole, e.lens_mm)
    packed = np.array(numbers, np.float64)
    reading = np.zeros_like(z)
    blurred = _smoothed(z, errors.blur_mm) if errors.blur_mm else z
    _read(_bounce(blurred, there, errors.hollow), surface, slow, luck, packed, reading)
    _through_glasses(surface, slow, luck, packed, reading)
    for beside_mm in (errors.lamp_mm, errors.color_mm):
        if beside_mm:
            _cast_shadow(z, beside_mm * _FX_PX, reading)
    if errors.smooth:
        reading = _smoothed(reading, _FILTER_MM)
    return stepped(reading, errors.steps)


def draw_wave(shape: tuple[int, ...], errors: Errors, rng: np.random.Generator) -> F32:
    """Draw the slow wave f32[h,w] mm: knots ``wave_px`` apart with a smooth surface through them."""
    rows, columns = (int(size / errors.wave_px) + 4 for size in shape)
    knots = np.float32(errors.wave_mm * _KNOT_GAIN) * rng.standard_normal((rows, columns), np.float32)
    inverse = np.array(((1 / errors.wave_px, 0, 1.5), (0, 1 / errors.wave_px, 1.5)))
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(knots, inverse, shape[::-1], flags=flags), np.float32)


def _bounce(z: F32, there: Mask, hollow: float) -> F32:
    """Deepen what lies deeper than its surroundings: light reaches it twice."""
    if not there.any():
        return z
    part = (max(2, z.shape[1] // _COARSE), max(2, z.shape[0] // _COARSE))
    radius = _HOLLOW_PX_MM / float(z[there].mean()) / _COARSE
    share = cv2.GaussianBlur(cv2.resize(there.astype(np.float32), part, interpolation=cv2.INTER_AREA), (0, 0), radius)
    depth = cv2.GaussianBlur(cv2.resize(z, part, interpolation=cv2.INTER_AREA), (0, 0), radius)
    around = cv2.resize(depth / np.maximum(share, np.float32(1e-3)), z.shape[::-1])
    deepened = z + np.float32(hollow) * np.clip(z - around, 0, _DEEPEST_MM)
    return np.asarray(deepened * there, np.float32)


def stepped(reading: F32, steps: Steps) -> F32:
    """Round readings f32[h,w] to the steps in which they are kept."""
    if steps == "none":
        return reading
    if steps == "fine":
        return np.rint(reading)
    return in_steps(reading)


@compiled
def _read(z: F32, surface: F32, slow: F32, luck: F32, numbers: F64, out: F32) -> None:
    """Read every pixel; ``slow`` f32[h,w,2] grain and wave, ``luck`` f32[h,w,2] chances 0..1."""
    white, growth, dark, edge_hole, edge_flying, stray, dim = numbers[:7]
    dim = np.log(dim)
    height, width = z.shape
    for y in range(height):
        for x in range(width):
            here = z[y, x]
            if here <= 0:
                continue
            dark_by = min(0.0, max(_DARKEST, surface[y, x, 0]))
            light = dark_by + _returned(z, y, x)
            spread = white * np.exp(-growth * max(_DARKEST, light))
            reading = here + spread * slow[y, x, 0] + slow[y, x, 1] - dark * dark_by / _THIRD
            chance = luck[y, x, 0]
            lost = chance < stray or (light < dim and chance < 0.5)
            behind = _behind(z, y, x)
            if behind - here > _EDGE_MM:
                lost = lost or chance < edge_hole
                if chance > 1 - edge_flying:
                    reading += (behind - here) * 0.5 * luck[y, x, 1]
            out[y, x] = 0.0 if lost else reading


@compiled
def _returned(z: F32, y: int, x: int) -> float:
    """Return the logarithm of the light that comes back: less from afar, and aslant; along outlines little."""
    height, width = z.shape
    here = z[y, x]
    left, right = z[y, max(0, x - 1)], z[y, min(width - 1, x + 1)]
    above, under = z[max(0, y - 1), x], z[min(height - 1, y + 1), x]
    across = (right - left) * _FX_PX / (2 * here) if left > 0 and right > 0 else 3.0
    down = (under - above) * _FX_PX / (2 * here) if above > 0 and under > 0 else 3.0
    squared = 800.0 / here * (800.0 / here)
    return float(0.5 * np.log(squared * squared / (1 + across * across + down * down)))


@compiled
def _behind(z: F32, y: int, x: int) -> float:
    """Return the farthest depth around a pixel; where nothing is, 300 mm behind it."""
    height, width = z.shape
    farthest, nearest = z[y, x], z[y, x]
    for v in (max(0, y - 1), y, min(height - 1, y + 1)):
        for u in (max(0, x - 1), x, min(width - 1, x + 1)):
            farthest, nearest = max(farthest, z[v, u]), min(nearest, z[v, u])
    return float(max(farthest, z[y, x] + 300.0) if nearest <= 0 else farthest)


@compiled
def _through_glasses(surface: F32, slow: F32, luck: F32, numbers: F64, out: F32) -> None:
    """Disturb what is read through lenses, and bring their frames nearer."""
    lens_hole, lens_mm = numbers[7:]
    height, width = out.shape
    for y in range(height):
        for x in range(width):
            from_middle = surface[y, x, 1]
            if out[y, x] <= 0 or not from_middle < _FRAME:
                continue
            if from_middle < 1.0:
                lost = luck[y, x, 1] < lens_hole
                out[y, x] += lens_mm * (0.5 * slow[y, x, 0] + 0.6 * np.sign(slow[y, x, 1]))
            else:
                lost = luck[y, x, 1] < lens_hole / 2
                out[y, x] -= 4.0 * luck[y, x, 0]
            if lost:
                out[y, x] = 0.0


@compiled
def _cast_shadow(z: F32, shift_px_mm: float, out: F32) -> None:
    """Take away what something hides from a place beside the camera, ``shift_px_mm`` mm off times the focal length."""
    height, width = z.shape
    margin = int(np.ceil(abs(shift_px_mm) / _NEAREST_MM)) + 2
    nearest = np.empty(width + 2 * margin, np.float32)
    for y in range(height):
        nearest[:] = np.inf
        for x in range(width):
            if z[y, x] <= 0:
                continue
            place = x + margin - shift_px_mm / z[y, x]
            for column in (int(np.floor(place)), int(np.floor(place)) + 1):
                if 0 <= column < len(nearest):
                    nearest[column] = min(nearest[column], z[y, x])
        for x in range(width):
            if z[y, x] <= 0:
                continue
            column = int(np.floor(x + margin - shift_px_mm / z[y, x] + 0.5))
            if 0 <= column < len(nearest) and nearest[column] < z[y, x] - _BIAS_MM - 2.0 * z[y, x] / _FX_PX:
                out[y, x] = 0.0


def _smoothed(reading: F32, reach_mm: float) -> F32:
    """Average 3 x 3 readings with weights 1 2 1, but not with what is so much nearer or farther."""
    framed = np.zeros((reading.shape[0] + 2, reading.shape[1] + 2), np.float32)
    framed[1:-1, 1:-1] = reading
    out = np.empty_like(reading)
    _smooth(framed, reach_mm, out)
    return out


@compiled
def _smooth(framed: F32, reach_mm: float, out: F32) -> None:
    """Smooth readings in a frame of none. Nothing branches: that takes a quarter of the time."""
    height, width = out.shape
    for y in range(height):
        for x in range(width):
            here = framed[y + 1, x + 1]
            total, weights = 0.0, 0.0
            for v in range(3):
                for u in range(3):
                    other = framed[y + v, x + u]
                    counts = (other > 0) & (abs(other - here) < reach_mm)
                    weight = float((2 - abs(v - 1)) * (2 - abs(u - 1))) if counts else 0.0
                    total += weight * other
                    weights += weight
            out[y, x] = total / weights if here > 0 else 0.0
