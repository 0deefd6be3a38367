"""When a camera's driver may be started again: back-off after failures, and the pause that a closed camera needs.

Pure rules over what is remembered of the driver's lives. A Kinect that is opened again as soon as it was closed is
lost to its driver for some seconds, so nothing is started within ``reappear_s`` of the end of a life that may have had
the camera, and for as long again its absence means only that it is not back yet.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto, unique
from typing import Final

from kinect_unlock.clock import NS_PER_S

BACK_OFF_S: Final = 0.5  # after the first failure; each further one in a row doubles it
MAX_BACK_OFF_S: Final = 30.0
STEADY_S: Final = 10.0  # a life that gave frames for so long does not carry on the failures before it
_DOUBLINGS: Final = 16  # beyond them the cap holds whatever the base


@unique
class End(Enum):
    """How a driver's life ended."""

    CLOSED = auto()  # because it was told to, after it had given frames
    GIVEN_UP = auto()  # because it was told to, before its first frame
    FAILED = auto()  # it crashed, hung, lied, gave no frame, or said that it cannot go on
    REFUSED = auto()  # it said in good order why there is nothing to open, and so never had the camera


@dataclass(frozen=True, slots=True)
class History:
    """What is remembered: failures in a row, the end of the last of them, and of the last life with the camera."""

    failures: int = 0
    failed_ns: int | None = None
    released_ns: int | None = None


def after(history: History, end: End, *, now_ns: int, served_s: float) -> History:
    """Return the history after a life that ended now and had given frames for ``served_s``."""
    match end:
        case End.REFUSED:
            return history
        case End.CLOSED:
            return History(released_ns=now_ns)
        case End.GIVEN_UP:
            return replace(history, released_ns=now_ns)
        case End.FAILED:
            before = 0 if served_s >= STEADY_S else history.failures
            return History(failures=before + 1, failed_ns=now_ns, released_ns=now_ns)


def back_off_s(failures: int) -> float:
    """Return how long to rest after so many failures in a row."""
    if failures <= 0:
        return 0.0
    return min(MAX_BACK_OFF_S, BACK_OFF_S * 2.0 ** min(failures - 1, _DOUBLINGS))


def may_start_ns(history: History, reappear_s: float) -> int:
    """Return the moment before which no driver may be started; 0: there is nothing to wait for."""
    rested_ns = _later(history.failed_ns, back_off_s(history.failures))
    return max(rested_ns, _later(history.released_ns, reappear_s))


def may_reappear(history: History, reappear_s: float, *, now_ns: int) -> bool:
    """Say whether a camera that is missing now may only be not back yet."""
    return now_ns < _later(history.released_ns, 2 * reappear_s)


def _later(since_ns: int | None, wait_s: float) -> int:
    return 0 if since_ns is None else since_ns + int(wait_s * NS_PER_S)
