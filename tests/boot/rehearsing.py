"""The installed product in a booted Debian, with recordings before its camera, and people who log in there."""

import hashlib
import json
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from boot.machine import Done, Machine, Session
from kinect_unlock.wire import PasswordOk, Reply, Word

UNIT: Final = "kinect-unlock.service"
PREFIX: Final = "/usr/lib/kinect-unlock"
COMMON_AUTH: Final = "/etc/pam.d/common-auth"
GIVEN_MODULE: Final = "/opt/pam_kinect_unlock.so"  # built outside
PASSWORDS: Final = {"anna": "annas-word", "ben": "bens-word", "root": "roots-word"}
QUESTION: Final = "assword"
LOOKING: Final = "Looking for your face."
RECOGNISED: Final = "Face recognised."
PATIENTLY: Final = ("test_source", "timeout=30", "nobody=30")  # the module's own second is short on a busy machine
WAIT_S: Final = 90.0
TIMEOUT_S: Final = 2400  # of the first test, where no Debian is kept yet
_FOLDER: Final = "/opt/rehearsal"
_SOCKET: Final = "/run/kinect-unlock/daemon.sock"
_DROP_IN: Final = f"/run/systemd/system/{UNIT}.d/rehearsal.conf"
_RUN: Final = f"{PREFIX}/bin/python -I -m kinect_unlock run --config {_FOLDER}/config.yaml"


