"""People who are unit vectors, and what the camera says of them."""

from dataclasses import replace
from typing import Final

import numpy as np

from kinect_unlock.arrays import F32
from kinect_unlock.frames import Origin
from kinect_unlock.halves import Half
from kinect_unlock.observations import (
    Box,
    Cue,
    Detection,
    Embedding,
    Face,
    Figure,
    HeadPose,
    LivenessReport,
    Modality,
    Observation,
    Seen,
    Verdict,
)
from kinect_unlock.templates import Template, Views

DIM: Final = 16
LAYOUT: Final = (Half("rgb", 0, DIM, 1.0),)
BOTH: Final = (Half("rgb", 0, DIM, 0.7), Half("depth", DIM, 2 * DIM, 0.3))
SPACE: Final = "test-space/1"
OWNER: Final = 0
STRANGER: Final = 1
FRAME_MS: Final = 33


def vector_of(person: int, *, variant: int = 0, likeness: float = 0.9) -> F32:
    """Return a picture of a person: one axis each, and a part of its own for every variant."""
    vector = np.zeros(DIM, dtype=np.float32)
    vector[person] = likeness
    vector[4 + variant % (DIM - 4)] = np.sqrt(1.0 - likeness**2) * (1.0 + 1e-3 * (variant // (DIM - 4)))
    unit: F32 = (vector / np.linalg.norm(vector)).astype(np.float32)
    return unit


def both_of(color: int, depth: int, *, variant: int = 0, likeness: float = 0.9) -> F32:
    """Return an embedding of two halves: one person's colour on a face of another's relief."""
    parts = [
        np.sqrt(np.float32(half.share)) * vector_of(person, variant=variant, likeness=likeness)
        for half, person in zip(BOTH, (color, depth), strict=True)
    ]
    return np.concatenate(parts)


def template_of(
    person: int,
    user: str,
    *,
    origin: Origin = Origin.RECORDING,
    model_id: str = SPACE,
    photographs: bool = False,
    vectors: int = 2,
) -> Template:
    pose = None if photographs else HeadPose(700.0, 0.0, 0.0, 0.0)
    rows = np.stack([vector_of(person, variant=variant, likeness=0.98) for variant in range(vectors)])
    return Template(user, rows, (pose,) * vectors, model_id, origin, generation=1, enrolled_s=0)


def face_at(*, x_px: float = 300.0, distance_mm: float = 700.0, yaw_deg: float = 0.0, pitch_deg: float = 0.0) -> Face:
    box = Box(x_px, 200.0, 100.0, 120.0)
    detection = Detection(box, 0.9, np.zeros((5, 2), dtype=np.float32))
    return Face(detection, HeadPose(distance_mm, yaw_deg, pitch_deg, 0.0))


def seen_face(
    attempt: int,
    index: int,
    person: int,
    *,
    face: Face | None = None,
    variant: int | None = None,
    likeness: float = 0.9,
) -> Observation:
    """Return a live face in the index-th frame of a stream at 30 Hz."""
    embedding = Embedding(vector_of(person, variant=index if variant is None else variant, likeness=likeness), SPACE)
    return Observation(
        attempt,
        index,
        index * FRAME_MS * 1_000_000,
        Seen.FACE,
        face=face or face_at(),
        liveness=LivenessReport(Verdict.LIVE, (_cue(20.0 + index),)),
        embedding=embedding,
        stage_ms={"detect": 1.0 + index},
    )


def template_of_both(person: int, user: str, *, vectors: int = 2) -> Template:
    """Return a template of two halves, both of them a person's."""
    plain = template_of(person, user, vectors=vectors)
    rows = [both_of(person, person, variant=variant, likeness=0.98) for variant in range(vectors)]
    return replace(plain, vectors=np.stack(rows))


def seen_both(attempt: int, index: int, color: int, depth: int, *, distance_mm: float = 700.0) -> Observation:
    """Return a live face with one person's colour and another's relief."""
    seen = seen_face(attempt, index, color, face=face_at(distance_mm=distance_mm))
    return replace(seen, embedding=Embedding(both_of(color, depth, variant=index), SPACE))


def in_infrared(observation: Observation) -> Observation:
    """Return the same, seen by the depth camera's own light."""
    return replace(observation, modality=Modality.INFRARED)


def with_infrared(template: Template, person: int, *, vectors: int = 2) -> Template:
    """Return a template with views in infrared too, whosoever they are."""
    other = template_of(person, template.user, vectors=vectors)
    return replace(template, infrared=Views(other.vectors, other.poses))


def seen_spoof(attempt: int, index: int, *, face: Face | None = None) -> Observation:
    report = LivenessReport(Verdict.SPOOF, (_cue(1.0 + index * 1e-3),))
    return Observation(
        attempt, index, index * FRAME_MS * 1_000_000, Seen.SPOOF, face=face or face_at(), liveness=report
    )


def seen_other(attempt: int, index: int, seen: Seen) -> Observation:
    """Return a frame that nobody can be judged by."""
    face = None if seen in {Seen.NO_FACE, Seen.DARK, Seen.MANY_FACES} else face_at()
    return Observation(attempt, index, index * FRAME_MS * 1_000_000, seen, face=face)


def seen_figures(attempt: int, index: int, *figures: Figure) -> Observation:
    """Return what depth alone shows in the index-th frame of a stream at 30 Hz."""
    at_ns = index * FRAME_MS * 1_000_000
    return Observation(attempt, index, at_ns, Seen.NO_FACE, somebody=bool(figures), figures=figures)


def _cue(value: float) -> Cue:
    return Cue("relief", "mm", value, 8.0, 60.0)
