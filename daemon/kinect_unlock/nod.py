"""Was there a nod? A head that was level, went down and up again or up and down, and is level once more. Pure.

What is asked for is a sign that nobody gives by sitting there: not a drift, not a slow look at something, not the noise
of a measured pose. The bounds were chosen on simulated nods only (raised cosines of 0.5 to 1.2 s and 12 to 25 degrees,
7 to 30 frames a second, errors of 2 degrees a frame); no recordings of real nods were to be had. A quick glance at the
keyboard and back is a nod to this measure, too. What tells a slow one is how long the head lingers down there, not only
when it was level: that seems so while it begins to go. Without errors looks of 2 s and more are none; with 2 degrees of
error a fifth of those of 2 s, and a twelfth of those of 3.6 s, is still taken for one.
"""

from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from statistics import median
from typing import Final

from kinect_unlock.clock import NS_PER_S

LEVEL_S: Final = 0.35  # the head must have been held for so long before ...
LEVEL_DEG: Final = 5.0  # ... within so much, the highest and the lowest fifth of its frames left out
AWAY_DEG: Final = 7.0  # two frames that follow each other are so far from level ...
PEAK_DEG: Final = 10.0  # ... and one of them so far
BACK_DEG: Final = 4.0  # and two that follow each other are so near to level again
SHORTEST_S: Final = 0.25  # from level to level; less is a jerk of the measurement
LONGEST_S: Final = 1.5  # more is a look at something
LINGERS_S: Final = 0.7  # beyond half of the way; a raised cosine is there for half of its time
_LEVEL_WINDOW_S: Final = 0.5
_KEPT_S: Final = LONGEST_S + _LEVEL_WINDOW_S
_FEWEST: Final = 6  # two level, two away, two back


@dataclass(frozen=True, slots=True)
class Tilt:
    """A head's pitch in one frame, positive when the nose points up."""

    captured_ns: int
    pitch_deg: float


@dataclass(frozen=True, slots=True)
class Nodding:
    """What is known of one head: how it was held of late, and whether it has nodded. Begins empty."""

    track: tuple[Tilt, ...] = ()
    nodded: bool = False


def with_tilt(before: Nodding, tilt: Tilt) -> Nodding:
    """Return what is known after one more frame; one that is older, or has no pitch, changes nothing."""
    if not isfinite(tilt.pitch_deg) or (before.track and tilt.captured_ns <= before.track[-1].captured_ns):
        return before
    oldest_ns = tilt.captured_ns - int(_KEPT_S * NS_PER_S)
    track = (*(one for one in before.track if one.captured_ns >= oldest_ns), tilt)
    return Nodding(track, before.nodded or _ends_nod(track))


def _ends_nod(track: tuple[Tilt, ...]) -> bool:
    """Say whether a nod ends with the newest two frames."""
    if len(track) < _FEWEST:
        return False
    back, newest = track[-2:]
    for index in range(1, len(track) - 3):
        begun = track[index]
        if _passed_s(begun, newest) > LONGEST_S or _passed_s(begun, back) < SHORTEST_S:
            continue
        level_deg = _level_before(track, index)
        if level_deg is None or max(abs(one.pitch_deg - level_deg) for one in (back, newest)) > BACK_DEG:
            continue
        if any(_goes_away(track[index + 1 : -2], level_deg, sign) for sign in (-1.0, 1.0)):
            return True
    return False


def _level_before(track: tuple[Tilt, ...], index: int) -> float | None:
    """Return the pitch at which the head was held up to a frame, None if it was not held."""
    held = [tilt for tilt in track[: index + 1] if _passed_s(tilt, track[index]) <= _LEVEL_WINDOW_S]
    pitches = sorted(tilt.pitch_deg for tilt in held)
    strays = len(pitches) // 5
    is_held = _passed_s(held[0], held[-1]) >= LEVEL_S and pitches[-1 - strays] - pitches[strays] <= LEVEL_DEG
    return median(pitches) if is_held else None


def _goes_away(between: tuple[Tilt, ...], level_deg: float, sign: float) -> bool:
    """Say whether two frames that follow each other are far off to one side, and the head does not linger there."""
    off_deg = [sign * (tilt.pitch_deg - level_deg) for tilt in between]
    if not any(min(pair) >= AWAY_DEG and max(pair) >= PEAK_DEG for pair in pairwise(off_deg)):
        return False
    peak_deg = max(off_deg)
    far = [tilt for tilt, off in zip(between, off_deg, strict=True) if off >= peak_deg / 2]
    return _passed_s(far[0], far[-1]) <= LINGERS_S


def _passed_s(since: Tilt, until: Tilt) -> float:
    return (until.captured_ns - since.captured_ns) / NS_PER_S
