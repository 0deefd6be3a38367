"""What an enrolment collects: the pose each stage asks for, and whether the samples are one person's. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from kinect_unlock.arrays import F32
from kinect_unlock.clock import NS_PER_MS
from kinect_unlock.halves import Half, half_vectors
from kinect_unlock.matching import half_scores, mean_of_halves, mean_vector
from kinect_unlock.observations import HeadPose
from kinect_unlock.settings import PoseRange, Stage
from kinect_unlock.templates import Template, Views

# Left and right, up and down are the image's: the nose points to the picture's left in stage `left`. On a source that
# delivers a mirrored picture, as libfreenect2 does, that is also the person's own left.
_STRAIGHT_DEG: Final = 12.0
_TURNED_DEG: Final = 10.0
_NODDED_DEG: Final = 8.0
_OTHER_AXIS_DEG: Final = 20.0
_ANY_DEG: Final = 90.0
_AHEAD: Final = (-_STRAIGHT_DEG, _STRAIGHT_DEG)
_ACROSS: Final = (-_OTHER_AXIS_DEG, _OTHER_AXIS_DEG)
_FULL: Final = (-_ANY_DEG, _ANY_DEG)
# Yaw and pitch of each stage that asks for an angle.
_ANGLES: Final[dict[Stage, tuple[tuple[float, float], tuple[float, float]]]] = {
    "straight": (_AHEAD, _AHEAD),
    "left": ((-_ANY_DEG, -_TURNED_DEG), _ACROSS),
    "right": ((_TURNED_DEG, _ANY_DEG), _ACROSS),
    "up": (_ACROSS, (_NODDED_DEG, _ANY_DEG)),
    "down": (_ACROSS, (-_ANY_DEG, -_NODDED_DEG)),
    "any": (_FULL, _FULL),
}
# Two samples closer in time, or as alike as this (cosine), are one sample twice.
_LEAST_GAP_MS: Final = 100
_IDENTICAL_COSINE: Final = 1.0 - 1e-6


@dataclass(frozen=True, slots=True)
class Band:
    """The poses one stage takes: closed intervals, degrees signed as in `HeadPose`."""

    yaw_deg: tuple[float, float]
    pitch_deg: tuple[float, float]
    distance_mm: tuple[float, float]

    def holds(self, pose: HeadPose) -> bool:
        """Say whether a pose lies within; one that is not a number does not."""
        return (
            self.yaw_deg[0] <= pose.yaw_deg <= self.yaw_deg[1]
            and self.pitch_deg[0] <= pose.pitch_deg <= self.pitch_deg[1]
            and self.distance_mm[0] <= pose.distance_mm <= self.distance_mm[1]
        )


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Sample:
    """One accepted frame of an enrolment; ``infrared`` is its embedding in that light, None where it has none."""

    vector: F32
    pose: HeadPose
    captured_ns: int
    infrared: F32 | None = None


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike somebody is to another enrolled user (cosine)."""

    user: str
    score: float


def band_of(stage: Stage, within: PoseRange) -> Band:
    """Return the poses that a stage takes out of the enrolment's whole range.

    straight: yaw and pitch within 12 degrees. left, right: yaw beyond 10 degrees to that side of the image, pitch
    within 20. up, down: pitch beyond 8 degrees, yaw within 20. near, far: the nearest and the farthest third of the
    range of distances. any: everything.
    """
    near_mm, far_mm = within.near_mm, within.far_mm
    third_mm = (far_mm - near_mm) / 3
    if stage == "near":
        return Band(_ACROSS, _ACROSS, (near_mm, near_mm + third_mm))
    if stage == "far":
        return Band(_ACROSS, _ACROSS, (far_mm - third_mm, far_mm))
    yaw_deg, pitch_deg = _ANGLES[stage]
    return Band(yaw_deg, pitch_deg, (near_mm, far_mm))


def is_new(sample: Sample, earlier: Sequence[Sample]) -> bool:
    """Say whether a sample adds anything: some time after the last one, and identical to none."""
    if earlier and sample.captured_ns - earlier[-1].captured_ns < _LEAST_GAP_MS * NS_PER_MS:
        return False
    return all(float(np.dot(sample.vector, other.vector)) < _IDENTICAL_COSINE for other in earlier)


def worst_cosine(embeddings: Sequence[F32], halves: Sequence[Half]) -> float:
    """Return the least cosine of any embedding to the mean of all, or to the mean of those taken before it.

    Of their first half, the one that says who it is; ``halves`` is their layout.

    The second finds who took over half-way: two people in equal parts are both near the mean of all (0.7), but the
    first sample of the second person is far from everything before it. On 84 people's Kinect captures within the
    enrolment's range and with a bar of 0.35 it costs 1.5 % of honest enrolments of three; of those that a second person
    took over half-way (three and three) 0.7 % pass, where the mean of all alone lets nearly every one pass. NaN when
    there is no mean.
    """
    vectors = list(half_vectors(np.stack(embeddings), halves)[halves[0].name])
    worst = 1.0
    try:
        mean = mean_vector(vectors)
        for index, vector in enumerate(vectors):
            before = mean_vector(vectors[:index]) if index else vector
            worst = min(worst, float(np.dot(vector, mean)), float(np.dot(vector, before)))
    except ValueError:
        return math.nan
    return worst


def views_in_infrared(samples: Sequence[Sample], *, per_stage: int) -> Views | None:
    """Return what was taken in infrared beside the samples; None unless every stage of ``per_stage`` has some of it."""
    stages = [samples[begin : begin + per_stage] for begin in range(0, len(samples), per_stage)]
    taken = [[(sample.infrared, sample.pose) for sample in stage if sample.infrared is not None] for stage in stages]
    if not taken or not all(taken):
        return None
    vectors, poses = zip(*(pair for pairs in taken for pair in pairs), strict=True)
    return Views(np.stack(vectors), poses)


def nearest_other(samples: Sequence[Sample], others: Sequence[Template], halves: Sequence[Half]) -> Likeness | None:
    """Return the other user that the samples' mean is most alike to by the first half, None when there is no other.

    Raises:
        ValueError: the samples cancel each other out; `worst_cosine` finds that first.
    """
    mean, first = mean_of_halves([sample.vector for sample in samples], halves), halves[0].name
    found = [Likeness(other.user, half_scores(mean, other, "nearest", halves).of(first)) for other in others]
    return max(found, key=lambda likeness: likeness.score, default=None)
