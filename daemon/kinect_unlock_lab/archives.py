"""NumPy archives that somebody names: read, or refused in one sentence that says what was found."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from kinect_unlock.errors import SourceError

_ZIP = b"PK"
# The last two: of an encrypted archive, or one packed in a way that Python does not know, and of words for numbers.
_FAULTS = (OSError, EOFError, LookupError, ValueError, BadZipFile, zlib.error, RuntimeError, TypeError)


@contextmanager
def reading(path: Path, refused: str, remedy: str) -> Iterator["np.lib.npyio.NpzFile"]:
    """Read an archive of arrays; what goes wrong inside is a fault of the file, too.

    Args:
        path: the file.
        refused: what it then is said not to be, or not to hold, such as "no faces can be read".
        remedy: what to do about it.

    Raises:
        SourceError: it cannot be read, is no archive, or lacks an array.
    """
    try:
        with path.open("rb") as file:
            _require_archive(file.read(len(_ZIP)))
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                yield archive
    except _FAULTS as fault:
        raise SourceError(f"{path}: {refused} ({_words(fault)}); {remedy}") from fault


def _require_archive(begin: bytes) -> None:
    if not begin:
        raise ValueError("the file is empty")
    if begin != _ZIP:
        raise ValueError("it is no npz archive")


def _words(fault: Exception) -> str:
    if isinstance(fault, BadZipFile | EOFError | zlib.error):
        return "the archive is damaged or cut short"
    if isinstance(fault, TypeError):
        return "an array holds something else than numbers"
    if isinstance(fault, OSError) and fault.strerror:
        return fault.strerror.lower()
    return str(fault.args[0]) if fault.args else type(fault).__name__
