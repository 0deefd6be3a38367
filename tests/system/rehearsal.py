"""The real daemon as a process of the test, and a source that misbehaves as it is told.

The source joins as an installed plug-in would: a distribution with an entry point, here in a folder on PYTHONPATH.
"""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from kinect_unlock.client import Client
from kinect_unlock.clock import NS_PER_S, SystemClock, deadline_left_s

Start: TypeAlias = Callable[..., AbstractContextManager["DaemonProcess"]]

WAIT_S = 60.0
CLOCK = SystemClock()

_PLUG_IN = '''
import threading

import numpy as np

from kinect_unlock.errors import SourceError
from kinect_unlock.frames import Calibration, Frame, Intrinsics, Registered
from kinect_unlock.sources.stand_in import Hang, StandInSource

CAMERA = Intrinsics(64, 64, 90.0, 90.0, 32.0, 32.0)


class EmptyRoom(StandInSource):
    """Frames of an empty room for ever, a hundred a second."""

    def __init__(self, clock):
        super().__init__([])
        self._pause = threading.Event()
        self._now_ns = clock.monotonic_ns
        self._seq = 0

    def read(self, timeout_s):
        self._pause.wait(min(timeout_s, 0.01))
        self._seq += 1
        depth = np.full((64, 64), 3000, np.uint16)
        calibration = Calibration(CAMERA, CAMERA, Registered())
        return Frame(self._seq, self._now_ns(), np.zeros((64, 64, 3), np.uint8), depth, calibration)


class Silent(StandInSource):
    """Opens, and never gives a frame."""

    def read(self, timeout_s):
        threading.Event().wait(timeout_s)


class Hanging(StandInSource):
    """A driver that never comes back from its first read, and says so before through a pipe."""

    def __init__(self, pipe):
        super().__init__([Hang(threading.Event())])
        self._pipe = pipe

    def read(self, timeout_s):
        open(self._pipe, "w").close()
        return super().read(timeout_s)


def make(settings, clock):
    match settings.device:
        case "room":
            return EmptyRoom(clock)
        case "silent":
            return Silent([])
        case "hang":
            return Hanging(settings.path)
        case "crash":
            return StandInSource([ZeroDivisionError("driver")])
        case "absent":
            return StandInSource([], open_fault=SourceError("not connected; plug it in"))
'''


def install_plug_in(folder: Path) -> Path:
    """Make the source kind ``rehearsed`` and return the folder to put on PYTHONPATH."""
    place = folder / "plug-in"
    about = place / "rehearsed-1.0.dist-info"
    about.mkdir(parents=True)
    (place / "rehearsed.py").write_text(_PLUG_IN)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: rehearsed\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[kinect_unlock.sources]\nrehearsed = rehearsed:make\n")
    return place


class DaemonProcess:
    """A started daemon, its service manager's socket, its output and a client."""

    def __init__(self, process: subprocess.Popen[bytes], manager: socket.socket, log: Path, socket_path: Path) -> None:
        self.process = process
        self.socket_path = socket_path
        self.client = Client(socket_path)
        self._manager = manager
        self._log = log

    def hear(self, wanted: str) -> str:
        """Return the first notice that holds ``wanted``; fails if the process ends before."""
        deadline_ns = CLOCK.monotonic_ns() + int(WAIT_S * NS_PER_S)
        ended = os.pidfd_open(self.process.pid)
        try:
            while True:
                descriptors = [self._manager.fileno(), ended]
                ready, _, _ = select.select(descriptors, [], [], deadline_left_s(CLOCK, deadline_ns))
                assert self._manager.fileno() in ready, f"never said {wanted!r}; log:\n{self.log()}"
                notice = self._manager.recv(4096).decode()
                if wanted in notice:
                    return notice
        finally:
            os.close(ended)

    def tell(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def exit_code(self) -> int:
        """Wait for the end and return the exit code, negative for a signal."""
        return self.process.wait(WAIT_S)

    def log(self) -> str:
        """Return what it wrote so far."""
        return self._log.read_text()


@contextmanager
def daemon(
    folder: Path,
    cache_dir: Path,
    settings: Mapping[str, Mapping[str, Any]],
    *arguments: str,
    environ: Mapping[str, str] | None = None,
    stdin: int = subprocess.DEVNULL,
) -> Iterator[DaemonProcess]:
    """Start the daemon in ``folder`` with these settings; it is killed at the end if it still runs."""
    socket_path = folder / "run" / "s"
    ours = {
        "daemon": {"socket": str(socket_path), "state_dir": str(folder / "state")},
        "models": {"cache_dir": str(cache_dir)},
    }
    merged = {part: {**ours.get(part, {}), **settings.get(part, {})} for part in {*ours, *settings}}
    (folder / "c.yaml").write_text(yaml.safe_dump(merged))
    argv = [sys.executable, "-P", "-m", "kinect_unlock", "run", "--config", str(folder / "c.yaml"), *arguments]
    log = folder / "log"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, log.open("wb") as output:
        manager.bind(str(folder / "n"))
        process = subprocess.Popen(
            argv,
            stdin=stdin,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "NOTIFY_SOCKET": str(folder / "n"), **(environ or {})},
        )
        try:
            yield DaemonProcess(process, manager, log, socket_path)
        finally:
            process.kill()
            process.wait()
            if process.stdin is not None:
                process.stdin.close()
