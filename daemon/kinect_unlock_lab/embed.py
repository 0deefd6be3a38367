"""A data set through the daemon's own pipeline into embeddings: what everything else in the laboratory measures.

Every sample is looked at once: YuNet finds the face, the pipeline cuts it out as the daemon would for its encoder, and
every system to be measured gets the same crop. Detection, range and liveness are judged apart from identity: what the
daemon would have made of the frame is written down beside the vector.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from time import thread_time_ns
from typing import Final, TypeAlias

import cv2
import msgspec
import numpy as np

from kinect_unlock import networks
from kinect_unlock.align import align_face
from kinect_unlock.arrays import U8
from kinect_unlock.crop import DepthChannel, face_tensor
from kinect_unlock.detector import YuNetDetector
from kinect_unlock.errors import SourceError
from kinect_unlock.frames import Frame
from kinect_unlock.frontalise import Frontal, frontalise
from kinect_unlock.halves import Half
from kinect_unlock.observations import Box, DepthFit, Detection, Face, HeadPose
from kinect_unlock.photographs import NO_READINGS
from kinect_unlock.pipeline import FaceEncoder, Pipeline, is_fit, out_of_range
from kinect_unlock.pose import place_head
from kinect_unlock.settings import Config, Liveness, PoseRange
from kinect_unlock_lab.datasets import Capture, Photograph
from kinect_unlock_lab.dimming import AS_IT_IS, Light
from kinect_unlock_lab.mapping import HERE, Workers, mapped
from kinect_unlock_lab.protocols import F32, ROW_ARRAYS, Embedded
from kinect_unlock_lab.systems import Crop, Given, System, system
from kinect_unlock_lab.traits import UNKNOWN, Traits, traits_of

Item: TypeAlias = Capture | Photograph

# Nothing is out of range: evaluation needs every sample that can be embedded at all; gates are judged apart.
_ANYWHERE: Final = PoseRange(near_mm=1.0, far_mm=20_000.0, yaw_deg=90.0, pitch_deg=90.0, roll_deg=90.0)
# One cue with a bound that nothing breaks: with none at all the daemon's rule is to be unsure of everybody.
_UNBOUNDED: Final = Liveness(**{**dict.fromkeys(Liveness.__struct_fields__), "valid_depth": (0.0, None)})


@dataclass(frozen=True, slots=True)
class Study:
    """What to measure on a data set: recognisers by name, as `kinect_unlock_lab.systems` knows them, and the light."""

    config: Config
    systems: tuple[str, ...]
    light: Light = AS_IT_IS

    def __hash__(self) -> int:
        """Hash by what is set: a configuration holds tables, which have no hash of their own."""
        return hash((msgspec.json.encode(self.config), self.systems, self.light))


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What one sample gave: a vector and the processor's milliseconds for each system, and what else was measured."""

    vectors: tuple[F32, ...]
    encode_ms: tuple[float, ...]
    seen: str = "no-face"
    liveness: str = ""
    depth_fit: bool = False
    yaw_deg: float = float("nan")
    pitch_deg: float = float("nan")
    roll_deg: float = float("nan")
    distance_mm: float = float("nan")
    traits: Traits = UNKNOWN


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One system on a data set; ``encode_ms`` is the median of the processor's time for a face, one thread."""

    embedded: Embedded
    encode_ms: float
    size_mb: float


def embed(
    samples: Sequence[Capture],
    detector: YuNetDetector,
    encoder: FaceEncoder,
    config: Config,
    *,
    on_done: Callable[[int], None] = lambda _: None,
) -> Embedded:
    """Embed every sample in order with a loaded encoder; ``on_done`` is told how many are finished."""
    watcher = Watcher(detector, (Given(encoder),), config, AS_IT_IS)
    looks = []
    for number, sample in enumerate(samples, start=1):
        looks.append(watcher.look(sample))
        on_done(number)
    return _rows(samples, looks, 0, encoder.halves)


