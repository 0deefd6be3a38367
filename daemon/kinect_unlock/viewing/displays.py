"""What shows a moving picture and hears keys: the protocol, and the choice between window and terminal."""

import os
import sys
from collections.abc import Mapping
from enum import Enum, unique
from typing import Final, Literal, Protocol, TypeAlias

from kinect_unlock.errors import ConfigError, RequestError
from kinect_unlock.frames import U8

Where: TypeAlias = Literal["auto", "window", "terminal"]
Graphics: TypeAlias = Literal["auto", "kitty", "sixel", "blocks"]

KEYS: Final = "space: pause   s: save a picture   q: end"
_INSTALL: Final = "pip install 'kinect-unlock[view]'"
_DISPLAY_VARIABLES: Final = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")


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


def place_to_show(where: Where, environ: Mapping[str, str], *, terminal: bool) -> Literal["window", "terminal"]:
    """Return where to show a moving picture; ``terminal`` says whether standard output is one.

    Raises:
        RequestError: there is neither a display nor a terminal.
    """
    if where != "auto":
        return where
    if any(environ.get(name) for name in _DISPLAY_VARIABLES):
        return "window"
    if terminal:
        return "terminal"
    raise RequestError("there is neither a display nor a terminal; name a file with --png or --mp4, or use --in")


def open_display(where: Where, graphics: Graphics, title: str) -> Display:
    """Open a window or take the terminal.

    Raises:
        ConfigError: what it needs is not installed or does not work here.
        RequestError: there is no place to show anything.
    """
    place = place_to_show(where, os.environ, terminal=sys.stdout.isatty())
    try:
        if place == "window":
            from kinect_unlock.viewing.window import Window  # noqa: PLC0415 - an extra that files do without

            return Window(title)
        from kinect_unlock.viewing.terminal import Terminal  # noqa: PLC0415 - the same

        return Terminal(graphics)
    except ImportError as fault:
        raise ConfigError(f"a {place} needs {fault.name}, which is not installed: {_INSTALL}") from fault
