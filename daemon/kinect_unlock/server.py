"""The Unix socket: who connects, one request each, lines in and lines out. Decides nothing about faces.

One connection is one claim. What is served is a coroutine given the decoded request, the peer as the kernel names
it, a way to send replies and an event that is set when the client has gone. No peer can hold the loop: the first
line has a deadline, lines have a length, replies a limit of what may wait unread, and connections a number.
"""

import asyncio
import logging
import socket
import struct
from asyncio.trsock import TransportSocket
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import msgspec

from kinect_unlock.complaints import Complaints
from kinect_unlock.errors import KinectUnlockError, RequestError
from kinect_unlock.ports import Peer, PictureLine
from kinect_unlock.wire import FIRST_LINE_S, MAX_LINE_BYTES, AnyRequest, Preview, Reply, Request, Word

Send: TypeAlias = Callable[[Reply], None]
Stamped: TypeAlias = Callable[[Reply], Reply]
Serve: TypeAlias = Callable[[Request, Peer, Send, asyncio.Event], Awaitable[None]]
ServePreview: TypeAlias = Callable[[Preview, Peer, Send, asyncio.Event, PictureLine], Awaitable[None]]

MAX_PER_UID: Final = 8
MAX_CONNECTIONS: Final = 64  # of everybody but root, so that a crowd cannot keep the login out
UNREAD_LIMIT_BYTES: Final = 262_144  # some hundred explained frames; who lets more lie is not reading
LAST_WORDS_S: Final = 2.0  # how long the last reply may wait for its reader
_FAULT_CHARS: Final = 300
_TAKEN_BYTES: Final = 64
_ROOT: Final = 0
_CREDENTIALS: Final = struct.Struct("iII")  # struct ucred: pid, uid, gid
_NOBODY_UID: Final = 2**32 - 1  # the kernel's "no uid"

_LOG = logging.getLogger(__name__)
_REQUESTS: Final[msgspec.json.Decoder[AnyRequest]] = msgspec.json.Decoder(AnyRequest)
_REPLIES = msgspec.json.Encoder()


def peer_of(connection: socket.socket | TransportSocket) -> Peer:
    """Ask the kernel who is at the other end.

    Raises:
        RequestError: it cannot be told; such a peer is refused, never guessed.
    """
    try:
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        pid, uid, gid = _CREDENTIALS.unpack(raw)
    except (OSError, struct.error) as fault:
        raise RequestError(f"the kernel does not say who is calling ({fault}); such a peer is refused") from fault
    if uid == _NOBODY_UID:
        raise RequestError("the kernel names no user for this peer; such a peer is refused")
    return Peer(pid=pid, uid=uid, gid=gid)


def decode_request(line: bytes) -> AnyRequest:
    """Read one line as a request.

    Raises:
        RequestError: it is no request; the message says where it goes wrong.
    """
    if not line.endswith(b"\n"):
        raise RequestError("a request is one JSON object ended by a newline; the connection ended before it")
    try:
        return _REQUESTS.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise RequestError(f"not a request: {_shortened(str(fault))}") from fault


def _shortened(text: str) -> str:
    """Leave out the middle: a fault repeats what the peer said, and nobody may fill the log with one line a time."""
    half = _FAULT_CHARS // 2
    return text if len(text) <= _FAULT_CHARS else f"{text[:half]} ... {text[-half:]}"


