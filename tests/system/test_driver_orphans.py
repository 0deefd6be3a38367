"""Whoever is killed, and how: of a camera's driver nothing outlives the program that started it."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kinect_unlock.clock import NS_PER_S, SystemClock
from leftovers import children_of, has_ended
from system.rehearsal import WAIT_S

CLOCK = SystemClock()


@contextmanager
def parent(driver: str, *, device: str = "", path: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """Start a program that reads this driver; it is killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "fakes.isolated_parent", driver, device, path],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def wait_until_open(process: subprocess.Popen[bytes]) -> int:
    """Return the child's process id once frames come."""
    assert process.stdout is not None
    assert process.stdout.readline() == b"open\n"
    (child,) = children_of(process.pid)
    return child


def wait_for_child(process: subprocess.Popen[bytes]) -> int:
    """Return the child's process id as soon as there is one."""
    deadline_ns = CLOCK.monotonic_ns() + int(WAIT_S * NS_PER_S)
    while not (children := children_of(process.pid)):
        assert CLOCK.monotonic_ns() < deadline_ns
        select.select([], [], [], 0.01)
    (child,) = children
    return child


@pytest.mark.parametrize(
    ("driver", "device"),
    [
        pytest.param("well", "", id="streaming"),
        pytest.param("stalls", "3", id="stalled"),
        pytest.param("hangs", "3", id="hanging with the interpreter held"),
        pytest.param("floods", "3", id="talking without end"),
    ],
)
def test_when_the_program_is_killed_its_driver_is_gone(driver: str, device: str) -> None:
    with parent(driver, device=device) as process:
        child = wait_until_open(process)
        process.kill()
        process.wait()

        assert has_ended(child, WAIT_S)


@pytest.mark.parametrize("driver", ["silent", "hangs_in_open"])
def test_when_the_program_is_killed_while_it_opens_its_driver_is_gone(driver: str) -> None:
    with parent(driver) as process:
        child = wait_for_child(process)
        process.kill()
        process.wait()

        assert has_ended(child, WAIT_S)


def test_a_signal_to_the_whole_group_is_the_programs_to_answer_and_the_driver_closes_in_order(tmp_path: Path) -> None:
    with parent("well", path=str(tmp_path / "mark")) as process:
        child = wait_until_open(process)
        os.killpg(process.pid, signal.SIGTERM)

        assert process.wait(WAIT_S) == 128 + signal.SIGTERM
        assert has_ended(child, WAIT_S)
    assert (tmp_path / "mark").read_text() == "closed in order"


def test_a_terminals_interrupt_is_the_programs_to_answer_and_the_driver_closes_in_order(tmp_path: Path) -> None:
    with parent("well", path=str(tmp_path / "mark")) as process:
        child = wait_until_open(process)
        for pid in (process.pid, child):  # Ctrl-C goes to all in the foreground
            os.kill(pid, signal.SIGINT)

        assert process.wait(WAIT_S) == 128 + signal.SIGINT
        assert has_ended(child, WAIT_S)
    assert (tmp_path / "mark").read_text() == "closed in order"
