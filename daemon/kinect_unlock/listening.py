"""The socket's place in the file system: a directory that others cannot write to, and one daemon at a time."""

import fcntl
import os
import socket
import stat
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from kinect_unlock.config import serves_all
from kinect_unlock.errors import ConfigError

_ROOT: Final = 0
_LONGEST_PATH_BYTES: Final = 107  # sun_path holds 108 with its final NUL
_OTHERS_MAY_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_PROBE_S: Final = 1.0


class ListeningPlace:
    """A bound Unix socket at ``path``, held until `close`; nobody can connect before somebody listens on it.

    Of root and of the service's user the socket is for everybody (0666 in a 0755 directory; who may do what is decided
    by the peer's uid), of anybody else only for themself (0600 in a 0700 directory).

    Raises:
        ConfigError: the place cannot be had; the message says why and what to do.
    """

    def __init__(self, path: Path, *, uid: int | None = None) -> None:
        self.path = path
        for_all = serves_all(os.getuid() if uid is None else uid)
        length_bytes = len(os.fsencode(path))
        if length_bytes > _LONGEST_PATH_BYTES:
            msg = f"{path}: {length_bytes} bytes, a socket's path may have {_LONGEST_PATH_BYTES}; set daemon.socket"
            raise ConfigError(msg)
        try:
            _make_directory(path.parent, mode=0o755 if for_all else 0o700)
            self._lock = _hold(path.with_name(path.name + ".lock"))
        except OSError as fault:
            raise ConfigError(f"{path.parent}: the socket cannot live there ({fault}); set daemon.socket") from fault
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            _remove_stale(path)
            self.socket.bind(os.fspath(path))
            path.chmod(0o666 if for_all else 0o600)
            self._identity = _identity(path)
        except OSError as fault:
            self._release()
            raise ConfigError(f"{path}: cannot bind the socket ({fault}); set daemon.socket") from fault
        except ConfigError:
            self._release()
            raise

    @property
    def shared(self) -> bool:
        """True if others than root and the socket's owner can reach it."""
        folders = [self.path.parent.resolve(), *self.path.parent.resolve().parents]
        ways = [folder.stat().st_mode & stat.S_IXOTH for folder in folders]
        return all(ways) and bool(self.path.stat().st_mode & stat.S_IWOTH)

    def close(self) -> None:
        """Remove the socket, if it is still ours, and let go of the place."""
        try:
            if _identity(self.path) == self._identity:
                self.path.unlink()
        except FileNotFoundError:
            pass  # somebody has tidied up; that is what we wanted
        finally:
            self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _release(self) -> None:
        self.socket.close()
        os.close(self._lock)


def _identity(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino


def _make_directory(path: Path, *, mode: int) -> None:
    """Make the directory, or make sure that an existing one is ours or root's and closed to other writers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir(mode=mode)
        path.chmod(mode)  # whatever the umask
    except FileExistsError:
        pass
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise ConfigError(f"{path} is not a directory; set daemon.socket to a place in one")
    if found.st_uid not in {os.getuid(), _ROOT}:
        raise ConfigError(f"{path} belongs to uid {found.st_uid}, expected {os.getuid()} or root; set daemon.socket")
    if found.st_mode & _OTHERS_MAY_WRITE:
        shown = oct(stat.S_IMODE(found.st_mode))
        raise ConfigError(f"{path} has mode {shown}: others could replace the socket; run chmod go-w {path}")


def _hold(path: Path) -> int:
    """Take the lock that one daemon holds as long as it lives; a crash lets go of it.

    Raises:
        ConfigError: another daemon holds it.
    """
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as fault:
        os.close(lock)
        raise ConfigError(f"another daemon holds {path}; stop it, or set daemon.socket to another place") from fault
    return lock


def _remove_stale(path: Path) -> None:
    """Remove what a dead daemon left; a socket that answers, or another kind of file, stays."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise ConfigError(f"{path} exists and is no socket; remove it, or set daemon.socket to another place")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as probe:
        probe.settimeout(_PROBE_S)
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise ConfigError(f"another daemon answers at {path}; stop it, or set daemon.socket to another place")
