"""Templates, ledgers and the key, as files below the daemon's state folder.

::

    lock                   held by the one daemon that uses the folder
    template.key           32 random bytes, unless the key is given from outside; see `kinect_unlock.keys`
    templates/USER.tpl     sealed by `kinect_unlock.sealing`
    ledgers/USER.json      failures and lock-out, with a checksum
    budgets/USER.json      the same of what was tried without being asked

All of it belongs to the daemon's user alone, and what others could have read or written is refused. Who can write
here is root or the daemon: against them the seal keeps copies (backups, stolen images without the key) unreadable and
keeps files from being exchanged, but an older file of the same user that is put back *before a start* opens. Within
one run it is noticed by its generation.
"""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct

from kinect_unlock import trust
from kinect_unlock.errors import StoreError
from kinect_unlock.limiter import Ledger
from kinect_unlock.private_files import PrivateFolder, make_folder
from kinect_unlock.sealing import MAX_BYTES, Key, key_id_of, seal, unseal
from kinect_unlock.templates import Template
from kinect_unlock.wire import UserName

_TEMPLATES: Final = "templates"
LEDGERS: Final = "ledgers"
BUDGETS: Final = "budgets"
_TEMPLATE_SUFFIX: Final = ".tpl"
_LEDGER_SUFFIX: Final = ".json"
_MAX_LEDGER_BYTES: Final = 16_384


@contextmanager
def hold_state_dir(state_dir: Path) -> Iterator[None]:
    """Make the state folder where it is missing, and keep every other daemon off it while inside.

    Raises:
        StoreError: it cannot be made, others may write it, or another daemon uses it.
    """
    try:
        make_folder(state_dir)
        uid = os.geteuid()
        faults = trust.write_faults(state_dir, state_dir.stat(), uid=uid) + trust.folder_faults(state_dir, uid=uid)
        if faults:
            raise StoreError(f"refused: {'; '.join(faults)}")
        lock = os.fdopen(_open_lock(state_dir / "lock"), "wb")
    except OSError as error:
        msg = f"{state_dir} cannot be used: {error.strerror}"
        raise StoreError(msg) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            msg = f"another daemon is using {state_dir}: stop it, or set daemon.state_dir"
            raise StoreError(msg) from error
        yield


class FileTemplateStore:
    """One sealed file for each user; the controller's `TemplateStore`."""

    def __init__(self, state_dir: Path, key: Key) -> None:
        self._folder = PrivateFolder(state_dir / _TEMPLATES)
        self._key = key
        self._newest: dict[str, int] = {}

    def load(self, user: str) -> Template | None:
        """Return the user's template, None if there is none.

        Raises:
            StoreError: there is one that cannot be read or may not be trusted.
        """
        name = _file_name(user, _TEMPLATE_SUFFIX)
        data = self._folder.read(name, MAX_BYTES)
        if data is None:
            return None
        template = unseal(data, user=user, key=self._key, name=str(self._folder.path / name))
        newest = self._newest.get(user, template.generation)
        if template.generation < newest:
            msg = f"an older template of {user} was put back (generation {template.generation}, was {newest})"
            raise StoreError(f"{msg}: enrol again")
        self._newest[user] = template.generation
        return template

    def save(self, template: Template) -> None:
        """Put a template in the place of the user's older one; all or nothing.

        Raises:
            StoreError: it cannot be written; the older one is still there.
        """
        name = _file_name(template.user, _TEMPLATE_SUFFIX)
        self._folder.write(name, seal(template, self._key))
        self._newest[template.user] = template.generation

    def delete(self, user: str) -> None:
        """Remove the user's template, if there is one.

        Raises:
            StoreError: it cannot be removed.
        """
        self._folder.remove(_file_name(user, _TEMPLATE_SUFFIX))
        self._newest.pop(user, None)

    def reseal(self, user: str, before: Key) -> bool:
        """Seal a user's template with this store's key where ``before`` seals it; False if it was sealed with ours.

        Raises:
            StoreError: there is none, it opens with neither key, or it cannot be written; then it is as it was.
        """
        name = _file_name(user, _TEMPLATE_SUFFIX)
        path, data = str(self._folder.path / name), self._folder.read(name, MAX_BYTES)
        if data is None:
            raise StoreError(f"{path} has just been removed")
        key = self._key if key_id_of(data, name=path) == self._key.id else before
        template = unseal(data, user=user, key=key, name=path)
        if key is self._key:
            return False
        self._folder.write(name, seal(template, self._key))
        return True

    def users(self) -> tuple[str, ...]:
        """Return who has a template, readable or not, sorted.

        Raises:
            StoreError: the store cannot be read.
        """
        return tuple(name for name in self._folder.names(_TEMPLATE_SUFFIX) if _is_user_name(name))


class _LedgerFile(Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal[1]
    user: str
    ledger: msgspec.Raw  # checked as it stands on disk, so that a later version's new fields do no harm
    sha256: str


class FileLedgerStore:
    """One small file for each user; `kinect_unlock.writing` makes of it the controller's `LedgerStore`.

    A ledger that cannot be read is an error, never an empty one: it would forget failures and lock-out.
    """

    def __init__(self, state_dir: Path, folder: str = LEDGERS) -> None:
        self._folder = PrivateFolder(state_dir / folder)

    def load(self, user: str) -> Ledger:
        """Return the user's ledger, an empty one if there is none.

        Raises:
            StoreError: there is one that cannot be read or may not be trusted.
        """
        name = _file_name(user, _LEDGER_SUFFIX)
        data = self._folder.read(name, _MAX_LEDGER_BYTES)
        if data is None:
            return Ledger()
        path = self._folder.path / name
        try:
            file = msgspec.json.decode(data, type=_LedgerFile)
            ledger = msgspec.json.decode(file.ledger, type=Ledger)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _spoilt(path, f"{error}") from error
        if file.sha256 != _checksum(file.user, file.ledger):
            raise _spoilt(path, "its checksum is wrong")
        if file.user != user:
            raise _spoilt(path, f"it is that of {file.user!r}")
        return ledger

    def save(self, user: str, ledger: Ledger) -> None:
        """Write it so that it outlives a crash.

        Raises:
            StoreError: it cannot be written; the older one is still there.
        """
        raw = msgspec.Raw(msgspec.json.encode(ledger))
        file = _LedgerFile(format=1, user=user, ledger=raw, sha256=_checksum(user, raw))
        self._folder.write(_file_name(user, _LEDGER_SUFFIX), msgspec.json.encode(file))

    def delete(self, user: str) -> None:
        """Remove the user's ledger, if there is one, and with it failures and lock-out: who may ask is decided before.

        Raises:
            StoreError: it cannot be removed.
        """
        self._folder.remove(_file_name(user, _LEDGER_SUFFIX))


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _is_user_name(user: str) -> bool:
    try:
        msgspec.convert(user, UserName)
    except msgspec.ValidationError:
        return False
    return True


def _file_name(user: str, suffix: str) -> str:
    if not _is_user_name(user):
        msg = f"{user!r} is no user name that a file can be named after"
        raise StoreError(msg)
    return user + suffix


def _checksum(user: str, ledger: msgspec.Raw) -> str:
    return hashlib.sha256(user.encode() + b"\n" + bytes(ledger)).hexdigest()


def _spoilt(path: Path, reason: str) -> StoreError:
    return StoreError(f"{path} cannot be believed ({reason}), so this user cannot try: remove it once it is clear why")
