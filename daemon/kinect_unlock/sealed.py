"""A frame's images in a sealed memfd: how pictures travel to a viewer, without a file and without a name.

The images lie one after the other; what lies where, and what else is known of the frame, is told beside it as JSON.
A sealed memfd can neither be changed nor shortened by anybody, so that a reader's copy is whole.
"""

import fcntl
import os
from math import prod
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
import numpy as np
from msgspec import Meta, Struct

from kinect_unlock.arrays import U8, U16
from kinect_unlock.calibration import calibration_from_plain, calibration_to_plain
from kinect_unlock.errors import DaemonUnavailable
from kinect_unlock.frames import Frame
from kinect_unlock.looks import Look

_SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
_LARGEST_BYTES: Final = 256 * 1024 * 1024

_Side: TypeAlias = Annotated[int, Meta(ge=1, le=8192)]


class Plane(Struct, frozen=True, forbid_unknown_fields=True):
    """One image: u8[height,width,3] for colour, u16[height,width] for the others."""

    name: Literal["color", "depth_mm", "infrared"]
    width_px: _Side
    height_px: _Side

    @property
    def shape(self) -> tuple[int, ...]:
        """The image's shape."""
        return (self.height_px, self.width_px, 3) if self.name == "color" else (self.height_px, self.width_px)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The image's numbers, little-endian."""
        return np.dtype(np.uint8 if self.name == "color" else "<u2")

    @property
    def size_bytes(self) -> int:
        """How much room it takes."""
        return prod(self.shape) * self.dtype.itemsize


class Picture(Struct, frozen=True, forbid_unknown_fields=True):
    """What is told of a frame beside its images."""

    seq: int
    captured_ns: int
    planes: tuple[Plane, ...]
    calibration: dict[str, Any] | None
    look: Look


def seal(frame: Frame) -> int:
    """Return a new descriptor of a sealed memfd with the frame's images; whoever calls it closes it.

    Raises:
        OSError: there is no memory or descriptor left.
    """
    descriptor = os.memfd_create("kinect-unlock-preview", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        for plane in planes_of(frame):
            image: U8 | U16 = getattr(frame, plane.name)
            left = np.ascontiguousarray(image, plane.dtype).data.cast("B")
            while left:
                left = left[os.write(descriptor, left) :]
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS | fcntl.F_SEAL_SEAL)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def planes_of(frame: Frame) -> tuple[Plane, ...]:
    """Return which images a frame has, in the order in which they are sealed."""
    found = (("color", frame.color), ("depth_mm", frame.depth_mm), ("infrared", frame.infrared))
    return tuple(
        msgspec.convert({"name": name, "width_px": image.shape[1], "height_px": image.shape[0]}, Plane)
        for name, image in found
        if image is not None
    )


def picture_of(frame: Frame, look: Look) -> Picture:
    """Return what is told of a frame beside its images."""
    calibration = None if frame.calibration is None else calibration_to_plain(frame.calibration)
    return Picture(frame.seq, frame.captured_ns, planes_of(frame), calibration, look)


def opened(picture: Picture, descriptor: int) -> Frame:
    """Return the frame whose images lie in a sealed memfd; closes nothing.

    Raises:
        DaemonUnavailable: it is not sealed, or does not hold what the picture says.
    """
    size_bytes = sum(plane.size_bytes for plane in picture.planes)
    try:
        sealed = fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) & _SEALS == _SEALS
        whole = os.fstat(descriptor).st_size == size_bytes <= _LARGEST_BYTES
    except OSError as fault:
        raise DaemonUnavailable(f"the daemon sent no picture but something else ({fault})") from fault
    if not sealed or not whole:
        raise DaemonUnavailable("the daemon sent a picture that is not sealed or not whole; is it kinect-unlock?")
    try:
        images, at = {}, 0
        for plane in picture.planes:
            content = os.pread(descriptor, plane.size_bytes, at)
            images[plane.name] = np.frombuffer(content, plane.dtype).reshape(plane.shape)
            at += plane.size_bytes
        calibration = None if picture.calibration is None else calibration_from_plain(picture.calibration)
        return Frame(
            seq=picture.seq,
            captured_ns=picture.captured_ns,
            color=images["color"],
            depth_mm=images.get("depth_mm"),
            calibration=calibration,
            infrared=images.get("infrared"),
        )
    except (ValueError, KeyError) as fault:
        raise DaemonUnavailable(f"the daemon sent a picture that cannot be read ({fault}); update both") from fault
