"""Simulated prints: a real frame in, the same frame with the depth of a sheet of paper out.

The colour stays what it was (a perfect print, lit like its subject), only its size follows the distance; the depth of
everything is replaced by the sheet's, seen through the same pixels and sensed by the laboratory's depth camera. So the
attack is stronger than life in colour and as good as the sensor model in depth. Every figure made from these is to be
called *simulated*. The person's own depth never reaches the frame.
"""

from dataclasses import dataclass, replace
from enum import StrEnum, unique
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from kinect_unlock.align import rays
from kinect_unlock.frames import F32, F64, U8, U16, Frame, Intrinsics
from kinect_unlock_lab.sensor import DepthNoise, sense_depth

_SHEET_MM: Final = (210.0, 297.0)  # A4 upright
_THUMB_RADIUS_MM: Final = 10.0
_THUMB_HEIGHT_MM: Final = 16.0
_THUMB_DROP_MM: Final = 20.0  # below the sheet's middle
_FINE_UNTIL_MM: Final = 1024
_FINE_STEP_MM: Final = 4  # the development data's steps below ...
_COARSE_STEP_MM: Final = 8  # ... and above
_Bool: TypeAlias = NDArray[np.bool_]


@unique
class Shape(StrEnum):
    """How the sheet is held."""

    FLAT = "flat"
    BENT = "bent"  # evenly, to a radius
    FOLDED = "folded"  # to two flat halves, by an angle


@dataclass(frozen=True, slots=True)
class Print:
    """One print of a face at life size, and how it is presented.

    ``axis_deg``: of the bend or fold, 0 upright, clockwise as the image shows it. ``hollow``: bent away from the
    camera at its edges otherwise, towards it if hollow. ``ink_mm``: how much further white reads than black, for
    time of flight is fooled by reflectance. ``thumbs_mm``: how near to the middle the thumbs that hold it reach, None
    for no thumbs.
    """

    shape: Shape = Shape.FLAT
    radius_mm: float = 100.0
    fold_deg: float = 40.0  # by which each half turns away
    axis_deg: float = 0.0
    hollow: bool = False
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    distance_mm: float = 800.0
    ink_mm: float = 0.0
    thumbs_mm: float | None = None
    tremor_mm: float = 3.0
    tremor_deg: float = 1.5

    @property
    def species(self) -> str:
        """Name the instrument as tables do."""
        held = ", thumbs in front" if self.thumbs_mm is not None else ""
        match self.shape:
            case Shape.FLAT:
                return f"flat{held}"
            case Shape.BENT:
                return f"bent to {self.radius_mm:g} mm{held}"
            case Shape.FOLDED:
                return f"folded by {2 * self.fold_deg:g} deg{held}"

    @property
    def tilt_deg(self) -> float:
        """Angle between the sheet's normal and the camera's axis, near enough for bands."""
        return float(np.hypot(self.yaw_deg, self.pitch_deg))


@dataclass(frozen=True, slots=True)
class Victim:
    """Where the printed face is in the frame that the print is made from."""

    frame: Frame
    middle_px: tuple[float, float]
    distance_mm: float


def present(victim: Victim, sheet: Print, rng: np.random.Generator, noise: DepthNoise | None = None) -> Frame:
    """Hold the print before the camera for one frame, hands trembling.

    The victim's frame must have registered depth. Raises ValueError for one without depth or calibration.
    """
    frame = victim.frame
    if frame.depth_mm is None or frame.calibration is None or frame.depth_mm.shape != frame.color.shape[:2]:
        raise ValueError("a print can be made of frames with registered depth only")
    shaken = _shaken(sheet, rng)
    color = _life_size(frame.color, victim, shaken.distance_mm)
    truth = sheet_depth(shaken, frame.calibration.color, victim.middle_px)
    if shaken.ink_mm:
        truth = truth + np.float32(shaken.ink_mm) * _brightness(color)
    reading = sense_depth(truth, np.full_like(truth, np.inf), noise or DepthNoise(), rng)
    return Frame(frame.seq, frame.captured_ns, color, in_steps(reading), frame.calibration)


def sheet_depth(sheet: Print, camera: Intrinsics, middle_px: tuple[float, float]) -> F32:
    """Intersect every pixel's ray with the sheet: depth f32[h,w] in mm, infinity beside it."""
    y, x = np.mgrid[0 : camera.height_px, 0 : camera.width_px].astype(np.float32)
    ray_x, ray_y = rays(camera, x, y)
    ray = np.stack((ray_x, ray_y, np.ones_like(ray_x)), axis=2).astype(np.float64)
    middle_x, middle_y = rays(camera, *np.array(middle_px, np.float32)[:, None])
    middle = np.array((middle_x[0], middle_y[0], 1.0), np.float64) * sheet.distance_mm
    frame = _turn(sheet.yaw_deg, sheet.pitch_deg)  # columns: across, down, away from the camera
    local_ray, local_eye = ray @ frame, -(middle @ frame)
    depth = np.nan_to_num(_DISTANCE[sheet.shape](sheet, local_ray, local_eye), nan=np.inf, posinf=np.inf)
    depth[depth <= 0] = np.inf
    with np.errstate(invalid="ignore"):
        place = local_eye + depth[..., None] * local_ray
    half_across, half_down = _SHEET_MM[0] / 2, _SHEET_MM[1] / 2
    on_sheet = np.isfinite(depth) & (np.abs(place[..., 0]) <= half_across) & (np.abs(place[..., 1]) <= half_down)
    shown: F64 = np.where(on_sheet, depth, np.inf)
    if sheet.thumbs_mm is not None:
        thumb = on_sheet & _under_thumbs(place[..., 0], place[..., 1], sheet.thumbs_mm)
        shown = np.where(thumb, shown - _THUMB_HEIGHT_MM, shown)
    return shown.astype(np.float32)


