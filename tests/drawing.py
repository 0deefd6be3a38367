"""A drawn face that is nobody's: the detector takes it for one, so tests need no photograph."""

import cv2
import numpy as np

from kinect_unlock.arrays import U8

_HAIR, _SKIN, _CHEEK, _WHITE = (50, 35, 25), (215, 170, 145), (225, 160, 140), (245, 245, 245)
_DARK, _SHADE, _LIGHT, _LIPS = (60, 40, 30), (205, 155, 130), (225, 185, 160), (170, 80, 80)
# x, y, half width, half height in units of a face 200 high, from its middle; later ones cover earlier ones
_MIDDLE = (
    (0, -25, 82, 105, _HAIR),
    (0, 110, 40, 50, _SHADE),
    (0, 0, 70, 95, _SKIN),
    (0, -75, 60, 30, _HAIR),
)
_SIDES = (
    (28, -15, 14, 7, _WHITE),
    (28, -15, 6, 6, _DARK),
    (28, -34, 17, 4, _DARK),
    (35, 25, 16, 14, _CHEEK),
    (7, 22, 4, 3, _SHADE),
)
_FRONT = (
    (0, 8, 8, 24, _LIGHT),
    (0, 18, 13, 8, _SHADE),
    (0, 50, 24, 8, _LIPS),
    (0, 49, 22, 2, _DARK),
)
EYES_ABOVE_MIDDLE = 15 / 200  # of the face's height
EYES_APART = 56 / 200
MOUTH_BELOW_MIDDLE = 50 / 200


def drawn_face(*, image: tuple[int, int], middle: tuple[int, int], height_px: int) -> U8:
    """Return an RGB image u8[H,W,3] of ``image`` (width, height) with one face."""
    canvas = np.full((image[1], image[0], 3), (90, 110, 130), np.uint8)
    mirrored = tuple((-x, y, a, b, color) for x, y, a, b, color in _SIDES)
    unit = height_px / 200
    for x, y, a, b, color in (*_MIDDLE, *_SIDES, *mirrored, *_FRONT):
        centre = (round(middle[0] + x * unit), round(middle[1] + y * unit))
        axes = (max(1, round(a * unit)), max(1, round(b * unit)))
        cv2.ellipse(canvas, centre, axes, 0, 0, 360, color, -1, cv2.LINE_AA)
    return cv2.GaussianBlur(canvas, (0, 0), max(0.3, 1.2 * unit)).astype(np.uint8)
