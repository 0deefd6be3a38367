"""What a child says, heard without a child: the other end of the line is the test's."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import pytest

from kinect_unlock.clock import ManualClock
from kinect_unlock.errors import SourceLost
from kinect_unlock.sources.driver_life import DriverLife
from kinect_unlock.sources.driver_link import Beat, Confined, Failed, FromChild, Link, Opened, Shown, Sort, ToChild
from kinect_unlock.sources.driver_stream import Broken, DriverStream, Fault
from kinect_unlock.sources.planes import PlaneShapes
from kinect_unlock.sources.ring import RingReader, RingWriter

SHAPES = PlaneShapes((2, 3), None, None)
CONFINED = Confined(7, filtered=True)
OPENED = Opened("pattern", "0123", "1.0", "cpu", (2, 3), None, None, None)
NOW_NS = 5_000_000_000


@dataclass
class _Life:
    """A life whose child is here."""

    ring: RingReader
    link: Link[ToChild, FromChild]
    other: Link[FromChild, ToChild]
    clock: ManualClock
    over: bool = False

    def is_over(self) -> bool:
        return self.over

    def shows(self, number: int, captured_ns: int = NOW_NS) -> None:
        writer = RingWriter(self.ring.descriptor, SHAPES)
        writer.begin(number)
        writer.publish(number)
        writer.close()
        self.other.send(Shown(number, number, captured_ns, None))


@pytest.fixture
def life() -> Iterator[_Life]:
    yield from _begun(CONFINED, OPENED)


@pytest.fixture
def mute() -> Iterator[_Life]:
    """A life whose child has said nothing yet."""
    yield from _begun()


def _begun(*said: FromChild) -> Iterator[_Life]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    made = _Life(RingReader(), Link(ours, FromChild), Link(theirs, ToChild), ManualClock())
    for one in said:
        made.other.send(one)
    yield made
    made.link.close()
    made.other.close()
    made.ring.close()


@pytest.fixture
def stream(life: _Life) -> DriverStream:
    made = DriverStream(cast(DriverLife, life), life.clock)
    life.clock.advance(2 * NOW_NS)
    return made


def test_the_frame_before_the_last_word_is_given_first(life: _Life, stream: DriverStream) -> None:
    life.shows(1)
    life.other.send(Failed(Sort.SOURCE_LOST, "unplugged"))
    life.over = True
    stream.hear()

    assert stream.take() is not None
    with pytest.raises(Broken) as told:
        stream.hear()
    assert told.value.fault is Fault.FAILED
    assert isinstance(told.value.said, SourceLost)


def test_nothing_can_be_said_after_the_last_word(life: _Life, stream: DriverStream) -> None:
    life.shows(1)
    life.other.send(Failed(Sort.END_OF_STREAM, ""))
    life.other.send(Beat())

    with pytest.raises(Broken, match="it went on after its end"):
        stream.hear()


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ((OPENED,), "before it was confined"),
        ((OPENED, CONFINED), "before it was confined"),
        ((CONFINED, CONFINED), "confined or opened twice"),
        ((CONFINED, OPENED, CONFINED), "confined or opened twice"),
        ((CONFINED, OPENED, OPENED), "confined or opened twice"),
        ((CONFINED, Beat()), "before it was opened"),
    ],
)
def test_a_child_is_confined_once_then_opened_once(mute: _Life, said: tuple[FromChild, ...], complaint: str) -> None:
    for one in said:
        mute.other.send(one)
    stream = DriverStream(cast(DriverLife, mute), mute.clock)

    with pytest.raises(Broken, match=complaint) as told:
        stream.hear()
    assert told.value.fault is Fault.NONSENSE


def test_a_rate_is_that_of_the_frames_that_nothing_held_back(life: _Life, stream: DriverStream) -> None:
    stream.throttle(2.0)
    life.shows(1, NOW_NS)
    life.shows(2, NOW_NS + 500_000_000)
    stream.hear()
    assert stream.rate_hz(at_once=True) is None
    stream.throttle(None)
    for number in range(3, 9):
        life.shows(number, NOW_NS + 700_000_000 + number * 40_000_000)
    stream.hear()

    assert stream.rate_hz() is None  # five intervals are 0.2 s
    assert stream.rate_hz(at_once=True) == pytest.approx(25.0)


def test_a_stream_that_is_held_back_stalls_later(life: _Life, stream: DriverStream) -> None:
    life.shows(1, life.clock.monotonic_ns())
    stream.hear()
    assert not stream.stalls(1.0)

    life.clock.advance(NOW_NS)
    assert stream.stalls(1.0)
    stream.throttle(0.01)
    assert not stream.stalls(1.0)
