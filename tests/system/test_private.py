"""A private daemon, really started: it serves, leaves nothing behind, and does not outlive its user."""

import os
import select
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import pytest

from kinect_unlock import config
from kinect_unlock.errors import ConfigError, DaemonUnavailable, InternalError
from kinect_unlock.private import PrivateDaemon
from kinect_unlock.settings import Config, Match, Models, Source
from kinect_unlock.wire import Status, Word
from system.rehearsal import WAIT_S


@pytest.fixture
def settings(folder: Path, cache_dir: Path) -> Config:
    streams = folder / "streams"
    streams.mkdir()
    return Config(source=Source(kind="replay", path=str(streams), pace="asap"), models=Models(cache_dir=str(cache_dir)))


def _runs(pid: int) -> bool:
    """True if a process lives, and is no zombie that somebody else has yet to reap."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_it_serves_its_user_and_is_gone_afterwards(settings: Config, folder: Path) -> None:
    with PrivateDaemon(settings, folder) as daemon:
        pid = daemon.pid
        reply = daemon.client.request(Status())

        assert reply.word is Word.OK
        assert reply.origin == "recording"
        assert daemon.started_ms > 0
    assert not _runs(pid)
    assert "event=stopped exit_code=0" in daemon.log.read_text()
    with pytest.raises(DaemonUnavailable):
        daemon.client.request(Status())


def test_its_folder_is_its_users_alone_and_is_removed() -> None:
    with PrivateDaemon.folder() as folder:
        mode = stat.S_IMODE(folder.stat().st_mode)
        (folder / "file").write_text("x")

    assert mode == 0o700
    assert not folder.exists()


def test_its_folder_leaves_room_for_a_sockets_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with PrivateDaemon.folder() as folder:
        assert len(os.fsencode(folder / "run" / "socket.lock")) <= 107


def test_what_keeps_it_from_starting_is_told(settings: Config, folder: Path) -> None:
    faulty = msgspec.structs.replace(settings, match=Match(far=1e-9))
    with (
        pytest.raises(DaemonUnavailable, match=r"ended with exit code 78: .*no evidence for a false accept rate"),
        PrivateDaemon(faulty, folder),
    ):
        pass


def test_faulty_settings_are_refused_before_it_is_started(settings: Config, folder: Path) -> None:
    faulty = msgspec.structs.replace(settings, match=Match(far=float("nan")))
    with pytest.raises(ConfigError, match=r"match\.far"), PrivateDaemon(faulty, folder):
        pass

    assert not (folder / "daemon.log").exists()


def test_a_daemon_that_died_meanwhile_is_not_passed_over(settings: Config, folder: Path) -> None:
    with pytest.raises(InternalError, match="ended with exit code -9"), PrivateDaemon(settings, folder) as daemon:
        os.kill(daemon.pid, signal.SIGKILL)


def test_a_fault_of_its_user_comes_through_and_it_is_stopped(settings: Config, folder: Path) -> None:
    daemon = PrivateDaemon(settings, folder)
    with pytest.raises(ZeroDivisionError), daemon:
        (folder / "pid").write_text(str(daemon.pid // 0))

    assert "event=stopped exit_code=0" in daemon.log.read_text()
    with pytest.raises(DaemonUnavailable, match="only inside its with block"):
        assert daemon.pid


_USER = """
import signal, sys
from pathlib import Path
from kinect_unlock import config
from kinect_unlock.private import PrivateDaemon
folder = Path(sys.argv[1])
with PrivateDaemon(config.load(folder / "settings.yaml"), folder) as daemon:
    print(daemon.pid, flush=True)
    signal.pause()
"""


def test_it_does_not_outlive_a_user_who_is_killed(settings: Config, folder: Path) -> None:
    (folder / "settings.yaml").write_text(config.dump(settings))
    with subprocess.Popen([sys.executable, "-c", _USER, str(folder)], stdout=subprocess.PIPE) as user:
        assert user.stdout is not None
        ended = os.pidfd_open(int(user.stdout.readline()))
        user.kill()
        user.wait()
        readable, _, _ = select.select([ended], [], [], WAIT_S)
        os.close(ended)

    assert readable
    assert "reason=stdin-closed" in (folder / "daemon.log").read_text()
