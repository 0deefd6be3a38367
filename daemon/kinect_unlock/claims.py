"""The one place before the camera: who has it, and who must wait or may send them away."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

ROOT: Final = 0


@dataclass(slots=True)
class _Holder:
    uid: int
    yields: bool
    left: asyncio.Event = field(default_factory=asyncio.Event)


class CameraPlace:
    """Held by one claim at a time. Root sends anybody else away; everybody else is told that it is taken.

    A claim that ``yields``, a preview, is sent away by any that does not, and sends nobody away itself.
    """

    def __init__(self, evict: Callable[[], None]) -> None:
        """``evict`` cancels the attempt of the present holder, who then leaves."""
        self._evict = evict
        self._holder: _Holder | None = None

    async def take(self, uid: int, *, yields: bool = False) -> bool:
        """Take the place; return False if it is taken and stays so."""
        while (holder := self._holder) is not None:  # another may have slipped in while one was leaving
            if yields or not (holder.yields or (uid == ROOT and holder.uid != ROOT)):
                return False
            self._evict()
            await holder.left.wait()
        self._holder = _Holder(uid, yields)
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
