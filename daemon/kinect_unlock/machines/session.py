"""The desktop session: what the daemon believes of it, and when it asks for a change.

Theory. The daemon believes what it sees (SEEN_LOCKED, SEEN_UNLOCKED), not what it asked for. Nothing seen yet counts
as locked. RUN_UNLOCK_HOOK stands on one edge, out of LOCKED. A hook that fails leads back, never on.
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

    LOCK_ASKED = "lock-asked"
    UNLOCK_GRANTED = "unlock-granted"  # the user was matched and wants the session opened
    SEEN_LOCKED = "seen-locked"
    SEEN_UNLOCKED = "seen-unlocked"
    HOOK_FAILED = "hook-failed"


@unique
class Effect(StrEnum):
    """What is to be done."""

    RUN_LOCK_HOOK = "run-lock-hook"
    RUN_UNLOCK_HOOK = "run-unlock-hook"


S, E, F = State, Event, Effect

SESSION: Final[Table[State, Event, Effect]] = Table(
    name="session",
    steps={
        (S.UNLOCKED, E.LOCK_ASKED): Step(S.LOCKING, (F.RUN_LOCK_HOOK,)),
        (S.UNLOCKED, E.SEEN_LOCKED): Step(S.LOCKED),
        # out of LOCKING
        (S.LOCKING, E.SEEN_LOCKED): Step(S.LOCKED),
        (S.LOCKING, E.HOOK_FAILED): Step(S.UNLOCKED),  # nobody saw it lock, so nobody may rely on it
        # out of LOCKED
        (S.LOCKED, E.LOCK_ASKED): Step(
            S.LOCKING, (F.RUN_LOCK_HOOK,)
        ),  # again does no harm; believed locked may be wrong
        (S.LOCKED, E.UNLOCK_GRANTED): Step(S.UNLOCKING, (F.RUN_UNLOCK_HOOK,)),
        (S.LOCKED, E.SEEN_UNLOCKED): Step(S.UNLOCKED),
        # out of UNLOCKING
        (S.UNLOCKING, E.SEEN_UNLOCKED): Step(S.UNLOCKED),
        (S.UNLOCKING, E.HOOK_FAILED): Step(S.LOCKED),
    },
    ignored=frozenset(
        {
            # No news.
            (S.UNLOCKED, E.SEEN_UNLOCKED),
            (S.LOCKED, E.SEEN_LOCKED),
            # How it still is while the hook runs.
            (S.LOCKING, E.SEEN_UNLOCKED),
            (S.UNLOCKING, E.SEEN_LOCKED),
        }
    ),
)
