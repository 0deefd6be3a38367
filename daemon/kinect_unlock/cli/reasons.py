"""Why an attempt ended as it did, for the person it was about: what came of it, what stood against it, what helps."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from kinect_unlock import cue_words
from kinect_unlock.audit import WELL, Cause, Ending, Record
from kinect_unlock.cli.words import HINTS
from kinect_unlock.entitlement import WORDS
from kinect_unlock.entitlement import Cause as Rule
from kinect_unlock.observations import Seen
from kinect_unlock.wire import Hint, Word

_OUTCOMES: Final[dict[Word, str]] = {
    Word.MATCH: "recognised",
    Word.UNLOCKED: "recognised, unlocked",
    Word.NO_MATCH: "not recognised",
    Word.TIMED_OUT: "nobody judged in time",
    Word.CANCELLED: "broken off",
    Word.COOLING_DOWN: "too soon after the last",
    Word.LOCKED_OUT: "locked out",
    Word.PASSWORD_NEEDED: "password needed first",
    Word.HOOK_FAILED: "not unlocked",
    Word.NOT_ENROLLED: "not enrolled",
    Word.ENROLLED: "enrolled",
    Word.ENROL_FAILED: "not enrolled",
    Word.IDENTIFIED: "looked at",
    Word.NOT_AUTHORISED: "might not ask",
    Word.BUSY: "camera was taken",
    Word.SHUTTING_DOWN: "daemon was stopping",
}

# What the camera saw most, and what helps.
_VIEWS: Final[dict[str, tuple[str, str]]] = {
    "no-frames": ("the camera gave no picture", "See `kinect-unlock status` and `kinect-unlock doctor`."),
    Seen.NO_FACE: (
        "no face was seen",
        "Sit before the camera and look at it; `kinect-unlock view` shows what it sees.",
    ),
    Seen.DARK: ("it was too dark to see a face", "Turn on a light."),
    Seen.MANY_FACES: ("several people were seen", "Be alone before the camera, posters of people included."),
    Seen.TOO_NEAR: ("the face was too near", "Move back a little."),
    Seen.TOO_FAR: ("the face was too far away", "Move closer."),
    Seen.TURNED_AWAY: ("the face was turned away", "Look at the camera."),
    Seen.BLURRED: ("the picture was blurred", "Hold still, and have more light."),
    Seen.NO_DEPTH: ("the face had no depth", "Keep it clear of hands and hair; sunlight blinds the depth camera."),
    Seen.DEPTH_UNFIT: ("the face's depth could not be compared", "Come closer and look straight at the camera."),
}

_HALVES: Final[dict[str, str]] = {"rgb": "in colour", "depth": "in depth", "rgbd": "in colour with depth"}

_SEEN_BEST: Final = "A face is seen best from 0.5 to 1.2 m, without sun on it."

_REMEDIES: Final[dict[Rule, str]] = {
    Rule.SERVICE_UNKNOWN: "Only who administers the computer can let a service ask, under services in config.yaml.",
    Rule.SERVICE_NEVER: "Only who administers the computer can let a service ask, under services in config.yaml.",
    Rule.REMOTE: "Over the network only the password helps.",
    Rule.LID_SHUT: "Open the lid.",
    Rule.LOCKED: "Unlock the session first.",
    Rule.LOGINS_UNKNOWN: "Ask `kinect-unlock doctor`; until that is mended the password helps.",
}


def outcome(record: Record) -> str:
    """Say what came of an attempt, in a few words; a refused one with why."""
    said = _OUTCOMES.get(record.word, record.word.replace("-", " "))
    if record.word is Word.IDENTIFIED and record.user is None:
        said = "nobody that is enrolled"
    if record.word is Word.UNLOCKED and record.detail:
        return f"recognised: {record.detail}"
    if record.word is Word.CANCELLED and record.cause is Cause.ENDED and record.detail != record.word:
        return f"{said}: {record.detail}"
    if record.cause in {None, Cause.LIMITS, Cause.ENDED, Cause.TEMPLATE}:
        return said
    reason, _ = why(record)
    if record.cause is Cause.INTENT:
        return reason
    return f"{said}: {reason.removeprefix(f'{record.word}: ')}"


def why(record: Ending) -> tuple[str, str]:
    """Return what stood against an attempt, and what to do, in a sentence each."""
    if record.cause is None:
        return "nothing stood against it", ""
    return _REASONS[record.cause](record)


def findings(record: Ending) -> list[str]:
    """Say of each cue that decided what it measured, what it must be and what that means: two lines for each."""
    told = []
    for cue in record.cues:
        told.append(f"{cue_words.title(cue.name)}: {cue_words.value_words(cue)}, must be {cue_words.bound_words(cue)}")
        told.append(f"  {cue_words.meaning(cue)}")
    return told


def advice(record: Ending) -> str:
    """Return what to do, with the last hint that the person was given where it adds something."""
    _, remedy = why(record)
    if record.cause in {Cause.VIEW, Cause.UNSTEADY} and record.hint not in {None, Hint.LOOK_AT_CAMERA}:
        return f"{remedy} The last hint was: {HINTS[Hint(record.hint)]}."
    return remedy


def tell(console: Console, record: Ending, *, indent: str = "") -> None:
    """Print why an attempt was refused: what stood against it, what the deciding cues measured, what helps."""
    reason = _judgement(record) if record.cues else why(record)[0]
    lines = [
        f"[yellow]Why: {escape(reason)}.[/]",
        *(f"  {escape(line)}" for line in findings(record)),
        f"[cyan]What helps:[/] {escape(advice(record))}",
    ]
    for line in lines:
        console.print(Padding(line, (0, 0, 0, len(indent)), expand=False))


def is_refusal(record: Record) -> bool:
    """Say whether somebody was not let in; who went away by themself was not refused."""
    return record.word not in WELL and record.cause is not Cause.ENDED and record.op in {"verify", "watch"}


def telling_refusal(records: Iterable[Record]) -> Record | None:
    """Return the newest refusal of records, newest first; of tries too soon after one, that one, which says more."""
    found = None
    for record in records:
        if found is not None and record.user != found.user:
            continue
        if is_refusal(record):
            found = record
            if record.word is not Word.COOLING_DOWN:
                break
        elif found is not None:
            break
    return found


def _by_policy(record: Ending) -> tuple[str, str]:
    rule = {rule.value: rule for rule in Rule}.get(record.detail)
    if rule is None:
        return record.detail or "a rule of the configuration", "Give the password once."
    return WORDS[rule], _REMEDIES.get(rule, "Use the password.")


def _by_limits(record: Ending) -> tuple[str, str]:
    if record.word is Word.LOCKED_OUT:
        return "too many attempts had failed", "Give the password once; it ends the lock-out."
    return "the last attempt was too short a time before", "Wait some seconds between attempts."


def _by_liveness(record: Ending) -> tuple[str, str]:
    names = tuple(name for name in record.detail.split(",") if name)
    more = cue_words.meaning(record.cues[0]) if record.cues else ", ".join(map(cue_words.title, names))
    reason = _judgement(record) + (f" ({more})" if more else "")
    return reason, " ".join((*cue_words.remedies(names)[:1], _SEEN_BEST))


def _judgement(record: Ending) -> str:
    if not record.cues:
        return "it was not seen to be a living face"
    unsure = record.cues[0].value is None
    return "it was not sure that it is a living face" if unsure else "it was seen to be no living face"


def _by_score(record: Ending) -> tuple[str, str]:
    halves = " and ".join(_HALVES.get(half, half) for half in record.detail.split(",") if half) or "enough"
    return (
        f"the face was not like the enrolled one {halves}",
        "Look straight at the camera in even light. If this is usual, enrol again: `kinect-unlock enrol`.",
    )


def _by_view(record: Ending) -> tuple[str, str]:
    return _VIEWS.get(record.detail, (f"the camera saw: {record.detail}", "Use the password."))


_REASONS: Final[Mapping[Cause, Callable[[Ending], tuple[str, str]]]] = {
    Cause.POLICY: _by_policy,
    Cause.LIMITS: _by_limits,
    Cause.LIVENESS: _by_liveness,
    Cause.SCORE: _by_score,
    Cause.VIEW: _by_view,
    Cause.INTENT: lambda _: ("recognised, but no nod was seen", "Nod once, down and up again, when you are asked to."),
    Cause.UNSTEADY: lambda _: (
        "too few good pictures followed each other",
        "Keep still for a second, alone before the camera.",
    ),
    Cause.TEMPLATE: lambda record: (record.detail, f"Enrol: `kinect-unlock enrol {record.user}`."),
    Cause.ENDED: lambda record: (record.detail, "Ask again."),
    Cause.FAULT: lambda record: (record.detail, "See `kinect-unlock status` and `kinect-unlock doctor`."),
}
