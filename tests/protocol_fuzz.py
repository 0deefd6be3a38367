"""Throws requests that nobody would write at the daemon's socket, and says what must hold of every answer.

`judge_line` gives the decoder one input, `Door` a server with the controller behind it, over a real socket. Run it by
itself for long, `python tests/protocol_fuzz.py --help`; with ``--atheris`` coverage leads.
"""

import argparse
import asyncio
import logging
import random
import resource
import socket
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))

from fakes.people import DIM, OWNER, SPACE, template_of, vector_of
from fakes.rig import Rig
from kinect_unlock.errors import RequestError
from kinect_unlock.server import MAX_PER_UID, Server, decode_request
from kinect_unlock.wire import (
    MAX_LINE_BYTES,
    AnyRequest,
    Enrol,
    EnrolVectors,
    Export,
    Forget,
    History,
    Identify,
    Import,
    Lock,
    PasswordOk,
    Preview,
    Records,
    Reply,
    Status,
    Undo,
    Users,
    Verify,
    Word,
    pack_vector,
    unpack_vector,
)

_VECTORS = tuple(pack_vector(vector_of(OWNER, variant=variant)) for variant in range(2))
SEEDS: tuple[AnyRequest, ...] = (
    Verify("anna"),
    Verify(
        "anna", unlock=True, stream="a.mkv", explain=True, service="sudo", tty="/dev/tty1", remote_host="", intent=True
    ),
    Enrol("anna", stream="a", explain=True),
    EnrolVectors("anna", SPACE, _VECTORS),
    Identify(),
    Identify(model_id=SPACE, vectors=_VECTORS),
    Users(),
    Forget("anna"),
    History("anna"),
    Undo("anna", 3),
    Export("anna", bytes(32)),
    Import(b"no template", bytes(32), "anna", replace=True),
    Records("anna", 1, 2, 3),
    Status(),
    Lock(),
    PasswordOk("anna", "sudo"),
    Preview("a", 0.5),
)
_LINES = tuple(msgspec.json.encode(seed) + b"\n" for seed in SEEDS)
_WORDS = (
    *(b'"%s"' % name for name in (b"op", b"user", b"verify", b"status", b"vectors", b"rate_hz", b"count", b"key")),
    b"null", b"true", b"NaN", b"Infinity", b"-0", b"1e999", b"18446744073709551616", b"0.1", b"[]", b"{}", b"{" * 900,
    b"[" * 2_000, b"\\ud800", b"\\u0000", b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"\n", b"\r\n", b"../", b"%s%n",
    b"'", b'"', b"\\", b":", b",", b"a" * 70, b"9" * 400, b" " * 300,
)  # fmt: skip
_LONGEST_FAULT = 400


def lines(seed: int) -> Iterator[bytes]:
    """Yield one input after the other for ever; equal seeds give equal inputs."""
    chance = random.Random(seed)  # noqa: S311 - inputs, not secrets
    while True:
        line = bytearray(chance.choice(_LINES))
        for _ in range(chance.choice((0, 1, 1, 1, 2, 2, 3, 5, 9))):
            _mutate(line, chance)
        if chance.random() < 0.002:
            line[-1:-1] = b"x" * chance.randrange(MAX_LINE_BYTES - 300, 2 * MAX_LINE_BYTES)
        yield bytes(line)


def _mutate(line: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(line) + 1)
    until = min(len(line), at + chance.choice((1, 1, 2, 4, 16)))
    match chance.randrange(6):
        case 0 if at < len(line):
            line[at] ^= 1 << chance.randrange(8)
        case 1:
            del line[at:until]
        case 2:
            line[at:at] = chance.choice(_WORDS)
        case 3:
            line[at:until] = chance.choice(_WORDS)
        case 4:
            line[at:at] = line[at:until]
        case _:
            other = chance.choice(_LINES)
            begin = chance.randrange(len(other))
            line[at:] = other[begin:]


def judge_line(line: bytes) -> str:
    """Give one line to the decoder; return the kind of request, or ``refused``.

    Raises:
        AssertionError: it was let in and is another when written again, or its refusal repeats too much of it.
    """
    request: AnyRequest | None = None
    said = ""
    try:
        request = decode_request(line)
    except RequestError as fault:
        said = str(fault)
    if request is None:
        assert 0 < len(said) < _LONGEST_FAULT, f"{len(said)} signs of {line[:80]!r}"
        return "refused"
    again = decode_request(msgspec.json.encode(request) + b"\n")
    assert again == request, line
    for vector in request.vectors if isinstance(request, EnrolVectors | Identify) else ():
        with suppress(RequestError):
            assert unpack_vector(vector, dim=DIM, model_id=SPACE).vector.shape == (DIM,)
    return type(request).__name__