def _flat(sheet: Print, ray: F64, eye: F64) -> F64:
    """Distance along rays f64[h,w,3] from ``eye`` to the plane z = 0 of the sheet's frame."""
    del sheet
    distance: F64 = -eye[2] / ray[..., 2]
    return distance


def _bent(sheet: Print, ray: F64, eye: F64) -> F64:
    """Distance to the cylinder that touches z = 0 in the middle; its nearer or, hollow, its further side."""
    across, _ = _bend_axes(sheet.axis_deg)
    flat = np.stack((across, np.array((0.0, 0.0, 1.0))), axis=1)  # the plane across the axis
    centre = np.array((0.0, -sheet.radius_mm if sheet.hollow else sheet.radius_mm))
    start, way = eye @ flat - centre, ray @ flat
    a, b = (way**2).sum(axis=-1), way @ start
    c = float(start @ start) - sheet.radius_mm**2
    with np.errstate(invalid="ignore", divide="ignore"):
        root = np.sqrt(b * b - a * c)
        distance: F64 = (-b + root) / a if sheet.hollow else (-b - root) / a
    return distance


def _folded(sheet: Print, ray: F64, eye: F64) -> F64:
    """Distance to two half planes that meet along the axis; the fold is nearest or, hollow, furthest."""
    across, _ = _bend_axes(sheet.axis_deg)
    slope = np.tan(np.radians(sheet.fold_deg))
    normals = (np.array((0.0, 0.0, 1.0)) - slope * across, np.array((0.0, 0.0, 1.0)) + slope * across)
    halves = [-(eye @ normal) / (ray @ normal) for normal in normals]
    folded: F64 = np.minimum(*halves) if sheet.hollow else np.maximum(*halves)
    return folded


_DISTANCE: Final = {Shape.FLAT: _flat, Shape.BENT: _bent, Shape.FOLDED: _folded}


def _bend_axes(axis_deg: float) -> tuple[F64, F64]:
    """Return the directions f64[3] across and along the axis in the sheet's frame."""
    turn = np.radians(axis_deg)
    return np.array((np.cos(turn), np.sin(turn), 0.0)), np.array((-np.sin(turn), np.cos(turn), 0.0))


def _turn(yaw_deg: float, pitch_deg: float) -> F64:
    """Return the sheet's axes as columns f64[3,3], turned about the vertical and then tipped."""
    yaw, pitch = np.radians((yaw_deg, pitch_deg))
    about_y = np.array(((np.cos(yaw), 0, np.sin(yaw)), (0, 1, 0), (-np.sin(yaw), 0, np.cos(yaw))))
    about_x = np.array(((1, 0, 0), (0, np.cos(pitch), -np.sin(pitch)), (0, np.sin(pitch), np.cos(pitch))))
    turned: F64 = about_y @ about_x
    return turned


def _under_thumbs(across: F64, down: F64, reach_mm: float) -> _Bool:
    """Say which places two level thumbs from the sheet's sides cover."""
    beyond = np.maximum(reach_mm + _THUMB_RADIUS_MM - np.abs(across), 0)
    covered: _Bool = np.hypot(beyond, down - _THUMB_DROP_MM) <= _THUMB_RADIUS_MM
    return covered


def _shaken(sheet: Print, rng: np.random.Generator) -> Print:
    turn, tip, step = rng.normal(0, (sheet.tremor_deg, sheet.tremor_deg, sheet.tremor_mm))
    return replace(
        sheet,
        yaw_deg=sheet.yaw_deg + turn,
        pitch_deg=sheet.pitch_deg + tip,
        distance_mm=sheet.distance_mm + step,
    )


def _life_size(color: U8, victim: Victim, distance_mm: float) -> U8:
    """Scale the picture around the face's middle as far as the print is nearer than its subject was."""
    scale = victim.distance_mm / distance_mm
    x, y = victim.middle_px
    move = np.array(((scale, 0, x * (1 - scale)), (0, scale, y * (1 - scale))))
    size = (color.shape[1], color.shape[0])
    return cv2.warpAffine(color, move, size, flags=cv2.INTER_LINEAR).astype(np.uint8, copy=False)


def _brightness(color: U8) -> F32:
    """Return f32[h,w], -0.5 black to 0.5 white, smoothed as the sensor's pixels are."""
    grey = cv2.cvtColor(color, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), 1.0), np.float32) - np.float32(0.5)


def in_steps(reading: U16) -> U16:
    """Round to the steps in which the development data is stored."""
    step = np.where(reading < _FINE_UNTIL_MM, _FINE_STEP_MM, _COARSE_STEP_MM)
    return (np.rint(reading / step) * step).astype(np.uint16)
