"""An open source as the capture thread reads it: as fast as it is needed, and lost when it is silent for too long."""

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager

from kinect_unlock.camera_needs import Need, rate_hz
from kinect_unlock.camera_report import CameraReporter
from kinect_unlock.clock import NS_PER_S, Clock
from kinect_unlock.errors import SourceLost
from kinect_unlock.frames import Frame
from kinect_unlock.settings import Source
from kinect_unlock.sources.base import FrameSource, Identified, Throttled
from kinect_unlock.workers import POLL_S

_LOG = logging.getLogger(__name__)


class OpenCamera:
    """Reads one open source; used by one thread."""

    def __init__(self, source: FrameSource, settings: Source, *, clock: Clock, reporter: CameraReporter) -> None:
        self._source = source
        self._settings = settings
        self._clock = clock
        self._reporter = reporter
        self._need: Need | None = None
        self._limit_s = settings.stall_timeout_s  # of silence
        self._heard_ns = clock.monotonic_ns()

    def read(self, need: Need) -> Frame | None:
        """Return the next frame, or None if none came within `POLL_S`.

        Raises:
            EndOfStream: the source has given its last frame.
            SourceError: the source failed, or was silent for too long.
        """
        if need is not self._need:
            self._adapt(need)
        frame = self._source.read(POLL_S)
        if frame is not None:
            self._reporter.arrived()
            self.heard()
        elif self._clock.monotonic_ns() - self._heard_ns >= self._limit_s * NS_PER_S:
            raise SourceLost(f"no frame for {self._limit_s:g} s; is the camera still connected?")
        return frame

    def heard(self) -> None:
        """Count the source's silence from now on: until now it was not asked."""
        self._heard_ns = self._clock.monotonic_ns()

    def _adapt(self, need: Need) -> None:
        """Have frames as they are needed; a source that cannot give fewer gives all."""
        self._need = need
        self._limit_s = self._settings.stall_timeout_s
        self._reporter.reading(need)
        self.heard()
        if isinstance(self._source, Throttled):
            at_most_hz = rate_hz(need, self._settings.watching_hz)
            self._limit_s += 0.0 if at_most_hz is None else 1.0 / at_most_hz
            self._source.throttle(at_most_hz)


@contextmanager
def opened(source: FrameSource, settings: Source, *, clock: Clock, reporter: CameraReporter) -> Iterator[OpenCamera]:
    """Open a source, and close it at the end.

    Raises:
        SourceError: it cannot be opened.
    """
    with closing(source):
        source.open()
        identity = source.identity if isinstance(source, Identified) else None
        reporter.opened(identity)
        _LOG.info("event=camera-open identity=%r", identity)
        try:
            yield OpenCamera(source, settings, clock=clock, reporter=reporter)
        finally:
            _LOG.info("event=camera-closing rate_hz=%r", reporter.report.rate_hz)
