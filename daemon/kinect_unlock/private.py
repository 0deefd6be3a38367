"""A daemon of one's own: the real process, threads and socket, in a folder that nobody else can enter.

For the demo, for replays, the laboratory and tests. It is started with ``--test-source`` on whatever source the
settings name, stops when its user does (even when that one is killed: its standard input then ends), and keeps
nothing outside its folder but built networks.
"""

import os
import select
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from kinect_unlock import config
from kinect_unlock.client import Client
from kinect_unlock.clock import NS_PER_MS, NS_PER_S, SystemClock, deadline_left_s
from kinect_unlock.errors import ConfigError, DaemonUnavailable, InternalError
from kinect_unlock.host.programs import interpreter
from kinect_unlock.settings import Config, Daemon

START_TIMEOUT_S: Final = 180.0  # networks may have to be built, on a slow machine
_STOP_GRACE_S: Final = 5.0  # beyond what the daemon allows itself
_LONGEST_TEMP_BYTES: Final = 50  # leaves room for our names within the 107 bytes of a socket's path
_NOTICE_BYTES: Final = 4096
_OWN_VARIABLES: Final = (
    "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "JOURNAL_STREAM", "CREDENTIALS_DIRECTORY",
)  # fmt: skip


class PrivateDaemon:
    """Runs while its ``with`` block does. ``client`` speaks to it; ``started_ms`` is how long it took to be ready.

    Of ``settings`` the socket and the state folder are replaced by ones in ``folder``, which must be the caller's
    alone, as one from `folder` is.
    """

    def __init__(self, settings: Config, folder: Path) -> None:
        self._settings = msgspec.structs.replace(
            settings,
            daemon=Daemon(
                socket=str(folder / "run" / "socket"),
                state_dir=str(folder / "state"),
                stop_timeout_s=settings.daemon.stop_timeout_s,
            ),
        )
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._clock = SystemClock()
        self.log = folder / "daemon.log"
        self.client = Client(folder / "run" / "socket")
        self.started_ms = 0.0

    @staticmethod
    @contextmanager
    def folder() -> Iterator[Path]:
        """Make a folder that is the caller's alone (mode 0700), and remove it with all that is in it."""
        named = tempfile.gettempdir()
        short = named if len(os.fsencode(named)) <= _LONGEST_TEMP_BYTES else "/tmp"  # noqa: S108 - sockets need short paths
        with tempfile.TemporaryDirectory(prefix="kinect-unlock-", dir=short, ignore_cleanup_errors=True) as made:
            yield Path(made)

    @property
    def pid(self) -> int:
        """The daemon's process id.

        Raises:
            DaemonUnavailable: it does not run.
        """
        if self._process is None:
            raise DaemonUnavailable("the private daemon runs only inside its with block")
        return self._process.pid

    def __enter__(self) -> Self:
        """Start it and wait until it is ready.

        Raises:
            ConfigError: the settings are faulty.
            DaemonUnavailable: it ended before, or was not ready in time; the message has its last words.
        """
        begun_ns = self._clock.monotonic_ns()
        file = self._folder / "config.yaml"
        file.write_text(config.dump(self._settings), encoding="utf-8")
        faults = config.check(file)
        if faults:
            raise ConfigError("\n".join(str(fault) for fault in faults))
        address = self._folder / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as manager:
            manager.bind(str(address))
            self._process = _start(file, self.log, address)
            try:
                self._wait_until_ready(manager, self._process, begun_ns + int(START_TIMEOUT_S * NS_PER_S))
            except BaseException:
                self._kill()
                raise
            finally:
                address.unlink()
        self.started_ms = (self._clock.monotonic_ns() - begun_ns) / NS_PER_MS
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it.

        Raises:
            InternalError: it had ended before, or did not end as it should; not if there is a fault already.
        """
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()  # the same way as when we are killed
        try:
            exit_code = process.wait(self._settings.daemon.stop_timeout_s + _STOP_GRACE_S)
        except subprocess.TimeoutExpired:
            exit_code = None
        self._kill()
        if fault is None and exit_code != 0:
            ended = "did not stop in time" if exit_code is None else f"ended with exit code {exit_code}"
            raise InternalError(f"the private daemon {ended}; its last words: {self._last_words()}")

    def _wait_until_ready(self, manager: socket.socket, process: subprocess.Popen[bytes], deadline_ns: int) -> None:
        ended = os.pidfd_open(process.pid)
        try:
            while left_s := deadline_left_s(self._clock, deadline_ns):
                readable, _, _ = select.select([manager.fileno(), ended], [], [], left_s)
                if manager.fileno() in readable:
                    if b"READY=1" in manager.recv(_NOTICE_BYTES).split(b"\n"):
                        return
                elif readable:
                    msg = f"the private daemon ended with exit code {process.wait()}: {self._last_words()}"
                    raise DaemonUnavailable(msg)
        finally:
            os.close(ended)
        raise DaemonUnavailable(f"the private daemon was not ready within {START_TIMEOUT_S:g} s: {self._last_words()}")

    def _kill(self) -> None:
        """Make sure that nothing is left running; harmless when it has ended."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None

    def _last_words(self) -> str:
        with suppress(OSError):
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
            if lines:
                return lines[-1].removeprefix("kinect-unlock: ")
        return "(none)"


def _start(file: Path, log: Path, address: Path) -> subprocess.Popen[bytes]:
    environ = {name: value for name, value in os.environ.items() if name not in _OWN_VARIABLES}
    argv = [*interpreter(), "-m", "kinect_unlock", "run", "--test-source", "--until-stdin-closes"]
    with log.open("wb") as output:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and program
            [*argv, "--config", str(file)],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**environ, "NOTIFY_SOCKET": str(address)},
            start_new_session=True,  # Ctrl-C is for us; we then stop it in order
        )
