"""Keeps a driver's process to what drivers need, for good: nothing of it can be taken back, by whatever runs in it.

The process of a driver has the daemon's user, and whoever gets hold of the driver would be that user: read the key of
the templates, speak to the daemon or to logind in its name, change or kill it. Two things of the kernel's are in the
way. **Landlock** decides which files are seen; from its version 6 on also that no signal leaves, and none of its
processes is traced from within. It knows nothing of sockets with a name, of signals before version 6, nor of a file's
mode, so **a filter of system calls** (`kinect_unlock.sources.syscall_filter`) has those.

Declarations follow ``linux/landlock.h``. Only the thread that calls it is confined, and what it starts from then on.
"""

import ctypes
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntFlag
from itertools import chain
from pathlib import Path
from typing import Final

from kinect_unlock.errors import SourceError
from kinect_unlock.sources.syscall_filter import forbid_calls

_CREATE_RULESET: Final = 444  # the numbers of the calls; one for all architectures
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_ASK_VERSION: Final = 1
_PATH_BENEATH: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38  # linux/prctl.h
_ALL_SCOPES: Final = 3  # abstract sockets, signals
_ALL_NET: Final = 3  # to bind and to connect TCP


class _May(IntFlag):
    EXECUTE = 1 << 0
    WRITE_FILE = 1 << 1
    READ_FILE = 1 << 2
    READ_DIR = 1 << 3
    REMOVE_DIR = 1 << 4
    REMOVE_FILE = 1 << 5
    MAKE_CHAR = 1 << 6
    MAKE_DIR = 1 << 7
    MAKE_REG = 1 << 8
    MAKE_SOCK = 1 << 9
    MAKE_FIFO = 1 << 10
    MAKE_BLOCK = 1 << 11
    MAKE_SYM = 1 << 12
    REFER = 1 << 13
    TRUNCATE = 1 << 14
    IOCTL_DEV = 1 << 15


_READ: Final = _May.READ_FILE | _May.READ_DIR | _May.EXECUTE
_DEVICE: Final = _May.READ_FILE | _May.READ_DIR | _May.WRITE_FILE | _May.IOCTL_DEV
_WRITE: Final = _May.READ_FILE | _May.WRITE_FILE | _May.TRUNCATE
_KEEP: Final = _WRITE | _May.READ_DIR | _May.MAKE_REG | _May.MAKE_DIR | _May.REMOVE_FILE | _May.REMOVE_DIR | _May.REFER
_OF_A_FILE: Final = _May.EXECUTE | _WRITE | _May.IOCTL_DEV
# What each version of Landlock knew first; the kernel refuses a right that it does not know.
_SINCE: Final[Mapping[int, _May]] = {2: _May.REFER, 3: _May.TRUNCATE, 5: _May.IOCTL_DEV}

# Programs, libraries and what describes the machine to them: open to every user, and none of it is secret.
_SYSTEM: Final = ("/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin", "/opt", "/sys", "/run/udev")
_SETTINGS: Final = (
    "OpenCL", "alternatives", "drirc", "glvnd", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "localtime", "nvidia",
    "nsswitch.conf", "passwd", "group", "timezone", "udev", "vulkan", "X11",
)  # fmt: skip
_KERNEL: Final = (
    "self", "cpuinfo", "devices", "driver", "filesystems", "meminfo", "modules", "stat", "sys", "uptime", "version",
)  # fmt: skip
# The camera, graphics processors, and what every program uses; the files' modes still decide who may.
_DEVICES: Final = ("bus/usb", "dri", "kfd", "null", "zero", "random", "urandom")
_NODES: Final = ("nvidia*", "video*", "media*")  # in /dev itself; cameras of V4L are sources of plug-ins
# Of the environment that a driver gets, what tells of further libraries, as a list of places.
_PLACES: Final = ("LD_LIBRARY_PATH", "OCL_ICD_VENDORS", "LIBGL_DRIVERS_PATH", "XAUTHORITY")


class _Attributes(ctypes.Structure):
    """``struct landlock_ruleset_attr``: what is forbidden unless a rule allows it."""

    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    """``struct landlock_path_beneath_attr``: what is allowed with a folder and all in it, or with a file."""

    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


