import asyncio
import logging
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TypeAlias

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinect_unlock import server as server_module
from kinect_unlock.complaints import COMPLAINTS
from kinect_unlock.errors import RequestError, StoreError
from kinect_unlock.ports import Peer
from kinect_unlock.server import Serve, Server, decode_request, peer_of
from kinect_unlock.wire import MAX_LINE_BYTES, Reply, Request, Status, Verify, Word

Line: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]
STATUS = b'{"op":"status"}\n'


@asynccontextmanager
async def _serving(path: Path, serve: Serve) -> AsyncIterator[Server]:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))
        server = Server(serve, stamped=lambda reply: reply)
        await server.start(bound)
        try:
            yield server
        finally:
            await server.stop(5.0)


async def _ask(path: Path, request: bytes) -> list[Reply]:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(request)
    text = await reader.read()
    writer.close()
    return [msgspec.json.decode(line, type=Reply) for line in text.splitlines()]


async def _say_ok(request: Request, peer: Peer, send: Callable[[Reply], None], gone: asyncio.Event) -> None:
    del gone
    send(Reply(Word.OK, done=True, data={"request": type(request).__name__, "uid": peer.uid, "pid": peer.pid}))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s"


def _run(test: Awaitable[None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20.0):
            await test

    asyncio.run(bounded())


def test_a_request_is_served_with_the_peer_that_the_kernel_names(path: Path) -> None:
    async def test() -> None:
        async with _serving(path, _say_ok):
            (reply,) = await _ask(path, STATUS)
        assert reply.data == {"request": "Status", "uid": os.getuid(), "pid": os.getpid()}

    _run(test())


def test_replies_come_in_order_and_the_connection_ends_after_the_last(path: Path) -> None:
    async def serve(_r: Request, _p: Peer, send: Callable[[Reply], None], _g: asyncio.Event) -> None:
        send(Reply(Word.STARTED))
        send(Reply(Word.STAGE, stage="left"))
        send(Reply(Word.ENROLLED, done=True))
        send(Reply(Word.MATCH, done=True))  # nothing may follow the last word

    async def test() -> None:
        async with _serving(path, serve):
            replies = await _ask(path, STATUS)
        assert [reply.word for reply in replies] == [Word.STARTED, Word.STAGE, Word.ENROLLED]

    _run(test())


@pytest.mark.parametrize(
    ("request_line", "complaint"),
    [
        pytest.param(b"hello\n", "malformed", id="not JSON"),
        pytest.param(b'{"op":"status"}{"op":"status"}\n', "trailing", id="two at once"),
        pytest.param(b'{"op":"open-sesame"}\n', "open-sesame", id="unknown op"),
        pytest.param(b'{"user":"ann"}\n', "op", id="no op"),
        pytest.param(b'{"op":"verify"}\n', "user", id="field missing"),
        pytest.param(b'{"op":"verify","user":"ann","score":1}\n', "score", id="unknown field"),
        pytest.param(b'{"op":"verify","user":"../etc"}\n', "user", id="bad user name"),
        pytest.param(b'{"op":"verify","user":"ann","stream":"../x"}\n', "stream", id="path for a stream"),
        pytest.param(b'{"op":"verify","user":7}\n', "user", id="wrong type"),
        pytest.param(b'{"op":"\xff"}\n', "not a request", id="not UTF-8"),
        pytest.param(b'{"a":' + b"[" * 60_000 + b"\n", "not a request", id="nested deeply"),
        pytest.param(b"\n", "not a request", id="empty line"),
        pytest.param(b"\0" * 100 + b"\n", "not a request", id="zeros"),
    ],
)
def test_what_is_no_request_is_answered_with_words_and_ended(path: Path, request_line: bytes, complaint: str) -> None:
    async def test() -> None:
        async with _serving(path, _say_ok):
            (reply,) = await _ask(path, request_line)
        assert (reply.word, reply.done) == (Word.BAD_REQUEST, True)
        assert complaint in (reply.message or "")

    _run(test())


def test_what_a_peer_said_comes_back_and_is_logged_in_part_only(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def test() -> None:
        async with _serving(path, _say_ok):
            (reply,) = await _ask(path, b'{"op":"' + b"x" * 60_000 + b'"}\n')
        assert (reply.message or "").startswith("not a request: Invalid value 'xxx")
        assert len(reply.message or "") < 500

    _run(test())
    assert len(caplog.text) < 1000


def test_what_the_server_says_by_itself_is_stamped_like_everything_else(path: Path) -> None:
    async def serve(_r: Request, _p: Peer, _s: Callable[[Reply], None], _g: asyncio.Event) -> None:
        pass

    async def test() -> None:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(path))
            server = Server(serve, stamped=lambda reply: msgspec.structs.replace(reply, origin="recording"))
            await server.start(bound)
            try:
                replies = [*await _ask(path, b"?\n"), *await _ask(path, STATUS)]
            finally:
                await server.stop(5.0)
        assert [reply.word for reply in replies] == [Word.BAD_REQUEST, Word.INTERNAL_ERROR]
        assert [reply.origin for reply in replies] == ["recording"] * 2

    _run(test())


def test_a_line_over_the_limit_is_refused_without_being_read_to_its_end(path: Path) -> None:
    async def test() -> None:
        async with _serving(path, _say_ok):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(b"x" * (4 * MAX_LINE_BYTES))
            reply = msgspec.json.decode(await reader.readline(), type=Reply)
            writer.close()
        assert reply.word is Word.BAD_REQUEST
        assert str(MAX_LINE_BYTES) in (reply.message or "")

    _run(test())


def test_a_line_just_within_the_limit_is_read(path: Path) -> None:
    async def test() -> None:
        padded = STATUS[:-1].ljust(MAX_LINE_BYTES - 1) + b"\n"
        async with _serving(path, _say_ok):
            (reply,) = await _ask(path, padded)
        assert reply.word is Word.OK

    _run(test())


def test_a_line_without_its_end_is_refused(path: Path) -> None:
    async def test() -> None:
        async with _serving(path, _say_ok):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(STATUS[:-1])
            writer.write_eof()
            reply = msgspec.json.decode(await reader.readline(), type=Reply)
            writer.close()
        assert reply.word is Word.BAD_REQUEST

    _run(test())


def test_who_says_nothing_in_time_is_let_go(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "FIRST_LINE_S", 0.02)

    async def test() -> None:
        async with _serving(path, _say_ok):
            (reply,) = await _ask(path, b"")
        assert reply.word is Word.BAD_REQUEST
        assert "within" in (reply.message or "")

    _run(test())


def test_who_comes_and_goes_without_a_word_leaves_no_trace(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def test() -> None:
        async with _serving(path, _say_ok) as server:
            _, writer = await asyncio.open_unix_connection(path)
            writer.close()
            await _ask(path, STATUS)
            await server.stop(5.0)

    _run(test())
    assert not [record for record in caplog.records if record.name.startswith("kinect_unlock")]


class _Waits:
    """Serves by waiting until the client has gone, as an attempt does that finds nobody."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()

    async def __call__(
        self, _request: Request, _peer: Peer, send: Callable[[Reply], None], gone: asyncio.Event
    ) -> None:
        self.begun.set()
        await gone.wait()
        self.ended.set()
        send(Reply(Word.CANCELLED, done=True))


def test_a_client_that_vanishes_is_noticed(path: Path) -> None:
    async def test() -> None:
        serve = _Waits()
        async with _serving(path, serve):
            _, writer = await asyncio.open_unix_connection(path)
            writer.write(STATUS)
            await serve.begun.wait()
            writer.transport.abort()
            await serve.ended.wait()

    _run(test())


def test_a_second_request_on_a_connection_cancels_its_claim(path: Path) -> None:
    async def test() -> None:
        async with _serving(path, _Waits()):
            replies = await _ask(path, STATUS + STATUS)
        assert [reply.word for reply in replies] == [Word.CANCELLED]

    _run(test())


def test_a_fault_of_ours_is_answered_as_one_and_logged_once(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def serve(_r: Request, _p: Peer, _s: Callable[[Reply], None], _g: asyncio.Event) -> None:
        raise ZeroDivisionError

    async def test() -> None:
        async with _serving(path, serve):
            (reply,) = await _ask(path, STATUS)
            (again,) = await _ask(path, b"nonsense\n")
        assert (reply.word, reply.done) == (Word.INTERNAL_ERROR, True)
        assert again.word is Word.BAD_REQUEST

    _run(test())
    faults = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert [record.getMessage() for record in faults] == ["event=claim-fault"]


def test_a_claim_that_ends_without_a_last_word_means_no(path: Path) -> None:
    async def serve(_r: Request, _p: Peer, send: Callable[[Reply], None], _g: asyncio.Event) -> None:
        send(Reply(Word.STARTED))

    async def test() -> None:
        async with _serving(path, serve):
            replies = await _ask(path, STATUS)
        assert [reply.word for reply in replies] == [Word.STARTED, Word.INTERNAL_ERROR]

    _run(test())


def test_a_known_fault_is_answered_in_its_own_word(path: Path) -> None:
    async def serve(_r: Request, _p: Peer, _s: Callable[[Reply], None], _g: asyncio.Event) -> None:
        raise StoreError("the disk is full: make room")

    async def test() -> None:
        async with _serving(path, serve):
            (reply,) = await _ask(path, STATUS)
        assert (reply.word, reply.message) == (Word.STORE_ERROR, "the disk is full: make room")

    _run(test())


def test_one_users_connections_are_limited_and_freed_again(path: Path) -> None:
    async def test() -> None:
        serve = _Waits()
        async with _serving(path, serve):
            lines: list[Line] = []
            for _ in range(server_module.MAX_PER_UID):
                lines.append(await asyncio.open_unix_connection(path))
                lines[-1][1].write(STATUS)
            (refused,) = await _ask(path, b"")
            lines[0][1].close()
            await serve.ended.wait()
            await lines[0][1].wait_closed()
            served = asyncio.create_task(_ask(path, STATUS + STATUS))
            replies = await served
        assert refused.word is Word.BUSY
        assert replies[-1].word is Word.CANCELLED
        for _, writer in lines:
            writer.close()

    _run(test())


def test_nobody_fills_the_log_by_saying_nonsense(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        async with _serving(path, _say_ok):
            for _ in range(3 * COMPLAINTS):
                (reply,) = await _ask(path, b"hello\n")
                assert reply.word is Word.BAD_REQUEST

    with caplog.at_level(logging.INFO):
        _run(test())
    said = [line for line in caplog.messages if "event=refused" in line]
    assert len(said) == COMPLAINTS
    assert all(f"uid={os.getuid()} " in line for line in said)


def test_a_crowd_is_logged_once_until_it_has_gone(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        serve = _Waits()
        async with _serving(path, serve):
            lines = [await asyncio.open_unix_connection(path) for _ in range(server_module.MAX_PER_UID)]
            for _ in range(20):
                (refused,) = await _ask(path, b"")
                assert refused.word is Word.BUSY
            for _, writer in lines:
                writer.close()

    _run(test())
    assert caplog.text.count("reason=too-many-connections") == 1


def test_a_client_that_does_not_read_is_cut_off_and_others_are_served(path: Path) -> None:
    cut_off = asyncio.Event()

    async def serve(request: Request, peer: Peer, send: Callable[[Reply], None], gone: asyncio.Event) -> None:
        if isinstance(request, Status):
            await _say_ok(request, peer, send, gone)
            return
        for _ in range(10_000):
            if gone.is_set():
                break
            send(Reply(Word.FRAME, message="x" * 1000))
        if gone.is_set():
            cut_off.set()

    async def test() -> None:
        async with _serving(path, serve):
            _, deaf = await asyncio.open_unix_connection(path, limit=1024)
            deaf.transport.pause_reading()  # type: ignore[attr-defined]  # a read transport too, typed as a write one
            deaf.write(msgspec.json.encode(Verify(user="ann")) + b"\n")
            await cut_off.wait()
            (reply,) = await _ask(path, STATUS)
            deaf.transport.abort()
        assert reply.word is Word.OK

    _run(test())


def test_at_the_end_everybody_is_told(path: Path) -> None:
    async def test() -> None:
        serve = _Waits()
        async with _serving(path, serve) as server:
            asking = asyncio.create_task(_ask(path, STATUS))
            await serve.begun.wait()
            await server.stop(5.0)
            (reply,) = await asking
        assert (reply.word, reply.done) == (Word.SHUTTING_DOWN, True)

    _run(test())


def test_a_claim_that_does_not_end_is_cancelled_at_the_deadline(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        begun = asyncio.Event()

        async def serve(_r: Request, _p: Peer, _s: Callable[[Reply], None], _g: asyncio.Event) -> None:
            begun.set()
            await asyncio.Event().wait()

        async with _serving(path, serve) as server:
            asking = asyncio.create_task(_ask(path, STATUS))
            await begun.wait()
            await server.stop(0.01)
            (reply,) = await asking
        assert reply.word is Word.SHUTTING_DOWN

    _run(test())
    assert "event=claim-does-not-end" in caplog.text


class _Silent(socket.socket):
    """A connection whose kernel does not say who is calling."""

    def getsockopt(self, *_args: object) -> bytes:  # type: ignore[override]
        raise OSError(92, "Protocol not available")


def test_a_peer_that_cannot_be_told_is_refused() -> None:
    with _Silent(socket.AF_UNIX) as line, pytest.raises(RequestError, match="does not say who is calling"):
        peer_of(line)


class _Nobody(socket.socket):
    """A connection from a user that the kernel has no number for."""

    def getsockopt(self, *_args: object) -> bytes:  # type: ignore[override]
        return struct.pack("iII", 0, 2**32 - 1, 2**32 - 1)


def test_a_peer_without_a_uid_is_refused() -> None:
    with _Nobody(socket.AF_UNIX) as line, pytest.raises(RequestError, match="names no user"):
        peer_of(line)


@given(st.binary(max_size=400))
def test_no_bytes_whatever_do_anything_but_decode_or_be_refused(line: bytes) -> None:
    with suppress(RequestError):
        request = decode_request(line + b"\n")
        assert msgspec.json.decode(msgspec.json.encode(request), type=Request) == request
