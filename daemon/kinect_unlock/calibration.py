"""A calibration as plain data: what recordings carry and what a person writes beside a folder of images.

The form, here as JSON (YAML reads the same)::

    {
      "color": {"width_px": 1920, "height_px": 1080, "fx_px": 1081.4, "fy_px": 1081.4, "cx_px": 959.5, "cy_px": 539.5},
      "depth": {"width_px": 512, "height_px": 424, "fx_px": 365.5, "fy_px": 365.5, "cx_px": 257.0, "cy_px": 210.0,
                "k1": 0.09, "k2": -0.27, "k3": 0.09, "p1": 0.0, "p2": 0.0},
      "depth_to_color": {"kind": "extrinsic",
                         "rotation": [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
                         "translation_mm": [-52.0, 0.0, 0.0]}
    }

``depth_to_color`` is one of three kinds, those of `kinect_unlock.frames`: ``{"kind": "registered"}`` (colour and
depth share one pixel grid; ``depth`` may then be left out), ``extrinsic`` as above, and ``kinect-v2`` with the
factory's ``fx_px fy_px cx_px cy_px shift_d shift_m mx my``. Distortion may be left out. Lengths are in millimetres,
image coordinates in pixels with pixel centres at whole numbers. Reading and writing files is the caller's work.
"""

from typing import Annotated, Any, Final, TypeAlias

import msgspec
import numpy as np
from msgspec import Meta, Struct

from kinect_unlock.frames import (
    Calibration,
    DepthToColor,
    Extrinsic,
    Intrinsics,
    KinectV2Polynomial,
    Registered,
)

MAX_SIDE_PX: Final = 8192  # no colour camera of this kind is larger; a damaged file may claim anything

EXAMPLE: Final = """\
color: {width_px: 119, height_px: 149, fx_px: 365.0, fy_px: 365.0, cx_px: 59.0, cy_px: 74.0}
depth_to_color: {kind: registered}   # colour and depth share one pixel grid
"""

_Side: TypeAlias = Annotated[int, Meta(ge=1, le=MAX_SIDE_PX)]
_Triple: TypeAlias = tuple[float, float, float]
_Ten: TypeAlias = Annotated[tuple[float, ...], Meta(min_length=10, max_length=10)]


class _Camera(Struct, frozen=True, forbid_unknown_fields=True):
    width_px: _Side
    height_px: _Side
    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float
    k1: float = 0.0
    k2: float = 0.0
    k3: float = 0.0
    p1: float = 0.0
    p2: float = 0.0


class _Registered(Struct, frozen=True, forbid_unknown_fields=True, tag="registered", tag_field="kind"):
    pass


class _Extrinsic(Struct, frozen=True, forbid_unknown_fields=True, tag="extrinsic", tag_field="kind"):
    rotation: tuple[_Triple, _Triple, _Triple]
    translation_mm: _Triple


class _KinectV2(Struct, frozen=True, forbid_unknown_fields=True, tag="kinect-v2", tag_field="kind"):
    fx_px: float
    fy_px: float
    cx_px: float
    cy_px: float
    shift_d: float
    shift_m: float
    mx: _Ten
    my: _Ten


class _Plain(Struct, frozen=True, forbid_unknown_fields=True):
    color: _Camera
    depth_to_color: _Registered | _Extrinsic | _KinectV2
    depth: _Camera | None = None


def calibration_from_plain(plain: object) -> Calibration:
    """Build a calibration from what JSON or YAML gave.

    Raises:
        ValueError: a key is missing, unknown, of the wrong type or impossible; the message names its path.
    """
    try:
        data = msgspec.convert(plain, _Plain)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    depth = data.depth
    if depth is None:
        if not isinstance(data.depth_to_color, _Registered):
            raise ValueError("Object missing required field `depth` (only a registered calibration may leave it out)")
        depth = data.color
    calibration = Calibration(_intrinsics(data.color), _intrinsics(depth), _mapping(data.depth_to_color))
    same_grid = (data.color.width_px, data.color.height_px) == (depth.width_px, depth.height_px)
    if isinstance(data.depth_to_color, _Registered) and not same_grid:
        raise ValueError("a registered calibration needs colour and depth images of one size - at `$.depth`")
    return calibration


def calibration_to_plain(calibration: Calibration) -> dict[str, Any]:
    """Give a calibration as dicts, lists and numbers; every float survives JSON exactly."""
    data = _Plain(
        color=_camera(calibration.color),
        depth_to_color=_plain_mapping(calibration.depth_to_color),
        depth=_camera(calibration.depth),
    )
    plain: dict[str, Any] = msgspec.to_builtins(data)
    return plain


def _intrinsics(camera: _Camera) -> Intrinsics:
    return Intrinsics(**msgspec.structs.asdict(camera))


def _camera(intrinsics: Intrinsics) -> _Camera:
    return msgspec.convert(intrinsics, _Camera, from_attributes=True)


def _mapping(data: _Registered | _Extrinsic | _KinectV2) -> DepthToColor:
    match data:
        case _Registered():
            return Registered()
        case _Extrinsic(rotation=rotation, translation_mm=translation_mm):
            return Extrinsic(np.array(rotation, dtype=np.float64), np.array(translation_mm, dtype=np.float64))
        case _KinectV2():
            return KinectV2Polynomial(**msgspec.structs.asdict(data))


def _plain_mapping(mapping: DepthToColor) -> _Registered | _Extrinsic | _KinectV2:
    match mapping:
        case Registered():
            return _Registered()
        case Extrinsic(rotation=rotation, translation_mm=translation_mm):
            return msgspec.convert(
                {"kind": "extrinsic", "rotation": rotation.tolist(), "translation_mm": translation_mm.tolist()},
                _Extrinsic,
            )
        case KinectV2Polynomial():
            return msgspec.convert(mapping, _KinectV2, from_attributes=True)
