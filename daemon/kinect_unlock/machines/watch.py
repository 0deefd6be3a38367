"""Unlocking without being asked: from a session's lock to the one unlock that may follow it. One for the daemon.

Theory. UNLOCK stands on one edge, and leads to OFF: one lock is answered by at most one unlock. Before anybody is
looked at, the session was locked for a grace period and nobody was there for a while (LEAVING): it is never opened at
once under whoever has just locked it. The camera is open in LEAVING, WAITING and TRYING. Every try that did not end in
a match is followed by a rest, which grows, until the budget is spent; who asks in words is never affected.
"""

from enum import StrEnum, unique
from typing import Final

from kinect_unlock.machines.table import Step, Table


@unique
class State(StrEnum):
    """Where the watch over a locked session stands."""

    OFF = "off"
    GRACE = "grace"
    LEAVING = "leaving"  # until nobody has been there for a while
    WAITING = "waiting"  # until somebody comes
    TRYING = "trying"
    RESTING = "resting"


@unique
class Event(StrEnum):
    """What happened."""

    LOCKED = "locked"  # a session that may be watched, or the same one once more
    ENDED = "ended"  # it is unlocked, gone, not shown any more, or nobody can be before the camera
    GRACE_OVER = "grace-over"
    LEFT = "left"
    CAME = "came"
    MATCHED = "matched"
    REFUSED = "refused"  # any other end of a try
    BUDGET_SPENT = "budget-spent"
    DISTURBED = "disturbed"  # somebody else needed the camera, or it was lost
    REST_OVER = "rest-over"


@unique
class Effect(StrEnum):
    """What is to be done. Each one ends what was begun before."""

    STOP = "stop"
    BEGIN_GRACE = "begin-grace"
    WATCH_FOR_LEAVING = "watch-for-leaving"
    WATCH_FOR_COMING = "watch-for-coming"
    TRY = "try"
    REST = "rest"
    UNLOCK = "unlock"


S, E, F = State, Event, Effect

OPEN_STATES: Final = frozenset({S.LEAVING, S.WAITING, S.TRYING})
_UNDER_WAY: Final = frozenset(S) - {S.OFF}

WATCH: Final[Table[State, Event, Effect]] = Table(
    name="watch",
    steps={
        (S.OFF, E.LOCKED): Step(S.GRACE, (F.BEGIN_GRACE,)),
        **{(state, E.LOCKED): Step(S.GRACE, (F.BEGIN_GRACE,)) for state in _UNDER_WAY},
        **{(state, E.ENDED): Step(S.OFF, (F.STOP,)) for state in _UNDER_WAY},
        (S.GRACE, E.GRACE_OVER): Step(S.LEAVING, (F.WATCH_FOR_LEAVING,)),
        (S.LEAVING, E.LEFT): Step(S.WAITING, (F.WATCH_FOR_COMING,)),
        (S.LEAVING, E.DISTURBED): Step(S.GRACE, (F.BEGIN_GRACE,)),
        (S.WAITING, E.CAME): Step(S.TRYING, (F.TRY,)),
        (S.WAITING, E.DISTURBED): Step(S.RESTING, (F.REST,)),
        (S.TRYING, E.MATCHED): Step(S.OFF, (F.UNLOCK,)),
        (S.TRYING, E.REFUSED): Step(S.RESTING, (F.REST,)),
        (S.TRYING, E.DISTURBED): Step(S.RESTING, (F.REST,)),
        (S.TRYING, E.BUDGET_SPENT): Step(S.OFF, (F.STOP,)),
        (S.RESTING, E.REST_OVER): Step(S.WAITING, (F.WATCH_FOR_COMING,)),
    },
    ignored=frozenset({(S.OFF, E.ENDED)}),
)
