"""Small files of the kernel and of administrators, as text that may be shown."""

from pathlib import Path
from typing import Final

_LIMIT_CHARS: Final = 65_536


def shown(text: str) -> str:
    """Return the text with every character that a terminal might obey replaced by a question mark."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def content(path: Path) -> str:
    """Return what a text file holds, with its line ends; nothing for what is no readable file."""
    try:
        if not path.is_file():  # a pipe of that name would be waited for
            return ""
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_LIMIT_CHARS)
    except (OSError, ValueError):  # ValueError: a name with a NUL in it
        return ""


def word(path: Path) -> str:
    """Return a file's one line, fit to be shown; nothing for what is no readable file."""
    return shown(content(path).strip())


def entries(folder: Path) -> list[Path]:
    """Return what lies in a folder, by name; nothing for what is no readable folder."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def linked_name(path: Path) -> str:
    """Return the last part of where a link leads, as sysfs names drivers; nothing for what is no link."""
    try:
        return shown(path.readlink().name)
    except OSError:
        return ""
