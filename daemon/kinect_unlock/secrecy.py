"""Keeps what is in this process's memory from other processes of the same user; root sees it all the same."""

import ctypes
from typing import Final

_PR_SET_DUMPABLE: Final = 4  # linux/prctl.h


def keep_memory_private() -> None:
    """Have nobody but root trace this process or read its memory, environment and descriptors, in `/proc` or otherwise.

    The camera's driver has the service's user. It is confined as well, but not by every kernel. For a program that its
    own user may look into, such as a daemon of one's own, this is nothing: it could not even be profiled.
    """
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
