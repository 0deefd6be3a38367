"""The Kinect v2 through pylibfreenect2, in this very process: meant for a child that may die of it.

The library exits, crashes and hangs instead of raising, so every call here keeps to an order in which it was seen not
to: pipeline named always, devices counted before one is opened, a wait that ran out of time never looked into, a
buffer never read after its release. What still kills the process is `kinect_unlock.sources.isolated`'s work.

libfreenect2's own log stays as it is: information goes to standard output, warnings and errors to standard error,
and whoever started this process keeps both.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Final

from kinect_unlock.clock import NS_PER_MS, NS_PER_S, Clock, deadline_left_s
from kinect_unlock.errors import DeviceMissing, SourceError, SourceLost
from kinect_unlock.frames import Calibration, Frame, Origin
from kinect_unlock.settings import Source
from kinect_unlock.sources.base import Identity
from kinect_unlock.sources.kinect_v2_binding import import_binding, made_pipeline
from kinect_unlock.sources.kinect_v2_frames import (
    COLOR,
    DEPTH,
    INFRARED,
    SHAPES,
    TICK_US,
    Counter,
    checked_array,
    factory_calibration,
    put_color,
    put_depth,
    put_infrared,
)
from kinect_unlock.sources.planes import Planes, PlaneShapes, Stamp
from kinect_unlock.sources.throttle import Throttle

MODEL: Final = "Kinect v2"

_LONGEST_WAIT_MS: Final = 3_600_000  # the binding takes a C int
_log = logging.getLogger(__name__)


def kinect_v2(settings: Source, clock: Clock) -> "KinectV2Source":
    """Make the source of the Kinect v2 that ``settings.device`` names, or of the first; for a driver's child."""
    return KinectV2Source(settings, clock)


@dataclass(slots=True)
class _Camera:
    """An open device with all that must live as long as it does."""

    library: Any
    driver: Any
    device: Any
    listener: Any
    identity: Identity
    calibration: Calibration | None = None  # of upright images; known once it is started
    sequence: Counter = field(default_factory=lambda: Counter("frame number"))
    ticks: Counter = field(default_factory=lambda: Counter("clock"))


