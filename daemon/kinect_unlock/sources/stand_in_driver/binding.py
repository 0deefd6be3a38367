"""pylibfreenect2's names, on a recording instead of a camera, with the behaviour that the real ones were seen to have.

Good calls do what the binding does: serials are bytes, ``start``, ``stop`` and ``close`` return None whatever
happened, a wait that runs out of time gives None, arrays are views of memory that ends with ``release``. Bad calls do
what they do there too: they kill the process. One thing alone is kinder: memory that was given back is filled with
NaN and 0xAA, so that reading it is seen every time and not sometimes.
"""
# ruff: noqa: N802 - the calls have the binding's spelling

import os
from enum import IntEnum, unique
from functools import partial
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import DTypeLike

from kinect_unlock.clock import NS_PER_MS, NS_PER_S
from kinect_unlock.sources.stand_in_driver.camera import SERIAL, Camera, wait_in_vain
from kinect_unlock.sources.stand_in_driver.deeds import NO_DISPLAY, crash, leave, say
from kinect_unlock.sources.stand_in_driver.film import Image
from kinect_unlock.sources.stand_in_driver.stream import Shot

_POISON_BYTE: Final = 0xAA
_EXPOSURE_MS: Final = 10.0


@unique
class FrameType(IntEnum):
    """The binding's bits."""

    Color = 1
    Ir = 2
    Depth = 4


@unique
class LoggerLevel(IntEnum):
    """The binding's levels; a logger says what is at or below its own."""

    NONE = 0
    Error = 1
    Warning = 2
    Info = 3
    Debug = 4


_BY_NAME: Final = {kind.name.lower(): kind for kind in FrameType}
_EVERY_TYPE: Final = FrameType.Color | FrameType.Ir | FrameType.Depth


class Logger:
    """Writes what is grave enough to the console: from warnings on to standard error, the rest to standard output."""

    def __init__(self, level: int) -> None:
        self._level = LoggerLevel(level)

    def level(self) -> int:
        """Return the mildest level that is said."""
        return self._level

    def log(self, level: int, message: bytes) -> None:
        """Say a message."""
        if level <= self._level:
            line = f"[{LoggerLevel(level).name}] {message.decode(errors='replace')}"
            say(line, to_fd=2 if level <= LoggerLevel.Warning else 1)


class Frame:
    """One image; without memory it is what a missing entry of a map gives, and touching it is the end."""

    def __init__(self, kind: FrameType, image: Image | None, *, sequence: int = 0, timestamp: int = 0) -> None:
        self._kind = kind
        self._image = image
        self._sequence = sequence
        self._timestamp = timestamp

    def asarray(self, dtype: DTypeLike | None = None) -> Image:
        """Return a view of the frame's memory, which ends with ``release``."""
        if dtype is None:
            dtype = np.uint8 if self._kind is FrameType.Color else np.float32
        if dtype not in (np.uint8, np.float32):
            raise ValueError("np.uint8 or np.float32 is only supported")
        memory = self._memory()
        height, width = memory.shape[:2]
        return np.ndarray((height, width, 4) if dtype == np.uint8 else (height, width), dtype, buffer=memory)

    @property
    def width(self) -> int:
        """Return the columns."""
        return int(self._memory().shape[1])

    @property
    def height(self) -> int:
        """Return the rows."""
        return int(self._memory().shape[0])

    @property
    def bytes_per_pixel(self) -> int:
        """Return 4, as every image has."""
        return self._memory().nbytes // (self.width * self.height)

    @property
    def sequence(self) -> int:
        """Return the frame's number, uint32."""
        self._memory()
        return self._sequence

    @property
    def timestamp(self) -> int:
        """Return the camera's own time in units of 0.125 ms, uint32."""
        self._memory()
        return self._timestamp

    @property
    def exposure(self) -> float:
        """Return how long the colour camera looked; invented."""
        self._memory()
        return _EXPOSURE_MS

    @property
    def gain(self) -> float:
        """Return the colour camera's gain; invented."""
        self._memory()
        return 1.0

    @property
    def gamma(self) -> float:
        """Return the colour camera's gamma; invented."""
        self._memory()
        return 1.0

    def _memory(self) -> Image:
        return crash() if self._image is None else self._image


