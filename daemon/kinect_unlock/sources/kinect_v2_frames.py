"""What a Kinect v2's driver hands over, as our frames hold it: pixels, calibration, counters.

**Mirrored.** libfreenect2 gives colour, infrared and depth alike as in a mirror (said by its authors, issue 172, and
seen in each program that flips them back). Here they are turned round, images and calibration together: what is right
in the image is then right in the room, as in photographs, recordings and the training data, and the signs of
`HeadPose` mean what they say. `mirrored` is its own inverse, so a stand-in for the driver mirrors with it, too.

Nothing here calls the driver; numbers and arrays come in, checked, and go out.
"""

from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from kinect_unlock.arrays import F32, U8, U16
from kinect_unlock.errors import SourceLost
from kinect_unlock.frames import Calibration, Intrinsics, KinectV2Polynomial
from kinect_unlock.sources.planes import PlaneShapes

SHAPES: Final = PlaneShapes(color=(1080, 1920), depth=(424, 512), infrared=(424, 512))
BYTES_PER_PIXEL: Final = 4  # of all three: BGRX, and float32

# The sensor's own reach. libfreenect2 clips at 500 and 4500 by default, so that other readings are garbage of its own.
NEAREST_MM: Final = 500.0
FARTHEST_MM: Final = 8000.0
_U16_MAX: Final = 65535.0

TICK_US: Final = 125  # of the device's clock, 0.125 ms
_WRAP: Final = 1 << 32

# Signs that the ten terms x3y0 x0y3 x2y1 x1y2 x2y0 x0y2 x1y1 x1y0 x0y1 x0y0 take when x changes its own.
_ODD_IN_X: Final = (-1, 1, 1, -1, 1, 1, -1, -1, 1, 1)
_TERMS: Final = ("x3y0", "x0y3", "x2y1", "x1y2", "x2y0", "x0y2", "x1y1", "x1y0", "x0y1", "x0y0")
_COLOR_Q: Final = 0.002199  # scale of the colour polynomials, as in libfreenect2's registration
_TYPICAL_MM: Final = 1000.0


def put_color(bgrx: U8, out: U8) -> None:
    """Put colour u8[H,W,4] BGRX, mirrored, into u8[H,W,3] RGB, upright; 0.8 ms where numpy's own copy takes 11."""
    cv2.cvtColor(bgrx, cv2.COLOR_BGRA2RGB, dst=out)
    cv2.flip(out, 1, dst=out)


def put_depth(depth_mm: F32, out: U16) -> None:
    """Put depth f32[h,w] in mm, mirrored, into u16[h,w], upright.

    Rounded to whole millimetres, halves to the even one. NaN and whatever lies outside the sensor's reach, infinities
    among it, is no reading: 0.
    """
    upright = cv2.flip(depth_mm, 1)
    np.copyto(upright, 0.0, where=~((upright >= NEAREST_MM) & (upright <= FARTHEST_MM)))  # NaN is in no range
    np.copyto(out, np.rint(upright, out=upright), casting="unsafe")


def put_infrared(infrared: F32, out: U16) -> None:
    """Put infrared f32[h,w], mirrored, into u16[h,w], upright: rounded as depth, NaN as 0, the rest cut to 0..65535."""
    upright = np.nan_to_num(cv2.flip(infrared, 1), copy=False, nan=0.0, posinf=_U16_MAX, neginf=0.0)
    np.clip(upright, 0.0, _U16_MAX, out=upright)
    np.copyto(out, np.rint(upright, out=upright), casting="unsafe")


class DriverFrame(Protocol):
    """The binding's ``Frame``."""

    width: int
    height: int
    bytes_per_pixel: int
    sequence: int
    timestamp: int

    def asarray(self) -> NDArray[Any]:
        """Return a view of memory that the driver owns; read it before ``release`` and never after."""
        ...


@dataclass(frozen=True, slots=True)
class ImageForm:
    """What one of a Kinect v2's images looks like in the driver's memory."""

    name: str
    size_px: tuple[int, int]  # width, height
    dtype: type[np.generic]
    shape: tuple[int, ...]


COLOR: Final = ImageForm("colour", (1920, 1080), np.uint8, (1080, 1920, 4))
DEPTH: Final = ImageForm("depth", (512, 424), np.float32, (424, 512))
INFRARED: Final = ImageForm("infrared", (512, 424), np.float32, (424, 512))


def checked_array(form: ImageForm, frame: DriverFrame) -> NDArray[Any]:
    """Return the driver's own array of one image: a view, to be read before the frame is released.

    Raises:
        SourceLost: the image is of another size than a Kinect v2's; looked at before its memory is.
    """
    said = (frame.width, frame.height, frame.bytes_per_pixel)
    if said != (*form.size_px, BYTES_PER_PIXEL):
        raise SourceLost(
            f"the driver gave a {form.name} image of {said[0]}x{said[1]} pixels of {said[2]} bytes instead of "
            f"{form.size_px[0]}x{form.size_px[1]} of {BYTES_PER_PIXEL}: a transfer was cut short, or the driver fits "
            "no Kinect v2"
        )
    array = frame.asarray()
    if array.shape != form.shape or array.dtype != form.dtype:
        raise SourceLost(f"the driver gave a {form.name} image {array.dtype.name}{list(array.shape)}: no Kinect v2's")
    return array


