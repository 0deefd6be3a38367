"""A program that uses the Kinect's source on the stand-in driver as a driver's child does, and tells what it saw.

Arguments: a recording, a fault plan, what to do. It prints one JSON value a line.
"""

import json
import os
import sys
import threading
from collections.abc import Callable
from typing import Final

from kinect_unlock.clock import SystemClock
from kinect_unlock.errors import SourceError
from kinect_unlock.frames import Frame
from kinect_unlock.settings import Source
from kinect_unlock.sources.kinect_v2 import KinectV2Source
from kinect_unlock.sources.stand_in_driver import stand_in

_FRAMES: Final = 12
_READ_S: Final = 0.2
_PATIENT_S: Final = 1.0  # while no frame was missed: on a busy machine one takes longer than those 0.2 s
_TICK_S: Final = 0.02


def _tell(value: object) -> None:
    os.write(1, f"{json.dumps(value)}\n".encode())  # at once: a thread's line may come between a print and its end


def _tell_fault(call: Callable[[], object]) -> None:
    try:
        call()
    except SourceError as fault:
        _tell([type(fault).__name__, str(fault)])
    else:
        _tell(["nothing", ""])


def _in_short(frame: Frame | None) -> object:
    if frame is None or frame.depth_mm is None:
        return None
    upper, lower = (int(part.any()) for part in (frame.depth_mm[:212], frame.depth_mm[212:]))
    return {"seq": frame.seq, "device_us": frame.device_us, "upper": upper, "lower": lower}


def play(source: KinectV2Source) -> None:
    """Open, read some times, close, open once more."""
    _tell_fault(source.open)
    if source.identity is None:
        return
    wait_s = _PATIENT_S
    for _ in range(_FRAMES):
        try:
            frame = source.read(wait_s)
        except SourceError as fault:
            _tell([type(fault).__name__, str(fault)])
            break
        _tell(_in_short(frame))
        if frame is None:
            wait_s = _READ_S
    source.close()
    _tell_fault(source.open)


def tick(source: KinectV2Source) -> None:
    """Say "tick" in a thread of its own for ever, and read for ever."""
    threading.Thread(target=_tick, daemon=True).start()
    _tell("opening")
    source.open()
    while True:
        source.read(_READ_S)
        _tell("read")


def hold(source: KinectV2Source) -> None:
    """Open, read one frame, and keep the camera until standard input ends; then close it."""
    source.open()
    _tell(_in_short(source.read(5.0)))
    sys.stdin.read()
    source.close()


def _tick() -> None:
    while True:
        threading.Event().wait(_TICK_S)
        _tell("tick")


if __name__ == "__main__":
    recording, plan, pace, what = sys.argv[1:]
    settings = Source(kind="stand-in", path=recording, faults=plan, pace="asap" if pace == "asap" else "recorded")
    globals()[what](stand_in(settings, SystemClock()))
