"""What every display does: it shows a moving picture and hears keys."""

from enum import Enum, unique
from typing import Final, Literal, Protocol, TypeAlias

from kinect_unlock.arrays import U8

Where: TypeAlias = Literal["auto", "window", "terminal"]
Graphics: TypeAlias = Literal["auto", "kitty", "sixel", "blocks"]

KEYS: Final = "space: pause   s: save a picture   q: end"


@unique
class Wish(Enum):
    """What a person asked for by a key or the window's frame."""

    END = "end"
    PAUSE = "pause"  # or go on again
    SAVE = "save"


class Display(Protocol):
    """Shows one picture after the other. Used by one thread; closed once by who opened it."""

    def show(self, picture: U8, words: str) -> None:
        """Show a picture u8[h,w,3], and say in one line what it shows."""
        ...

    def wishes(self, wait_s: float) -> list[Wish]:
        """Return what was asked for, waiting up to ``wait_s`` for something."""
        ...

    def close(self) -> None:
        """Take it away; harmless when closed already."""
        ...
