import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from kinect_unlock import client as client_module
from kinect_unlock.client import Client
from kinect_unlock.errors import DaemonUnavailable
from kinect_unlock.wire import Reply, Status, Word

STARTED = b'{"word":"started"}\n'
OK = b'{"word":"ok","done":true}\n'


@contextmanager
def _daemon(path: Path, answer: Callable[[socket.socket], object]) -> Iterator[Client]:
    """A daemon of one claim: reads the request, then does what ``answer`` says with the connection, and hangs up."""

    def serve() -> None:
        with listener, listener.accept()[0] as line, suppress(ConnectionError):
            line.settimeout(10.0)
            line.recv(65_536)
            answer(line)

    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    listener.settimeout(10.0)
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield Client(path)
    finally:
        thread.join()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s"


def test_every_reply_is_handed_on_and_the_last_one_returned(path: Path) -> None:
    heard: list[Reply] = []
    with _daemon(path, lambda line: line.sendall(STARTED + OK)) as client:
        last = client.request(Status(), on_reply=heard.append)

    assert last == Reply(Word.OK, done=True)
    assert [reply.word for reply in heard] == [Word.STARTED, Word.OK]


def test_replies_cut_into_pieces_are_put_together(path: Path) -> None:
    def answer(line: socket.socket) -> None:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        for byte in STARTED + OK:
            line.send(bytes([byte]))

    with _daemon(path, answer) as client:
        assert client.request(Status()).word is Word.OK


def test_no_socket_says_how_to_start_a_daemon(path: Path) -> None:
    with pytest.raises(DaemonUnavailable, match="kinect-unlock run"):
        Client(path).request(Status())


def test_a_dead_socket_says_so(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with pytest.raises(DaemonUnavailable, match="nobody listens"):
        Client(path).request(Status())


def test_a_client_waits_its_turn_when_a_crowd_is_before_it(path: Path) -> None:
    answers: list[Reply] = []
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as crowd:
        listener.bind(str(path))
        listener.listen(0)
        listener.settimeout(10.0)
        crowd.connect(str(path))  # there is no room for another
        thread = threading.Thread(target=lambda: answers.append(Client(path).request(Status())))
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()
        listener.accept()[0].close()
        with listener.accept()[0] as line:
            line.recv(65_536)
            line.sendall(OK)
        thread.join()

    assert answers == [Reply(Word.OK, done=True)]


def test_a_crowd_that_does_not_move_is_no_answer(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as crowd:
        listener.bind(str(path))
        listener.listen(0)
        crowd.connect(str(path))
        with pytest.raises(DaemonUnavailable, match=r"lets nobody in.* within 0\.1 s"):
            Client(path).request(Status(), timeout_s=0.1)


def test_a_file_that_is_no_socket_says_so(path: Path) -> None:
    path.write_text("")
    with pytest.raises(DaemonUnavailable, match="nobody listens"):
        Client(path).request(Status())


def test_a_path_too_long_for_a_socket_says_so(tmp_path: Path) -> None:
    with pytest.raises(DaemonUnavailable, match="cannot reach"):
        Client(tmp_path / ("x" * 200)).request(Status())


def test_a_daemon_that_hangs_up_early_is_no_answer(path: Path) -> None:
    with (
        _daemon(path, lambda line: line.sendall(STARTED + OK[:-1])) as client,
        pytest.raises(DaemonUnavailable, match="before its answer was complete"),
    ):
        client.request(Status())


def test_a_daemon_that_says_nothing_is_given_up_at_the_deadline(path: Path) -> None:
    given_up = threading.Event()
    with _daemon(path, lambda _: given_up.wait(10.0)) as client:
        with pytest.raises(DaemonUnavailable, match=r"no answer within 0\.05 s"):
            client.request(Status(), timeout_s=0.05)
        given_up.set()


def test_progress_does_not_move_the_deadline(path: Path) -> None:
    given_up = threading.Event()

    def answer(line: socket.socket) -> None:
        while not given_up.wait(0.005):
            line.sendall(STARTED)

    with _daemon(path, answer) as client:
        with pytest.raises(DaemonUnavailable, match=r"no answer within 0\.1 s"):
            client.request(Status(), timeout_s=0.1)
        given_up.set()


@pytest.mark.parametrize(
    "answer", [b"hello\n", b'{"word":"sesame","done":true}\n', b'{"word":"ok","done":true,"more":1}\n', b"\xff\n"]
)
def test_words_unknown_to_this_version_are_no_answer(path: Path, answer: bytes) -> None:
    with (
        _daemon(path, lambda line: line.sendall(answer)) as client,
        pytest.raises(DaemonUnavailable, match="unknown to this version"),
    ):
        client.request(Status())


def test_a_line_without_end_is_not_read_for_ever(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "_LONGEST_REPLY_BYTES", 1000)
    with (
        _daemon(path, lambda line: line.sendall(b"x" * 2000)) as client,
        pytest.raises(DaemonUnavailable, match="without end"),
    ):
        client.request(Status())


def test_leaving_early_hangs_up(path: Path) -> None:
    hung_up = threading.Event()

    def answer(line: socket.socket) -> None:
        line.sendall(STARTED)
        if line.recv(1) == b"":
            hung_up.set()

    def interrupt(_reply: Reply) -> None:
        raise KeyboardInterrupt

    with _daemon(path, answer) as client, pytest.raises(KeyboardInterrupt):
        client.request(Status(), on_reply=interrupt)

    assert hung_up.is_set()


def test_a_stranger_who_serves_the_socket_is_not_trusted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    caller = os.getuid() + 1  # as seen by the caller, the daemon then runs as somebody else
    monkeypatch.setattr(client_module, "serves_all", lambda _: False)
    monkeypatch.setattr(os, "getuid", lambda: caller)
    with (
        _daemon(path, lambda line: line.sendall(OK)) as client,
        pytest.raises(DaemonUnavailable, match="neither root nor kinect-unlock nor you"),
    ):
        client.request(Status())


def test_the_services_user_is_trusted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, caller = os.getuid(), os.getuid() + 1
    monkeypatch.setattr(client_module, "serves_all", lambda uid: uid == owner)
    monkeypatch.setattr(os, "getuid", lambda: caller)
    with _daemon(path, lambda line: line.sendall(OK)) as client:
        assert client.request(Status()).word is Word.OK
