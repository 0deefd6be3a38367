"""The binding's frames and the listener that collects them; see `kinect_unlock.sources.stand_in_driver.binding`."""
# ruff: noqa: N802 - the calls have the binding's spelling

import sys
from enum import IntEnum, unique
from typing import Final

import numpy as np
from numpy.typing import DTypeLike

from kinect_unlock.clock import NS_PER_MS, NS_PER_S
from kinect_unlock.sources.stand_in_driver.camera import Camera, wait_in_vain
from kinect_unlock.sources.stand_in_driver.deeds import crash
from kinect_unlock.sources.stand_in_driver.film import Image
from kinect_unlock.sources.stand_in_driver.stream import Shot

_POISON_BYTE: Final = 0xAA
_BYTES_PER_PIXEL: Final = 4
_EXPOSURE_MS: Final = 10.0


@unique
class FrameType(IntEnum):
    """The binding's bits."""

    Color = 1
    Ir = 2
    Depth = 4


_BY_NAME: Final = {kind.name.lower(): kind for kind in FrameType}
_EVERY_TYPE: Final = FrameType.Color | FrameType.Ir | FrameType.Depth


class Frame:
    """One image; without memory it is what a missing entry of a map gives, and touching it is the end."""

    def __init__(self, kind: FrameType, image: Image | None, *, sequence: int = 0, timestamp: int = 0) -> None:
        self._kind = kind
        self._image = image
        self._sequence = sequence
        self._timestamp = timestamp

    def asarray(self, dtype: DTypeLike | None = None) -> Image:
        """Return a view of the frame's memory, which ends with ``release``."""
        if dtype is None:
            dtype = np.uint8 if self._kind is FrameType.Color else np.float32
        if dtype not in (np.uint8, np.float32):
            raise ValueError("np.uint8 or np.float32 is only supported")
        memory = self._memory()
        height, width = memory.shape[:2]
        shape = (height, width, _BYTES_PER_PIXEL) if dtype == np.uint8 else (height, width)
        return np.ndarray(shape, dtype, buffer=memory)

    @property
    def width(self) -> int:
        """Return the columns."""
        return int(self._memory().shape[1])

    @property
    def height(self) -> int:
        """Return the rows."""
        return int(self._memory().shape[0])

    @property
    def bytes_per_pixel(self) -> int:
        """Return 4, as all three kinds have."""
        self._memory()
        return _BYTES_PER_PIXEL

    @property
    def sequence(self) -> int:
        """Return the frame's number, uint32."""
        self._memory()
        return self._sequence

    @property
    def timestamp(self) -> int:
        """Return the camera's own time in units of 0.125 ms, uint32."""
        self._memory()
        return self._timestamp

    @property
    def exposure(self) -> float:
        """Return how long the colour camera looked; invented."""
        self._memory()
        return _EXPOSURE_MS

    @property
    def gain(self) -> float:
        """Return the colour camera's gain; invented."""
        self._memory()
        return 1.0

    @property
    def gamma(self) -> float:
        """Return the colour camera's gamma; invented."""
        self._memory()
        return 1.0

    def _memory(self) -> Image:
        return crash() if self._image is None else self._image


class FrameMap:
    """The frames of one moment, by `FrameType`, its number or its name; an entry that is not there is a dead frame."""

    def __init__(self, take_ownership: bool = False) -> None:  # noqa: FBT001, FBT002 - the binding's signature
        del take_ownership
        self._images: dict[FrameType, Image] = {}
        self._shot: Shot | None = None

    def __getitem__(self, key: FrameType | int | str) -> Frame:
        """Return a frame.

        Raises:
            ValueError: the name or number is none of the three.
            KeyError: it is neither name nor number.
        """
        if not isinstance(key, int | str):
            raise KeyError("")
        kind = _BY_NAME.get(key.lower()) if isinstance(key, str) else _kind(key)
        if kind is None:
            raise ValueError("Not supported")
        if self._shot is None:
            return Frame(kind, None)
        return Frame(kind, self._images.get(kind), sequence=self._shot.sequence, timestamp=self._shot.timestamp)

    def fill(self, shot: Shot, kinds: int) -> None:
        """Take the images of these kinds; no call of the binding's."""
        every: dict[FrameType, Image | None] = {
            FrameType.Color: shot.picture.color,
            FrameType.Ir: shot.picture.infrared,
            FrameType.Depth: shot.picture.depth_mm,
        }
        self._shot = shot
        self._images = {kind: image for kind, image in every.items() if kind & kinds and image is not None}

    def poison(self) -> None:
        """Spoil what arrays may still look at, and forget it; no call of the binding's."""
        for image in self._images.values():
            image.fill(np.nan if image.dtype == np.float32 else _POISON_BYTE)
        self._images, self._shot = {}, None


def _kind(number: int) -> FrameType | None:
    return FrameType(number) if number in set(FrameType) else None


class FrameListener:
    """Whatever takes frames; the binding knows one kind."""


class SyncMultiFrameListener(FrameListener):
    """Collects one frame of each kind and keeps the newest of them until it is asked.

    A wait without a time-out hands out nothing more until ``release``. One with a time-out goes on, and what is never
    released is lost memory: so libfreenect2 has it. The device keeps no reference: a listener that is dropped while
    frames come is written to all the same.
    """

    def __init__(self, frame_types: int = _EVERY_TYPE) -> None:
        self._kinds = frame_types
        self._camera: Camera | None = None
        self._connected = 0
        self._blocked = False

    def __del__(self) -> None:
        """Crash if frames are still coming; an interpreter that ends drops everything in an order of its own."""
        if self._camera is not None and self._camera.streaming and not sys.is_finalizing():
            crash()

    def hasNewFrame(self) -> bool:
        """Say whether a wait would return at once."""
        return self._serves and self._camera is not None and self._camera.has_shot

    def waitForNewFrame(self, frame_map: FrameMap | None = None, milliseconds: int = -1) -> FrameMap | None:
        """Return the next frames, or None when ``milliseconds`` (negative: no limit) have passed without any."""
        timeout_s = milliseconds * NS_PER_MS / NS_PER_S if milliseconds >= 0 else None
        camera = self._camera if self._serves else None
        if camera is None:
            wait_in_vain(timeout_s)
            return None
        shot = camera.wait(timeout_s)
        if shot is None:
            return None
        self._blocked = timeout_s is None
        filled = FrameMap() if frame_map is None else frame_map
        filled.fill(shot, self._kinds)
        return filled

    def release(self, frame_map: FrameMap | None) -> None:
        """Free the frames' memory; here it is spoilt, and stays. None, as a wait may give, is the end."""
        if frame_map is None:
            crash()
        frame_map.poison()
        self._blocked = False

    def attach(self, camera: Camera, kinds: int) -> None:
        """Get images of these kinds from a camera; no call of the binding's."""
        self._camera = camera
        self._connected |= kinds

    @property
    def _serves(self) -> bool:
        """True if every kind that is waited for comes, and nothing is held back."""
        return self._connected & self._kinds == self._kinds and not self._blocked
