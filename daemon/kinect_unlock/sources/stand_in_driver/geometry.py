"""Any recording's calibration in the form a Kinect v2 reports: 1920 x 1080 colour, 512 x 424 depth, 26 numbers.

The colour picture is enlarged by a whole number, so that its focal length comes near a Kinect's, and laid where a
Kinect's optical axis is; the depth image is laid on a larger one unchanged. A factory calibration goes along exactly.
Colour and depth on one grid, and two cameras with a known pose, are fitted by the factory's model, which is exact for
parallel pinhole cameras side by side; what it cannot say within `_FIT_MAX_PX` is refused.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from kinect_unlock.align import landed
from kinect_unlock.arrays import F32, F64
from kinect_unlock.errors import SourceError
from kinect_unlock.frames import Calibration, Intrinsics, KinectV2Polynomial
from kinect_unlock.lens import rays

COLOR_WIDTH_PX: Final = 1920
COLOR_HEIGHT_PX: Final = 1080
DEPTH_WIDTH_PX: Final = 512
DEPTH_HEIGHT_PX: Final = 424

_COLOR_FX_PX: Final = 1081.37  # of libfreenect2's documented example
_COLOR_CENTRE_PX: Final = (959.5, 539.5)
_DEPTH_CENTRE_PX: Final = (256.0, 206.0)

_DEPTH_Q: Final = 0.01  # scale of depth pixels in the factory's polynomials (libfreenect2, registration)
_COLOR_Q: Final = 0.002199  # and of colour pixels
_SHIFT_D_MM: Final = 863.0  # any distance would do: the fit's constant term takes up what it changes
_FIT_AT_MM: Final = (500, 1000, 4500)  # the distances a Kinect v2 reads at
_FIT_STEP_PX: Final = 16
_IR_FIELDS: Final = ("fx_px", "fy_px", "cx_px", "cy_px", "k1", "k2", "k3", "p1", "p2")
_COLOR_FIELDS: Final = ("fx_px", "fy_px", "cx_px", "cy_px", "shift_d", "shift_m")
_TERMS: Final = ("x3y0", "x0y3", "x2y1", "x1y2", "x2y0", "x0y2", "x1y1", "x1y0", "x0y1", "x0y0")

_FIT_MAX_PX: Final = 1.0  # of the 1920 columns; a depth pixel is three of these


@dataclass(frozen=True, slots=True)
class KinectForm:
    """How a recording's pictures are laid out as a Kinect's, and the calibration that then holds."""

    calibration: Calibration
    enlarged_by: int
    color_at_px: tuple[int, int]  # x, y of the enlarged picture's corner
    depth_at_px: tuple[int, int]


def kinect_form(recorded: Calibration) -> KinectForm:
    """Lay out pictures of this calibration as a Kinect's.

    Raises:
        SourceError: they are larger than a Kinect's, or the factory's model cannot say where depth falls in colour.
    """
    color, depth = recorded.color, recorded.depth
    fits = min(COLOR_WIDTH_PX // color.width_px, COLOR_HEIGHT_PX // color.height_px)
    if not fits or depth.width_px > DEPTH_WIDTH_PX or depth.height_px > DEPTH_HEIGHT_PX:
        raise SourceError(
            f"colour of {color.width_px}x{color.height_px} and depth of {depth.width_px}x{depth.height_px} pixels is "
            f"more than a Kinect v2's {COLOR_WIDTH_PX}x{COLOR_HEIGHT_PX} and {DEPTH_WIDTH_PX}x{DEPTH_HEIGHT_PX}; play "
            "another recording"
        )
    by = max(1, min(fits, round(_COLOR_FX_PX / color.fx_px)))
    full = (COLOR_WIDTH_PX, COLOR_HEIGHT_PX)
    color_at = _corner(
        _enlarged(color, by, (0, 0), full), (color.width_px * by, color.height_px * by), _COLOR_CENTRE_PX
    )
    large = _enlarged(color, by, color_at, full)
    whole = (DEPTH_WIDTH_PX, DEPTH_HEIGHT_PX)
    depth_at = _corner(
        replace(depth, width_px=whole[0], height_px=whole[1]), (depth.width_px, depth.height_px), _DEPTH_CENTRE_PX
    )
    moved = replace(
        depth, width_px=whole[0], height_px=whole[1], cx_px=depth.cx_px + depth_at[0], cy_px=depth.cy_px + depth_at[1]
    )
    factory = recorded.depth_to_color
    if isinstance(factory, KinectV2Polynomial):
        polynomial = _moved(factory, by, color_at)
    else:
        polynomial = _fitted(recorded, large, by, color_at)
    return KinectForm(Calibration(large, moved, polynomial), by, color_at, depth_at)


def _enlarged(camera: Intrinsics, by: int, at_px: tuple[int, int], size: tuple[int, int]) -> Intrinsics:
    """Return the camera of a picture enlarged about pixel corners and moved; distortion is free of both."""
    return replace(
        camera,
        width_px=size[0],
        height_px=size[1],
        fx_px=camera.fx_px * by,
        fy_px=camera.fy_px * by,
        cx_px=_place(camera.cx_px, by, at_px[0]),
        cy_px=_place(camera.cy_px, by, at_px[1]),
    )


def _place(pixel: float, by: int, at_px: int) -> float:
    return (pixel + 0.5) * by - 0.5 + at_px


def _corner(camera: Intrinsics, size: tuple[int, int], centre_px: tuple[float, float]) -> tuple[int, int]:
    """Return where a picture of ``size`` goes so that its optical axis is near ``centre_px`` and nothing is cut."""
    wanted = (round(centre_px[0] - camera.cx_px), round(centre_px[1] - camera.cy_px))
    return (
        min(max(0, wanted[0]), camera.width_px - size[0]),
        min(max(0, wanted[1]), camera.height_px - size[1]),
    )


def _moved(factory: KinectV2Polynomial, by: int, at_px: tuple[int, int]) -> KinectV2Polynomial:
    return KinectV2Polynomial(
        fx_px=factory.fx_px * by,
        fy_px=factory.fy_px * by,
        cx_px=_place(factory.cx_px, by, at_px[0]),
        cy_px=_place(factory.cy_px, by, at_px[1]),
        shift_d=factory.shift_d,
        shift_m=factory.shift_m,
        mx=tuple(value * by for value in factory.mx),
        my=tuple(value * by for value in factory.my),
    )


def _fitted(recorded: Calibration, large: Intrinsics, by: int, at_px: tuple[int, int]) -> KinectV2Polynomial:
    """Fit the factory's model by least squares to where sampled readings fall; the unknowns enter linearly."""
    depth = recorded.depth
    rows, columns = np.mgrid[0 : depth.height_px : _FIT_STEP_PX, 0 : depth.width_px : _FIT_STEP_PX].astype(np.float32)
    ray_x, ray_y = rays(depth, columns, rows)
    systems: list[F64] = []
    found_x: list[F64] = []
    found_y: list[F64] = []
    for z_mm in _FIT_AT_MM:
        plane_mm = np.full((depth.height_px, depth.width_px), z_mm, np.uint16)
        x_px, y_px, _ = landed(plane_mm, recorded, _FIT_STEP_PX)
        good = np.isfinite(ray_x) & np.isfinite(x_px) & np.isfinite(y_px)
        shift = large.fx_px * (1.0 / z_mm - 1.0 / _SHIFT_D_MM)
        terms = _powers(ray_x[good] * depth.fx_px, ray_y[good] * depth.fy_px)
        systems.append(np.column_stack((terms / _COLOR_Q, np.full(len(terms), shift))))
        found_x.append(_place_all(x_px[good], by, at_px[0]) - large.cx_px)
        found_y.append(_place_all(y_px[good], by, at_px[1]) - large.cy_px)
    system, x, y = np.concatenate(systems), np.concatenate(found_x), np.concatenate(found_y)
    across = np.linalg.lstsq(system, x, rcond=None)[0]
    down = np.linalg.lstsq(system[:, :-1], y, rcond=None)[0]
    worst_px = max(float(np.abs(system @ across - x).max()), float(np.abs(system[:, :-1] @ down - y).max()))
    if not worst_px <= _FIT_MAX_PX:
        raise SourceError(
            f"a Kinect v2's 26 colour numbers cannot say this recording's depth_to_color: they are off by up to "
            f"{worst_px:.1f} pixels, and {_FIT_MAX_PX:g} may be; play one whose cameras stand side by side"
        )
    mx, my = tuple(across[:-1].tolist()), tuple(down.tolist())
    return KinectV2Polynomial(
        large.fx_px, large.fy_px, large.cx_px, large.cy_px, _SHIFT_D_MM, float(across[-1]), mx, my
    )


