import dataclasses
from collections import Counter

import msgspec
import pytest

from fakes.people import STRANGER, seen_face, seen_other, seen_spoof
from kinect_unlock.audit import WELL, Cause, Record, ending, explained, fields, is_of, kept
from kinect_unlock.cue_words import WORDS
from kinect_unlock.findings import Findings
from kinect_unlock.halves import HalfName
from kinect_unlock.observations import Cue, LivenessReport, Seen, Verdict
from kinect_unlock.tally import Tally
from kinect_unlock.wire import Hint, Reply, Word

RECORD = Record(
    number=7, at_s=1_700_000_000, op="verify", word=Word.NO_MATCH, uid=0, pid=12, user="anna", service="sudo"
)
FLAT = Cue("sheet_residual_mm", "mm", 1.2345, 8.0, 60.0)
UNREAD = Cue("valid_depth", "share", None, 0.75, None)


def tally(*, short: tuple[HalfName, ...] = (), **seen: int) -> Tally:
    counted = Counter({Seen(name.replace("_", "-")): count for name, count in seen.items()})
    findings = Findings()
    for cue, verdict, count in (
        (FLAT, Verdict.SPOOF, counted[Seen.SPOOF]),
        (UNREAD, Verdict.UNSURE, counted[Seen.UNSURE]),
    ):
        for _ in range(count):
            findings.take(LivenessReport(verdict, (cue,)))
    return Tally(counted.total(), counted, findings, Counter(short))


@pytest.mark.parametrize(
    ("word", "counted", "hint", "expected"),
    [
        pytest.param(Word.NO_MATCH, tally(spoof=3), None, (Cause.LIVENESS, "sheet_residual_mm"), id="a picture"),
        pytest.param(
            Word.NO_MATCH, tally(short=("rgb", "rgb"), face=2), None, (Cause.SCORE, "rgb"), id="somebody else"
        ),
        pytest.param(Word.NO_MATCH, tally(short=("depth",), face=1), None, (Cause.SCORE, "depth"), id="other relief"),
        pytest.param(
            Word.NO_MATCH, tally(short=("rgb", "rgb"), face=2, spoof=1), None, (Cause.SCORE, "rgb"), id="most counts"
        ),
        pytest.param(Word.TIMED_OUT, tally(), None, (Cause.VIEW, "no-frames"), id="no frames"),
        pytest.param(Word.TIMED_OUT, tally(no_face=30, too_far=2), None, (Cause.VIEW, "no-face"), id="nobody"),
        pytest.param(Word.TIMED_OUT, tally(no_face=30, too_far=9), None, (Cause.VIEW, "too-far"), id="too far"),
        pytest.param(Word.NO_NOD, tally(face=9), Hint.LOOK_AT_CAMERA, (Cause.INTENT, ""), id="no nod"),
        pytest.param(Word.CANCELLED, Tally(nod_due=True), None, (Cause.INTENT, ""), id="no nod that was waited for"),
        pytest.param(Word.CANCELLED, tally(face=9), Hint.NOD, (Cause.ENDED, "cancelled"), id="somebody else's nod"),
        pytest.param(Word.TIMED_OUT, tally(face=9), None, (Cause.UNSTEADY, ""), id="too few"),
        pytest.param(
            Word.TIMED_OUT, tally(short=("rgb",), face=9), None, (Cause.SCORE, "rgb"), id="not enough to reject"
        ),
        pytest.param(Word.TIMED_OUT, tally(unsure=9), None, (Cause.LIVENESS, "valid_depth"), id="liveness unsure"),
        pytest.param(Word.LOCKED_OUT, tally(), None, (Cause.LIMITS, "locked-out"), id="locked out"),
        pytest.param(Word.COOLING_DOWN, tally(), None, (Cause.LIMITS, "cooling-down"), id="cooling down"),
        pytest.param(Word.NOT_AUTHORISED, Tally(barred="lid-shut"), None, (Cause.POLICY, "lid-shut"), id="a rule"),
        pytest.param(Word.MATCH, tally(face=9), None, (None, ""), id="a match"),
    ],
)
def test_a_cause_says_what_stood_against_it(
    word: Word, counted: Tally, hint: Hint | None, expected: tuple[Cause | None, str]
) -> None:
    told = ending(Reply(word, done=True), counted, hint)
    assert (told.cause, told.detail) == expected
    assert (told.word, told.hint) == (word, hint)


