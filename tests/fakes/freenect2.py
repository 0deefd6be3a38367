"""pylibfreenect2's names on a script, for tests of who calls them: what would end the process raises `Misuse`.

Memory given back is poisoned and touching it through its frame is misuse, as are null frames, null devices, a
pipeline left to the library or used twice, and whatever is called out of order.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

TYPICAL_IR = {
    "fx": 365.4,
    "fy": 365.4,
    "cx": 260.9,
    "cy": 205.6,
    "k1": 0.0956,
    "k2": -0.277,
    "k3": 0.0975,
    "p1": 0.0,
    "p2": 0.0,
}
TERMS = ("x3y0", "x0y3", "x2y1", "x1y2", "x2y0", "x0y2", "x1y1", "x1y0", "x0y1", "x0y0")
_MX = (4.5e-4, 1.9e-5, 4.8e-5, 3.5e-4, -2.4e-5, -1.2e-5, 9.9e-4, 0.6506, 0.0021, 0.1433)
_MY = (4.4e-6, 7.2e-4, 4.0e-4, 4.9e-5, 1.4e-4, 1.07e-3, -1.8e-5, -0.0024, 0.6501, 0.0062)
TYPICAL_COLOR = (
    {"fx": 1081.37, "fy": 1081.37, "cx": 959.5, "cy": 539.5, "shift_d": 863.0, "shift_m": 52.0}
    | {f"mx_{term}": value for term, value in zip(TERMS, _MX, strict=True)}
    | {f"my_{term}": value for term, value in zip(TERMS, _MY, strict=True)}
)


class Misuse(BaseException):
    """What would have ended the process, or read freed memory; no `except Exception` hides it."""


class FrameType(IntEnum):
    Color = 1
    Ir = 2
    Depth = 4


def blank(kind: FrameType) -> NDArray[Any]:
    return np.zeros((1080, 1920, 4), np.uint8) if kind is FrameType.Color else np.zeros((424, 512), np.float32)


@dataclass
class Shot:
    """One set of frames; ``said`` replaces what a frame says of itself, such as ``{FrameType.Depth: {"width": 4}}``."""

    sequence: int = 0
    timestamp: int = 0
    images: dict[FrameType, NDArray[Any]] = field(default_factory=lambda: {kind: blank(kind) for kind in FrameType})
    said: dict[FrameType, dict[str, int]] = field(default_factory=dict)


class Frame:
    def __init__(self, map_: "FrameMap", kind: FrameType) -> None:
        self._map, self._kind = map_, kind

    def _image(self) -> NDArray[Any]:
        if self._map.shot is None:
            raise Misuse("a null or released frame was touched")
        return self._map.shot.images[self._kind]

    def _said(self, name: str, otherwise: int) -> int:
        shot = self._map.shot
        return otherwise if shot is None else shot.said.get(self._kind, {}).get(name, otherwise)

    @property
    def width(self) -> int:
        return self._said("width", self._image().shape[1])

    @property
    def height(self) -> int:
        return self._said("height", self._image().shape[0])

    @property
    def bytes_per_pixel(self) -> int:
        self._image()
        return self._said("bytes_per_pixel", 4)

    @property
    def sequence(self) -> int:
        self._image()
        return self._said("sequence", self._map.shot.sequence if self._map.shot else 0)

    @property
    def timestamp(self) -> int:
        self._image()
        return self._map.shot.timestamp if self._map.shot else 0

    def asarray(self) -> NDArray[Any]:
        image = self._image()
        if (self.width, self.height, self.bytes_per_pixel) != (*image.shape[1::-1], 4):
            raise Misuse("memory beyond the frame's was read")
        return image


class FrameMap:
    def __init__(self) -> None:
        self.shot: Shot | None = None

    def __getitem__(self, kind: FrameType) -> Frame:
        return Frame(self, kind)


class FakeFreenect2:
    """The module and the camera behind it: ``shots`` is what comes, None a wait in vain; then waits in vain.

    ``calls`` lists what was called, in order. ``opens`` False: `openDevice` gives a null device.
    """

    FrameType = FrameType
    FrameMap = FrameMap

    def __init__(
        self,
        shots: Iterable[Shot | None] = (),
        *,
        serials: tuple[bytes, ...] = (b"012345",),
        opened_serial: bytes | None = None,
        opens: bool = True,
        infrared: dict[str, float] = TYPICAL_IR,
        color: dict[str, float] = TYPICAL_COLOR,
    ) -> None:
        self.shots: list[Shot | None] = list(shots)
        self.serials = serials
        self.opened_serial = opened_serial
        self.opens = opens
        self.infrared, self.color = infrared, color
        self.calls: list[str] = []
        self.waits_ms: list[int] = []
        self.unreleased = 0

    def __call__(self) -> "FakeFreenect2":
        return self

    def Freenect2(self) -> Any:  # noqa: N802 - the binding's name
        def enumerate_devices() -> int:
            self.calls.append("enumerate")
            return len(self.serials)

        def serial(index: int) -> bytes:
            return self.serials[index] if 0 <= index < len(self.serials) else b""

        def open_device(name: bytes, pipeline: Any = None) -> "_Device":
            if pipeline is None:
                raise Misuse("the library chose a pipeline: exit(-1)")
            if "enumerate" not in self.calls:
                raise Misuse("opened without looking what is there")
            if not isinstance(name, bytes):
                raise TypeError("expected bytes, str found")
            self.calls.append(f"open {name.decode()} {pipeline}")
            return _Device(self, self.opened_serial or name)

        return SimpleNamespace(enumerateDevices=enumerate_devices, getDeviceSerialNumber=serial, openDevice=open_device)

    def CpuPacketPipeline(self) -> str:  # noqa: N802 - the binding's name
        return "cpu"

    def OpenCLPacketPipeline(self) -> str:  # noqa: N802 - the binding's name
        return "opencl"

    def SyncMultiFrameListener(self, types: int) -> "_Listener":  # noqa: N802 - the binding's name
        if types != 7:
            raise Misuse("the source needs all three kinds")
        return _Listener(self)


class _Listener:
    def __init__(self, camera: FakeFreenect2) -> None:
        self._camera = camera

    def waitForNewFrame(self, frames: FrameMap, milliseconds: int = -1) -> FrameMap | None:  # noqa: N802
        if not 0 <= milliseconds < 2**31:
            raise Misuse("a wait for ever")
        if self._camera.calls[-1] != "start":
            raise Misuse("a wait for a camera that is not started")
        self._camera.waits_ms.append(milliseconds)
        shot = self._camera.shots.pop(0) if self._camera.shots else None
        if shot is None:
            return None
        frames.shot = shot
        self._camera.unreleased += 1
        return frames

    def release(self, frames: FrameMap) -> None:
        if frames.shot is None:
            raise Misuse("released twice")
        for image in frames.shot.images.values():
            image.fill(np.nan if image.dtype == np.float32 else 0xAA)
        frames.shot = None
        self._camera.unreleased -= 1


class _Device:
    def __init__(self, camera: FakeFreenect2, serial: bytes) -> None:
        self._camera, self._serial = camera, serial
        self._started = self._closed = False

    def _touch(self, call: str = "") -> None:
        if not self._camera.opens or self._closed:
            raise Misuse("a null or closed device was touched")
        if call:
            self._camera.calls.append(call)

    def getSerialNumber(self) -> bytes:  # noqa: N802
        self._touch()
        return self._serial

    def getFirmwareVersion(self) -> bytes:  # noqa: N802
        self._touch()
        return b"4.0.3917.0" if self._started else b"<unknown>"

    def getIrCameraParams(self) -> SimpleNamespace:  # noqa: N802
        self._touch()
        return SimpleNamespace(**{name: value * self._started for name, value in self._camera.infrared.items()})

    def getColorCameraParams(self) -> SimpleNamespace:  # noqa: N802
        self._touch()
        return SimpleNamespace(**{name: value * self._started for name, value in self._camera.color.items()})

    def setColorFrameListener(self, listener: _Listener) -> None:  # noqa: N802
        del listener
        self._touch("listen to colour")

    def setIrAndDepthFrameListener(self, listener: _Listener) -> None:  # noqa: N802
        del listener
        self._touch("listen to depth")

    def start(self) -> None:
        self._touch("start")
        self._started = True

    def stop(self) -> None:
        self._touch("stop")

    def close(self) -> None:
        self._touch("close")
        self._closed = True
