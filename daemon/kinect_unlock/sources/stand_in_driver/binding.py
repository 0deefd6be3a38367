"""pylibfreenect2's names, on a recording instead of a camera, with the behaviour that the real ones were seen to have.

Good calls do what the binding does: serials are bytes, ``start``, ``stop`` and ``close`` return None whatever
happened, a wait that runs out of time gives None, arrays are views of memory that ends with ``release``. Bad calls do
what they do there too: they kill the process. One thing alone is kinder: memory that was given back is filled with
NaN and 0xAA, so that reading it is seen every time and not sometimes.
"""
# ruff: noqa: N802 - the calls have the binding's spelling

import os
from collections.abc import Callable
from enum import IntEnum, unique
from typing import TypeAlias

import numpy as np

from kinect_unlock.sources.stand_in_driver.camera import SERIAL, Camera
from kinect_unlock.sources.stand_in_driver.deeds import NO_DISPLAY, crash, leave, say
from kinect_unlock.sources.stand_in_driver.delivery import (
    Frame,
    FrameListener,
    FrameMap,
    FrameType,
    SyncMultiFrameListener,
)


@unique
class LoggerLevel(IntEnum):
    """The binding's levels; a logger says what is at or below its own."""

    NONE = 0
    Error = 1
    Warning = 2
    Info = 3
    Debug = 4


class Logger:
    """Writes what is grave enough to the console: from warnings on to standard error, the rest to standard output."""

    def __init__(self, level: int) -> None:
        self._level = level

    def level(self) -> int:
        """Return the mildest level that is said."""
        return int(self._level)

    def log(self, level: int, message: bytes) -> None:
        """Say a message."""
        _require(message, bytes, "message")
        if level <= self._level:
            line = f"[{LoggerLevel(level).name}] {message.decode(errors='replace')}"
            say(line, to_fd=2 if level <= LoggerLevel.Warning else 1)


def _require(given: object, kind: type, name: str) -> None:
    if not isinstance(given, kind):
        raise TypeError(f"Argument '{name}' has incorrect type (expected {kind.__name__}, got {type(given).__name__})")


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


class _Numbers:
    """Numbers by name, settable, kept as float32 as the library has them."""

    def __init__(self, **numbers: float) -> None:
        self.__dict__.update({name: float(np.float32(number)) for name, number in numbers.items()})

    def __setattr__(self, name: str, number: float) -> None:
        """Set a number that is there."""
        if name not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        self.__dict__[name] = float(np.float32(number))


class IrCameraParams(_Numbers):
    """The infrared camera's nine numbers."""


class ColorCameraParams(_Numbers):
    """The colour camera's twenty-six numbers."""


class Freenect2Device:
    """An open camera, or None in its place: then every call reads address 0, as through the binding's NULL.

    It belongs to the `Freenect2` that opened it, and keeps no hold on it.
    """

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
        _require(listener, FrameListener, "listener")
        listener.attach(self._camera(), FrameType.Color)

    def setIrAndDepthFrameListener(self, listener: SyncMultiFrameListener) -> None:
        """Send infrared and depth there."""
        _require(listener, FrameListener, "listener")
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
        return crash() if self._open is None or self._open.freed else self._open


class Freenect2:
    """Finds and opens the one camera, and frees it when it is dropped itself."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera

    def __del__(self) -> None:
        """Free the device, whoever else still has it."""
        self._camera.free()

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
            _require(pipeline, PacketPipeline, "pipeline")
            pipeline.spend()
        opened = serial != b"" and serial == self.getDefaultDeviceSerialNumber() and self._camera.open()
        return Freenect2Device(self._camera if opened else None)


_Freenect2: TypeAlias = Freenect2  # inside `Binding` the names are attributes
_Logger: TypeAlias = Logger


class Binding:
    """What ``import pylibfreenect2`` gives, for one camera that is not there."""

    FrameType = FrameType
    LoggerLevel = LoggerLevel
    Frame = Frame
    FrameListener = FrameListener
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

    def __init__(self, make_camera: Callable[[Callable[[int, bytes], None]], Camera]) -> None:
        """Take what makes the camera of one `Freenect2`, given who writes its messages."""
        self._logger: _Logger | None = self.createConsoleLoggerWithDefaultLevel()
        self._make_camera = make_camera

    def Freenect2(self) -> _Freenect2:
        """Return what finds and opens the camera."""
        return Freenect2(self._make_camera(self._log))

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
        if logger is not None:
            _require(logger, Logger, "logger")
        self._logger = logger

    def _log(self, level: int, message: bytes) -> None:
        if self._logger is not None:
            self._logger.log(level, message)
