"""A look through the camera, for a person who may: shows what comes until somebody has seen enough or needs the camera.

Theory. The source is open in SHOWING and nowhere else; every way out closes it and has exactly one report. Nothing
here knows a user, so that no frame of a preview can match, unlock or count as a failure.
"""

from enum import StrEnum, unique
from typing import Final

from kinect_unlock.machines.table import Step, Table


@unique
class State(StrEnum):
    """Where a preview stands."""

    IDLE = "idle"
    SHOWING = "showing"  # source open


@unique
class Event(StrEnum):
    """What happened."""

    START = "start"
    TIMED_OUT = "timed-out"  # it was long enough, or a finite source is spent
    CANCEL = "cancel"
    SOURCE_LOST = "source-lost"


@unique
class Effect(StrEnum):
    """What is to be done."""

    OPEN_SOURCE = "open-source"
    CLOSE_SOURCE = "close-source"
    REPORT_ENDED = "report-ended"
    REPORT_CANCELLED = "report-cancelled"
    REPORT_FAULT = "report-fault"


S, E, F = State, Event, Effect

OPEN_STATES: Final = frozenset({S.SHOWING})

PREVIEW: Final[Table[State, Event, Effect]] = Table(
    name="preview",
    steps={
        (S.IDLE, E.START): Step(S.SHOWING, (F.OPEN_SOURCE,)),
        (S.SHOWING, E.TIMED_OUT): Step(S.IDLE, (F.CLOSE_SOURCE, F.REPORT_ENDED)),
        (S.SHOWING, E.CANCEL): Step(S.IDLE, (F.CLOSE_SOURCE, F.REPORT_CANCELLED)),
        (S.SHOWING, E.SOURCE_LOST): Step(S.IDLE, (F.CLOSE_SOURCE, F.REPORT_FAULT)),
    },
)
