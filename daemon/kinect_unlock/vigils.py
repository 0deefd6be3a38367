"""Waiting before the camera by depth alone, for as long as it takes: that somebody leaves, comes, or stays. Cheap.

No face is looked for, so that nothing of it can match, and few frames are read however near anybody is.
"""

from collections.abc import Callable
from typing import ClassVar, Final

from kinect_unlock.attempts import CameraAttempt, Claim, Desk, Machine
from kinect_unlock.camera_needs import Need
from kinect_unlock.machines.vigil import OPEN_STATES, VIGIL, Effect, Event, State
from kinect_unlock.observations import Observation
from kinect_unlock.ports import Use
from kinect_unlock.wire import Word

MACHINE: Final = Machine(VIGIL, OPEN_STATES, Event.START, Event.TIMED_OUT, Event.CANCEL, Event.SOURCE_LOST)
# Only so that none is for ever; whoever keeps it begins another.
LIMIT_S: Final = 86_400.0


class Vigil(CameraAttempt[State, Event, Effect]):
    """Ends with the word OK as soon as ``is_it`` says of a frame that this is what was waited for."""

    use: ClassVar[Use] = "watch"

    def __init__(self, desk: Desk, claim: Claim, need: Need, is_it: Callable[[Observation], bool]) -> None:
        super().__init__(desk, claim, MACHINE, State.IDLE)
        self._needed = need
        self._is_it = is_it

    def limit_s(self) -> float:
        """Return how long it may last."""
        return LIMIT_S

    def judge(self, observation: Observation, first_ns: int) -> None:
        """Ask whether this is it."""
        del first_ns
        if self._is_it(observation):
            self.feed(Event.SEEN)

    def carry_out(self, effect: Effect) -> None:
        """Do what a step orders."""
        orders: dict[Effect, Callable[[], None]] = {
            Effect.OPEN_SOURCE: self._open,
            Effect.CLOSE_SOURCE: self.close_source,
            Effect.REPORT_SEEN: lambda: self.report(Word.OK),
            Effect.REPORT_TIMED_OUT: lambda: self.report(Word.TIMED_OUT),
            Effect.REPORT_CANCELLED: lambda: self.report(Word.CANCELLED),
            Effect.REPORT_FAULT: self.report_fault,
        }
        orders[effect]()

    def adapt_camera(self, observation: Observation) -> None:
        """Have no more frames because somebody is there."""

    def _open(self) -> None:
        self.open_source()
        self.desk.camera.adapt(self._needed)
