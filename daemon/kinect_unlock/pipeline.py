"""One frame in, one `Observation` out: who could be judged, and how they look to the encoder. Knows no template.

Every stage may end the look; what cannot be measured counts against the person. The detector runs only when depth
says that something stands where a person could be, and only there: an empty room costs next to nothing.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeAlias

import numpy as np

from kinect_unlock.align import FaceDepth, align_face
from kinect_unlock.clock import NS_PER_MS, Clock, SystemClock
from kinect_unlock.crop import SHARP, DepthChannel, face_tensor, sharpness, with_frontal
from kinect_unlock.errors import ModelError, SourceError
from kinect_unlock.frames import (
    F32,
    U8,
    U16,
    Box,
    Calibration,
    DepthFit,
    Detection,
    Embedding,
    Face,
    FaceTensor,
    Frame,
    HeadPose,
    Intrinsics,
    LivenessReport,
    Observation,
    Seen,
    Verdict,
)
from kinect_unlock.frontalise import frontalise
from kinect_unlock.halves import Half
from kinect_unlock.liveness import assess
from kinect_unlock.ports import Use
from kinect_unlock.pose import Placement, place_head
from kinect_unlock.region import near_region
from kinect_unlock.settings import Config, DepthVote, PoseRange

_RIVAL_AREA: Final = 0.35  # a second face so large beside the largest one ...
_RIVAL_DEPTH_MM: Final = 500.0  # ... and so near to it in depth might be meant as well
_BOX_MIDDLE: Final = 0.3  # of the box from each side: cheeks and nose, no background

_CONTRADICTION: Final = "the source's frames contradict its calibration"

_DepthImage: TypeAlias = tuple[U16, Calibration]


class FaceDetector(Protocol):
    """What the pipeline needs to find faces."""

    def detect(self, color: U8, within: Box | None = None) -> tuple[Detection, ...]:
        """Return the faces in an RGB image u8[H,W,3], or in a part of it, best first."""
        ...


class FaceEncoder(Protocol):
    """What the pipeline needs to encode a face."""

    @property
    def model_id(self) -> str:
        """The embedding space."""
        ...

    @property
    def halves(self) -> tuple[Half, ...]:
        """Where each half stands in an embedding."""
        ...

    @property
    def depth_channel(self) -> str:
        """What the fourth plane must hold; a value of `DepthChannel`."""
        ...

    def encode(self, batch: F32) -> F32:
        """Return unit vectors f32[N,D] for face tensors f32[N,4,112,112]."""
        ...


class Pipeline:
    """Looks at frames, one at a time. Used by one thread.

    Raises:
        ModelError: the encoder wants a depth channel that this version does not know.
    """

    def __init__(
        self, detector: FaceDetector, encoder: FaceEncoder, config: Config, *, clock: Clock | None = None
    ) -> None:
        self._detector = detector
        self._encoder = encoder
        try:
            self._contract = DepthChannel(encoder.depth_channel)
        except ValueError as fault:
            raise ModelError(f"{encoder.model_id}: {fault}; known: {', '.join(DepthChannel)}") from fault
        self._ranges = {"enrol": config.ranges.enrol, "verify": config.ranges.verify}
        self._bounds = config.liveness
        self._depth_range, self._depth_vote = config.ranges.depth_vote, config.depth_vote
        self._clock = clock or SystemClock()

    def observe(self, frame: Frame, attempt: int, use: Use) -> Observation:
        """Look at one frame.

        Raises:
            ModelError: a network failed.
            SourceError: the frame contradicts its own calibration.
        """
        look = _Look(frame, attempt, self._clock)
        if frame.depth_mm is None or frame.calibration is None:
            return look.saw(Seen.NO_DEPTH)
        _require_size(frame.color, frame.calibration.color)
        limits = self._ranges[use]
        with look.stage("gate"):
            region = _region(frame.depth_mm, frame.calibration, limits)
        if region is None:
            return look.saw_nobody()
        with look.stage("detect"):
            found = self._detector.detect(frame.color, region)
        if not found:
            return look.saw(Seen.NO_FACE)
        detection = max(found, key=_area_px)
        with look.stage("align"):
            depth = _aligned(frame.depth_mm, frame.calibration, detection)
            alone = _is_alone(detection, found, depth, (frame.depth_mm, frame.calibration))
        if not alone:
            return look.saw(Seen.MANY_FACES)
        with look.stage("pose"):
            placement = place_head(detection, depth, frame.calibration)
        if placement is None:
            return look.saw(Seen.NO_DEPTH)
        measured = _Measured(Face(detection, placement.pose), depth, frame.calibration, placement)
        return self._judge(look, frame.color, measured, limits)

    def _judge(self, look: "_Look", color: U8, measured: "_Measured", limits: PoseRange) -> Observation:
        """Cut out, weigh and encode a face if it is in range."""
        face = measured.face
        unusable = out_of_range(face.pose, limits)
        if unusable:
            return look.saw(unusable, face)
        with look.stage("crop"):
            tensor = face_tensor(color, face.detection, measured.depth, contract=DepthChannel.REGISTERED)
            is_sharp = sharpness(tensor) >= SHARP  # False for NaN
        if not is_sharp:
            return look.saw(Seen.BLURRED, face)
        with look.stage("liveness"):
            report = assess(face, measured.depth, tensor, measured.calibration, self._bounds)
        if report.verdict is not Verdict.LIVE:
            return look.saw(Seen.SPOOF if report.verdict is Verdict.SPOOF else Seen.UNSURE, face, report)
        if self._contract is DepthChannel.REGISTERED:
            return look.saw(Seen.FACE, face, report, embedding=self._encode(look, tensor))
        return self._frontalised(look, tensor, report, measured)

    def _frontalised(
        self, look: "_Look", tensor: FaceTensor, report: LivenessReport, measured: "_Measured"
    ) -> Observation:
        """Encode a live face with its depth laid on the mean face, if that depth is fit to say who it is."""
        face = measured.face
        if out_of_range(face.pose, self._depth_range):
            return look.saw(Seen.DEPTH_UNFIT, face, report)
        with look.stage("frontalise"):
            frontal = frontalise(measured.depth, measured.calibration, measured.placement)
        if frontal is None:
            return look.saw(Seen.DEPTH_UNFIT, face, report)
        fit = DepthFit(frontal.fit_mm, frontal.coverage)
        if not is_fit(fit, self._depth_vote):
            return look.saw(Seen.DEPTH_UNFIT, face, report, fit)
        return look.saw(Seen.FACE, face, report, fit, self._encode(look, with_frontal(tensor, frontal)))

    def _encode(self, look: "_Look", tensor: FaceTensor) -> Embedding:
        with look.stage("encode"):
            vector = self._encoder.encode(tensor.data[np.newaxis])[0]
        return Embedding(vector, self._encoder.model_id)


@dataclass(frozen=True, slots=True, eq=False)
class _Measured:
    """A face and what was measured of it."""

    face: Face
    depth: FaceDepth
    calibration: Calibration
    placement: Placement


class _Look:
    """Collects what one frame showed and how long each stage took."""

    def __init__(self, frame: Frame, attempt: int, clock: Clock) -> None:
        self._frame = frame
        self._attempt = attempt
        self._clock = clock
        self._stage_ms: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what is done inside."""
        begun_ns = self._clock.monotonic_ns()
        yield
        self._stage_ms[name] = (self._clock.monotonic_ns() - begun_ns) / NS_PER_MS

    def saw(
        self,
        seen: Seen,
        face: Face | None = None,
        liveness: LivenessReport | None = None,
        depth_fit: DepthFit | None = None,
        embedding: Embedding | None = None,
    ) -> Observation:
        """Close the look."""
        return Observation(
            attempt=self._attempt,
            seq=self._frame.seq,
            captured_ns=self._frame.captured_ns,
            seen=seen,
            face=face,
            liveness=liveness,
            depth_fit=depth_fit,
            embedding=embedding,
            stage_ms=self._stage_ms,
        )

    def saw_nobody(self) -> Observation:
        """Close the look at an empty room."""
        return replace(self.saw(Seen.NO_FACE), somebody=False)


