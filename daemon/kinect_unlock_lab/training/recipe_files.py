"""Recipes as files: YAML read as strictly as the program's own configuration."""

from pathlib import Path
from typing import TypeVar

import msgspec

from kinect_unlock.config.text import read
from kinect_unlock.errors import ConfigError

_Recipe = TypeVar("_Recipe", bound=msgspec.Struct)


def read_recipe(path: Path, kind: type[_Recipe]) -> _Recipe:
    """Read a recipe of a kind.

    Raises:
        ConfigError: it cannot be read, or says what it may not; the message names file and place.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise ConfigError(f"{path}: the recipe cannot be read: {fault}") from fault
    node, faults = read(text, str(path))
    if faults:
        raise ConfigError("\n".join(map(str, faults)))
    try:
        return msgspec.convert(node.plain(), kind)
    except msgspec.ValidationError as fault:
        raise ConfigError(f"{path}: {fault}") from fault
