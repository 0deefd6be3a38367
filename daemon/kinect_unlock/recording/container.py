"""What writer and reader of a recording must agree on: names, settings, and the stamp of a frame."""

import zlib
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, Final, TypeAlias

import av.error
import msgspec
from av.packet import Packet, PacketSideData, packet_sidedata_type_from_literal
from msgspec import Struct

FORMAT: Final = "1"
FORMAT_KEY: Final = "KINECT_UNLOCK_FORMAT"
CALIBRATION_KEY: Final = "KINECT_UNLOCK_CALIBRATION"
PROVENANCE_KEY: Final = "KINECT_UNLOCK_PROVENANCE"

MILLISECONDS: Final = Fraction(1, 1000)
FRAME_SHOWN_MS: Final = 33  # how long a player shows a frame that nothing follows

# What PyAV raises, beside OSError from the file itself; every call into it is translated at once.
FOREIGN: Final = (av.error.FFmpegError, OSError, ValueError, RuntimeError)

AnyPacket: TypeAlias = "Packet[Any]"  # generic for type checkers only

_ADDITIONAL: Final = "matroska_block_additional"
_ADDITIONAL_TYPE: Final = packet_sidedata_type_from_literal(_ADDITIONAL)
_OPAQUE: Final = (1).to_bytes(8, "big")  # "meaning known to the writer", the one kind that FFmpeg writes
_CHECKSUM_CHARS: Final = 8


def plain_fault(error: Exception) -> str:
    """Say what went wrong in one phrase, without FFmpeg's numbers."""
    told = error.strerror if isinstance(error, (OSError, av.error.FFmpegError)) else None
    return told or str(error) or type(error).__name__


class Stamp(Struct, frozen=True, forbid_unknown_fields=True):
    """What the container cannot hold of a frame; ``n`` counts the frames of the file from 0."""

    n: int
    seq: int
    captured_ns: int
    device_us: int | None


def checksum_seed(calibration_json: str) -> int:
    """Return what the checksums of a recording with this calibration begin with."""
    return zlib.crc32(calibration_json.encode())


def attach_stamp(stamp: Stamp, seed: int, color: AnyPacket, others: Iterable[AnyPacket]) -> None:
    """Put a stamp and its checksum into the colour packet of a frame that has these other packets.

    ``seed`` is `checksum_seed` of the recording, so that a damaged calibration damages every frame.
    """
    text = msgspec.json.encode(stamp)
    content = _OPAQUE + b"%08x" % _checksum(seed, text, color, others) + text
    additional = PacketSideData(_ADDITIONAL_TYPE, len(content))  # type: ignore[call-arg] # the stub lacks it
    additional.update(content)
    color.set_sidedata(additional)


def checked_stamp(seed: int, color: AnyPacket, others: Iterable[AnyPacket]) -> Stamp:
    """Read the stamp of a frame.

    Raises:
        ValueError: there is none, or it does not belong to exactly these bytes.
    """
    text = _stamp_text(color)
    checksum, text = text[:_CHECKSUM_CHARS], text[_CHECKSUM_CHARS:]
    if checksum != b"%08x" % _checksum(seed, text, color, others):
        raise ValueError("its bytes do not match their checksum")
    return msgspec.json.decode(text, type=Stamp)


def unchecked_stamp(color: AnyPacket) -> Stamp:
    """Read the stamp of a colour packet without looking at the frame it belongs to.

    Raises:
        ValueError: there is none, or it cannot be read.
    """
    return msgspec.json.decode(_stamp_text(color)[_CHECKSUM_CHARS:], type=Stamp)


def _stamp_text(color: AnyPacket) -> bytes:
    if not color.has_sidedata(_ADDITIONAL):
        raise ValueError("it has no stamp")
    return bytes(color.get_sidedata(_ADDITIONAL))[len(_OPAQUE) :]


def _checksum(seed: int, text: bytes, color: AnyPacket, others: Iterable[AnyPacket]) -> int:
    checksum = zlib.crc32(color, zlib.crc32(text, seed))
    for packet in others:
        checksum = zlib.crc32(packet, checksum)
    return checksum
