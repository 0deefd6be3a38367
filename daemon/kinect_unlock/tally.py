"""What is counted of one attempt for those who may ask why it ended as it did. Never a score, an image or a vector."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from kinect_unlock.findings import Findings
from kinect_unlock.halves import HalfName
from kinect_unlock.observations import Observation, Seen

_JUDGED_BY_LIVENESS = frozenset({Seen.SPOOF, Seen.UNSURE})


@dataclass(slots=True)
class Tally:
    """The counts so far. Decides nothing: what opens is the evidence's business."""

    frames: int = 0
    seen: Counter[Seen] = field(default_factory=Counter)
    findings: Findings = field(default_factory=Findings)  # of frames in which liveness was not sure of a living face
    short: Counter[HalfName] = field(default_factory=Counter)  # of usable frames in which a half fell short
    nod_due: bool = False  # it was the user, who was asked for a nod and has not given it
    barred: str | None = None  # the rule that refused, before anybody was looked at or after a match

    def take(self, observation: Observation) -> None:
        """Count one judged frame."""
        self.frames += 1
        self.seen[observation.seen] += 1
        if observation.seen in _JUDGED_BY_LIVENESS and observation.liveness is not None:
            self.findings.take(observation.liveness)

    def fell_short(self, halves: Iterable[HalfName]) -> None:
        """Count the halves that did not reach what they needed in one frame."""
        self.short.update(halves)
