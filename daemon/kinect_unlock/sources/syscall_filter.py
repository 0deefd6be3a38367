"""A filter of system calls for a driver's process: what Landlock knows nothing of.

It may speak to no socket but those that it was given, make none but local ones, answer on none, send signals to itself
alone, change no file's mode, owner or attributes, read no keyring, and start nothing that outlives it or has a
namespace of its own. A driver needs none of it; the rest of what it calls is left alone.
Declarations follow ``linux/filter.h``, ``linux/seccomp.h`` and the tables of system calls.
"""

import ctypes
import os
import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from errno import EACCES, ENOSYS
from typing import Final, NamedTuple

from kinect_unlock.errors import SourceError

_PR_SET_SECCOMP: Final = 22
_FILTER: Final = 2  # SECCOMP_MODE_FILTER
_REFUSE: Final = 0x0005_0000 | EACCES  # SECCOMP_RET_ERRNO
_UNKNOWN: Final = 0x0005_0000 | ENOSYS
_ALLOW: Final = 0x7FFF_0000
_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_IF_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_IF_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_IF_ANY_BIT: Final = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN: Final = 0x06
_NUMBER_AT: Final = 0  # struct seccomp_data
_ARCHITECTURE_AT: Final = 4
_ARGUMENTS_AT: Final = 16
_X32_FROM: Final = 0x4000_0000  # the same calls once more, on x86


class _Numbers(NamedTuple):
    """A call's number by architecture; None where it does not exist."""

    x86_64: int | None
    aarch64: int | None


_ARCHITECTURES: Final = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}  # AUDIT_ARCH_*, little-endian
_NEVER: Final = (
    _Numbers(101, 117),  # ptrace
    _Numbers(310, 270),  # process_vm_readv
    _Numbers(311, 271),  # process_vm_writev
    _Numbers(438, 438),  # pidfd_getfd
    _Numbers(440, 440),  # process_madvise
    _Numbers(424, 424),  # pidfd_send_signal
    _Numbers(200, 130),  # tkill
    _Numbers(112, 157),  # setsid: what it starts dies with its process group
    _Numbers(109, 154),  # setpgid
    _Numbers(50, 201),  # listen: whoever calls the daemon believes its user
    _Numbers(43, 202),  # accept
    _Numbers(288, 242),  # accept4
    _Numbers(425, 425),  # io_uring_setup: its requests pass by every filter
    _Numbers(312, 272),  # kcmp
    _Numbers(272, 97),  # unshare
    _Numbers(308, 268),  # setns
    _Numbers(248, 217),  # add_key
    _Numbers(249, 218),  # request_key
    _Numbers(250, 219),  # keyctl: of a daemon of one's own the keyrings are its user's
    _Numbers(298, 241),  # perf_event_open, and two more that are ways into the kernel
    _Numbers(321, 280),  # bpf
    _Numbers(323, 282),  # userfaultfd
    _Numbers(90, None),  # chmod
    _Numbers(268, 53),  # fchmodat
    _Numbers(452, 452),  # fchmodat2
    _Numbers(92, None),  # chown
    _Numbers(94, None),  # lchown
    _Numbers(260, 54),  # fchownat
    _Numbers(188, 5),  # setxattr: access lists too
    _Numbers(189, 6),  # lsetxattr
    _Numbers(463, 463),  # setxattrat
    _Numbers(197, 14),  # removexattr
    _Numbers(198, 15),  # lremovexattr
    _Numbers(466, 466),  # removexattrat
    _Numbers(469, 469),  # file_setattr
    _Numbers(76, 45),  # truncate: Landlock's from version 3 on
)
_TO_SOCKETS: Final = (
    _Numbers(42, 203),  # connect
    _Numbers(46, 211),  # sendmsg: may carry an address that a filter cannot see
    _Numbers(307, 269),  # sendmmsg
)
_SENDTO: Final = _Numbers(44, 206)
_ADDRESS: Final = 4  # its argument
_ITSELF_ALONE: Final = (  # by the first argument
    _Numbers(62, 129),  # kill
    _Numbers(234, 131),  # tgkill
    _Numbers(129, 138),  # rt_sigqueueinfo
    _Numbers(297, 240),  # rt_tgsigqueueinfo
)
_LIMITS: Final = _Numbers(302, 261)  # prlimit64; 0 is itself too
_SOCKET: Final = _Numbers(41, 198)
_FAMILIES: Final = (1, 16)  # AF_UNIX, AF_NETLINK: one of the network would listen without ever being bound
# A descriptor's owner gets whatever signal its owner likes when it is readable: `kill` by another name.
_FCNTL: Final = _Numbers(72, 25)
_TO_OWNERS: Final = (8, 10, 15)  # F_SETOWN, F_SETSIG, F_SETOWN_EX
_IOCTL: Final = _Numbers(16, 29)
_TO_OWNERS_TOO: Final = (0x8901, 0x8902)  # FIOSETOWN, SIOCSPGRP
_CLONE: Final = _Numbers(56, 220)
_CLONE3: Final = _Numbers(435, 435)  # has its flags where no filter sees them; libraries then take the older one
# CLONE_PARENT would leave the daemon a child that it does not know of; the rest are CLONE_NEW*.
_NO_CHILD_OF_OURS: Final = (0x0000_8000, 0x7E02_0000)


