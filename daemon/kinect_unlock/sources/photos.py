"""Photographs of people: no depth, so they can be enrolled and identified but never unlock.

The file's name is the identity: ``anna.jpg``, ``anna_1.jpg`` and ``anna-2.png`` all show anna, and so does every
picture in a sub-folder ``anna/``.
"""

import re
from collections import defaultdict
from pathlib import Path
from typing import Final

from kinect_unlock.arrays import U8
from kinect_unlock.errors import SourceError
from kinect_unlock.sources.pictures import read_color

SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png"})

_NUMBERED: Final = re.compile(r"(?P<name>.+?)[_-]\d+")
_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")


def read_photo(path: Path) -> U8:
    """Return a photograph as u8[H,W,3] RGB, turned upright by its EXIF orientation.

    Raises:
        SourceError: it cannot be read, is too large, or is not a whole PNG or JPEG.
    """
    return read_color(path)


def photos_in(folder: Path) -> dict[str, list[Path]]:
    """Find the photographs of each person in a folder, people and files in the order of their names.

    Hidden files and what is not a PNG or JPEG by its suffix are left out.

    Raises:
        SourceError: the folder cannot be read or holds no photograph, or a name cannot be a user's.
    """
    people: defaultdict[str, list[Path]] = defaultdict(list)
    for entry in _entries(folder):
        if entry.is_dir():
            photos = [photo for photo in _entries(entry) if _is_photo(photo)]
            if photos:
                people[_user(entry.name, entry)] += photos
        elif _is_photo(entry):
            numbered = _NUMBERED.fullmatch(entry.stem)
            people[_user(numbered["name"] if numbered else entry.stem, entry)].append(entry)
    if not people:
        raise SourceError(f"{folder}: holds no photograph; put name.jpg or name_1.jpg, name_2.jpg or name/*.jpg there")
    return {name: people[name] for name in sorted(people)}


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise SourceError(f"{folder}: cannot be read as a folder of photographs: {error.strerror}") from error


def _is_photo(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.is_file()


def _user(name: str, path: Path) -> str:
    if not _NAME.fullmatch(name):
        raise SourceError(
            f"{path}: {name!r} cannot be a user's name; use up to 64 of the characters A-Z a-z 0-9 _ . - and "
            "begin with a letter, a digit or _"
        )
    return name
