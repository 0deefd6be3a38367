"""What is asked of the machine about who and what an attempt was: beside the event loop, for a disk may be slow."""

import asyncio
import hashlib
import pwd
from functools import lru_cache
from pathlib import Path

from kinect_unlock.errors import SourceError
from kinect_unlock.settings import Source
from kinect_unlock.sources import recording_of


async def recording_hash(settings: Source, stream: str | None) -> str | None:
    """Return the SHA-256 of the recording that is played, None where there is none that could be read."""

    def read() -> str | None:
        try:
            path = recording_of(settings, stream)
            found = path.stat()
            return _sha256(path, found.st_ino, found.st_size, found.st_mtime_ns)
        except (SourceError, OSError):
            return None

    return await asyncio.to_thread(read)


@lru_cache(maxsize=256)
def _sha256(path: Path, inode: int, size_bytes: int, changed_ns: int) -> str:
    """Return a file's SHA-256, read once for as long as it is the same file."""
    del inode, size_bytes, changed_ns
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def user_name(uid: int) -> str | None:
    """Return a user's name, None for a uid that is nobody's; a directory service may have to be asked."""

    def look_up() -> str | None:
        try:
            return pwd.getpwuid(uid).pw_name
        except KeyError:
            return None

    return await asyncio.to_thread(look_up)
