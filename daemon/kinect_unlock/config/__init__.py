"""The configuration file: read, checked whole, and written; `kinect_unlock.settings` holds what it says.

A file is refused when others could have written it, when it is no plain YAML, and when any value in it is unknown,
of the wrong type, out of range or at odds with another. Every fault is found, not only the first one.
"""

import os
from importlib import resources
from pathlib import Path
from typing import Final

import msgspec
import yaml

from kinect_unlock import trust
from kinect_unlock.config.faults import Fault
from kinect_unlock.config.paths import (
    SERVICE_USER,
    SYSTEM_SOCKET,
    Paths,
    cache_dir,
    default_file,
    file_in_force,
    owners,
    serves_all,
    socket_to_ask,
)
from kinect_unlock.config.rules import anchored, broken_rules
from kinect_unlock.config.schema import Filler
from kinect_unlock.config.text import read
from kinect_unlock.errors import ConfigError
from kinect_unlock.settings import Config

__all__ = [
    "SERVICE_USER",
    "SYSTEM_SOCKET",
    "Fault",
    "Paths",
    "cache_dir",
    "check",
    "default_file",
    "dump",
    "file_in_force",
    "load",
    "owners",
    "serves_all",
    "shipped",
    "socket_to_ask",
]

MAX_BYTES: Final = 65_536


def load(path: Path | None) -> Config:
    """Return what the file says, with the defaults for what it leaves out; without a file the defaults alone.

    Relative paths in it are taken from the folder it lies in.

    Raises:
        ConfigError: naming file, line and key of every fault.
    """
    if path is None:
        return Config()
    config, faults = _examine(path)
    if faults:
        raise ConfigError("\n".join(str(fault) for fault in faults))
    return anchored(config, path.absolute().parent)


def check(path: Path) -> list[Fault]:
    """Return every fault of a file, in the order of its lines; none means that `load` takes it."""
    return _examine(path)[1]


def dump(config: Config) -> str:
    """Return the configuration as YAML that loads to an equal one."""
    # Not allow_unicode: PyYAML then writes a U+0085 in quotes that reads back as a space.
    return yaml.safe_dump(msgspec.to_builtins(config), sort_keys=False)


def shipped() -> str:
    """Return the commented file of defaults that was installed with the program."""
    return (resources.files("kinect_unlock") / "data" / "config.yaml").read_text(encoding="utf-8")


def _examine(path: Path) -> tuple[Config, list[Fault]]:
    text, faults = _trusted_text(path)
    node, text_faults = read(text, str(path))
    filler = Filler(str(path))
    config = filler.fill(Config(), node)
    faults += text_faults + filler.faults
    faulty = {fault.path.removeprefix("$.").split("[")[0] for fault in faults}
    for key, message in broken_rules(config, faulty):
        faults.append(Fault(str(path), f"$.{key}", message, node.line_of(f"$.{key}")))
    return config, sorted(faults, key=lambda fault: fault.line or 0)


def _trusted_text(path: Path) -> tuple[str, list[Fault]]:
    """Return the file's text; what cannot be read gives no text, what cannot be trusted is read and refused."""
    uid = os.geteuid()
    try:
        descriptor = trust.open_regular(path)
        reasons = trust.write_faults(path, os.fstat(descriptor), uid=uid)
        data = trust.read_at_most(descriptor, MAX_BYTES)
        reasons += trust.folder_faults(path, uid=uid)
    except OSError as error:
        return "", [Fault(str(path), "$", f"cannot be read: {error.strerror or error}")]
    faults = [Fault(str(path), "$", reason) for reason in reasons]
    if len(data) > MAX_BYTES:
        return "", [*faults, Fault(str(path), "$", f"is larger than {MAX_BYTES} bytes")]
    try:
        return data.decode("utf-8-sig"), faults
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return "", [*faults, Fault(str(path), "$", f"not UTF-8: byte {error.start} cannot be read", line)]