class FrameMap:
    """The frames of one moment, by `FrameType`, its number or its name; an entry that is not there is a dead frame."""

    def __init__(self, take_ownership: bool = False) -> None:  # noqa: FBT001, FBT002 - the binding's signature
        del take_ownership
        self._images: dict[FrameType, Image] = {}
        self._shot: Shot | None = None

    def __getitem__(self, key: FrameType | int | str) -> Frame:
        """Return a frame; raises ValueError for a name or number that is none of the three."""
        if not isinstance(key, int | str):
            raise KeyError("")
        kind = _BY_NAME.get(key.lower()) if isinstance(key, str) else _kind(key)
        if kind is None:
            raise ValueError("Not supported")
        if self._shot is None:
            return Frame(kind, None)
        return Frame(kind, self._images.get(kind), sequence=self._shot.sequence, timestamp=self._shot.timestamp)

    def fill(self, shot: Shot, kinds: int) -> None:
        """Take the images of these kinds; no call of the binding's."""
        every: dict[FrameType, Image | None] = {
            FrameType.Color: shot.picture.color,
            FrameType.Ir: shot.picture.infrared,
            FrameType.Depth: shot.picture.depth_mm,
        }
        self._shot = shot
        self._images = {kind: image for kind, image in every.items() if kind & kinds and image is not None}

    def poison(self) -> None:
        """Spoil what arrays may still look at, and forget it; no call of the binding's."""
        for image in self._images.values():
            image.fill(np.nan if image.dtype == np.float32 else _POISON_BYTE)
        self._images, self._shot = {}, None


def _kind(number: int) -> FrameType | None:
    return FrameType(number) if number in set(FrameType) else None


class PacketPipeline:
    """What decodes depth; each object serves one opening, since the device frees it."""

    def __init__(self) -> None:
        self._spent = False

    def spend(self) -> None:
        """Be handed to a device; no call of the binding's."""
        if self._spent:
            crash()  # the library would use, and then free, what it has freed
        self._spent = True


class CpuPacketPipeline(PacketPipeline):
    """Decodes on the processor."""


class OpenCLPacketPipeline(PacketPipeline):
    """Decodes with OpenCL."""

    def __init__(self, device_id: int = -1) -> None:
        del device_id
        super().__init__()


class OpenGLPacketPipeline(PacketPipeline):
    """Decodes with OpenGL, and ends the process where there is no display."""

    def __init__(self, debug: bool = False) -> None:  # noqa: FBT001, FBT002 - the binding's signature
        del debug
        super().__init__()
        if "DISPLAY" not in os.environ:
            leave(NO_DISPLAY)


class SyncMultiFrameListener:
    """Collects one frame of each kind and keeps the newest of them until it is asked.

    A wait without a time-out hands out nothing more until ``release``. One with a time-out goes on, and what is never
    released is lost memory: so libfreenect2 has it.
    """

    def __init__(self, frame_types: int = _EVERY_TYPE) -> None:
        self._kinds = frame_types
        self._camera: Camera | None = None
        self._connected = 0
        self._blocked = False

    def hasNewFrame(self) -> bool:
        """Say whether a wait would return at once."""
        return self._serves and self._camera is not None and self._camera.has_shot

    def waitForNewFrame(self, frame_map: FrameMap | None = None, milliseconds: int = -1) -> FrameMap | None:
        """Return the next frames, or None when ``milliseconds`` (negative: no limit) have passed without any."""
        timeout_s = milliseconds * NS_PER_MS / NS_PER_S if milliseconds >= 0 else None
        camera = self._camera if self._serves else None
        if camera is None:
            wait_in_vain(timeout_s)
            return None
        shot = camera.wait(timeout_s)
        if shot is None:
            return None
        self._blocked = timeout_s is None
        filled = FrameMap() if frame_map is None else frame_map
        filled.fill(shot, self._kinds)
        return filled

    def release(self, frame_map: FrameMap) -> None:
        """Free the frames' memory; here it is poisoned, and stays."""
        frame_map.poison()
        self._blocked = False

    @property
    def _serves(self) -> bool:
        """True if every kind that is waited for comes, and nothing is held back."""
        return self._connected & self._kinds == self._kinds and not self._blocked

    def attach(self, camera: Camera, kinds: int) -> None:
        """Get images of these kinds from a camera; no call of the binding's."""
        self._camera = camera
        self._connected |= kinds


class _Numbers:
    """Settable attributes, as float32 as the library keeps them."""

    def __init__(self, **numbers: float) -> None:
        self.__dict__.update({name: float(np.float32(number)) for name, number in numbers.items()})


class IrCameraParams(_Numbers):
    """The infrared camera's nine numbers."""


class ColorCameraParams(_Numbers):
    """The colour camera's twenty-six numbers."""


