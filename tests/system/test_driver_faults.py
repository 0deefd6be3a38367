"""The real daemon with a driver that does what drivers do: every attempt is answered, and the next one works."""

import os
import signal
import socket
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.wire import Enrol, Reply, Status, Word
from leftovers import children_of, has_ended
from system.rehearsal import WAIT_S, DaemonProcess, Start

TEST = "--test-source"
LOST = {Word.SOURCE_LOST, Word.SOURCE_ERROR}


def settings(folder: Path, faults: str, **source: Any) -> dict[str, dict[str, Any]]:
    """Play an empty room with a fault plan; an attempt that nothing ends lasts two seconds."""
    plan = folder / "plan.yaml"
    plan.write_text(f"faults: [{faults}]\n")
    recording = folder_of_recordings() / "empty-room.mkv"
    quick = {"reappear_s": 0.0, "linger_s": 0.0}
    return {
        "source": {"kind": "stand-in", "path": str(recording), "faults": str(plan), **quick, **source},
        "enrol": {"stage_timeout_s": 2.0},
        "attempt": {"cooldown_s": 0.0},
    }


def ask(running: DaemonProcess) -> Reply:
    return running.client.request(Enrol(user="ann"), timeout_s=WAIT_S)


def claim(running: DaemonProcess) -> socket.socket:
    """Begin an enrolment and do not wait for its end."""
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(WAIT_S)
    line.connect(str(running.socket_path))
    line.sendall(msgspec.json.encode(Enrol(user="ann")) + b"\n")
    return line


def wait_for_log(running: DaemonProcess, words: str, *, times: int = 1) -> None:
    for _ in range(int(WAIT_S / 0.05)):
        if running.log().count(words) >= times:
            return
        threading.Event().wait(0.05)
    pytest.fail(f"never logged {words!r}:\n{running.log()}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        pytest.param("segfault", "the camera driver was ended by SIGSEGV; its last words", id="crash"),
        pytest.param("abort", "the camera driver was ended by SIGABRT", id="abort"),
        pytest.param("exit", "the camera driver ended by itself with exit code", id="exit"),
        pytest.param("hang-holding-gil", "the camera driver hung: it said nothing for 1.5 s", id="hang"),
        pytest.param("missing-frame", "the camera driver was ended by SIGSEGV", id="missing frame"),
        pytest.param("silence", "no frame for 2", id="silence"),  # or 2.1 s, if fewer frames are asked for by then
        pytest.param("wrong-shape", "", id="wrong shape"),
    ],
)
def test_an_attempt_that_meets_a_fault_is_told_why_and_the_next_one_works(
    start: Start, folder: Path, fault: str, words: str
) -> None:
    plan = f"{{does: {fault}, open: 1, frame: 3}}"
    with start(settings(folder, plan), TEST, environ={"WATCHDOG_USEC": "1000000"}) as running:
        running.hear("READY=1")
        first = ask(running)
        second = ask(running)
        running.hear("WATCHDOG=1")
        status = running.client.request(Status())
        wait_for_log(running, "event=driver-ended ", times=2)  # an answer does not wait for the closing
        left = children_of(running.process.pid)

    assert first.word is Word.SOURCE_LOST
    assert words in str(first.message)
    assert second.word not in LOST
    assert status.word is Word.OK
    assert left == frozenset()


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["exit-on-open", "null-device", "segfault-on-start"])
def test_a_fault_at_the_opening_costs_time_and_not_the_attempt(start: Start, folder: Path, fault: str) -> None:
    with start(settings(folder, f"{{does: {fault}, open: 1}}"), TEST) as running:
        running.hear("READY=1")
        reply = ask(running)
        status = running.client.request(Status())

        assert reply.word not in LOST
        assert status.data is not None
        assert (status.data["counters"]["driver_starts"], status.data["counters"]["driver_failures"]) == (2, 1)
        assert "event=driver-again" in running.log()
        assert running.log().count("event=driver-open ") == 1


def test_a_camera_that_is_not_there_is_told_at_once_and_found_when_it_is(start: Start, folder: Path) -> None:
    with start(settings(folder, "{does: no-device, open: 1}"), TEST) as running:
        running.hear("READY=1")
        first = ask(running)
        (folder / "plan.yaml").write_text("faults: []\n")
        second = ask(running)

    assert first.word is Word.SOURCE_ERROR
    assert "sees no Kinect v2" in str(first.message)
    assert second.word not in LOST


def test_a_child_that_is_killed_costs_one_attempt(start: Start, folder: Path) -> None:
    with start(settings(folder, ""), TEST) as running:
        running.hear("READY=1")
        answers: list[Reply] = []
        asking = threading.Thread(target=lambda: answers.append(ask(running)))
        asking.start()
        wait_for_log(running, "event=driver-open ")
        (child,) = children_of(running.process.pid)
        os.kill(child, signal.SIGKILL)
        asking.join(WAIT_S)
        second = ask(running)

    assert answers[0].word is Word.SOURCE_LOST
    assert "was ended by SIGKILL" in str(answers[0].message)
    assert second.word not in LOST


@pytest.mark.parametrize("fault", ["", "{does: hang-holding-gil, frame: 3}", "{does: hang-on-start}"])
def test_a_daemon_that_is_killed_takes_its_driver_along(start: Start, folder: Path, fault: str) -> None:
    with start(settings(folder, fault), TEST) as running:
        running.hear("READY=1")
        with claim(running):
            wait_for_log(running, "event=driver-start ")
            (child,) = children_of(running.process.pid)
            running.tell(signal.SIGKILL)
            running.exit_code()

            assert has_ended(child, WAIT_S)


@pytest.mark.parametrize("fault", ["", "{does: hang-on-start}", "{does: hang-holding-gil, frame: 3}"])
def test_a_daemon_that_is_told_to_stop_ends_its_driver_first(start: Start, folder: Path, fault: str) -> None:
    with start(settings(folder, fault), TEST) as running:
        running.hear("READY=1")
        with claim(running):
            wait_for_log(running, "event=driver-start ")
            (child,) = children_of(running.process.pid)
            running.tell(signal.SIGTERM)

            assert running.exit_code() == 0
            assert has_ended(child, 0.0)
            assert "event=thread-does-not-stop" not in running.log()
