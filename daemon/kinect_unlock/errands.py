"""What the daemon does by itself, one thing at a time: it waits, or has an attempt before the camera, and is told.

Whoever asked for something in words has the camera at once; an errand that is sent away so, or finds the camera taken,
is told as if its attempt was cancelled. What was stopped is told nothing any more.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from kinect_unlock.attempts import Claim, Desk, fault_reply
from kinect_unlock.audit import Op
from kinect_unlock.claims import Rank
from kinect_unlock.errors import KinectUnlockError
from kinect_unlock.floor import AnyAttempt, Floor
from kinect_unlock.ports import Timer
from kinect_unlock.sessions import too_late
from kinect_unlock.sources.pipelines import costly
from kinect_unlock.tally import Tally
from kinect_unlock.wire import Reply, Word

_LOG = logging.getLogger(__name__)

Make: TypeAlias = Callable[[Claim], AnyAttempt | Reply]  # or why there is to be no attempt
Told: TypeAlias = Callable[[Reply], Awaitable[Reply] | None]  # what comes of it, where that is for the record too

TAKEN: Final = Reply(Word.CANCELLED, done=True, message="another claim has the camera")


class Errands:
    """Runs one errand at a time; a new one ends the one before."""

    def __init__(self, desk: Desk, floor: Floor) -> None:
        self._desk = desk
        self._floor = floor
        self._timer: Timer | None = None
        self._stopped = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def barred(self) -> str | None:
        """Why nobody is looked at, for a person; None if that may be."""
        return self._floor.barred

    def stop(self) -> None:
        """End what is under way; nothing is told of it."""
        self._stopped.set()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def wait(self, delay_s: float, act: Callable[[], None]) -> None:
        """Do something after a time."""
        self.stop()
        self._timer = self._desk.timers.call_later(delay_s, act)

    def attempt(self, user: str, make: Make, told: Told, *, op: Op | None = None) -> None:
        """Have an attempt before the camera, and tell how it ended; with an ``op`` there is a record of it."""
        self.stop()
        self._stopped = asyncio.Event()
        run = self._run(user, make, told, self._stopped, self._task, op)
        self._task = asyncio.get_running_loop().create_task(run)

    async def _run(
        self,
        user: str,
        make: Make,
        told: Told,
        stopped: asyncio.Event,
        before: asyncio.Task[None] | None,
        op: Op | None,
    ) -> None:
        if before is not None:
            await asyncio.wait({before})  # it has been stopped, and gives the camera back at once
        if stopped.is_set():
            return
        async with self._desk.audit.following(self._desk.audit.begin_own(user, op)) as course:
            reply = course.reply = await self._attempted(user, make, stopped, course.tally)
            follows = None if stopped.is_set() else told(reply)
            if follows is not None:
                course.reply = await follows
            elif reply.word is Word.MATCH:
                course.reply = too_late(user)

    async def _attempted(self, user: str, make: Make, stopped: asyncio.Event, tally: Tally) -> Reply:
        uid = self._desk.facts.own_uid
        if not await self._floor.place.take(uid, Rank.WATCH):
            return TAKEN
        try:
            number = self._floor.next_number()
            claim = Claim(number, uid, user, stream=None, explain=False, send=lambda _: None, tally=tally)
            begun = make(claim)
            return begun if isinstance(begun, Reply) else await self._floor.see_through(begun, stopped)
        except KinectUnlockError as error:
            _LOG.warning("event=errand-failed user=%s word=%s message=%r", user, error.word, str(error))
            return fault_reply(error)
        finally:
            self._floor.place.leave()


def why_too_costly(desk: Desk, *, key: str, allowed: bool) -> str | None:
    """Return why the camera is not to be kept on without being asked, None if it may be.

    What decodes is known once the camera was open; before, what the configuration asks for.
    """
    identity = desk.camera.report().identity
    pipeline = desk.config.source.pipeline if identity is None else identity.pipeline
    if allowed or not costly(pipeline):
        return None
    return f"decoding by {pipeline!r} takes a processor core of its own all the time ($.{key}.even_if_costly)"
