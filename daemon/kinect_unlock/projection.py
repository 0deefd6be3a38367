"""Where the readings of a depth camera fall in the image of a colour camera beside it.

One class for each way in which the two may be known: by the Kinect v2's factory, or by a rotation and a translation.
"""

from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

import numpy as np

from kinect_unlock.arrays import F32, F64
from kinect_unlock.frames import Calibration, Extrinsic, Intrinsics, KinectV2Polynomial
from kinect_unlock.lens import every_pixel, pixels, rays

_PIXEL_MM: Final = 0.01  # unit of the factory polynomials' argument, libfreenect2's ``depth_q``
_COLOR_Q: Final = 0.002199  # libfreenect2's ``color_q``

Part: TypeAlias = tuple[slice, slice]  # rows and columns of the depth image


@dataclass(frozen=True, slots=True)
class Landed:
    """Where the readings of a part of the depth image fall: f32 arrays of the part's shape."""

    x_px: F32
    y_px: F32
    z_mm: F32  # along the colour camera's axis; 0: falls nowhere, and x and y mean nothing


class Projection(Protocol):
    """Where a reading of a depth pixel falls in the colour image."""

    def land(self, part: Part, depth_mm: F32) -> Landed:
        """Project the readings of a part of the depth image; 0 = no reading, which falls nowhere."""
        ...


class Factory:
    """The Kinect v2's own model, as libfreenect2's ``Registration`` applies it.

    The row does not depend on the distance; the column does by ``shift_m / z``. The two cameras' axes are taken as
    parallel, so the depth along the colour axis is the reading itself.
    """

    def __init__(self, camera: Intrinsics, factory: KinectV2Polynomial) -> None:
        ray_x, ray_y = rays(camera, *every_pixel(camera))
        x = ray_x.astype(np.float64) * camera.fx_px * _PIXEL_MM
        y = ray_y.astype(np.float64) * camera.fy_px * _PIXEL_MM
        across = _cubic(factory.mx, x, y) / (factory.fx_px * _COLOR_Q) - factory.shift_m / factory.shift_d
        self._x_far_px = _or_nowhere(across * factory.fx_px + factory.cx_px)
        self._y_px = _or_nowhere(_cubic(factory.my, x, y) / _COLOR_Q + factory.cy_px)
        self._shift = np.float32(factory.shift_m * factory.fx_px)

    def land(self, part: Part, depth_mm: F32) -> Landed:
        """Move each column by what its distance asks."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return Landed(self._x_far_px[part] + self._shift / depth_mm, self._y_px[part], depth_mm)


def _cubic(c: tuple[float, ...], x: F64, y: F64) -> F64:
    """Evaluate ten coefficients in the order x3 y3 x2y xy2 x2 y2 xy x y 1."""
    value: F64 = (
        c[0] * x**3 + c[1] * y**3 + c[2] * x * x * y + c[3] * x * y * y
        + c[4] * x * x + c[5] * y * y + c[6] * x * y + c[7] * x + c[8] * y + c[9]
    )  # fmt: skip
    return value


def _or_nowhere(pixels: F64) -> F32:
    return np.nan_to_num(pixels, nan=np.inf).astype(np.float32)


class Rigid:
    """Two cameras with a known rotation and translation between them."""

    def __init__(self, calibration: Calibration, extrinsic: Extrinsic) -> None:
        self._color = calibration.color
        ray_x, ray_y = rays(calibration.depth, *every_pixel(calibration.depth))
        turned = np.tensordot(extrinsic.rotation, np.stack((ray_x, ray_y, np.ones_like(ray_x))), 1)
        self._x, self._y, self._z = turned.astype(np.float32)  # NaN where the lens cannot be undone
        self._shift_mm = extrinsic.translation_mm.astype(np.float32)

    def land(self, part: Part, depth_mm: F32) -> Landed:
        """Turn, shift and project; what comes to lie behind the colour camera falls nowhere."""
        shift_x, shift_y, shift_z = self._shift_mm
        z = self._z[part] * depth_mm + shift_z
        z[~((depth_mm > 0) & (z > 0))] = np.nan
        x, y = (self._x[part] * depth_mm + shift_x) / z, (self._y[part] * depth_mm + shift_y) / z
        x_px, y_px = pixels(self._color, x, y)
        z[np.isnan(x_px)] = 0
        return Landed(x_px, y_px, z)