class Freenect2Device:
    """An open camera, or None in its place: then every call reads address 0, as through the binding's NULL."""

    def __init__(self, camera: Camera | None) -> None:
        self._open = camera

    def getSerialNumber(self) -> bytes:
        """Return the serial."""
        self._camera()
        return SERIAL

    def getFirmwareVersion(self) -> bytes:
        """Return the firmware's version, known once the camera was started."""
        return self._camera().firmware

    def getIrCameraParams(self) -> IrCameraParams:
        """Return the infrared camera's calibration, known once the camera was started."""
        return IrCameraParams(**self._camera().numbers.ir)

    def getColorCameraParams(self) -> ColorCameraParams:
        """Return the colour camera's calibration, known once the camera was started."""
        return ColorCameraParams(**self._camera().numbers.color)

    def setColorFrameListener(self, listener: SyncMultiFrameListener) -> None:
        """Send colour there."""
        listener.attach(self._camera(), FrameType.Color)

    def setIrAndDepthFrameListener(self, listener: SyncMultiFrameListener) -> None:
        """Send infrared and depth there."""
        listener.attach(self._camera(), FrameType.Ir | FrameType.Depth)

    def start(self) -> None:
        """Begin; says nothing about success."""
        self._camera().start()

    def startStreams(self, rgb: bool, depth: bool) -> None:  # noqa: FBT001 - the binding's signature
        """Begin both streams; one alone is not played here."""
        if not (rgb and depth):
            raise NotImplementedError("the stand-in plays colour, infrared and depth together")
        self.start()

    def stop(self) -> None:
        """End; says nothing about success."""
        self._camera().stop()

    def close(self) -> None:
        """Give the camera back; says nothing about success."""
        self._camera().close()

    def _camera(self) -> Camera:
        return crash() if self._open is None else self._open


class Freenect2:
    """Finds and opens the one camera."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self._opened: Freenect2Device | None = None

    def enumerateDevices(self) -> int:
        """Look again and return how many cameras there are."""
        return self._camera.enumerate()

    def getDeviceSerialNumber(self, idx: int) -> bytes:
        """Return a camera's serial, empty if there is none of this number."""
        return SERIAL if 0 <= idx < self._camera.listed() else b""

    def getDefaultDeviceSerialNumber(self) -> bytes:
        """Return the first camera's serial, empty if there is none."""
        return self.getDeviceSerialNumber(0)

    def openDevice(self, name: object, pipeline: PacketPipeline | None = None) -> Freenect2Device:
        """Open a camera by number or serial. A camera that cannot be opened is a device all the same: a dead one."""
        if isinstance(name, str):
            raise TypeError("expected bytes, str found")
        if not isinstance(name, int | bytes):
            raise ValueError("device name must be of str, bytes or integer type")  # noqa: TRY004 - the binding's choice
        serial = self.getDeviceSerialNumber(name) if isinstance(name, int) else name
        return self._open(serial, pipeline)

    def openDefaultDevice(self, pipeline: PacketPipeline | None = None) -> Freenect2Device:
        """Open the first camera; see `openDevice`."""
        return self._open(self.getDefaultDeviceSerialNumber(), pipeline)

    def _open(self, serial: bytes, pipeline: PacketPipeline | None) -> Freenect2Device:
        if pipeline is None:
            OpenGLPacketPipeline()  # the library's own choice
        else:
            pipeline.spend()
        opened = serial != b"" and serial == self.getDefaultDeviceSerialNumber() and self._camera.open()
        return Freenect2Device(self._camera if opened else None)


_Logger: TypeAlias = Logger  # inside `Binding` the name is an attribute


class Binding:
    """What ``import pylibfreenect2`` gives, for one camera that is not there."""

    FrameType = FrameType
    LoggerLevel = LoggerLevel
    Frame = Frame
    FrameMap = FrameMap
    SyncMultiFrameListener = SyncMultiFrameListener
    PacketPipeline = PacketPipeline
    CpuPacketPipeline = CpuPacketPipeline
    OpenCLPacketPipeline = OpenCLPacketPipeline
    OpenGLPacketPipeline = OpenGLPacketPipeline
    IrCameraParams = IrCameraParams
    ColorCameraParams = ColorCameraParams
    Logger = Logger
    __version__ = "0.1.4"

    def __init__(self, camera: Camera) -> None:
        self._camera = camera
        self.Freenect2 = partial(Freenect2, camera)
        self.setGlobalLogger(self.createConsoleLoggerWithDefaultLevel())

    def createConsoleLogger(self, level: int) -> _Logger:
        """Return a logger of this level."""
        return Logger(level)

    def createConsoleLoggerWithDefaultLevel(self) -> _Logger:
        """Return a logger that says everything but debugging."""
        return Logger(LoggerLevel.Info)

    def getGlobalLogger(self) -> _Logger | None:
        """Return who writes the library's messages."""
        return self._logger

    def setGlobalLogger(self, logger: _Logger | None = None) -> None:
        """Let a logger write the library's messages; None: nobody."""
        self._logger = logger
        self._camera.logger = None if logger is None else logger.log
