"""Showing an administrator what the camera sees. Decides nothing about anybody, and gives way to everybody who does.

A preview has the camera like an attempt, so that one place says who has it; but whoever wants to be recognised sends
it away at once, and takes over the camera that it had opened. Pictures are sent one by one, each when the one before
was taken: a viewer that stops reading gets no more, and holds the memory of one picture. Pictures that a viewer took
and keeps count as the daemon's memory, too: only who may see the camera can use that up.
"""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Final

import msgspec

from kinect_unlock.attempts import CameraAttempt, Claim, Desk, Machine
from kinect_unlock.clock import NS_PER_S
from kinect_unlock.frames import Frame
from kinect_unlock.looks import look_of
from kinect_unlock.machines.preview import OPEN_STATES, PREVIEW, Effect, Event, State
from kinect_unlock.observations import Observation
from kinect_unlock.ports import Peer, PictureLine, Use
from kinect_unlock.sealed import picture_of, seal
from kinect_unlock.wire import Reply, Word

MACHINE: Final = Machine(PREVIEW, OPEN_STATES, Event.START, Event.TIMED_OUT, Event.CANCEL, Event.SOURCE_LOST)
# Nobody looks for longer without stopping once; a viewer that was forgotten must not keep the camera on for ever.
LIMIT_S: Final = 3600.0

_LOG = logging.getLogger(__name__)


@contextmanager
def noted(watching: "PreviewAttempt", peer: Peer) -> Iterator[None]:
    """Have the log say who watches, and for how many pictures."""
    number = watching.claim.number
    _LOG.info("event=preview-begins attempt=%d uid=%d pid=%d", number, peer.uid, peer.pid)
    try:
        yield
    finally:
        counts = (watching.sent, watching.dropped)
        _LOG.info("event=preview-ended attempt=%d uid=%d pictures=%d dropped=%d", number, peer.uid, *counts)


class PreviewAttempt(CameraAttempt[State, Event, Effect]):
    """One viewer's look through the camera, at no more than ``rate_hz`` pictures a second."""

    use: ClassVar[Use] = "preview"

    def __init__(self, desk: Desk, claim: Claim, line: PictureLine, rate_hz: float) -> None:
        super().__init__(desk, claim, MACHINE, State.IDLE)
        self._line = line
        self._interval_ns = int(NS_PER_S / rate_hz)
        self._due_ns = 0
        self._frame: Frame | None = None
        self.sent = 0
        self.dropped = 0

    def limit_s(self) -> float:
        """Return how long a preview may last."""
        return LIMIT_S

    def spent(self) -> None:
        """End because a finite source has given its last frame."""
        if self._is_open():
            self.message = "the stream ended"
            self.expire()

    def show(self, frame: Frame, observation: Observation) -> None:
        """Take a frame and what was seen in it."""
        self._frame = frame
        self.observe(observation)
        self._frame = None

    def judge(self, observation: Observation, first_ns: int) -> None:
        """Send a picture, if the viewer has taken the last one and it is time for another."""
        if self.passed_s(observation, first_ns) >= LIMIT_S:
            self.expire()
            return
        now_ns = self.desk.clock.monotonic_ns()
        if self._frame is None or not self._line.free or now_ns < self._due_ns:
            self.dropped += 1
            return
        picture = picture_of(self._frame, look_of(observation))
        if self._send(self._frame, msgspec.to_builtins(picture)):
            self._due_ns = now_ns + self._interval_ns
            self.sent += 1
        else:
            self.dropped += 1

    def carry_out(self, effect: Effect) -> None:
        """Do what a step orders."""
        orders: dict[Effect, Callable[[], None]] = {
            Effect.OPEN_SOURCE: self.open_source,
            Effect.CLOSE_SOURCE: self.close_source,
            Effect.REPORT_ENDED: lambda: self.report(Word.OK),
            Effect.REPORT_CANCELLED: lambda: self.report(Word.CANCELLED),
            Effect.REPORT_FAULT: self.report_fault,
        }
        orders[effect]()

    def _send(self, frame: Frame, told: dict[str, Any]) -> bool:
        """Seal a picture and send it; takes 4 ms of the loop for a Kinect's frame, while nobody is judged."""
        try:
            descriptor = seal(frame)
        except OSError as fault:  # no memory or descriptor left: the viewer goes without, the daemon goes on
            _LOG.warning("event=picture-not-sealed attempt=%d fault=%r", self.claim.number, str(fault))
            return False
        try:
            return self._line.send_picture(Reply(Word.PICTURE, data=told), descriptor)
        finally:
            os.close(descriptor)
