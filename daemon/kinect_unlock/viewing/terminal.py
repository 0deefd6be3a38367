"""A picture in a terminal, by textual-image: in kitty's or sixel graphics where there are any, else in blocks."""

import os
import select
import sys
import termios
import tty
from typing import Any, Final

from PIL import Image
from rich.console import Console
from textual_image import renderable

from kinect_unlock.frames import U8
from kinect_unlock.viewing.displays import Graphics, Wish

_WISHES: Final = {b"q": Wish.END, b"\x1b": Wish.END, b" ": Wish.PAUSE, b"s": Wish.SAVE}
_HOME: Final = "\x1b[H"
_KEYS_BYTES: Final = 64


class Terminal:
    """Shows pictures on the terminal's other screen, and gives the terminal back as it was."""

    def __init__(self, graphics: Graphics) -> None:
        self._graphics = graphics
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
        print_picture(self._console, picture, words, self._graphics)

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


def print_picture(console: Console, picture: U8, words: str, graphics: Graphics) -> None:
    """Print one picture as wide as the terminal, or as high, and the words under it."""
    room = console.height - 2
    height, width = picture.shape[:2]
    # A cell is about twice as high as it is wide.
    columns = min(console.width, round(room * 2 * width / height)) if console.is_terminal else console.width
    console.print(_form(graphics)(Image.fromarray(picture), width=max(8, columns), height="auto"))
    console.print(words, no_wrap=True, overflow="ellipsis", markup=False)


def _form(graphics: Graphics) -> Any:  # noqa: ANN401 - the library's renderables share no type
    match graphics:
        case "kitty":
            return renderable.TGPImage
        case "sixel":
            return renderable.SixelImage
        case "blocks":
            return renderable.HalfcellImage
        case "auto":
            # Without a terminal the library falls back to grey letters; coloured blocks survive in a log or a pager.
            return renderable.HalfcellImage if renderable.Image is renderable.UnicodeImage else renderable.Image
