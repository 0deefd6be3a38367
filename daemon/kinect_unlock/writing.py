"""Ledgers that keep nobody waiting for a disk: what was saved is read at once, and a thread of its own writes it.

Nothing of what the files promise is lost by it: each is written whole, in the order in which they were saved. Who may
not be answered before something is on the disk waits for `written`. What could not be written is owed: whoever asks for
it is refused, and it is tried again with every such question.
"""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Self

from kinect_unlock.errors import StoreError
from kinect_unlock.limiter import Ledger
from kinect_unlock.ports import LedgerFiles


@dataclass(frozen=True, slots=True, eq=False)
class _Write:
    ledger: Ledger | None  # None: the file is to be removed
    done: Future[None]


class LedgersBehind:
    """A `LedgerStore` over files; on the event loop, but for the writing. `with` it, so that all is written at the end.

    A disk that hangs keeps those waiting whose ledger is to be written, and nobody else: neither the watchdog nor the
    answers of others, nor the frames of an attempt.
    """

    def __init__(self, files: LedgerFiles) -> None:
        self._files = files
        self._writer = ThreadPoolExecutor(1, "ledgers")
        self._writes: dict[str, _Write] = {}  # the newest of each user's, until it is known to be on the disk

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._writer.shutdown()

    def load(self, user: str) -> Ledger:
        """Return what was saved last, on the disk already or not; see `LedgerStore.load`."""
        write = self._writes.get(user)
        if write is None:
            return self._files.load(user)
        if not write.done.done():
            return write.ledger or Ledger()
        fault = write.done.exception()
        if fault is not None:
            self._put(user, write.ledger)
            raise StoreError(str(fault)) from fault
        del self._writes[user]
        return self._files.load(user)

    def save(self, user: str, ledger: Ledger) -> None:
        """Have it written; that it is, `written` tells."""
        self._put(user, ledger)

    def delete(self, user: str) -> None:
        """Have it removed, after all that is still to be written of it."""
        self._put(user, None)

    async def written(self, user: str) -> None:
        """See `LedgerStore.written`."""
        write = self._writes.get(user)
        if write is not None:
            await asyncio.shield(asyncio.wrap_future(write.done))  # who waits no more does not take it back

    def _put(self, user: str, ledger: Ledger | None) -> None:
        done = (
            self._writer.submit(self._files.delete, user)
            if ledger is None
            else self._writer.submit(self._files.save, user, ledger)
        )
        self._writes[user] = _Write(ledger, done)