class _Line:
    """What goes to one client; says one last word and then nothing more."""

    def __init__(self, transport: asyncio.WriteTransport, gone: asyncio.Event, stamped: Stamped) -> None:
        self._transport = transport
        self._gone = gone
        self._stamped = stamped
        self._unread = 0  # pictures that the client has not said to have taken
        self.ended = False

    def end(self, word: Word, message: str) -> None:
        """Say the server's own last word, unless there was one."""
        self.send(self._stamped(Reply(word, done=True, message=message)))

    def send(self, reply: Reply) -> None:
        """Write a reply without ever waiting; a client that lets too many lie unread is cut off."""
        if self.ended or self._transport.is_closing():
            return
        self.ended = reply.done
        self._transport.write(_REPLIES.encode(reply) + b"\n")
        if self._transport.get_write_buffer_size() > UNREAD_LIMIT_BYTES:
            _LOG.warning("event=client-dropped reason=does-not-read")
            self._gone.set()
            self._transport.abort()

    @property
    def free(self) -> bool:
        """True if the client has read all that was sent and taken every picture."""
        waits = self._unread or self._transport.get_write_buffer_size()
        return not (waits or self.ended or self._transport.is_closing())

    def send_picture(self, reply: Reply, descriptor: int) -> bool:
        """Send a reply with a descriptor past the transport, which knows none; False, and nothing sent, if full."""
        if not self.free:
            return False
        text = _REPLIES.encode(self._stamped(reply)) + b"\n"
        try:
            with self._transport.get_extra_info("socket").dup() as line:
                sent = socket.send_fds(line, [text], [descriptor], socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except OSError as fault:  # no room for so long a line, or the client has gone, which the reader notices
            _LOG.debug("event=picture-not-sent fault=%r", fault)
            return False
        if sent < len(text):
            self._transport.write(text[sent:])
        self._unread += 1
        return True

    def taken(self, lines: bytes) -> bool:
        """Note that pictures were taken, a newline each; False if that is not what was said."""
        self._unread -= len(lines)
        return not lines.strip(b"\n") and self._unread >= 0


class Server:
    """Accepts claims on a bound socket until it is stopped; ``stamped`` marks a reply as this run's."""

    def __init__(self, serve: Serve, *, stamped: Stamped, preview: ServePreview | None = None) -> None:
        """``preview`` serves previews; without it there are none."""
        self._serve = serve
        self._preview = preview
        self._stamped = stamped
        self._claims: dict[asyncio.Task[None], tuple[_Line, asyncio.Event]] = {}
        self._per_uid: Counter[int] = Counter()
        self._crowds: set[int] = set()  # uids that were refused, and logged, since their last connection ended
        self._complaints = Complaints()
        self._listener: asyncio.Server | None = None

    async def start(self, bound: socket.socket) -> None:
        """Begin to listen on an already bound socket."""
        self._listener = await asyncio.start_unix_server(self._accept, sock=bound, limit=MAX_LINE_BYTES)

    async def stop(self, timeout_s: float) -> None:
        """Accept nobody more, tell everybody that the daemon ends, and wait for their claims to end."""
        if self._listener is not None:
            self._listener.close()
        for line, gone in self._claims.values():
            line.end(Word.SHUTTING_DOWN, "the daemon is stopping")
            gone.set()
        if self._claims:
            _, late = await asyncio.wait(self._claims, timeout=timeout_s)
            for task in late:
                _LOG.error("event=claim-does-not-end task=%s", task.get_name())
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=1.0)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gone = asyncio.Event()
        line = _Line(writer.transport, gone, self._stamped)
        task = asyncio.get_running_loop().create_task(self._connection(reader, writer, line, gone))
        self._claims[task] = (line, gone)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._claims.pop(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            _LOG.error("event=claim-fault", exc_info=fault)

    async def _connection(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: _Line, gone: asyncio.Event
    ) -> None:
        writer.transport.set_write_buffer_limits(high=0)  # so that drain() means: the kernel has it all
        uid = _NOBODY_UID
        try:
            peer = peer_of(writer.get_extra_info("socket"))
            uid = peer.uid
            if self._admit(peer):
                try:
                    await self._claim(reader, line, peer, gone)
                finally:
                    self._let_go(peer)
            else:
                line.end(Word.BUSY, "too many connections; close some and ask again")
        except KinectUnlockError as fault:
            if self._may_complain(uid):
                _LOG.info("event=refused uid=%d word=%s message=%r", uid, fault.word, str(fault))
            line.end(Word(fault.word), str(fault))
        finally:
            # Whoever leaves without a last word has met a fault of ours, and that never means yes.
            line.end(Word.INTERNAL_ERROR, "the daemon met a fault of its own; see its log")
            await self._hang_up(writer)

    def _admit(self, peer: Peer) -> bool:
        others = sum(self._per_uid.values()) - self._per_uid[_ROOT]
        crowded = peer.uid != _ROOT and others >= MAX_CONNECTIONS
        if crowded or self._per_uid[peer.uid] >= MAX_PER_UID:
            if peer.uid not in self._crowds and self._may_complain(peer.uid):
                self._crowds.add(peer.uid)
                _LOG.warning("event=refused reason=too-many-connections uid=%d", peer.uid)
            return False
        self._per_uid[peer.uid] += 1
        return True

    def _may_complain(self, uid: int) -> bool:
        """Say whether one more line may be logged about a uid's connections, and count it."""
        return self._complaints.may(uid, asyncio.get_running_loop().time())

    def _let_go(self, peer: Peer) -> None:
        self._per_uid[peer.uid] -= 1
        if not self._per_uid[peer.uid]:
            del self._per_uid[peer.uid]
            self._crowds.discard(peer.uid)

    async def _claim(self, reader: asyncio.StreamReader, line: _Line, peer: Peer, gone: asyncio.Event) -> None:
        request = await _first_request(reader)
        if request is None:
            line.ended = True  # came and went without a word
            return
        _LOG.debug("event=claim op=%s uid=%d pid=%d", type(request).__name__, peer.uid, peer.pid)
        watched = _watch_viewer(reader, line, gone) if isinstance(request, Preview) else _watch(reader, gone)
        watcher = asyncio.get_running_loop().create_task(watched)
        try:
            if not isinstance(request, Preview):
                await self._serve(request, peer, line.send, gone)
            elif self._preview is not None:
                await self._preview(request, peer, line.send, gone, line)
            else:
                raise RequestError("there are no previews here")
        finally:
            watcher.cancel()

    async def _hang_up(self, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(LAST_WORDS_S):
                await writer.drain()
                writer.close()
                await writer.wait_closed()
        except (TimeoutError, ConnectionError):
            writer.transport.abort()


async def _first_request(reader: asyncio.StreamReader) -> AnyRequest | None:
    try:
        async with asyncio.timeout(FIRST_LINE_S):
            line = await reader.readline()
    except TimeoutError as late:
        raise RequestError(f"no request came within {FIRST_LINE_S:g} s") from late
    except ConnectionError:
        return None
    except ValueError as fault:  # how StreamReader says that its limit was reached
        raise RequestError(f"a request may have at most {MAX_LINE_BYTES} bytes in one line") from fault
    return decode_request(line) if line else None


async def _watch(reader: asyncio.StreamReader, gone: asyncio.Event) -> None:
    """Set ``gone`` when the client hangs up, or says anything after its request: one connection is one claim."""
    try:
        if await reader.read(1):
            _LOG.debug("event=claim-cancelled reason=second-request")
    except ConnectionError as fault:
        _LOG.debug("event=connection-lost fault=%r", fault)
    gone.set()


async def _watch_viewer(reader: asyncio.StreamReader, line: _Line, gone: asyncio.Event) -> None:
    """Hear which pictures a viewer has taken; set ``gone`` when it hangs up or says anything else."""
    try:
        while said := await reader.read(_TAKEN_BYTES):
            if not line.taken(said):
                _LOG.debug("event=claim-cancelled reason=second-request")
                break
    except ConnectionError as fault:
        _LOG.debug("event=connection-lost fault=%r", fault)
    gone.set()
