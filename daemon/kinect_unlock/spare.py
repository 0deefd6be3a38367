"""An encoder with a spare: when the chosen build fails while it runs, float32 takes its place, once and for good.

The attempt in which it fails ends with the fault, and is no failure of whoever is before the camera; the next one runs
on the spare, which is looked for, checked by its hash and loaded only then. Both are builds of one embedding space.
"""

import logging
from collections.abc import Callable

from kinect_unlock.arrays import F32
from kinect_unlock.crop import DepthChannel
from kinect_unlock.encoder import FusedEncoder
from kinect_unlock.errors import ModelError
from kinect_unlock.halves import Half

_LOG = logging.getLogger(__name__)


class SparedEncoder:
    """Encodes as the encoder that it is given does. Used by one thread at a time."""

    def __init__(self, encoder: FusedEncoder, spare: Callable[[], FusedEncoder]) -> None:
        """``spare`` loads another build, or raises `ModelError`; then it is asked again with the next fault."""
        self._encoder = encoder
        self._spare: Callable[[], FusedEncoder] | None = spare

    @property
    def model_id(self) -> str:
        """The embedding space, which both builds have in common."""
        return self._encoder.model_id

    @property
    def halves(self) -> tuple[Half, ...]:
        """Where each half stands in an embedding."""
        return self._encoder.halves

    @property
    def depth_channel(self) -> DepthChannel:
        """What the fourth plane of its input must hold."""
        return self._encoder.depth_channel

    def encode(self, batch: F32) -> F32:
        """Return unit vectors; see `FusedEncoder.encode`.

        Raises:
            ModelError: it failed, whatever will take its place.
        """
        try:
            return self._encoder.encode(batch)
        except ModelError as fault:
            if self._spare is None:
                raise
            self._replace(self._spare, fault)
            raise ModelError(f"{fault}; the float32 build takes over: try again") from fault

    def _replace(self, spare: Callable[[], FusedEncoder], fault: ModelError) -> None:
        try:
            taken = spare()
        except ModelError as second:
            raise ModelError(f"{fault}; and the float32 build cannot be had: {second}") from second
        if taken.model_id != self.model_id:
            raise ModelError(f"{fault}; and float32 is of another embedding space, {taken.model_id!r}")
        self._encoder, self._spare = taken, None
        _LOG.warning("event=build-fallback network=%s action=fp32 fault=%r", self.model_id, str(fault))
