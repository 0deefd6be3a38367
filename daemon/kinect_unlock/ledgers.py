"""The ledgers as the controller uses them: nothing is answered that rests on a ledger which is not saved."""

from kinect_unlock.clock import Clock
from kinect_unlock.errors import StoreError
from kinect_unlock.limiter import Ledger, rebased
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

    def delete(self, user: str) -> None:
        """Forget a user's ledger.

        Raises:
            StoreError: it cannot be removed.
        """
        self._store.delete(user)
        self._owed.pop(user, None)
