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
    shared_memory: frozenset[str]

    def beyond(self, before: "Held") -> list[str]:
        """Return in words what is held now and was not before."""
        more = []
        if self.descriptors > before.descriptors:
            more.append(f"{self.descriptors - before.descriptors} file descriptors")
        if self.threads > before.threads:
            more.append(f"{self.threads - before.threads} threads")
        if started := self.children - before.children:
            more.append(f"child processes {sorted(started)}")
        if made := {name for name in self.shared_memory - before.shared_memory if not _is_used(name)}:
            more.append(f"shared memory {sorted(made)}")
        return more


def closing_leaves_nothing_behind(subject: Subject) -> None:
    """Opened and closed again and again, it leaves no descriptor, thread, process or shared memory."""
    _round(subject)  # libraries keep what they make on their first use
    before = held()
    for _ in range(_ROUNDS):
        _round(subject)
    deadline_ns = subject.clock.monotonic_ns() + int(subject.patience.grace_s * NS_PER_S)
    while left := held().beyond(before):
        if deadline_left_s(subject.clock, deadline_ns) == 0:
            raise Violation(f"{_ROUNDS} times opened and closed, it leaves {' and '.join(left)} behind")
        threading.Event().wait(_LOOK_AGAIN_S)


def held() -> Held:
    """Return what this process holds now."""
    gc.collect()
    own = _PROC / "self"
    return Held(len(_names(own / "fd")), len(_names(own / "task")), _children(), _names(_SHARED_MEMORY))


def _round(subject: Subject) -> None:
    with subject.opened() as source:
        subject.frames(source, 2)


def _names(folder: Path) -> frozenset[str]:
    """Return what is in a folder; nothing where there is no such folder."""
    return frozenset(path.name for path in folder.iterdir()) if folder.is_dir() else frozenset()


def _children() -> frozenset[int]:
    """Return the processes whose parent this one is, ended but not waited for included."""
    own, found = os.getpid(), set()
    for folder in _PROC.glob("[0-9]*"):
        try:
            after_name = (folder / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has just ended
        if int(after_name[1]) == own:
            found.add(int(folder.name))
    return frozenset(found)


def _is_used(name: str) -> bool:
    """Say whether a process has a shared memory mapped: then it may well be another program's."""
    path = str(_SHARED_MEMORY / name)
    for maps in _PROC.glob("[0-9]*/maps"):
        try:
            if path in maps.read_text():
                return True
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return False
