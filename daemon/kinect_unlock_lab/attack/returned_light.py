"""What light of the lamp comes back to each pixel of a time-of-flight camera: one phasor per pixel and frequency.

The length of a phasor is the share of modulated light, in units of what a white matt surface sends back from 1 m at
right angles; its angle is the way the light has gone. Light of several ways that falls on one pixel is added as
phasors: flying pixels, and readings that haze or a mirrored room pulls away, follow without a rule of their own.

What is known: the lamp is modulated at 80, 16 and 120 MHz (libfreenect2's parameters and its order), and reaches them
with contrasts as the reciprocals of that driver's amplitude multipliers. What was measured on one raw frame of a
Kinect v2 (face at 0.6 m, wall at 1.4 m): the lamp is some 30 mm to the right of the lens (shadow of a shoulder on
the wall, 4 to 5 px), and lights evenly up to 30 degrees off the axis (noise of the wall: 1.0 mm in the middle, 1.0 mm
at 27 degrees, 4.5 mm at 38 degrees).
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from kinect_unlock.arrays import F32
from kinect_unlock.frames import Intrinsics
from kinect_unlock_lab.attack.exhibit import Exhibit

C64: TypeAlias = NDArray[np.complex64]

_LIGHT_MM_PER_S: Final = 2.99792458e11
FREQUENCIES_HZ: Final = (80e6, 16e6, 120e6)
WRAP_MM: Final = tuple(_LIGHT_MM_PER_S / (2 * frequency_hz) for frequency_hz in FREQUENCIES_HZ)  # 1874, 9369, 1249 mm
CONTRAST: Final = (0.756, 1.0, 0.62)

LAMP_RIGHT_MM: Final = 30.0
_LAMP_EDGE_TAN: Final = 0.65
_LAMP_EDGE_POWER: Final = 8.0

_NEIGHBOUR_LIGHT: Final = 0.06  # of a pixel's light that falls on the next one: lens and the pixel's own extent
_HAZE: Final = 0.003  # of all light within the haze's reach that is scattered in the lens
_HAZE_PX: Final = 41
_HOLLOW_PX: Final = 15
_HOLLOW_SHARE: Final = 0.5  # of the light around a hollow that meets it again
_LOBE_RAD: Final = 0.045  # half width of what polish mirrors of a lamp that is an extended one
_LOBE_GAIN: Final = 60.0  # times a white surface's light: five times what a pixel can hold
_ROOM_REFLECTANCE: Final = 0.4
_SLOPE_REACH_PX: Final = 2
_NOWHERE_MM: Final = 1e6


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Directions of a camera's pixels: constant while the camera is the same."""

    x: F32  # [w], horizontal tangent
    y: F32  # [h,1]
    stretch: F32  # [h,w], way along the ray for 1 mm of depth
    lamp: F32  # [h,w], share of the lamp's light in the middle
    fx_px: float
    fy_px: float

    @classmethod
    def of(cls, camera: Intrinsics) -> "View":
        """Return the view of a camera; lens distortion, below a pixel in the middle, is left out."""
        x = ((np.arange(camera.width_px) - camera.cx_px) / camera.fx_px).astype(np.float32)
        y = ((np.arange(camera.height_px) - camera.cy_px) / camera.fy_px).astype(np.float32)[:, None]
        off_axis_sq = x * x + y * y
        lamp = 1 / (1 + (off_axis_sq / _LAMP_EDGE_TAN**2) ** (_LAMP_EDGE_POWER / 2))
        return cls(x, y, np.sqrt(1 + off_axis_sq), lamp.astype(np.float32), camera.fx_px, camera.fy_px)


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """What falls on the pixels, and how much of it each one's own surface sends."""

    phasors: C64  # [3,h,w], frequencies in the order of `FREQUENCIES_HZ`
    own: F32  # [h,w], what photon noise and a full pixel go by


def returned_light(exhibit: Exhibit, view: View, room_mm: float) -> Light:
    """Return the light that an exhibit sends back; ``room_mm`` is how far the room goes on behind the camera."""
    there = (exhibit.depth_mm > 1) & (exhibit.depth_mm < _NOWHERE_MM)
    reflectance, gloss = _share(exhibit.reflectance), _share(exhibit.gloss)
    depth_mm = np.where(there, exhibit.depth_mm, np.float32(_NOWHERE_MM))
    way_mm = depth_mm * view.stretch
    cosine = _incidence(depth_mm, view)
    lit = np.where(there & ~_shadowed(depth_mm, view), view.lamp, np.float32(0)) / (way_mm / 1000) ** 2
    # 1 - cos is half the square of the angle between the ray and the normal.
    lobe = np.exp(-(1 - cosine) / _LOBE_RAD**2)
    own = lit * (reflectance * (1 - gloss) * cosine + _LOBE_GAIN * gloss * lobe)
    phasors = _phasors(own, way_mm)
    _add_room(phasors, np.where(there, gloss, np.float32(0)), way_mm, room_mm)
    _add_hollows(phasors, depth_mm, there, reflectance, view.fx_px)
    return Light(_through_lens(phasors), own)


def _share(plane: F32) -> F32:
    return np.clip(np.nan_to_num(plane, nan=0.0), 0, 1)