@dataclass(frozen=True, slots=True)
class Installed:
    """What setup left, in a layer, and what was seen while it was done."""

    layers: tuple[Path, ...]
    setup: tuple[str, ...]  # the command, without what says how logins ask
    before: dict[str, str]
    done: Done
    again: Done
    state: dict[str, str]
    exposure: str


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A machine whose service plays recordings."""

    machine: Machine

    def play(
        self, recording: str, kind: str = "replay", *, trying_out: bool = True, watchdog_s: int = 60, **settings: Any
    ) -> None:
        """Have the service start anew with a recording before its camera; ``settings`` are of its parts."""
        source = {"kind": kind, "path": f"{_FOLDER}/now.mkv", "linger_s": 0.0}
        if kind == "replay":
            source["pace"] = "asap"  # every frame is judged, however slow the machine
        source |= settings.pop("source", {})
        services = dict.fromkeys(("sudo", "su"), "allow")  # nobody nods in the recordings
        told = {"source": source, "services": services, "attempt": {"cooldown_s": 0.1}, **settings}
        self.write(f"{_FOLDER}/config.yaml", yaml.safe_dump(told))
        self.show(recording)
        run = f"{_RUN} --test-source" if trying_out else _RUN
        self.write(_DROP_IN, f"[Service]\nExecStart=\nExecStart={run}\nWatchdogSec={watchdog_s}\nRestartSec=1\n")
        self.machine.plainly("systemctl", "daemon-reload")
        self.machine.plainly("systemctl", "restart", UNIT)

    def play_no_more(self) -> None:
        """Have the service start as it was installed."""
        self.machine.plainly("rm", "-r", str(Path(_DROP_IN).parent))
        self.machine.plainly("systemctl", "daemon-reload")
        self.machine.plainly("systemctl", "restart", UNIT)

    def show(self, recording: str) -> None:
        """Play this one from the next opening of the camera on; none is what an empty room is."""
        (site,) = (self.machine.root / PREFIX[1:]).glob("lib/python3*/site-packages/kinect_unlock/data/demo")
        target = f"/{site.relative_to(self.machine.root)}/{recording}.mkv"
        self.machine.plainly("ln", "-sfn", target, f"{_FOLDER}/now.mkv")

    def believe(self, *arguments: str) -> None:
        """Have the PAM module believe frames that are no camera's, as only an administrator can."""
        file = self.machine.root / COMMON_AUTH[1:]
        text = file.read_text()
        words = " ".join(("pam_kinect_unlock.so", *arguments))
        lines = [_with(line, words) for line in text.splitlines(keepends=True)]
        file.write_text("".join(lines))

    def password(self, user: str) -> None:
        """Say as root that a password was right: ends lock-outs, and what else asks for one."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(WAIT_S)
            line.connect(f"/proc/{self.machine.leader}/root{_SOCKET}")
            line.sendall(msgspec.json.encode(PasswordOk(user)) + b"\n")
            reply = msgspec.json.decode(line.makefile("rb").readline(), type=Reply)
        assert reply.word is Word.OK, reply

    def ask(self, *argv: str) -> dict[str, Any]:
        """Return the last reply to a verb."""
        lines = self.machine.run("kinect-unlock", *argv, "--json").text.splitlines()
        last: dict[str, Any] = json.loads(lines[-1])
        return last

    def nobody_logged_in(self) -> None:
        """Wait until logind has done with sessions whose program has ended: their seat may still show one of them."""
        self.eventually(lambda: not self.machine.sessions())

    def listens(self, session: str) -> bool:
        """Say whether the session's locker does."""
        return self.machine.login_session(session, "IdleHint") == "yes"

    def enrol(self, user: str) -> None:
        """Teach a face, of who is played."""
        assert self.ask("enrol", user)["word"] == "enrolled"

    def sudo(self, user: str = "anna", *, session: Session | None = None, password: str | None = None) -> Done:
        """Be asked by the real sudo, on a terminal of a session that the seat shows."""
        given = PASSWORDS[user] if password is None else password
        argv = ("sudo", "--reset-timestamp", "id", "-un")
        return self.machine.talk(*argv, session=session or Session(user), answers={QUESTION: given})

    def write(self, name: str, text: str) -> None:
        """Write a file of root's, on the machine as it sees itself."""
        folder = name.rpartition("/")[0]
        argv = ["nsenter", f"--target={self.machine.leader}", "--all", "--"]
        script = 'mkdir -p "$1" && cat > "$2"'
        subprocess.run([*argv, "sh", "-c", script, "sh", folder, name], input=text, text=True, check=True)

    def journal(self, *asked: str) -> str:
        """Return what the service and the module have written by now, all of it or what is asked for."""
        self.machine.plainly("journalctl", "--sync")  # what was sent may still wait for journald to read it
        return self.machine.plainly("journalctl", "--no-pager", "--quiet", *asked)

    def signal(self, name: str) -> None:
        """Send the service's process a signal."""
        self.machine.plainly("systemctl", "kill", "--kill-who=main", f"--signal={name}", UNIT)

    def until(self, holds: Callable[[dict[str, str]], bool], *names: str) -> dict[str, str]:
        """Wait until properties of the unit are as wanted, and return them."""
        found: dict[str, str] = {}

        def is_so() -> bool:
            found.update(self.machine.show(UNIT, *names))
            return holds(found)

        self.eventually(is_so)
        return found

    def eventually(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds; each look is a question to the machine, so nothing is hurried."""
        deadline = time.monotonic() + WAIT_S
        while not holds():
            assert time.monotonic() < deadline, self.journal()[-3000:]


@dataclass(frozen=True, slots=True)
class Desk:
    """Two users are logged in, each with a locker; the seat shows anna's session."""

    rehearsal: Rehearsal
    bens: str
    annas: str

    def locked(self, session: str) -> bool:
        """Say what logind says of it."""
        return self.rehearsal.machine.login_session(session, "LockedHint") == "yes"

    def lock(self, session: str) -> None:
        """Have it locked by its locker."""
        self.rehearsal.machine.plainly("loginctl", "lock-session", session)
        self.rehearsal.eventually(lambda: self.locked(session))


def asked(done: Done) -> bool:
    """Say whether a password was asked for."""
    return QUESTION in done.text


def _with(line: str, words: str) -> str:
    if "pam_kinect_unlock.so" not in line:
        return line
    head = line.partition("pam_kinect_unlock.so")[0]
    return head + words + (" report\n" if " report" in line else "\n")


def snapshot(root: Path, leave_out: Iterable[str] = ()) -> dict[str, str]:
    """Return every file, link and folder of a computer with owner, mode and content; what Python compiles left out."""
    left_out = frozenset(leave_out)
    found: dict[str, str] = {}
    folders = [root]
    while folders:
        for path in folders.pop().iterdir():
            name = str(path.relative_to(root))
            if name not in left_out and path.name != "__pycache__":
                found[name] = _held(path)
                if path.is_dir() and not path.is_symlink():
                    folders.append(path)
    return found


def _held(path: Path) -> str:
    status = path.lstat()
    held = f"{status.st_uid}:{status.st_gid} {stat.filemode(status.st_mode)}"
    if stat.S_ISLNK(status.st_mode):
        return f"{held} {path.readlink()}"
    return f"{held} {hashlib.sha256(path.read_bytes()).hexdigest()}" if stat.S_ISREG(status.st_mode) else held
