"""Keeps the last records of attempts in a file: one JSON line each, appended as they come, rewritten when it is long.

Appending costs no flush, so that nobody's answer waits for a disk; what a power cut may take is the last seconds. When
there are too many, the oldest of whoever has the most goes first, so that nobody can push out what others need to see.
What root's services were refused before anybody was looked at shares one place: everybody can have `su` ask for any
name.
"""

import logging
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from kinect_unlock.audit import Record
from kinect_unlock.clock import Clock
from kinect_unlock.errors import StoreError
from kinect_unlock.private_files import PrivateFolder, rename_flushed
from kinect_unlock.wire import Word

FOLDER: Final = "attempts"
MOST: Final = 1_000
KEPT_S: Final = 30 * 86_400
_NAME: Final = "records.jsonl"
_SPOILT: Final = "records.damaged"
_MAX_BYTES: Final = 8 * 1024 * 1024  # twice the most records, of the longest there can be
_ROOT: Final = 0

_LOG = logging.getLogger(__name__)
_DECODER: Final = msgspec.json.Decoder(Record)
_ENCODER: Final = msgspec.json.Encoder()


class RecordBook:
    """The records in memory and on disk; the controller's `AuditTrail`. A disk that fails loses no answer."""

    def __init__(self, state_dir: Path, clock: Clock, *, most: int = MOST) -> None:
        """Read what is kept; what cannot be read is set aside beside it.

        Raises:
            StoreError: the folder or the file cannot be used, or is open to others.
        """
        self._folder = PrivateFolder(state_dir / FOLDER)
        self._clock = clock
        self._most = most
        self._written = 0  # lines of the file
        self._failed = False
        self._records = self._read()
        self._next = 1 + max((record.number for record in self._records), default=0)
        self._rewrite()

    def note(self, record: Record) -> Record:
        """Keep a record and return it with its number."""
        numbered = msgspec.structs.replace(record, number=self._next)
        self._next += 1
        self._records.append(numbered)
        self._trim()
        if self._written >= 2 * self._most:
            self._try(self._rewrite)
        else:
            self._try(lambda: self._append(numbered))
        return numbered

    def newest(self, is_wanted: Callable[[Record], bool], *, most: int, before: int | None = None) -> list[Record]:
        """Return the newest records that are wanted, newest first; ``before``: only those with a lesser number."""
        self._trim()
        found: list[Record] = []
        for record in reversed(self._records):
            if len(found) == most:
                break
            if (before is None or record.number < before) and is_wanted(record):
                found.append(record)
        return found

    def forget(self, user: str) -> int:
        """Remove a user's records, on disk as well, for good; return how many there were.

        Raises:
            StoreError: they cannot be removed.
        """
        kept = [record for record in self._records if record.user != user]
        removed, self._records = len(self._records) - len(kept), kept
        self._folder.remove(_SPOILT)  # theirs may be in it
        self._rewrite()
        return removed

    def _trim(self) -> None:
        oldest_s = self._clock.wall_s() - KEPT_S
        if self._records and self._records[0].at_s < oldest_s:
            self._records = [record for record in self._records if record.at_s >= oldest_s]
        while len(self._records) > self._most:
            ((whose, _),) = Counter(_whose(record) for record in self._records).most_common(1)
            del self._records[next(at for at, one in enumerate(self._records) if _whose(one) == whose)]

    def _read(self) -> list[Record]:
        data = self._folder.read(_NAME, _MAX_BYTES)
        if data is None:
            return []
        *lines, torn = data.split(b"\n")  # a crash may have torn the last line: that is no damage
        records, spoilt = [], 0
        for line in lines:
            try:
                records.append(_DECODER.decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                spoilt += 1
        if spoilt:
            path = self._folder.path
            rename_flushed(path / _NAME, path / _SPOILT)
            _LOG.warning("event=records-damaged lines=%d kept=%d file=%s", spoilt, len(records), path / _SPOILT)
        elif torn:
            _LOG.info("event=record-torn bytes=%d", len(torn))
        return records

    def _rewrite(self) -> None:
        self._trim()
        self._folder.write(_NAME, b"".join(_ENCODER.encode(record) + b"\n" for record in self._records))
        self._written = len(self._records)

    def _append(self, record: Record) -> None:
        path, line = self._folder.path / _NAME, _ENCODER.encode(record) + b"\n"
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                written = os.write(descriptor, line)
            finally:
                os.close(descriptor)
        except OSError as error:
            self._written = 2 * self._most  # with the next one all is written anew
            raise StoreError(f"{path} cannot be written: {error.strerror}") from error
        self._written = self._written + 1 if written == len(line) else 2 * self._most

    def _try(self, write: Callable[[], None]) -> None:
        """Write; a disk that does not work is told once, and tried again with every record."""
        try:
            write()
        except StoreError as error:
            if not self._failed:
                _LOG.warning("event=records-unwritten message=%r", str(error))
            self._failed = True
        else:
            self._failed = False


def _whose(record: Record) -> tuple[str, int | str | None]:
    """Return who pays for a record's place: who asked, or whom root's services looked at.

    Who may not ask pays with all others who may not, for one user can have many uids.
    """
    if record.uid != _ROOT and record.word is Word.NOT_AUTHORISED:
        return ("refused", None)
    return ("user", record.user) if record.uid == _ROOT and record.frames else ("uid", record.uid)
