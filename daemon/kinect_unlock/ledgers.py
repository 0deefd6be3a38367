"""The ledgers as the controller uses them: nothing is answered that rests on a ledger which is not saved."""

from msgspec.structs import replace

from kinect_unlock.clock import Clock
from kinect_unlock.errors import StoreError
from kinect_unlock.limiter import Ledger, held_against, matched, rebased
from kinect_unlock.ports import LedgerStore


class LedgerBook:
    """Ledgers of all users. One that could not be saved is kept, and its user waits until it can be."""

    def __init__(self, store: LedgerStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._owed: dict[str, Ledger] = {}

    def open(self, user: str) -> Ledger:
        """Return the user's ledger as it is saved, with a cool-down of another boot begun again.

        Raises:
            StoreError: it cannot be read, or one that is owed still cannot be saved. Nothing may match meanwhile.
        """
        if user in self._owed:
            self.save(user, self._owed[user])
        ledger = self._store.load(user)
        fresh = rebased(ledger, self._clock.boot_time())
        if fresh != ledger:
            self.save(user, fresh)
        return fresh

    def save(self, user: str, ledger: Ledger) -> None:
        """Save a ledger.

        Raises:
            StoreError: it cannot be written; the older one holds.
        """
        self._store.save(user, ledger)
        self._owed.pop(user, None)

    def settle(self, user: str, ledger: Ledger) -> None:
        """Save a ledger that holds something against its user, and owe it when that fails.

        Raises:
            StoreError: it cannot be written now; `open` will try again before anything else.
        """
        try:
            self.save(user, ledger)
        except StoreError:
            self._owed[user] = ledger
            raise

    async def written(self, user: str) -> None:
        """Wait until all that was done to a user's ledger is on the disk: what rests on it may be answered then.

        Raises:
            StoreError: it could not be written.
        """
        await self._store.written(user)

    def delete(self, user: str) -> None:
        """Forget a user's ledger.

        Raises:
            StoreError: it cannot be removed.
        """
        self._store.delete(user)
        self._owed.pop(user, None)


class BudgetBook(LedgerBook):
    """What may still be tried without being asked for: failures of its own, with all else as the user's ledger has it.

    Who is locked out there is so here; who has used up the budget is not locked out there, and has it back as soon as
    they have unlocked by a password, or by a face that was asked for. A match clears both.
    """

    def __init__(self, store: LedgerStore, clock: Clock, main: LedgerBook) -> None:
        super().__init__(store, clock)
        self._main = main

    def open(self, user: str) -> Ledger:
        """Return the user's ledger as it counts for what nobody asked for.

        Raises:
            StoreError: one of the two cannot be read.
        """
        return budget_of(self._main.open(user), super().open(user))

    def tried(self, user: str) -> Ledger | None:
        """Return what of a user's budget is used up, None if that cannot be read."""
        try:
            return held_against(self.open(user))
        except StoreError:
            return None

    def forget(self, user: str, tried: Ledger | None) -> None:
        """Forget a user who was forgotten otherwise, but for what they had tried; None: leave it as it is.

        Raises:
            StoreError: it cannot be written or removed.
        """
        if tried == Ledger():
            self.delete(user)
        elif tried is not None:
            super().save(user, tried)

    async def written(self, user: str) -> None:
        """Wait until both are on the disk.

        Raises:
            StoreError: one of the two could not be written.
        """
        await self._main.written(user)
        await super().written(user)

    def save(self, user: str, ledger: Ledger) -> None:
        """Save a ledger; a match is a match for the user's own as well.

        Raises:
            StoreError: one of the two cannot be written.
        """
        main = self._main.open(user)
        if ledger.last_face is not None and ledger.last_face != main.last_face:
            self._main.save(user, matched(main, ledger.last_face))
        super().save(user, ledger)


def budget_of(main: Ledger, own: Ledger) -> Ledger:
    """Return what counts of a user's ledger and of the one of what nobody asked for."""
    if own.last_unlock != main.last_unlock:  # they have unlocked since
        own = Ledger()
    return replace(
        main,
        failures=own.failures,
        locked_out=own.locked_out or main.locked_out,
        cooldown_s=own.cooldown_s,
        cooldown_from=own.cooldown_from,
    )
