"""Where the frames of a view come from, each with what was made of it: here a source of this process's own."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from kinect_unlock.clock import NS_PER_S, Clock
from kinect_unlock.errors import SourceLost
from kinect_unlock.frames import Frame
from kinect_unlock.looks import Look, look_of
from kinect_unlock.pipeline import Pipeline
from kinect_unlock.sources.base import FrameSource
from kinect_unlock.sources.recorder import LossCounter
from kinect_unlock.viewing.scores import Scorer, Scores

_RATE_WINDOW: Final = 31  # frames: a second at 30 Hz


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """One frame to show; ``number`` counts from 0, ``dropped`` those since the start that could not be shown."""

    frame: Frame
    look: Look
    scores: Scores | None
    number: int
    dropped: int


class Feed(Protocol):
    """Frames to show, in order. Used by one thread; closed once by who opened it."""

    @property
    def live(self) -> bool:
        """True if frames come when they come; False if the viewer has to keep their pace."""
        ...

    def open(self) -> None:
        """Begin, or begin again.

        Raises:
            SourceError: it cannot be opened.
        """
        ...

    def next(self, timeout_s: float) -> Shown | None:
        """Return the next frame, or None if none came within ``timeout_s``.

        Raises:
            EndOfStream: there are no more.
            KinectUnlockError: it failed.
        """
        ...

    def rest(self) -> None:
        """Take notice that frames were not asked for on purpose."""
        ...

    def close(self) -> None:
        """End; harmless when closed already."""
        ...


class OwnFeed:
    """The frames of a source that this process has for itself, looked at by its own pipeline."""

    def __init__(
        self,
        make_source: Callable[[], FrameSource],
        pipeline: Pipeline,
        scorer: Scorer | None,
        *,
        clock: Clock,
        stall_s: float,
    ) -> None:
        """``stall_s`` is how long a live source may be silent before it is lost.

        Raises:
            KinectUnlockError: the source cannot be made.
        """
        self._make_source = make_source
        self._source = make_source()
        self._pipeline = pipeline
        self._scorer = scorer
        self._clock = clock
        self._stall_s = stall_s
        self._losses = LossCounter()
        self._times_opened = 0
        self._shown = 0
        self._heard_ns = 0

    @property
    def live(self) -> bool:
        """True for a camera."""
        return self._source.origin.live

    def open(self) -> None:
        """Open the source, from its beginning if it has one.

        Raises:
            SourceError: it cannot be opened.
        """
        if self._times_opened:
            self._source = self._make_source()  # a source is opened once
        self._source.open()
        self._times_opened += 1
        self._losses = LossCounter()
        self._shown = 0
        self._heard_ns = self._clock.monotonic_ns()

    def next(self, timeout_s: float) -> Shown | None:
        """Return the next frame and what the pipeline says of it, None if none came in time.

        Raises:
            EndOfStream: the source has given its last frame.
            SourceError: it failed, or was silent for too long.
            ModelError: a network failed.
        """
        frame = self._source.read(timeout_s)
        now_ns = self._clock.monotonic_ns()
        if frame is None:
            if now_ns - self._heard_ns >= self._stall_s * NS_PER_S:
                raise SourceLost(f"no frame for {self._stall_s:g} s; is the camera still connected?")
            return None
        self._losses.see(frame)
        observation = self._pipeline.observe(frame, self._times_opened, "verify")
        scores = None if self._scorer is None else self._scorer.scores(observation)
        shown = Shown(frame, look_of(observation), scores, self._shown, self._losses.dropped)
        self._shown += 1
        self._heard_ns = self._clock.monotonic_ns()  # the look's time is not the source's silence
        return shown

    def rest(self) -> None:
        """Take notice that frames were not asked for on purpose."""
        self._heard_ns = self._clock.monotonic_ns()

    def close(self) -> None:
        """Close the source."""
        self._source.close()


class RateMeter:
    """How many frames a second were shown lately."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at_ns: deque[int] = deque(maxlen=_RATE_WINDOW)

    def count(self) -> float | None:
        """Count a frame; return the rate in Hz, None until there are two."""
        self._at_ns.append(self._clock.monotonic_ns())
        passed_ns = self._at_ns[-1] - self._at_ns[0]
        return (len(self._at_ns) - 1) * NS_PER_S / passed_ns if passed_ns > 0 else None