@dataclass(frozen=True, slots=True)
class _Step:
    """``struct sock_filter``; how many steps to leave out where the test holds, and where it does not."""

    code: int
    operand: int
    if_so: int = 0
    else_: int = 0


class _SockFilter(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32))


class _SockFprog(ctypes.Structure):
    _fields_ = (("len", ctypes.c_uint16), ("filter", ctypes.POINTER(_SockFilter)))


def is_known() -> bool:
    """Tell whether this processor's system calls are known here."""
    return platform.machine() in _ARCHITECTURES


def forbid_calls(*, connects: bool) -> bool:
    """Filter this thread's calls and those of all that it starts; False where this processor's are not known here.

    ``connects`` leaves it the right to speak to sockets with a name. It must have given up new privileges before.

    Raises:
        SourceError: the kernel refuses.
    """
    if not is_known():
        return False
    machine = platform.machine()
    steps = _program(machine, os.getpid(), connects=connects)
    program = (_SockFilter * len(steps))(*(_SockFilter(one.code, one.if_so, one.else_, one.operand) for one in steps))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.byref(_SockFprog(len(steps), program)), 0, 0) != 0:
        why = os.strerror(ctypes.get_errno())
        raise SourceError(f"the driver's process cannot be confined: filter its system calls: {why}")
    return True


def _program(machine: str, pid: int, *, connects: bool) -> tuple[_Step, ...]:
    """Return the filter. Every block falls through to the next with the call's number loaded."""
    steps = [
        _Step(_LOAD, _ARCHITECTURE_AT),
        _Step(_IF_EQUAL, _ARCHITECTURES[machine], if_so=1),
        _Step(_RETURN, _REFUSE),
        _Step(_LOAD, _NUMBER_AT),
    ]
    if machine == "x86_64":
        steps += [_Step(_IF_AT_LEAST, _X32_FROM, else_=1), _Step(_RETURN, _REFUSE)]
    for number in _of(machine, _NEVER if connects else (*_NEVER, *_TO_SOCKETS)):
        steps += [_Step(_IF_EQUAL, number, else_=1), _Step(_RETURN, _REFUSE)]
    for call, block in _looked_at(pid, connects=connects):
        for number in _of(machine, (call,)):
            steps += [_Step(_IF_EQUAL, number, else_=len(block)), *block]
    return (*steps, _Step(_RETURN, _ALLOW))


def _looked_at(pid: int, *, connects: bool) -> Iterable[tuple[_Numbers, list[_Step]]]:
    """Return the calls that are allowed by what they ask for, each with what decides."""
    for call in _ITSELF_ALONE:
        yield call, _only(0, (pid,))
    yield _LIMITS, _only(0, (0, pid))
    yield _SOCKET, _only(0, _FAMILIES)
    yield _FCNTL, _none(1, _IF_EQUAL, _TO_OWNERS)
    yield _IOCTL, _none(1, _IF_EQUAL, _TO_OWNERS_TOO)
    yield _CLONE, _none(0, _IF_ANY_BIT, _NO_CHILD_OF_OURS)
    yield _CLONE3, [_Step(_RETURN, _UNKNOWN)]
    if not connects:
        yield _SENDTO, _only(_ADDRESS, (0,), high_too=True)


def _only(argument: int, values: tuple[int, ...], *, high_too: bool = False) -> list[_Step]:
    """Allow a call with one of these as an argument; a pid is 32 bits long, ``high_too`` for all 64 of a pointer."""
    low = _ARGUMENTS_AT + 8 * argument
    parts = [low, low + 4] if high_too else [low]
    tests: list[_Step] = []
    for part in parts:
        tests.append(_Step(_LOAD, part))
        wanted = values if part == low else (0,)
        after = len(wanted)  # to the step behind the refusal
        tests += [_Step(_IF_EQUAL, value, if_so=after - place) for place, value in enumerate(wanted)]
        tests.append(_Step(_RETURN, _REFUSE))
    return [*tests, _Step(_RETURN, _ALLOW)]


def _none(argument: int, test: int, values: tuple[int, ...]) -> list[_Step]:
    """Refuse a call for whose argument, of 32 bits, the test holds with any of these."""
    tests = [_Step(test, value, if_so=len(values) - place) for place, value in enumerate(values)]
    return [_Step(_LOAD, _ARGUMENTS_AT + 8 * argument), *tests, _Step(_RETURN, _ALLOW), _Step(_RETURN, _REFUSE)]


def _of(machine: str, calls: Iterable[_Numbers]) -> list[int]:
    found: Mapping[str, list[int | None]] = {
        "x86_64": [one.x86_64 for one in calls],
        "aarch64": [one.aarch64 for one in calls],
    }
    return [number for number in found[machine] if number is not None]
