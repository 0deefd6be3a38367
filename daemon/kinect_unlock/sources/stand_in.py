"""A source that follows a script: frames, silences and faults, for tests of what stands behind a camera.

It ships because others need it too: whoever writes a source or a consumer can rehearse faults with it. It watches its
own life cycle and answers misuse with an `AssertionError`. Its origin can never unlock.
"""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from kinect_unlock.clock import NS_PER_S, ManualClock
from kinect_unlock.frames import Frame, Origin
from kinect_unlock.sources.base import EndOfStream


@dataclass(frozen=True, slots=True)
class Silence:
    """No frame for ``reads`` reads; each moves the script's clock on by its whole time-out."""

    reads: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Hang:
    """A read that comes back only when ``until`` is set, whatever its time-out: a driver that hangs."""

    until: threading.Event


Step: TypeAlias = Frame | Silence | Hang | Exception


class StandInSource:
    """Plays ``script`` from `open` on, then raises `EndOfStream`.

    ``clock`` is moved by silences, so that seconds of them take no time. ``opened`` and ``closed`` count the calls.
    """

    origin: Final = Origin.STAND_IN

    def __init__(
        self, script: Iterable[Step], *, clock: ManualClock | None = None, open_fault: Exception | None = None
    ) -> None:
        self._steps = iter(script)
        self._clock = clock or ManualClock()
        self._open_fault = open_fault
        self._quiet_reads = 0
        self.opened = 0
        self.closed = 0

    def open(self) -> None:
        """Begin the script.

        Raises:
            Exception: the ``open_fault`` it was given.
        """
        if self.opened:
            raise AssertionError("a source is opened once")
        self.opened += 1
        if self._open_fault is not None:
            raise self._open_fault

    def read(self, timeout_s: float) -> Frame | None:
        """Play one step.

        Raises:
            EndOfStream: the script is over.
            Exception: the script says so.
        """
        if not self.opened or self.closed:
            raise AssertionError("read() of a source that is not open")
        if self._quiet_reads:
            return self._keep_quiet(timeout_s)
        match next(self._steps, None):
            case None:
                raise EndOfStream
            case Frame() as frame:
                return frame
            case Silence(reads):
                self._quiet_reads = reads
                return self._keep_quiet(timeout_s)
            case Hang(until):
                until.wait()
                return None
            case fault:
                raise fault

    def close(self) -> None:
        """End; counts how often."""
        self.closed += 1

    def _keep_quiet(self, timeout_s: float) -> Frame | None:
        self._quiet_reads -= 1
        self._clock.advance(int(timeout_s * NS_PER_S))
        return None
