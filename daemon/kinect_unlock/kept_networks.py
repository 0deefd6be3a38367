"""The folder in which composed networks are kept: this user's alone, every file whole or not there at all.

A file's name ends in the SHA-256 of what it holds, so that a damaged one is told from a whole one without a list.
"""

import fcntl
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kinect_unlock import trust
from kinect_unlock.errors import ModelError


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder that only this user can write for one process; the kernel lets go of it when the process dies.

    Raises:
        ModelError: others may write it.
        OSError: it cannot be made or held.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    uid = os.geteuid()
    faults = trust.write_faults(folder, folder.stat(), uid=uid) + trust.folder_faults(folder, uid=uid)
    if faults:
        raise ModelError(f"{'; '.join(faults)}; or set models.cache_dir to a folder of your own")
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def named_digest(path: Path) -> str:
    """Return the SHA-256 that a file's name promises."""
    return path.name.partition(".")[0].rpartition("-")[2]


def is_ours(path: Path) -> bool:
    """Tell whether a path is a plain file, no link, that nobody else can have written; False where there is none."""
    try:
        status = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(status.st_mode) and not trust.write_faults(path, status, uid=os.geteuid())


def is_foreign(path: Path) -> bool:
    """Tell whether a file is another user's, root's apart: nothing to run, and nothing to complain of."""
    try:
        return path.lstat().st_uid not in {0, os.geteuid()}
    except OSError:
        return False


def is_whole(path: Path) -> bool:
    """Tell whether a built network is what its name promises, and will stay so until it is loaded."""
    try:
        return is_ours(path) and digest(path) == named_digest(path)
    except OSError:
        return False


def write(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all; raises `OSError`."""
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(path)
        except OSError:
            Path(file.name).unlink()
            raise
