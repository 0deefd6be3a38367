"""Which build of a network is used on this machine, and what that was decided by: a record beside the networks.

The record is believed only on the processor and with the programs that it was measured with. Without one the network
runs as float32, which needs no proof.
"""

import hashlib
import logging
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from kinect_unlock import kept_networks as kept
from kinect_unlock import trust
from kinect_unlock.builds import BuildName
from kinect_unlock.manifest import Sha256

_BYTES_MAX: Final = 65_536
_CPUINFO: Final = Path("/proc/cpuinfo")

_LOG = logging.getLogger(__name__)


class Measured(Struct, frozen=True, forbid_unknown_fields=True):
    """One build as it was found on this machine; what could not be tried has a reason in ``refused`` and no times.

    ``cosine_min`` is the lowest over the check faces and the halves, to float32.
    """

    build: BuildName
    file: str | None = None
    sha256: Sha256 | None = None
    cpu_p50_ms: float | None = None
    cpu_p95_ms: float | None = None
    cosine_min: float | None = None
    refused: str | None = None


class Choice(Struct, frozen=True, forbid_unknown_fields=True):
    """What was measured of every build, and which one was chosen."""

    network: str
    chosen: BuildName
    processor: str
    programs: dict[str, str]
    measured: tuple[Measured, ...]

    @property
    def winner(self) -> Measured | None:
        """The row of the chosen build."""
        return next((row for row in self.measured if row.build == self.chosen), None)


def load(path: Path) -> Choice | None:
    """Return the record in ``path``, None if there is none that can be believed here and now."""
    if not kept.is_ours(path):
        return None
    try:
        choice = _read(path)
    except (OSError, msgspec.DecodeError) as fault:
        _LOG.warning("event=build-choice fault=%r path=%s action=fp32", str(fault), path)
        return None
    if choice.processor != processor() or choice.programs != programs():
        # usual after an update, and `doctor` tells it; a warning would stand on the terminal of every command
        _LOG.info("event=build-choice fault='measured elsewhere' path=%s action=fp32", path)
        return None
    return choice


def _read(path: Path) -> Choice:
    text = trust.read_at_most(trust.open_regular(path, follow_links=False), _BYTES_MAX)
    if len(text) > _BYTES_MAX:
        raise OSError(f"longer than {_BYTES_MAX} bytes")
    return msgspec.json.decode(text, type=Choice)


def save(path: Path, choice: Choice) -> None:
    """Write the record; raises `OSError`."""
    kept.write(path, msgspec.json.format(msgspec.json.encode(choice)) + b"\n")


def programs() -> dict[str, str]:
    """Return the versions of what can run networks here."""
    found = {}
    for name in ("onnxruntime", "openvino"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def processor() -> str:
    """Name the processor: its model and a digest of what it can do; "unknown" where Linux does not tell."""
    try:
        lines = _CPUINFO.read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown"
    facts: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        facts.setdefault(name.strip(), value.strip())
    abilities = " ".join(sorted(facts.get("flags", facts.get("Features", "")).split()))
    return f"{facts.get('model name', 'unknown')} {hashlib.sha256(abilities.encode()).hexdigest()[:8]}"
