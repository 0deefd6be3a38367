"""Presentations to liveness: real faces of the development data and simulated prints made of them, one frame each."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import hypot
from typing import Final

import numpy as np

from kinect_unlock.align import align_face
from kinect_unlock.crop import DepthChannel, face_tensor
from kinect_unlock.frames import Detection, Face, Frame, HeadPose, LivenessReport, Verdict
from kinect_unlock.liveness import assess
from kinect_unlock.pipeline import FaceDetector
from kinect_unlock.pose import head_pose
from kinect_unlock.settings import Liveness
from kinect_unlock_lab.attacks import Print, Shape, Victim, present
from kinect_unlock_lab.datasets import Sample

RADII_MM: Final = (60.0, 80.0, 100.0, 130.0, 180.0, 300.0)
AXES_DEG: Final = (0.0, 22.5, 45.0, 67.5, 90.0, 135.0)
FOLDS_DEG: Final = (15.0, 30.0, 45.0)
_NEAREST_MM: Final = 550.0
_FARTHEST_MM: Final = 1350.0
_TILT_DEG: Final = 40.0
_INK_MM: Final = (0.0, 0.0, 4.0, 8.0)


@dataclass(frozen=True, slots=True)
class Look:
    """One face in one frame, measured."""

    pose: HeadPose
    detection: Detection
    report: LivenessReport

    @property
    def live(self) -> bool:
        """True if nothing was held against it."""
        return self.report.verdict is Verdict.LIVE

    @property
    def refused_by(self) -> tuple[str, ...]:
        """Names of the enforced cues that do not hold."""
        return tuple(cue.name for cue in self.report.cues if cue.enforced and not cue.holds)

    @property
    def turn_deg(self) -> float:
        """Angle between the look and the camera, near enough for bands."""
        return hypot(self.pose.yaw_deg, self.pose.pitch_deg)


@dataclass(frozen=True, slots=True)
class Genuine:
    """A real face within the pose range."""

    sample: Sample
    look: Look

    @property
    def person(self) -> str:
        """Whose face it is."""
        return self.sample.person


@dataclass(frozen=True, slots=True)
class Attack:
    """A simulated print before the camera; ``look`` None: no face or no pose was found, so nothing could open."""

    person: str
    sheet: Print
    look: Look | None

    @property
    def accepted(self) -> bool:
        """True if liveness took it for a face, whatever its pose."""
        return self.look is not None and self.look.live

    @property
    def refused_by(self) -> tuple[str, ...]:
        """Names of the enforced cues that stop it; empty without a look."""
        return self.look.refused_by if self.look else ()


def examine(frame: Frame, detector: FaceDetector, bounds: Liveness) -> Look | str:
    """Measure the best face of a frame; the word "face" or "pose" says what is missing."""
    found = detector.detect(frame.color)
    if not found or frame.depth_mm is None or frame.calibration is None:
        return "face"
    depth = align_face(frame.depth_mm, frame.calibration, found[0].box)
    pose = head_pose(found[0], depth, frame.calibration)
    if pose is None:
        return "pose"
    tensor = face_tensor(frame.color, found[0], depth, contract=DepthChannel.REGISTERED)
    return Look(pose, found[0], assess(Face(found[0], pose), depth, tensor, frame.calibration, bounds))


def attacks_on(genuine: Genuine, detector: FaceDetector, bounds: Liveness) -> Iterator[Attack]:
    """Make every instrument of one person's face and present each once; the same at every run."""
    person = genuine.sample.person
    rng = np.random.default_rng(zlib.crc32(person.encode()))
    points = genuine.look.detection.landmarks_px
    x, y = (points[:2].mean(axis=0) + points[3:].mean(axis=0)) / 2
    victim = Victim(genuine.sample.frame(), (float(x), float(y)), genuine.look.pose.distance_mm)
    for sheet in instruments(rng):
        look = examine(present(victim, sheet, rng), detector, bounds)
        yield Attack(person, sheet, None if isinstance(look, str) else look)


def instruments(rng: np.random.Generator) -> Iterator[Print]:
    """Draw the prints of one person: distance, tilt and ink at random, shapes in full."""
    for thumbs in (None, None, None, None, 65.0, 45.0):
        yield _anyhow(Print(Shape.FLAT, thumbs_mm=thumbs), rng)
    for radius in RADII_MM:
        for axis in AXES_DEG:
            hollow = bool(rng.random() < 0.25)
            thumbs = 55.0 if rng.random() < 0.15 else None
            yield _anyhow(Print(Shape.BENT, radius, axis_deg=axis, hollow=hollow, thumbs_mm=thumbs), rng)
    for fold in FOLDS_DEG:
        for axis in AXES_DEG[::2]:
            yield _anyhow(Print(Shape.FOLDED, fold_deg=fold, axis_deg=axis, hollow=bool(rng.random() < 0.25)), rng)


def _anyhow(sheet: Print, rng: np.random.Generator) -> Print:
    """Draw the rest of a presentation."""
    return replace(
        sheet,
        yaw_deg=float(rng.uniform(-_TILT_DEG, _TILT_DEG)),
        pitch_deg=float(rng.uniform(-_TILT_DEG, _TILT_DEG)),
        distance_mm=float(rng.uniform(_NEAREST_MM, _FARTHEST_MM)),
        ink_mm=float(rng.choice(_INK_MM)),
    )