def _powers(x_px: F32, y_px: F32) -> F64:
    """Return f64[N,10]: x3y0 x0y3 x2y1 x1y2 x2y0 x0y2 x1y1 x1y0 x0y1 x0y0 of the factory's scaled pixels."""
    x, y = x_px.astype(np.float64) * _DEPTH_Q, y_px.astype(np.float64) * _DEPTH_Q
    columns = (x**3, y**3, x * x * y, x * y * y, x * x, y * y, x * y, x, y, np.ones_like(x))
    return np.asarray(np.stack(columns, axis=1), dtype=np.float64)


def _place_all(pixels: F32, by: int, at_px: int) -> F64:
    return np.asarray((pixels.astype(np.float64) + 0.5) * by - 0.5 + at_px, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Numbers:
    """The calibration under the binding's attribute names."""

    ir: dict[str, float]
    color: dict[str, float]


def numbers(calibration: Calibration) -> Numbers:
    """Return what a Kinect of this calibration reports.

    Raises:
        ValueError: its ``depth_to_color`` is not the factory's.
    """
    depth, factory = calibration.depth, calibration.depth_to_color
    if not isinstance(factory, KinectV2Polynomial):
        raise ValueError(f"a Kinect v2 reports its factory's polynomials, not {type(factory).__name__}")  # noqa: TRY004
    ir = {name.removesuffix("_px"): getattr(depth, name) for name in _IR_FIELDS}
    color = {name.removesuffix("_px"): getattr(factory, name) for name in _COLOR_FIELDS}
    color |= {f"mx_{term}": value for term, value in zip(_TERMS, factory.mx, strict=True)}
    color |= {f"my_{term}": value for term, value in zip(_TERMS, factory.my, strict=True)}
    return Numbers(ir, color)
