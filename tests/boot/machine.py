"""A computer that is booted in a container: programs are run in it as its own systemd runs them."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HOST: Final = "debian"
BOOT_LIMIT_S: Final = 120.0
RUN_LIMIT_S: Final = 600.0  # of a program that hangs; the longest is setup, 27 s of processor time
_CONVERSATION: Final = Path(__file__).with_name("conversation.py")
_INSIDE: Final = "/opt/conversation.py"
# Not among what systemd-nspawn lets through by itself; on a real computer every program has them.
_LANDLOCK: Final = "landlock_create_ruleset landlock_add_rule landlock_restrict_self"


@dataclass(frozen=True, slots=True)
class Done:
    """How a program ended, what it said, and how long it took."""

    code: int
    text: str
    ms: float


@dataclass(frozen=True, slots=True)
class Session:
    """What logind is told of a session to be begun; a graphical one of a user, on the first seat, unless said."""

    user: str
    seat: str = "seat0"
    kind: str = "user"
    type: str = "wayland"

    @property
    def words(self) -> list[str]:
        """As properties and environment of a unit."""
        environ = {"XDG_SEAT": self.seat, "XDG_SESSION_CLASS": self.kind, "XDG_SESSION_TYPE": self.type}
        return [
            "--property=PAMName=login",
            f"--property=User={self.user}",
            *(f"--setenv={name}={value}" for name, value in environ.items() if value),
        ]


class Machine:
    """A booted container; ``leader`` is the process id of its systemd, as it is known outside."""

    def __init__(self, root: Path, leader: int) -> None:
        self.root = root
        self.leader = leader

    def run(
        self, *argv: str, session: Session | None = None, given: str = "", environ: Mapping[str, str] | None = None
    ) -> Done:
        """Run a program to its end, as a unit of its own."""
        begun = time.monotonic()
        done = subprocess.run(
            [*self._inside(), *_unit(session, environ or {}), *argv],
            input=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=RUN_LIMIT_S,
        )
        return Done(done.returncode, done.stdout + done.stderr, 1e3 * (time.monotonic() - begun))

    def must(self, *argv: str) -> str:
        """Run a program that must succeed, and return what it said."""
        done = self.run(*argv)
        assert done.code == 0, f"{argv} ended with {done.code}: {done.text}"
        return done.text

    def talk(self, *argv: str, session: Session | None = None, answers: Mapping[str, str] | None = None) -> Done:
        """Run a program on a terminal of its own, and answer what it asks; the time is the program's alone."""
        (self.root / _INSIDE[1:]).write_bytes(_CONVERSATION.read_bytes())
        told = json.dumps({"argv": argv, "answers": dict(answers or {})})
        done = self.run("/usr/bin/python3", "-I", _INSIDE, session=session, given=told)
        assert done.code == 0, done.text
        heard = json.loads(done.text.splitlines()[-1])
        return Done(heard["code"], heard["text"], heard["ms"])

    @contextmanager
    def session(self, session: Session, *argv: str) -> Iterator[str]:
        """Begin a session in which a program stays, and yield its id in logind; ended at the end.

        Without virtual terminals, which a container has not, the seat shows the newest session.
        """
        before = set(self.sessions())
        self.plainly("systemd-run", "--quiet", "--collect", *session.words, *argv)
        name = self._begun(before)
        try:
            yield name
        finally:
            self.plainly("loginctl", "terminate-session", name)

    def sessions(self) -> list[str]:
        """Return the ids of all sessions."""
        return [line.split()[0] for line in self.plainly("loginctl", "list-sessions", "--no-legend").splitlines()]

    def _begun(self, before: set[str]) -> str:
        """Wait until there is a new session, and logind has done with opening it."""
        deadline = time.monotonic() + RUN_LIMIT_S
        while True:
            new = [name for name in self.sessions() if name not in before]
            if new and self.login_session(new[0], "State") != "opening":
                return new[0]
            assert time.monotonic() < deadline, "no session was begun"

    def login_session(self, name: str, wanted: str) -> str:
        """Return a property of a session."""
        return self.plainly("loginctl", "show-session", name, f"--property={wanted}", "--value").strip()

    def show(self, what: str, *names: str) -> dict[str, str]:
        """Return properties of a unit."""
        asked = self.plainly("systemctl", "show", what, *(f"--property={name}" for name in names))
        return dict(line.split("=", 1) for line in asked.splitlines())

    def _inside(self) -> list[str]:
        return ["nsenter", f"--target={self.leader}", "--all", "--"]

    def plainly(self, *argv: str) -> str:
        """Run a program outside of any unit: only what asks systemd or logind over the bus."""
        done = subprocess.run(
            [*self._inside(), *argv], capture_output=True, text=True, check=False, timeout=RUN_LIMIT_S
        )
        assert done.returncode == 0, f"{argv}: {done.stdout}{done.stderr}"
        return done.stdout


def _unit(session: Session | None, environ: Mapping[str, str]) -> list[str]:
    words = ["systemd-run", "--quiet", "--pipe", "--wait", "--collect"]
    words += [f"--setenv={name}={value}" for name, value in environ.items()]
    return [*words, *(session.words if session else ["--property=User=root"]), "--"]


@contextmanager
def booted(root: Path) -> Iterator[Machine]:
    """Boot the Debian in a folder, without a network, and power it off at the end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices, (root.parent / "console").open("ab") as console:
        address = root.parent / "notify"
        address.unlink(missing_ok=True)
        notices.bind(str(address))
        notices.settimeout(BOOT_LIMIT_S)
        words = ["--boot", "--register=no", "--console=pipe", "--private-network", "--notify-ready=yes", "--quiet"]
        words.append(f"--system-call-filter={_LANDLOCK}")
        if not Path("/run/systemd/system").is_dir():
            words.append("--keep-unit")  # there is nobody to make a scope
        process = subprocess.Popen(
            ["nice", "-n", "5", "systemd-nspawn", "-D", str(root), *words],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            env={**os.environ, "NOTIFY_SOCKET": str(address)},
        )
        try:
            leader = _leader(notices)
            notices.close()  # or the machine's systemd would wait for somebody to read on
            yield Machine(root, leader)
        finally:
            process.terminate()  # has it power off
            try:
                process.wait(BOOT_LIMIT_S)
            finally:
                process.kill()
                process.wait()


def _leader(notices: socket.socket) -> int:
    """Wait until the container says that it is up, and return its first process."""
    told: dict[str, str] = {}
    while told.get("READY") != "1" or "X_NSPAWN_LEADER_PID" not in told:
        heard = notices.recv(4096).decode(errors="replace")
        told |= dict(line.split("=", 1) for line in heard.splitlines() if "=" in line)
    return int(told["X_NSPAWN_LEADER_PID"])
