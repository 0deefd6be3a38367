"""The Kinect v1 (Xbox 360, Kinect for Windows) through libfreenect, in this very process: for a driver's child.

Depth is structured light, in millimetres on the colour image's grid. No threshold, no bound of a liveness cue and no
network here has evidence on such depth: its edges, its noise and its holes are not a Kinect v2's. Its frames are
therefore `Origin.UNPROVEN`: they may be looked at, recorded, enrolled and identified, and match and unlock only in a
run that was started for trying out.

The infrared image shares its stream with colour, so there is none. Motor and LED are left alone.
"""

from collections.abc import Callable
from ctypes import c_void_p
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from kinect_unlock.arrays import U8, U16
from kinect_unlock.clock import NS_PER_S, Clock, deadline_left_s
from kinect_unlock.errors import DeviceMissing, SourceError, SourceLost
from kinect_unlock.frames import Calibration, Frame, Intrinsics, Origin, Registered
from kinect_unlock.settings import Source
from kinect_unlock.sources.base import Identity
from kinect_unlock.sources.kinect_v1_library import Libfreenect
from kinect_unlock.sources.planes import Planes, PlaneShapes, Stamp
from kinect_unlock.sources.throttle import Throttle

MODEL: Final = "Kinect v1"
WIDTH_PX: Final = 640
HEIGHT_PX: Final = 480
SHAPES: Final = PlaneShapes(color=(HEIGHT_PX, WIDTH_PX), depth=(HEIGHT_PX, WIDTH_PX), infrared=None)
# The library tells no intrinsics of the colour camera, on whose grid the depth lies. This focal length is the maker's
# nominal one (NUI_CAMERA_COLOR_NOMINAL_FOCAL_LENGTH_IN_PIXELS in its SDK's NuiImageCamera.h), the principal point is
# taken to be the middle. A widely copied calibration of one device has 529 and 526 px, and its principal point 9 px
# to the right of and 28 px below the middle: sizes are right to a hundredth, directions to three degrees.
_COLOR_CAMERA: Final = Intrinsics(WIDTH_PX, HEIGHT_PX, 531.15, 531.15, (WIDTH_PX - 1) / 2, (HEIGHT_PX - 1) / 2)
CALIBRATION: Final = Calibration(_COLOR_CAMERA, _COLOR_CAMERA, Registered())

_NONE_ABOVE_MM: Final = 9_999  # the library's tables end at 10 m


def kinect_v1(settings: Source, clock: Clock) -> "KinectV1Source":
    """Make the source of the Kinect v1 that ``settings.device`` names, or of the first; for a driver's child."""
    return KinectV1Source(settings, clock)


@dataclass(slots=True)
class _Camera:
    """An open device with all that must live as long as it does, and which of its buffers are news."""

    library: Libfreenect
    context: c_void_p
    device: c_void_p
    serial: str
    color: U8 = field(default_factory=lambda: np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8))
    depth_mm: U16 = field(default_factory=lambda: np.zeros((HEIGHT_PX, WIDTH_PX), np.uint16))
    callbacks: list[Any] = field(default_factory=list)
    has_color: bool = False
    has_depth: bool = False
    given: int = 0

    def on_color(self) -> None:
        self.has_color = True

    def on_depth(self) -> None:
        self.has_depth = True

    def start(self) -> None:
        """Start the streams into our buffers.

        Raises:
            SourceLost: the library refuses; it says more in its log.
        """
        library, device = self.library, self.device
        self.callbacks = library.set_callbacks(device, self.on_color, self.on_depth)
        refused = library.set_modes(device) or library.set_buffers(device, self.color, self.depth_mm)
        if refused or library.start(device):
            raise SourceLost(f"{MODEL} {self.serial} does not start: connect it to another USB port, and to its power")

    def close(self) -> None:
        self.library.close(self.device)
        self.library.shutdown(self.context)


