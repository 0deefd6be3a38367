"""A desktop session: what the daemon believes of it, and when it asks for a change. One machine for each session.

Theory. The daemon believes what it sees (SEEN_LOCKED, SEEN_UNLOCKED), not what it asked for. Nothing seen yet counts
as locked. UNLOCK stands on one edge, out of LOCKED. What fails or is not confirmed in time leads back, never on: where
a locker tells nobody how the session is, UNLOCKING ends in LOCKED, and another lock must come before it is asked again.
"""

from enum import StrEnum, unique
from typing import Final

from kinect_unlock.machines.table import Step, Table


@unique
class State(StrEnum):
    """Where the session stands."""

    UNLOCKED = "unlocked"
    LOCKING = "locking"
    LOCKED = "locked"
    UNLOCKING = "unlocking"


@unique
class Event(StrEnum):
    """What happened."""

    LOCK_ASKED = "lock-asked"  # of us: somebody wants it locked
    LOCK_HEARD = "lock-heard"  # of the locker, by whomsoever; that it will lock is not known
    UNLOCK_GRANTED = "unlock-granted"  # the user was matched and wants the session opened
    SEEN_LOCKED = "seen-locked"
    SEEN_UNLOCKED = "seen-unlocked"
    FAILED = "failed"  # what was asked for could not even be asked
    TIMED_OUT = "timed-out"  # it was asked, and nothing was seen of it


@unique
class Effect(StrEnum):
    """What is to be done."""

    LOCK = "lock"
    UNLOCK = "unlock"


S, E, F = State, Event, Effect

SESSION: Final[Table[State, Event, Effect]] = Table(
    name="session",
    steps={
        (S.UNLOCKED, E.LOCK_ASKED): Step(S.LOCKING, (F.LOCK,)),
        (S.UNLOCKED, E.LOCK_HEARD): Step(S.LOCKING),
        (S.UNLOCKED, E.SEEN_LOCKED): Step(S.LOCKED),
        # out of LOCKING
        (S.LOCKING, E.LOCK_ASKED): Step(S.LOCKING, (F.LOCK,)),  # again does no harm
        (S.LOCKING, E.SEEN_LOCKED): Step(S.LOCKED),
        (S.LOCKING, E.SEEN_UNLOCKED): Step(S.UNLOCKED),  # by hand, before the lock came; then that will be seen too
        (S.LOCKING, E.FAILED): Step(S.UNLOCKED),  # nobody saw it lock, so nobody may rely on it
        (S.LOCKING, E.TIMED_OUT): Step(S.LOCKED),  # a locker that tells nobody: what is not known counts as locked
        # out of LOCKED
        (S.LOCKED, E.LOCK_ASKED): Step(S.LOCKING, (F.LOCK,)),  # again does no harm; believed locked may be wrong
        (S.LOCKED, E.UNLOCK_GRANTED): Step(S.UNLOCKING, (F.UNLOCK,)),
        (S.LOCKED, E.SEEN_UNLOCKED): Step(S.UNLOCKED),
        # out of UNLOCKING
        (S.UNLOCKING, E.LOCK_ASKED): Step(S.LOCKING, (F.LOCK,)),
        (S.UNLOCKING, E.LOCK_HEARD): Step(S.LOCKING),
        (S.UNLOCKING, E.SEEN_UNLOCKED): Step(S.UNLOCKED),
        (S.UNLOCKING, E.SEEN_LOCKED): Step(S.LOCKED),  # once more
        (S.UNLOCKING, E.FAILED): Step(S.LOCKED),
        (S.UNLOCKING, E.TIMED_OUT): Step(S.LOCKED),
    },
    ignored=frozenset(
        {
            # No news.
            (S.UNLOCKED, E.SEEN_UNLOCKED),
            (S.LOCKED, E.SEEN_LOCKED),
            (S.LOCKING, E.LOCK_HEARD),
            (S.LOCKED, E.LOCK_HEARD),
        }
    ),
)