@dataclass(frozen=True, slots=True)
class Grants:
    """What a driver may have besides what all have. ``keeps``: a folder in which it may do as it likes with files."""

    reads: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()
    keeps: Path | None = None
    connects: bool = False  # to sockets with a name, such as a display's


@dataclass(frozen=True, slots=True)
class Confined:
    """What holds a process: the version of Landlock, 0 for none, and whether the filter of system calls does."""

    landlock: int
    filtered: bool


def landlock_version() -> int:
    """Return the version of the kernel's Landlock, 0 where there is none that this process may use."""
    return max(0, _call(_CREATE_RULESET, None, 0, _ASK_VERSION))


def confine(grants: Grants) -> Confined:
    """Give up for good whatever a driver does not need; to be called while there is only one thread.

    Raises:
        SourceError: another thread runs already, which would not be confined, or the kernel refuses.
    """
    threads = len(os.listdir("/proc/self/task"))  # noqa: PTH208 - as long as nothing else is needed
    if threads != 1:
        raise SourceError(f"the driver's process has {threads} threads before its driver begins, so it is not confined")
    _checked(ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "give up new privileges")
    version = landlock_version()
    if version:
        _restrict(version, grants)
    return Confined(version, forbid_calls(connects=grants.connects))


def _restrict(version: int, grants: Grants) -> None:
    known = _known(version)
    asked = _Attributes(known, _ALL_NET if version >= 4 else 0, _ALL_SCOPES if version >= 6 else 0)  # noqa: PLR2004
    size = ctypes.sizeof(_Attributes) if version >= 6 else 16 if version >= 4 else 8  # noqa: PLR2004
    ruleset = _checked(_call(_CREATE_RULESET, ctypes.byref(asked), size, 0), "make rules")
    try:
        for path, allowed in _rules(grants):
            _allow(ruleset, path, allowed & known)
        _checked(_call(_RESTRICT_SELF, ruleset, 0), "keep to the rules")
    finally:
        os.close(ruleset)


def _known(version: int) -> _May:
    everything = _May(sum(_May))
    return everything & ~_May(sum(right for since, right in _SINCE.items() if since > version))


def _rules(grants: Grants) -> Iterable[tuple[Path, _May]]:
    for path in chain(map(Path, _SYSTEM), _of_python(), _of_environment(), grants.reads):
        yield path, _READ
    for path in chain((Path("/etc", name) for name in _SETTINGS), (Path("/proc", name) for name in _KERNEL)):
        yield path, _READ & ~_May.EXECUTE
    for path in chain((Path("/dev", name) for name in _DEVICES), _nodes()):
        yield path, _DEVICE
    for path in grants.writes:
        yield path, _WRITE
    if grants.keeps is not None:
        yield grants.keeps, _KEEP


def _nodes() -> Iterable[Path]:
    return chain.from_iterable(Path("/dev").glob(pattern) for pattern in _NODES)


def _of_python() -> Iterable[Path]:
    """Return where this interpreter and what it imports lie."""
    return {Path(place) for place in (*sys.path, sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix)}


def _of_environment() -> Iterable[Path]:
    said = chain.from_iterable(os.environ.get(name, "").split(os.pathsep) for name in _PLACES)
    return {Path(place) for place in said if Path(place).is_absolute()}


def _allow(ruleset: int, path: Path, allowed: _May) -> None:
    """Add a rule; what is not there, or not for this user, cannot be used anyway."""
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        fits = allowed if os.path.isdir(f"/proc/self/fd/{descriptor}") else allowed & _OF_A_FILE  # noqa: PTH112
        rule = _Beneath(fits, descriptor)
        _checked(_call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0), f"allow {path}")
    finally:
        os.close(descriptor)


def _call(number: int, *arguments: object) -> int:
    """Make a system call; a number among the arguments is as wide as a register."""
    wide = (ctypes.c_long(one) if isinstance(one, int) else one for one in arguments)
    return int(ctypes.CDLL(None, use_errno=True).syscall(ctypes.c_long(number), *wide))


def _checked(result: int, what: str) -> int:
    if result < 0:
        raise SourceError(f"the driver's process cannot be confined: {what}: {os.strerror(ctypes.get_errno())}")
    return result
