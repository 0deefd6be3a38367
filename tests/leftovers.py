"""What a process has, as the kernel says: descriptors, mappings, children and threads; for tests that nothing is left."""

import os
import threading
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Holdings:
    """What this process holds; two of these are equal if nothing came or went."""

    descriptors: int
    rings: int  # mapped
    children: frozenset[int]  # zombies too
    threads: int
    shared_memory: frozenset[str]


def holdings() -> Holdings:
    """Look at this process now."""
    return Holdings(
        descriptors=sum(1 for _ in (_PROC / "self" / "fd").iterdir()),
        rings=(_PROC / "self" / "maps").read_text().count("kinect-unlock-frames"),
        children=children_of(os.getpid()),
        threads=threading.active_count(),
        shared_memory=frozenset(path.name for path in Path("/dev/shm").iterdir() if path.stat().st_uid == os.getuid()),
    )


def children_of(parent: int) -> frozenset[int]:
    """Return the processes whose parent this is, those that ended and were not yet reaped among them."""
    return frozenset(int(path.name) for path in _PROC.glob("[0-9]*") if _parent_of(path) == parent)


def state_of(pid: int) -> str | None:
    """Return a process's state letter, such as Z for a zombie; None if there is no such process."""
    fields = _stat(_PROC / str(pid))
    return None if fields is None else fields[0]


def _parent_of(path: Path) -> int | None:
    fields = _stat(path)
    return None if fields is None else int(fields[1])


def _stat(path: Path) -> list[str] | None:
    try:
        return (path / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
