"""How a check came out, and what all of them together come to."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, float], None]  # what is being done, and how much of it is, from 0 to 1


@unique
class State(StrEnum):
    """How a check came out; in the order from best to worst."""

    OK = "ok"
    NOTE = "note"  # works, or is not needed; worth knowing
    FAILED = "failed"

    @classmethod
    def of_lack(cls, *, needed: bool) -> "State":
        """Return how bad it is that something is missing."""
        return cls.FAILED if needed else cls.NOTE


@unique
class Section(StrEnum):
    """What a check is about; in the order in which faults are mended, since each rests on those before."""

    PROGRAM = "Program"
    CAMERA = "Camera"
    DRIVER = "Driver"
    RECOGNITION = "Recognition"
    DESKTOP = "Desktop"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: how it is, how that is known, and what to do."""

    section: Section
    name: str
    state: State
    evidence: str
    next_step: str = ""


def worst(checks: Iterable[Check]) -> State:
    """Return the worst state of all."""
    return max((check.state for check in checks), key=list(State).index, default=State.OK)


def first_to_mend(checks: Iterable[Check]) -> Check | None:
    """Return the fault to begin with: the first of the failed ones, in the order of the sections."""
    failed = [check for check in checks if check.state is State.FAILED]
    return min(failed, key=lambda check: list(Section).index(check.section), default=None)