class KinectV1Source:
    """Gives colour with depth on its grid at up to 30 Hz; ``seq`` counts what was given, drops do not show in it.

    The two streams are not synchronised: a frame is the newest of each, at most one interval apart. ``captured_ns`` is
    the host's clock when the later of the two was complete.
    """

    shapes: Final[PlaneShapes] = SHAPES

    def __init__(
        self,
        settings: Source,
        clock: Clock,
        *,
        library: Callable[[], Libfreenect] = Libfreenect,
        origin: Origin = Origin.UNPROVEN,
    ) -> None:
        """Take what to open; ``library`` loads libfreenect."""
        self.origin: Final = origin
        self._settings = settings
        self._clock = clock
        self._library = library
        self._throttle = Throttle()
        self._camera: _Camera | None = None

    @property
    def identity(self) -> Identity | None:
        """Which camera is open; None while none is."""
        return Identity(MODEL, self._camera.serial) if self._camera else None

    @property
    def calibration(self) -> Calibration | None:
        """Nominal, the same for every device; None while no camera is open."""
        return CALIBRATION if self._camera else None

    def open(self) -> None:
        """Open the camera and start its streams; whether frames come, only reading them tells.

        Raises:
            DriverMissing: the library cannot be used.
            DeviceMissing: the camera is not there now, or this user may not open it.
            SourceLost: it does not start.
            SourceError: USB cannot be used.
        """
        if self._camera is not None:
            raise SourceError(f"the {MODEL} is open already")
        library = self._library()
        context = library.init()
        if context is None:
            raise SourceError("libfreenect cannot use USB; is /dev/bus/usb there, and may this user read it?")
        try:
            library.select_camera(context)
            serial = _chosen_serial(library, context, self._settings.device)
            device = library.open(context, serial)
            if device is None:
                raise DeviceMissing(f"{MODEL} {serial} cannot be opened; close what else uses it, or connect it again")
        except SourceError:
            library.shutdown(context)
            raise
        camera = _Camera(library, context, device, serial)
        try:
            camera.start()
        except SourceError:
            camera.close()
            raise
        self._camera = camera

    def read(self, timeout_s: float) -> Frame | None:
        """Return the next frame that is wanted, or None if none came within ``timeout_s``.

        Raises:
            SourceLost: the library failed.
            SourceError: the source is not open.
        """
        planes = Planes.empty(SHAPES)
        stamp = self.read_into(planes, timeout_s)
        if stamp is None:
            return None
        return Frame(stamp.seq, stamp.captured_ns, planes.color, planes.depth_mm, CALIBRATION)

    def read_into(self, planes: Planes, timeout_s: float) -> Stamp | None:
        """Do what `read` does, with the pixels in ``planes``, which must be of `shapes` and contiguous.

        Raises:
            SourceLost: the library failed.
            SourceError: the source is not open.
            ValueError: ``planes`` cannot take the frame.
        """
        camera = self._camera
        if camera is None:
            raise SourceError(f"the {MODEL} is not open")
        planes.require(SHAPES)
        deadline_ns = self._clock.monotonic_ns() + int(timeout_s * NS_PER_S)
        while True:
            left_s = deadline_left_s(self._clock, deadline_ns)
            failed = camera.library.process_events(camera.context, left_s)
            if failed < 0:
                raise SourceLost(f"libfreenect lost the {MODEL} (error {failed}): connect it again")
            stamp = self._take(camera, planes)
            if stamp is not None or left_s == 0.0:
                return stamp

    def throttle(self, rate_hz: float | None) -> None:
        """Give at most so many frames a second from now on; None: all."""
        self._throttle.set(rate_hz)

    def close(self) -> None:
        """Stop and release the camera; harmless when it is not open."""
        camera, self._camera = self._camera, None
        if camera is not None:
            camera.close()

    def _take(self, camera: _Camera, planes: Planes) -> Stamp | None:
        """Copy both images once both are new and wanted; None until then."""
        if not (camera.has_color and camera.has_depth):
            return None
        captured_ns = self._clock.monotonic_ns()
        camera.has_color = camera.has_depth = False
        if not self._throttle.wants(captured_ns):
            return None
        np.copyto(planes.color, camera.color)
        if planes.depth_mm is not None:
            np.copyto(planes.depth_mm, camera.depth_mm)
            planes.depth_mm[planes.depth_mm > _NONE_ABOVE_MM] = 0
        stamp = Stamp(camera.given, captured_ns, None)
        camera.given += 1
        return stamp


def _chosen_serial(library: Libfreenect, context: c_void_p, wanted: str | None) -> str:
    """Return the serial number of the camera to open.

    Raises:
        DeviceMissing: there is no Kinect v1, not the wanted one, or none that this user may open.
    """
    serials = library.serials(context)
    if not serials and library.device_count(context) > 0:
        raise DeviceMissing(
            f"a {MODEL} is connected, but this user may not open it: libfreenect0.5 brings a udev rule that lets all "
            "users, one of your own for 045e:02ae may let a group alone; then connect it again"
        )
    if not serials:
        raise DeviceMissing(f"the driver sees no {MODEL}: connect it to USB 2 and to its own power supply")
    if wanted is None:
        return serials[0]
    if wanted not in serials:
        present = ", ".join(serials)
        raise DeviceMissing(f"no {MODEL} has the serial number {wanted!r}; present: {present}; set source.device")
    return wanted
