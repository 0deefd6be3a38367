from collections import Counter

import msgspec
import pytest

from fakes.people import STRANGER, seen_face, seen_other, seen_spoof
from kinect_unlock.audit import WELL, Cause, Record, fields, is_of, why
from kinect_unlock.frames import Seen
from kinect_unlock.halves import HalfName
from kinect_unlock.tally import Tally
from kinect_unlock.wire import Hint, Reply, Word

RECORD = Record(
    number=7, at_s=1_700_000_000, op="verify", word=Word.NO_MATCH, uid=0, pid=12, user="anna", service="sudo"
)


def tally(*, short: tuple[HalfName, ...] = (), **seen: int) -> Tally:
    counted = Counter({Seen(name.replace("_", "-")): count for name, count in seen.items()})
    return Tally(counted.total(), counted, Counter({"nose_relief_mm": counted[Seen.SPOOF]}), Counter(short))


@pytest.mark.parametrize(
    ("word", "counted", "hint", "expected"),
    [
        pytest.param(Word.NO_MATCH, tally(spoof=3), None, (Cause.LIVENESS, "nose_relief_mm"), id="a picture"),
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
        pytest.param(Word.TIMED_OUT, tally(face=9), Hint.NOD, (Cause.INTENT, ""), id="no nod"),
        pytest.param(Word.TIMED_OUT, tally(face=9), None, (Cause.UNSTEADY, ""), id="too few"),
        pytest.param(
            Word.TIMED_OUT, tally(short=("rgb",), face=9), None, (Cause.SCORE, "rgb"), id="not enough to reject"
        ),
        pytest.param(Word.TIMED_OUT, tally(unsure=9), None, (Cause.LIVENESS, "nose_relief_mm"), id="liveness unsure"),
        pytest.param(Word.LOCKED_OUT, tally(), None, (Cause.LIMITS, "locked-out"), id="locked out"),
        pytest.param(Word.COOLING_DOWN, tally(), None, (Cause.LIMITS, "cooling-down"), id="cooling down"),
        pytest.param(Word.NOT_AUTHORISED, Tally(barred="lid-shut"), None, (Cause.POLICY, "lid-shut"), id="a rule"),
        pytest.param(Word.MATCH, tally(face=9), None, (None, ""), id="a match"),
    ],
)
def test_a_cause_says_what_stood_against_it(
    word: Word, counted: Tally, hint: Hint | None, expected: tuple[Cause | None, str]
) -> None:
    if "unsure" in counted.seen:
        counted.cues["nose_relief_mm"] += 9
    assert why(Reply(word, done=True), counted, hint) == expected


@pytest.mark.parametrize("word", list(Word))
def test_every_end_that_is_not_well_has_a_cause(word: Word) -> None:
    cause, detail = why(Reply(word, done=True, message="because" * 100), Tally(), None)
    assert (cause is None) is (word in WELL)
    assert len(detail) <= 200


def test_a_fault_says_what_it_was() -> None:
    reply = Reply(Word.SOURCE_LOST, done=True, message="unplugged")
    assert why(reply, Tally(), None) == (Cause.FAULT, "source-lost: unplugged")


def test_what_a_fault_says_moves_no_cursor() -> None:
    reply = Reply(Word.SOURCE_LOST, done=True, message="\x1b[2Jline\none")
    assert why(reply, Tally(), None)[1] == "source-lost:  [2Jline one"


def test_only_enforced_cues_that_did_not_hold_are_counted() -> None:
    counted = Tally()
    counted.take(seen_spoof(1, 0))
    counted.take(seen_face(1, 1, STRANGER))
    counted.take(seen_other(1, 2, Seen.NO_FACE))
    report = seen_spoof(1, 0).liveness
    assert report is not None
    assert counted.frames == 3
    assert counted.cues == Counter(cue.name for cue in report.cues if cue.enforced and not cue.holds)


def test_no_field_can_hold_a_score() -> None:
    assert not [field.name for field in msgspec.structs.fields(Record) if "float" in str(field.type)]
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
