"""Sends records to systemd's journal with fields of their own, by its native protocol; says whether it took them.

The protocol is one datagram a record: ``NAME=value`` lines, and for a value with a line break the name, its length in
eight bytes, little-endian, and the value (systemd.io/JOURNAL_NATIVE_PROTOCOL). Only where standard error goes to the
journal is it spoken: systemd names that stream in ``JOURNAL_STREAM``, as device and inode.
"""

import os
import socket
import struct
from collections.abc import Mapping
from typing import Final

from kinect_unlock.audit import WELL, Cause, Record, fields

SOCKET: Final = "/run/systemd/journal/socket"
# Names our attempts among all messages: journalctl MESSAGE_ID=...
MESSAGE_ID: Final = "5d1ff1a1c2a84dd2b4bbd1f0a3e6c917"
_LENGTH: Final = struct.Struct("<Q")
_WARNING, _NOTICE, _INFO = 4, 5, 6  # syslog's priorities
_STDERR: Final = 2


def goes_to_journal(environ: Mapping[str, str], descriptor: int = _STDERR) -> bool:
    """Say whether a descriptor goes to the journal, by what systemd says and what it is."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


class Journal:
    """The journal's socket."""

    def __init__(self, address: str = SOCKET) -> None:
        self._address = address

    def send(self, record: Record) -> bool:
        """Send a record without waiting; False if the journal did not take it."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as speaker:
            speaker.settimeout(0.0)
            try:
                speaker.sendto(entry(record), self._address)
            except OSError:  # gone, or so full that it would have to be waited for
                return False
        return True


def entry(record: Record) -> bytes:
    """Write a record as one datagram."""
    told = fields(record)
    lines = {
        "MESSAGE": message(record),
        "MESSAGE_ID": MESSAGE_ID,
        "PRIORITY": str(_priority(record)),
        "SYSLOG_IDENTIFIER": "kinect-unlock",
        **{f"KINECT_UNLOCK_{name.upper()}": value for name, value in told.items()},
    }
    return b"".join(_field(name, value.encode("utf-8", "replace")) for name, value in lines.items())


def message(record: Record) -> str:
    """Say a record in one line."""
    whom = "" if record.user is None else f" for {record.user}"
    where = "" if record.service is None else f" by {record.service}"
    because = "" if record.cause is None else f" ({record.cause}{record.detail and ': ' + record.detail})"
    return f"{record.op}{whom}{where}: {record.word}{because}"


def _priority(record: Record) -> int:
    if record.word in WELL:
        return _INFO
    return _WARNING if record.cause in {Cause.FAULT, Cause.LIVENESS} else _NOTICE


def _field(name: str, value: bytes) -> bytes:
    if b"\n" in value:
        return name.encode() + b"\n" + _LENGTH.pack(len(value)) + value + b"\n"
    return name.encode() + b"=" + value + b"\n"
