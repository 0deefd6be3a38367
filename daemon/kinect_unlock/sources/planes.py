"""A frame's pixels apart from the frame: what lets a driver's child convert straight into shared memory.

A source that keeps this promise beside `FrameSource` says its sizes and calibration once it is open, and then puts
each frame into arrays that its user owns: a slot of a ring, or fresh ones that become a `Frame`.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from kinect_unlock.arrays import U8, U16
from kinect_unlock.frames import Calibration


@dataclass(frozen=True, slots=True)
class PlaneShapes:
    """How large the images of one source are: rows and columns, in pixels; None: it has no such image."""

    color: tuple[int, int]
    depth: tuple[int, int] | None
    infrared: tuple[int, int] | None


@dataclass(frozen=True, slots=True, eq=False)
class Planes:
    """Arrays that take one frame's images: contiguous, writable, of the shapes the source says."""

    color: U8  # [H,W,3] RGB
    depth_mm: U16 | None  # [h,w]; 0 = no reading
    infrared: U16 | None  # [h,w]

    @classmethod
    def empty(cls, shapes: PlaneShapes) -> "Planes":
        """Make arrays of these shapes; what they hold is undefined until a frame is put into them."""
        return cls(
            color=np.empty((*shapes.color, 3), np.uint8),
            depth_mm=None if shapes.depth is None else np.empty(shapes.depth, np.uint16),
            infrared=None if shapes.infrared is None else np.empty(shapes.infrared, np.uint16),
        )

    def require(self, shapes: PlaneShapes) -> None:
        """Raise ValueError unless these arrays can take frames of such shapes in place.

        Image functions that are handed an array they cannot use make another one without a word.
        """
        _require_plane("color", self.color, (*shapes.color, 3), np.uint8)
        _require_plane("depth_mm", self.depth_mm, shapes.depth, np.uint16)
        _require_plane("infrared", self.infrared, shapes.infrared, np.uint16)


def _require_plane(name: str, plane: U8 | U16 | None, shape: tuple[int, ...] | None, dtype: type[np.generic]) -> None:
    if plane is None or shape is None:
        if plane is not None or shape is not None:
            raise ValueError(f"{name}: one of the frame and the place for it has such an image, the other has none")
        return
    if plane.shape != shape or plane.dtype != dtype or not plane.flags.c_contiguous or not plane.flags.writeable:
        raise ValueError(f"{name} must be {np.dtype(dtype).name}{list(shape)}, contiguous and writable")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a frame is beside its pixels; as in `Frame`."""

    seq: int
    captured_ns: int
    device_us: int | None


@runtime_checkable
class ReadsInto(Protocol):
    """A source that can put its frames into arrays of its user."""

    @property
    def shapes(self) -> PlaneShapes:
        """How large its images are; known before `FrameSource.open` and fixed."""
        ...

    @property
    def calibration(self) -> Calibration | None:
        """What all frames share; None before `FrameSource.open`, or of a camera that has none."""
        ...

    def read_into(self, planes: Planes, timeout_s: float) -> Stamp | None:
        """Do what `FrameSource.read` does, with ``planes`` for the pixels; None: none came, or it was not wanted.

        ``planes`` holds the frame once a stamp is returned; after None or an error what it holds is undefined.

        Raises:
            EndOfStream: a finite source has given its last frame.
            SourceError: the source is damaged or lost.
        """
        ...