@pytest.mark.parametrize("word", list(Word))
def test_every_end_that_is_not_well_has_a_cause(word: Word) -> None:
    told = ending(Reply(word, done=True, message="because" * 100), Tally(), None)
    assert (told.cause is None) is (word in WELL)
    assert len(told.detail) <= 200


def test_a_fault_says_what_it_was() -> None:
    reply = Reply(Word.SOURCE_LOST, done=True, message="unplugged")
    told = ending(reply, Tally(), None)
    assert (told.cause, told.detail) == (Cause.FAULT, "source-lost: unplugged")


def test_what_a_fault_says_moves_no_cursor() -> None:
    reply = Reply(Word.SOURCE_LOST, done=True, message="\x1b[2Jline\none")
    assert ending(reply, Tally(), None).detail == "source-lost:  [2Jline one"


def test_only_enforced_cues_that_did_not_hold_are_counted() -> None:
    counted = Tally()
    counted.take(seen_spoof(1, 0))
    counted.take(seen_face(1, 1, STRANGER))
    counted.take(seen_other(1, 2, Seen.NO_FACE))
    report = seen_spoof(1, 0).liveness
    assert report is not None
    assert counted.frames == 3
    assert set(counted.findings.broken) == {cue.name for cue in report.cues if cue.enforced and not cue.holds}


def test_a_refused_picture_is_told_with_what_its_deciding_cues_measured() -> None:
    told = ending(Reply(Word.NO_MATCH, done=True), tally(spoof=3), None)
    assert told.cues == (dataclasses.replace(FLAT, value=1.23),)
    assert kept(told) == told


@pytest.mark.parametrize("word", [Word.TIMED_OUT, Word.ENROL_FAILED])
def test_what_was_measured_is_not_kept_of_an_attempt_that_counts_as_no_failure(word: Word) -> None:
    told = ending(Reply(word, done=True), tally(spoof=3), None)
    assert told.cues
    assert kept(told) == msgspec.structs.replace(told, cues=())
    assert kept(told).detail == "sheet_residual_mm"


def test_what_could_not_be_measured_is_kept_by_name() -> None:
    told = ending(Reply(Word.TIMED_OUT, done=True), tally(unsure=3), None)
    assert kept(told).cues == (UNREAD,)


def test_a_reply_says_why_only_of_what_is_not_well() -> None:
    assert explained(Reply(Word.MATCH, done=True), tally(face=3), None) == Reply(Word.MATCH, done=True)
    told = explained(Reply(Word.NO_MATCH, done=True, data={"other": 1}), tally(spoof=3), None).data
    assert told is not None
    assert told["other"] == 1
    assert told["why"]["cues"][0]["name"] == "sheet_residual_mm"
    assert msgspec.json.encode(told)


def test_no_field_can_hold_a_score() -> None:
    held = {field.name: str(field.type) for field in msgspec.structs.fields(Record)}
    assert [name for name, kind in held.items() if "float" in kind or "Cue" in kind] == ["cues"]
    assert not {"rgb", "depth", "rgbd"} & set(WORDS), "cues are measured of what stands there, not of who it is"
    assert fields(RECORD) == {
        "op": "verify",
        "user": "anna",
        "word": "no-match",
        "uid": "0",
        "pid": "12",
        "service": "sudo",
        "duration_ms": "0",
        "frames": "0",
    }


def test_a_record_is_of_who_asked_and_of_who_was_asked_about() -> None:
    assert is_of(RECORD, uid=1000, name="anna")
    assert is_of(RECORD, uid=0, name=None)
    assert not is_of(RECORD, uid=1000, name="ben")
    assert not is_of(msgspec.structs.replace(RECORD, user=None), uid=1000, name=None)
