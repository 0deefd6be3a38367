"""What the daemon and a driver's child say to each other: small typed messages over a SOCK_SEQPACKET pair.

Pixels do not pass here (`kinect_unlock.sources.ring`). Nobody ever waits to send: a full socket means that the other
side does not listen now, and news of a frame that nobody took is no news.
"""

import socket
from enum import StrEnum, unique
from typing import Annotated, Any, Final, Generic, TypeAlias, TypeVar

import msgspec
from msgspec import Meta, Struct

from kinect_unlock.calibration import MAX_SIDE_PX
from kinect_unlock.errors import DeviceMissing, DriverMissing, SourceError, SourceLost
from kinect_unlock.settings import Positive, Source

MAX_MESSAGE_BYTES: Final = 16_384
BEAT_S: Final = 0.5  # the child says something at least so often while it streams
MAX_WORDS: Final = 2_000

_Number: TypeAlias = Annotated[int, Meta(ge=1, le=2**63 - 1)]
_Nanoseconds: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_Side: TypeAlias = Annotated[int, Meta(ge=1, le=MAX_SIDE_PX)]
_Size: TypeAlias = tuple[_Side, _Side]
_Name: TypeAlias = Annotated[str, Meta(max_length=200)]


class Begin(Struct, frozen=True, forbid_unknown_fields=True, tag="begin"):
    """To the child: make this driver, open it and give its frames."""

    target: str
    settings: Source
    reads: tuple[str, ...] = ()  # files and folders that it may see besides what every driver may
    writes: tuple[str, ...] = ()  # files that are there
    keeps: str | None = None  # a folder for what libraries keep between two starts
    connects: bool = False  # to sockets with a name


class SetRate(Struct, frozen=True, forbid_unknown_fields=True, tag="set-rate"):
    """To the child: give at most so many frames a second; None: all."""

    rate_hz: Positive | None


class Close(Struct, frozen=True, forbid_unknown_fields=True, tag="close"):
    """To the child: close the driver and end."""


class Confined(Struct, frozen=True, forbid_unknown_fields=True, tag="confined"):
    """From the child, before it makes the driver: what holds it, see `kinect_unlock.sources.confinement`."""

    landlock: Annotated[int, Meta(ge=0, le=2**15)]
    filtered: bool


class Opened(Struct, frozen=True, forbid_unknown_fields=True, tag="opened"):
    """From the child: the first frame has come; what it will look like from now on. Sizes are rows and columns."""

    model: _Name
    serial: _Name
    firmware: _Name
    pipeline: _Name
    color: _Size
    depth: _Size | None
    infrared: _Size | None
    calibration: dict[str, Any] | None  # as `kinect_unlock.calibration` reads it


class Shown(Struct, frozen=True, forbid_unknown_fields=True, tag="shown"):
    """From the child: frame ``number`` lies whole in the ring; the rest as in `kinect_unlock.frames.Frame`."""

    number: _Number
    seq: _Nanoseconds
    captured_ns: _Nanoseconds
    device_us: _Nanoseconds | None


class Beat(Struct, frozen=True, forbid_unknown_fields=True, tag="beat"):
    """From the child: no frame, but I live."""


@unique
class Sort(StrEnum):
    """Which error of ours a driver ended with."""

    DRIVER_MISSING = "driver-missing"
    DEVICE_MISSING = "device-missing"
    SOURCE_LOST = "source-lost"
    SOURCE_ERROR = "source-error"
    END_OF_STREAM = "end-of-stream"


class Failed(Struct, frozen=True, forbid_unknown_fields=True, tag="failed"):
    """From the child: the driver says that it cannot go on; the child ends."""

    sort: Sort
    message: Annotated[str, Meta(max_length=MAX_WORDS)]


ToChild: TypeAlias = Begin | SetRate | Close
FromChild: TypeAlias = Confined | Opened | Shown | Beat | Failed
_Sent = TypeVar("_Sent", ToChild, FromChild)
_Heard = TypeVar("_Heard", ToChild, FromChild)


def sort_of(error: SourceError) -> Sort:
    """Return how an error of a driver is called on its way to the daemon."""
    match error:
        case DriverMissing():
            return Sort.DRIVER_MISSING
        case DeviceMissing():
            return Sort.DEVICE_MISSING
        case SourceLost():
            return Sort.SOURCE_LOST
        case _:
            return Sort.SOURCE_ERROR


class LinkClosed(Exception):
    """The other side is gone."""


class Nonsense(Exception):
    """The other side said what nobody may say; the message tells what."""


class Link(Generic[_Sent, _Heard]):
    """One end of the line. Never blocks; `fileno` is for waiting."""

    def __init__(self, line: socket.socket, heard: Any) -> None:  # noqa: ANN401 - a union of types is no type to mypy
        """``heard`` is the type of what comes in: `ToChild` or `FromChild`."""
        self._line = line
        self._decoder = msgspec.msgpack.Decoder(heard)
        self._encoder = msgspec.msgpack.Encoder()

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._line.fileno()

    def send(self, message: _Sent) -> bool:
        """Send a message; False if the other side has left so many unread that there is no room.

        Raises:
            LinkClosed: the other side is gone.
        """
        try:
            self._line.send(self._encoder.encode(message), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return False
        except OSError as fault:
            raise LinkClosed from fault
        return True

    def receive(self) -> _Heard | None:
        """Return the next message, None if there is none now.

        Raises:
            LinkClosed: the other side is gone, and everything that it said was received.
            Nonsense: this is no message.
        """
        try:
            # Without room for them the kernel closes whatever descriptors come along.
            data, _, flags, _ = self._line.recvmsg(MAX_MESSAGE_BYTES, 0, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        except OSError as fault:
            raise LinkClosed from fault
        if not data:
            raise LinkClosed
        if flags & socket.MSG_TRUNC:
            raise Nonsense(f"a message of more than {MAX_MESSAGE_BYTES} bytes")
        try:
            heard: _Heard = self._decoder.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
            raise Nonsense(f"a message that is none ({fault})") from fault
        return heard

    def close(self) -> None:
        """Hang up."""
        self._line.close()
