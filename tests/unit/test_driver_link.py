import array
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import TypeAlias

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinect_unlock.errors import DeviceMissing, DriverMissing, RecordingError, SourceError, SourceLost
from kinect_unlock.settings import Source
from kinect_unlock.sources.driver_link import (
    MAX_MESSAGE_BYTES,
    Beat,
    Begin,
    Close,
    Failed,
    FromChild,
    Link,
    LinkClosed,
    Nonsense,
    Opened,
    SetRate,
    Shown,
    Sort,
    ToChild,
    sort_of,
)
from leftovers import holdings, left_since

Ours: TypeAlias = Link[ToChild, FromChild]
Theirs: TypeAlias = Link[FromChild, ToChild]

OPENED = Opened("Kinect v2", "0123", "4.0", "cpu", (1080, 1920), (424, 512), None, {"color": {"fx_px": 1.5}})


class _Ends:
    def __init__(self) -> None:
        self.ours_raw, self.theirs_raw = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.ours: Ours = Link(self.ours_raw, FromChild)
        self.theirs: Theirs = Link(self.theirs_raw, ToChild)


@pytest.fixture
def ends() -> Iterator[_Ends]:
    made = _Ends()
    yield made
    made.ours.close()
    made.theirs.close()


@pytest.mark.parametrize(
    "said", [OPENED, Shown(1, 0, 5, None), Shown(2**63 - 1, 2, 3, 4), Beat(), Failed(Sort.DEVICE_MISSING, "connect it")]
)
def test_what_a_child_says_arrives_as_it_was(ends: _Ends, said: FromChild) -> None:
    assert ends.theirs.send(said)

    assert ends.ours.receive() == said


@pytest.mark.parametrize(
    "said", [Begin("a.b:c", Source(kind="stand-in", path="x", linger_s=2.5)), SetRate(2.5), SetRate(None), Close()]
)
def test_what_a_child_is_told_arrives_as_it_was(ends: _Ends, said: ToChild) -> None:
    assert ends.ours.send(said)

    assert ends.theirs.receive() == said


def test_listening_does_not_wait(ends: _Ends) -> None:
    assert ends.ours.receive() is None


def test_what_was_said_before_hanging_up_is_heard_first(ends: _Ends) -> None:
    ends.theirs.send(Beat())
    ends.theirs.close()

    assert ends.ours.receive() == Beat()
    with pytest.raises(LinkClosed):
        ends.ours.receive()
    with pytest.raises(LinkClosed):
        ends.ours.send(Close())


def test_a_side_that_does_not_listen_makes_nobody_wait(ends: _Ends) -> None:
    sent = 0
    while ends.theirs.send(Shown(sent + 1, sent, sent, None)):
        sent += 1

    assert sent > 50
    assert ends.ours.receive() == Shown(1, 0, 0, None)
    while ends.ours.receive():
        pass
    assert ends.theirs.send(Beat())


@given(st.binary(min_size=1, max_size=300))
def test_whatever_bytes_come_are_a_message_or_nonsense(data: bytes) -> None:
    ends = _Ends()
    ends.theirs_raw.send(data)
    with suppress(Nonsense):
        assert isinstance(ends.ours.receive(), Opened | Shown | Beat | Failed)

    assert ends.ours.receive() is None
    ends.ours.close()
    ends.theirs.close()


def test_a_message_that_is_too_long_is_nonsense(ends: _Ends) -> None:
    ends.theirs_raw.send(b"\0" * (MAX_MESSAGE_BYTES + 1))

    with pytest.raises(Nonsense, match="more than 16384 bytes"):
        ends.ours.receive()


@pytest.mark.parametrize(
    "said",
    [
        {"type": "shown", "number": 0, "seq": 1, "captured_ns": 1, "device_us": None},
        {"type": "shown", "number": 1, "seq": -1, "captured_ns": 1, "device_us": None},
        {"type": "shown", "number": 1, "seq": 1.5, "captured_ns": 1, "device_us": None},
        {"type": "beat", "more": 1},
        {"type": "begin", "target": "os:abort", "settings": {}},
        {"type": "failed", "sort": "what", "message": ""},
        {"type": "failed", "sort": "source-lost", "message": "x" * 2_001},
    ],
)
def test_what_has_not_the_form_is_nonsense(ends: _Ends, said: dict[str, object]) -> None:

    ends.theirs_raw.send(msgspec.msgpack.encode(said))

    with pytest.raises(Nonsense):
        ends.ours.receive()


def test_descriptors_that_come_along_are_not_kept(ends: _Ends) -> None:
    before = holdings()
    rights = array.array("i", [0, 1, 2])
    ends.theirs_raw.sendmsg([b"\x81\xa4type\xa4beat"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])

    assert ends.ours.receive() == Beat()
    assert not left_since(before)


@pytest.mark.parametrize(
    ("error", "sort"),
    [
        (DriverMissing(""), Sort.DRIVER_MISSING),
        (DeviceMissing(""), Sort.DEVICE_MISSING),
        (SourceLost(""), Sort.SOURCE_LOST),
        (RecordingError(""), Sort.SOURCE_ERROR),
        (SourceError(""), Sort.SOURCE_ERROR),
    ],
)
def test_every_error_of_a_driver_has_its_word(error: SourceError, sort: Sort) -> None:
    assert sort_of(error) is sort


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x81\xa4type\xa4\xff\xfe\xfd\xfc",  # a word that is no UTF-8
        msgspec.msgpack.encode({"type": "opened", "model": "", "serial": "", "firmware": "", "pipeline": ""}).replace(
            b"\x85", b"\x86", 1
        )
        + b"\xabcalibration\x81\xa1x"
        + b"\x91" * 15_000
        + b"\x01",  # lists within lists
    ],
)
def test_words_that_break_what_reads_them_are_nonsense_too(ends: _Ends, nonsense: bytes) -> None:
    ends.theirs_raw.send(nonsense)

    with pytest.raises(Nonsense, match="a message that is none"):
        ends.ours.receive()
