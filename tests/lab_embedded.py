"""Small embedded data sets with known answers."""

from collections.abc import Mapping, Sequence

import numpy as np

from kinect_unlock.observations import Seen
from kinect_unlock_lab.protocols import Embedded


def embedded_of(
    direction: Mapping[str, Sequence[float]], *, person: Sequence[str], yaw: Sequence[float] | None = None
) -> Embedded:
    """Give every sample its person's direction; all acquired, live and in range."""
    count = len(person)
    angles = np.array(yaw if yaw is not None else [0.0] * count, np.float32)
    return Embedded.of(
        embeddings=np.array([direction[name] for name in person], np.float32),
        person=np.array(person),
        sample=np.array([str(number) for number in range(count)]),
        acquired=np.ones(count, bool),
        seen=np.array([Seen.FACE.value] * count),
        liveness=np.array(["live"] * count),
        yaw_deg=angles,
        pitch_deg=np.zeros(count, np.float32),
        roll_deg=np.zeros(count, np.float32),
        distance_mm=np.full(count, 800.0, np.float32),
    )
