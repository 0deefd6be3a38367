"""What a real daemon keeps and tells of attempts: on disk, in the journal, to its user and to another one."""

import hashlib
import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from commands import command
from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.client import Client
from kinect_unlock.wire import Records, Verify, Word
from system.rehearsal import WAIT_S, Start

RETURN = folder_of_recordings() / "owner-returns.mkv"
TEST = "--test-source"
REPLAY: dict[str, dict[str, Any]] = {
    "source": {"kind": "replay", "path": str(folder_of_recordings()), "pace": "asap"},
    "policy": {"password_after_boot": False},
}
NOBODY_UID = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def _attempt(client: Client, user: str = "ann") -> Word:
    return client.request(Verify(user, stream=RETURN.stem, service="login"), timeout_s=WAIT_S).word


def test_attempts_outlive_a_killed_daemon_and_the_command_shows_them(start: Start, folder: Path) -> None:
    with start(REPLAY, TEST) as running:
        running.hear("READY=1")
        assert _attempt(running.client) is Word.NOT_ENROLLED
        running.process.kill()
        running.exit_code()
    kept = folder / "state" / "attempts" / "records.jsonl"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    (folder / "n").unlink()
    with start(REPLAY, TEST) as running:
        running.hear("READY=1")
        config = folder / "c.yaml"
        (row,) = command("log", "--json", "--config", config).rows
        shown = command("log", "--config", config)
        explained = command("log", "--why", "--user", "ann", "--config", config)
        nothing = command("log", "--why", "--user", "ben", "--config", config)

    assert row["word"] == "not-enrolled"
    assert row["service"] == "login"
    assert row["uid"] == os.geteuid()
    assert row["pid"] == os.getpid()
    assert row["stream_sha256"] == hashlib.sha256(RETURN.read_bytes()).hexdigest()
    assert "not enrolled" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80
    assert "ann is not enrolled" in explained.out
    assert "kinect-unlock enrol ann" in explained.out
    assert (nothing.exit_code, nothing.out) == (1, "No attempt was refused.\n")


def test_forgetting_a_user_leaves_nothing_of_them(start: Start, folder: Path) -> None:
    with start(REPLAY, TEST) as running:
        running.hear("READY=1")
        _attempt(running.client)
        command("forget", "ann", "--yes", "--config", folder / "c.yaml")
        assert command("log", "--json", "--config", folder / "c.yaml").rows == []
    for path in (folder / "state").rglob("*"):
        assert path.is_dir() or b'"ann"' not in path.read_bytes()


# Becomes a daemon whose standard error is a socket that systemd says is the journal's, as a service's is.
_IN_JOURNAL = """
import os, sys
from kinect_unlock import cli, journal
status = os.fstat(2)
os.environ["JOURNAL_STREAM"] = f"{status.st_dev}:{status.st_ino}"
journal.Journal.__init__.__defaults__ = (sys.argv.pop(1),)
cli.main()
"""


def test_where_the_journal_is_it_gets_the_fields_and_the_log_no_line(folder: Path, cache_dir: Path) -> None:
    settings = {
        **REPLAY,
        "daemon": {"socket": str(folder / "run" / "s"), "state_dir": str(folder / "state")},
        "models": {"cache_dir": str(cache_dir)},
    }
    (folder / "c.yaml").write_text(yaml.safe_dump(settings))
    argv = [sys.executable, "-c", _IN_JOURNAL, str(folder / "j"), "run", TEST, "--config", str(folder / "c.yaml")]
    log = folder / "log"
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journald,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
        log.open("wb") as output,
    ):
        journald.bind(str(folder / "j"))
        manager.bind(str(folder / "n"))
        for listener in (journald, manager):
            listener.settimeout(WAIT_S)
        environ = {**os.environ, "NOTIFY_SOCKET": str(folder / "n")}
        with subprocess.Popen(argv, stderr=output, env=environ) as process:
            try:
                while b"READY=1" not in manager.recv(4_096):
                    pass
                _attempt(Client(folder / "run" / "s"))
                entry = journald.recv(65_536).decode()
            finally:
                process.kill()

    fields = dict(line.split("=", 1) for line in entry.splitlines())
    assert fields["KINECT_UNLOCK_WORD"] == "not-enrolled"
    assert fields["KINECT_UNLOCK_USER"] == "ann"
    assert fields["KINECT_UNLOCK_STREAM_SHA256"] == hashlib.sha256(RETURN.read_bytes()).hexdigest()
    assert "event=ready" in log.read_text()
    assert "event=attempt" not in log.read_text()


# Everything is imported before: the interpreter may lie where somebody else cannot read.
_AS_NOBODY = """
import os, sys
from pathlib import Path
import msgspec
from kinect_unlock.client import Client
from kinect_unlock.wire import Records, Users, Verify
os.setgroups([])
os.setgid({uid})
os.setuid({uid})
client = Client(Path(sys.argv[1]))
for request in (Verify("ann", service="sudo"), Records(), Records(user="ann"), Users()):
    print(msgspec.json.encode(client.request(request, timeout_s=10.0)).decode())
"""


def _asked_by_nobody(socket_path: Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-c", _AS_NOBODY.format(uid=NOBODY_UID), str(socket_path)]
    return subprocess.run(argv, capture_output=True, text=True, timeout=WAIT_S, check=False)


@as_root
def test_where_everybody_can_ask_another_user_is_told_their_own_alone(start: Start, folder: Path) -> None:
    folder.chmod(0o711)
    with start(REPLAY, TEST) as running:
        running.hear("READY=1")
        assert running.client.request(Verify("ann", stream=RETURN.stem), timeout_s=WAIT_S).word is Word.NOT_ENROLLED
        done = _asked_by_nobody(running.socket_path)
        everything = (running.client.request(Records()).data or {})["records"]
    assert [one["uid"] for one in everything] == [NOBODY_UID, 0]
    verify, own, of_ann, users = [json.loads(line) for line in done.stdout.splitlines()]
    assert verify["word"] == "not-authorised"
    assert own["data"]["records"] == [everything[0]]
    assert of_ann["data"]["records"] == [everything[0]]  # asked by them, and refused
    assert users["word"] == "not-authorised"


@as_root
def test_a_private_daemon_is_out_of_anothers_reach(start: Start, folder: Path) -> None:
    with start(REPLAY, TEST) as running:
        running.hear("READY=1")
        folder.chmod(0o711)  # somebody opens the way later
        done = _asked_by_nobody(running.socket_path)
    assert all(json.loads(line)["word"] == "not-authorised" for line in done.stdout.splitlines())
