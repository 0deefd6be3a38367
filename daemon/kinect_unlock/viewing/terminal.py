"""A picture in a terminal: in kitty's or sixel graphics by textual-image where there are any, else in half blocks.

Blocks are drawn here: they need no library, and any terminal of the last twenty years shows them.
"""

import os
import select
import sys
import termios
import tty
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import cv2
from PIL import Image
from rich.console import Console

from kinect_unlock.arrays import U8
from kinect_unlock.errors import ConfigError
from kinect_unlock.viewing.displays import Graphics, Wish

_WISHES: Final = {b"q": Wish.END, b"\x1b": Wish.END, b" ": Wish.PAUSE, b"s": Wish.SAVE}
_HOME: Final = "\x1b[H"
_KEYS_BYTES: Final = 64
_NARROWEST: Final = 20  # columns


# What makes an image printable; the library's classes for it share no type. None: blocks.
Form: TypeAlias = Callable[..., Any] | None


class Terminal:
    """Shows pictures on the terminal's other screen, and gives the terminal back as it was.

    Raises:
        ConfigError: graphics are asked for that cannot be had.
    """

    def __init__(self, graphics: Graphics) -> None:
        self._form = graphics_of(graphics)
        self._console = Console(highlight=False)
        self._keys = sys.stdin.fileno() if sys.stdin.isatty() else None
        self._before = None if self._keys is None else termios.tcgetattr(self._keys)
        if self._keys is not None:
            tty.setcbreak(self._keys)
        self._console.set_alt_screen(enable=True)
        self._console.show_cursor(show=False)

    def show(self, picture: U8, words: str) -> None:
        """Show a picture u8[h,w,3] and the words under it, in the upper left corner."""
        if self._console.is_terminal:
            self._console.file.write(_HOME)
        _print(self._console, picture, words, self._form)

    def wishes(self, wait_s: float) -> list[Wish]:
        """Return what keys asked for."""
        keys = () if self._keys is None else (self._keys,)
        readable, _, _ = select.select(keys, (), (), wait_s)
        if not readable:
            return []
        pressed = os.read(readable[0], _KEYS_BYTES)
        if not pressed:  # the terminal has gone
            return [Wish.END]
        if pressed.startswith(b"\x1b") and len(pressed) > 1:
            return []  # an arrow or another key that is several bytes, or the terminal's answer to a question
        return [_WISHES[key] for key in (pressed[at : at + 1] for at in range(len(pressed))) if key in _WISHES]

    def close(self) -> None:
        """Give the terminal back."""
        self._console.show_cursor()
        self._console.set_alt_screen(enable=False)
        if self._keys is not None and self._before is not None:
            termios.tcsetattr(self._keys, termios.TCSADRAIN, self._before)
            self._before = None


def _print(console: Console, picture: U8, words: str, form: Form) -> None:
    """Print one picture as wide as the terminal, or as high, and the words under it."""
    height, width = picture.shape[:2]
    # A cell is about twice as high as it is wide; without a terminal nothing limits the height.
    room = round((console.height - 2) * 2 * width / height) if console.is_terminal else console.width
    columns = max(_NARROWEST, min(console.width, room))
    if form is None:
        console.file.write(blocks(picture, columns))
    else:
        console.print(form(Image.fromarray(picture), width=columns, height="auto"))
    console.print(words, no_wrap=True, overflow="ellipsis", markup=False)


def blocks(picture: U8, columns: int) -> str:
    """Return a picture u8[h,w,3] as lines of half blocks in 24-bit colours, two of its pixels in a cell."""
    rows = max(1, round(columns * picture.shape[0] / picture.shape[1] / 2))
    small = cv2.resize(picture, (columns, 2 * rows), interpolation=cv2.INTER_AREA)
    lines = []
    for upper, lower in zip(small[0::2].tolist(), small[1::2].tolist(), strict=True):
        cells = (
            f"\x1b[38;2;{r};{g};{b};48;2;{red};{green};{blue}m\u2580"
            for (r, g, b), (red, green, blue) in zip(upper, lower, strict=True)
        )
        lines.append("".join(cells) + "\x1b[0m\n")
    return "".join(lines)


def graphics_of(graphics: Graphics) -> Form:
    """Return what prints an image in the terminal's own graphics; None: blocks do better.

    Raises:
        ConfigError: graphics are asked for that cannot be had.
    """
    if graphics == "blocks":
        return None
    try:
        from textual_image import renderable  # noqa: PLC0415 - an extra that blocks do without
    except ImportError as fault:
        if graphics == "auto":
            return None
        msg = f"{fault.name} is not installed: pip install 'kinect-unlock[view]', or use --graphics blocks"
        raise ConfigError(msg) from fault
    if not _is_sized():  # the library would divide by it
        if graphics == "auto":
            return None
        raise ConfigError("this terminal does not say how large it is; use --graphics blocks")
    own = {"kitty": renderable.TGPImage, "sixel": renderable.SixelImage}
    found = own.get(graphics, renderable.Image)
    return found if found in own.values() else None


def _is_sized() -> bool:
    try:
        size = os.get_terminal_size(sys.stdout.fileno())
    except (OSError, ValueError):  # no terminal: the library then assumes one of a usual size
        return True
    return size.columns > 0 and size.lines > 0
