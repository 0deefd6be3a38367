"""Files that are one user's alone, replaced whole or not at all, whatever crashes in between.

A new content is written under a temporary name in the same folder, flushed to the disk, given its real name in one
step, and the folder flushed after it. Temporary names begin with a dot and end in 16 hexadecimal digits and ``.tmp``;
`PrivateFolder` removes those that a crash left behind, so only one process may use a folder
(`kinect_unlock.store.hold_state_dir`).
"""

import glob
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from kinect_unlock import trust
from kinect_unlock.errors import StoreError

_RANDOM_BYTES = 8
_TEMPORARY = f".*.{'[0-9a-f]' * 2 * _RANDOM_BYTES}.tmp"  # not whatever ends in .tmp: the folder may be a home


class PrivateFolder:
    """A folder of files with mode 0600 in which nobody else may look."""

    def __init__(self, path: Path) -> None:
        """Make the folder where it is missing, and clear away what a crash left in it.

        Raises:
            StoreError: it cannot be made, or is open to others.
        """
        self.path = path
        try:
            make_folder(path)
            faults = trust.privacy_faults(path, path.stat(), uid=os.geteuid())
        except OSError as error:
            raise _unusable(path, error) from error
        if faults:
            raise StoreError(f"refused: {'; '.join(faults)}")
        remove_leftovers(path)

    def names(self, suffix: str) -> tuple[str, ...]:
        """Return the names of all files that end in ``suffix``, without it, sorted.

        Raises:
            StoreError: the folder cannot be read.
        """
        try:
            found = [path.name for path in self.path.iterdir()]
        except OSError as error:
            raise _unusable(self.path, error) from error
        return tuple(
            sorted(name.removesuffix(suffix) for name in found if name.endswith(suffix) and not name.startswith("."))
        )

    def read(self, name: str, limit_bytes: int) -> bytes | None:
        """Return a file's content, None if there is no such file.

        Raises:
            StoreError: it cannot be read, is open to others, or is larger than ``limit_bytes``.
        """
        return read_private(self.path / name, limit_bytes)

    def write(self, name: str, data: bytes) -> None:
        """Put ``data`` in the place of what the file held.

        Raises:
            StoreError: it cannot be written; what was there before is untouched.
        """
        target = self.path / name
        _publish(target, data, lambda temporary: temporary.replace(target))

    def remove(self, name: str) -> None:
        """Remove a file if it is there, and whatever was left of writing it, for good.

        Raises:
            StoreError: it cannot be removed.
        """
        path = self.path / name
        try:
            for temporary in self.path.glob(_TEMPORARY.replace("*", glob.escape(name), 1)):
                temporary.unlink()
            path.unlink(missing_ok=True)
            _flush_folder(self.path)
        except OSError as error:
            msg = f"{path} cannot be removed: {error.strerror}"
            raise StoreError(msg) from error


def make_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, with mode 0700 whatever the umask.

    One that appears meanwhile is left as it is, for it may be a link to anywhere; who asked judges what is there.
    """
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            continue
        folder.chmod(0o700)


def read_private(path: Path, limit_bytes: int) -> bytes | None:
    """Return the content of a file that is ours alone, None if there is none.

    Raises:
        StoreError: it cannot be read, is a link, is open to others, or is larger than ``limit_bytes``.
    """
    try:
        descriptor = trust.open_regular(path, follow_links=False)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error) from error
    faults = trust.privacy_faults(path, os.fstat(descriptor), uid=os.geteuid())
    try:
        data = trust.read_at_most(descriptor, limit_bytes)
    except OSError as error:
        raise _unusable(path, error) from error
    if faults:
        raise StoreError(f"refused: {'; '.join(faults)}")
    if len(data) > limit_bytes:
        msg = f"{path} is larger than {limit_bytes} bytes: it is none of ours"
        raise StoreError(msg)
    return data


def create_private(path: Path, data: bytes) -> None:
    """Make a file that is ours alone, unless somebody was faster: then theirs stays.

    Raises:
        StoreError: it cannot be written.
    """

    def link(temporary: Path) -> None:
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            return
        finally:
            temporary.unlink()

    _publish(path, data, link)


def rename_flushed(path: Path, target: Path) -> None:
    """Let a file take the place of another in the same folder, in one step that outlives a crash.

    Raises:
        StoreError: it cannot.
    """
    try:
        path.replace(target)
        _flush_folder(target.parent)
    except OSError as error:
        msg = f"{path} cannot be renamed to {target}: {error.strerror}"
        raise StoreError(msg) from error


def remove_leftovers(folder: Path) -> None:
    """Remove what a crash left of files that were being written.

    Raises:
        StoreError: they cannot be removed.
    """
    try:
        for temporary in folder.glob(_TEMPORARY):
            temporary.unlink()
    except OSError as error:
        raise _unusable(folder, error) from error


def _publish(target: Path, data: bytes, give_name: Callable[[Path], object]) -> None:
    """Write ``data`` under a temporary name beside ``target``, flush it, and let ``give_name`` put it in place."""
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(_RANDOM_BYTES)}.tmp")
    try:
        _write_flushed(temporary, data)
        give_name(temporary)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        msg = f"{target} cannot be written: {error.strerror}; what was there before is untouched; mend that, ask again"
        raise StoreError(msg) from error
    try:
        _flush_folder(target.parent)
    except OSError as error:
        msg = f"{target} is written, but may not outlive a power cut: {error.strerror}"
        raise StoreError(msg) from error


def _write_flushed(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _unusable(path: Path, error: OSError) -> StoreError:
    return StoreError(f"{path} cannot be used: {error.strerror or error}")
