"""Is it the user? One attempt, and what follows it.

Theory. The source is open in SEARCHING and CHECKING and nowhere else. An attempt has exactly one report. There are
two ways out of it that cost nothing, ACCEPTED and PASSWORD_OK; every other one goes to COOLDOWN with SETTLE, so that
hanging up, walking off or losing the camera never escapes the limiter. REPORT_MATCH stands on one edge. Where a nod is
needed too, who is recognised without one has only been RECOGNISED, and is looked at further. Only a password leaves
LOCKED_OUT. Everything that decides about transitions is in this file.

Resting states (IDLE, COOLDOWN, LOCKED_OUT) are not kept in memory: they are read from the user's ledger.
"""

from enum import StrEnum, unique
from typing import Final

from kinect_unlock.machines.table import Step, Table


@unique
class State(StrEnum):
    """Where a user's verification stands."""

    IDLE = "idle"
    SEARCHING = "searching"  # source open, no face
    CHECKING = "checking"  # source open, a face is looked at
    COOLDOWN = "cooldown"
    LOCKED_OUT = "locked-out"


@unique
class Event(StrEnum):
    """What happened."""

    START = "start"
    FACE_FOUND = "face-found"
    FACE_LOST = "face-lost"
    RECOGNISED = "recognised"  # it is the user, but the nod that is asked for as well has not been seen
    ACCEPTED = "accepted"
    REJECTED = "rejected"  # enough frames of a stranger or spoof, at once or when time ran out
    TIMED_OUT = "timed-out"
    NOT_MEANT = "not-meant"  # time is up for somebody who was RECOGNISED, and has not nodded
    CANCEL = "cancel"
    SOURCE_LOST = "source-lost"
    COOLDOWN_OVER = "cooldown-over"
    RETRIES_SPENT = "retries-spent"
    PASSWORD_OK = "password-ok"  # noqa: S105 - an event


@unique
class Effect(StrEnum):
    """What is to be done."""

    OPEN_SOURCE = "open-source"
    CLOSE_SOURCE = "close-source"
    SETTLE = "settle"  # count a failure if it was one, begin the cool-down, save both
    CLEAR_FAILURES = "clear-failures"  # and save that
    RECORD_PASSWORD = "record-password"  # noqa: S105 - clears failures and lock-out, and saves that
    END_COOLDOWN = "end-cooldown"
    ASK_NOD = "ask-nod"
    REPORT_MATCH = "report-match"
    REPORT_NO_MATCH = "report-no-match"
    REPORT_TIMED_OUT = "report-timed-out"
    REPORT_NO_NOD = "report-no-nod"
    REPORT_CANCELLED = "report-cancelled"
    REPORT_FAULT = "report-fault"
    REPORT_COOLING_DOWN = "report-cooling-down"
    REPORT_LOCKED_OUT = "report-locked-out"


S, E, F = State, Event, Effect

OPEN_STATES: Final = frozenset({S.SEARCHING, S.CHECKING})

_MATCH = (F.CLOSE_SOURCE, F.CLEAR_FAILURES, F.REPORT_MATCH)
_NO_MATCH = (F.CLOSE_SOURCE, F.SETTLE, F.REPORT_NO_MATCH)
_TIMED_OUT = (F.CLOSE_SOURCE, F.SETTLE, F.REPORT_TIMED_OUT)
_NO_NOD = (F.CLOSE_SOURCE, F.SETTLE, F.REPORT_NO_NOD)
_CANCELLED = (F.CLOSE_SOURCE, F.SETTLE, F.REPORT_CANCELLED)
_FAULT = (F.CLOSE_SOURCE, F.SETTLE, F.REPORT_FAULT)
_PASSWORD = (F.CLOSE_SOURCE, F.RECORD_PASSWORD, F.REPORT_CANCELLED)

VERIFY: Final[Table[State, Event, Effect]] = Table(
    name="verify",
    steps={
        (S.IDLE, E.START): Step(S.SEARCHING, (F.OPEN_SOURCE,)),
        (S.IDLE, E.PASSWORD_OK): Step(S.IDLE, (F.RECORD_PASSWORD,)),
        # out of SEARCHING
        (S.SEARCHING, E.FACE_FOUND): Step(S.CHECKING),
        (S.SEARCHING, E.REJECTED): Step(S.COOLDOWN, _NO_MATCH),  # rejected before, gone when time ran out
        (S.SEARCHING, E.TIMED_OUT): Step(S.COOLDOWN, _TIMED_OUT),
        (S.SEARCHING, E.NOT_MEANT): Step(S.COOLDOWN, _NO_NOD),
        (S.SEARCHING, E.CANCEL): Step(S.COOLDOWN, _CANCELLED),
        (S.SEARCHING, E.SOURCE_LOST): Step(S.COOLDOWN, _FAULT),
        (S.SEARCHING, E.PASSWORD_OK): Step(S.IDLE, _PASSWORD),
        # out of CHECKING
        (S.CHECKING, E.FACE_LOST): Step(S.SEARCHING),
        (S.CHECKING, E.RECOGNISED): Step(S.CHECKING, (F.ASK_NOD,)),
        (S.CHECKING, E.ACCEPTED): Step(S.IDLE, _MATCH),
        (S.CHECKING, E.REJECTED): Step(S.COOLDOWN, _NO_MATCH),
        (S.CHECKING, E.TIMED_OUT): Step(S.COOLDOWN, _TIMED_OUT),
        (S.CHECKING, E.NOT_MEANT): Step(S.COOLDOWN, _NO_NOD),
        (S.CHECKING, E.CANCEL): Step(S.COOLDOWN, _CANCELLED),
        (S.CHECKING, E.SOURCE_LOST): Step(S.COOLDOWN, _FAULT),
        (S.CHECKING, E.PASSWORD_OK): Step(S.IDLE, _PASSWORD),
        # out of COOLDOWN
        (S.COOLDOWN, E.START): Step(S.COOLDOWN, (F.REPORT_COOLING_DOWN,)),
        (S.COOLDOWN, E.COOLDOWN_OVER): Step(S.IDLE, (F.END_COOLDOWN,)),
        (S.COOLDOWN, E.RETRIES_SPENT): Step(S.LOCKED_OUT),
        (S.COOLDOWN, E.PASSWORD_OK): Step(S.IDLE, (F.RECORD_PASSWORD,)),
        # out of LOCKED_OUT
        (S.LOCKED_OUT, E.START): Step(S.LOCKED_OUT, (F.REPORT_LOCKED_OUT,)),
        (S.LOCKED_OUT, E.PASSWORD_OK): Step(S.IDLE, (F.RECORD_PASSWORD,)),
    },
    # A frame that shows the face still, or still none, is no news.
    ignored=frozenset({(S.CHECKING, E.FACE_FOUND), (S.SEARCHING, E.FACE_LOST)}),
)
