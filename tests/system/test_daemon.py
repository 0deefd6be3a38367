"""The real daemon: its own process, real sockets, real signals."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kinect_unlock.errors import DaemonUnavailable
from kinect_unlock.wire import Enrol, Reply, Status, Verify, Word
from system.rehearsal import WAIT_S, DaemonProcess, Start

TEST = "--test-source"


def _rehearsed(device: str, **source: object) -> dict[str, dict[str, Any]]:
    """Settings for a source that misbehaves; an attempt on it lasts until something ends it."""
    return {
        "source": {"kind": "rehearsed", "device": device, **source},
        "enrol": {"stage_timeout_s": 600.0},
        "attempt": {"timeout_s": 600.0, "nobody_timeout_s": 600.0, "cooldown_s": 0.0},
    }


ROOM = _rehearsed("room")


def _claim(running: DaemonProcess) -> socket.socket:
    """Begin an enrolment and return its connection once the daemon has answered."""
    while True:  # the daemon may not have noticed yet that the last one has gone
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(WAIT_S)
        line.connect(str(running.socket_path))
        line.sendall(msgspec.json.encode(Enrol(user="ann")) + b"\n")
        answer = line.recv(4096)
        if b'"busy"' not in answer:
            assert b'"started"' in answer
            return line
        line.close()


def _hanging(pipe: Path) -> dict[str, dict[str, Any]]:
    os.mkfifo(pipe)
    return _rehearsed("hang", path=str(pipe))


def _wait_until_it_hangs(pipe: Path) -> None:
    pipe.read_bytes()


def _last_reply(line: socket.socket) -> Reply:
    with line.makefile("rb") as file:
        return msgspec.json.decode(file.readlines()[-1], type=Reply)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_becomes_ready_and_stops_cleanly_when_told(start: Start, folder: Path, number: signal.Signals) -> None:
    with start(ROOM, TEST) as running:
        ready = running.hear("READY=1")
        running.tell(number)
        running.hear("STOPPING=1")

        assert running.exit_code() == 0
        assert "STATUS=ready; TEST SOURCE rehearsed (stand-in)" in ready
        assert not (folder / "run" / "s").exists()
        assert f"event=stopping signal={number.name}" in running.log()


def test_it_answers_while_it_runs_and_not_after(start: Start) -> None:
    with start(ROOM, TEST) as running:
        running.hear("READY=1")
        reply = running.client.request(Status())
        running.tell(signal.SIGTERM)
        running.exit_code()

        assert reply.word is Word.OK
        assert reply.origin == "stand-in"
        with pytest.raises(DaemonUnavailable, match="no daemon at"):
            running.client.request(Status())


def test_its_socket_is_for_its_user(start: Start) -> None:
    with start(ROOM, TEST) as running:
        running.hear("READY=1")
        modes = [stat.S_IMODE(path.lstat().st_mode) for path in (running.socket_path.parent, running.socket_path)]

    assert modes == ([0o755, 0o666] if os.getuid() == 0 else [0o700, 0o600])


def test_a_hangup_changes_nothing(start: Start) -> None:
    with start(ROOM, TEST) as running:
        running.hear("READY=1")
        running.tell(signal.SIGHUP)

        assert running.client.request(Status()).word is Word.OK
        assert "event=hangup-ignored" in running.log()


def test_a_thread_that_does_not_stop_is_named_and_holds_nothing_up(start: Start, tmp_path: Path) -> None:
    settings = {**_hanging(tmp_path / "pipe"), "daemon": {"stop_timeout_s": 0.2}}
    with start(settings, TEST) as running:
        running.hear("READY=1")
        with _claim(running) as line:
            _wait_until_it_hangs(tmp_path / "pipe")
            running.tell(signal.SIGTERM)
            last = _last_reply(line)

        assert running.exit_code() == 0
        assert last.word is Word.SHUTTING_DOWN
        assert "event=thread-does-not-stop thread=capture" in running.log()


def test_a_second_signal_ends_it_at_once(start: Start, tmp_path: Path) -> None:
    settings = {**_hanging(tmp_path / "pipe"), "daemon": {"stop_timeout_s": 600.0}}
    with start(settings, TEST) as running:
        running.hear("READY=1")
        with _claim(running):
            _wait_until_it_hangs(tmp_path / "pipe")
            running.tell(signal.SIGTERM)
            running.hear("STOPPING=1")
            running.tell(signal.SIGTERM)

            assert running.exit_code() == -signal.SIGTERM


def test_it_is_told_to_stop_while_it_starts(start: Start, tmp_path: Path) -> None:
    with start({**ROOM, "models": {"cache_dir": str(tmp_path / "empty")}}, TEST) as running:
        running.hear("STATUS=")  # building its networks
        running.tell(signal.SIGTERM)

        assert running.exit_code() == 0


def test_the_watchdog_is_fed(start: Start) -> None:
    with start(ROOM, TEST, environ={"WATCHDOG_USEC": "100000"}) as running:
        running.hear("READY=1")
        running.hear("WATCHDOG=1")
        with _claim(running):
            running.hear("WATCHDOG=1")


def test_a_socket_left_by_a_killed_daemon_is_replaced(start: Start) -> None:
    with start(ROOM, TEST) as running:
        running.hear("READY=1")
        running.tell(signal.SIGKILL)
        running.exit_code()
        (running.socket_path.parent.parent / "n").unlink()
        left = running.socket_path.exists()
    with start(ROOM, TEST) as running:
        running.hear("READY=1")

        assert left
        assert running.client.request(Status()).word is Word.OK


def test_a_second_daemon_is_refused_and_does_not_harm_the_first(start: Start, folder: Path) -> None:
    with start(ROOM, TEST) as running:
        running.hear("READY=1")
        second = subprocess.run(
            [sys.executable, "-m", "kinect_unlock", "run", "--config", str(folder / "c.yaml"), TEST],
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )

        assert second.returncode in {74, 78}
        assert "another daemon" in second.stderr
        assert running.client.request(Status()).word is Word.OK


def test_a_client_that_vanishes_lets_the_camera_go(start: Start) -> None:
    with start(ROOM, TEST) as running:
        running.hear("READY=1")
        _claim(running).close()
        with _claim(running):  # would be busy if the first still had it
            pass

        running.tell(signal.SIGTERM)
        assert running.exit_code() == 0
        assert running.log().count("event=camera-open ") == running.log().count("event=camera-closing ")


@pytest.mark.parametrize(
    ("device", "word"),
    [
        pytest.param("silent", Word.SOURCE_LOST, id="falls silent"),
        pytest.param("crash", Word.SOURCE_LOST, id="fails as nobody foresaw"),
        pytest.param("absent", Word.SOURCE_ERROR, id="cannot be opened"),
    ],
)
def test_a_source_that_fails_ends_the_attempt_and_the_daemon_lives(start: Start, device: str, word: Word) -> None:
    settings = _rehearsed(device, stall_timeout_s=0.2)
    with start(settings, TEST) as running:
        running.hear("READY=1")
        first = running.client.request(Enrol(user="ann"))
        second = running.client.request(Enrol(user="ann"))
        status = running.client.request(Status())

    assert [first.word, second.word, status.word] == [word, word, Word.OK]


def _camera(running: DaemonProcess) -> dict[str, Any]:
    """Return what the daemon says of its camera."""
    data = running.client.request(Status()).data
    assert data is not None
    camera: dict[str, Any] = data["camera"]
    return camera


def test_a_camera_stays_open_for_the_next_attempt_and_the_status_says_so(start: Start) -> None:
    with start(_rehearsed("room", linger_s=600.0), TEST) as running:
        running.hear("READY=1")
        never = _camera(running)
        for _ in range(3):
            with _claim(running) as line, line.makefile("rb") as replies:
                assert any(b'"hint"' in reply for reply in replies)  # frames have come
        camera = _camera(running)
        while (camera["state"], camera["read_for"]) != ("lingering", "resting"):  # one may be noticed after the other
            assert camera["state"] in {"open", "lingering"}
            camera = _camera(running)
        running.tell(signal.SIGTERM)

        assert running.exit_code() == 0
        assert (never["state"], never["opened"], never["closes_in_s"]) == ("closed", 0, None)
        assert 590.0 < camera["closes_in_s"] <= 600.0
        assert (camera["opened"], camera["faults"]) == (1, 0)
        log = running.log()
        assert (log.count("event=camera-open "), log.count("event=camera-closing ")) == (1, 1)
        assert log.count("event=served ") == 3


def test_the_status_tells_in_words_what_the_camera_died_of(start: Start) -> None:
    with start(_rehearsed("crash"), TEST) as running:
        running.hear("READY=1")
        for _ in range(2):
            assert running.client.request(Enrol(user="ann")).word is Word.SOURCE_LOST
        camera = _camera(running)

        assert (camera["state"], camera["opened"], camera["restarts"], camera["faults"]) == ("closed", 2, 1, 2)
        assert "ZeroDivisionError('driver')" in camera["last_fault"]["message"]


def test_at_the_end_of_standard_input_it_stops_if_asked_to(start: Start) -> None:
    with start(ROOM, TEST, "--until-stdin-closes", stdin=subprocess.PIPE) as running:
        running.hear("READY=1")
        assert running.process.stdin is not None
        running.process.stdin.close()

        assert running.exit_code() == 0
        assert "reason=stdin-closed" in running.log()


def test_without_a_driver_it_runs_and_answers_what_is_missing(start: Start, folder: Path) -> None:
    unusable = folder / "unusable"
    unusable.mkdir()
    (unusable / "pylibfreenect2.py").write_text("raise ImportError('libfreenect2.so.0.2: cannot open')")
    with start({**ROOM, "source": {"kind": "kinect-v2"}}, environ={"PYTHONPATH": str(unusable)}) as running:
        ready = running.hear("READY=1")
        replies = [running.client.request(Enrol(user="ann")) for _ in range(2)]
        status = running.client.request(Status())

    assert "STATUS=ready; source kinect-v2 (sensor)" in ready
    assert [reply.word for reply in replies] == [Word.SOURCE_ERROR] * 2
    assert "pylibfreenect2 cannot load the native library" in str(replies[0].message)
    assert status.word is Word.OK


def test_frames_that_are_no_cameras_do_not_match_unless_it_was_told_so(start: Start) -> None:
    with start(ROOM) as running:
        ready = running.hear("READY=1")
        reply = running.client.request(Verify(user="ann", unlock=True))

        assert "TEST" not in ready
        assert "event=cannot-match origin=stand-in" in running.log()
        assert reply.word not in {Word.MATCH, Word.UNLOCKED}


@pytest.mark.parametrize(
    ("settings", "arguments", "exit_code", "complaint"),
    [
        pytest.param({"source": {"kind": "toaster"}}, (), 69, "unknown source.kind 'toaster'", id="no such source"),
        pytest.param({"match": {"faar": 1e-4}}, (), 78, "faar", id="unknown key"),
        pytest.param({"models": {"weights_dir": "/nowhere"}}, (), 70, "/nowhere", id="no weights"),
    ],
)
def test_a_start_that_cannot_be_ends_with_words_and_the_documented_code(
    start: Start,
    tmp_path: Path,
    settings: dict[str, dict[str, Any]],
    arguments: tuple[str, ...],
    exit_code: int,
    complaint: str,
) -> None:
    fresh = {"cache_dir": str(tmp_path / "cache"), **settings.get("models", {})}
    source = settings.get("source", ROOM["source"])
    with start({**settings, "source": source, "models": fresh}, *arguments) as running:
        assert running.exit_code() == exit_code
        last = running.log().splitlines()[-1]

        assert complaint in running.log()
        assert last.startswith("kinect-unlock: ")
        assert "Traceback" not in running.log()


def test_it_leaves_no_trace_of_the_network_librarys_telemetry(start: Start, folder: Path) -> None:
    home = folder / "home"
    home.mkdir()
    names = {"HOME": str(home), "XDG_CACHE_HOME": str(home / "cache"), "ORT_DISABLE_TELEMETRY": ""}
    with start(ROOM, TEST, environ=names) as running:
        running.hear("READY=1")
        running.tell(signal.SIGTERM)
        running.exit_code()

    assert list(home.rglob("*")) == []


def test_its_replies_are_lines_of_json_for_any_client(start: Start) -> None:
    with start(ROOM, TEST) as running:
        running.hear("READY=1")
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(WAIT_S)
            line.connect(str(running.socket_path))
            line.sendall(b'{"op":"status"}\n')
            with line.makefile("rb") as file:
                (reply,) = [json.loads(text) for text in file]

    assert (reply["word"], reply["done"]) == ("ok", True)
