"""Frames from a driver's child to the daemon through memory that both have mapped: no lock, and never a torn frame.

The memory is a memfd: it has no name, so whoever is killed, the kernel takes it back with the last of the two. Its
size is sealed: a child that is gone wild cannot shrink it under the daemon (whose next read would be a SIGBUS).

Frame ``number`` (1, 2, 3, ...) lies in slot ``number % SLOTS``. Each slot begins with the number of the frame that it
holds whole, 0 while it is being written. A reader copies first and looks at the number again after: only if it has
not changed is the copy a frame. The writer never waits; the newest frame wins.
"""

import fcntl
import mmap
import os
import threading
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kinect_unlock.arrays import U8
from kinect_unlock.sources.planes import Planes, PlaneShapes

SLOTS: Final = 3  # the newest, the one being copied, and the one being written
SLOT_BYTES: Final = 32 * 2**20  # a 4K colour image with a megapixel of depth and infrared; untouched pages cost nothing
_ALIGNED_BYTES: Final = 64
_WRITING: Final = 0
_SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
_U16_BYTES: Final = 2


def slot_of(number: int) -> int:
    """Return the slot of a frame."""
    return number % SLOTS


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the planes of one frame lie within ``size_bytes`` of pixels; offsets in bytes, None: no such plane."""

    shapes: PlaneShapes
    depth_at: int | None
    infrared_at: int | None
    size_bytes: int

    @classmethod
    def of(cls, shapes: PlaneShapes) -> "Layout":
        """Lay the planes one after the other, each aligned."""
        rows, columns = shapes.color
        at, offsets = _aligned(rows * columns * 3), []
        for plane in (shapes.depth, shapes.infrared):
            offsets.append(None if plane is None else at)
            at += 0 if plane is None else _aligned(plane[0] * plane[1] * _U16_BYTES)
        return cls(shapes, offsets[0], offsets[1], at)

    def planes(self, block: U8) -> Planes:
        """Return the planes as views of ``block`` u8[size_bytes]."""
        rows, columns = self.shapes.color
        color = block[: rows * columns * 3].reshape(rows, columns, 3)
        return Planes(
            color, _u16(block, self.depth_at, self.shapes.depth), _u16(block, self.infrared_at, self.shapes.infrared)
        )


class RingWriter:
    """The child's side: asks for the planes of a frame, fills them, and publishes."""

    def __init__(self, descriptor: int, shapes: PlaneShapes) -> None:
        """Map the memory; the descriptor stays the caller's.

        Raises:
            ValueError: the planes are too large for a slot.
        """
        self._layout = _fitting(shapes)
        self._memory = mmap.mmap(descriptor, SLOTS * SLOT_BYTES)
        self._slots: NDArray[np.uint8] | None = _slots(self._memory)

    def begin(self, number: int) -> Planes:
        """Return the planes to fill for a frame; whatever its slot held is no frame any more."""
        slot = self._slot(number)
        slot[:8].view(np.uint64)[0] = _WRITING
        _fence()
        return self._layout.planes(slot[_ALIGNED_BYTES : _ALIGNED_BYTES + self._layout.size_bytes])

    def publish(self, number: int) -> None:
        """Say that the frame is whole."""
        _fence()
        self._slot(number)[:8].view(np.uint64)[0] = number

    def close(self) -> None:
        """Give the memory back; no planes of it may be in use."""
        self._slots = None
        self._memory.close()

    def _slot(self, number: int) -> U8:
        if self._slots is None:
            raise ValueError("the ring is closed")
        slot: U8 = self._slots[slot_of(number)]
        return slot


class RingReader:
    """The daemon's side: makes the memory, and copies frames out of it. It cannot write there."""

    def __init__(self) -> None:
        self.descriptor = os.memfd_create("kinect-unlock-frames", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(self.descriptor, SLOTS * SLOT_BYTES)
            fcntl.fcntl(self.descriptor, fcntl.F_ADD_SEALS, _SEALS)
            self._memory = mmap.mmap(self.descriptor, SLOTS * SLOT_BYTES, access=mmap.ACCESS_READ)
        except BaseException:
            os.close(self.descriptor)
            raise
        self._slots: NDArray[np.uint8] | None = _slots(self._memory)
        self._layout: Layout | None = None

    def agree(self, shapes: PlaneShapes) -> None:
        """Take the sizes that every frame will have.

        Raises:
            ValueError: they are too large for a slot.
        """
        self._layout = _fitting(shapes)

    def copy(self, number: int) -> Planes | None:
        """Return a copy of a frame, None if it was overwritten before or meanwhile.

        Raises:
            ValueError: sizes were not agreed, or the ring is closed.
        """
        if self._slots is None or self._layout is None:
            raise ValueError("a ring gives frames once their sizes are agreed and until it is closed")
        slot = self._slots[slot_of(number)]
        held = slot[:8].view(np.uint64)
        if number == _WRITING or int(held[0]) != number:
            return None
        block = slot[_ALIGNED_BYTES : _ALIGNED_BYTES + self._layout.size_bytes].copy()
        _fence()
        return self._layout.planes(block) if int(held[0]) == number else None

    def close(self) -> None:
        """Give the memory back; frames that were copied stay."""
        if self._slots is not None:
            self._slots = None
            self._memory.close()
            os.close(self.descriptor)


def _slots(memory: mmap.mmap) -> NDArray[np.uint8]:
    return np.frombuffer(memory, np.uint8).reshape(SLOTS, SLOT_BYTES)


def _fitting(shapes: PlaneShapes) -> Layout:
    layout = Layout.of(shapes)
    if layout.size_bytes > SLOT_BYTES - _ALIGNED_BYTES:
        raise ValueError(f"images of {layout.size_bytes} bytes do not fit into {SLOT_BYTES - _ALIGNED_BYTES}")
    return layout


def _u16(block: U8, at: int | None, shape: tuple[int, int] | None) -> NDArray[np.uint16] | None:
    if at is None or shape is None:
        return None
    return block[at : at + shape[0] * shape[1] * _U16_BYTES].view(np.uint16).reshape(shape)


def _aligned(size_bytes: int) -> int:
    return -(-size_bytes // _ALIGNED_BYTES) * _ALIGNED_BYTES


def _fence() -> None:
    """Keep memory accesses before this before those after it, on processors that would swap them, as Arm's do.

    Nothing sinks below the first lock's release, nothing rises above the second's acquisition, and those two stay in
    order. Python has no plainer word for it; it takes half a microsecond.
    """
    lock = threading.Lock()
    with lock:
        pass
    with lock:
        pass
