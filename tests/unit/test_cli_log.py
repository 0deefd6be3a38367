import io
from datetime import UTC, datetime

import msgspec
import pytest
from rich.console import Console

from kinect_unlock.audit import Cause, Record
from kinect_unlock.cli.log import _since_s, _where
from kinect_unlock.cli.reasons import advice, findings, is_refusal, outcome, tell, telling_refusal, why
from kinect_unlock.cue_words import WORDS, title
from kinect_unlock.entitlement import Cause as Rule
from kinect_unlock.errors import RequestError
from kinect_unlock.observations import Cue, Seen
from kinect_unlock.settings import Liveness
from kinect_unlock.wire import Hint, Word

RECORD = Record(number=1, at_s=0, op="verify", word=Word.NO_MATCH, uid=0, pid=1, user="anna", service="sudo")


def refused(cause: Cause, detail: str = "", *, word: Word = Word.NO_MATCH, hint: Hint | None = None) -> Record:
    return msgspec.structs.replace(RECORD, cause=cause, detail=detail, word=word, hint=hint)


@pytest.mark.parametrize("word", list(Word))
@pytest.mark.parametrize("cause", list(Cause))
def test_every_end_has_words_and_something_to_do(cause: Cause, word: Word) -> None:
    record = refused(cause, "what", word=word)
    assert outcome(record)
    reason, remedy = why(record)
    assert reason
    assert remedy.endswith(".")


@pytest.mark.parametrize(
    "cue", [name for name in Liveness.__struct_fields__ if name.endswith(("mm", "_per_m", "depth"))]
)
def test_every_cue_is_told_in_words(cue: str) -> None:
    reason, _ = why(refused(Cause.LIVENESS, cue))
    assert cue not in reason
    assert title(cue) in reason


@pytest.mark.parametrize("name", list(WORDS))
@pytest.mark.parametrize("value", [None, -12345.678, 12345.678])
def test_whatever_decided_is_told_within_80_columns(name: str, value: float | None) -> None:
    cue = Cue(name, "mm", value, -123.45, 123.45)
    record = msgspec.structs.replace(refused(Cause.LIVENESS, name), cues=(cue,))
    assert all(len(line) <= 76 for line in findings(record))
    out = io.StringIO()
    tell(Console(file=out, width=80), record, indent="  ")
    told = " ".join(out.getvalue().split())
    assert WORDS[name].help in told
    assert ("not measurable" if value is None else "must be -123.45 to 123.45") in told


@pytest.mark.parametrize("seen", [seen for seen in Seen if seen not in {Seen.FACE, Seen.SPOOF, Seen.UNSURE}])
def test_every_view_is_told_in_words(seen: Seen) -> None:
    assert why(refused(Cause.VIEW, seen.value, word=Word.TIMED_OUT))[0] != f"the camera saw: {seen}"


@pytest.mark.parametrize("rule", list(Rule))
def test_every_rule_is_told_in_words(rule: Rule) -> None:
    assert why(refused(Cause.POLICY, rule.value, word=Word.NOT_AUTHORISED))[0] != rule.value


def test_the_halves_that_fell_short_are_named() -> None:
    assert outcome(refused(Cause.SCORE, "depth")) == ("not recognised: the face was not like the enrolled one in depth")


def test_a_fault_is_named_once() -> None:
    fault = refused(Cause.FAULT, "hook-error: the locker is gone", word=Word.HOOK_FAILED)
    assert outcome(fault) == "not unlocked: the locker is gone"


def test_what_became_of_a_match_is_told() -> None:
    assert outcome(msgspec.structs.replace(RECORD, word=Word.UNLOCKED)) == "recognised, unlocked"
    asked = msgspec.structs.replace(RECORD, word=Word.UNLOCKED, detail="nothing said that it is open")
    assert outcome(asked) == "recognised: nothing said that it is open"
    late = refused(Cause.ENDED, "matched, but locked meanwhile", word=Word.CANCELLED)
    assert outcome(late) == "broken off: matched, but locked meanwhile"


@pytest.mark.parametrize(("uid", "who"), [(0, "root"), (4_000_000_000, "uid 4000000000"), (2**40, "uid 1099511627776")])
def test_who_asked_is_told_by_name_where_they_have_one(uid: int, who: str) -> None:
    assert _where(msgspec.structs.replace(RECORD, uid=uid, service=None)) == f"verify by {who}"
    assert _where(msgspec.structs.replace(RECORD, uid=uid)) == "sudo"


def test_the_last_hint_is_told_where_it_helps() -> None:
    record = refused(Cause.VIEW, "too-far", word=Word.TIMED_OUT, hint=Hint.MOVE_CLOSER)
    assert advice(record) == "Move closer. The last hint was: move closer."
    assert "hint" not in advice(refused(Cause.SCORE, "rgb", hint=Hint.MOVE_CLOSER))


@pytest.mark.parametrize(
    ("record", "is_one"),
    [
        (refused(Cause.SCORE, "rgb"), True),
        (refused(Cause.LIMITS, word=Word.COOLING_DOWN), True),
        (refused(Cause.ENDED, word=Word.CANCELLED), False),
        (msgspec.structs.replace(RECORD, word=Word.MATCH), False),
        (msgspec.structs.replace(RECORD, op="enrol", word=Word.ENROL_FAILED, cause=Cause.VIEW), False),
    ],
)
def test_who_went_away_was_not_refused(record: Record, is_one: bool) -> None:  # noqa: FBT001 - a table's column
    assert is_refusal(record) is is_one


SOON = refused(Cause.LIMITS, word=Word.COOLING_DOWN)
SPOOF = refused(Cause.LIVENESS, "relief_share")
YES = msgspec.structs.replace(RECORD, word=Word.MATCH)
BEN = msgspec.structs.replace(SPOOF, user="ben")


@pytest.mark.parametrize(
    ("records", "telling"),
    [
        pytest.param([SPOOF, SOON], SPOOF, id="newest"),
        pytest.param([YES, SPOOF], SPOOF, id="one before a yes"),
        pytest.param([SOON, SOON, SPOOF, YES], SPOOF, id="tried again at once"),
        pytest.param([SOON, BEN, SPOOF], SPOOF, id="with another's between"),
        pytest.param([SOON, BEN], SOON, id="after another's"),
        pytest.param([SOON, YES, SPOOF], SOON, id="tried again after a yes"),
        pytest.param([SOON], SOON, id="nothing before"),
        pytest.param([YES], None, id="none"),
    ],
)
def test_a_try_too_soon_does_not_hide_why_the_one_before_was_refused(
    records: list[Record], telling: Record | None
) -> None:
    assert telling_refusal(records) is telling


NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "ago_s"),
    [("90s", 90), ("30min", 1_800), ("2m", 120), ("12h", 43_200), ("3d", 259_200), ("2w", 1_209_600), ("1 h", 3_600)],
)
def test_a_time_is_said_as_so_long_ago(text: str, ago_s: int) -> None:
    assert _since_s(text, NOW) == int(NOW.timestamp()) - ago_s


def test_a_time_is_said_as_a_date() -> None:
    assert _since_s("2026-05-04T11:00:00+00:00", NOW) == int(NOW.timestamp()) - 3_600
    assert _since_s("2026-01-31", NOW) == int(datetime(2026, 1, 31).astimezone().timestamp())


@pytest.mark.parametrize("text", ["", "yesterday", "-3d", "0d", "1.5h", "9999999d", "999999w", "2026-13-01", "3 d ago"])
def test_what_is_no_time_is_refused_in_words(text: str) -> None:
    with pytest.raises(RequestError, match="is no time"):
        _since_s(text, NOW)
