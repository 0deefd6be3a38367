"""A program: the Kinect's source on the true binding and the synthetic library; argument: what to do. Prints JSON."""

import json
import sys
from typing import Any

import numpy as np

from kinect_unlock.clock import SystemClock
from kinect_unlock.errors import SourceError
from kinect_unlock.frames import Frame, KinectV2Polynomial
from kinect_unlock.settings import Source
from kinect_unlock.sources.kinect_v2 import KinectV2Source

_TIMEOUT_S = 5.0


def _source(**settings: Any) -> KinectV2Source:
    return KinectV2Source(Source(**{"pipeline": "cpu", **settings}), SystemClock())


def _is_the_pattern(frame: Frame) -> list[bool]:
    """Compare colour, depth and infrared with `synthetic.cpp`, turned round."""
    y, x = np.mgrid[0:1080, 0:1920][:, :, ::-1]
    color = np.stack([np.full_like(x, frame.seq), y, x], axis=2).astype(np.uint8)
    column = np.broadcast_to(np.arange(512)[::-1], (424, 512))
    depth_mm = 600 + column + frame.seq % 7
    depth_mm[0] = 0
    infrared = 100 * column
    infrared[0] = np.where(np.isin(column[0] % 6, (1, 5)), 65535, 0)  # infinity and 1e9
    wanted: tuple[Any, ...] = (color, depth_mm, infrared)
    images: tuple[Any, ...] = (frame.color, frame.depth_mm, frame.infrared)
    return [bool(np.array_equal(image, pattern)) for image, pattern in zip(images, wanted, strict=True)]


def frames() -> object:
    """Read two frames and look at the first only then: the library's memory is long gone."""
    source = _source()
    source.open()
    first, second = source.read(_TIMEOUT_S), source.read(_TIMEOUT_S)
    identity, calibration = source.identity, source.calibration
    source.close()
    assert first is not None
    assert second is not None
    assert identity is not None
    assert calibration is not None
    assert isinstance(calibration.depth_to_color, KinectV2Polynomial)
    assert first.device_us is not None
    assert second.device_us is not None
    lens = calibration.depth
    return {
        "pattern": [_is_the_pattern(frame) for frame in (first, second)],
        "counted on": second.seq > first.seq,
        "device_us": (second.device_us - first.device_us) / (second.seq - first.seq),
        "identity": [identity.model, identity.serial, identity.firmware, identity.pipeline],
        "numbers": [round(number, 4) for number in (lens.fx_px, lens.cx_px, lens.k1, lens.p1, lens.p2)],
        "shift_m": round(calibration.depth_to_color.shift_m, 4),
    }


def second_serial() -> object:
    """Open the camera of a serial; the first listed is another."""
    source = _source(device="012345678947")
    source.open()
    frame, identity = source.read(_TIMEOUT_S), source.identity
    source.close()
    return [frame is not None, identity.serial if identity else None]


def strange_serial() -> object:
    """Open a serial that is not there."""
    return _fault_of_open(_source(device="nobody"))


def open_it() -> object:
    """Open the first camera."""
    return _fault_of_open(_source())


def opengl() -> object:
    """Open with the pipeline that would end the process."""
    return _fault_of_open(_source(pipeline="opengl"))


def opencl() -> object:
    """Open with the pipeline of most users."""
    return _fault_of_open(_source(pipeline="opencl"))


def silence() -> object:
    """Read from a camera that gives nothing."""
    source = _source()
    source.open()
    found = [source.read(0.2), source.read(0.0)]
    source.close()
    return found


def until_trouble() -> object:
    """Read until no frame comes any more, then open again."""
    source = _source()
    source.open()
    last = 0
    while (frame := source.read(0.5)) is not None:
        last = frame.seq
    source.close()
    return [last, *_fault_of_open(source)]


def again() -> object:
    """Open and close three times."""
    source = _source()
    given = []
    for _ in range(3):
        source.open()
        given.append(source.read(_TIMEOUT_S) is not None)
        source.close()
    return given


def _fault_of_open(source: KinectV2Source) -> list[str]:
    try:
        source.open()
    except SourceError as fault:
        return [type(fault).__name__, str(fault)]
    source.close()
    return ["nothing", ""]


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]]()), flush=True)  # noqa: T201 - the answer
