"""Small crowds of two-half faces whose alikeness is known."""

import numpy as np

from kinect_unlock_lab.metrics import F64
from kinect_unlock_lab.protocols import F32
from kinect_unlock_lab.votes import Faces


def crowd(
    people: int = 8,
    each: int = 6,
    *,
    noise: float = 0.15,
    distances_mm: tuple[float, ...] = (800.0, 1200.0),
    seed: int = 1,
) -> Faces:
    """Make people whose halves are their own directions and a share ``noise`` of chance; all are of one group."""
    random = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), each)
    everybody = np.ones(len(person), bool)
    return Faces(
        {"rgb": _around(people, each, 24, noise, random), "depth": _around(people, each, 16, noise, random)},
        np.resize(np.array(distances_mm), len(person)),
        person,
        np.zeros(len(person), np.int64),
        everybody,
        everybody,
    )


def _around(people: int, each: int, width: int, noise: float, random: np.random.Generator) -> F32:
    own: F64 = random.normal(size=(people, 1, width)) + noise * random.normal(size=(people, each, width))
    flat = own.reshape(-1, width)
    return np.asarray(flat / np.linalg.norm(flat, axis=1, keepdims=True), np.float32)
