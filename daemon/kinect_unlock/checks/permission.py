"""Who may open the camera's node, by its mode now and by udev's rules at the next plugging."""

import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kinect_unlock.checks.results import Check, Section, State
from kinect_unlock.host.accounts import Group
from kinect_unlock.host.udev import Access

RULES_FILE: Final = "60-kinect-unlock.rules"
SERVICE: Final = "kinect-unlock"  # user of the service, and group of the camera's node
_OTHERS: Final = stat.S_IWOTH  # usbfs does nothing with a device for who cannot write to its node
_GROUP: Final = f"sudo groupadd --system {SERVICE}"
_INSTALL: Final = (
    f"kinect-unlock doctor --udev-rule | sudo tee /etc/udev/rules.d/{RULES_FILE} && sudo udevadm control --reload, "
    "then connect the camera again"
)


@dataclass(frozen=True, slots=True)
class Node:
    """The file that opens a camera, and who may."""

    path: Path
    mode: int | None  # None: there is no such file
    owner: str
    this_user: bool
    service_user: bool | None  # None: there is no such user


def node(found: Node | None, *, kind: str) -> Check:
    """Say whether this user, and the service's, can open the camera."""
    name = "permission"
    if found is None:
        step = "connect a Kinect; then this can be told"
        return Check(Section.CAMERA, name, State.NOTE, "no camera, so no node to open", step)
    if found.mode is None:
        evidence, step = f"{found.path} is missing", "is /dev a devtmpfs? In a container, pass /dev/bus/usb through"
        return Check(Section.CAMERA, name, State.of_lack(needed=_is_kinect(kind)), evidence, step)
    who = ["this user can open it" if found.this_user else "this user cannot open it"]
    if found.service_user is not None:
        who.append(f"{SERVICE} can" if found.service_user else f"{SERVICE} cannot")
    evidence = f"{found.path}: {stat.filemode(found.mode)} {found.owner}; {', '.join(who)}"
    if found.this_user and found.service_user is not False:
        return Check(Section.CAMERA, name, State.OK, evidence)
    step = f"install the udev rule (below), then `sudo usermod -aG {SERVICE} $USER` and log in again"
    if found.this_user:
        return Check(Section.CAMERA, name, State.NOTE, evidence, "install the udev rule (below)")
    return Check(Section.CAMERA, name, State.of_lack(needed=_is_kinect(kind)), evidence, step)


def rule_v1(said: Access) -> Check:
    """Say what udev's rules do with a Kinect v1, which Debian's package has one for, and the shipped rule nothing."""
    if said.mode is None:
        evidence, step = "no rule names a Kinect v1: only root may open one", "sudo apt install libfreenect0.5"
        return Check(Section.CAMERA, "udev rule", State.NOTE, evidence, f"{step}, then connect the camera again")
    mode = _octal(said.mode.value)
    if mode is None or mode & _OTHERS:
        evidence = f"{said.mode.file} has mode {said.mode.value}: every local user can watch the camera"
        step = "if others log in here, copy that file to /etc/udev/rules.d/ with mode 0660 and a group of yours"
        return Check(Section.CAMERA, "udev rule", State.NOTE, evidence, step)
    group = said.group.value if said.group else "root"
    return Check(Section.CAMERA, "udev rule", State.OK, f"{said.mode.file}: mode {said.mode.value}, group {group}")


def rule(said: Access, groups: Mapping[str, Group], *, kind: str) -> Check:
    """Say what udev's rules do with a Kinect v2, and whether that is what the shipped rule does."""
    name, files = "udev rule", ", ".join(map(str, said.files))
    install = _INSTALL if SERVICE in groups else f"{_GROUP} && {_INSTALL}"
    if said.mode is None and said.seat is None:
        return Check(Section.CAMERA, name, State.NOTE, "no rule names a Kinect: only root may open one", install)
    mode = _octal(said.mode.value) if said.mode else None
    if said.mode and (mode is None or mode & _OTHERS):
        evidence = f"{said.mode.file} has mode {said.mode.value}: every local user can watch the camera"
        step = f"sudo rm {said.mode.file} && {install}" if _ours(said) else install
        return Check(Section.CAMERA, name, State.NOTE, evidence, step)
    if not said.group or said.group.value != SERVICE:
        who = said.group.value if said.group else "root alone, or who sits before the screen"
        return Check(Section.CAMERA, name, State.NOTE, f"{files}: not ours; for {who}", install)
    evidence = f"{files}: mode {said.mode.value if said.mode else '0664'}, group {SERVICE}"
    if SERVICE not in groups:
        state, step = State.of_lack(needed=_is_kinect(kind)), f"{_GROUP}, then connect the camera again"
        return Check(Section.CAMERA, name, state, f"{evidence}, which does not exist", step)
    return Check(Section.CAMERA, name, State.OK, evidence)


def _ours(said: Access) -> bool:
    return any(file.name == RULES_FILE for file in said.files)


def _octal(text: str) -> int | None:
    try:
        return int(text, 8)
    except ValueError:
        return None


def _is_kinect(kind: str) -> bool:
    return kind in {"kinect-v2", "kinect-v1"}
