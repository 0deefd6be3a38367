"""A recording in place of a camera."""

import threading
from pathlib import Path
from typing import Any

from kinect_unlock.clock import Clock
from kinect_unlock.errors import SourceError
from kinect_unlock.frames import Frame, Origin
from kinect_unlock.recording import RecordingReader
from kinect_unlock.settings import Pace
from kinect_unlock.sources.base import EndOfStream
from kinect_unlock.sources.pacing import Pacer


class ReplaySource:
    """Gives a recording's frames with the recording's own ``seq`` and ``captured_ns``, once.

    `close` may be called by another thread: a read that waits then returns None at once.
    """

    origin = Origin.RECORDING

    def __init__(self, path: Path, *, pace: Pace, clock: Clock) -> None:
        self.path = path
        self._pacer = Pacer(pace, clock)
        self._reader: RecordingReader | None = None
        self._next: Frame | None = None
        self._reading = threading.Lock()  # the file is not closed under a frame that is being decoded

    @property
    def provenance(self) -> dict[str, Any]:
        """What the recording says about itself; empty before `open`."""
        return self._reader.provenance if self._reader else {}

    @property
    def cut_short(self) -> bool:
        """True if the recording lost its end; False before `open`."""
        return self._reader is not None and self._reader.cut_short

    def open(self) -> None:
        """Open the file.

        Raises:
            RecordingError: it is not a recording that can be replayed.
        """
        self._reader = RecordingReader(self.path)

    def read(self, timeout_s: float) -> Frame | None:
        """Return the next frame when it is due, or None if that is later than in ``timeout_s``.

        Raises:
            EndOfStream: the last frame has been given.
            RecordingError: the next frame is damaged.
            SourceError: the source is not open.
        """
        with self._reading:
            if self._reader is None:
                raise SourceError(f"{self.path}: is not open for replay")
            if self._next is None:
                self._next = next(self._reader, None)
        frame = self._next
        if frame is None:
            raise EndOfStream
        if not self._pacer.wait_for(frame.captured_ns, timeout_s):
            return None
        self._next = None
        return frame

    def close(self) -> None:
        """Close the file and end a read that waits."""
        self._pacer.release()
        with self._reading:
            if self._reader is not None:
                self._reader.close()
                self._reader = None
