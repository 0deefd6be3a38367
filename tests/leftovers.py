"""What a process has, as the kernel says: descriptors, mappings, children, threads; for tests that nothing is left."""

import os
import select
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - only looked at


@dataclass(frozen=True, slots=True)
class Holdings:
    """What this process holds."""

    descriptors: frozenset[tuple[int, str]]  # number and what is open there
    rings: int  # mapped
    children: frozenset[int]  # zombies too
    threads: int
    shared_memory: frozenset[str]  # by our name; other programs have theirs


def holdings() -> Holdings:
    """Look at this process now."""
    return Holdings(
        descriptors=frozenset(_descriptors()),
        rings=(_PROC / "self" / "maps").read_text().count("kinect-unlock-frames"),
        children=children_of(os.getpid()),
        threads=threading.active_count(),
        shared_memory=frozenset(path.name for path in _SHARED_MEMORY.glob("*kinect*")),
    )


def left_since(before: Holdings) -> tuple[str, ...]:
    """Name what is held now and was not then; what an earlier test's idle workers give back meanwhile is no matter."""
    now = holdings()
    return (
        *(f"descriptor {number}: {target}" for number, target in sorted(now.descriptors - before.descriptors)),
        *(f"child {pid}" for pid in sorted(now.children - before.children)),
        *(f"shared memory {name}" for name in sorted(now.shared_memory - before.shared_memory)),
        *(("rings",) if now.rings > before.rings else ()),
        *(("threads",) if now.threads > before.threads else ()),
    )


def _descriptors() -> Iterator[tuple[int, str]]:
    for entry in (_PROC / "self" / "fd").iterdir():
        with suppress(FileNotFoundError):  # the listing's own
            yield int(entry.name), str(entry.readlink())


def children_of(parent: int) -> frozenset[int]:
    """Return the processes whose parent this is, those that ended and were not yet reaped among them."""
    return frozenset(int(path.name) for path in _PROC.glob("[0-9]*") if _parent_of(path) == parent)


def has_ended(pid: int, within_s: float) -> bool:
    """Wait for the end of a process that need not be a child; a zombie has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], within_s)[0])
    finally:
        os.close(descriptor)


def _parent_of(path: Path) -> int | None:
    fields = _stat(path)
    return None if fields is None else int(fields[1])


def _stat(path: Path) -> list[str] | None:
    try:
        return (path / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
