"""A Kinect v2 that was never built: nominal calibration, both projections, and what its depth camera does to a scene.

The forward model is written from the published formulas (Brown-Conrady; libfreenect2's colour polynomials), apart from
the product's own alignment, so that each can be tested against the other. Depth-camera coordinates throughout: x
right, y down, z away, millimetres.
"""

from dataclasses import dataclass
from typing import Final, assert_never

import cv2
import numpy as np

from kinect_unlock.arrays import F32, F64, U16
from kinect_unlock.frames import Calibration, Extrinsic, Intrinsics, KinectV2Polynomial, Registered

_DEPTH_Q: Final = 0.01  # the factory's scale of depth pixels in the polynomials
_COLOR_Q: Final = 0.002199  # and of colour pixels
_FULL_FX_PX: Final = 1081.37
_SHIFT_M: Final = 52.0
_SHIFT_D: Final = 863.0
_COARSER_FROM_MM: Final = 1024
_FINE_STEP_MM: Final = np.float32(4)
_COARSE_STEP_MM: Final = np.float32(8)
EMITTER_MM: Final = np.array([26.0, 0.0, 0.0])  # the infrared lamp beside the depth camera: it casts the shadow


@dataclass(frozen=True, slots=True)
class Crop:
    """The part of the 1920 x 1080 colour image that is kept, after it was reduced by a whole number."""

    reduced_by: int
    x_px: int
    y_px: int
    width_px: int
    height_px: int


DEMO_CROP: Final = Crop(reduced_by=2, x_px=224, y_px=30, width_px=512, height_px=480)
FULL_COLOR: Final = Crop(reduced_by=1, x_px=0, y_px=0, width_px=1920, height_px=1080)


def nominal_kinect(crop: Crop = FULL_COLOR) -> Calibration:
    """Return the calibration of an invented Kinect v2 whose colour image was reduced and cropped like this."""
    scale = 1.0 / crop.reduced_by
    cx = (959.5 + 0.5) * scale - 0.5 - crop.x_px
    cy = (539.5 + 0.5) * scale - 0.5 - crop.y_px
    fx = _FULL_FX_PX * scale
    mx = (4.5e-4, 1.9e-5, 4.8e-5, 3.5e-4, -2.4e-5, -1.2e-5, 9.9e-4, 0.6506, 0.0021, 0.1433)
    my = (4.4e-6, 7.2e-4, 4.0e-4, 4.9e-5, 1.4e-4, 1.07e-3, -1.8e-5, -0.0024, 0.6501, 0.0062)
    return Calibration(
        color=Intrinsics(crop.width_px, crop.height_px, fx, fx, cx, cy),
        depth=Intrinsics(512, 424, 365.6, 365.6, 256.3, 206.8, k1=0.092, k2=-0.269, k3=0.091),
        depth_to_color=KinectV2Polynomial(
            fx_px=fx,
            fy_px=fx,
            cx_px=cx,
            cy_px=cy,
            shift_d=_SHIFT_D,
            shift_m=_SHIFT_M,
            mx=tuple(scale * value for value in mx),
            my=tuple(scale * value for value in my),
        ),
    )


def distort(x: F64, y: F64, lens: Intrinsics) -> tuple[F64, F64]:
    """Bend normalised image coordinates as the lens does."""
    r2 = x * x + y * y
    radial = 1 + r2 * (lens.k1 + r2 * (lens.k2 + r2 * lens.k3))
    return (
        x * radial + 2 * lens.p1 * x * y + lens.p2 * (r2 + 2 * x * x),
        y * radial + lens.p1 * (r2 + 2 * y * y) + 2 * lens.p2 * x * y,
    )


def _pinhole(points_mm: F64, lens: Intrinsics) -> F64:
    x, y = distort(points_mm[:, 0] / points_mm[:, 2], points_mm[:, 1] / points_mm[:, 2], lens)
    return np.stack([x * lens.fx_px + lens.cx_px, y * lens.fy_px + lens.cy_px, points_mm[:, 2]], axis=1)


def project_to_depth(points_mm: F64, calibration: Calibration) -> F64:
    """Return f64[N,3]: pixel x and y in the raw (distorted) depth image, and z in mm."""
    return _pinhole(points_mm, calibration.depth)


def project_to_color(points_mm: F64, calibration: Calibration) -> F64:
    """Return f64[N,3]: pixel x and y in the colour image, and z in mm."""
    mapping = calibration.depth_to_color
    match mapping:
        case Registered():
            return _pinhole(points_mm, calibration.depth)
        case Extrinsic():
            return _pinhole(points_mm @ mapping.rotation.T + mapping.translation_mm, calibration.color)
        case KinectV2Polynomial():
            return _polynomial(points_mm, calibration.depth, mapping)
        case _:
            assert_never(mapping)


def _polynomial(points_mm: F64, depth: Intrinsics, color: KinectV2Polynomial) -> F64:
    z = points_mm[:, 2]
    u = points_mm[:, 0] / z * depth.fx_px * _DEPTH_Q
    v = points_mm[:, 1] / z * depth.fy_px * _DEPTH_Q
    terms = np.stack([u**3, v**3, u * u * v, u * v * v, u * u, v * v, u * v, u, v, np.ones_like(u)], axis=1)
    shift = color.shift_m / z - color.shift_m / color.shift_d
    x = terms @ np.array(color.mx) / _COLOR_Q + shift * color.fx_px + color.cx_px
    y = terms @ np.array(color.my) / _COLOR_Q + color.cy_px
    return np.stack([x, y, z], axis=1)


