"""Where the key comes from that templates are sealed with, and how it is exchanged for another.

It is a systemd credential, which the service manager decrypts for the service alone, or a file of 32 random bytes that
only the daemon's user can read, made once::

    $CREDENTIALS_DIRECTORY/template-key    of the service, where its unit has LoadCredentialEncrypted=
    STATE_DIR/template.key                 elsewhere
    STATE_DIR/template.key.next            while the file's key is being exchanged

A key is never guessed: one that is missing, of the wrong length, or at odds with another is an error, since templates
sealed with it would be lost unnoticed. Whoever calls holds the state folder (`kinect_unlock.store.hold_state_dir`).
"""

import logging
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

from kinect_unlock import trust
from kinect_unlock.errors import SealError, StoreError
from kinect_unlock.private_files import create_private, read_private, remove_leftovers, rename_flushed
from kinect_unlock.sealing import KEY_BYTES, Key
from kinect_unlock.settings import KeyPlace
from kinect_unlock.store import FileTemplateStore

CREDENTIAL: Final = "template-key"
KEY_FILE: Final = "template.key"
NEXT_KEY_FILE: Final = "template.key.next"

_DIRECTORY: Final = "CREDENTIALS_DIRECTORY"
_OTHERS_MAY: Final = stat.S_IWGRP | stat.S_IRWXO

_LOG = logging.getLogger(__name__)

