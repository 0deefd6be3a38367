"""What there is to see by: whether colour shows too little of somebody, and infrared as a picture. Pure.

Measured is what depth says that somebody is, and nothing around it: a lamp or a window behind a person does not make
them any easier to find, and a black wall no harder.
"""

from typing import Final

import cv2
import numpy as np

from kinect_unlock.arrays import U8, U16
from kinect_unlock.frames import Calibration, Registered
from kinect_unlock.region import near_pixels
from kinect_unlock.settings import PoseRange

# Of somebody's pixels in colour, the brightest but one in twenty: grey levels, 0..255. Chosen on the tune half of real
# Kinect faces, dimmed by calculation (`lab darkness`): of 1427 faces missed in less light 1415 lie below, of 325 in the
# light that they were taken in, or in half of it, none (the darkest 34.2 and 17.5). Of the report half 1195 of 1202 and
# none of 291. The data show faces only: nothing is known of people who look away, all hair and clothes.
DARK_BELOW: Final = 16.0
_BRIGHT_PERCENT: Final = 95.0
_LUMA: Final = np.array((0.299, 0.587, 0.114), np.float32)  # ITU-R BT.601
_WHITE_PERCENT: Final = 99.0
_U8_MAX: Final = 255.0
_U16_LEVELS: Final = 65_536


def brightness(color: U8, depth_mm: U16, calibration: Calibration, limits: PoseRange) -> float:
    """Return how bright the colour image u8[H,W,3] shows those who are near, 0..255; NaN where it shows nobody."""
    shown = color[near_pixels(depth_mm, calibration, limits)]
    return float(np.percentile(shown @ _LUMA, _BRIGHT_PERCENT)) if len(shown) else float("nan")


def is_dark(color: U8, depth_mm: U16, calibration: Calibration, limits: PoseRange) -> bool:
    """Say whether somebody is near whom there is too little light to find a face on; False where nobody is shown."""
    return brightness(color, depth_mm, calibration, limits) < DARK_BELOW


def infrared_calibration(calibration: Calibration) -> Calibration:
    """Return how infrared and depth lie to each other: one camera took both."""
    return Calibration(calibration.depth, calibration.depth, Registered())


def picture(infrared: U16, depth_mm: U16, calibration: Calibration, limits: PoseRange) -> U8:
    """Return an infrared image u16[h,w] as a photograph in greys: three equal planes u8[h,w,3].

    ``calibration`` is an `infrared_calibration`. The camera's numbers grow with what comes back of its own light, which
    falls with the square of the distance, and end at 65535 for what is very near. White is therefore no constant
    (Microsoft's InfraredBasics takes 0.24 of full scale, three times the mean of its scene), but what the brightest of
    those who are near sends back, one pixel in a hundred left out. Levels are square roots, as photographs are
    gamma-encoded and these numbers are not.
    """
    near = infrared[near_pixels(depth_mm, calibration, limits)]
    white = float(np.percentile(near, _WHITE_PERCENT)) if len(near) else 0.0
    grey_of = np.sqrt(np.minimum(np.arange(_U16_LEVELS) / max(white, 1.0), 1.0)) * _U8_MAX
    grey = np.rint(grey_of).astype(np.uint8)[infrared]
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB).astype(np.uint8, copy=False)
