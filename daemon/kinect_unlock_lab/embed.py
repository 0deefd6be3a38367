"""A data set through the daemon's own pipeline into embeddings: what everything else in the laboratory measures."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import cv2
import msgspec
import numpy as np

from kinect_unlock.frames import Observation
from kinect_unlock.pipeline import FaceDetector, FaceEncoder, Pipeline
from kinect_unlock.settings import Config, Liveness, PoseRange, Ranges
from kinect_unlock_lab.datasets import Sample
from kinect_unlock_lab.protocols import F32, Embedded

# Nothing is out of range: evaluation needs every sample that can be embedded at all; gates are judged apart.
_ANYWHERE: Final = PoseRange(near_mm=1.0, far_mm=20_000.0, yaw_deg=90.0, pitch_deg=90.0, roll_deg=90.0)
# One cue with a bound that nothing breaks: with none at all the daemon's rule is to be unsure of everybody.
_UNBOUNDED: Final = Liveness(**{**dict.fromkeys(Liveness.__struct_fields__), "valid_depth": (0.0, None)})


def embed(
    samples: Sequence[Sample],
    detector: FaceDetector,
    encoder: FaceEncoder,
    config: Config,
    *,
    on_done: Callable[[int], None] = lambda _: None,
) -> Embedded:
    """Embed every sample in order; ``on_done`` is told how many are finished."""
    everywhere = msgspec.structs.replace(config, ranges=Ranges(enrol=_ANYWHERE, verify=_ANYWHERE))
    unjudged = msgspec.structs.replace(everywhere, liveness=_UNBOUNDED)
    pipelines = [Pipeline(detector, encoder, setting) for setting in (unjudged, everywhere, config)]
    looks: list[tuple[Observation, ...]] = []
    for number, sample in enumerate(samples, start=1):
        frame = sample.frame()
        looks.append(tuple(pipeline.observe(frame, 0, "verify") for pipeline in pipelines))
        on_done(number)
    return _rows(samples, looks)


def _rows(samples: Sequence[Sample], looks: Sequence[tuple[Observation, ...]]) -> Embedded:
    free, judged, usual = zip(*looks, strict=True)
    vectors = [look.embedding.vector for look in free if look.embedding is not None]
    width = len(vectors[0]) if vectors else 0
    poses = [look.face.pose if look.face else None for look in free]

    def measured(name: str) -> F32:
        return np.array([np.nan if pose is None else getattr(pose, name) for pose in poses], np.float32)

    return Embedded(
        embeddings=np.array(
            [np.zeros(width, np.float32) if look.embedding is None else look.embedding.vector for look in free]
        ),
        person=np.array([sample.person for sample in samples]),
        sample=np.array([sample.rgb_path.stem.removesuffix("_rgb") for sample in samples]),
        acquired=np.array([look.embedding is not None for look in free]),
        seen=np.array([look.seen.value for look in usual]),
        liveness=np.array([look.liveness.verdict.value if look.liveness else "" for look in judged]),
        yaw_deg=measured("yaw_deg"),
        pitch_deg=measured("pitch_deg"),
        roll_deg=measured("roll_deg"),
        distance_mm=measured("distance_mm"),
    )


def reference_embeddings(samples: Sequence[Sample], detector: FaceDetector, weights: Path) -> F32:
    """Return f32[N,D] of OpenCV's own SFace on the same landmarks, zeros where no face was found.

    Another engine, another alignment code and the weights as they were shipped: what differs from `embed` is ours.
    """
    network = cv2.FaceRecognizerSF.create(str(weights), "")
    rows: list[F32] = []
    for sample in samples:
        color = sample.frame().color
        found = max(detector.detect(color), key=lambda face: face.box.width_px * face.box.height_px, default=None)
        if found is None:
            rows.append(np.zeros(128, np.float32))
            continue
        box = found.box
        face = np.array([box.x_px, box.y_px, box.width_px, box.height_px, *found.landmarks_px.ravel(), found.score])
        aligned = network.alignCrop(np.ascontiguousarray(color[:, :, ::-1]), face[np.newaxis].astype(np.float32))
        vector = network.feature(aligned)[0]
        rows.append((vector / np.linalg.norm(vector)).astype(np.float32))
    return np.array(rows)


def with_vectors(embedded: Embedded, vectors: F32) -> Embedded:
    """Return the same samples with other embeddings f32[N,D]; what was not acquired has none here either."""
    rows = {name: getattr(embedded, name) for name in Embedded.__slots__}
    return Embedded(**{**rows, "embeddings": np.where(embedded.acquired[:, np.newaxis], vectors, np.float32(0))})


def save(embedded: Embedded, path: Path) -> None:
    """Write the arrays by name as a NumPy archive without pickles."""
    np.savez_compressed(path, **{name: getattr(embedded, name) for name in Embedded.__slots__})
