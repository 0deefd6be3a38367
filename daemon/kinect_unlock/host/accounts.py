"""Users and groups of this computer, as its two files have them, and what a file's mode lets each do."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kinect_unlock.host.text import content

_READ_AND_WRITE: Final = stat.S_IROTH | stat.S_IWOTH
_PASSWD_FIELDS: Final = 7
_GROUP_FIELDS: Final = 4


@dataclass(frozen=True, slots=True)
class Account:
    """A user and every group of theirs."""

    name: str
    uid: int
    gids: frozenset[int]


@dataclass(frozen=True, slots=True)
class Group:
    """A group and who is named as a member."""

    name: str
    gid: int
    members: tuple[str, ...]


def groups(root: Path) -> dict[str, Group]:
    """Return the groups of ``/etc/group``; lines that are none are left out."""
    found = {}
    for line in content(root / "etc/group").splitlines():
        fields = line.split(":")
        if len(fields) == _GROUP_FIELDS and _is_id(fields[2]):
            members = tuple(name for name in fields[3].split(",") if name)
            found[fields[0]] = Group(fields[0], int(fields[2]), members)
    return found


def account(root: Path, name: str) -> Account | None:
    """Return the user of that name in ``/etc/passwd``, None if there is none."""
    for line in content(root / "etc/passwd").splitlines():
        fields = line.split(":")
        if len(fields) == _PASSWD_FIELDS and fields[0] == name and _is_id(fields[2]) and _is_id(fields[3]):
            joined = {group.gid for group in groups(root).values() if name in group.members}
            return Account(name, int(fields[2]), frozenset({int(fields[3]), *joined}))
    return None


def may_use(status: os.stat_result, who: Account) -> bool:
    """Tell whether a file's owner, group and mode let a user read and write it.

    An access list is not asked: on a device's node logind keeps one for whoever sits before the screen, who is asked
    for by `os.access`, while a service's user is in none.
    """
    if who.uid == 0:
        return True
    if status.st_uid == who.uid:
        bits = status.st_mode >> 6
    elif status.st_gid in who.gids:
        bits = status.st_mode >> 3
    else:
        bits = status.st_mode
    return bits & _READ_AND_WRITE == _READ_AND_WRITE


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(2**32))
