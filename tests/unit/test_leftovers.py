"""What the tests' own look at leftovers promises."""

import os
import subprocess
import sys

from leftovers import holdings, left_since


def test_nothing_is_left_where_nothing_came() -> None:
    assert left_since(holdings()) == ()


def test_an_open_descriptor_is_named_though_another_was_closed() -> None:
    gone, other = os.pipe()
    before = holdings()
    os.close(gone)
    os.close(other)

    reading, writing = os.pipe()
    left = left_since(before)
    os.close(reading)
    os.close(writing)

    assert len(left) == 2
    assert all(one.startswith("descriptor ") for one in left)


def test_a_child_is_left_until_it_was_reaped() -> None:
    before = holdings()
    child = subprocess.Popen([sys.executable, "-c", ""])
    assert f"child {child.pid}" in left_since(before)
    child.wait()

    assert left_since(before) == ()


def test_a_child_of_before_may_end() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    before = holdings()
    child.wait()

    assert left_since(before) == ()
