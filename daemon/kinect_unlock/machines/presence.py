"""Locking behind an owner who walks away: from a face that was known to an empty chair. One for the daemon.

Theory. LOCK stands on two edges, out of AWAY and ASKING, that is, only after the owner was known to be there (PRESENT)
and was not for long enough. Whoever else is there neither locks nor keeps from locking: until a face says that it is
the owner, the time since the owner was last there goes on. Without a session to guard, or without a face known, it is
off. The camera is open in CONFIRMING, PRESENT, AWAY and ASKING.
"""

from enum import StrEnum, unique
from typing import Final

from kinect_unlock.machines.table import Step, Table


@unique
class State(StrEnum):
    """Where the guard of an open session stands."""

    OFF = "off"
    RESTING = "resting"  # nobody was known; another look comes later
    CONFIRMING = "confirming"  # a look whether the owner is there at all
    PRESENT = "present"
    AWAY = "away"  # the owner is not seen any more; the time runs
    ASKING = "asking"  # a look whether that is the owner; the time runs
    PAUSED = "paused"  # somebody else needs the camera


@unique
class Event(StrEnum):
    """What happened."""

    OPENED = "opened"  # a session that may be guarded is open; who sits there is not known
    ENDED = "ended"
    KNOWN = "known"  # a face said that the owner is there
    NOT_KNOWN = "not-known"  # a look came to no end, or another one
    LOST = "lost"
    BACK = "back"  # who was lost for a moment is there again
    SOMEBODY = "somebody"  # somebody is there who may be the owner
    GONE_LONG = "gone-long"
    DISTURBED = "disturbed"  # somebody else needed the camera, or it was lost
    REST_OVER = "rest-over"


@unique
class Effect(StrEnum):
    """What is to be done. Each one ends what was begun before, but `KEEP_TIME` and `FORGET_TIME`."""

    STOP = "stop"
    LOOK = "look"
    FOLLOW = "follow"  # the one nearest to the camera, who was just known
    FOLLOW_ON = "follow-on"  # as before
    REST = "rest"
    KEEP_TIME = "keep-time"
    FORGET_TIME = "forget-time"
    LOCK = "lock"


S, E, F = State, Event, Effect

OPEN_STATES: Final = frozenset({S.CONFIRMING, S.PRESENT, S.AWAY, S.ASKING})
_END: Final = Step(S.OFF, (F.FORGET_TIME, F.STOP))
_PAUSE: Final = Step(S.PAUSED, (F.FORGET_TIME, F.REST))
_LOCK: Final = Step(S.OFF, (F.FORGET_TIME, F.STOP, F.LOCK))
_KNOWN: Final = Step(S.PRESENT, (F.FORGET_TIME, F.FOLLOW))

PRESENCE: Final[Table[State, Event, Effect]] = Table(
    name="presence",
    steps={
        (S.OFF, E.OPENED): Step(S.CONFIRMING, (F.LOOK,)),
        **{(state, E.ENDED): _END for state in frozenset(S) - {S.OFF}},
        (S.CONFIRMING, E.KNOWN): _KNOWN,
        (S.CONFIRMING, E.NOT_KNOWN): Step(S.RESTING, (F.REST,)),
        (S.CONFIRMING, E.DISTURBED): Step(S.RESTING, (F.REST,)),
        (S.RESTING, E.REST_OVER): Step(S.CONFIRMING, (F.LOOK,)),
        # out of PRESENT
        (S.PRESENT, E.LOST): Step(S.AWAY, (F.KEEP_TIME,)),
        (S.PRESENT, E.DISTURBED): _PAUSE,
        # out of AWAY
        (S.AWAY, E.BACK): Step(S.PRESENT, (F.FORGET_TIME,)),
        (S.AWAY, E.SOMEBODY): Step(S.ASKING, (F.LOOK,)),
        (S.AWAY, E.GONE_LONG): _LOCK,
        (S.AWAY, E.DISTURBED): _PAUSE,
        # out of ASKING
        (S.ASKING, E.KNOWN): _KNOWN,
        (S.ASKING, E.NOT_KNOWN): Step(S.AWAY, (F.FOLLOW_ON,)),
        (S.ASKING, E.GONE_LONG): _LOCK,
        (S.ASKING, E.DISTURBED): _PAUSE,
        # out of PAUSED: whoever is there now must be known again
        (S.PAUSED, E.REST_OVER): Step(S.AWAY, (F.KEEP_TIME, F.FOLLOW_ON)),
    },
    ignored=frozenset({(S.OFF, E.ENDED), (S.OFF, E.GONE_LONG)}),
)
