"""Faces into unit vectors: the siamese encoder as one ONNX graph. Knows no user, no template and no threshold."""

import math
from pathlib import Path
from typing import Final

import numpy as np

from kinect_unlock.arrays import F32, read_only
from kinect_unlock.crop import DepthChannel
from kinect_unlock.errors import ModelError
from kinect_unlock.halves import Half, HalfName
from kinect_unlock.inference import Network
from kinect_unlock.manifest import Encoder
from kinect_unlock.observations import TENSOR_SIDE_PX

_INPUT: Final = "rgbd"
_OUTPUT: Final = "embedding"
_FACE: Final = (4, TENSOR_SIDE_PX, TENSOR_SIDE_PX)
_BATCH_MAX: Final = 4  # faces at once: more are no faster on one thread (measured) and cost 10 MB each
_LENGTH_SLACK: Final = 1e-3


class FusedEncoder:
    """Encodes batches of face tensors. Used by one thread at a time.

    Raises:
        ModelError: the network is not there, or not the one its manifest entry describes.
    """

    def __init__(self, entry: Encoder, model_path: Path, threads: int) -> None:
        self._entry = entry
        self._layout = entry.layout
        self._network = Network(model_path, threads=threads)
        shape = self._network.inputs.get(_INPUT)
        if shape is None or shape[1:] != _FACE or self._network.outputs != (_OUTPUT,):
            raise ModelError(f"{model_path}: not a siamese encoder; inputs {self._network.inputs}")

    @property
    def model_id(self) -> str:
        """The embedding space; vectors of two spaces must never be compared."""
        return self._entry.model_id

    @property
    def dim(self) -> int:
        """Numbers in an embedding."""
        return self._entry.dim

    @property
    def halves(self) -> tuple[Half, ...]:
        """Where each half stands in an embedding."""
        return self._layout

    @property
    def votes(self) -> tuple[HalfName, ...]:
        """The halves that have a say."""
        return self._entry.votes

    @property
    def depth_channel(self) -> DepthChannel:
        """What the fourth plane of its input must hold."""
        return self._entry.depth

    def encode(self, batch: F32) -> F32:
        """Return the unit vectors f32[N,D] of the face tensors f32[N,4,112,112], N at least 1.

        Raises:
            ModelError: another shape or type, a number that is not finite going in, or a vector coming out that is
                not finite or has no direction.
        """
        if batch.dtype != np.float32 or batch.shape[1:] != _FACE or not len(batch):
            raise ModelError(f"the encoder takes f32[N,4,112,112], got {batch.dtype.name} {list(batch.shape)}")
        if not np.isfinite(batch).all():
            raise ModelError("the encoder was given a face tensor that is not finite")
        parts = [batch[start : start + _BATCH_MAX] for start in range(0, len(batch), _BATCH_MAX)]
        vectors = np.concatenate([self._network.run({_INPUT: part})[_OUTPUT] for part in parts])
        if vectors.shape != (len(batch), self.dim):
            raise ModelError(f"the encoder gave {list(vectors.shape)}, its manifest promises {self.dim} numbers a face")
        for half in self._layout:
            lengths = np.linalg.norm(vectors[:, half.begin : half.end].astype(np.float64), axis=1)
            if not (np.abs(lengths - math.sqrt(half.share)) < _LENGTH_SLACK).all():  # also when not finite
                raise ModelError(f"the encoder gave a vector without direction in its half {half.name}")
        return read_only(vectors)
