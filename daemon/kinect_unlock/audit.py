"""One record of each attempt: who asked, for whom, what came of it and why. Pure; neither scores nor images.

The cause is for the owner's log, never for whoever stands before the camera: a reply that told it would teach a
picture's holder what to mend.
"""

from collections import Counter
from enum import StrEnum, unique
from typing import Final, Literal, TypeAlias, TypeVar

from msgspec import Struct

from kinect_unlock.frames import Seen
from kinect_unlock.tally import Tally
from kinect_unlock.wire import Hint, Reply, Word

_Name = TypeVar("_Name", bound=str)
Op: TypeAlias = Literal["verify", "enrol", "identify", "watch"]

OPENED: Final = frozenset({Word.MATCH, Word.UNLOCKED})
# Ends that are as they should be; every other one is told as a refusal.
WELL: Final = OPENED | {Word.ENROLLED, Word.IDENTIFIED, Word.OK}
_LIMITS: Final = frozenset({Word.COOLING_DOWN, Word.LOCKED_OUT})
_JUDGED: Final = frozenset({Word.NO_MATCH, Word.TIMED_OUT, Word.ENROL_FAILED})
_LONGEST_DETAIL: Final = 200
_CUES_NAMED: Final = 3
_FEW: Final = 0.1  # with a face in fewer of its frames, nobody was before the camera


@unique
class Cause(StrEnum):
    """What it was that kept an attempt from opening; the record's detail says more."""

    POLICY = "policy"  # a rule of the configuration or of the logins: which one
    LIMITS = "limits"  # a cool-down or a lock-out
    LIVENESS = "liveness"  # no living face by depth: which cues
    SCORE = "score"  # somebody else: which half of the encoder fell short
    VIEW = "view"  # the camera saw nothing that can be judged: what it saw most
    INTENT = "intent"  # recognised, but the nod was not seen
    UNSTEADY = "unsteady"  # usable frames, but too few that follow each other
    TEMPLATE = "template"  # not enrolled, or not so that it could match
    ENDED = "ended"  # whoever asked went away, or somebody else had the camera: how
    FAULT = "fault"  # something does not work: what


class Record(Struct, frozen=True, omit_defaults=True):
    """One attempt. ``uid`` and ``pid`` are of the process that asked; for PAM that is root's, and ``service`` tells."""

    number: int
    at_s: int  # when it ended, in seconds since 1970
    op: Op
    word: Word
    uid: int
    pid: int
    user: str | None = None
    service: str | None = None
    cause: Cause | None = None
    detail: str = ""
    duration_ms: int = 0
    frames: int = 0
    hint: Hint | None = None  # the last one that the person was given
    model_id: str = ""
    camera: str = ""  # serial number, where the driver says it
    origin: str = ""
    stream: str | None = None
    stream_sha256: str | None = None  # of the recording that was played
    uncounted: int = 0  # refusals of the same uid before this one, too many for a record each


def why(reply: Reply, tally: Tally, hint: Hint | None) -> tuple[Cause | None, str]:
    """Return why an attempt ended as it did, and what is to be said of that; no cause where all went well."""
    if reply.word in WELL:
        return None, ""
    if tally.barred is not None:
        return Cause.POLICY, tally.barred
    if reply.word in _JUDGED:
        return _judged(reply.word, tally, hint)
    if reply.word in _LIMITS:
        return Cause.LIMITS, reply.word.value
    cause = _OF_WORD.get(reply.word, Cause.FAULT)
    said = reply.message or ""
    return cause, _shortened(f"{reply.word}: {said}" if cause is Cause.FAULT and said else said or reply.word.value)


_OF_WORD: Final = {
    Word.PASSWORD_NEEDED: Cause.POLICY,
    Word.NOT_AUTHORISED: Cause.POLICY,
    Word.NOT_ENROLLED: Cause.TEMPLATE,
    Word.CANCELLED: Cause.ENDED,
    Word.BUSY: Cause.ENDED,
    Word.SHUTTING_DOWN: Cause.ENDED,
}


def _judged(word: Word, tally: Tally, hint: Hint | None) -> tuple[Cause, str]:
    """Return what stood against somebody who was looked at."""
    spoofs, shorts = tally.seen[Seen.SPOOF], max(tally.short.values(), default=0)
    if word is Word.NO_MATCH:
        return (Cause.LIVENESS, _most(tally.cues)) if spoofs >= max(shorts, 1) else (Cause.SCORE, _most(tally.short))
    faces = Counter({seen: count for seen, count in tally.seen.items() if seen is not Seen.NO_FACE})
    if faces.total() <= _FEW * tally.frames:
        return Cause.VIEW, Seen.NO_FACE.value if tally.frames else "no-frames"
    ((most, _),) = faces.most_common(1)
    if most in {Seen.SPOOF, Seen.UNSURE}:
        return Cause.LIVENESS, _most(tally.cues)
    if most is not Seen.FACE:
        return Cause.VIEW, most.value
    if hint is Hint.NOD:
        return Cause.INTENT, ""
    return (Cause.SCORE, _most(tally.short)) if shorts else (Cause.UNSTEADY, "")


def _most(counted: Counter[_Name]) -> str:
    return ",".join(name for name, _ in counted.most_common(_CUES_NAMED))


def _shortened(text: str) -> str:
    """Return one line that is not too long and moves no terminal's cursor."""
    text = "".join(sign if sign.isprintable() else " " for sign in text)
    return text if len(text) <= _LONGEST_DETAIL else f"{text[: _LONGEST_DETAIL - 3]}..."


def fields(record: Record) -> dict[str, str]:
    """Return what a log line tells of a record, in its order; what is not known is left out."""
    told: dict[str, object] = {
        "op": record.op,
        "user": record.user,
        "word": record.word.value,
        "uid": record.uid,
        "pid": record.pid,
        "service": record.service,
        "cause": record.cause,
        "detail": record.detail or None,
        "duration_ms": record.duration_ms,
        "frames": record.frames,
        "model": record.model_id or None,
        "camera": record.camera or None,
        "origin": record.origin or None,
        "stream": record.stream,
        "stream_sha256": record.stream_sha256,
        "uncounted": record.uncounted or None,
    }
    return {name: str(value) for name, value in told.items() if value is not None}


def is_of(record: Record, *, uid: int, name: str | None) -> bool:
    """Say whether a record is a user's own: of what they asked, or of what anybody asked about them."""
    return record.uid == uid or (name is not None and record.user == name)
