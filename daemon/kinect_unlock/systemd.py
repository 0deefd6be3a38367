"""Tell systemd how the service is (``sd_notify``); says nothing where nobody listens."""

import os
import socket
from collections.abc import MutableMapping
from typing import Final

_US_PER_S: Final = 1_000_000


class Notifier:
    """The service manager's datagram socket, as named by ``NOTIFY_SOCKET``; a silent no-op without one.

    The variables are taken out of ``environ``, so that a hook cannot speak in the daemon's name.
    """

    def __init__(self, environ: MutableMapping[str, str], *, pid: int | None = None) -> None:
        address = environ.pop("NOTIFY_SOCKET", "")
        # A leading @ stands for the NUL byte of Linux's abstract namespace.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        watchdog_us = environ.pop("WATCHDOG_USEC", "")
        watchdog_pid = environ.pop("WATCHDOG_PID", "")
        ours = watchdog_pid in {"", str(os.getpid() if pid is None else pid)}
        self.watchdog_s = int(watchdog_us) / _US_PER_S if watchdog_us.isdecimal() and ours else None

    def ready(self, status: str) -> None:
        """Say that the service is up."""
        self._send(f"READY=1\nSTATUS={status}")

    def status(self, status: str) -> None:
        """Say in one line what the service is doing."""
        self._send(f"STATUS={status}")

    def more_time(self, extra_s: float, status: str) -> None:
        """Ask for more time to start or stop, and say why."""
        self._send(f"EXTEND_TIMEOUT_USEC={int(extra_s * _US_PER_S)}\nSTATUS={status}")

    def alive(self) -> None:
        """Feed the watchdog."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that the service is going down."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as speaker:
            speaker.settimeout(0.0)
            try:
                speaker.sendto(message.encode(), self._address)
            except OSError:
                # A manager that is gone or busy must not take the service with it; a watchdog unfed is its answer.
                return
