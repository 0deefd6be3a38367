"""One frame in one light: an image, the depth behind it, and how the two lie to each other. Pure.

Says where in the image somebody may be, and which of several faces is meant; finds and judges none itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from kinect_unlock import light
from kinect_unlock.align import FaceDepth, align_face
from kinect_unlock.arrays import U8, U16
from kinect_unlock.errors import SourceError
from kinect_unlock.frames import Calibration, Frame
from kinect_unlock.observations import Box, Detection, Modality
from kinect_unlock.region import near_region
from kinect_unlock.settings import PoseRange

_RIVAL_AREA: Final = 0.35  # a second face so large beside the largest one ...
_RIVAL_DEPTH_MM: Final = 500.0  # ... and so near to it in depth might be meant as well
_BOX_MIDDLE: Final = 0.3  # of the box from each side: cheeks and nose, no background

_CONTRADICTION: Final = "the source's frames contradict its calibration"


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """What is looked at: ``image`` u8[H,W,3] of the calibration's colour camera, ``depth_mm`` u16[h,w].

    In infrared that camera is the depth camera itself, and both images share one grid.

    Raises:
        SourceError: the image or the depth is of another size than calibrated: pixels would be given other places'
            depth.
    """

    modality: Modality
    image: U8
    depth_mm: U16
    calibration: Calibration

    def __post_init__(self) -> None:
        color, depth = self.calibration.color, self.calibration.depth
        name = "colour" if self.modality is Modality.COLOR else "infrared"
        _require_size(name, self.image, (color.height_px, color.width_px))
        _require_size("depth", self.depth_mm, (depth.height_px, depth.width_px))

    @classmethod
    def in_color(cls, frame: Frame) -> "Sight | None":
        """Return a frame by the room's light, None if there is no measured depth behind it."""
        if frame.depth_mm is None or frame.calibration is None:
            return None
        return cls(Modality.COLOR, frame.color, frame.depth_mm, frame.calibration)

    def in_infrared(self, infrared: U16, limits: PoseRange) -> "Sight":
        """Return the same moment by the depth camera's own light, from its image u16[h,w]."""
        calibration = light.infrared_calibration(self.calibration)
        _require_size("infrared", infrared, self.depth_mm.shape)
        image = light.picture(infrared, self.depth_mm, calibration, limits)
        return Sight(Modality.INFRARED, image, self.depth_mm, calibration)

    def region(self, limits: PoseRange) -> Box | None:
        """Return the part of the image in which somebody near may be, None if nobody is in range."""
        return near_region(self.depth_mm, self.calibration, limits)

    def is_dark(self, limits: PoseRange) -> bool:
        """Say whether there is too little of the room's light to find a face on somebody who is near."""
        in_color = self.modality is Modality.COLOR
        return in_color and light.is_dark(self.image, self.depth_mm, self.calibration, limits)

    def depth_of(self, detection: Detection) -> FaceDepth:
        """Return the depth around a face."""
        return align_face(self.depth_mm, self.calibration, detection.box)

    def is_alone(self, meant: Detection, found: Sequence[Detection], depth: FaceDepth) -> bool:
        """Return False if a second face might be meant: about as large, and as near or of unknown depth."""
        large_px = _RIVAL_AREA * area_px(meant)
        rivals = [other for other in found if other is not meant and area_px(other) >= large_px]
        own_mm = _middle_mm(depth, meant)
        return all(
            abs(_middle_mm(self.depth_of(other), other) - own_mm) > _RIVAL_DEPTH_MM  # False for NaN
            for other in rivals
        )


def area_px(detection: Detection) -> float:
    """Return how much of the image a face's box covers."""
    return detection.box.width_px * detection.box.height_px


def _require_size(name: str, image: U8 | U16, expected: tuple[int, ...]) -> None:
    if image.shape[:2] != expected:
        raise SourceError(f"{_CONTRADICTION}: {name} image is {image.shape[:2]}, the calibration is for {expected}")


def _middle_mm(depth: FaceDepth, detection: Detection) -> float:
    """Return the median depth of the middle of a face's box; NaN without a reading."""
    box = detection.box
    corners = np.array(
        [
            (box.x_px + share * box.width_px, box.y_px + share * box.height_px)
            for share in (_BOX_MIDDLE, 1.0 - _BOX_MIDDLE)
        ]
    )
    (left, top), (right, bottom) = np.maximum(np.rint(depth.cells(corners)).astype(int), 0)
    middle = depth.depth_mm[top : bottom + 1, left : right + 1]
    readings = middle[middle > 0]
    return float(np.median(readings)) if readings.size else float("nan")