def side_by_side(
    study: Study, items: Sequence[Item], workers: Workers = HERE, *, on_done: Callable[[int], object] = lambda _: None
) -> Mapping[str, Measured]:
    """Embed every item with every system of a study; ``on_done`` is told how many items are finished."""
    tools = _watcher(study)  # fails here, before many processes do, where a network is missing
    looks = list(mapped(partial(_look, study), items, workers, on_done=on_done))
    found = {}
    for place, (name, one) in enumerate(zip(study.systems, tools.systems, strict=True)):
        took = [look.encode_ms[place] for look in looks if look.vectors[place].any()]
        median = float(np.median(took)) if took else float("nan")
        found[name] = Measured(_rows(items, looks, place, one.halves), median, one.size_mb)
    return found


def save(embedded: Embedded, path: Path) -> None:
    """Write the arrays by name as a NumPy archive without pickles."""
    np.savez_compressed(path, **{name: getattr(embedded, name) for name in ROW_ARRAYS})


def _look(study: Study, item: Item) -> Look:
    return _watcher(study).look(item)


@lru_cache(maxsize=1)
def _watcher(study: Study) -> "Watcher":
    """Make a study's tools, once in every process."""
    return Watcher(*_networks(replace(study, light=AS_IT_IS)), study.config, study.light)


@lru_cache(maxsize=1)
def _networks(study: Study) -> tuple[YuNetDetector, tuple[System, ...]]:
    """Load networks, once in every process for all lights: a second set in memory looks to joblib like a leak."""
    cv2.setNumThreads(1)
    return networks.detector(study.config), tuple(system(name, study.config) for name in study.systems)


class Watcher:
    """Looks at samples in one light for several systems. Used by one thread."""

    def __init__(self, detector: YuNetDetector, systems: Sequence[System], config: Config, light: Light) -> None:
        self.systems = tuple(systems)
        self._remembered = _Remembered(detector)
        self._config, self._light = config, light
        self._captures = 0  # looked at: each is an attempt of its own
        anywhere = msgspec.structs.replace(config.ranges, enrol=_ANYWHERE, verify=_ANYWHERE)
        everywhere = msgspec.structs.replace(config, ranges=anywhere)
        unjudged = msgspec.structs.replace(everywhere, liveness=_UNBOUNDED)
        self._free, self._judged, self._usual = (
            Pipeline(self._remembered, _Unasked(), setting) for setting in (unjudged, everywhere, config)
        )

    def look(self, item: Item) -> Look:
        """Look at one sample; what shows no usable face gives vectors of zeros."""
        return self._photograph(item) if isinstance(item, Photograph) else self._capture(item)

    def _capture(self, item: Capture) -> Look:
        self._captures += 1
        bright = item.frame()
        frame = replace(bright, color=self._light.on(bright.color, f"{item.person}/{item.name}"))
        self._remembered.look(bright.color if self._light.landmarks == "bright" else frame.color)
        free, judged, usual = (
            one.observe(frame, self._captures, "verify") for one in (self._free, self._judged, self._usual)
        )
        liveness = judged.liveness.verdict.value if judged.liveness else ""
        if free.face is None:
            return replace(self._nothing(), seen=usual.seen.value, liveness=liveness)
        pose = free.face.pose
        crop, frontal = self._cut_out(frame, free.face)
        vectors, encode_ms = self._encoded(crop) if free.embedding else self._no_vectors()
        return Look(
            vectors,
            encode_ms,
            seen=usual.seen.value,
            liveness=liveness,
            depth_fit=frontal is not None and self._may_vote(pose, frontal),
            yaw_deg=pose.yaw_deg,
            pitch_deg=pose.pitch_deg,
            roll_deg=pose.roll_deg,
            distance_mm=pose.distance_mm,
            traits=traits_of(crop.tensor, crop.residual_mm),
        )

    def _photograph(self, item: Photograph) -> Look:
        """Look at the face nearest the middle: the sets of photographs are centred on whom they name."""
        bright = item.color()
        color = self._light.on(bright, item.path.name)
        faces = self._remembered.look(bright if self._light.landmarks == "bright" else color)
        if not faces:
            return self._nothing()
        middle = np.array((color.shape[1], color.shape[0])) / 2
        detection = min(faces, key=lambda face: float(np.hypot(*(_centre(face) - middle))))
        tensor = face_tensor(color, detection, NO_READINGS, contract=DepthChannel.REGISTERED).data
        vectors, encode_ms = self._encoded(Crop(color, detection, tensor, None))
        return Look(vectors, encode_ms, seen="face", traits=traits_of(tensor, None))

    def _cut_out(self, frame: Frame, face: Face) -> tuple[Crop, Frontal | None]:
        if frame.depth_mm is None or frame.calibration is None:
            raise SourceError("a face was placed in a frame without depth")
        depth = align_face(frame.depth_mm, frame.calibration, face.detection.box)
        tensor = face_tensor(frame.color, face.detection, depth, contract=DepthChannel.REGISTERED).data
        start = place_head(face.detection, depth, frame.calibration)
        frontal = None if start is None else frontalise(depth, frame.calibration, start)
        return Crop(frame.color, face.detection, tensor, None if frontal is None else frontal.residual_mm), frontal

    def _may_vote(self, pose: HeadPose, frontal: Frontal) -> bool:
        """Judge depth as the pipeline does for an encoder that looks at it: by the pose that it gates by."""
        fit = DepthFit(frontal.fit_mm, frontal.coverage)
        outside = out_of_range(pose, self._config.ranges.depth_vote)
        return outside is None and is_fit(fit, self._config.depth_vote)

    def _encoded(self, crop: Crop) -> tuple[tuple[F32, ...], tuple[float, ...]]:
        vectors, took_ms = [], []
        for one in self.systems:
            begun_ns = thread_time_ns()
            vectors.append(one.encode(crop))
            took_ms.append((thread_time_ns() - begun_ns) / 1e6)
        return tuple(vectors), tuple(took_ms)

    def _no_vectors(self) -> tuple[tuple[F32, ...], tuple[float, ...]]:
        zeros = tuple(np.zeros(one.halves[-1].end, np.float32) for one in self.systems)
        return zeros, tuple(0.0 for _ in self.systems)

    def _nothing(self) -> Look:
        return Look(*self._no_vectors())


