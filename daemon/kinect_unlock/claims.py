"""The one place before the camera: who has it, and who must wait or may send them away."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

ROOT: Final = 0


@dataclass(slots=True)
class _Holder:
    uid: int
    left: asyncio.Event = field(default_factory=asyncio.Event)


class CameraPlace:
    """Held by one claim at a time. Root sends anybody else away; everybody else is told that it is taken."""

    def __init__(self, evict: Callable[[], None]) -> None:
        """``evict`` cancels the attempt of the present holder, who then leaves."""
        self._evict = evict
        self._holder: _Holder | None = None

    async def take(self, uid: int) -> bool:
        """Take the place; return False if it is taken and stays so."""
        holder = self._holder
        if holder is not None and uid == ROOT and holder.uid != ROOT:
            self._evict()
            await holder.left.wait()
        if self._holder is not None:
            return False
        self._holder = _Holder(uid)
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
