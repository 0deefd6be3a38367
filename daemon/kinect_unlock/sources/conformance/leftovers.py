"""The check that a closed source leaves nothing behind: descriptor, thread, process or shared memory."""

import gc
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kinect_unlock.clock import NS_PER_S, deadline_left_s
from kinect_unlock.sources.conformance.subject import Subject, Violation

_ROUNDS: Final = 3
_LOOK_AGAIN_S: Final = 0.05
_PROC: Final = Path("/proc")
_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - looked at, never written


@dataclass(frozen=True, slots=True)
class Held:
    """What this process holds."""

    descriptors: int
    threads: int
    children: frozenset[int]

    def beyond(self, before: "Held") -> list[str]:
        """Return in words what is held now and was not before."""
        more = []
        if self.descriptors > before.descriptors:
            more.append(f"{self.descriptors - before.descriptors} file descriptors")
        if self.threads > before.threads:
            more.append(f"{self.threads - before.threads} threads")
        if started := self.children - before.children:
            more.append(f"child processes {sorted(started)}")
        return more


def closing_leaves_nothing_behind(subject: Subject) -> None:
    """Opened and closed again and again, it leaves no descriptor, thread, process or shared memory."""
    _round(subject)  # libraries keep what they make on their first use
    before = held()
    others = _shared()
    shared = frozenset[str]().union(*(_round(subject) for _ in range(_ROUNDS))) - others
    deadline_ns = subject.clock.monotonic_ns() + int(subject.patience.grace_s * NS_PER_S)
    while left := held().beyond(before) + _left_of(shared):
        if deadline_left_s(subject.clock, deadline_ns) == 0:
            raise Violation(f"{_ROUNDS} times opened and closed, it leaves {' and '.join(left)} behind")
        threading.Event().wait(_LOOK_AGAIN_S)


def held() -> Held:
    """Return what this process holds now."""
    gc.collect()
    own = _PROC / "self"
    return Held(len(_names(own / "fd")), len(_names(own / "task")), _children())


def _round(subject: Subject) -> frozenset[str]:
    """Open, read and close; return the names of the shared memory that was in use meanwhile."""
    with subject.opened() as source:
        subject.frames(source, 2)
        return _shared()


def _names(folder: Path) -> frozenset[str]:
    """Return what is in a folder; nothing where there is no such folder."""
    return frozenset(path.name for path in folder.iterdir()) if folder.is_dir() else frozenset()


def _children(of: int | None = None) -> frozenset[int]:
    """Return the processes whose parent this one is, or another; ended but not waited for included."""
    own, found = os.getpid() if of is None else of, set()
    for folder in _PROC.glob("[0-9]*"):
        try:
            after_name = (folder / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        if int(after_name[1]) == own:
            found.add(int(folder.name))
    return frozenset(found)


def _shared() -> frozenset[str]:
    """Return the shared memory that this process and those it started have open or mapped; others' is not ours."""
    found, waiting = set[str](), [os.getpid()]
    while waiting:
        pid = waiting.pop()
        waiting += _children(pid)
        try:
            files = [line.split(maxsplit=5)[5:] for line in (_PROC / str(pid) / "maps").read_text().splitlines()]
            paths = [*(one[0] for one in files if one), *map(_target, (_PROC / str(pid) / "fd").iterdir())]
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it has just ended
        found |= {Path(path).name for path in paths if Path(path).parent == _SHARED_MEMORY}
    return frozenset(found)


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:
        return ""


def _left_of(shared: frozenset[str]) -> list[str]:
    left = sorted(shared & _names(_SHARED_MEMORY))
    return [f"shared memory {left}"] if left else []
