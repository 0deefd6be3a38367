"""Who is it, by the camera? Looks until there is enough to name somebody, then once says whom.

Theory. The source is open in LOOKING and nowhere else; every way out closes it and has exactly one report.
"""

from enum import StrEnum, unique
from typing import Final

from kinect_unlock.machines.table import Step, Table


@unique
class State(StrEnum):
    """Where an identification stands."""

    IDLE = "idle"
    LOOKING = "looking"  # source open


@unique
class Event(StrEnum):
    """What happened."""

    START = "start"
    SEEN_ENOUGH = "seen-enough"
    REJECTED = "rejected"  # enough frames of a spoof
    TIMED_OUT = "timed-out"
    CANCEL = "cancel"
    SOURCE_LOST = "source-lost"


@unique
class Effect(StrEnum):
    """What is to be done."""

    OPEN_SOURCE = "open-source"
    CLOSE_SOURCE = "close-source"
    REPORT_NAME = "report-name"
    REPORT_UNKNOWN = "report-unknown"
    REPORT_TIMED_OUT = "report-timed-out"
    REPORT_CANCELLED = "report-cancelled"
    REPORT_FAULT = "report-fault"


S, E, F = State, Event, Effect

OPEN_STATES: Final = frozenset({S.LOOKING})

IDENTIFY: Final[Table[State, Event, Effect]] = Table(
    name="identify",
    steps={
        (S.IDLE, E.START): Step(S.LOOKING, (F.OPEN_SOURCE,)),
        (S.LOOKING, E.SEEN_ENOUGH): Step(S.IDLE, (F.CLOSE_SOURCE, F.REPORT_NAME)),
        (S.LOOKING, E.REJECTED): Step(S.IDLE, (F.CLOSE_SOURCE, F.REPORT_UNKNOWN)),
        (S.LOOKING, E.TIMED_OUT): Step(S.IDLE, (F.CLOSE_SOURCE, F.REPORT_TIMED_OUT)),
        (S.LOOKING, E.CANCEL): Step(S.IDLE, (F.CLOSE_SOURCE, F.REPORT_CANCELLED)),
        (S.LOOKING, E.SOURCE_LOST): Step(S.IDLE, (F.CLOSE_SOURCE, F.REPORT_FAULT)),
    },
)
