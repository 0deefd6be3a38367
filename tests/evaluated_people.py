"""People of numbers alone: two halves, noise, poses and distances, for tests of evaluation."""

import numpy as np

from kinect_unlock.halves import Half
from kinect_unlock_lab.embed import Measured
from kinect_unlock_lab.metrics import F64
from kinect_unlock_lab.protocols import F32, Embedded

PEOPLE, EACH = 24, 7
HALVES = (Half("rgb", 0, 24, 0.8), Half("depth", 24, 36, 0.2))


def crowd(noise: float = 0.8, *, seed: int = 5) -> Embedded:
    """Return 24 people with 7 samples each, at two places; one sample was not acquired."""
    random = np.random.default_rng(5)
    own = np.repeat(random.normal(size=(PEOPLE, HALVES[-1].end)), EACH, axis=0)
    noisy = own + noise * np.random.default_rng(seed).normal(size=own.shape)
    vectors = np.concatenate([_half(noisy, half) for half in HALVES], axis=1).astype(np.float32)
    vectors[8] = 0
    count = len(vectors)
    yaw = random.normal(0, 18, count)
    distance = random.uniform(650, 1300, count)
    return Embedded.of(
        vectors,
        np.repeat([f"p{number:02d}" for number in range(PEOPLE)], EACH),
        halves=HALVES,
        place=np.where(np.arange(count) < count // 2, "2017", "2019"),
        yaw_deg=yaw.astype(np.float32),
        pitch_deg=np.zeros(count, np.float32),
        distance_mm=distance.astype(np.float32),
        near_frontal=np.abs(yaw) < 15,
        seen=np.where(np.abs(yaw) < 25, "face", "turned-away"),
        depth_fit=(np.abs(yaw) < 20) & (distance < 1200),
        face_width_mm=random.normal(140, 8, count).astype(np.float32),
        hair=random.uniform(0, 0.5, count).astype(np.float32),
        light=random.uniform(30, 200, count).astype(np.float32),
    )


def _half(vectors: F64, half: Half) -> F32:
    part = vectors[:, half.begin : half.end]
    return np.asarray(np.sqrt(half.share) * part / np.linalg.norm(part, axis=1, keepdims=True), np.float32)


def colour_alone(embedded: Embedded) -> Embedded:
    """Return the same people with the first half as the whole."""
    vectors = np.nan_to_num(embedded.half("rgb"))
    return embedded.with_vectors(vectors, (Half("rgb", 0, vectors.shape[1], 1.0),))


def measured(embedded: Embedded) -> Measured:
    """Return them as one system's."""
    return Measured(embedded, encode_ms=12.5, size_mb=38.7)
