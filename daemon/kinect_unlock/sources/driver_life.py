"""One child process with a driver in it, from its start until nothing of it is left.

The child is a fresh interpreter, not a fork: a fork would inherit our threads' locks and a library's state. It gets a
socket, the ring's memory, a pipe for what it prints, and of our environment only what a driver may need. However it
ends, `DriverLife.end` leaves no process, no zombie, no descriptor, no memory and no thread.
"""

import os
import select
import signal
import socket
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from typing import Final

from kinect_unlock.errors import SourceError
from kinect_unlock.host.programs import interpreter
from kinect_unlock.sources.driver_link import Begin, Close, FromChild, Link, LinkClosed, ToChild
from kinect_unlock.sources.last_words import LastWords
from kinect_unlock.sources.ring import RingReader

KILLED_S: Final = 2.0  # a killed process ends at once, unless the kernel itself hangs in its device
# What libraries for USB, OpenCL, OpenGL and X look at; never the service manager's socket or credentials.
_PASSED_ON: Final = frozenset(
    {"DISPLAY", "HOME", "LANG", "PATH", "PYTHONPATH", "TMPDIR", "TZ", "WAYLAND_DISPLAY", "XAUTHORITY"}
)
_PASSED_ON_PREFIXES: Final = (
    "CUDA_", "DRI_", "EGL_", "GALLIUM_", "LC_", "LD_LIBRARY_", "LIBFREENECT", "LIBGL_", "LIBUSB_", "MESA_", "OCL_",
    "OMP_", "OPENCL_", "POCL_", "RUSTICL_", "XDG_CACHE_", "XDG_RUNTIME_", "__GL", "__NV",
)  # fmt: skip
# By which libraries are told where to keep what they compile; some look at HOME instead.
_KEEPING: Final = ("CUDA_CACHE_PATH", "POCL_CACHE_DIR", "TMPDIR", "XDG_CACHE_HOME", "__GL_SHADER_DISK_CACHE_PATH")


def passed_on(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what a driver may see of an environment."""
    return {
        name: value for name, value in environ.items() if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
    }


def environment(environ: Mapping[str, str], keeps: str | None) -> dict[str, str]:
    """Return a driver's environment; what its libraries keep, they keep in the folder ``keeps``."""
    # Only one thread can be confined, and this library would start more when it is loaded. No driver needs it.
    found = {**passed_on(environ), "OPENBLAS_NUM_THREADS": "1"}
    return found if keeps is None else {**found, **dict.fromkeys(_KEEPING, keeps)}


def exit_words(code: int) -> str:
    """Say in words how a process ended, from its exit code or, negative, the signal that ended it."""
    if code < 0:
        with suppress(ValueError):
            return f"was ended by {signal.Signals(-code).name}"
        return f"was ended by signal {-code}"
    return "ended by itself (exit code 0)" if code == 0 else f"ended by itself with exit code {code}"


class DriverLife:
    """A running child; used by one thread. It must be ended."""

    def __init__(self, begin: Begin) -> None:
        """Start the child and tell it what to do.

        Raises:
            SourceError: the system has no room for it.
        """
        with ExitStack() as undo:
            try:
                self._start(undo, begin.keeps)
            except OSError as fault:
                raise SourceError(
                    f"the camera driver's process cannot be started: {fault.strerror or fault}"
                ) from fault
            undo.pop_all()
        with suppress(LinkClosed):  # its end will be noticed soon enough, with its cause
            self.link.send(begin)

    def _start(self, undo: ExitStack, keeps: str | None) -> None:
        self.ring = RingReader()
        undo.callback(self.ring.close)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        undo.callback(ours.close)
        undo.callback(theirs.close)
        self.link: Link[ToChild, FromChild] = Link(ours, FromChild)
        words = self._words = LastWords()
        undo.callback(words.end)
        undo.callback(words.listen)
        with theirs:
            descriptors = (theirs.fileno(), self.ring.descriptor)
            argv = ("kinect_unlock.sources.driver_child", *map(str, descriptors), str(os.getpid()))
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [*interpreter(), "-m", *argv],
                stdin=subprocess.DEVNULL,
                stdout=words.pipe,
                stderr=words.pipe,
                pass_fds=descriptors,
                env=environment(os.environ, keeps),
                start_new_session=True,  # signals to our group are ours, and what it starts dies with it
            )
        undo.callback(self._process.wait)
        undo.callback(self._process.kill)
        self.pid = self._process.pid
        self._over = os.pidfd_open(self.pid)
        words.listen()

    def wait(self, timeout_s: float, wake: int) -> None:
        """Return when the child has said something or ended, when ``wake`` is readable, or after ``timeout_s``."""
        ready = select.poll()
        for descriptor in (self.link.fileno(), self._over, wake):
            ready.register(descriptor, select.POLLIN)
        ready.poll(max(0.0, timeout_s) * 1e3)

    def is_over(self) -> bool:
        """Return True if the child has ended."""
        return self._ends_within(0.0)

    def end(self, grace_s: float) -> tuple[str, str]:
        """End the child, with force after ``grace_s``; return how it ended and its last line, both in words."""
        with suppress(LinkClosed):
            self.link.send(Close())
        was_over = self._ends_within(grace_s)
        with suppress(ProcessLookupError, PermissionError):
            # Before it is reaped its number can be nobody else's. Whatever it started is in its group.
            os.killpg(self.pid, signal.SIGKILL)
        try:
            code = self._process.wait(KILLED_S)
            how = exit_words(code) if was_over else "hung up, did not end, and was ended"
        except subprocess.TimeoutExpired:  # subprocess itself reaps it at some later start
            how = "cannot be ended: the kernel hangs in its device; connect the camera again"
        os.close(self._over)
        self.link.close()
        self.ring.close()
        return how, self._words.end()

    def _ends_within(self, timeout_s: float) -> bool:
        ready = select.poll()
        ready.register(self._over, select.POLLIN)
        return bool(ready.poll(timeout_s * 1e3))
