"""The other end of the socket, for the command and for programs: one request, its replies, a deadline for all."""

import os
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from kinect_unlock.clock import NS_PER_S, Clock, SystemClock, deadline_left_s
from kinect_unlock.config import SERVICE_USER, serves_all
from kinect_unlock.errors import DaemonUnavailable
from kinect_unlock.wire import MAX_LINE_BYTES, AnyRequest, Reply, Request

DEFAULT_TIMEOUT_S: Final = 30.0
_RECEIVE_BYTES: Final = 65_536
_LONGEST_REPLY_BYTES: Final = 16 * MAX_LINE_BYTES
_CREDENTIALS: Final = struct.Struct("iII")  # struct ucred: pid, uid, gid
_TIMEVAL: Final = struct.Struct("@ll")  # seconds, microseconds

_REQUESTS = msgspec.json.Encoder()
_REPLIES = msgspec.json.Decoder(Reply)


class Client:
    """Speaks to the daemon at ``socket_path``; every request is a connection of its own."""

    def __init__(self, socket_path: Path, *, clock: Clock | None = None) -> None:
        self._path = socket_path
        self._clock = clock or SystemClock()

    def request(
        self,
        request: Request,
        *,
        on_reply: Callable[[Reply], None] | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> Reply:
        """Send a request, hand every reply to ``on_reply`` as it comes, and return the last one.

        Leaving early, by an exception out of ``on_reply`` or an interrupt, hangs up, and that cancels the claim.

        Raises:
            DaemonUnavailable: nobody answers, somebody else does, the daemon went away, or the time was over.
        """
        deadline_ns = self._clock.monotonic_ns() + int(timeout_s * NS_PER_S)
        with self.begin(request, timeout_s=timeout_s) as line:
            for reply in self._replies(line, deadline_ns, timeout_s):
                if on_reply is not None:
                    on_reply(reply)
                if reply.done:
                    return reply
        raise DaemonUnavailable(f"the daemon at {self._path} hung up before its answer was complete; see its log")

    def begin(self, request: AnyRequest, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> socket.socket:
        """Send a request and return the open connection, whose replies the caller reads and which it closes.

        Raises:
            DaemonUnavailable: nobody answers, or somebody who is not trusted does.
        """
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            self._connect(line, timeout_s)
            line.settimeout(timeout_s)
            self._send(line, _REQUESTS.encode(request) + b"\n")
        except BaseException:
            line.close()
            raise
        return line

    def is_there(self) -> bool:
        """Say whether anybody listens; who it is and whether to trust them turns out when they are asked."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as line:
            try:
                line.connect(os.fspath(self._path))
            except (FileNotFoundError, ConnectionRefusedError):
                return False
            except OSError:
                return True
        return True

    def _connect(self, line: socket.socket, timeout_s: float) -> None:
        """Connect, waiting in the kernel's queue for a place in the daemon's: without blocking a full one means no."""
        seconds, part_s = divmod(timeout_s, 1.0)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _TIMEVAL.pack(int(seconds), int(part_s * 1e6)))
        try:
            line.connect(os.fspath(self._path))
            raw = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        except FileNotFoundError as fault:
            msg = f"no daemon at {self._path}: start one with `kinect-unlock run`, or name its --config"
            raise DaemonUnavailable(msg) from fault
        except ConnectionRefusedError as fault:
            msg = f"nobody listens at {self._path}: the daemon is starting or has died; see its log or start it again"
            raise DaemonUnavailable(msg) from fault
        except PermissionError as fault:
            msg = f"{self._path} is another user's daemon; name your own --config"
            raise DaemonUnavailable(msg) from fault
        except BlockingIOError as fault:
            msg = f"the daemon at {self._path} lets nobody in, for too many wait: no place within {timeout_s:g} s"
            raise DaemonUnavailable(msg) from fault
        except OSError as fault:  # a path too long, not a socket
            raise DaemonUnavailable(f"cannot reach a daemon at {self._path} ({fault})") from fault
        uid = _CREDENTIALS.unpack(raw)[1]
        if uid != os.getuid() and not serves_all(uid):
            msg = f"{self._path} is served by uid {uid}, neither root nor {SERVICE_USER} nor you: not trusted"
            raise DaemonUnavailable(msg)

    def _send(self, line: socket.socket, request: bytes) -> None:
        try:
            line.sendall(request)
        except BrokenPipeError:
            return  # it has hung up already; what it said first lies there to be read
        except OSError as fault:
            raise DaemonUnavailable(f"cannot send to the daemon at {self._path} ({fault})") from fault

    def _replies(self, line: socket.socket, deadline_ns: int, timeout_s: float) -> Iterator[Reply]:
        pending = b""
        while True:
            left_s = deadline_left_s(self._clock, deadline_ns)
            if left_s == 0.0:
                raise DaemonUnavailable(f"the daemon at {self._path} gave no answer within {timeout_s:g} s")
            line.settimeout(left_s)
            try:
                received = line.recv(_RECEIVE_BYTES)
            except TimeoutError:
                continue
            except ConnectionError:
                received = b""  # died rather than hung up: the same to us
            if not received:
                return
            *lines, pending = (pending + received).split(b"\n")
            if len(pending) > _LONGEST_REPLY_BYTES:
                raise DaemonUnavailable(f"the daemon at {self._path} sends a line without end; is it kinect-unlock?")
            for text in lines:
                yield self._decode(text)

    def _decode(self, text: bytes) -> Reply:
        try:
            return _REPLIES.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            msg = f"the daemon at {self._path} answers in words unknown to this version ({fault}); update both"
            raise DaemonUnavailable(msg) from fault
