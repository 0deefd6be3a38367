"""Pictures over a real socket: a descriptor with each, the next when the last was taken, and peers that misbehave."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from kinect_unlock.ports import Peer, PictureLine
from kinect_unlock.server import Server
from kinect_unlock.wire import Preview, Reply, Request, Word

PREVIEW = b'{"op":"preview"}\n'
PICTURE = Reply(Word.PICTURE, data={"seq": 1})


class Studio:
    """Serves previews: hands the line of each viewer to the test."""

    def __init__(self) -> None:
        self.lines: asyncio.Queue[PictureLine] = asyncio.Queue()
        self.left = asyncio.Event()
        self.content = os.memfd_create("picture", os.MFD_CLOEXEC)
        os.write(self.content, b"what the camera sees")

    async def preview(
        self,
        request: Preview,
        peer: Peer,
        send: Callable[[Reply], None],
        gone: asyncio.Event,
        line: PictureLine,
    ) -> None:
        del request, peer
        self.lines.put_nowait(line)
        await gone.wait()
        self.left.set()
        send(Reply(Word.CANCELLED, done=True))


async def _no_requests(_r: Request, _p: Peer, _s: Callable[[Reply], None], _g: asyncio.Event) -> None:
    raise AssertionError


def _viewing(path: Path, test: Callable[[Studio, socket.socket, PictureLine], Awaitable[None]]) -> None:
    """Run a test with one viewer connected, whose socket is read without blocking the loop."""

    async def run() -> None:
        async with asyncio.timeout(20.0):
            studio = Studio()
            with socket.socket(socket.AF_UNIX) as bound, socket.socket(socket.AF_UNIX) as viewer:
                bound.bind(str(path))
                server = Server(_no_requests, stamped=lambda reply: reply, preview=studio.preview)
                await server.start(bound)
                try:
                    viewer.connect(str(path))
                    viewer.send(PREVIEW)
                    await test(studio, viewer, await studio.lines.get())
                finally:
                    viewer.close()
                    await server.stop(5.0)
                    os.close(studio.content)

    asyncio.run(run())


async def _received(viewer: socket.socket) -> tuple[bytes, list[int]]:
    return (await asyncio.to_thread(socket.recv_fds, viewer, 1 << 20, 4, socket.MSG_CMSG_CLOEXEC))[:2]


async def _until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - a line has no event for it
        await asyncio.sleep(0)


def test_a_picture_comes_with_its_descriptor(tmp_path: Path) -> None:
    async def test(studio: Studio, viewer: socket.socket, line: PictureLine) -> None:
        assert line.free
        assert line.send_picture(PICTURE, studio.content)
        text, (descriptor,) = await _received(viewer)
        try:
            assert os.pread(descriptor, 100, 0) == b"what the camera sees"
        finally:
            os.close(descriptor)
        assert msgspec.json.decode(text, type=Reply) == PICTURE

    _viewing(tmp_path / "s", test)


def test_the_next_goes_only_when_the_last_was_taken(tmp_path: Path) -> None:
    async def test(studio: Studio, viewer: socket.socket, line: PictureLine) -> None:
        sent = [line.send_picture(PICTURE, studio.content) for _ in range(100)]
        assert sent == [True] + 99 * [False]
        text, descriptors = await _received(viewer)
        assert (text.count(b"\n"), len(descriptors)) == (1, 1)
        assert not line.free, "read is not taken"
        viewer.send(b"\n")
        await _until(lambda: line.free)
        assert line.send_picture(PICTURE, studio.content)
        descriptors += (await _received(viewer))[1]
        for descriptor in descriptors:
            os.close(descriptor)

    _viewing(tmp_path / "s", test)


def test_a_long_reply_arrives_whole_with_its_descriptor(tmp_path: Path) -> None:
    async def test(studio: Studio, viewer: socket.socket, line: PictureLine) -> None:
        long = Reply(Word.PICTURE, data={"text": "x" * 700_000})
        viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        assert line.send_picture(long, studio.content)
        text, descriptors = b"", list[int]()
        while not text.endswith(b"\n"):
            more, found = await _received(viewer)
            text, descriptors = text + more, descriptors + found
        assert len(descriptors) == 1
        os.close(descriptors[0])
        assert msgspec.json.decode(text, type=Reply) == long

    _viewing(tmp_path / "s", test)


@pytest.mark.parametrize("said", [b"\n", b'{"op":"status"}\n', b"x", b"\n\n"])
def test_who_says_anything_else_is_shown_nothing_more(tmp_path: Path, said: bytes) -> None:
    async def test(studio: Studio, viewer: socket.socket, line: PictureLine) -> None:
        del line
        viewer.send(said)
        await studio.left.wait()

    _viewing(tmp_path / "s", test)


def test_who_takes_more_than_was_sent_is_shown_nothing_more(tmp_path: Path) -> None:
    async def test(studio: Studio, viewer: socket.socket, line: PictureLine) -> None:
        assert line.send_picture(PICTURE, studio.content)
        viewer.send(b"\n\n")
        await studio.left.wait()

    _viewing(tmp_path / "s", test)


def test_who_hangs_up_is_gone_and_nothing_can_be_sent(tmp_path: Path) -> None:
    async def test(studio: Studio, viewer: socket.socket, line: PictureLine) -> None:
        viewer.close()
        await studio.left.wait()
        await _until(lambda: not line.free)
        assert not line.send_picture(PICTURE, studio.content)

    _viewing(tmp_path / "s", test)


def test_a_server_without_previews_says_so(tmp_path: Path) -> None:
    async def test() -> None:
        async with asyncio.timeout(20.0):
            with socket.socket(socket.AF_UNIX) as bound:
                bound.bind(str(tmp_path / "s"))
                server = Server(_no_requests, stamped=lambda reply: reply)
                await server.start(bound)
                reader, writer = await asyncio.open_unix_connection(tmp_path / "s")
                writer.write(PREVIEW)
                (line,) = (await reader.read()).splitlines()
                writer.close()
                await server.stop(5.0)
        reply = msgspec.json.decode(line, type=Reply)
        assert (reply.word, reply.message) == (Word.BAD_REQUEST, "there are no previews here")

    asyncio.run(test())
