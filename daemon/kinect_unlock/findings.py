"""Which cues decided against somebody: those that did not hold in most frames, each with the value in the middle."""

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Final

from kinect_unlock.observations import Cue, LivenessReport, Verdict

MOST: Final = 3
_KEPT: Final = 1024  # frames of a cue, half a minute: a preview may last an hour, an attempt seconds


@dataclass(slots=True)
class _Fallen:
    """One cue where it did not hold: in how many frames, and as it was in the last of them."""

    frames: int = 0
    last: deque[Cue] = field(default_factory=lambda: deque(maxlen=_KEPT))


@dataclass(slots=True)
class Findings:
    """The enforced cues that did not hold, over the frames so far.

    Kept apart: those that were measured and lie out of their bounds, which make a frame a spoof's, and those that
    could not be measured, which leave it unsure.
    """

    broken: dict[str, _Fallen] = field(default_factory=dict)
    missing: dict[str, _Fallen] = field(default_factory=dict)

    def take(self, report: LivenessReport) -> None:
        """Take one frame's report."""
        for cue in report.cues:
            if cue.enforced and not cue.holds:
                kept = self.missing if measured(cue) is None else self.broken
                fallen = kept.setdefault(cue.name, _Fallen())
                fallen.frames += 1
                fallen.last.append(cue)

    def deciding(self, verdict: Verdict, *, most: int = MOST) -> tuple[Cue, ...]:
        """Return what decided for a verdict, the cue of most frames first; nothing decides that somebody lives."""
        if verdict is Verdict.LIVE:
            return ()
        kept = self.broken if verdict is Verdict.SPOOF else self.missing
        # Of equals, the one that is reported first.
        often = sorted(kept.values(), key=lambda fallen: fallen.frames, reverse=True)[:most]
        return tuple(_middle(fallen.last) for fallen in often)


def deciding(reports: Iterable[LivenessReport], verdict: Verdict) -> tuple[Cue, ...]:
    """Return what decided for a verdict over some frames."""
    found = Findings()
    for report in reports:
        found.take(report)
    return found.deciding(verdict)


def place_of_deciding(reports: Mapping[int, LivenessReport], verdict: Verdict) -> int | None:
    """Return which frame shows best what decided: it has the verdict, and the first deciding cue's middle value.

    None: no frame has this verdict.
    """
    of_verdict = {key: report for key, report in reports.items() if report.verdict is verdict}
    if not of_verdict:
        return None
    found = deciding(of_verdict.values(), verdict)
    middle = measured(found[0]) if found else None
    if middle is None:
        return next(iter(of_verdict))

    def off(key: int) -> float:
        values = (measured(cue) for cue in of_verdict[key].cues if cue.name == found[0].name)
        return min((abs(value - middle) for value in values if value is not None), default=math.inf)

    return min(of_verdict, key=off)


def measured(cue: Cue) -> float | None:
    """Return a cue's value, None where there is none or it is no number."""
    return cue.value if cue.value is not None and math.isfinite(cue.value) else None


def _middle(cues: Sequence[Cue]) -> Cue:
    """Return the cue with the value in the middle, of frames that all have one or all have none."""
    values = [value for value in map(measured, cues) if value is not None]
    return replace(cues[-1], value=float(median(values)) if values else None)