KeySource: TypeAlias = Literal["credential", "file"]


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A key, and where it was found."""

    key: Key
    source: KeySource


@dataclass(frozen=True, slots=True)
class Resealed:
    """What an exchange of keys did: how many templates it sealed anew, and how many had the new key already."""

    sealed: int
    before: int


def find_key(state_dir: Path, environ: Mapping[str, str], place: KeyPlace) -> FoundKey:
    """Return the key that templates are sealed with; a file is made on the first use.

    An exchange of the file's key that was interrupted is finished first.

    Raises:
        StoreError: it is missing, damaged, open to others, at odds with another, or cannot be written.
    """
    remove_leftovers(state_dir)
    given = None if place == "file" else _credential(environ)
    if given is not None:
        _require_no_other(state_dir, given)
        return FoundKey(given, "credential")
    if place == "credential":
        raise StoreError(_no_credential(environ))
    return FoundKey(_from_file(state_dir), "file")


def exchange_file_key(state_dir: Path) -> Resealed:
    """Give the state folder a new key, and seal every template with it.

    Whatever interrupts it, every template opens afterwards: the old key is kept until none needs it, and `find_key`
    finishes what was begun.

    Raises:
        StoreError: there is no key file, a template cannot be read (then nothing has changed), or the disk fails.
    """
    path = state_dir / KEY_FILE
    if not path.exists():
        msg = f"{path} does not exist, so the key is not kept here; if it is a systemd credential, set "
        raise StoreError(f"{msg}daemon.template_key to credential and ask again for what to do")
    old = _from_file(state_dir)
    _require_readable(state_dir, old)
    create_private(state_dir / NEXT_KEY_FILE, Key.new().secret)
    return _finish(state_dir, old)


def exchange_keys(state_dir: Path, old: Key, new: Key) -> Resealed:
    """Seal every template that ``old`` opens with ``new``; interrupted, it is to be done again with the same two.

    Raises:
        StoreError: a template opens with neither (then nothing has changed), or the disk fails.
    """
    remove_leftovers(state_dir)
    store = FileTemplateStore(state_dir, new)
    _require_readable(state_dir, old, new)
    done = [store.reseal(user, old) for user in store.users()]
    return Resealed(sealed=done.count(True), before=done.count(False))


def read_key(path: Path) -> Key:
    """Return the key in a file that is this user's alone.

    Raises:
        StoreError: there is none, it is no key, or others may read it.
    """
    secret = read_private(path, KEY_BYTES)
    if secret is None:
        raise StoreError(f"{path} does not exist")
    return _key(secret, str(path), "is it a key, decrypted?")


def _credential_path(environ: Mapping[str, str]) -> Path | None:
    folder = environ.get(_DIRECTORY, "")
    path = Path(folder, CREDENTIAL)
    return path if folder.startswith("/") and os.path.lexists(path) else None


def _credential(environ: Mapping[str, str]) -> Key | None:
    path = _credential_path(environ)
    if path is None:
        return None
    try:
        descriptor = trust.open_regular(path, follow_links=False)
        status = os.fstat(descriptor)
        secret = trust.read_at_most(descriptor, KEY_BYTES)
    except OSError as error:
        raise StoreError(f"the credential {path} cannot be read: {error.strerror or error}") from error
    # systemd gives it to us by an ACL, whose mask shows as the group's bits, or by making us the owner.
    if status.st_uid not in {0, os.geteuid()} or status.st_mode & _OTHERS_MAY:
        raise StoreError(f"refused: the credential {path} is open to others (mode {status.st_mode & 0o7777:04o})")
    # No PCRs: an update of firmware would lose every template.
    encrypt = f"systemd-creds encrypt --tpm2-pcrs= --name={CREDENTIAL} - FILE"
    remedy = f"make it anew: head -c {KEY_BYTES} /dev/urandom | {encrypt}"
    return _key(secret, f"the credential {CREDENTIAL}", remedy)


def _no_credential(environ: Mapping[str, str]) -> str:
    """Say what is missing of a credential that the configuration asks for."""
    lacking = f"${_DIRECTORY} holds none" if environ.get(_DIRECTORY) else f"${_DIRECTORY} is not set"
    return (
        f"$.daemon.template_key: the key is to come from the systemd credential {CREDENTIAL}, but {lacking}: start the "
        f"daemon as its service, and see that the unit has LoadCredentialEncrypted={CREDENTIAL}:FILE"
    )


def _require_no_other(state_dir: Path, given: Key) -> None:
    """Refuse to go on while a file holds another key than the credential: some templates may need that one."""
    for name in (KEY_FILE, NEXT_KEY_FILE):
        path = state_dir / name
        other = read_private(path, KEY_BYTES)
        if other is None:
            continue
        if other != given.secret:
            raise StoreError(
                f"two different keys: the credential {CREDENTIAL} ({given.id}) and {path}; if templates were sealed "
                f"with the file, `kinect-unlock key rotate --from {path} --to FILE` seals them with the credential's; "
                "then remove it"
            )
        _LOG.warning("event=key-on-disk path=%s meaning=%r", path, "a copy of the credential: remove it")


def _from_file(state_dir: Path) -> Key:
    path = state_dir / KEY_FILE
    secret = read_private(path, KEY_BYTES)
    if secret is None:
        _require_no_orphans(state_dir, path)
        create_private(path, Key.new().secret)
        secret = read_private(path, KEY_BYTES)
    key = _key(secret or b"", str(path), "restore it from a backup")
    if (state_dir / NEXT_KEY_FILE).exists():
        done = _finish(state_dir, key)
        _LOG.warning("event=key-exchange-finished sealed=%d before=%d", done.sealed, done.before)
        key = read_key(path)
    return key


def _require_no_orphans(state_dir: Path, path: Path) -> None:
    """Refuse to make a key while there are templates: they could not be opened with it."""
    orphans = FileTemplateStore(state_dir, Key.new()).users()
    if orphans:
        need = "a template needs" if len(orphans) == 1 else f"{len(orphans)} templates need"
        raise StoreError(
            f"{path} is missing, but {need} it: restore it, or remove them and enrol again; "
            f"where they were sealed with the systemd credential {CREDENTIAL}, start the service that has it"
        )


def _require_readable(state_dir: Path, *keys: Key) -> None:
    for user in FileTemplateStore(state_dir, keys[0]).users():
        faults = []
        for key in keys:
            try:
                FileTemplateStore(state_dir, key).load(user)
            except StoreError as fault:
                faults.append(str(fault))
        if len(faults) == len(keys):
            raise StoreError(f"{faults[0]} (nothing was changed; `kinect-unlock forget {user}` gives it up)")


def _finish(state_dir: Path, old: Key) -> Resealed:
    """Seal with the next key what is not yet, then let it take the old one's place.

    A template that opens with neither key is left as it is: it was as lost before.

    Raises:
        StoreError: a file cannot be read or written; to be done again.
    """
    path = state_dir / NEXT_KEY_FILE
    store = FileTemplateStore(state_dir, read_key(path))
    counted = []
    for user in store.users():
        try:
            counted.append(store.reseal(user, old))
        except SealError as fault:
            _LOG.warning("event=template-unreadable user=%s message=%r", user, str(fault))
    rename_flushed(path, state_dir / KEY_FILE)
    return Resealed(sealed=counted.count(True), before=counted.count(False))


def _key(secret: bytes, name: str, remedy: str) -> Key:
    if len(secret) != KEY_BYTES:
        more = "more than that" if len(secret) > KEY_BYTES else f"{len(secret)}"
        raise StoreError(f"{name} must hold {KEY_BYTES} bytes, it holds {more}: {remedy}")
    return Key(secret)
