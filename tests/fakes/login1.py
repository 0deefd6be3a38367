"""A bus of a test's own, and something on it that speaks like logind: its manager, its sessions, its signals.

What it says was written down from systemd 252's own ``busctl introspect``.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from dbus_fast import Message, MessageType, NameFlag, RequestNameReply, Variant
from dbus_fast.aio import MessageBus

from kinect_unlock.logind_bus import LOGIND, MANAGER, MANAGER_PATH, PROPERTIES, SESSION, USER

DAEMON: Final = shutil.which("dbus-daemon")
_CONFIG: Final = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/><allow send_type="signal"/>
<allow send_requested_reply="true" send_type="method_return"/><allow send_requested_reply="true" send_type="error"/>
<allow receive_type="method_call"/><allow receive_type="method_return"/><allow receive_type="error"/>
<allow receive_type="signal"/></policy></busconfig>
"""


class PrivateBus:
    """A bus that can be stopped and started again at the same address."""

    def __init__(self, folder: Path) -> None:
        self.address = f"unix:path={folder}/bus"
        self._config = folder / "bus.conf"
        self._config.write_text(_CONFIG.format(path=folder / "bus"))
        self._daemon: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        assert DAEMON is not None
        argv = [DAEMON, f"--config-file={self._config}", "--nofork", "--nopidfile", "--print-address=1"]
        self._daemon = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        assert self._daemon.stdout is not None
        assert self._daemon.stdout.readline().startswith("unix:")

    def stop(self) -> None:
        """Kill it, as a crash would."""
        if self._daemon is not None:
            self._daemon.kill()
            self._daemon.communicate()
            self._daemon = None


@contextmanager
def private_bus() -> Iterator[PrivateBus]:
    """Run a bus; in a folder with a short name, as sockets need."""
    with tempfile.TemporaryDirectory(prefix="bus-") as folder:
        bus = PrivateBus(Path(folder))
        bus.start()
        try:
            yield bus
        finally:
            bus.stop()


def path_of(session_id: str) -> str:
    """A session's object."""
    return f"{MANAGER_PATH}/session/_3{session_id}"


