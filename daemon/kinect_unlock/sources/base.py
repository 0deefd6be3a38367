"""What every frame source promises; `Identity` is the core's, which shows it, and sources take it from here."""

from typing import Protocol, runtime_checkable

from kinect_unlock.camera_report import Identity
from kinect_unlock.frames import Frame, Origin

__all__ = ["EndOfStream", "FrameSource", "Identified", "Identity", "Interruptible", "Throttled"]


class EndOfStream(Exception):
    """A finite source has given its last frame; raised by `FrameSource.read`, and not a failure."""


class FrameSource(Protocol):
    """Frames in order, from one place. Used by one thread at a time; closed exactly once by who opened it."""

    @property
    def origin(self) -> Origin:
        """Where the frames come from; fixed for the life of the source."""
        ...

    def open(self) -> None:
        """Begin; import the driver here and nowhere else.

        Raises:
            SourceError: it cannot be opened; the message says what to do.
        """
        ...

    def read(self, timeout_s: float) -> Frame | None:
        """Return the next frame, or None if none came within ``timeout_s``.

        Raises:
            EndOfStream: a finite source has given its last frame.
            SourceError: the source is damaged or lost.
        """
        ...

    def close(self) -> None:
        """End; harmless when never opened or already closed.

        Another thread may call it while a read waits, and ends that: unless the source is `Interruptible`, or a driver
        that runs in a child.
        """
        ...


@runtime_checkable
class Identified(Protocol):
    """A source that knows which camera it is."""

    @property
    def identity(self) -> Identity | None:
        """Which camera is open; None before `FrameSource.open`."""
        ...


@runtime_checkable
class Interruptible(Protocol):
    """A source whose waits another thread can end, where `FrameSource.close` is for the reading thread alone."""

    def interrupt(self) -> None:
        """Give up a wait in `FrameSource.open` or `FrameSource.read`, now and for ever; for any thread."""
        ...


@runtime_checkable
class Throttled(Protocol):
    """A source that can give fewer frames at less cost."""

    def throttle(self, rate_hz: float | None) -> None:
        """Give at most so many frames a second from now on; None: all. May be called by the reading thread only."""
        ...
