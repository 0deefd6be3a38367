"""kill -9 of the daemon at any moment of an enrolment leaves the old template or the new one, and serves it.

How many rounds: KINECT_UNLOCK_CRASH_ROUNDS, by default few, because each starts a daemon. The moments are drawn with
a fixed seed: half of them anywhere in the enrolment, half within the milliseconds in which it is saved. What came out
is told with --log-cli-level=info.
"""

import logging
import os
import random
import signal
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.clock import NS_PER_MS
from kinect_unlock.wire import Enrol, Reply, Users, Verify, Word
from system.rehearsal import CLOCK, WAIT_S, DaemonProcess, daemon

ROUNDS = int(os.environ.get("KINECT_UNLOCK_CRASH_ROUNDS", "4"))
SETTINGS: dict[str, dict[str, Any]] = {
    "source": {"kind": "replay", "path": str(folder_of_recordings()), "pace": "asap"},
    "attempt": {"cooldown_s": 0.0},
    "policy": {"password_after_boot": False},
    "log": {"level": "warning"},
}
STREAM = "owner-enrols.mkv"


_LOG = logging.getLogger(__name__)

FILES = {"lock", "template.key", "templates/owner.tpl", "ledgers/owner.json", "attempts/records.jsonl"}


@dataclass(frozen=True, slots=True)
class Course:
    """How an undisturbed enrolment goes: replies up to the last frame, and the time from there to its end."""

    replies: int
    saving_ms: float


@contextmanager
def _serving(folder: Path, cache_dir: Path) -> Iterator[DaemonProcess]:
    """Start a daemon on the folder's state; it ends, however it ended before, with the block."""
    with daemon(folder, cache_dir, SETTINGS, "--test-source") as running:
        running.hear("READY=1")
        yield running
    (folder / "n").unlink()


@contextmanager
def _enrolling(running: DaemonProcess) -> Iterator[Iterator[Reply]]:
    """Begin an enrolment and give its replies as they come; they end when the daemon does."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(WAIT_S)
        line.connect(str(running.socket_path))
        line.sendall(msgspec.json.encode(Enrol(user="owner", stream="owner-enrols.mkv", explain=True)) + b"\n")
        with line.makefile("rb", buffering=0) as file:
            yield (msgspec.json.decode(text, type=Reply) for text in iter(file.readline, b""))


def _undisturbed(running: DaemonProcess) -> Course:
    replies, last_frame, last_frame_ns = 0, 0, 0
    with _enrolling(running) as told:
        for reply in told:
            replies += 1
            if reply.word is Word.FRAME:
                last_frame, last_frame_ns = replies, CLOCK.monotonic_ns()
            if reply.done:
                assert reply.word is Word.ENROLLED, reply
                return Course(last_frame, (CLOCK.monotonic_ns() - last_frame_ns) / NS_PER_MS)
    raise AssertionError("the enrolment never ended")


def _killed(running: DaemonProcess, replies: int, later_ms: float) -> bool:
    """Kill the daemon so long after so many replies; return whether it had said by then that it is done."""
    with _enrolling(running) as told:
        for _ in range(replies):
            next(told)
        ends_ns = CLOCK.monotonic_ns() + int(later_ms * NS_PER_MS)
        while CLOCK.monotonic_ns() < ends_ns:
            pass
        running.tell(signal.SIGKILL)
        assert running.exit_code() == -signal.SIGKILL
        return any(reply.word is Word.ENROLLED for reply in told)


def _generation_served(running: DaemonProcess) -> int:
    """Return the generation of the template that a daemon found, having used it."""
    users = running.client.request(Users())
    (found,) = (users.data or {})["users"]
    returned = running.client.request(Verify(user="owner", stream="owner-returns.mkv"))
    assert (found["user"], found.get("vectors"), found.get("current")) == ("owner", 10, True), found
    assert returned.word is Word.MATCH, returned
    return int(found["generation"])


def _files(state: Path) -> set[str]:
    return {str(path.relative_to(state)) for path in state.rglob("*") if path.is_file()}


@pytest.mark.timeout(120 + 30 * ROUNDS)
def test_kill_9_during_an_enrolment_leaves_the_old_template_or_the_new(folder: Path, cache_dir: Path) -> None:
    chance = random.Random(20)  # noqa: S311 - moments, not secrets
    template = folder / "state" / "templates" / "owner.tpl"
    came_out: Counter[str] = Counter()
    with _serving(folder, cache_dir) as running:
        course = _undisturbed(running)
    generation = 1
    for number in range(ROUNDS):
        before = template.read_bytes()
        in_saving = number % 2 == 0
        replies = course.replies if in_saving else chance.randint(1, course.replies)
        later_ms = chance.uniform(0.0, 1.2 * course.saving_ms if in_saving else 30.0)
        with _serving(folder, cache_dir) as running:
            assert _generation_served(running) == generation
            assert _files(folder / "state") == FILES
            acknowledged = _killed(running, replies, later_ms)
        is_new = template.read_bytes() != before
        assert is_new or not acknowledged
        left = _files(folder / "state") - FILES
        came_out[f"{'new' if is_new else 'old'}{' after it was told' if acknowledged else ''}"] += 1
        came_out["a part of a file was left"] += bool(left)
        generation += is_new
    with _serving(folder, cache_dir) as running:
        assert _generation_served(running) == generation
        assert _files(folder / "state") == FILES
    _LOG.info("kills=%d saving_ms=%.1f came_out=%s", ROUNDS, course.saving_ms, dict(came_out))
