"""What the product says of a frame: its own pipeline, in range and liveness as configured, up to whose face it is.

Only the encoder is a stand-in: what liveness refuses is never encoded, and who it is does not matter to liveness.
"""

from collections.abc import Callable
from functools import lru_cache
from itertools import count
from typing import Final

import cv2
import msgspec
import numpy as np

from kinect_unlock import networks
from kinect_unlock.arrays import F32
from kinect_unlock.crop import DepthChannel
from kinect_unlock.frames import Frame
from kinect_unlock.halves import Half
from kinect_unlock.observations import Observation, Seen
from kinect_unlock.pipeline import FaceDetector, Pipeline
from kinect_unlock.settings import Config

#: Frames that liveness was asked about; everything else was refused before, whatever it was.
JUDGED: Final = frozenset({Seen.FACE, Seen.SPOOF, Seen.UNSURE})


class Looker:
    """Looks at frames as the daemon does. Used by one thread."""

    def __init__(self, detector: FaceDetector, config: Config) -> None:
        self.detector = detector
        self._pipeline = Pipeline(detector, _Nobody(), config)
        self._attempts = count(1)

    def look(self, frame: Frame) -> Observation:
        """Look at a frame as at the first one of an attempt of its own."""
        return self.begin()(frame)

    def begin(self) -> Callable[[Frame], Observation]:
        """Begin an attempt; what is returned looks at its frames, one after the other."""
        attempt = next(self._attempts)
        return lambda frame: self._pipeline.observe(frame, attempt, "verify")


def looker(config: Config) -> Looker:
    """Return what looks with a configuration; its detector is loaded once in every process."""
    return _loaded(msgspec.json.encode(config))


@lru_cache(maxsize=1)
def _loaded(settings: bytes) -> Looker:
    """Load a detector; settings hold tables, which cannot be looked up as they are."""
    cv2.setNumThreads(1)
    config = msgspec.json.decode(settings, type=Config)
    return Looker(networks.detector(config), config)


class _Nobody:
    """Stands for the encoder where a pipeline is asked for everything but the vector."""

    model_id = "nobody"
    halves = (Half("rgbd", 0, 1, 1.0),)
    depth_channel = DepthChannel.REGISTERED.value

    def encode(self, batch: F32) -> F32:
        """Return the same vector f32[N,1] for every face."""
        return np.ones((len(batch), 1), np.float32)
