"""What each cue of liveness means to a person: its name, its numbers, what a broken bound says, and what helps.

The words are a closed table. A cue that is reported has words, which a test holds; a cue of an older version, met in
an old record, is called by its name. Whoever stands before the camera is never told any of this.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from kinect_unlock.findings import measured
from kinect_unlock.observations import Cue

_UNITS_IN_NAMES: Final = ("_mm", "_deg", "_ms")
_UNSAID: Final = frozenset({"correlation"})  # a number as it is
_MANY: Final = 100.0


@dataclass(frozen=True, slots=True)
class CueWords:
    """What is to be said of one cue, each in less than a line of 74 signs.

    ``below`` and ``above`` say what it means that the value lies under or over the bounds, ``missing`` that there is
    none; ``help`` is what an honest person can do.
    """

    below: str
    above: str
    missing: str
    help: str


_NO_SURFACE: Final = "too little of the face has depth to measure it"
_FREE: Final = "Take away what is before your face: hands, hair, scarf. More light will not help."
_NEARER: Final = "Come nearer and face the camera. More light will not help: it sees depth by its own."
_STRAIGHT: Final = "Come nearer, look straight at the camera, and keep your nose free."
_CAMERA: Final = "Nothing you do: plug the camera in anew, and see `kinect-unlock doctor`."

WORDS: Final[Mapping[str, CueWords]] = MappingProxyType(
    {
        "face_width_mm": CueWords(
            "it is narrower than any grown face: a small picture, perhaps",
            "it is wider than any face: a poster, perhaps",
            _NO_SURFACE,
            "Be alone before the camera, pictures of people included.",
        ),
        "face_height_mm": CueWords(
            "it is lower than any grown face: a small picture, perhaps",
            "it is higher than any face: a poster, perhaps",
            _NO_SURFACE,
            "Be alone before the camera, pictures of people included.",
        ),
        "relief_share": CueWords(
            "it is as flat or as smooth as a picture, bent or not",
            "it stands out more than any face",
            _NO_SURFACE,
            _NEARER,
        ),
        "relief_likeness": CueWords(
            "what stands out of it does not do so where a face does",
            "it is more like a face than can be",
            _NO_SURFACE,
            _STRAIGHT,
        ),
        "sheet_residual_mm": CueWords(
            "brow, cheeks and chin lie as on a sheet of paper",
            "brow, cheeks and chin are rougher than a face",
            _NO_SURFACE,
            _FREE,
        ),
        "landmarks_apart_mm": CueWords(
            "colour and depth fit better than can be",
            "eyes and mouth are not where depth has them",
            _NO_SURFACE,
            _STRAIGHT,
        ),
        "valid_depth": CueWords(
            "parts of the face gave back no depth",
            "more of it has depth than can be",
            "it is not known how much of the face has depth",
            "Keep sun and glare off your face; wet or shining things give back no depth.",
        ),
        "background_step_mm": CueWords(
            "it does not stand out from what is behind it",
            "what is behind it is farther than can be",
            "beside the face there is no depth",
            "Keep some room behind your head, and nothing beside it.",
        ),
        "silhouette_apart_mm": CueWords(
            "its outline in depth is narrower than the face in colour",
            "its outline in depth is not a head's: a sheet or a screen, perhaps",
            "it has no outline in depth",
            "Keep some room beside your head, and hair or hood off your cheeks.",
        ),
        "off_axis_deg": CueWords(
            "it looks at the camera more than can be",
            "it does not look towards the camera",
            "it is not known where the face looks",
            "Look straight at the camera.",
        ),
        "eyes_open": CueWords(
            "its eyes are not open",
            "its eyes are wider open than can be",
            "it cannot be told whether its eyes are open",
            "Open your eyes, look at the camera, and take off dark glasses.",
        ),
        "depth_repeats": CueWords(
            "fewer depth images repeat than can be",
            "the same depth image came again: no camera's noise repeats",
            "it is not known whether depth images repeat",
            _CAMERA,
        ),
        "steps_back": CueWords(
            "time goes forward more often than can be",
            "the frames' time went backwards",
            "the frames have no time",
            _CAMERA,
        ),
        "clocks_apart_ms": CueWords(
            "the two clocks are closer than can be",
            "the camera's clock and the computer's do not go alike",
            "the camera gives no time of its own",
            _CAMERA,
        ),
        "color_still_ms": CueWords(
            "the colour picture changes more often than can be",
            "the colour picture stood still while depth went on",
            "it is not known since when the colour picture stands still",
            _CAMERA,
        ),
        "motion_apart_mm": CueWords(
            "colour and depth move together more than can be",
            "the face in colour and the one in depth do not move together",
            "it is not known yet whether colour and depth move together",
            "Hold still for a second.",
        ),
        "depth_noise_mm": CueWords(
            "its depth has less noise than a camera's",
            "its depth has more noise than a face's",
            "it is not known yet how much noise its depth has",
            "Hold still for a second, at arm's length from the camera.",
        ),
        "noise_growth": CueWords(
            "its depth has less noise than a camera's at such a distance",
            "its depth has more noise than a face's at such a distance",
            "it is not known yet how much noise its depth has",
            "Hold still for a second, at arm's length from the camera.",
        ),
    }
)


def title(name: str) -> str:
    """Return a cue's name without the unit that it ends in: that stands beside the value."""
    for unit in _UNITS_IN_NAMES:
        name = name.removesuffix(unit)
    return name.replace("_", " ").replace("color", "colour")


def value_words(cue: Cue) -> str:
    """Say what was measured."""
    value = measured(cue)
    if value is None:
        return "not measurable"
    if cue.unit == "share":
        return f"{round(value, 2) + 0.0:.0%}"  # never minus zero
    if cue.unit == "frames":
        return f"{value:g} frame{'s' * (value != 1)}"
    digits = 2 if abs(value) < _MANY else 1  # 7.98 is not 8, which would be enough
    unit = "" if cue.unit in _UNSAID else cue.unit
    return f"{value:.{digits}f} {unit}".rstrip()


def bound_words(cue: Cue) -> str:
    """Say what a cue must be."""
    if not cue.enforced or (cue.low is None and cue.high is None):
        return "reported only"
    low, high = (None if bound is None else _number(bound, cue.unit) for bound in (cue.low, cue.high))
    if low is not None and high is not None:
        return f"{low} to {high}"
    return f"{low} or more" if low is not None else f"{high} or less"


def meaning(cue: Cue) -> str:
    """Say what it means that a cue does not hold."""
    words = WORDS.get(cue.name)
    value = measured(cue)
    if words is None:
        return "it could not be measured" if value is None else "it lies out of its bounds"
    if value is None:
        return words.missing
    return words.below if cue.low is not None and value < cue.low else words.above


def remedies(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return what helps against broken cues, each once, that of the first cue first."""
    return tuple(dict.fromkeys(WORDS[name].help for name in names if name in WORDS))


def _number(bound: float, unit: str) -> str:
    return f"{bound:.0%}" if unit == "share" else f"{bound:g}"