class Counter:
    """A number that the device counts modulo 2^32, without the jumps; its first value is the device's own."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._now: int | None = None

    @property
    def now(self) -> int:
        """The number counted on to; 0 before the first."""
        return self._now or 0

    def advance(self, raw: int) -> bool:
        """Take the device's next number; False if it is the last one again.

        Raises:
            SourceLost: it went back, as it does when a camera starts anew behind the driver's back.
        """
        if self._now is None:
            self._now = raw % _WRAP
            return True
        step = (raw - self._now) % _WRAP
        if step >= _WRAP // 2:
            raise SourceLost(f"the camera's {self._name} went back by {_WRAP - step}: it was reset; open it again")
        self._now += step
        return step > 0


def factory_calibration(infrared: Any, color: Any) -> Calibration:  # noqa: ANN401 - the binding's own records
    """Build the calibration of the upright images from the binding's ``IrCameraParams`` and ``ColorCameraParams``.

    libfreenect2 knows them only after ``start``; before, and where ``start`` failed without a word, they are zeros or
    whatever the memory held.

    Raises:
        SourceLost: they are no camera's.
    """
    try:
        raw = _as_reported(infrared, color)
        _refuse_nonsense(raw)
    except (ValueError, OverflowError, ZeroDivisionError) as fault:
        raise SourceLost(
            f"the Kinect v2 gave no usable factory calibration ({fault}): it did not start; connect it again, at a "
            "USB 3 port of its own"
        ) from fault
    return mirrored(raw)


def mirrored(calibration: Calibration) -> Calibration:
    """Return the calibration that holds when both images are flipped left to right.

    Exact: in the factory's model a mirror changes signs only. Raises TypeError unless the calibration is a Kinect
    v2's (`KinectV2Polynomial`).
    """
    factory = _factory_of(calibration)
    return Calibration(
        color=_mirrored_camera(calibration.color),
        depth=_mirrored_camera(calibration.depth),
        depth_to_color=replace(
            factory,
            cx_px=calibration.color.width_px - 1 - factory.cx_px,
            shift_m=-factory.shift_m,
            mx=tuple(-sign * value for sign, value in zip(_ODD_IN_X, factory.mx, strict=True)),
            my=tuple(sign * value for sign, value in zip(_ODD_IN_X, factory.my, strict=True)),
        ),
    )


def _mirrored_camera(camera: Intrinsics) -> Intrinsics:
    return replace(camera, cx_px=camera.width_px - 1 - camera.cx_px, p2=-camera.p2)


def _as_reported(infrared: Any, color: Any) -> Calibration:  # noqa: ANN401 - the binding's own records
    numbers = {name: float(getattr(color, name)) for name in ("fx", "fy", "cx", "cy", "shift_d", "shift_m")}
    mx, my = (tuple(float(getattr(color, f"{axis}_{term}")) for term in _TERMS) for axis in ("mx", "my"))
    return Calibration(
        color=Intrinsics(*COLOR.size_px, numbers["fx"], numbers["fy"], numbers["cx"], numbers["cy"]),
        depth=Intrinsics(
            *DEPTH.size_px,
            *(float(getattr(infrared, name)) for name in ("fx", "fy", "cx", "cy", "k1", "k2", "k3", "p1", "p2")),
        ),
        depth_to_color=KinectV2Polynomial(
            fx_px=numbers["fx"],
            fy_px=numbers["fy"],
            cx_px=numbers["cx"],
            cy_px=numbers["cy"],
            shift_d=numbers["shift_d"],
            shift_m=numbers["shift_m"],
            mx=mx,
            my=my,
        ),
    )


def _refuse_nonsense(calibration: Calibration) -> None:
    """Raise ValueError unless both cameras could be ones, and what is in the depth image's middle is seen in colour."""
    for name, camera in (("colour", calibration.color), ("infrared", calibration.depth)):
        if not all(camera.width_px / 4 <= focal <= 4 * camera.width_px for focal in (camera.fx_px, camera.fy_px)):
            raise ValueError(f"{name} focal lengths {camera.fx_px:g}, {camera.fy_px:g}")
        if not (0 <= camera.cx_px < camera.width_px and 0 <= camera.cy_px < camera.height_px):
            raise ValueError(f"{name} centre {camera.cx_px:g}, {camera.cy_px:g}")
    across, down = _middle_px(_factory_of(calibration))
    color = calibration.color
    if not (0 <= across < color.width_px and 0 <= down < color.height_px):
        raise ValueError(f"the depth image's middle would lie at {across:g}, {down:g} of the colour image")


def _factory_of(calibration: Calibration) -> KinectV2Polynomial:
    if not isinstance(calibration.depth_to_color, KinectV2Polynomial):
        raise TypeError(f"a Kinect v2's calibration is needed, not {type(calibration.depth_to_color).__name__}")
    return calibration.depth_to_color


def _middle_px(factory: KinectV2Polynomial) -> tuple[float, float]:
    """Return where a reading in the depth image's optical centre falls in colour: the polynomials' constant terms."""
    shift = (factory.shift_m / _TYPICAL_MM - factory.shift_m / factory.shift_d) * factory.fx_px
    return factory.mx[-1] / _COLOR_Q + shift + factory.cx_px, factory.my[-1] / _COLOR_Q + factory.cy_px