def _require_size(color: U8, camera: Intrinsics) -> None:
    """Refuse a colour image of another size than calibrated: its pixels would be given other places' depth."""
    if color.shape[:2] != (camera.height_px, camera.width_px):
        size, expected = color.shape[:2], (camera.height_px, camera.width_px)
        raise SourceError(f"{_CONTRADICTION}: colour image is {size}, the calibration is for {expected}")


def _region(depth_mm: U16, calibration: Calibration, limits: PoseRange) -> Box | None:
    try:
        return near_region(depth_mm, calibration, limits)
    except ValueError as fault:
        raise SourceError(f"{_CONTRADICTION}: {fault}") from fault


def _area_px(detection: Detection) -> float:
    return detection.box.width_px * detection.box.height_px


def _aligned(depth_mm: U16, calibration: Calibration, detection: Detection) -> FaceDepth:
    try:
        return align_face(depth_mm, calibration, detection.box)
    except ValueError as fault:
        raise SourceError(f"{_CONTRADICTION}: {fault}") from fault


def _is_alone(detection: Detection, found: Sequence[Detection], depth: FaceDepth, frame_depth: _DepthImage) -> bool:
    """Return False if a second face might be meant: about as large, and as near or of unknown depth."""
    large_px = _RIVAL_AREA * _area_px(detection)
    rivals = [other for other in found if other is not detection and _area_px(other) >= large_px]
    own_mm = _middle_mm(depth, detection)
    return all(
        abs(_middle_mm(_aligned(*frame_depth, other), other) - own_mm) > _RIVAL_DEPTH_MM  # False for NaN
        for other in rivals
    )


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


def out_of_range(pose: HeadPose, limits: PoseRange) -> Seen | None:
    """Return what is wrong with a pose, None if nothing is; an angle that is no number is wrong."""
    if pose.distance_mm < limits.near_mm:
        return Seen.TOO_NEAR
    if not pose.distance_mm <= limits.far_mm:
        return Seen.TOO_FAR
    angles = (
        (pose.yaw_deg, limits.yaw_deg),
        (pose.pitch_deg, limits.pitch_deg),
        (pose.roll_deg, limits.roll_deg),
    )
    return None if all(abs(angle_deg) <= limit_deg for angle_deg, limit_deg in angles) else Seen.TURNED_AWAY


def is_fit(fit: DepthFit, bounds: DepthVote) -> bool:
    """Say whether a face's depth lies well enough on the mean face to say who it is; a number that is none does not."""
    return fit.fit_mm <= bounds.fit_max_mm and fit.coverage >= bounds.coverage_min
