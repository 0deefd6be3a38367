"""Memory that is free for us but not for others: glibc keeps it unless it is asked."""

import ctypes
from contextlib import suppress


def give_back() -> None:
    """Return unused heap to the system: some 70 MB after loading networks, 50 MB after an attempt.

    A daemon that waits for days between attempts has no use for them. Takes about a millisecond.
    """
    with suppress(OSError, AttributeError):  # another C library has no such call, and no need of it
        ctypes.CDLL("libc.so.6").malloc_trim(0)
