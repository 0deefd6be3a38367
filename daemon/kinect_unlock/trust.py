"""Which files may be believed: those that nobody but root and the user we run as can have written.

For what steers the daemon (configuration, hook programs) and what it keeps (templates, key, counters). An ACL that
lets others write shows in the group bits, so the mode says enough. A folder with the sticky bit, such as /tmp, lets
everybody add entries but nobody exchange those of others, so it does no harm on the way to a file of ours.
"""

import os
import stat
from pathlib import Path

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_OTHERS_ANYTHING = stat.S_IRWXG | stat.S_IRWXO


def open_regular(path: Path, *, follow_links: bool = True) -> int:
    """Open a file for reading without ever waiting for a pipe or a device behind its name; return the descriptor.

    Raises:
        OSError: it cannot be opened, or is no regular file.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    descriptor = os.open(path, flags if follow_links else flags | os.O_NOFOLLOW)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(None, "not a regular file", str(path))
    return descriptor


def read_at_most(descriptor: int, limit_bytes: int) -> bytes:
    """Return what an open file holds, but no more than one byte over the limit; closes the descriptor."""
    with os.fdopen(descriptor, "rb") as file:
        return file.read(limit_bytes + 1)


def write_faults(path: Path, status: os.stat_result, *, uid: int) -> list[str]:
    """Return why the file or folder may have been written by others than root and ``uid``; nothing if it cannot."""
    faults = []
    if status.st_uid not in {0, uid}:
        faults.append(f"{path} belongs to uid {status.st_uid}, not to root or uid {uid}: chown it")
    if status.st_mode & _OTHERS_WRITE:
        faults.append(f"{path} may be written by others (mode {status.st_mode & 0o7777:04o}): chmod go-w {path}")
    return faults


def privacy_faults(path: Path, status: os.stat_result, *, uid: int) -> list[str]:
    """Return why the file or folder is not ``uid``'s alone, to read as to write; nothing if it is."""
    faults = []
    if status.st_uid != uid:
        faults.append(f"{path} belongs to uid {status.st_uid}, not to uid {uid}")
    if status.st_mode & _OTHERS_ANYTHING:
        faults.append(f"{path} is open to others (mode {status.st_mode & 0o7777:04o}): chmod go= {path}")
    return faults


def folder_faults(path: Path, *, uid: int) -> list[str]:
    """Return why a folder on the way to ``path``, as named or as links lead, lets others put another file there."""
    named, real = Path(os.path.normpath(path.absolute())), Path(os.path.realpath(path))
    faults = []
    for folder in sorted({*named.parents, *real.parents}):
        status = folder.stat()
        if not status.st_mode & stat.S_ISVTX:
            faults += write_faults(folder, status, uid=uid)
    return faults
