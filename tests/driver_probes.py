"""Calls of pylibfreenect2, good and bad, each with what comes of it: for the true binding and its stand-in alike.

As a program it makes the calls of some probes and prints what each gave, one line of JSON; bad calls end it.
Arguments: "true" or the path of a recording, which the stand-in then plays, and the probes' names.

Mind that nothing in the binding keeps anything alive: a library, device or listener that is not held by name is freed.
"""

import gc
import json
import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

TRUE: Final = "true"
SEGFAULT: Final = -11
_EVERY_TYPE: Final = 7  # colour, infrared and depth
_CHILD_TIMEOUT_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Probe:
    """``returns`` is what the calls give, None if they end the process with ``ends`` (a signal is negative)."""

    calls: Callable[[Any], object]
    returns: object = None
    ends: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of the process, and what each probe that came back gave."""

    returncode: int
    returned: list[object]
    err: str


def run_probes(which: str, names: Iterable[str], environment: Mapping[str, str]) -> Ended:
    """Make the calls in a process of their own; it has no display, and ``environment`` besides what ours has."""
    arguments = [sys.executable, str(Path(__file__)), which, *names]
    inherited = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
    ended = subprocess.run(
        arguments,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=_CHILD_TIMEOUT_S,
        check=False,
    )
    return Ended(ended.returncode, [json.loads(line) for line in ended.stdout.splitlines()], ended.stderr)


def _opened(binding: Any) -> tuple[Any, Any, Any]:
    library = binding.Freenect2()
    library.enumerateDevices()
    device = library.openDevice(library.getDeviceSerialNumber(0), pipeline=binding.CpuPacketPipeline())
    listener = binding.SyncMultiFrameListener(_EVERY_TYPE)
    device.setColorFrameListener(listener)
    device.setIrAndDepthFrameListener(listener)
    return library, device, listener


def _raised(call: Callable[[], object]) -> str:
    try:
        call()
    except Exception as error:  # noqa: BLE001 - which one it is, is the answer
        return type(error).__name__
    return "nothing"


def _lists_cameras(binding: Any) -> object:
    library = binding.Freenect2()
    none = [library.getDeviceSerialNumber(number).decode() for number in (-1, 7)]
    first = library.getDeviceSerialNumber(0)
    return [
        library.enumerateDevices(),
        type(first).__name__,
        len(first),
        first == library.getDefaultDeviceSerialNumber(),
        none,
    ]


def _opens_without_looking(binding: Any) -> object:
    library = binding.Freenect2()
    return library.openDefaultDevice(pipeline=binding.CpuPacketPipeline()).getFirmwareVersion().decode()


def _refuses_wrong_types(binding: Any) -> object:
    library, device, _listener = _opened(binding)
    pipeline = binding.CpuPacketPipeline
    return [
        _raised(lambda: library.openDevice("a text", pipeline=pipeline())),
        _raised(lambda: library.openDevice(1.5, pipeline=pipeline())),
        _raised(lambda: library.openDevice(0, pipeline=object())),
        _raised(lambda: device.setColorFrameListener(object())),
        _raised(lambda: binding.createConsoleLogger(1).log(1, "a text")),
        _raised(lambda: binding.setGlobalLogger(5)),
        _raised(lambda: setattr(device.getIrCameraParams(), "fz", 1.0)),
    ]


def _says_nothing_of_success(binding: Any) -> object:
    _library, device, _listener = _opened(binding)
    calls = (device.start, device.start, device.stop, device.stop, device.close, device.close, device.start)
    return [call() for call in calls]


def _gives_frames(binding: Any) -> object:
    _library, device, listener = _opened(binding)
    device.start()
    frames = listener.waitForNewFrame(milliseconds=5000)
    found = []
    for key in ("color", "ir", "depth"):
        frame, array = frames[key], frames[key].asarray()
        numbers = [type(value).__name__ for value in (frame.sequence, frame.timestamp, frame.exposure, frame.gain)]
        found.append([frame.width, frame.height, frame.bytes_per_pixel, list(array.shape), str(array.dtype), *numbers])
    device.close()
    return found


def _reads_a_map(binding: Any) -> object:
    empty = binding.FrameMap()
    keys = ("color", "COLOR", 1, binding.FrameType.Depth, "colour", 3, 1.5, b"color")
    return [_raised(lambda key=key: empty[key]) for key in keys]  # type: ignore[misc] # bound here


def _counts_on(binding: Any) -> object:
    _library, device, listener = _opened(binding)
    device.start()
    seen = []
    for _ in range(4):
        frames = listener.waitForNewFrame(milliseconds=5000)
        seen.append((frames["depth"].sequence, frames["depth"].timestamp))
        listener.release(frames)
    device.close()
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(seen)]
    return all(n >= 1 and 264 * n <= ticks <= 268 * n for n, ticks in steps)


def _waits_in_vain(binding: Any) -> object:
    listener = binding.SyncMultiFrameListener()
    begun_s = time.monotonic()
    frames = listener.waitForNewFrame(binding.FrameMap(), 200)
    return [frames, listener.hasNewFrame(), time.monotonic() - begun_s >= 0.19]


def _lets_others_run(binding: Any) -> object:
    ticks, ended = [0], threading.Event()

    def tick() -> None:
        while not ended.wait(0.002):
            ticks[0] += 1

    other = threading.Thread(target=tick)
    other.start()
    binding.SyncMultiFrameListener().waitForNewFrame(milliseconds=400)
    ended.set()
    other.join()
    return ticks[0] > 10


def _holds_back_until_release(binding: Any) -> object:
    _library, device, listener = _opened(binding)
    device.start()
    held = listener.waitForNewFrame()
    meanwhile = listener.waitForNewFrame(milliseconds=300)
    listener.release(held)
    after = listener.waitForNewFrame(milliseconds=5000)
    device.close()
    return [meanwhile, after is not None]


def _does_not_hold_back_after_timed_waits(binding: Any) -> object:
    _library, device, listener = _opened(binding)
    device.start()
    kept = [listener.waitForNewFrame(milliseconds=5000) for _ in range(3)]
    device.close()
    return [frames is not None for frames in kept]


def _knows_calibration_once_started(binding: Any) -> object:
    _library, device, _listener = _opened(binding)
    before = [device.getFirmwareVersion().decode(), device.getIrCameraParams().fx]
    device.start()
    infrared, color = device.getIrCameraParams(), device.getColorCameraParams()
    device.close()
    names = [name for part in (infrared, color) for name in dir(part) if not name.startswith("_")]
    return [before[0], 300 < before[1] < 400, 300 < infrared.fx < 400, 1000 < color.fx < 1200, len(names)]


def _starts_again(binding: Any) -> object:
    library, device, listener = _opened(binding)
    device.start()
    listener.release(listener.waitForNewFrame(milliseconds=5000))
    device.stop()
    device.start()
    frames = listener.waitForNewFrame(milliseconds=5000)
    device.close()
    return [frames is not None, library.openDevice(0, pipeline=binding.CpuPacketPipeline()).getSerialNumber() != b""]


def _opens_nothing_and_starts(binding: Any) -> object:
    return binding.Freenect2().openDevice(b"not there", pipeline=binding.CpuPacketPipeline()).start()


def _opens_nothing_and_asks(binding: Any) -> object:
    return binding.Freenect2().openDevice(b"not there", pipeline=binding.CpuPacketPipeline()).getSerialNumber()


def _opens_nothing(binding: Any) -> object:
    return type(binding.Freenect2().openDevice(b"not there", pipeline=binding.CpuPacketPipeline())).__name__


def _touches_after_a_wait_in_vain(binding: Any) -> object:
    frames = binding.FrameMap()
    binding.SyncMultiFrameListener().waitForNewFrame(frames, 50)
    return frames["depth"].asarray()


def _touches_after_release(binding: Any) -> object:
    _library, device, listener = _opened(binding)
    device.start()
    frames = listener.waitForNewFrame(milliseconds=5000)
    listener.release(frames)
    return frames["color"].sequence


def _releases_none(binding: Any) -> object:
    return binding.SyncMultiFrameListener().release(None)


def _drops_the_listener(binding: Any) -> object:
    _library, device, listener = _opened(binding)
    device.start()
    del listener
    gc.collect()
    time.sleep(1.0)  # what the library's thread does meanwhile is the point
    return "nothing happened"


def _drops_the_library(binding: Any) -> object:
    library, device, _listener = _opened(binding)
    del library
    gc.collect()
    return device.getFirmwareVersion().decode()


def _spends_a_pipeline_twice(binding: Any) -> object:
    library, pipeline = binding.Freenect2(), binding.CpuPacketPipeline()
    library.openDevice(b"not there", pipeline=pipeline)
    device = library.openDevice(0, pipeline=pipeline)
    device.start()
    device.close()
    return "nothing happened"


def _opens_without_pipeline(binding: Any) -> object:
    return binding.Freenect2().openDefaultDevice()


def _makes_opengl(binding: Any) -> object:
    return binding.OpenGLPacketPipeline()


_LEFT: Final = 255
_FRAMES: Final = [
    [1920, 1080, 4, [1080, 1920, 4], "uint8", "int", "int", "float", "float"],
    [512, 424, 4, [424, 512], "float32", "int", "int", "float", "float"],
    [512, 424, 4, [424, 512], "float32", "int", "int", "float", "float"],
]

PROBES: Final[Mapping[str, Probe]] = {
    "cameras are listed by serials of bytes": Probe(_lists_cameras, [1, "bytes", 12, True, ["", ""]]),
    "opening looks for cameras by itself": Probe(_opens_without_looking, "<unknown>"),
    "wrong types are refused": Probe(
        _refuses_wrong_types, ["TypeError", "ValueError", *["TypeError"] * 4, "AttributeError"]
    ),
    "start, stop and close say nothing of success": Probe(_says_nothing_of_success, [None] * 7),
    "frames have a Kinect's sizes and types": Probe(_gives_frames, _FRAMES),
    "a map takes names and numbers": Probe(_reads_a_map, ["nothing"] * 4 + ["ValueError"] * 2 + ["KeyError"] * 2),
    "numbers and times of frames count on": Probe(_counts_on, returns=True),
    "a wait in vain gives None": Probe(_waits_in_vain, [None, False, True]),
    "a wait lets other threads run": Probe(_lets_others_run, returns=True),
    "a wait without limit holds frames back until release": Probe(_holds_back_until_release, [None, True]),
    "a wait with a limit does not": Probe(_does_not_hold_back_after_timed_waits, [True] * 3),
    "calibration is known once started": Probe(_knows_calibration_once_started, ["<unknown>", False, True, True, 35]),
    "a camera starts and opens again": Probe(_starts_again, [True, True]),
    "what cannot be opened is a device all the same": Probe(_opens_nothing, "Freenect2Device"),
    "starting a dead device": Probe(_opens_nothing_and_starts, ends=SEGFAULT),
    "asking a dead device": Probe(_opens_nothing_and_asks, ends=SEGFAULT),
    "touching a frame after a wait in vain": Probe(_touches_after_a_wait_in_vain, ends=SEGFAULT),
    "touching a frame after release": Probe(_touches_after_release, ends=SEGFAULT),
    "releasing None": Probe(_releases_none, ends=SEGFAULT),
    "dropping the listener while frames come": Probe(_drops_the_listener, ends=SEGFAULT),
    "using a device after its library": Probe(_drops_the_library, ends=SEGFAULT),
    "opening without a pipeline and a display": Probe(_opens_without_pipeline, ends=_LEFT),
    "making an OpenGL pipeline without a display": Probe(_makes_opengl, ends=_LEFT),
}


GOOD: Final = tuple(name for name, probe in PROBES.items() if probe.ends == 0)
BAD: Final = tuple(name for name, probe in PROBES.items() if probe.ends != 0)


def _binding(which: str) -> Any:
    if which == TRUE:
        return import_module("pylibfreenect2")
    from kinect_unlock.clock import SystemClock  # noqa: PLC0415 - the true binding's probes need none of it
    from kinect_unlock.settings import Source  # noqa: PLC0415
    from kinect_unlock.sources.stand_in_driver import stand_in_binding  # noqa: PLC0415

    return stand_in_binding(Source(kind="stand-in", path=which), SystemClock())


def _main(which: str, *names: str) -> None:
    warnings.simplefilter("ignore")  # the true binding imports pkg_resources
    binding = _binding(which)
    binding.setGlobalLogger(None)
    for name in names:
        print(json.dumps(PROBES[name].calls(binding)), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    _main(*sys.argv[1:])