class _Remembered:
    """A detector that was asked already: every pipeline gets the same faces, and they are looked for once."""

    def __init__(self, detector: YuNetDetector) -> None:
        self._detector = detector
        self._found: tuple[Detection, ...] = ()

    def look(self, color: U8) -> tuple[Detection, ...]:
        """Find the faces of an image u8[H,W,3] and remember them."""
        self._found = self._detector.detect(color)
        return self._found

    def detect(self, color: U8, within: Box | None = None) -> tuple[Detection, ...]:  # noqa: ARG002 - the same faces
        """Return the faces that were found last, whatever the image and the part of it."""
        return self._found


class _Unasked:
    """Stands for an encoder where a pipeline is asked for everything but the vector."""

    model_id = "nobody"
    halves = (Half("rgbd", 0, 1, 1.0),)
    depth_channel = DepthChannel.REGISTERED.value

    def encode(self, batch: F32) -> F32:
        """Return the same vector f32[N,1] for every face."""
        return np.ones((len(batch), 1), np.float32)


def _centre(face: Detection) -> F32:
    box = face.box
    return np.array((box.x_px + box.width_px / 2, box.y_px + box.height_px / 2), np.float32)


def _rows(items: Sequence[Item], looks: Sequence[Look], place: int, halves: tuple[Half, ...]) -> Embedded:
    """Lay one system's looks side by side."""

    def numbers(of: Callable[[Look], float]) -> F32:
        return np.array([of(look) for look in looks], np.float32)

    return Embedded.of(
        np.array([look.vectors[place] for look in looks], np.float32),
        [item.person for item in items],
        halves=halves,
        sample=np.array([item.path.stem if isinstance(item, Photograph) else item.name for item in items]),
        place=np.array(["" if isinstance(item, Photograph) else item.group for item in items]),
        seen=np.array([look.seen for look in looks]),
        liveness=np.array([look.liveness for look in looks]),
        depth_fit=np.array([look.depth_fit for look in looks]),
        near_frontal=np.array([isinstance(item, Photograph) or item.near_frontal for item in items]),
        yaw_deg=numbers(lambda look: look.yaw_deg),
        pitch_deg=numbers(lambda look: look.pitch_deg),
        roll_deg=numbers(lambda look: look.roll_deg),
        distance_mm=numbers(lambda look: look.distance_mm),
        face_width_mm=numbers(lambda look: look.traits.face_width_mm),
        hair=numbers(lambda look: look.traits.hair),
        light=numbers(lambda look: look.traits.light),
    )
