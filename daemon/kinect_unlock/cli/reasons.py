"""Why an attempt ended as it did, for the person it was about: what came of it, what stood against it, what helps."""

from collections.abc import Callable, Mapping
from typing import Final

from kinect_unlock.audit import WELL, Cause, Record
from kinect_unlock.cli.words import HINTS
from kinect_unlock.entitlement import WORDS
from kinect_unlock.entitlement import Cause as Rule
from kinect_unlock.frames import Seen
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
    Word.NOT_ENROLLED: "not enrolled",
    Word.ENROLLED: "enrolled",
    Word.ENROL_FAILED: "not enrolled",
    Word.IDENTIFIED: "looked at",
    Word.NOT_AUTHORISED: "might not ask",
    Word.BUSY: "camera was taken",
    Word.SHUTTING_DOWN: "daemon was stopping",
}

# What liveness measures, as far as it helps to know.
_CUES: Final[dict[str, str]] = {
    "face_width_mm": "the face's width is no face's",
    "plane_residual_mm": "it is as flat as a picture",
    "quadric_residual_mm": "its shape is that of a bent sheet",
    "bend_residual_mm": "its shape is that of a bent sheet",
    "nose_relief_mm": "no nose stood out as noses do",
    "curvature_across_per_m": "the nose is not round as noses are",
    "curvature_least_per_m": "it bends along one direction only",
    "valid_depth": "parts of the face had no depth",
    "background_step_mm": "the face did not stand out from what is behind it",
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
    if record.cause in {None, Cause.LIMITS, Cause.ENDED, Cause.TEMPLATE}:
        return said
    reason, _ = why(record)
    return f"{said}: {reason.removeprefix(f'{record.word}: ')}"


def why(record: Record) -> tuple[str, str]:
    """Return what stood against an attempt, and what to do, in a sentence each."""
    if record.cause is None:
        return "nothing stood against it", ""
    return _REASONS[record.cause](record)


def advice(record: Record) -> str:
    """Return what to do, with the last hint that the person was given where it adds something."""
    _, remedy = why(record)
    if record.cause in {Cause.VIEW, Cause.UNSTEADY} and record.hint not in {None, Hint.LOOK_AT_CAMERA}:
        return f"{remedy} The last hint was: {HINTS[Hint(record.hint)]}."
    return remedy


def is_refusal(record: Record) -> bool:
    """Say whether somebody was not let in; who went away by themself was not refused."""
    return record.word not in WELL and record.cause is not Cause.ENDED and record.op in {"verify", "watch"}


def _by_policy(record: Record) -> tuple[str, str]:
    rule = {rule.value: rule for rule in Rule}.get(record.detail)
    if rule is None:
        return record.detail or "a rule of the configuration", "Give the password once."
    return WORDS[rule], _REMEDIES.get(rule, "Use the password.")


def _by_limits(record: Record) -> tuple[str, str]:
    if record.word is Word.LOCKED_OUT:
        return "too many attempts had failed", "Give the password once; it ends the lock-out."
    return "the last attempt was too short a time before", "Wait some seconds between attempts."


def _by_liveness(record: Record) -> tuple[str, str]:
    found = "; ".join(dict.fromkeys(_CUES.get(cue, cue.replace("_", " ")) for cue in record.detail.split(",") if cue))
    return (
        "by its depth it was not seen to be a living face" + (f" ({found})" if found else ""),
        "Face the camera from 0.5 to 1.2 m, with nothing before the face and no sun on it.",
    )


def _by_score(record: Record) -> tuple[str, str]:
    halves = " and ".join(_HALVES.get(half, half) for half in record.detail.split(",") if half) or "enough"
    return (
        f"the face was not like the enrolled one {halves}",
        "Look straight at the camera in even light. If this is usual, enrol again: `kinect-unlock enrol`.",
    )


def _by_view(record: Record) -> tuple[str, str]:
    return _VIEWS.get(record.detail, (f"the camera saw: {record.detail}", "Use the password."))


_REASONS: Final[Mapping[Cause, Callable[[Record], tuple[str, str]]]] = {
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