class KinectV2Source:
    """Gives upright colour, depth and infrared with the factory calibration and the device's own frame numbers.

    ``captured_ns`` is the host's clock when the driver handed the frame over, decoding included. ``seq`` counts as the
    camera does, so that whatever the driver dropped shows as a gap. `throttle` spares the conversion of frames that
    are not wanted; the driver decodes all of them, whatever is asked.
    """

    shapes: Final[PlaneShapes] = SHAPES

    def __init__(
        self,
        settings: Source,
        clock: Clock,
        *,
        binding: Callable[[], Any] = import_binding,
        origin: Origin = Origin.SENSOR,
    ) -> None:
        """Take what to open; ``binding`` gives an object with pylibfreenect2's names.

        A pipeline ``auto`` is the processor's: it alone never ends the process. To choose is the parent's work.
        """
        self.origin: Final = origin
        self._settings = settings
        self._clock = clock
        self._binding = binding
        self._pipeline = "cpu" if settings.pipeline == "auto" else settings.pipeline
        self._throttle = Throttle()
        self._camera: _Camera | None = None

    @property
    def identity(self) -> Identity | None:
        """Which camera is open; None while none is."""
        return self._camera.identity if self._camera else None

    @property
    def calibration(self) -> Calibration | None:
        """The factory's, for upright images; None while no camera is open."""
        return self._camera.calibration if self._camera else None

    def open(self) -> None:
        """Open the camera and start its streams; whether frames come, only reading them tells.

        Raises:
            DriverMissing: library or binding cannot be used.
            DeviceMissing: the camera is not there now.
            SourceLost: it did not start; another try may help.
            SourceError: the pipeline cannot be used.
        """
        if self._camera is not None:
            raise SourceError(f"{MODEL} {self._camera.identity.serial} is open already")
        library = self._binding()
        driver = library.Freenect2()
        serial = _chosen_serial(driver, self._settings.device)
        pipeline = made_pipeline(library, self._pipeline)
        listener = library.SyncMultiFrameListener(
            int(library.FrameType.Color | library.FrameType.Ir | library.FrameType.Depth)
        )
        device = driver.openDevice(serial, pipeline=pipeline)
        identity = Identity(MODEL, _text(serial), pipeline=self._pipeline)
        self._camera = _Camera(library, driver, device, listener, identity)
        try:
            _start(self._camera)
        except SourceError:
            self.close()
            raise

    def read(self, timeout_s: float) -> Frame | None:
        """Return the next frame that is wanted, or None if none came within ``timeout_s``.

        Raises:
            SourceLost: the driver gives something else than a Kinect v2's frames.
            SourceError: the source is not open.
        """
        planes = Planes.empty(SHAPES)
        stamp = self.read_into(planes, timeout_s)
        if stamp is None:
            return None
        return Frame(
            seq=stamp.seq,
            captured_ns=stamp.captured_ns,
            color=planes.color,
            depth_mm=planes.depth_mm,
            calibration=self.calibration,
            infrared=planes.infrared,
            device_us=stamp.device_us,
        )

    def read_into(self, planes: Planes, timeout_s: float) -> Stamp | None:
        """Do what `read` does, with the pixels in ``planes``, which must be of `shapes` and contiguous.

        A libfreenect2 built without C++11, its default, waits until a frame comes whatever it is told; then only who
        watches this process can tell that the camera went silent.

        Raises:
            SourceLost: the driver gives something else than a Kinect v2's frames.
            SourceError: the source is not open.
            ValueError: ``planes`` cannot take the frame.
        """
        if self._camera is None:
            raise SourceError(f"the {MODEL} is not open")
        planes.require(SHAPES)
        deadline_ns = self._clock.monotonic_ns() + int(timeout_s * NS_PER_S)
        while True:
            frames = self._camera.library.FrameMap()
            wait_ms = min(ceil(deadline_left_s(self._clock, deadline_ns) * NS_PER_S / NS_PER_MS), _LONGEST_WAIT_MS)
            # Before anything else: after a wait in vain the map holds null pointers, and touching them is the end.
            if self._camera.listener.waitForNewFrame(frames, milliseconds=wait_ms) is None:
                return None
            try:
                stamp = self._take(self._camera, frames, planes)
            finally:
                self._camera.listener.release(frames)
            if stamp is not None or self._clock.monotonic_ns() >= deadline_ns:
                return stamp

    def throttle(self, rate_hz: float | None) -> None:
        """Give at most so many frames a second from now on; None: all."""
        self._throttle.set(rate_hz)

    def close(self) -> None:
        """Stop and release the camera; harmless when it is not open.

        Opening it again within some seconds fails: the device leaves the bus for a while.
        """
        camera, self._camera = self._camera, None
        if camera is None:
            return
        camera.device.stop()
        camera.device.close()
        # The library deletes the device with the driver, and its threads may call the listener until then.
        camera.device = None
        camera.driver = None
        camera.listener = None

    def _take(self, camera: _Camera, frames: Any, planes: Planes) -> Stamp | None:  # noqa: ANN401 - the binding's map
        """Convert a frame that is new, whole and wanted; the driver's memory is not used after this."""
        captured_ns = self._clock.monotonic_ns()
        types = camera.library.FrameType
        color, infrared, depth = frames[types.Color], frames[types.Ir], frames[types.Depth]
        is_new = camera.sequence.advance(depth.sequence)
        camera.ticks.advance(depth.timestamp)
        # Infrared and depth are handed over one after the other, and colour may come in between: a mixed pair.
        if not is_new or infrared.sequence != depth.sequence or not self._throttle.wants(captured_ns):
            return None
        bgrx = checked_array(COLOR, color)
        depth_mm = checked_array(DEPTH, depth)
        brightness = checked_array(INFRARED, infrared)
        put_color(bgrx, planes.color)
        if planes.depth_mm is not None and planes.infrared is not None:
            put_depth(depth_mm, planes.depth_mm)
            put_infrared(brightness, planes.infrared)
        return Stamp(camera.sequence.now, captured_ns, camera.ticks.now * TICK_US)


def _chosen_serial(driver: Any, wanted: str | None) -> bytes:  # noqa: ANN401 - the binding's Freenect2
    """Return the serial number to open, as the binding takes it.

    Raises:
        DeviceMissing: there is no Kinect, or not the one that is wanted.
    """
    count = driver.enumerateDevices()
    serials = [serial for serial in map(driver.getDeviceSerialNumber, range(count)) if serial]
    if not serials:
        raise DeviceMissing(
            "the driver sees no Kinect v2: connect it to power and to a USB 3 port; if it is connected, this user may "
            "not open it, or may not ask for devices (AF_NETLINK): `kinect-unlock doctor` tells which"
        )
    if wanted is None:
        return bytes(serials[0])
    for serial in serials:
        if _text(serial) == wanted:
            return bytes(serial)
    present = ", ".join(map(_text, serials))
    raise DeviceMissing(f"no Kinect v2 has the serial number {wanted!r}; present: {present}; set source.device")


def _start(camera: _Camera) -> None:
    """Start the streams and read what only a started camera knows.

    Raises:
        SourceLost: the driver opened another camera, or this one did not start.
    """
    found = _text(camera.device.getSerialNumber())
    if found != camera.identity.serial:
        raise SourceLost(f"the driver opened Kinect v2 {found!r} instead of {camera.identity.serial!r}; try again")
    camera.device.setColorFrameListener(camera.listener)
    camera.device.setIrAndDepthFrameListener(camera.listener)
    camera.device.start()
    camera.calibration = factory_calibration(camera.device.getIrCameraParams(), camera.device.getColorCameraParams())
    firmware = _text(camera.device.getFirmwareVersion())
    camera.identity = Identity(MODEL, found, firmware, camera.identity.pipeline)
    _log.info("camera=open serial=%s firmware=%s pipeline=%s", found, firmware, camera.identity.pipeline)


def _text(found: bytes | str) -> str:
    """Return what the binding gives as bytes, printable."""
    text = found.decode("ascii", "replace") if isinstance(found, bytes) else found
    return "".join(letter if letter.isprintable() else "?" for letter in text)
