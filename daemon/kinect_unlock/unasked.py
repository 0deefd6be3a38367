"""What the daemon does without being asked: it pauses, watches over a locked session, and guards an open one.

Nothing of it is on unless it is configured, but the pauses. It hears what logind tells, and looks anew at what is to
be done after that and after every claim: a password or a template may change it.
"""

import asyncio

from kinect_unlock.attempts import Desk
from kinect_unlock.errands import Errands
from kinect_unlock.floor import Floor
from kinect_unlock.guarding import Guarding
from kinect_unlock.ledgers import BudgetBook
from kinect_unlock.limiter import Ledger
from kinect_unlock.logins import LoginEvent
from kinect_unlock.pauses import Pauses
from kinect_unlock.ports import LedgerStore, LoginWatch
from kinect_unlock.sessions import Sessions
from kinect_unlock.watching import Watcher


class Unasked:
    """All of it. Made on the event loop."""

    def __init__(
        self, desk: Desk, floor: Floor, sessions: Sessions, *, logins: LoginWatch, budgets: LedgerStore
    ) -> None:
        self._floor = floor
        self._sessions = sessions
        self._pauses = Pauses(desk, floor, logins)
        self._errands = Errands(desk, floor)  # of both: a session is locked, or it is not
        self._budget = BudgetBook(budgets, desk.clock, desk.book)
        self._watcher = Watcher(desk, self._errands, sessions, self._budget)
        self._guarding = Guarding(desk, self._errands, sessions)
        logins.on_event(self._on_login_event)
        asyncio.get_running_loop().call_soon(self.refresh)

    def refresh(self) -> None:
        """Look anew at what is to be done: what is over ends before anything else begins."""
        if self._floor.closing:
            self._errands.stop()
            return
        found = self._sessions.shown()
        parts = (self._guarding, self._watcher)
        for part in parts if found is not None and found[1].locked else reversed(parts):
            part.refresh()

    def tried(self, user: str, *, by_root: bool) -> Ledger | None:
        """Return what stays tried for a user who is forgotten: whoever may forget and enrol gets no fresh tries."""
        return Ledger() if by_root else self._budget.tried(user)

    def forget(self, user: str, tried: Ledger | None) -> None:
        """Forget what was tried for a user, but for what was said to stay.

        Raises:
            StoreError: it cannot be written or removed.
        """
        self._budget.forget(user, tried)

    async def written(self, user: str) -> None:
        """Wait until what was tried for a user, or forgotten of it, is on the disk.

        Raises:
            StoreError: it could not be written.
        """
        await self._budget.written(user)

    def told(self) -> dict[str, object]:
        """Return what status says of it, now."""
        self.refresh()
        return {"paused": self._floor.barred, "watch": self._watcher.told(), "presence": self._guarding.told()}

    def _on_login_event(self, event: LoginEvent) -> None:
        self._pauses.on_login_event(event)
        self.refresh()
