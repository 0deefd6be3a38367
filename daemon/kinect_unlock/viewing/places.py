"""Where a moving picture is shown: in a window if there is a display, else in the terminal."""

import os
import sys
from collections.abc import Mapping
from typing import Final, Literal

from kinect_unlock.errors import ConfigError, RequestError
from kinect_unlock.viewing.displays import Display, Graphics, Where
from kinect_unlock.viewing.terminal import Terminal

_INSTALL: Final = "pip install 'kinect-unlock[view]'"
_DISPLAY_VARIABLES: Final = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")


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
    if place_to_show(where, os.environ, terminal=sys.stdout.isatty()) == "terminal":
        return Terminal(graphics)
    try:
        from kinect_unlock.viewing.window import Window  # noqa: PLC0415 - an extra that all else does without
    except ImportError as fault:
        raise ConfigError(f"a window needs {fault.name}, which is not installed: {_INSTALL}") from fault
    return Window(title)
