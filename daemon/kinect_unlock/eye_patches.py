"""Both eyes of a face as small grey pictures that lie alike: what tells whether they are open looks at these."""

from typing import Final

import cv2
import numpy as np

from kinect_unlock.arrays import F32, F64, U8
from kinect_unlock.crop import TEMPLATE_PX, similarity
from kinect_unlock.observations import Detection

PATCH_PX: Final = (32, 40)  # rows, columns: with 48 pixels from eye to eye 42 by 53 mm, for landmarks are 6 mm off
_EYE_TO_EYE_PX: Final = 48.0
_DENSER: Final = 2  # cut so much finer, then averaged: the camera's own pixels are finer still where a face is near


def eye_patches(image: U8, detection: Detection) -> F32:
    """Cut both eyes out of an image u8[H,W,3]: f32[2,1,32,40], grey 0..255, image-left first, the other mirrored.

    Size and turn are the whole face's, by its five landmarks. Raises ValueError if they coincide.
    """
    template = float(np.linalg.norm(TEMPLATE_PX[1] - TEMPLATE_PX[0]))
    linear = similarity(detection.landmarks_px)[:, :2] * (_DENSER * _EYE_TO_EYE_PX / template)
    mirrored = linear * np.array(((-1.0,), (1.0,)))
    left, right, *_ = detection.landmarks_px.astype(np.float64)
    return np.stack([_patch(image, linear, left), _patch(image, mirrored, right)])[:, np.newaxis]


def _patch(image: U8, linear: F64, eye_px: F64) -> F32:
    """Cut out what lies around one eye, f32[32,40]; beyond the image its edge goes on."""
    rows, columns = PATCH_PX
    size = (columns * _DENSER, rows * _DENSER)
    middle = (np.array(size) - 1) / 2
    transform = np.column_stack((linear, middle - linear @ eye_px))
    dense = cv2.warpAffine(image, transform, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    grey = cv2.resize(cv2.cvtColor(dense, cv2.COLOR_RGB2GRAY), (columns, rows), interpolation=cv2.INTER_AREA)
    return np.asarray(grey, np.float32)
