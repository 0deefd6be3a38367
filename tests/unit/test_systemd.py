import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from kinect_unlock.systemd import Notifier


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(5.0)
        yield listener


def test_each_state_reaches_the_manager_in_its_own_words(manager: socket.socket) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": manager.getsockname()})
    notifier.status("building")
    notifier.more_time(90.0, "building the encoder")
    notifier.ready("waiting")
    notifier.alive()
    notifier.stopping()

    assert [manager.recv(256).decode() for _ in range(5)] == [
        "STATUS=building",
        "EXTEND_TIMEOUT_USEC=90000000\nSTATUS=building the encoder",
        "READY=1\nSTATUS=waiting",
        "WATCHDOG=1",
        "STOPPING=1",
    ]


def test_an_abstract_socket_is_reached_too() -> None:
    name = f"kinect-unlock-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + name)
        listener.settimeout(5.0)
        Notifier({"NOTIFY_SOCKET": "@" + name}).ready("up")

        assert listener.recv(256) == b"READY=1\nSTATUS=up"


def test_without_a_manager_nothing_is_said_and_nothing_fails() -> None:
    notifier = Notifier({})
    notifier.ready("up")

    assert notifier.watchdog_s is None


def test_a_manager_that_has_gone_does_not_stop_the_service(tmp_path: Path) -> None:
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).alive()


def test_a_manager_that_does_not_read_does_not_hold_the_service(manager: socket.socket) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": manager.getsockname()})
    for _ in range(10_000):
        notifier.alive()

    assert manager.recv(256) == b"WATCHDOG=1"


def test_children_do_not_inherit_the_manager() -> None:
    environ = {"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "HOME": "/root"}
    Notifier(environ, pid=1)

    assert environ == {"HOME": "/root"}


@pytest.mark.parametrize(
    ("environ", "expected_s"),
    [
        pytest.param({"WATCHDOG_USEC": "2500000", "WATCHDOG_PID": "7"}, 2.5, id="ours"),
        pytest.param({"WATCHDOG_USEC": "2500000"}, 2.5, id="anybody's"),
        pytest.param({"WATCHDOG_USEC": "2500000", "WATCHDOG_PID": "8"}, None, id="another process's"),
        pytest.param({"WATCHDOG_USEC": "soon"}, None, id="not a number"),
        pytest.param({}, None, id="none"),
    ],
)
def test_the_watchdog_interval_is_the_managers(environ: dict[str, str], expected_s: float | None) -> None:
    assert Notifier(environ, pid=7).watchdog_s == expected_s
