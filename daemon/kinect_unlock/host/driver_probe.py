"""Load a camera's library or binding, and say what came of it: a program of its own, since loading may end it.

``python -m kinect_unlock.host.driver_probe library libfreenect2.so.0.2``, ``binding MODULE`` or
``pipeline MODULE CLASS``. One line of JSON (a `Found`) goes to where standard output led at the start; whatever the
library prints goes to standard error. A library may exit, crash or hang here, so who asks sets a limit.
"""

import ctypes
import importlib
import os
import sys
from importlib import metadata
from pathlib import Path

import msgspec


class Found(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What came of loading; an empty ``error`` means that it worked."""

    error: str = ""
    error_type: str = ""
    missing_module: str = ""  # the module that an import did not find
    path: str = ""
    version: str = ""
    names: tuple[str, ...] = ()  # what the binding offers


def library(name: str) -> Found:
    """Load a shared library as the loader finds it."""
    try:
        ctypes.CDLL(name)
    except OSError as fault:
        return Found(error=str(fault), error_type="OSError")
    with Path("/proc/self/maps").open(encoding="utf-8", errors="replace") as maps:
        stem = name.partition(".so")[0]
        paths = [line.split(maxsplit=5)[5].strip() for line in maps if f"/{stem}.so" in line]
    return Found(path=paths[0] if paths else name)


def binding(name: str) -> Found:
    """Import a Python module."""
    try:
        module = importlib.import_module(name)
    except Exception as fault:  # noqa: BLE001 - a binding's import may raise anything, and what is to be told
        missing = fault.name or "" if isinstance(fault, ModuleNotFoundError) else ""
        return Found(error=str(fault), error_type=type(fault).__name__, missing_module=missing)
    names = tuple(sorted(entry for entry in vars(module) if not entry.startswith("_")))
    return Found(path=str(module.__file__ or ""), version=_version(name), names=names)


def pipeline(name: str, class_name: str) -> Found:
    """Import a binding and construct one of its packet pipelines."""
    found = binding(name)
    if found.error:
        return found
    if class_name not in found.names:
        return Found(error=f"{name} {found.version} has no {class_name}", error_type="AttributeError")
    try:
        getattr(importlib.import_module(name), class_name)()
    except Exception as fault:  # noqa: BLE001 - see binding
        return Found(error=str(fault), error_type=type(fault).__name__)
    return found


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def main(arguments: list[str]) -> None:
    """Look at what the arguments name and print it."""
    report = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    match arguments:
        case ["library", name]:
            found = library(name)
        case ["binding", name]:
            found = binding(name)
        case ["pipeline", name, class_name]:
            found = pipeline(name, class_name)
        case _:
            sys.exit(f"what is to be looked at? {arguments}")
    os.write(report, msgspec.json.encode(found) + b"\n")
    # Not the interpreter's own end: the destructors of a library that is only looked at are none of our business.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
