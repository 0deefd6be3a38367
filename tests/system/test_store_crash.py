"""A writer that dies at any moment leaves the old template or the new one, never half of one; so for ledgers."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import IO

import pytest

from kinect_unlock.store import FileLedgerStore, FileTemplateStore
from system.store_writer import KEY, template

KILLS = 50
WRITER = Path(__file__).with_name("store_writer.py")


class Writer:
    """The process that is told what to save, and that says what it saved."""

    def __init__(self, orders: IO[str], words: IO[str]) -> None:
        self._orders = orders
        self._words = words

    def order(self, words: str) -> None:
        print(words, file=self._orders, flush=True)

    def hear(self) -> tuple[str, int]:
        word, number = self._words.readline().split()
        return word, int(number)


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    command = [sys.executable, str(WRITER), str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield Writer(process.stdin, process.stdout)
        process.stdin.close()


def found(state: Path) -> tuple[int, int]:
    """Return the generations of template and ledger, having compared every number of the template."""
    loaded = FileTemplateStore(state, KEY).load("alice")
    assert loaded is not None
    assert loaded.vectors.tobytes() == template(loaded.generation).vectors.tobytes()
    ledger = FileLedgerStore(state).load("alice")
    assert sorted(path.name for path in state.rglob("*.*")) == ["alice.json", "alice.tpl"]
    return loaded.generation, ledger.failures


def test_kill_9_at_random_moments_leaves_the_old_or_the_new(writer: Writer, tmp_path: Path) -> None:
    chance = random.Random(9)  # noqa: S311 - moments, not secrets
    saved, halves = 0, 0
    for _ in range(KILLS):
        writer.order(f"forever {saved + 1}")
        said = {"pid": 0, "saved": saved}
        saves_left = chance.randrange(1, 4)
        while not said["pid"] or saves_left:
            word, number = writer.hear()
            said[word] = number
            saves_left -= word == "saved"
        for _ in range(chance.randrange(20_000)):  # somewhere in the middle of the next save
            pass
        os.kill(said["pid"], signal.SIGKILL)
        while "ended" not in said:
            word, number = writer.hear()
            said[word] = number
        assert said["ended"] == -signal.SIGKILL
        of_template, of_ledger = found(tmp_path)
        assert said["saved"] <= of_ledger <= of_template <= said["saved"] + 1
        halves += of_template != of_ledger
        saved = of_template
    assert saved >= KILLS


def test_kill_9_at_every_line_of_a_save_leaves_the_old_or_the_new(writer: Writer, tmp_path: Path) -> None:
    writer.order("once 1 100000")
    assert [writer.hear()[0] for _ in range(3)].count("saved") == 1
    outcomes = []
    for line in count(1):
        writer.order(f"once 2 {line}")
        said = dict(writer.hear() for _ in range(2))
        if said.get("saved") == 2:
            break
        assert said["ended"] == -signal.SIGKILL
        outcomes.append(found(tmp_path))
    assert outcomes == sorted(outcomes)
    assert set(outcomes) == {(1, 1), (2, 1), (2, 2)}
