"""What systemd knows of our service: for the whole computer, and for one user."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from pathlib import Path
from typing import Final

from kinect_unlock.host import programs
from kinect_unlock.host.text import shown

UNIT: Final = "kinect-unlock.service"
_LIMIT_S: Final = 5.0
_OURS: Final = "kinect"  # in the name of a path, a profile or a device of ours
_DENIED: Final = ('apparmor="DENIED"', "avc:  denied")
_PROPERTIES: Final = ("ActiveState", "SubState", "UnitFileState", "Result", "NRestarts", "ExecMainStatus")
_SYSTEM: Final = ("etc/systemd/system", "run/systemd/system", "usr/local/lib/systemd/system", "usr/lib/systemd/system")
_USER: Final = ("etc/systemd/user", "run/systemd/user", "usr/local/lib/systemd/user", "usr/lib/systemd/user")


@unique
class Scope(StrEnum):
    """Whose service manager."""

    SYSTEM = "system"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit file that was found, and how the service is, by systemd's own words; nothing if it does not say."""

    scope: Scope
    file: Path
    properties: Mapping[str, str]
    fault: str = ""  # why systemd did not say


def running(root: Path) -> bool:
    """Tell whether systemd runs this computer, by what sd_booted(3) looks at."""
    return (root / "run/systemd/system").is_dir()


def units(root: Path, environ: Mapping[str, str]) -> tuple[Unit, ...]:
    """Return our unit as it is installed for the computer, for this user, for both or for nobody."""
    home = environ.get("HOME", "")
    own = (Path(home, ".config/systemd/user"),) if home.startswith("/") else ()
    places = {
        Scope.SYSTEM: tuple(root / folder for folder in _SYSTEM),
        Scope.USER: (*own, *(root / folder for folder in _USER)),
    }
    found = []
    for scope, folders in places.items():
        file = next((folder / UNIT for folder in folders if (folder / UNIT).is_file()), None)
        if file is not None:
            found.append(
                _unit(scope, file, environ) if running(root) else Unit(scope, file, {}, "systemd is not running")
            )
    return tuple(found)


def _unit(scope: Scope, file: Path, environ: Mapping[str, str]) -> Unit:
    argv = ["systemctl", f"--{scope}", "show", UNIT, f"--property={','.join(_PROPERTIES)}"]
    told = programs.run(argv, limit_s=_LIMIT_S, environ=environ)
    if told is None:
        return Unit(scope, file, {}, "there is no systemctl")
    if told.exit_code != 0:
        return Unit(scope, file, {}, shown(f"systemctl {told.ending}: {told.last_words}"))
    return Unit(scope, file, properties(told.out))


def properties(lines: tuple[str, ...]) -> dict[str, str]:
    """Read what ``systemctl show`` and ``loginctl show-…`` print: a name, an equals sign and a value a line."""
    pairs = (line.partition("=") for line in lines)
    return {name: value for name, equals, value in pairs if equals}


def denials(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return what AppArmor and SELinux refused our program since the start; nothing where the log may not be read."""
    argv = ["journalctl", "--boot", "--quiet", "--no-pager", "--output=cat", "--grep=denied"]
    told = programs.run([*argv, "_TRANSPORT=kernel", "+", "_TRANSPORT=audit"], limit_s=_LIMIT_S, environ=environ)
    lines = () if told is None else told.out
    return tuple(line for line in lines if _OURS in line and any(word in line for word in _DENIED))
