"""The one place before the camera: who has it, and who must wait or may send them away."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum, unique
from typing import Final

ROOT: Final = 0


@unique
class Rank(IntEnum):
    """Who gives way to whom: each to every higher one."""

    PREVIEW = 0
    WATCH = 1  # what the daemon does by itself
    CLAIM = 2  # what somebody asked for in words


@dataclass(slots=True)
class _Holder:
    uid: int
    rank: Rank
    left: asyncio.Event = field(default_factory=asyncio.Event)


class CameraPlace:
    """Held by one claim at a time. A higher rank sends a lower one away, and a claim of root's anybody else's.

    Who hung up is waited for, being about to leave. Everybody else is told that it is taken.
    """

    def __init__(self, evict: Callable[[], None], is_abandoned: Callable[[], bool]) -> None:
        """``evict`` cancels the attempt of the present holder, who then leaves; ``is_abandoned``: nobody awaits it."""
        self._evict = evict
        self._is_abandoned = is_abandoned
        self._holder: _Holder | None = None

    async def take(self, uid: int, rank: Rank = Rank.CLAIM) -> bool:
        """Take the place; return False if it is taken and stays so."""
        while (holder := self._holder) is not None:  # another may have slipped in while one was leaving
            sent_away = holder.rank < rank or (rank is Rank.CLAIM and uid == ROOT != holder.uid)
            if sent_away:
                self._evict()
            elif not self._is_abandoned():
                return False
            await holder.left.wait()
        self._holder = _Holder(uid, rank)
        return True

    def leave(self) -> None:
        """Give the place back."""
        if self._holder is not None:
            self._holder.left.set()
            self._holder = None

    @property
    def taken(self) -> bool:
        """True while somebody has it."""
        return self._holder is not None
