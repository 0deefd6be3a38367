"""Where the daemon keeps its things: the system's folders as root or as the service's user, else by the XDG rules.

What the configuration names wins. XDG variables that are unset, empty or relative count as not there, and then
$HOME/.config, .local/state and .cache are meant; $XDG_RUNTIME_DIR alone has no stand-in, since no other folder is
promised to be private and gone after the last log-out.
"""

import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kinect_unlock.errors import ConfigError
from kinect_unlock.settings import Config

NAME: Final = "kinect-unlock"
ROOT_UID: Final = 0
SERVICE_USER: Final = "kinect-unlock"  # of the system's service, and the group that may open the camera
SYSTEM_SOCKET: Final = Path("/run", NAME, "daemon.sock")


@dataclass(frozen=True, slots=True)
class Paths:
    """The socket and the two folders of one daemon; nothing of it is made here."""

    socket: Path
    state_dir: Path
    cache_dir: Path

    @classmethod
    def of(cls, config: Config, environ: Mapping[str, str], uid: int) -> "Paths":
        """Return the paths of a daemon run by ``uid`` with this environment.

        Raises:
            ConfigError: neither configuration nor environment says where something belongs.
        """
        socket, state = config.daemon.socket, config.daemon.state_dir
        return cls(
            socket=Path(socket) if socket else _runtime_dir(environ, uid) / SYSTEM_SOCKET.name,
            state_dir=Path(state) if state else _dir(environ, uid, "XDG_STATE_HOME", ".local/state", "/var/lib"),
            cache_dir=cache_dir(config, environ, uid),
        )


def serves_all(uid: int) -> bool:
    """Tell whether a daemon of this user is the system's, for every user of the computer."""
    if uid == ROOT_UID:
        return True
    try:
        return pwd.getpwuid(uid).pw_name == SERVICE_USER
    except KeyError:
        return False


def owners(uid: int) -> frozenset[int]:
    """Return whose the folders of a daemon of ``uid`` may be: root's are those of the service, too."""
    if uid != ROOT_UID:
        return frozenset({uid})
    try:
        return frozenset({uid, pwd.getpwnam(SERVICE_USER).pw_uid})
    except KeyError:
        return frozenset({uid})


def socket_to_ask(config: Config, environ: Mapping[str, str], uid: int, *, system: Path = SYSTEM_SOCKET) -> Path:
    """Return where a client of ``uid`` finds its daemon: the user's own where one runs, else the system's.

    Raises:
        ConfigError: neither is there, and the environment does not say where the user's own would be.
    """
    own: Path | None = None
    try:
        own = Paths.of(config, environ, uid).socket
    except ConfigError:
        if not system.exists():
            raise
    if own is not None and (config.daemon.socket or own.exists() or not system.exists()):
        return own
    return system


def cache_dir(config: Config, environ: Mapping[str, str], uid: int) -> Path:
    """Return where networks are built: asked alone, since they are of use where no daemon can run.

    Raises:
        ConfigError: neither configuration nor environment says where.
    """
    named = config.models.cache_dir
    return Path(named) if named else _dir(environ, uid, "XDG_CACHE_HOME", ".cache", "/var/cache")


def default_file(environ: Mapping[str, str], uid: int) -> Path:
    """Return where the configuration lies when no other file is named; it need not be there.

    Raises:
        ConfigError: the environment does not say where the user's files are.
    """
    return _dir(environ, uid, "XDG_CONFIG_HOME", ".config", "/etc") / "config.yaml"


def file_in_force(named: Path | None, environ: Mapping[str, str], uid: int) -> Path | None:
    """Return the named file, else the one at the usual place if it is there, else None: the defaults alone.

    Raises:
        ConfigError: the environment does not say where the user's files are.
    """
    if named is not None:
        return named
    usual = default_file(environ, uid)
    return usual if os.path.lexists(usual) else None


def _dir(environ: Mapping[str, str], uid: int, variable: str, below_home: str, system: str) -> Path:
    if serves_all(uid):
        return Path(system, NAME)
    if named := _absolute(environ, variable):
        return named / NAME
    if home := _absolute(environ, "HOME"):
        return home / below_home / NAME
    msg = (
        f"neither ${variable} nor $HOME names an absolute path: set one of them, or name the paths in the configuration"
    )
    raise ConfigError(msg)


def _runtime_dir(environ: Mapping[str, str], uid: int) -> Path:
    if serves_all(uid):
        return SYSTEM_SOCKET.parent
    if named := _absolute(environ, "XDG_RUNTIME_DIR"):
        return named / NAME
    msg = (
        "$XDG_RUNTIME_DIR names no absolute path, so there is no private folder for the socket: "
        f"log in through logind (then it is /run/user/{uid}), or set daemon.socket in the configuration"
    )
    raise ConfigError(msg)


def _absolute(environ: Mapping[str, str], variable: str) -> Path | None:
    value = environ.get(variable, "")
    return Path(value) if value.startswith("/") else None
