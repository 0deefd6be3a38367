"""What a process holds is counted right, and what stays behind is named: otherwise no proof of no leaks is one."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from kinect_unlock.sources.ring import RingReader
from kinect_unlock_lab.holdings import Holdings, children_of, resident_mb


def left_since(before: Holdings) -> list[str]:
    return list(Holdings.now().more_than(before))


def test_nothing_is_left_where_nothing_was_taken() -> None:
    before = Holdings.now()
    assert left_since(before) == []


def test_an_open_file_is_named_until_it_is_closed() -> None:
    before = Holdings.now()
    with Path(os.devnull).open("rb"):
        assert left_since(before) == ["1 descriptors"]
    assert left_since(before) == []


def test_a_ring_of_frames_is_named_although_it_has_no_name_anywhere() -> None:
    before = Holdings.now()
    ring = RingReader()
    try:
        assert left_since(before) == ["2 descriptors", "1 rings"]  # Python's mmap keeps one of its own
    finally:
        ring.close()
    assert left_since(before) == []


def test_a_thread_is_named_while_it_runs() -> None:
    before, over = Holdings.now(), threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    try:
        assert left_since(before) == ["1 threads"]
    finally:
        over.set()
        thread.join()
    assert left_since(before) == []


def test_a_dead_child_counts_until_somebody_waits_for_it() -> None:
    before = Holdings.now()
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)

    assert child.pid in children_of(os.getpid())
    assert left_since(before) == ["1 processes"]

    child.wait()
    assert left_since(before) == []


def test_another_process_is_looked_at_from_outside() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        held = Holdings.now(child.pid)
        memory_mb = resident_mb(child.pid)
        child.kill()
    assert held.descriptors >= 3
    assert (held.threads, held.children, held.rings) == (1, frozenset(), 0)
    assert memory_mb > 0
    assert resident_mb(child.pid) == 0.0
    with pytest.raises(FileNotFoundError, match=str(child.pid)):
        Holdings.now(child.pid)
