"""Pumping a source into a new recording, with an eye on what was lost on the way."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from kinect_unlock.clock import NS_PER_S, Clock
from kinect_unlock.errors import RecordingError, SourceLost
from kinect_unlock.frames import Frame
from kinect_unlock.recording import RecordingWriter
from kinect_unlock.sources.base import EndOfStream, FrameSource

_READ_TIMEOUT_S: Final = 0.1  # how soon a wish to stop is noticed
_INTERVALS: Final = 31  # the usual interval is the median of so many: one second at 30 Hz
_GAP: Final = 1.75  # an interval this many times the usual one is a gap


@dataclass(frozen=True, slots=True)
class Limit:
    """When a recording is long enough; None: no limit of that kind."""

    frames: int | None = None
    seconds: float | None = None
    stall_s: float = 5.0  # a source silent for longer is lost


@dataclass(frozen=True, slots=True)
class Progress:
    """How a recording stands.

    ``dropped`` counts frames that the source numbered but did not give; ``gaps`` counts intervals between frames,
    by the device's clock where it has one, that are far longer than usual although no number is missing.
    """

    frames: int = 0
    dropped: int = 0
    gaps: int = 0
    seconds: float = 0.0
    size_bytes: int = 0


class LossCounter:
    """Counts what is missing between the frames it is shown."""

    def __init__(self) -> None:
        self.dropped = 0
        self.gaps = 0
        self._last: Frame | None = None
        self._intervals_ns: deque[int] = deque(maxlen=_INTERVALS)

    def see(self, frame: Frame) -> None:
        """Compare a frame with the one before it."""
        if self._last is not None:
            missing = max(0, frame.seq - self._last.seq - 1)
            self.dropped += missing
            if not missing:
                self._see_interval(_interval_ns(self._last, frame))
        self._last = frame

    def _see_interval(self, interval_ns: int) -> None:
        if self._intervals_ns and interval_ns > _GAP * median(self._intervals_ns):
            self.gaps += 1
        self._intervals_ns.append(interval_ns)


def record(
    source: FrameSource,
    path: Path,
    *,
    clock: Clock,
    provenance: Mapping[str, object] | None = None,
    limit: Limit = Limit(),
    lossless_color: bool = False,
    on_progress: Callable[[Progress], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> Progress:
    """Record an open source until it ends, a limit is reached or ``stop`` answers true.

    The calibration is the first frame's; infrared is recorded if that frame has it. ``origin`` in the provenance is
    the source's. The source is neither opened nor closed here.

    Raises:
        RecordingError: the source gave no frame, or frames that cannot be recorded, or the file cannot be written.
        SourceError: the source failed; what it had given is in the file.
    """
    first = _next_frame(source, clock, limit, stop)
    if first is None:
        raise RecordingError(f"{path}: not written, because the source gave no frame")
    if first.depth_mm is None or first.calibration is None:
        raise RecordingError(
            f"{path}: not written, because a {source.origin} source gives no depth; record from a depth camera, or "
            f"from a folder of colour and depth images"
        )
    progress = Progress()
    losses = LossCounter()
    with RecordingWriter(
        path,
        calibration=first.calibration,
        provenance={**(provenance or {}), "origin": source.origin.value},
        lossless_color=lossless_color,
        infrared=first.infrared is not None,
    ) as writer:
        frame: Frame | None = first
        while frame is not None:
            writer.write(frame)
            losses.see(frame)
            progress = Progress(
                frames=writer.frames,
                dropped=losses.dropped,
                gaps=losses.gaps,
                seconds=(frame.captured_ns - first.captured_ns) / NS_PER_S,
                size_bytes=writer.bytes_written,
            )
            on_progress(progress)
            frame = None if _is_enough(progress, limit) else _next_frame(source, clock, limit, stop)
    return progress


def _is_enough(progress: Progress, limit: Limit) -> bool:
    frames_reached = limit.frames is not None and progress.frames >= limit.frames
    seconds_reached = limit.seconds is not None and progress.seconds >= limit.seconds
    return frames_reached or seconds_reached


def _next_frame(source: FrameSource, clock: Clock, limit: Limit, stop: Callable[[], bool]) -> Frame | None:
    silent_since_ns = clock.monotonic_ns()
    while not stop():
        try:
            frame = source.read(_READ_TIMEOUT_S)
        except EndOfStream:
            return None
        if frame is not None:
            return frame
        if clock.monotonic_ns() - silent_since_ns > limit.stall_s * NS_PER_S:
            raise SourceLost(f"the {source.origin} source gave no frame for {limit.stall_s:g} s; check its connection")
    return None


def _interval_ns(before: Frame, after: Frame) -> int:
    if before.device_us is not None and after.device_us is not None:
        return (after.device_us - before.device_us) * 1000
    return after.captured_ns - before.captured_ns
