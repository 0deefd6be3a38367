"""What a camera gives: frames, where they come from, and how its two images lie on each other.

Nothing here has behaviour beyond checking itself. Arrays are made read-only when a value takes them. Every
number's name ends in its unit. Image coordinates: x to the right, y down, pixel centres at whole numbers. Camera
coordinates: x right, y down, z away from the camera, millimetres.
"""

from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TypeAlias

import numpy as np

from kinect_unlock.arrays import F64, U8, U16, read_only, require, require_array


@unique
class Origin(StrEnum):
    """Where frames come from. Only SENSOR may ever unlock in the system service."""

    SENSOR = "sensor"
    RECORDING = "recording"
    IMAGES = "images"
    WEBCAM = "webcam"
    STAND_IN = "stand-in"
    UNPROVEN = "unproven"  # a depth camera of a kind that no threshold and no liveness bound has evidence for

    @property
    def live(self) -> bool:
        """True if frames carry this machine's monotonic clock, False if one of their own."""
        return self in {Origin.SENSOR, Origin.WEBCAM, Origin.STAND_IN, Origin.UNPROVEN}


@dataclass(frozen=True, slots=True)
class Intrinsics:
    """A pinhole camera with the Brown-Conrady distortion of the Kinect v2's infrared camera."""

    width_px: int
    height_px: int
    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float
    k1: float = 0.0
    k2: float = 0.0
    k3: float = 0.0
    p1: float = 0.0
    p2: float = 0.0

    def __post_init__(self) -> None:
        numbers = (self.fx_px, self.fy_px, self.cx_px, self.cy_px, self.k1, self.k2, self.k3, self.p1, self.p2)
        require(bool(np.isfinite(numbers).all()), f"intrinsics must be finite, got {numbers}")
        require(self.width_px > 0 and self.height_px > 0, f"image size {self.width_px}x{self.height_px}")
        require(self.fx_px > 0 and self.fy_px > 0, f"focal lengths {self.fx_px}, {self.fy_px} must be positive")


@dataclass(frozen=True, slots=True)
class Registered:
    """Colour and depth already share one pixel grid."""


@dataclass(frozen=True, slots=True, eq=False)
class Extrinsic:
    """A depth-camera point p maps to the colour camera as ``rotation @ p + translation_mm``."""

    rotation: F64  # [3,3]
    translation_mm: F64  # [3]

    def __post_init__(self) -> None:
        require(self.rotation.shape == (3, 3), f"rotation must be 3x3, got {self.rotation.shape}")
        require(self.translation_mm.shape == (3,), f"translation must have 3 numbers, got {self.translation_mm.shape}")
        require(bool(np.isfinite(self.rotation).all()), "rotation must be finite")
        require(bool(np.isfinite(self.translation_mm).all()), "translation must be finite")
        require(
            bool(np.allclose(self.rotation @ self.rotation.T, np.eye(3), atol=1e-3)),
            "rotation must be orthonormal to 1e-3",
        )
        read_only(self.rotation)
        read_only(self.translation_mm)


@dataclass(frozen=True, slots=True)
class KinectV2Polynomial:
    """The Kinect v2 factory's 26 colour parameters, named as in libfreenect2's ``ColorCameraParams``.

    ``mx`` and ``my`` each hold ten cubic coefficients in the order x3y0 x0y3 x2y1 x1y2 x2y0 x0y2 x1y1 x1y0 x0y1 x0y0.
    """

    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float
    shift_d: float
    shift_m: float
    mx: tuple[float, ...]
    my: tuple[float, ...]

    def __post_init__(self) -> None:
        require(len(self.mx) == 10 and len(self.my) == 10, "mx and my must have ten coefficients each")  # noqa: PLR2004
        numbers = (self.fx_px, self.fy_px, self.cx_px, self.cy_px, self.shift_d, self.shift_m, *self.mx, *self.my)
        require(bool(np.isfinite(numbers).all()), "colour parameters must be finite")
        require(self.shift_d > 0, f"shift_d must be positive, got {self.shift_d}")


DepthToColor: TypeAlias = Registered | Extrinsic | KinectV2Polynomial


@dataclass(frozen=True, slots=True)
class Calibration:
    """Both cameras and how a depth pixel maps into the colour image."""

    color: Intrinsics
    depth: Intrinsics
    depth_to_color: DepthToColor


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Frame:
    """One moment as the camera saw it.

    ``captured_ns`` is the host's ``CLOCK_MONOTONIC`` for a live source and the recording's own clock for a replay.
    ``depth_mm`` and ``calibration`` are None only for sources that have none (webcam); such a frame can never unlock.
    """

    seq: int
    captured_ns: int
    color: U8  # [H,W,3] RGB
    depth_mm: U16 | None  # [h,w]; 0 = no reading
    calibration: Calibration | None
    infrared: U16 | None = None  # [h,w]
    device_us: int | None = None

    def __post_init__(self) -> None:
        require_array("color", self.color, np.uint8, 3)
        require(self.color.shape[2] == 3, f"color must be [H,W,3], got {self.color.shape}")  # noqa: PLR2004
        read_only(self.color)
        for name, plane in (("depth_mm", self.depth_mm), ("infrared", self.infrared)):
            if plane is not None:
                require_array(name, plane, np.uint16, 2)
                read_only(plane)

    def __repr__(self) -> str:
        """Name the frame without showing what is in it."""
        return f"Frame(seq={self.seq}, captured_ns={self.captured_ns})"
