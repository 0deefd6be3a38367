"""Whether a camera's library and binding can be loaded, looked at in a process of its own."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from kinect_unlock.host import programs
from kinect_unlock.host.driver_probe import Found
from kinect_unlock.host.text import shown

_PROBE: Final = "kinect_unlock.host.driver_probe"
_LIMIT_S: Final = 20.0  # an OpenCL driver may compile something the first time


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a look brought: what it found, or how the process ended that was to find it."""

    found: Found | None
    ending: str
    last_words: str


def look(*what: str, environ: Mapping[str, str], limit_s: float = _LIMIT_S) -> Loaded:
    """Load a library, a binding or a pipeline; see `kinect_unlock.host.driver_probe` for the words."""
    argv = [*programs.interpreter(), "-m", _PROBE, *what]
    told = programs.run(argv, limit_s=limit_s, environ=environ)
    if told is None:
        return Loaded(None, f"could not be looked at: {sys.executable} is gone", "")
    return Loaded(_found(told.out[0]) if told.out else None, told.ending, told.err[-1].strip() if told.err else "")


def _found(line: str) -> Found | None:
    try:
        found = msgspec.json.decode(line, type=Found)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None
    words = {name: shown(getattr(found, name)) for name in ("error", "error_type", "missing_module", "path", "version")}
    return msgspec.structs.replace(found, **words)
