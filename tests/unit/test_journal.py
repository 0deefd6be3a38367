import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinect_unlock.audit import Cause, Record
from kinect_unlock.journal import MESSAGE_ID, Journal, entry, goes_to_journal
from kinect_unlock.wire import Word

RECORD = Record(
    number=7,
    at_s=1_700_000_000,
    op="verify",
    word=Word.NO_MATCH,
    uid=0,
    pid=12,
    user="anna",
    service="sudo",
    cause=Cause.LIVENESS,
    detail="sheet_residual_mm",
    duration_ms=812,
    frames=20,
    model_id="rgbd/1",
    camera="0123",
    origin="sensor",
)


def parsed(datagram: bytes) -> dict[str, bytes]:
    """Read an entry as journald does."""
    found: dict[str, bytes] = {}
    while datagram:
        line, _, datagram = datagram.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            (length,) = struct.unpack_from("<Q", datagram)
            value, datagram = datagram[8 : 8 + length], datagram[8 + length :]
            assert datagram.startswith(b"\n")
            datagram = datagram[1:]
        assert name.decode() not in found
        found[name.decode()] = value
    return found


@pytest.fixture
def journald(tmp_path: Path) -> Iterator[socket.socket]:
    """A socket where the journal's would be."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "socket"))
        listener.settimeout(5.0)
        yield listener


def test_the_journal_gets_one_datagram_with_fields(journald: socket.socket) -> None:
    assert Journal(journald.getsockname()).send(RECORD)
    assert parsed(journald.recv(65_536)) == {
        "MESSAGE": b"verify for anna by sudo: no-match (liveness: sheet_residual_mm)",
        "MESSAGE_ID": MESSAGE_ID.encode(),
        "PRIORITY": b"4",
        "SYSLOG_IDENTIFIER": b"kinect-unlock",
        "KINECT_UNLOCK_OP": b"verify",
        "KINECT_UNLOCK_USER": b"anna",
        "KINECT_UNLOCK_WORD": b"no-match",
        "KINECT_UNLOCK_UID": b"0",
        "KINECT_UNLOCK_PID": b"12",
        "KINECT_UNLOCK_SERVICE": b"sudo",
        "KINECT_UNLOCK_CAUSE": b"liveness",
        "KINECT_UNLOCK_DETAIL": b"sheet_residual_mm",
        "KINECT_UNLOCK_DURATION_MS": b"812",
        "KINECT_UNLOCK_FRAMES": b"20",
        "KINECT_UNLOCK_MODEL": b"rgbd/1",
        "KINECT_UNLOCK_CAMERA": b"0123",
        "KINECT_UNLOCK_ORIGIN": b"sensor",
    }


@given(detail=st.text(max_size=200), camera=st.text(max_size=40))
def test_nothing_that_a_driver_or_a_fault_says_makes_a_field_of_its_own(detail: str, camera: str) -> None:
    found = parsed(entry(msgspec.structs.replace(RECORD, detail=detail, camera=camera)))
    assert set(found) <= {*parsed(entry(RECORD))}
    assert found.get("KINECT_UNLOCK_DETAIL", b"").decode() == detail
    assert found["KINECT_UNLOCK_UID"] == b"0"


def test_a_journal_that_is_not_there_or_full_is_not_waited_for(tmp_path: Path) -> None:
    assert not Journal(str(tmp_path / "none")).send(RECORD)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "deaf"))
        journal = Journal(str(tmp_path / "deaf"))
        taken = [journal.send(RECORD) for _ in range(5_000)]
    assert taken[0]
    assert not taken[-1]


def test_only_a_stream_that_goes_there_is_the_journals(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log:
        status = os.fstat(log.fileno())
        ours = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        assert goes_to_journal(ours, log.fileno())
        assert not goes_to_journal({}, log.fileno())
        assert not goes_to_journal({"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino + 1}"}, log.fileno())
        descriptor = log.fileno()
    assert not goes_to_journal(ours, descriptor)