class Login1:
    """Owns logind's name, or only claims to (``owns`` false); ``asked`` is what it was asked to do."""

    def __init__(self, address: str, *, owns: bool = True) -> None:
        self.sessions: dict[str, dict[str, Variant]] = {}  # id -> properties
        self.pids: dict[int, str] = {}  # of sessions
        self.manager_pids: dict[int, int] = {}  # of users' own managers: pid -> uid
        self.displays: dict[int, str] = {}  # uid -> session
        self.lid_closed = False
        self.docked = False
        self.asked: list[tuple[str, Any]] = []
        self.refuses: set[str] = set()  # methods
        self.silent = False
        self._bus = MessageBus(address, negotiate_unix_fd=True)
        self._owns = owns
        self._pipes: list[int] = []

    async def start(self) -> None:
        """Appear on the bus."""
        await self._bus.connect()
        self._bus.add_message_handler(self._answer)
        if self._owns:
            assert await self._bus.request_name(LOGIND, NameFlag.NONE) is RequestNameReply.PRIMARY_OWNER

    async def stop(self) -> None:
        """Leave the bus."""
        self._bus.disconnect()
        with suppress(EOFError):  # the bus may be gone already
            await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call] # dbus-fast's
        for end in self._pipes:
            os.close(end)
        self._pipes.clear()

    # What a test makes happen.

    def session(self, session_id: str, uid: int = 1000, name: str = "anna", **changes: Any) -> None:
        """Have a session, without a word about it; ``changes`` are properties as logind names them."""
        facts: dict[str, tuple[str, Any]] = {
            "Id": ("s", session_id),
            "User": ("(uo)", [uid, f"{MANAGER_PATH}/user/_{uid}"]),
            "Name": ("s", name),
            "Seat": ("(so)", ["seat0", f"{MANAGER_PATH}/seat/seat0"]),
            "TTY": ("s", "tty2"),
            "Class": ("s", "user"),
            "Type": ("s", "wayland"),
            "State": ("s", "active"),
            "Active": ("b", True),
            "Remote": ("b", False),
            "LockedHint": ("b", False),
            "Leader": ("u", 4242),
            "IdleHint": ("b", False),
        }
        properties = {key: Variant(signature, value) for key, (signature, value) in facts.items()}
        for key, value in changes.items():
            properties[key] = Variant(facts[key][0], value)
        self.sessions[session_id] = properties

    def log_in(self, session_id: str, uid: int = 1000, name: str = "anna", **changes: Any) -> None:
        """Have a new session, and say so."""
        self.session(session_id, uid, name, **changes)
        self.say("SessionNew", "so", session_id, path_of(session_id))

    def log_out(self, session_id: str) -> None:
        """End a session, and say so."""
        del self.sessions[session_id]
        self.say("SessionRemoved", "so", session_id, path_of(session_id))

    def change(self, session_id: str, **changes: Any) -> None:
        """Change properties, and say what logind says of each: of ``State`` nothing."""
        properties = self.sessions[session_id]
        for key, value in changes.items():
            properties[key] = Variant(properties[key].signature, value)
        said = {key: properties[key] for key in changes if key != "State"}
        self.say("PropertiesChanged", "sa{sv}as", SESSION, said, [], path=path_of(session_id), interface=PROPERTIES)

    def say(
        self,
        member: str,
        signature: str,
        *body: Any,
        path: str = MANAGER_PATH,
        interface: str = MANAGER,
        to: str | None = None,
    ) -> None:
        """Send a signal to everybody, or to one alone."""
        said = Message.new_signal(path, interface, member, signature, list(body))
        said.destination = to
        self._bus.send(said)

    @property
    def held(self) -> bool:
        """True while somebody keeps the machine from sleeping."""
        return any(not _is_hung_up(end) for end in self._pipes)

    def is_free(self) -> bool:
        """Say whether nobody keeps the machine from sleeping."""
        return not self.held

    @property
    def name(self) -> str:
        """Its own name on the bus."""
        return self._bus.unique_name or ""

    # What it is asked.

    def _answer(self, question: Message) -> Message | bool:
        if question.message_type is not MessageType.METHOD_CALL or (question.path or "").startswith(
            "/org/freedesktop/DBus"
        ):
            return False
        if self.silent:
            return True
        answer = None if question.member in self.refuses else self._do(question)
        if answer is None:
            return Message.new_error(question, "org.freedesktop.login1.Refused", f"no {question.member} for you")
        signature, value = answer
        if signature != "h":
            return Message.new_method_return(question, signature, value)
        given = value[0]
        sent = self._bus.send(Message.new_method_return(question, "h", [0], [given]))
        sent.add_done_callback(lambda _: os.close(given))  # the other end has its own by then
        return True

    def _do(self, question: Message) -> tuple[str, list[Any]] | None:
        body = question.body
        answers: dict[str, Callable[[], tuple[str, list[Any]] | None]] = {
            "ListSessions": lambda: ("a(susso)", [self._listed()]),
            "GetSessionByPID": lambda: ("o", [path_of(self.pids[body[0]])]) if body[0] in self.pids else None,
            "GetUserByPID": lambda: self._user_of(body[0]),
            "GetAll": lambda: self._all_of(question.path or "", body[0]),
            "Get": lambda: ("v", [Variant("b", {"LidClosed": self.lid_closed, "Docked": self.docked}[body[1]])]),
            "Inhibit": lambda: self._inhibit(tuple(body)),
            "LockSession": lambda: self._ask("LockSession", body[0]),
            "UnlockSession": lambda: self._ask("UnlockSession", body[0]),
        }
        return answers[question.member or ""]()

    def _listed(self) -> list[list[Any]]:
        return [[one, p["User"].value[0], p["Name"].value, "seat0", path_of(one)] for one, p in self.sessions.items()]

    def _user_of(self, pid: int) -> tuple[str, list[Any]] | None:
        uid = self.manager_pids.get(pid)
        return None if uid is None else ("o", [f"{MANAGER_PATH}/user/_{uid}"])

    def _inhibit(self, wish: tuple[Any, ...]) -> tuple[str, list[Any]]:
        self.asked.append(("Inhibit", wish))
        ours, theirs = os.pipe()
        self._pipes.append(ours)
        return "h", [theirs]

    def _ask(self, member: str, session_id: str) -> tuple[str, list[Any]] | None:
        if session_id not in self.sessions:
            return None
        self.asked.append((member, session_id))
        return "", []

    def _all_of(self, path: str, interface: str) -> tuple[str, list[Any]] | None:
        if interface == USER:
            uid = int(path.rpartition("_")[2])
            shown = self.displays.get(uid, "")
            seen = [shown, path_of(shown) if shown else "/"]
            return "a{sv}", [{"UID": Variant("u", uid), "Display": Variant("(so)", seen)}]
        session = self.sessions.get(path.rpartition("_3")[2])
        return None if session is None else ("a{sv}", [session])


def _is_hung_up(end: int) -> bool:
    os.set_blocking(end, False)
    try:
        return os.read(end, 1) == b""
    except BlockingIOError:
        return False
