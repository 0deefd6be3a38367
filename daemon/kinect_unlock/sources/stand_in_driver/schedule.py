"""When the faults of a stream come due in one opening."""

import random
from dataclasses import dataclass, field

from kinect_unlock.sources.stand_in_driver.plan import Fault, Moment, Plan


@dataclass(slots=True)
class _Entry:
    fault: Fault
    next_s: float | None  # of streaming; None: counted in frames
    spent: bool = False


@dataclass(slots=True)
class Schedule:
    """Gives each fault of an opening's stream when it is due; one per opening."""

    plan: Plan
    opening: int
    _entries: list[_Entry] = field(init=False)
    _chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        """Draw the first moments."""
        self._chance = random.Random(f"{self.plan.seed}/{self.opening}")  # noqa: S311 - repeatable, not secret
        self._entries = [_Entry(fault, self._first_s(fault)) for fault in self.plan.due(Moment.STREAM, self.opening)]

    def due(self, *, frames: int, elapsed_s: float) -> tuple[Fault, ...]:
        """Return the faults that have come due since the last call."""
        return tuple(entry.fault for entry in self._entries if self._takes(entry, frames, elapsed_s))

    def next_s(self) -> float | None:
        """Return when, in seconds of streaming, the next fault comes that does not wait for a frame."""
        return min((e.next_s for e in self._entries if e.next_s is not None and not e.spent), default=None)

    def _takes(self, entry: _Entry, frames: int, elapsed_s: float) -> bool:
        if entry.spent:
            return False
        if entry.next_s is None:
            entry.spent = entry.fault.frame is not None and frames >= entry.fault.frame
            return entry.spent
        if elapsed_s < entry.next_s:
            return False
        if entry.fault.mean_s is None:
            entry.spent = True
        else:
            entry.next_s = elapsed_s + self._chance.expovariate(1.0 / entry.fault.mean_s)
        return True

    def _first_s(self, fault: Fault) -> float | None:
        return fault.after_s if fault.mean_s is None else self._chance.expovariate(1.0 / fault.mean_s)
