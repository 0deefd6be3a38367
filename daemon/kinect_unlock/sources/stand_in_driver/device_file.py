"""What the camera remembers while processes come and go: how often it was opened, and since when it is closed.

One small file beside the plan, ``PLAN.state``. The process that has the camera open holds a lock on it, which the
kernel ends when the process is killed. A process that is killed writes no time of its death; its last call of the
driver stands for it, which is too early by as long as it hung. Removing the file makes the camera new.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from kinect_unlock.clock import NS_PER_S, Clock
from kinect_unlock.errors import SourceError

_SIZE_BYTES: Final = 256  # always written whole, so that what is read is one writing
_FOR_EVER_NS: Final = 1 << 62


class _State(Struct, frozen=True, forbid_unknown_fields=True):
    """All times are CLOCK_MONOTONIC, which is one for all processes between two starts of the machine."""

    opened: int = 0
    is_open: bool = False
    left_ns: int | None = None  # last use; None: nobody has had it yet
    gone_until_ns: int = 0  # unplugged


class DeviceFile:
    """The camera's memory; without a plan it lasts as long as this object."""

    def __init__(self, plan: Path | None, clock: Clock, *, reappear_s: float) -> None:
        self._clock = clock
        self._reappear_ns = int(reappear_s * NS_PER_S)
        self._path = None if plan is None else plan.with_name(plan.name + ".state")
        self._held_fd: int | None = None
        self._own = _State()

    @property
    def opened(self) -> int:
        """How often it was opened so far."""
        return self._state().opened

    @property
    def present(self) -> bool:
        """True unless it is unplugged, or was given back so short a time ago that it is not there again."""
        state, now_ns = self._state(), self._clock.monotonic_ns()
        if now_ns < state.gone_until_ns:
            return False
        back = state.left_ns is None or now_ns >= state.left_ns + self._reappear_ns
        return back or (state.is_open and self._is_held)

    def open(self) -> bool:
        """Take it and count the opening; False if it is taken, by another process or this one."""
        if self._path is None and self._own.is_open:
            return False
        if self._path is not None:
            fd = self._locked()
            if fd is None:
                return False
            self._held_fd = fd
        state, now_ns = self._state(), self._clock.monotonic_ns()
        self._write(msgspec.structs.replace(state, opened=state.opened + 1, is_open=True, left_ns=now_ns))
        return True

    def beat(self) -> None:
        """Remember that it is in use now."""
        self._write(msgspec.structs.replace(self._state(), left_ns=self._clock.monotonic_ns()))

    def unplug(self, for_s: float | None) -> None:
        """Be absent from now on for some seconds, or with None for ever."""
        until_ns = _FOR_EVER_NS if for_s is None else self._clock.monotonic_ns() + int(for_s * NS_PER_S)
        self._write(msgspec.structs.replace(self._state(), gone_until_ns=until_ns))

    def close(self) -> None:
        """Give it back."""
        now_ns = self._clock.monotonic_ns()
        self._write(msgspec.structs.replace(self._state(), is_open=False, left_ns=now_ns))
        if self._held_fd is not None:
            os.close(self._held_fd)
            self._held_fd = None

    @property
    def _is_held(self) -> bool:
        """True if this process or another has it open, and lives."""
        if self._path is None or self._held_fd is not None:
            return True
        fd = self._locked()
        if fd is not None:
            os.close(fd)
        return fd is None

    def _locked(self) -> int | None:
        """Return a descriptor that holds the lock, None if somebody else does."""
        if self._path is None:
            return None
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise SourceError(f"{self._path} cannot be written: {error.strerror}; put the plan elsewhere") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return None
        return fd

    def _state(self) -> _State:
        if self._path is None:
            return self._own
        try:
            written = self._path.read_bytes()
            return msgspec.json.decode(written, type=_State) if written else _State()
        except FileNotFoundError:
            return _State()
        except (OSError, msgspec.DecodeError) as error:
            raise SourceError(f"{self._path} cannot be used: {error}; remove it") from error

    def _write(self, state: _State) -> None:
        if self._path is None:
            self._own = state
            return
        with _opened(self._path) as fd:
            os.pwrite(fd, msgspec.json.encode(state).ljust(_SIZE_BYTES), 0)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield fd
    finally:
        os.close(fd)
