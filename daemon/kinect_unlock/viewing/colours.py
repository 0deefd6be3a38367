"""The colours of the picture, and how millimetres and brightness become colours.

State colours are Okabe and Ito's, which people with any colour blindness can tell apart, and never stand alone: a
word or a mark says the same. Depth wears viridis, whose brightness rises evenly, so that it reads without hue too.
"""

from functools import cache
from typing import Final, TypeAlias

import cv2
import numpy as np

from kinect_unlock.arrays import F64, U8, U16, read_only
from kinect_unlock.observations import Seen, Verdict

Colour: TypeAlias = tuple[int, int, int]  # red, green, blue, 0..255

PAPER: Final[Colour] = (17, 20, 25)
CARD: Final[Colour] = (28, 32, 39)
TRACK: Final[Colour] = (55, 62, 73)
FAINT: Final[Colour] = (140, 149, 161)
INK: Final[Colour] = (232, 236, 241)
GOOD: Final[Colour] = (0, 190, 140)  # bluish green
BAD: Final[Colour] = (240, 110, 30)  # vermilion
CARE: Final[Colour] = (240, 228, 66)  # yellow
PLAIN: Final[Colour] = (86, 180, 233)  # sky blue
THIRD: Final[Colour] = (204, 121, 167)  # reddish purple

NO_READING: Final[Colour] = (43, 43, 47)
NEAREST_MM: Final = 500.0  # what a Kinect v2 reads at the nearest and, by its driver's default, farthest
FARTHEST_MM: Final = 4500.0
RELIEF_MM: Final = 60.0  # a head from nose to ears is about that deep to both sides of its middle
OFFSET_MM: Final = 15.0  # a nose stands so far off the best plane; the readings' noise is a tenth of it
_BEHIND: Final[Colour] = (0, 92, 158)
_BEFORE: Final[Colour] = (196, 84, 0)
_ON_SHAPE: Final = 242.0  # of all three colours
SCALE_TICKS_MM: Final = (500, 600, 700, 800, 1000, 1300, 2000, 4500)
_BRIGHTEST_PERCENTILE: Final = 99.5  # of the infrared readings: a lamp in the picture must not darken the rest

_OF_SEEN: Final = {Seen.FACE: GOOD, Seen.SPOOF: BAD, Seen.NO_FACE: FAINT}
_OF_VERDICT: Final = {Verdict.LIVE: GOOD, Verdict.SPOOF: BAD, Verdict.UNSURE: CARE}


def colour_of_seen(seen: Seen) -> Colour:
    """Return the colour of what a frame showed: yellow for whatever a person can mend."""
    return _OF_SEEN.get(seen, CARE)


def colour_of_verdict(verdict: Verdict) -> Colour:
    """Return the colour of a verdict."""
    return _OF_VERDICT[verdict]


def scale_place(depth_mm: F64 | float) -> F64:
    """Return where depths stand on the scale, 0 nearest to 1 farthest.

    The scale is even in 1/z, as a stereo pair's disparity is: half of it is for what stands before 0.9 m, where faces
    are, and they keep their relief in a picture that shows the wall as well.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        place = (1 / NEAREST_MM - 1 / np.asarray(depth_mm, np.float64)) / (1 / NEAREST_MM - 1 / FARTHEST_MM)
    return np.asarray(np.clip(place, 0.0, 1.0), np.float64)


def depth_picture(depth_mm: U16) -> U8:
    """Return a depth image u16[h,w] in colours u8[h,w,3]; where nothing was read, `NO_READING`."""
    return _colour_table()[depth_mm]


def relief_picture(depth_mm: U16, middle_mm: float) -> U8:
    """Return a part of a depth image u16[h,w] on a scale of its own, `RELIEF_MM` to both sides of a depth."""
    place = np.clip((depth_mm.astype(np.float64) - middle_mm) / (2 * RELIEF_MM) + 0.5, 0.0, 1.0)
    picture = _ramp()[np.rint(place * 255).astype(np.intp)]
    picture[depth_mm == 0] = NO_READING
    return picture


def offset_picture(offset_mm: F64) -> U8:
    """Return distances from a shape f64[h,w] in colours u8[h,w,3], blue behind it, orange before it; NaN: no reading.

    Both ends are of Okabe and Ito's colours and about equally dark, so that the middle, where nothing stands off, is
    the brightest: how far off reads without hue too.
    """
    share = np.clip(np.nan_to_num(offset_mm) / OFFSET_MM, -1.0, 1.0)[..., np.newaxis]
    ends = np.where(share < 0, np.array(_BEHIND, np.float64), np.array(_BEFORE, np.float64))
    picture = np.rint(_ON_SHAPE + np.abs(share) * (ends - _ON_SHAPE)).astype(np.uint8)
    picture[np.isnan(offset_mm)] = NO_READING
    return picture


def offset_strip(width_px: int, height_px: int) -> U8:
    """Return that scale as a strip u8[height,width,3], what is farthest behind on the left."""
    row = np.linspace(-OFFSET_MM, OFFSET_MM, width_px)
    return offset_picture(np.ascontiguousarray(np.broadcast_to(row, (height_px, width_px))))


def infrared_picture(infrared: U16) -> U8:
    """Return an infrared image u16[h,w] as grey u8[h,w,3], by the square root of its brightness."""
    brightest = max(1.0, float(np.percentile(infrared, _BRIGHTEST_PERCENTILE)))
    grey = np.sqrt(np.minimum(infrared.astype(np.float32) / np.float32(brightest), 1.0)) * 255
    return np.repeat(grey.astype(np.uint8)[..., np.newaxis], 3, axis=2)


def scale_strip(width_px: int, height_px: int) -> U8:
    """Return the scale itself as a strip u8[height,width,3], nearest on the left."""
    row = _ramp()[np.rint(np.linspace(0, 255, width_px)).astype(np.intp)]
    return np.ascontiguousarray(np.broadcast_to(row, (height_px, width_px, 3)))


def _ramp() -> U8:
    """Return the colour map u8[256,3], nearest (bright) first."""
    bgr = cv2.applyColorMap(np.arange(255, -1, -1, dtype=np.uint8)[:, np.newaxis], cv2.COLORMAP_VIRIDIS)
    return np.asarray(bgr[:, 0, ::-1], np.uint8)


@cache
def _colour_table() -> U8:
    """Return a colour u8[65536,3] for every reading that there can be."""
    table = _ramp()[np.rint(scale_place(np.arange(1 << 16, dtype=np.float64)) * 255).astype(np.intp)]
    table[0] = NO_READING
    return read_only(table)
