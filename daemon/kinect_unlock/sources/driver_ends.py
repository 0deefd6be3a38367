"""What the end of a driver's child means: in words, for the lives after it, and for the pipeline. Pure."""

from typing import TypeAlias, assert_never

from kinect_unlock.errors import DeviceMissing, DriverMissing, SourceError, SourceLost
from kinect_unlock.restarts import End
from kinect_unlock.sources.base import EndOfStream
from kinect_unlock.sources.driver_stream import BEAT_LIMIT_S, Broken, Fault

Said: TypeAlias = SourceError | EndOfStream | None  # what a driver ended with, if it said so itself


def end_of(said: Said, *, has_served: bool) -> End:
    """Return how a life ended whose driver said this, or nothing; what it says is believed before the first frame."""
    match said:
        case EndOfStream() if has_served:
            return End.CLOSED
        case SourceLost():
            return End.FAILED
        case SourceError() if not has_served:
            return End.REFUSED
        case _:
            return End.FAILED


def speaks_against_pipeline(said: Said, *, has_served: bool, is_rated: bool) -> bool:
    """Say whether the pipeline may be at fault: no frame came of it, or the child died before it was known to do."""
    if has_served:
        return said is None and not is_rated
    return not isinstance(said, DriverMissing | DeviceMissing)


def cause_of(broken: Broken, how: str) -> str:
    """Say what a driver did, as what follows "the camera driver"."""
    match broken.fault:
        case Fault.OVER:
            return how
        case Fault.SILENT:
            return f"hung: it said nothing for {BEAT_LIMIT_S:g} s and was ended"
        case Fault.NO_FRAME:
            return f"gave no frame within the {broken.words} and was ended"
        case Fault.NONSENSE:
            return f"said what cannot be ({broken.words}) and was ended"
        case Fault.FAILED:
            return f"gave up: {broken.said}" if str(broken.said) else "came to the end of its frames"
        case _:
            assert_never(broken.fault)
