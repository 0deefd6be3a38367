import os
import stat
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinect_unlock.audit import Cause, Record
from kinect_unlock.clock import NS_PER_S, ManualClock
from kinect_unlock.errors import StoreError
from kinect_unlock.records import FOLDER, KEPT_S, RecordBook
from kinect_unlock.wire import Word

ANNA = Record(number=0, at_s=100, op="verify", word=Word.NO_MATCH, uid=0, pid=2, user="anna", cause=Cause.SCORE)
BEN = msgspec.structs.replace(ANNA, user="ben")
CLOCK = ManualClock(start_ns=100 * NS_PER_S)


def everything(book: RecordBook, most: int = 10_000) -> list[Record]:
    return book.newest(lambda _: True, most=most)


def file_of(folder: Path) -> Path:
    return folder / FOLDER / "records.jsonl"


def test_records_survive_a_restart_with_their_numbers(tmp_path: Path) -> None:
    book = RecordBook(tmp_path, CLOCK)
    noted = [book.note(one) for one in (ANNA, BEN, ANNA)]
    assert [one.number for one in noted] == [1, 2, 3]
    again = RecordBook(tmp_path, CLOCK)
    assert everything(again) == noted[::-1]
    assert again.note(BEN).number == 4


def test_the_file_is_its_users_alone(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        RecordBook(tmp_path, CLOCK).note(ANNA)
    finally:
        os.umask(old)
    assert stat.S_IMODE(file_of(tmp_path).stat().st_mode) == 0o600
    assert stat.S_IMODE(file_of(tmp_path).parent.stat().st_mode) == 0o700


def test_one_open_to_others_is_refused(tmp_path: Path) -> None:
    RecordBook(tmp_path, CLOCK).note(ANNA)
    file_of(tmp_path).chmod(0o644)
    with pytest.raises(StoreError, match="refused"):
        RecordBook(tmp_path, CLOCK)


def test_answers_have_pages(tmp_path: Path) -> None:
    book = RecordBook(tmp_path, CLOCK)
    for one in (ANNA, BEN, ANNA, BEN, ANNA):
        book.note(one)
    assert [one.number for one in book.newest(lambda one: one.user == "anna", most=2)] == [5, 3]
    assert [one.number for one in book.newest(lambda one: one.user == "anna", most=2, before=3)] == [1]


def test_the_oldest_of_whoever_has_the_most_goes_first(tmp_path: Path) -> None:
    book = RecordBook(tmp_path, CLOCK, most=10)
    for _ in range(3):
        book.note(ANNA)
    for name in range(50):  # another user asks for everybody there might be
        book.note(msgspec.structs.replace(BEN, uid=1001, user=f"user{name}"))
    kept = everything(book)
    assert len(kept) == 10
    assert [one.number for one in kept if one.user == "anna"] == [3, 2, 1]


def test_names_that_somebody_has_su_ask_for_push_out_nobody_who_was_looked_at(tmp_path: Path) -> None:
    book = RecordBook(tmp_path, CLOCK, most=10)
    for _ in range(3):
        book.note(msgspec.structs.replace(ANNA, frames=20))
    for name in range(50):
        book.note(msgspec.structs.replace(BEN, word=Word.NOT_AUTHORISED, user=f"user{name}"))
    assert [one.number for one in everything(book) if one.user == "anna"] == [3, 2, 1]


def test_many_uids_of_one_user_push_out_nobody_who_may_ask(tmp_path: Path) -> None:
    book = RecordBook(tmp_path, CLOCK, most=10)
    for record in (ANNA, msgspec.structs.replace(ANNA, uid=1000, frames=9), msgspec.structs.replace(ANNA, frames=20)):
        for _ in range(2):
            book.note(record)
    for uid in range(100_000, 100_200):
        book.note(msgspec.structs.replace(BEN, uid=uid, word=Word.NOT_AUTHORISED))
    assert [one.number for one in everything(book) if one.user == "anna"] == [6, 5, 4, 3, 2, 1]


def test_what_is_too_old_goes(tmp_path: Path) -> None:
    clock = ManualClock(start_ns=100 * NS_PER_S)
    book = RecordBook(tmp_path, clock)
    book.note(ANNA)
    clock.advance((KEPT_S + 1) * NS_PER_S)
    assert everything(book) == []
    assert everything(RecordBook(tmp_path, clock)) == []
    assert file_of(tmp_path).read_bytes() == b""


def test_the_file_does_not_grow_for_ever(tmp_path: Path) -> None:
    book = RecordBook(tmp_path, CLOCK, most=10)
    longest = 0
    for _ in range(200):
        book.note(ANNA)
        longest = max(longest, file_of(tmp_path).read_bytes().count(b"\n"))
    assert longest <= 20
    assert [one.number for one in everything(RecordBook(tmp_path, CLOCK, most=10))] == list(range(200, 190, -1))


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_line_that_a_crash_tore_is_no_damage(tmp_path: Path, cut: int, caplog: pytest.LogCaptureFixture) -> None:
    book = RecordBook(tmp_path, CLOCK)
    first = book.note(ANNA)
    book.note(BEN)
    file = file_of(tmp_path)
    file.write_bytes(file.read_bytes()[:-cut])
    again = RecordBook(tmp_path, CLOCK)
    assert everything(again) == [first]
    again.note(BEN)
    assert len(everything(RecordBook(tmp_path, CLOCK))) == 2
    assert "damaged" not in caplog.text


def test_a_damaged_file_is_set_aside_and_what_can_be_read_of_it_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    book = RecordBook(tmp_path, CLOCK)
    book.note(ANNA)
    last = book.note(BEN)
    file = file_of(tmp_path)
    spoilt = b"{" + file.read_bytes()
    file.write_bytes(spoilt)
    assert everything(RecordBook(tmp_path, CLOCK)) == [last]
    assert (file.parent / "records.damaged").read_bytes() == spoilt
    assert "event=records-damaged lines=1 kept=1" in caplog.text


@given(data=st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_no_content_of_the_file_keeps_the_daemon_from_starting(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    folder = tmp_path_factory.mktemp("state")
    RecordBook(folder, CLOCK)
    file_of(folder).write_bytes(data)
    assert RecordBook(folder, CLOCK).note(ANNA).user == "anna"


def test_forgetting_leaves_nothing_on_the_disk(tmp_path: Path) -> None:
    book = RecordBook(tmp_path, CLOCK)
    for one in (ANNA, BEN, ANNA):
        book.note(one)
    (tmp_path / FOLDER / "records.damaged").write_bytes(b"anna")
    assert book.forget("anna") == 2
    assert book.forget("nobody") == 0
    assert [one.user for one in everything(book)] == ["ben"]
    assert not [path for path in (tmp_path / FOLDER).iterdir() if b"anna" in path.read_bytes()]


def test_a_disk_that_fails_loses_no_answer_and_is_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    book = RecordBook(tmp_path, CLOCK)
    book.note(ANNA)
    file_of(tmp_path).unlink()
    file_of(tmp_path).mkdir()
    for _ in range(3):
        book.note(BEN)
    assert caplog.text.count("event=records-unwritten") == 1
    file_of(tmp_path).rmdir()
    book.note(ANNA)
    assert len(everything(RecordBook(tmp_path, CLOCK))) == 5