@dataclass(frozen=True, slots=True)
class DepthNoise:
    """How the depth camera errs. Spreads are at 800 mm and grow with distance to the power 1.5.

    Defaults follow a real frame at 0.6 m: neighbours differ by about 1 mm, a hole of one to two pixels runs along
    outlines, and readings fly between the surfaces. ``far_step_mm``: beyond ``coarse_from_mm`` readings are rounded
    to this, which no sensor does; it keeps recordings small.
    """

    white_mm: float = 0.9
    blotch_mm: float = 0.8
    edge_step_mm: float = 30.0
    edge_hole: float = 0.55
    edge_flying: float = 0.25
    grazing_hole: float = 0.5
    stray_hole: float = 0.0004
    far_step_mm: float = 16.0
    coarse_from_mm: float = 1400.0


def sense_depth(truth_mm: F32, lit: F32, noise: DepthNoise, rng: np.random.Generator) -> U16:
    """Turn true depth f32[h,w] (infinity = nothing) into a reading u16[h,w] in mm, 0 = none.

    ``lit`` f32[h,w] is the depth that the infrared lamp sees along the same pixel's ray, infinity where nothing is in
    the way: what lies in the lamp's shadow gives no reading.
    """
    there = np.isfinite(truth_mm)
    z = np.where(there, truth_mm, 0.0).astype(np.float32)
    growth = np.minimum(np.power(z / 800.0, 1.5), 2.0)  # a real wall at 1.4 m is no noisier
    white = cv2.GaussianBlur(rng.standard_normal(z.shape).astype(np.float32), (0, 0), 0.6) * 1.9
    blotch = cv2.GaussianBlur(rng.standard_normal(z.shape).astype(np.float32), (0, 0), 4.0) * 14.0
    reading = z + growth * (noise.white_mm * white + noise.blotch_mm * blotch)
    near = cv2.erode(np.where(there, z, 9999.0).astype(np.float32), np.ones((3, 3), np.uint8))
    far = cv2.dilate(z, np.ones((3, 3), np.uint8))
    chance = rng.random(z.shape)
    edge = there & (far - near > noise.edge_step_mm)
    hole = edge & (chance < noise.edge_hole)
    flying = edge & ~hole & (chance < noise.edge_hole + noise.edge_flying)
    reading = np.where(flying, near + (far - near) * rng.random(z.shape) ** 2 * 0.6, reading)
    slope = (far - near) / np.maximum(z, 1.0) * 365.0 / 2.0  # mm of depth per mm across
    hole |= there & ~edge & (slope > 3.5) & (rng.random(z.shape) < noise.grazing_hole)
    hole |= rng.random(z.shape) < noise.stray_hole
    hole |= truth_mm > lit + 25.0
    reading = np.where(
        reading > noise.coarse_from_mm, np.round(reading / noise.far_step_mm) * noise.far_step_mm, reading
    )
    valid = there & ~hole & (reading >= 500.0) & (reading <= 4500.0)
    return np.where(valid, np.round(reading), 0.0).astype(np.uint16)


def in_steps(reading_mm: F32) -> F32:
    """Round readings f32[h,w] down to the steps in which rgbd-faces is kept: 4 mm, from 1024 mm on 8 mm."""
    step = np.where(reading_mm < _COARSER_FROM_MM, _FINE_STEP_MM, _COARSE_STEP_MM)
    return np.asarray(np.floor(reading_mm / step) * step, np.float32)


def lamp_view(blocked_mm: F32, truth_mm: F32, calibration: Calibration) -> F32:
    """Look up, for every depth pixel, how far the lamp's light gets along the way to it, f32[h,w] mm.

    ``blocked_mm`` f32[h,w] is the scene as it is seen from `EMITTER_MM` with the depth camera's lens.
    """
    height, width = truth_mm.shape
    row, column = np.mgrid[0:height, 0:width]
    with np.errstate(invalid="ignore"):
        shifted = column - EMITTER_MM[0] * calibration.depth.fx_px / truth_mm
    where = np.clip(np.nan_to_num(shifted, posinf=0.0, neginf=0.0).round().astype(np.int64), 0, width - 1)
    return np.asarray(blocked_mm[row, where], np.float32)


def expose_color(linear_rgb: F32, *, gain: float, noise: float, rng: np.random.Generator) -> F32:
    """Turn linear light f32[h,w,3] into what a camera stores, f32[h,w,3] 0..255: lens blur, shoulder, gamma, grain."""
    height, width = linear_rgb.shape[:2]
    row, column = np.mgrid[0:height, 0:width]
    radius2 = ((column - width / 2) ** 2 + (row - height / 2) ** 2) / (width * width / 4)
    image = cv2.GaussianBlur(linear_rgb, (0, 0), 0.55) * (gain * (1 - 0.12 * radius2))[..., None].astype(np.float32)
    image = np.power(np.clip(image * (1 + image * 0.08) / (1 + 0.45 * image), 0, 1), 1 / 2.2) * 255.0
    image = cv2.addWeighted(image, 1.25, cv2.GaussianBlur(image, (0, 0), 1.2), -0.25, 0)  # the camera sharpens
    grain = cv2.GaussianBlur(rng.standard_normal((height, width, 3)).astype(np.float32), (0, 0), 0.8) * 2.2
    return np.asarray(np.clip(image + noise * grain, 0, 255), np.float32)
