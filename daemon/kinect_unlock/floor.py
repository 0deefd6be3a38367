"""Who has the camera at this moment: the one attempt that its news are for, from its begin to its end."""

import asyncio
from typing import TypeAlias

from kinect_unlock.attempts import Desk, fault_reply
from kinect_unlock.claims import CameraPlace
from kinect_unlock.enrolment import EnrolAttempt
from kinect_unlock.errors import KinectUnlockError, StoreError
from kinect_unlock.frames import Frame
from kinect_unlock.identification import IdentifyAttempt
from kinect_unlock.observations import Observation
from kinect_unlock.previewing import PreviewAttempt
from kinect_unlock.verification import VerifyAttempt
from kinect_unlock.vigils import Vigil
from kinect_unlock.wire import Reply, Word

AnyAttempt: TypeAlias = VerifyAttempt | EnrolAttempt | IdentifyAttempt | PreviewAttempt | Vigil


class Floor:
    """Has attempts run one at a time; who may have their turn is its `place`'s business."""

    def __init__(self, desk: Desk) -> None:
        self.place = CameraPlace(lambda: self.cancel("somebody else's request took the camera"), self._is_abandoned)
        self.closing = False
        self.barred: str | None = None  # why nobody is looked at, for a person
        self._pauses = 0  # how often that began
        self._desk = desk
        self._attempt: AnyAttempt | None = None
        self._gone = asyncio.Event()  # set when whoever asked for it has hung up
        self._attempts = 0
        self._observations = 0
        self._late = 0

    @property
    def attempt(self) -> AnyAttempt | None:
        """The one that runs."""
        return self._attempt

    def next_number(self) -> int:
        """Return the number of the attempt that is about to begin."""
        self._attempts += 1
        return self._attempts

    def counters(self) -> dict[str, int]:
        """Return what was counted since the start."""
        counted = {"attempts": self._attempts, "observations": self._observations, "late": self._late}
        return {**self._desk.camera.counters(), **counted}

    def is_about(self, user: str) -> bool:
        """Say whether the attempt that runs is about a user."""
        return self._attempt is not None and self._attempt.claim.user == user

    def close(self) -> None:
        """End the attempt that runs, and let none begin."""
        self.closing = True
        self.cancel("the daemon is stopping")

    def bar(self, why: str | None) -> None:
        """End the attempt that runs, and let none begin while there is a reason; None: there is none any more."""
        self.barred = why
        if why is not None:
            self._pauses += 1
            self.cancel(why)

    def cancel(self, message: str) -> None:
        """End the attempt that runs."""
        if self._attempt is not None:
            self._attempt.cancel(message)

    async def see_through(self, attempt: AnyAttempt, gone: asyncio.Event) -> Reply:
        """Let an attempt run to its end, or cancel it when ``gone`` is set."""
        if gone.is_set() or self.closing:
            return Reply(Word.CANCELLED, done=True, user=attempt.claim.user, message="nobody waits for the answer")
        if self.barred is not None:
            return Reply(Word.CANCELLED, done=True, user=attempt.claim.user, message=self.barred)
        self._attempt, self._gone = attempt, gone
        pauses = self._pauses
        leaving = asyncio.get_running_loop().create_task(gone.wait())
        leaving.add_done_callback(lambda _: attempt.cancel("the client went away"))
        try:
            attempt.start()
            reply = await asyncio.shield(attempt.ended)
            if reply.word is Word.CANCELLED and gone.is_set():
                return reply  # nobody hears it, so that nobody need wait for the disk
            return await self._on_record(attempt, reply, pauses)
        finally:
            attempt.cancel("the claim was ended")  # nothing when it has ended
            leaving.cancel()
            self._attempt = None

    def _is_abandoned(self) -> bool:
        return self._attempt is not None and self._gone.is_set()

    async def _on_record(self, attempt: AnyAttempt, reply: Reply, pauses: int) -> Reply:
        """Return how an attempt ended once what is held for or against its user is on the disk, or that it is not.

        That may take seconds. Who was matched before the machine went to sleep, or its lid was shut, need not be there
        when it comes back, nor once it is back: there were so many ``pauses`` when the attempt began.
        """
        try:
            if attempt.claim.user is not None:
                await attempt.desk.book.written(attempt.claim.user)
        except StoreError as error:
            return fault_reply(error)
        if reply.word is Word.MATCH and self._pauses != pauses:
            why = self.barred or "the machine slept meanwhile, or its lid was shut"
            return Reply(Word.CANCELLED, done=True, user=attempt.claim.user, message=f"matched, but {why}")
        return reply

    # The camera's news.

    def on_camera_ready(self, attempt: int) -> None:
        """Take notice that the source is open."""
        current = self._current(attempt)
        if current is not None:
            current.ready()

    def on_observation(self, observation: Observation) -> None:
        """Judge one frame; one of another attempt is dropped."""
        current = self._current(observation.attempt)
        if current is None:
            self._late += 1
            return
        self._observations += 1
        current.observe(observation)

    def on_picture(self, frame: Frame, observation: Observation) -> None:
        """Show one frame to whoever watches; one of another claim is dropped."""
        current = self._current(observation.attempt)
        if isinstance(current, PreviewAttempt):
            current.show(frame, observation)

    def on_source_lost(self, attempt: int, error: KinectUnlockError) -> None:
        """Take notice that no more frames can be had."""
        current = self._current(attempt)
        if current is not None:
            current.lost(error)

    def on_source_ended(self, attempt: int) -> None:
        """Take notice that a finite source is spent."""
        current = self._current(attempt)
        if current is not None:
            current.spent()

    def _current(self, number: int) -> AnyAttempt | None:
        attempt = self._attempt
        return attempt if attempt is not None and attempt.claim.number == number else None
