"""A look by depth alone for as long as it takes, until what is waited for is seen. Judges nobody.

Theory. The source is open in WATCHING and nowhere else; every way out closes it and has exactly one report.
"""

from enum import StrEnum, unique
from typing import Final

from kinect_unlock.machines.table import Step, Table


@unique
class State(StrEnum):
    """Where a vigil stands."""

    IDLE = "idle"
    WATCHING = "watching"  # source open


@unique
class Event(StrEnum):
    """What happened."""

    START = "start"
    SEEN = "seen"  # what was waited for
    TIMED_OUT = "timed-out"  # a finite source is spent
    CANCEL = "cancel"
    SOURCE_LOST = "source-lost"


@unique
class Effect(StrEnum):
    """What is to be done."""

    OPEN_SOURCE = "open-source"
    CLOSE_SOURCE = "close-source"
    REPORT_SEEN = "report-seen"
    REPORT_TIMED_OUT = "report-timed-out"
    REPORT_CANCELLED = "report-cancelled"
    REPORT_FAULT = "report-fault"


S, E, F = State, Event, Effect

OPEN_STATES: Final = frozenset({S.WATCHING})

VIGIL: Final[Table[State, Event, Effect]] = Table(
    name="vigil",
    steps={
        (S.IDLE, E.START): Step(S.WATCHING, (F.OPEN_SOURCE,)),
        (S.WATCHING, E.SEEN): Step(S.IDLE, (F.CLOSE_SOURCE, F.REPORT_SEEN)),
        (S.WATCHING, E.TIMED_OUT): Step(S.IDLE, (F.CLOSE_SOURCE, F.REPORT_TIMED_OUT)),
        (S.WATCHING, E.CANCEL): Step(S.IDLE, (F.CLOSE_SOURCE, F.REPORT_CANCELLED)),
        (S.WATCHING, E.SOURCE_LOST): Step(S.IDLE, (F.CLOSE_SOURCE, F.REPORT_FAULT)),
    },
)
