"""What one look at a frame showed, fit to be shown to a person: an `Observation` without its embedding.

It has a form in JSON (msgspec's), so that it can be told to a viewer in another process; an embedding never is.
"""

from dataclasses import replace
from typing import Annotated, TypeAlias

import numpy as np
from msgspec import Meta, Struct

from kinect_unlock.observations import (
    LANDMARKS,
    Box,
    Cue,
    DepthFit,
    Face,
    HeadPose,
    Modality,
    Observation,
    Seen,
    Verdict,
)

_Point: TypeAlias = tuple[float, float]  # x, y in pixels of the image that was looked at


class ShownFace(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a face is and how it is turned; landmarks in the order of `observations.Detection`."""

    box: Box
    landmarks_px: Annotated[tuple[_Point, ...], Meta(min_length=LANDMARKS, max_length=LANDMARKS)]
    pose: HeadPose


class Look(Struct, frozen=True, forbid_unknown_fields=True):
    """What the pipeline says of one frame; ``verdict`` None: liveness was not asked.

    The face's pixels are the colour image's, or in infrared the infrared image's, which has the depth image's grid.
    """

    seen: Seen
    modality: Modality = Modality.COLOR
    face: ShownFace | None = None
    verdict: Verdict | None = None
    cues: tuple[Cue, ...] = ()
    depth_fit: DepthFit | None = None
    stage_ms: dict[str, float] = {}


def look_of(observation: Observation) -> Look:
    """Return what may be shown of an observation."""
    report, fit = observation.liveness, observation.depth_fit
    return Look(
        seen=observation.seen,
        modality=observation.modality,
        face=None if observation.face is None else _shown(observation.face),
        verdict=None if report is None else report.verdict,
        cues=() if report is None else tuple(_plain(cue) for cue in report.cues),
        depth_fit=None if fit is None else DepthFit(float(fit.fit_mm), float(fit.coverage)),
        stage_ms=dict(observation.stage_ms),
    )


def _shown(face: Face) -> ShownFace | None:
    """Return a face as numbers; None where one of them is none, for it could neither be drawn nor told."""
    box, pose = face.detection.box, face.pose
    landmarks = tuple((float(x), float(y)) for x, y in face.detection.landmarks_px)
    numbers = (
        *(box.x_px, box.y_px, box.width_px, box.height_px),
        *(pose.distance_mm, pose.yaw_deg, pose.pitch_deg, pose.roll_deg),
        *(number for point in landmarks for number in point),
    )
    if not np.isfinite(numbers).all():
        return None
    return ShownFace(Box(*map(float, numbers[:4])), landmarks, HeadPose(*map(float, numbers[4:8])))


def _plain(cue: Cue) -> Cue:
    """Return a cue whose value is Python's own number: numpy's cannot be told."""
    return cue if cue.value is None else replace(cue, value=float(cue.value))
