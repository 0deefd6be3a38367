"""Does somebody attend to the screen? Measured beside liveness, as cues of the same report.

off_axis_deg        angle between where the face points and the line from it to the camera; no say. Of 121 looks at 54
                    people who faced the camera the largest is 24 degrees (median 7, one in twenty above 18); within
                    the verify range, which already ends at yaw 30 and pitch 25, it cannot pass 38, and of 181 looks
                    none passes 33. A bound of 25 would refuse none of the former, 13 of the latter.
eyes_open           how open the eyes are, 0..1, as a small network says; no say: it calls one honest face in 25 shut at
                    0.2 and one in six at 0.5, and what it misses is not measured on real eyes (models/eyes.md).

The angle is to the camera, and a screen may stand beside or below it: at 0.7 m a screen whose middle is 0.25 m below
the camera is 20 degrees off. So a bound that is right for one desk is wrong for the next.

A frame out of a bound that somebody sets for these is a spoof like any other: it counts against the person.
"""

import numpy as np

from kinect_unlock.liveness import bounded
from kinect_unlock.observations import Cue
from kinect_unlock.pose import Placement
from kinect_unlock.settings import Liveness


def attention_cues(placement: Placement, eyes_open: float | None, bounds: Liveness) -> tuple[Cue, ...]:
    """Put what shows that somebody attends against its bounds; ``eyes_open`` None: nobody looked at the eyes."""
    return (
        bounded("off_axis_deg", "deg", off_axis_deg(placement), bounds.off_axis_deg),
        bounded("eyes_open", "share", eyes_open, bounds.eyes_open),
    )


def off_axis_deg(placement: Placement) -> float:
    """Return the angle between the face's normal and the line from the face to the camera, 0..180.

    It is measured in space: a face at the image's edge that looks into the lens has none, whatever side it shows.
    """
    normal, to_camera = -placement.rotation[:, 2], -placement.origin_mm
    sine, cosine = np.linalg.norm(np.cross(normal, to_camera)), normal @ to_camera
    return float(np.degrees(np.arctan2(sine, cosine)))
