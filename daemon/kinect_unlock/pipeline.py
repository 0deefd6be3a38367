"""One frame in, one `Observation` out: who could be judged, and how they look to the encoder. Knows no template.

Every stage may end the look; what cannot be measured counts against the person. The detector runs only when depth
says that something stands where a person could be, and only there: an empty room costs next to nothing.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from typing import Final, Protocol

import numpy as np

from kinect_unlock.align import FaceDepth
from kinect_unlock.arrays import F32, U8
from kinect_unlock.attention import attention_cues
from kinect_unlock.clock import NS_PER_MS, Clock, SystemClock
from kinect_unlock.crop import SHARP, DepthChannel, face_tensor, sharpness, with_frontal
from kinect_unlock.errors import ModelError
from kinect_unlock.figures import figures_in
from kinect_unlock.frames import Calibration, Frame
from kinect_unlock.frontalise import Frontal, frontalise
from kinect_unlock.halves import Half
from kinect_unlock.integrity import History, integrity_cues, with_face, with_frame
from kinect_unlock.liveness import assess, with_cues
from kinect_unlock.observations import (
    Box,
    DepthFit,
    Detection,
    Embedding,
    Face,
    FaceTensor,
    HeadPose,
    LivenessReport,
    Modality,
    Observation,
    Seen,
    Verdict,
)
from kinect_unlock.ports import Use
from kinect_unlock.pose import Placement, place_head
from kinect_unlock.settings import Config, DepthVote, PoseRange
from kinect_unlock.sight import Sight, area_px

# What must have been seen in colour for a frame to be looked at in infrared too.
_INFRARED_AFTER: Final[Mapping[Use, Seen]] = {"verify": Seen.DARK, "enrol": Seen.FACE, "preview": Seen.DARK}
_SAME_HEAD_MM: Final = 50.0  # two looks at one frame; they are as far apart as their landmarks make them


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


class FaceEyes(Protocol):
    """What the pipeline needs to tell whether eyes are open."""

    def eyes_open(self, image: U8, detection: Detection) -> float:
        """Return how open the eyes of a face in an RGB image u8[H,W,3] are, 0..1."""
        ...


class Pipeline:
    """Looks at frames, one at a time. Used by one thread.

    Raises:
        ModelError: the encoder wants a depth channel that this version does not know.
    """

    def __init__(
        self,
        detector: FaceDetector,
        encoder: FaceEncoder,
        config: Config,
        *,
        eyes: FaceEyes | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._detector = detector
        self._encoder = encoder
        self._eyes = eyes
        try:
            self._contract = DepthChannel(encoder.depth_channel)
        except ValueError as fault:
            raise ModelError(f"{encoder.model_id}: {fault}; known: {', '.join(DepthChannel)}") from fault
        verify = config.ranges.verify
        self._ranges = {"enrol": config.ranges.enrol, "verify": verify, "preview": verify}
        self._bounds_at = config.liveness_at
        self._depth_range, self._depth_vote = config.ranges.depth_vote, config.depth_vote
        self._watched_mm = config.presence.widest_mm(verify)
        self._infrared = config.match.infrared
        self._clock = clock or SystemClock()
        self._history = History()
        self._history_of: tuple[int, Use] | None = None  # an attempt's number, and what its frames are for

    def observe(self, frame: Frame, attempt: int, use: Use) -> Observation:
        """Look at one frame: in colour, and in infrared where that is wanted and colour alone does not do.

        Frames with the same ``attempt`` and ``use`` as the one before belong to one stream and come in its order; what
        is no stream, such as stills, has a new number each.

        Raises:
            ModelError: a network failed.
            SourceError: the frame contradicts its own calibration.
        """
        look = _Look(frame, attempt, self._clock)
        if use == "watch":
            return self._watch(look, frame)
        with look.stage("integrity"):
            self._follow(frame, attempt, use)
        limits = self._ranges[use]
        color = Sight.in_color(frame)
        if color is None:
            return look.saw(Seen.NO_DEPTH)
        seen = self._look_at(look, color, limits)
        if not self._infrared or frame.infrared is None or seen.seen is not _INFRARED_AFTER[use]:
            return seen
        with look.stage("tone"):
            infrared = color.in_infrared(frame.infrared, limits)
        other = self._look_at(look.on(infrared), infrared, limits)
        if use == "enrol":
            return replace(seen, beside=other.embedding) if _is_one_head(seen, other) else seen
        return seen if other.seen is Seen.NO_FACE else other

    def _follow(self, frame: Frame, attempt: int, use: Use) -> None:
        """Add a frame to the history of its attempt, whatever it shows."""
        if self._history_of != (attempt, use):
            self._history, self._history_of = History(), (attempt, use)
        self._history = with_frame(self._history, frame)

    def _watch(self, look: "_Look", frame: Frame) -> Observation:
        """Look by depth alone whether somebody is there; without depth nobody is seen."""
        sight = Sight.in_color(frame)
        if sight is None:
            return look.saw_nobody()
        with look.stage("figures"):
            figures = figures_in(sight.depth_mm, sight.calibration, *self._watched_mm)
        return replace(look.saw(Seen.NO_FACE), somebody=bool(figures), figures=figures)

    def _look_at(self, look: "_Look", sight: Sight, limits: PoseRange) -> Observation:
        """Look at one frame in one light."""
        with look.stage("gate"):
            region = sight.region(limits)
        if region is None:
            return look.saw_nobody()
        with look.stage("detect"):
            found = self._detector.detect(sight.image, region)
        if not found:
            with look.stage("light"):
                dark = sight.is_dark(limits)
            return look.saw(Seen.DARK if dark else Seen.NO_FACE)
        detection = max(found, key=area_px)
        with look.stage("align"):
            depth = sight.depth_of(detection)
            alone = sight.is_alone(detection, found, depth)
        if not alone:
            return look.saw(Seen.MANY_FACES)
        with look.stage("pose"):
            placement = place_head(detection, depth, sight.calibration)
        if placement is None:
            return look.saw(Seen.NO_DEPTH)
        measured = _Measured(Face(detection, placement.pose), depth, sight.calibration, placement)
        return self._judge(look, sight.image, measured, limits)

    def _judge(self, look: "_Look", image: U8, measured: "_Measured", limits: PoseRange) -> Observation:
        """Cut out, weigh and encode a face if it is in range."""
        face = measured.face
        unusable = out_of_range(face.pose, limits)
        if unusable:
            return look.saw(unusable, face)
        with look.stage("crop"):
            tensor = face_tensor(image, face.detection, measured.depth, contract=DepthChannel.REGISTERED)
            is_sharp = sharpness(tensor) >= SHARP  # False for NaN
        if not is_sharp:
            return look.saw(Seen.BLURRED, face)
        eyes_open = self._eyes_open(look, image, face)
        bounds = self._bounds_at(face.pose.distance_mm)
        with look.stage("integrity"):
            self._history = with_face(self._history, face, measured.depth, measured.calibration.color)
            of_stream = integrity_cues(self._history, bounds)
        with look.stage("frontalise"):
            frontal = frontalise(measured.depth, measured.calibration, measured.placement)
        with look.stage("liveness"):
            report = assess(face, measured.depth, tensor, measured.calibration, frontal, bounds)
            report = with_cues(report, *attention_cues(measured.placement, eyes_open, bounds))
            report = with_cues(report, *of_stream)
        if report.verdict is not Verdict.LIVE:
            return look.saw(Seen.SPOOF if report.verdict is Verdict.SPOOF else Seen.UNSURE, face, report)
        if self._contract is DepthChannel.REGISTERED:
            return look.saw(Seen.FACE, face, report, embedding=self._encode(look, tensor))
        return self._frontalised(look, tensor, report, face, frontal)

    def _eyes_open(self, look: "_Look", image: U8, face: Face) -> float | None:
        """Look at the eyes in colour; nobody knows what they are like in infrared."""
        if self._eyes is None or look.modality is not Modality.COLOR:
            return None
        with look.stage("eyes"):
            return self._eyes.eyes_open(image, face.detection)

    def _frontalised(
        self, look: "_Look", tensor: FaceTensor, report: LivenessReport, face: Face, frontal: Frontal | None
    ) -> Observation:
        """Encode a live face with its depth laid on the mean face, if that depth is fit to say who it is."""
        if frontal is None or out_of_range(face.pose, self._depth_range):
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
        self.modality = Modality.COLOR
        self._stage_ms: dict[str, float] = {}

    def on(self, sight: Sight) -> "_Look":
        """Return a second look at the same frame, whose time is added to the first one's."""
        other = copy(self)
        other.modality = sight.modality
        return other

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what is done inside."""
        begun_ns = self._clock.monotonic_ns()
        yield
        spent_ms = (self._clock.monotonic_ns() - begun_ns) / NS_PER_MS
        self._stage_ms[name] = self._stage_ms.get(name, 0.0) + spent_ms

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
            modality=self.modality,
        )

    def saw_nobody(self) -> Observation:
        """Close the look at an empty room."""
        return replace(self.saw(Seen.NO_FACE), somebody=False)


def _is_one_head(one: Observation, other: Observation) -> bool:
    """Say whether two looks at one frame found the same head; each found one alone, so that the distance tells."""
    if one.face is None or other.face is None:
        return False
    return abs(one.face.pose.distance_mm - other.face.pose.distance_mm) <= _SAME_HEAD_MM


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