class Door:
    """A server with a controller behind it. Needs a running loop."""

    def __init__(self) -> None:
        self.rig = Rig()
        self.rig.templates.kept["anna"] = template_of(OWNER, "anna")
        self.words: Counter[str] = Counter()
        controller = self.rig.controller
        self.server = Server(controller.serve, stamped=controller.stamped, preview=controller.preview)

    async def start(self, path: Path) -> None:
        """Begin to listen."""
        self._path = path
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        bound.bind(str(path))
        await self.server.start(bound)

    async def judge(self, line: bytes, *, cut_at: int | None = None) -> None:
        """Say one line, in two pieces if it is to be cut, hang up our half, and hear the answer to its end.

        Raises:
            AssertionError: it is not one or more replies of which the last and no other is ``done``, or is a fault of
                the daemon's own.
        """
        reader, writer = await asyncio.open_unix_connection(str(self._path), limit=1 << 22)
        try:
            answer = await self._said(reader, writer, line, cut_at)
        finally:
            writer.close()
        replies = [msgspec.json.decode(text, type=Reply) for text in answer.splitlines()]
        if not line:
            assert not replies
            return
        assert [reply.done for reply in replies].count(True) == 1, (line[:200], replies)
        assert replies[-1].done, (line[:200], replies)
        assert replies[-1].word is not Word.INTERNAL_ERROR, (line[:200], replies[-1])
        self.words[replies[-1].word] += 1

    async def _said(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: bytes, cut_at: int | None
    ) -> bytes:
        try:
            if cut_at is not None:
                writer.write(line[:cut_at])
                await asyncio.sleep(0)
                line = line[cut_at:]
            writer.write(line)
            await writer.drain()
            writer.write_eof()
        except ConnectionError:  # it has hung up on too long a line already, and its last words lie there
            pass
        heard = b""
        try:
            while piece := await reader.read(1 << 16):
                heard += piece
        except ConnectionError:
            pass
        return heard


async def knock(path: Path, inputs: int, seed: int) -> Counter[str]:
    """Say so many lines at a door, some at a time, and return the words that were heard."""
    door, many = Door(), lines(seed)
    chance = random.Random(seed)  # noqa: S311 - inputs, not secrets
    await door.start(path)

    async def one_after_the_other(count: int) -> None:
        for _ in range(count):
            line = next(many)
            await door.judge(line, cut_at=chance.randrange(len(line) + 1) if chance.random() < 0.2 else None)

    together = MAX_PER_UID - 2
    shares = [inputs // together + (place < inputs % together) for place in range(together)]
    await asyncio.gather(*(one_after_the_other(share) for share in shares))
    door.rig.controller.shut_down()
    await door.server.stop(5.0)
    return door.words


def main() -> None:
    """Run for long and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--door", type=Path, help="over a real socket, which is made here, instead of the decoder alone"
    )
    parser.add_argument("--atheris", action="store_true", help="let coverage lead; what follows is libFuzzer's")
    asked, rest = parser.parse_known_args()
    logging.disable(logging.CRITICAL)
    if asked.atheris:
        import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore]  # noqa: PLC0415 - not the project's

        for looked_at in (judge_line, decode_request, unpack_vector):
            atheris.instrument_func(looked_at)
        atheris.Setup([sys.argv[0], *rest], lambda data: judge_line(bytes(data)) and None)
        atheris.Fuzz()
    if asked.door is not None:
        seen = asyncio.run(knock(asked.door, asked.inputs, asked.seed))
    else:
        seen = Counter(judge_line(line) for line, _ in zip(lines(asked.seed), range(asked.inputs), strict=False))
    used = resource.getrusage(resource.RUSAGE_SELF)
    say = sys.stdout.write
    say(f"{seen.total()} inputs, seed {asked.seed}, {used.ru_utime + used.ru_stime:.0f} s CPU, {used.ru_maxrss} KiB\n")
    for name, count in seen.most_common():
        say(f"{count:9d}  {name}\n")


if __name__ == "__main__":
    main()
