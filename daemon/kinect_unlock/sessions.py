"""Drives the session machine: runs the hooks, one at a time, and believes their outcome.

Until the daemon can see the session itself, a lock hook that exits with 0 counts as seen locked and an unlock hook
as seen unlocked. What a user locked or unlocked by other means is not known; `confirmed` says whether the last thing
known was an outcome.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from kinect_unlock.decisions import NO_ATTEMPT, DecisionLog
from kinect_unlock.machines.session import SESSION, Effect, Event, State
from kinect_unlock.ports import HookName, Hooks

_LOG = logging.getLogger(__name__)


class Session:
    """The desktop session, as far as the daemon knows it."""

    def __init__(self, hooks: Hooks, log: DecisionLog) -> None:
        self._hooks = hooks
        self._log = log
        self._one_hook = asyncio.Lock()
        self.state = State.LOCKED  # until something is seen
        self.confirmed = False
        self.generation = 0  # counts the times that a lock was asked for

    async def lock(self, user: str) -> None:
        """Run the lock hook.

        Raises:
            HookError: it failed; the session counts as unlocked.
        """
        self.generation += 1  # at once, so that an unlock that waits its turn is too late
        async with self._one_hook:
            await self._run(Event.LOCK_ASKED, user)

    async def unlock(self, user: str, generation: int, is_wanted: Callable[[], bool]) -> bool:
        """Run the unlock hook for a match; return False, with nothing done, if it came too late.

        Args:
            user: who was matched.
            generation: the session's, as it was when the attempt began; a lock asked for since wins.
            is_wanted: asked when the turn has come, since another hook may have run for seconds before.

        Raises:
            HookError: it failed; the session counts as locked.
        """
        async with self._one_hook:
            if generation != self.generation or not is_wanted():
                return False
            if self.state is State.UNLOCKED:
                # Nothing shows the daemon how the session is; whoever asks for an unlock says that it is locked.
                self._feed(Event.SEEN_LOCKED)
            await self._run(Event.UNLOCK_GRANTED, user)
            return True

    async def _run(self, event: Event, user: str) -> None:
        for effect in self._feed(event):
            hook, seen = _HOOKS[effect]
            try:
                await self._hooks.run(hook, user)
            except BaseException:  # whatever it was, also the end of this task: the state must not stay half-way
                self.confirmed = False
                self._feed(Event.HOOK_FAILED)
                raise
            self.confirmed = True
            self._feed(seen)

    def _feed(self, event: Event) -> tuple[Effect, ...]:
        before = self.state
        step = SESSION.step(before, event)
        self.state = step.to
        self._log.state(SESSION.name, NO_ATTEMPT, before, event, step.to)
        _LOG.info("event=session from=%s by=%s to=%s", before, event, step.to)
        return step.effects


_HOOKS: Final[dict[Effect, tuple[HookName, Event]]] = {
    Effect.RUN_LOCK_HOOK: ("lock", Event.SEEN_LOCKED),
    Effect.RUN_UNLOCK_HOOK: ("unlock", Event.SEEN_UNLOCKED),
}