def _phasors(amplitude: F32, way_mm: F32) -> C64:
    """Return c64[3,h,w] of light that went this way, out and back."""
    return np.stack(
        [
            (amplitude * contrast) * np.exp((2j * np.pi / wrap_mm) * way_mm.astype(np.float64))
            for contrast, wrap_mm in zip(CONTRAST, WRAP_MM, strict=True)
        ]
    ).astype(np.complex64)


def _incidence(depth_mm: F32, view: View) -> F32:
    """Return the cosine between rays and normals; of two slopes that meet in a pixel the gentler one counts."""
    right = _gentler_slope(depth_mm, 1)
    down = _gentler_slope(depth_mm, 0)
    outward = depth_mm + view.x * view.fx_px * right + view.y * view.fy_px * down
    length = np.sqrt((view.fx_px * right) ** 2 + (view.fy_px * down) ** 2 + outward**2) * view.stretch
    cosine: F32 = np.minimum(depth_mm / np.maximum(length, np.float32(1e-3)), np.float32(1))
    return cosine


def _gentler_slope(depth_mm: F32, axis: int) -> F32:
    """Return mm per pixel along an axis, over two pixels: one is less than a coarse data set's steps can show."""
    reach = _SLOPE_REACH_PX
    pad = [(0, 0), (0, 0)]
    pad[axis] = (reach, reach)
    padded = np.pad(depth_mm, pad, mode="edge")
    size = depth_mm.shape[axis]
    before, middle, after = (np.take(padded, range(at, at + size), axis=axis) for at in (0, reach, 2 * reach))
    ahead, behind = after - middle, middle - before
    gentler: F32 = np.where(np.abs(ahead) < np.abs(behind), ahead, behind) * np.float32(1 / reach)
    return gentler


def _shadowed(depth_mm: F32, view: View) -> NDArray[np.bool_]:
    """Return where something nearer stands between the lamp and the surface.

    Seen from the lamp a pixel's column is ``column - f * offset / depth``. What the lamp sees keeps the order of
    columns; a pixel that has been overtaken by one to its right is in the shadow. Beside an object that is slimmer than
    its shadow's way (10 px at 0.6 m before a wall at 1.4 m) the shadow comes out wider than it is.
    """
    from_lamp = np.arange(depth_mm.shape[1], dtype=np.float32) - np.float32(view.fx_px * LAMP_RIGHT_MM) / depth_mm
    overtaking = np.minimum.accumulate(from_lamp[:, ::-1], axis=1)[:, ::-1]
    return from_lamp > overtaking


def _add_room(phasors: C64, gloss: F32, way_mm: F32, room_mm: float) -> None:
    """Add, in place, the room behind the camera as a polished surface mirrors it: out by the mirror and back by it."""
    if gloss.any():
        far_mm = way_mm + np.float32(room_mm)
        mirrored: F32 = np.float32(_ROOM_REFLECTANCE) * (1000 * gloss / far_mm) ** 2
        phasors += _phasors(mirrored, far_mm)


def _add_hollows(phasors: C64, depth_mm: F32, there: NDArray[np.bool_], reflectance: F32, fx_px: float) -> None:
    """Make, in place, hollows a little deeper: light that comes to a pixel by its neighbours has gone a longer way.

    A pixel lies in a hollow as far as it is behind the mean of its surroundings; farther behind than they are wide, it
    is of another object.
    """
    around = cv2.blur(there.astype(np.float32), (_HOLLOW_PX, _HOLLOW_PX))
    mean_mm = cv2.blur(np.where(there, depth_mm, 0), (_HOLLOW_PX, _HOLLOW_PX)) / np.maximum(around, np.float32(1e-3))
    extent_mm = mean_mm * np.float32(_HOLLOW_PX / 2 / fx_px)
    depth_of_hollow = np.where(there, (depth_mm - mean_mm) / np.maximum(extent_mm, 1), 0)
    share = np.where((depth_of_hollow > 0) & (depth_of_hollow < 1), depth_of_hollow * reflectance * _HOLLOW_SHARE, 0)
    for band, wrap_mm in enumerate(WRAP_MM):
        phasors[band] *= 1 + share.astype(np.float32) * np.exp(extent_mm * np.complex64(1j * np.pi / wrap_mm))


def _through_lens(phasors: C64) -> C64:
    """Return what falls on the pixels: a little of each neighbour's light, and a haze of all that is around."""
    planes = np.ascontiguousarray(phasors.view(np.float32).reshape(*phasors.shape, 2).transpose(1, 2, 0, 3))
    planes = planes.reshape(*phasors.shape[1:], -1)
    edge = _NEIGHBOUR_LIGHT
    kernel = np.array([edge, 1 - 2 * edge, edge], np.float32)
    sharp = cv2.sepFilter2D(planes, -1, kernel, kernel, borderType=cv2.BORDER_REPLICATE)
    haze = cv2.blur(cv2.blur(planes, (_HAZE_PX, _HAZE_PX), borderType=cv2.BORDER_CONSTANT), (_HAZE_PX, _HAZE_PX))
    mixed = (1 - _HAZE) * sharp + _HAZE * haze
    bands = np.ascontiguousarray(mixed.reshape(*phasors.shape[1:], -1, 2).transpose(2, 0, 1, 3))
    return bands.view(np.complex64)[..., 0]
