"""Photographs into embeddings: colour without depth, good enough to say who it looks like, never to open anything."""

from typing import Final

import numpy as np

from kinect_unlock.align import FaceDepth
from kinect_unlock.arrays import U8
from kinect_unlock.crop import NO_DEPTH, DepthChannel, face_tensor
from kinect_unlock.detector import YuNetDetector
from kinect_unlock.encoder import FusedEncoder
from kinect_unlock.frontalise import HOLE_MM
from kinect_unlock.observations import Detection, Embedding

NO_READINGS: Final = FaceDepth(
    depth_mm=np.zeros((0, 0), np.float32),
    xyz_mm=np.zeros((0, 0, 3), np.float32),
    x0_px=0.0,
    y0_px=0.0,
    step_px=1.0,
)

_NOTHING: Final = {
    DepthChannel.REGISTERED: NO_DEPTH,
    DepthChannel.FRONTALISED_MM: HOLE_MM,
}  # as the fourth plane has it


class PhotographEncoder:
    """Embeds the faces of colour images that have no depth. Used by one thread at a time."""

    def __init__(self, detector: YuNetDetector, encoder: FusedEncoder) -> None:
        self._detector = detector
        self._encoder = encoder

    @property
    def model_id(self) -> str:
        """The embedding space of the vectors."""
        return self._encoder.model_id

    def faces(self, color: U8) -> tuple[tuple[Detection, Embedding], ...]:
        """Return every face of an RGB image u8[H,W,3] with its embedding, the largest face first.

        Raises:
            ModelError: a network failed.
        """
        detections = sorted(self._detector.detect(color), key=_area, reverse=True)
        if not detections:
            return ()
        contract = DepthChannel.REGISTERED
        tensors = np.stack([face_tensor(color, found, NO_READINGS, contract=contract).data for found in detections])
        tensors[:, 3] = _NOTHING[self._encoder.depth_channel]
        vectors = self._encoder.encode(tensors)
        embeddings = [Embedding(np.array(vector), self.model_id) for vector in vectors]
        return tuple(zip(detections, embeddings, strict=True))


def _area(detection: Detection) -> float:
    return detection.box.width_px * detection.box.height_px
