"""One record of each attempt: who asked, for whom, what came of it and why. Pure; neither scores nor images.

The cause is for the owner's log, never for whoever stands before the camera: a reply that told it would teach a
picture's holder what to mend. What the deciding cues measured is kept only of an attempt that counted as a failure, so
that the owner's malware, which can read the log, learns of a forgery as many values as there are failures before the
lock-out, and no more than its maker can measure at home with a Kinect: the bounds are no secret.
"""

import dataclasses
from collections import Counter
from enum import StrEnum, unique
from typing import Final, Literal, TypeAlias, TypeVar

from msgspec import Struct, to_builtins
from msgspec.structs import replace

from kinect_unlock.findings import Findings
from kinect_unlock.observations import Cue, Seen, Verdict
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
_DIGITS: Final = 2
_HALVES_NAMED: Final = 3
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


class Ending(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How an attempt ended, and why.

    ``cues`` are those that decided, where liveness did: each with the middle of its values in the frames in which it
    did not hold, or without one where it could not be measured.
    """

    word: Word
    user: str | None = None
    cause: Cause | None = None
    detail: str = ""
    cues: tuple[Cue, ...] = ()
    hint: Hint | None = None  # the last one that the person was given


class Record(Ending, frozen=True, omit_defaults=True, kw_only=True):
    """One attempt. ``uid`` and ``pid`` are of the process that asked; for PAM that is root's, and ``service`` tells."""

    number: int
    at_s: int  # when it ended, in seconds since 1970
    op: Op
    uid: int
    pid: int
    service: str | None = None
    duration_ms: int = 0
    frames: int = 0
    model_id: str = ""
    camera: str = ""  # serial number, where the driver says it
    origin: str = ""
    stream: str | None = None
    stream_sha256: str | None = None  # of the recording that was played
    uncounted: int = 0  # refusals of the same uid before this one, too many for a record each


def ending(reply: Reply, tally: Tally, hint: Hint | None) -> Ending:
    """Return how an attempt ended and why; without a cause where all went well."""
    told = Ending(word=reply.word, user=reply.user, hint=hint)
    if reply.word in WELL:
        return replace(told, detail=_shortened(reply.message or "")) if reply.word is Word.UNLOCKED else told
    if tally.barred is not None:
        return replace(told, cause=Cause.POLICY, detail=tally.barred)
    if reply.word is Word.NO_NOD or (reply.word is Word.CANCELLED and tally.nod_due):  # PAM waits no longer than we do
        return replace(told, cause=Cause.INTENT)
    if reply.word in _JUDGED:
        return _judged(told, tally)
    if reply.word in _LIMITS:
        return replace(told, cause=Cause.LIMITS, detail=reply.word.value)
    cause = _OF_WORD.get(reply.word, Cause.FAULT)
    said = reply.message or ""
    detail = _shortened(f"{reply.word}: {said}" if cause is Cause.FAULT and said else said or reply.word.value)
    return replace(told, cause=cause, detail=detail)


def explained(reply: Reply, tally: Tally, hint: Hint | None) -> Reply:
    """Return a last reply that says why as well, for a peer who asked that and may; one that is well as it is."""
    told = ending(reply, tally, hint)
    return reply if told.cause is None else replace(reply, data={**(reply.data or {}), "why": to_builtins(told)})


def kept(told: Ending) -> Ending:
    """Return what of an ending is kept for its user's own log; see the head of this module for why not all."""
    measured = any(cue.value is not None for cue in told.cues)
    return replace(told, cues=()) if measured and told.word is not Word.NO_MATCH else told


_OF_WORD: Final = {
    Word.PASSWORD_NEEDED: Cause.POLICY,
    Word.NOT_AUTHORISED: Cause.POLICY,
    Word.NOT_ENROLLED: Cause.TEMPLATE,
    Word.CANCELLED: Cause.ENDED,
    Word.BUSY: Cause.ENDED,
    Word.SHUTTING_DOWN: Cause.ENDED,
}


def _judged(told: Ending, tally: Tally) -> Ending:
    """Return what stood against somebody who was looked at."""
    spoofs, shorts = tally.seen[Seen.SPOOF], max(tally.short.values(), default=0)
    by_score = replace(told, cause=Cause.SCORE, detail=_most(tally.short))
    if told.word is Word.NO_MATCH:
        return _by_liveness(told, tally.findings, Verdict.SPOOF) if spoofs >= max(shorts, 1) else by_score
    faces = Counter({seen: count for seen, count in tally.seen.items() if seen is not Seen.NO_FACE})
    if faces.total() <= _FEW * tally.frames:
        return replace(told, cause=Cause.VIEW, detail=Seen.NO_FACE.value if tally.frames else "no-frames")
    ((most, _),) = faces.most_common(1)
    if most in _VERDICTS:
        return _by_liveness(told, tally.findings, _VERDICTS[most])
    if most is not Seen.FACE:
        return replace(told, cause=Cause.VIEW, detail=most.value)
    return by_score if shorts else replace(told, cause=Cause.UNSTEADY)


_VERDICTS: Final = {Seen.SPOOF: Verdict.SPOOF, Seen.UNSURE: Verdict.UNSURE}


def _by_liveness(told: Ending, findings: Findings, verdict: Verdict) -> Ending:
    cues = tuple(_rounded(cue) for cue in findings.deciding(verdict))
    return replace(told, cause=Cause.LIVENESS, detail=",".join(cue.name for cue in cues), cues=cues)


def _rounded(cue: Cue) -> Cue:
    """Return a cue whose value is Python's own number, as exact as it is shown."""
    return cue if cue.value is None else dataclasses.replace(cue, value=round(float(cue.value), _DIGITS))


def _most(counted: Counter[_Name]) -> str:
    return ",".join(name for name, _ in counted.most_common(_HALVES_NAMED))


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
