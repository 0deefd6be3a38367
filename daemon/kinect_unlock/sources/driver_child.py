"""The program that a driver runs in: ``python -m kinect_unlock.sources.driver_child SOCKET RING PARENT``.

Started by `kinect_unlock.sources.driver_life` and of no use otherwise. It makes the driver that it is told to make,
puts each frame into the ring, says so, and says something at least every `BEAT_S`, from the very loop that reads: a
driver that hangs is heard to be silent. It ends when told to, when the daemon is gone, and with the driver's failure.
"""

import ctypes
import importlib
import os
import resource
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final, NoReturn, cast

import numpy as np

from kinect_unlock.calibration import calibration_to_plain
from kinect_unlock.clock import NS_PER_S, Clock, SystemClock
from kinect_unlock.errors import SourceError, SourceLost
from kinect_unlock.frames import Calibration, Frame
from kinect_unlock.sources import confinement
from kinect_unlock.sources.base import EndOfStream, FrameSource, Identified, Identity, Throttled
from kinect_unlock.sources.driver_link import (
    BEAT_S,
    MAX_WORDS,
    Beat,
    Begin,
    Close,
    Confined,
    Failed,
    FromChild,
    Link,
    LinkClosed,
    Opened,
    SetRate,
    Shown,
    Sort,
    ToChild,
    sort_of,
)
from kinect_unlock.sources.planes import Planes, PlaneShapes, ReadsInto, Stamp
from kinect_unlock.sources.ring import RingWriter
from kinect_unlock.sources.throttle import Throttle

_READ_S: Final = 0.1  # how long a word of the daemon may have to wait
_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h


class _Told(Exception):
    """The daemon wants no more."""


class _Copied:
    """Frames of a source that makes its own arrays: copied into the ring's."""

    def __init__(self, source: FrameSource, first: Frame) -> None:
        self._source = source
        self._waiting: Frame | None = first
        self.shapes = _shapes(first)
        self.calibration = first.calibration

    def read_into(self, planes: Planes, timeout_s: float) -> Stamp | None:
        frame, self._waiting = self._waiting or self._source.read(timeout_s), None
        if frame is None:
            return None
        if _shapes(frame) != self.shapes:
            raise SourceError(f"the driver's images were {self.shapes} and are {_shapes(frame)} now")
        for plane, image in (
            (planes.color, frame.color),
            (planes.depth_mm, frame.depth_mm),
            (planes.infrared, frame.infrared),
        ):
            if plane is not None and image is not None:
                np.copyto(plane, image)
        return Stamp(frame.seq, frame.captured_ns, frame.device_us)


class _Child:
    """One driver's work."""

    def __init__(self, link: Link[FromChild, ToChild], ring: int, clock: Clock) -> None:
        self._link = link
        self._ring = ring
        self._clock = clock
        self._throttle = Throttle()  # for a source that does not keep to a rate itself
        self._set_rate: Callable[[float | None], None] = self._throttle.set

    def run(self) -> None:
        """Do all of it.

        Raises:
            LinkClosed: the daemon is gone.
        """
        begin = self._first_word()
        try:
            self._link.send(_confined(begin))
            with closing(_make(begin, self._clock)) as source:
                if isinstance(source, Throttled):
                    self._set_rate = source.throttle
                source.open()
                try:
                    self._stream(source)
                except SourceError as fault:  # whatever it calls it: it had the camera, and another start may help
                    raise SourceLost(str(fault)) from fault
        except EndOfStream:
            self._link.send(Failed(Sort.END_OF_STREAM, ""))
        except SourceError as fault:
            self._link.send(Failed(sort_of(fault), str(fault)[:MAX_WORDS]))
        except _Told:
            pass

    def _first_word(self) -> Begin:
        select.select([self._link.fileno()], [], [])
        word = self._link.receive()
        if not isinstance(word, Begin):
            raise LinkClosed
        return word

    def _obey(self) -> None:
        while (word := self._link.receive()) is not None:
            match word:
                case Close():
                    raise _Told
                case SetRate(rate_hz=rate_hz):
                    self._set_rate(rate_hz)
                case Begin():
                    raise SourceError("a child has one driver, and was told to begin another")

    def _stream(self, source: FrameSource) -> None:
        feed = source if isinstance(source, ReadsInto) else self._copied(source)
        ring = RingWriter(self._ring, feed.shapes)
        number, said_ns = 1, 0
        planes = ring.begin(number)
        while True:
            self._obey()
            stamp = feed.read_into(planes, _READ_S)
            now_ns = self._clock.monotonic_ns()
            if stamp is not None and self._throttle.wants(stamp.captured_ns):
                ring.publish(number)
                if number == 1:
                    self._link.send(_opened(source, feed.shapes, feed.calibration))
                self._link.send(Shown(number, stamp.seq, stamp.captured_ns, stamp.device_us))
                said_ns = now_ns
                number += 1
                planes = ring.begin(number)
            elif number > 1 and now_ns - said_ns >= BEAT_S * NS_PER_S:
                self._link.send(Beat())
                said_ns = now_ns

    def _copied(self, source: FrameSource) -> _Copied:
        while (first := source.read(_READ_S)) is None:
            self._obey()
        return _Copied(source, first)


def _confined(begin: Begin) -> Confined:
    """Give up what a driver does not need, before anything of the driver is loaded."""
    held = confinement.confine(
        confinement.Grants(
            tuple(map(Path, begin.reads)),
            tuple(map(Path, begin.writes)),
            None if begin.keeps is None else Path(begin.keeps),
            begin.connects,
        )
    )
    return Confined(held.landlock, held.filtered)


def _make(begin: Begin, clock: Clock) -> FrameSource:
    module, _, name = begin.target.partition(":")
    return cast(FrameSource, getattr(importlib.import_module(module), name)(begin.settings, clock))


def _shapes(frame: Frame) -> PlaneShapes:
    rows, columns, _ = frame.color.shape
    depth, infrared = frame.depth_mm, frame.infrared
    return PlaneShapes(
        (rows, columns),
        None if depth is None else (depth.shape[0], depth.shape[1]),
        None if infrared is None else (infrared.shape[0], infrared.shape[1]),
    )


def _opened(source: FrameSource, shapes: PlaneShapes, calibration: Calibration | None) -> Opened:
    identity = (source.identity if isinstance(source, Identified) else None) or Identity("")
    return Opened(
        model=identity.model,
        serial=identity.serial,
        firmware=identity.firmware,
        pipeline=identity.pipeline,
        color=shapes.color,
        depth=shapes.depth,
        infrared=shapes.infrared,
        calibration=None if calibration is None else calibration_to_plain(calibration),
    )


def _live_no_longer_than(parent: int) -> None:
    """Have the kernel kill us with the daemon, even while the driver holds the interpreter for ever.

    "With the daemon" is with the thread that started us: the one that reads the camera, and closes it before it ends.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it was gone before
        os._exit(0)


def main(arguments: list[str]) -> NoReturn:
    """Run the child; ends the process."""
    line, ring, parent = map(int, arguments)
    _live_no_longer_than(parent)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # the daemon decides when we end
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold images of faces
    for descriptor in (line, ring):
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - the standard library's own form
    code = 1
    try:
        with socket.socket(fileno=line) as opened:
            _Child(Link(opened, ToChild), ring, SystemClock()).run()
        code = 0
    except LinkClosed:
        code = 0
    except Exception:  # noqa: BLE001 - the process's outermost function
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # the library's own end may crash or hang (libfreenect2 #458), and the kernel does it better


if __name__ == "__main__":
    main(sys.argv[1:])
