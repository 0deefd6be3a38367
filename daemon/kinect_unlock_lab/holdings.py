"""What a process holds of the machine: descriptors, children, threads, shared memory; to prove that nothing stays."""

import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

_SHARED: Final = Path("/dev/shm")  # noqa: S108 - looked at, not written
_PROC: Final = Path("/proc")
_OURS: Final = "*kinect*"  # other programs have names of their own
_RING: Final = "/memfd:kinect-unlock-frames"


@dataclass(frozen=True, slots=True)
class Holdings:
    """Counts at one moment; ``children`` are process ids, dead ones that nobody waited for included.

    ``rings`` are the mapped memories that a driver's child puts its frames into (`kinect_unlock.sources.ring`);
    ``shared`` are names of ours in /dev/shm, where none belongs.
    """

    descriptors: int
    children: frozenset[int]
    threads: int
    rings: int
    shared: frozenset[str]

    @classmethod
    def now(cls, pid: int | None = None) -> Self:
        """Count what a process, by default this one, holds now.

        Raises:
            FileNotFoundError: there is no such process.
        """
        of = os.getpid() if pid is None else pid
        own = _PROC / str(of)
        listing = 1 if pid is None else 0  # looking at our own descriptors takes one
        return cls(
            descriptors=len(list((own / "fd").iterdir())) - listing,
            children=frozenset(children_of(of)),
            threads=threading.active_count() if pid is None else len(list((own / "task").iterdir())),
            rings=(own / "maps").read_text().count(_RING),
            shared=frozenset(path.name for path in _SHARED.glob(_OURS)),
        )

    def more_than(self, before: Self) -> Iterator[str]:
        """Name what is held now and was not before."""
        counts = Counter(
            {
                "descriptors": self.descriptors - before.descriptors,
                "processes": len(self.children - before.children),
                "threads": self.threads - before.threads,
                "rings": self.rings - before.rings,
                "shared memory": len(self.shared - before.shared),
            }
        )
        yield from (f"{number} {name}" for name, number in (+counts).items())


def children_of(pid: int) -> tuple[int, ...]:
    """Return the direct children of a process, as /proc/PID/task/TID/children has them (proc(5)).

    Raises:
        FileNotFoundError: there is no such process.
    """
    found: list[int] = []
    for task in (_PROC / str(pid) / "task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended meanwhile
            found += map(int, (task / "children").read_text().split())
    return tuple(found)


def resident_mb(pid: int) -> float:
    """Return the resident set of a process in MB (VmRSS of proc(5)); 0 if it is gone."""
    try:
        lines = (_PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:")), 0.0)
