"""Giving memory back really gives it back."""

from pathlib import Path

from kinect_unlock.heap import give_back


def _resident_kb() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4


def test_freed_memory_goes_back_to_the_system() -> None:
    blocks = [bytes(60_000) for _ in range(1000)]  # below the size that glibc maps by itself
    keep = blocks[-1]
    held_kb = _resident_kb()
    del blocks
    give_back()
    assert held_kb - _resident_kb() > 30_000
    assert len(keep) == 60_000
