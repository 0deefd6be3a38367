"""The course of a view: frames in, pictures out, keys heard, until somebody has seen enough."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, assert_never

from kinect_unlock.arrays import U8
from kinect_unlock.clock import NS_PER_S, Clock
from kinect_unlock.errors import RequestError
from kinect_unlock.sources.base import EndOfStream
from kinect_unlock.viewing.displays import KEYS, Display, Wish
from kinect_unlock.viewing.feeds import Feed, RateMeter, Shown
from kinect_unlock.viewing.files import free_name, save_png
from kinect_unlock.viewing.gauges import Limits
from kinect_unlock.viewing.sheet import Caption, draw, words_of

READ_TIMEOUT_S: Final = 0.1  # how soon a wish to stop is noticed
_KEY_WAIT_S: Final = 0.03
_ROUND_PAUSE_NS: Final = NS_PER_S // 2  # between the last frame of a recording and its first, shown again


@dataclass(frozen=True, slots=True)
class Painter:
    """Draws frames of one source; ``count`` is how many there are, if that is known."""

    source: str
    count: int | None
    limits: Limits
    no_scores: str

    def caption(self, shown: Shown) -> Caption:
        """Return what is written around a frame's pictures."""
        of = "" if self.count is None else f" of {self.count}"
        return Caption(self.source, f"frame {shown.number}{of}", dropped=shown.dropped, no_scores=self.no_scores)

    def paint(self, shown: Shown, caption: Caption | None = None) -> U8:
        """Draw a frame as u8[900,1600,3]."""
        return draw(shown.frame, shown.look, shown.scores, caption or self.caption(shown), limits=self.limits)


class Show:
    """Shows a feed on a display until a person or ``stop`` ends it.

    A feed that is not live is shown at the pace it was captured at; a machine that is too slow shows it slower, and
    leaves nothing out.
    """

    def __init__(
        self, feed: Feed, display: Display, painter: Painter, *, clock: Clock, stop: Callable[[], bool]
    ) -> None:
        self._feed = feed
        self._display = display
        self._painter = painter
        self._clock = clock
        self._stop = stop
        self._rate = RateMeter(clock)
        self._last: _Drawn | None = None
        self._next: Shown | None = None  # waits for its time
        self._paused = False
        self._note = KEYS
        self.saved: list[Path] = []

    def run(self, *, once: bool) -> None:
        """Run until it is ended; a feed with an end begins again there, unless ``once``.

        Raises:
            KinectUnlockError: no more frames can be had.
        """
        while not self._is_ended_by(self._display.wishes(self._free_s())):
            if self._paused:
                self._feed.rest()
            elif self._next is None:
                try:
                    self._next = self._feed.next(READ_TIMEOUT_S)
                except EndOfStream:
                    if once:
                        return
                    self._begin_again()
            elif self._left_s(self._next) <= 0.0:
                self._show(self._next)
                self._next = None

    def _begin_again(self) -> None:
        self._feed.close()
        self._feed.open()

    def _free_s(self) -> float:
        """Return how long there is nothing to do but to hear keys."""
        if self._paused:
            return _KEY_WAIT_S
        return 0.0 if self._next is None else min(_KEY_WAIT_S, self._left_s(self._next))

    def _left_s(self, shown: Shown) -> float:
        """Return how long a frame must wait for its time; one from before the last begins a new round."""
        if self._feed.live or self._last is None:
            return 0.0
        interval_ns = shown.frame.captured_ns - self._last.shown.frame.captured_ns
        if interval_ns < 0:
            interval_ns = _ROUND_PAUSE_NS
        return max(0.0, (self._last.at_ns + interval_ns - self._clock.monotonic_ns()) / NS_PER_S)

    def _show(self, shown: Shown) -> None:
        self._last = _Drawn(shown, self._clock.monotonic_ns(), self._rate.count())
        self._draw(self._last)

    def _draw(self, drawn: "_Drawn") -> None:
        self._display.show(self._painted(drawn, keys=self._note), words_about(drawn.shown))

    def _painted(self, drawn: "_Drawn", *, keys: str) -> U8:
        caption = replace(
            self._painter.caption(drawn.shown), rate_hz=drawn.rate_hz, paused=self._paused and bool(keys), keys=keys
        )
        return self._painter.paint(drawn.shown, caption)

    def _is_ended_by(self, wishes: list[Wish]) -> bool:
        for wish in wishes:
            match wish:
                case Wish.END:
                    return True
                case Wish.PAUSE:
                    self._paused = not self._paused
                case Wish.SAVE:
                    self._save()
                case _:
                    assert_never(wish)
        if wishes and self._last is not None:
            self._draw(self._last)
        return self._stop()

    def _save(self) -> None:
        """Save what is shown, without the keys, into the current folder."""
        if self._last is None:
            return
        try:
            path = free_name(Path.cwd(), f"kinect-unlock-{self._last.shown.frame.seq}")
            save_png(path, self._painted(self._last, keys=""))
        except RequestError as fault:
            self._note = str(fault)
        else:
            self._note = f"saved as {path.name}"
            self.saved.append(path)


@dataclass(frozen=True, slots=True, eq=False)
class _Drawn:
    """A frame that was shown, when, and at which rate."""

    shown: Shown
    at_ns: int
    rate_hz: float | None


def words_about(shown: Shown) -> str:
    """Say in one line what a frame shows."""
    face = shown.look.face
    words = f"frame {shown.number}, {words_of(shown.look)}"
    if face is None:
        return words
    pose = face.pose
    return f"{words}, {pose.distance_mm:.0f} mm, yaw {pose.yaw_deg:+.0f}, pitch {pose.pitch_deg:+.0f} degrees"
