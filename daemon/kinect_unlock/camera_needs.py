"""How many frames a second are needed at a moment. Pure; who reads the camera is told, and never decides.

A camera costs most by what is done with its frames: colour and depth are decoded, converted and looked at. So an open
camera that no attempt needs rests, one before which nobody stands is watched slowly, and as soon as depth shows
somebody in range, every frame is wanted.
"""

from enum import StrEnum, unique
from typing import Final

RESTING_HZ: Final = 2.0  # only to know that the camera still lives; nobody looks at these frames
FOLLOWING_HZ: Final = 4.0  # who walks is half a metre farther in the next frame: near enough to be the same one
# How long every frame stays wanted after somebody was in range: who leans back for a moment is not to wait, and a
# driver is not to be told another rate with every frame.
HELD_S: Final = 0.5


@unique
class Need(StrEnum):
    """What frames are needed for."""

    RESTING = "resting"  # for nothing: the camera is only kept open
    FOLLOWING = "following"  # by depth, to see that somebody is still there
    WATCHING = "watching"  # to see that somebody comes
    LOOKING = "looking"  # to judge who is there: all that the camera gives


def rate_hz(need: Need, watching_hz: float) -> float | None:
    """Return how many frames a second suffice; None: all that the camera gives."""
    match need:
        case Need.RESTING:
            return min(RESTING_HZ, watching_hz)
        case Need.FOLLOWING:
            return min(FOLLOWING_HZ, watching_hz)
        case Need.WATCHING:
            return watching_hz
        case Need.LOOKING:
            return None


def need_after(empty_s: float) -> Need:
    """Return what an attempt needs after so many seconds with nobody in range."""
    return Need.LOOKING if empty_s < HELD_S else Need.WATCHING
