"""A sheet to draw on: smooth shapes by OpenCV, letters by Pillow in the font that it ships (Aileron, CC0).

Shapes are drawn at once, letters all together at the end: turning the array into Pillow's image costs more than any
text. The font has few signs beyond ASCII, the degree sign among them.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kinect_unlock.arrays import U8, read_only
from kinect_unlock.errors import ConfigError
from kinect_unlock.viewing.colours import Colour

Point: TypeAlias = tuple[float, float]
Align: TypeAlias = Literal["left", "middle", "right"]

_ANCHORS: Final = {"left": "lm", "middle": "mm", "right": "rm"}  # Pillow's: all centred on the line's height
_FARTHEST_PX: Final = 10_000.0  # a line that leaves the sheet ends there: OpenCV counts in 32 bits
_SHIFT: Final = 4  # cv2 takes places in sixteenths of a pixel


@dataclass(frozen=True, slots=True)
class Rect:
    """A place on the sheet in whole pixels."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first column beyond it."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The first row beyond it."""
        return self.y + self.height

    @property
    def middle(self) -> Point:
        """Its centre."""
        return (self.x + self.width / 2, self.y + self.height / 2)


@dataclass(frozen=True, slots=True)
class _Letters:
    text: str
    at: Point
    size_px: int
    colour: Colour
    align: Align
    bold: bool


class Canvas:
    """A picture being drawn; `finished` gives it away."""

    def __init__(self, width: int, height: int, paper: Colour) -> None:
        self.pixels: U8 = _blank(width, height, paper).copy()
        self._letters: list[_Letters] = []

    def paste(self, picture: U8, at: Rect) -> None:
        """Lay a picture u8[h,w,3] of the place's size down."""
        self.pixels[at.y : at.bottom, at.x : at.right] = picture

    def box(self, at: Rect, colour: Colour, *, radius: int = 0) -> None:
        """Fill a rectangle, with rounded corners if asked."""
        right, bottom = at.right - 1, at.bottom - 1
        if radius <= 0 or at.width <= 2 * radius or at.height <= 2 * radius:
            cv2.rectangle(self.pixels, (at.x, at.y), (right, bottom), colour, cv2.FILLED)
            return
        cv2.rectangle(self.pixels, (at.x + radius, at.y), (right - radius, bottom), colour, cv2.FILLED)
        cv2.rectangle(self.pixels, (at.x, at.y + radius), (right, bottom - radius), colour, cv2.FILLED)
        for x in (at.x + radius, right - radius):
            for y in (at.y + radius, bottom - radius):
                cv2.circle(self.pixels, (x, y), radius, colour, cv2.FILLED, cv2.LINE_AA)

    def frame(self, at: Rect, colour: Colour, width_px: int = 2) -> None:
        """Draw a rectangle's edge."""
        cv2.rectangle(self.pixels, (at.x, at.y), (at.right - 1, at.bottom - 1), colour, width_px, cv2.LINE_AA)

    def line(self, start: Point, end: Point, colour: Colour, width_px: int = 2) -> None:
        """Draw a straight line."""
        cv2.line(self.pixels, _fixed(start), _fixed(end), colour, width_px, cv2.LINE_AA, _SHIFT)

    def dot(self, at: Point, radius_px: float, colour: Colour) -> None:
        """Draw a filled circle."""
        radius = round(radius_px * (1 << _SHIFT))
        cv2.circle(self.pixels, _fixed(at), radius, colour, cv2.FILLED, cv2.LINE_AA, _SHIFT)

    def arrow(self, start: Point, end: Point, colour: Colour, width_px: int = 2) -> None:
        """Draw a line with a head, in a dark outline that keeps it readable on any picture."""
        for shade, extra in (((0, 0, 0), 2), (colour, 0)):
            self.line(start, end, shade, width_px + extra)
            self.dot(end, 3.5 + extra / 2, shade)

    def tick(self, at: Point, colour: Colour) -> None:
        """Draw the mark of what held."""
        x, y = at
        self.line((x - 6, y), (x - 2, y + 5), colour, 2)
        self.line((x - 2, y + 5), (x + 6, y - 5), colour, 2)

    def cross(self, at: Point, colour: Colour) -> None:
        """Draw the mark of what did not hold."""
        x, y = at
        self.line((x - 5, y - 5), (x + 5, y + 5), colour, 2)
        self.line((x - 5, y + 5), (x + 5, y - 5), colour, 2)

    def text(
        self, text: str, at: Point, size_px: int, colour: Colour, *, align: Align = "left", bold: bool = False
    ) -> None:
        """Write one line, centred on the height of ``at``."""
        self._letters.append(_Letters(text, at, size_px, colour, align, bold))

    def finished(self) -> U8:
        """Return the picture u8[h,w,3] with all its letters."""
        sheet = Image.fromarray(self.pixels)
        pen = ImageDraw.Draw(sheet)
        for letters in self._letters:
            pen.text(
                letters.at,
                letters.text,
                fill=letters.colour,
                font=_font(letters.size_px),
                anchor=_ANCHORS[letters.align],
                stroke_width=0.4 if letters.bold else 0,
            )
        return np.asarray(sheet, np.uint8)


def text_width(text: str, size_px: int) -> int:
    """Return how wide a line becomes."""
    return round(_font(size_px).getlength(text))


def shortened(text: str, size_px: int, width_px: int) -> str:
    """Return a text that fits a width, its middle left out where it must be."""
    if text_width(text, size_px) <= width_px:
        return text
    for kept in range(len(text) - 1, 1, -1):
        head = kept // 2
        candidate = f"{text[:head]}…{text[len(text) - (kept - head) :]}"
        if text_width(candidate, size_px) <= width_px:
            return candidate
    return "…"


def wrapped(text: str, size_px: int, width_px: int) -> list[str]:
    """Return a text in lines that fit a width; a word that is wider is shortened."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size_px) <= width_px:
            lines[-1] = longer
        else:
            lines.append(shortened(word, size_px, width_px))
    return lines


def _fixed(point: Point) -> tuple[int, int]:
    x, y = (round(min(max(at, -_FARTHEST_PX), _FARTHEST_PX) * (1 << _SHIFT)) for at in point)
    return (x, y)


@lru_cache(maxsize=1)
def _blank(width: int, height: int, paper: Colour) -> U8:
    """Return an empty sheet; filling one anew takes ten times as long as copying it."""
    return read_only(np.full((height, width, 3), paper, np.uint8))


@lru_cache(maxsize=16)
def _font(size_px: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size_px)
    if not isinstance(font, ImageFont.FreeTypeFont):  # a Pillow built without FreeType has one bitmap font only
        raise ConfigError("Pillow was built without FreeType and cannot draw letters; install Pillow's own wheel")
    return font
