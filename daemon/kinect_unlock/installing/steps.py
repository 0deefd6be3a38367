"""The steps of an installation: each says what it will do, whether that is done already, and does it.

A step writes a deed into the record before it does it, and can be done again after it was interrupted anywhere.
"""

import os
import stat
from dataclasses import dataclass, field
from enum import StrEnum, unique
from pathlib import Path
from typing import Final, Protocol

from kinect_unlock.errors import KinectUnlockError
from kinect_unlock.host import accounts
from kinect_unlock.installing.undoing import (
    Deed,
    Kind,
    Programs,
    Ran,
    Record,
    below,
    flush_folder,
    replace_file,
    sha256_of,
    temporary,
)

_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_KEY_BYTES: Final = 32


class SetupError(KinectUnlockError):
    """A step could not be done; the message says what was found and what to do."""

    word = "setup-error"
    exit_code = 73  # EX_CANTCREAT


@unique
class State(StrEnum):
    """How far a step is."""

    DONE = "done"
    TO_DO = "to do"
    IN_THE_WAY = "in the way"  # something that is not ours stands where it would go


@dataclass(frozen=True, slots=True)
class Finding:
    """How far a step is, and why it cannot be done if it cannot."""

    state: State
    why: str = ""


DONE: Final = Finding(State.DONE)
TO_DO: Final = Finding(State.TO_DO)


@dataclass(frozen=True, slots=True)
class Place:
    """The computer that is set up: its files, its programs, and what was done to it."""

    root: Path
    programs: Programs
    record: Record

    @classmethod
    def at(cls, root: Path) -> "Place":
        """Return the computer whose files lie below ``root``."""
        return cls(root, Programs(root), Record(root))

    def path(self, name: str) -> Path:
        """Return where a path of the computer lies."""
        return below(self.root, name)

    def make_folders_for(self, name: str) -> None:
        """Make the folders that a path is to lie in, for everybody to look into and for root to write."""
        missing = [folder for folder in Path(name).parents if not self.path(str(folder)).is_dir()]
        for folder in reversed(missing):
            self.record.note(Deed(Kind.FOLDER, str(folder)))
            self.path(str(folder)).mkdir(mode=0o755)
            self.path(str(folder)).chmod(0o755)
            flush_folder(self.path(str(folder)).parent)

    def run(self, *argv: str, given: bytes = b"") -> Ran:
        """Run a program that must succeed.

        Raises:
            SetupError: it did not; with its last words.
        """
        ran = self.programs.run(argv, given=given)
        if ran.code != 0:
            raise SetupError(f"`{' '.join(argv)}` ended with exit code {ran.code}: {last_words(ran)}")
        return ran


class Step(Protocol):
    """One thing to do."""

    @property
    def told(self) -> str:
        """Say in a line what it does."""
        ...

    def finding(self, place: Place) -> Finding:
        """Say how far it is; changes nothing."""
        ...

    def do(self, place: Place) -> None:
        """Do it.

        Raises:
            SetupError, OSError: it cannot be done.
        """
        ...


@dataclass(frozen=True, slots=True)
class PutFile:
    """A file of root's with this content."""

    name: str
    content: bytes = field(repr=False)
    what: str
    mode: int = 0o644
    keeps: bool = False  # a file that is there already is the administrator's, and stays

    @property
    def told(self) -> str:
        """Name the file, and say what it is."""
        return f"{self.name}  {self.what}"

    def finding(self, place: Place) -> Finding:
        """Compare what is there."""
        path = place.path(self.name)
        if not os.path.lexists(path):
            return TO_DO
        if path.is_symlink() or not path.is_file():
            return Finding(State.IN_THE_WAY, f"{self.name} is there and no file: move it away")
        status, found = path.stat(), path.read_bytes()
        if self.keeps:
            return DONE
        if found == self.content and stat.S_IMODE(status.st_mode) == self.mode and status.st_uid == os.geteuid():
            return DONE
        deed = place.record.deed(Kind.FILE, self.name)
        if found == self.content or (deed is not None and sha256_of(found) in deed.hashes):
            return TO_DO
        why = f"{self.name} is there and is not what setup put there: move it away, or put it back"
        return Finding(State.IN_THE_WAY, why)

    def do(self, place: Place) -> None:
        """Write it, whole or not at all."""
        place.make_folders_for(self.name)
        place.record.note(Deed(Kind.FILE, self.name, (sha256_of(self.content),)))
        replace_file(place.path(self.name), self.content, self.mode)


@dataclass(frozen=True, slots=True)
class PutLink:
    """A link, such as those by which systemd starts a service with the computer."""

    name: str
    target: str
    what: str

    @property
    def told(self) -> str:
        """Name the link, and say what it does."""
        return f"{self.name}  {self.what}"

    def finding(self, place: Place) -> Finding:
        """Look where it leads."""
        path = place.path(self.name)
        if not os.path.lexists(path):
            return TO_DO
        if path.is_symlink() and str(path.readlink()) == self.target:
            return DONE
        return Finding(State.IN_THE_WAY, f"{self.name} is there and does not lead to {self.target}: move it away")

    def do(self, place: Place) -> None:
        """Make it."""
        place.make_folders_for(self.name)
        place.record.note(Deed(Kind.LINK, self.name, of=self.target))
        place.path(self.name).symlink_to(self.target)
        flush_folder(place.path(self.name).parent)


@dataclass(frozen=True, slots=True)
class MakeAccount:
    """The service's user and group, as the file for sysusers says, which must have been put there before."""

    user: str
    file: str

    @property
    def told(self) -> str:
        """Name the user."""
        return f"user and group {self.user}, who may open the camera and nothing else"

    def finding(self, place: Place) -> Finding:
        """Look whether there is such a user."""
        user, group = accounts.account(place.root, self.user), accounts.groups(place.root).get(self.user)
        if user is not None and user.uid == 0:
            return Finding(State.IN_THE_WAY, f"the user {self.user} is root by another name: rename it")
        return DONE if user is not None and group is not None and group.gid in user.gids else TO_DO

    def do(self, place: Place) -> None:
        """Have systemd, or else shadow's programs, make them."""
        place.record.note(Deed(Kind.ACCOUNT, self.user))
        if place.programs.has("systemd-sysusers"):
            place.run("systemd-sysusers", self.file)
        else:
            home, shell = f"/var/lib/{self.user}", "/usr/sbin/nologin"
            argv = ("--system", "--user-group", "--no-create-home", "--home-dir", home, "--shell", shell)
            place.run("useradd", *argv, self.user)
        if self.finding(place) is not DONE:
            raise SetupError(
                f"the user {self.user} was to be made and is not there: look at /etc/passwd and /etc/group"
            )


@dataclass(frozen=True, slots=True)
class ExpectData:
    """What the service will make for itself is written down, so that it can be taken away."""

    name: str
    what: str

    @property
    def told(self) -> str:
        """Name the folder."""
        return f"{self.name}  {self.what}"

    def finding(self, place: Place) -> Finding:
        """Look into the record: what was there before setup is not setup's."""
        known = place.record.deed(Kind.DATA, self.name) is not None
        return DONE if known or os.path.lexists(place.path(self.name)) else TO_DO

    def do(self, place: Place) -> None:
        """Write it down."""
        place.record.note(Deed(Kind.DATA, self.name))


@dataclass(frozen=True, slots=True)
class SealKey:
    """The templates' key, encrypted for this computer: with its TPM where it has one, and a key of root's.

    It is a new one, or the one that a daemon of root's has sealed templates with.
    """

    name: str
    credential: str
    older: str  # where that one would be

    @property
    def told(self) -> str:
        """Name the file, and say by what it is encrypted."""
        return f"{self.name}  the templates' key, encrypted by systemd for this computer (TPM 2 and host key)"

    def finding(self, place: Place) -> Finding:
        """A key that is there is never replaced: templates may need it."""
        return DONE if os.path.lexists(place.path(self.name)) else TO_DO

    def do(self, place: Place) -> None:
        """Encrypt the key; a new one never touches the disk in the clear."""
        folder = place.path(str(Path(self.name).parent))
        if not folder.is_dir():
            place.make_folders_for(self.name)
            folder.chmod(0o700)
        place.record.note(Deed(Kind.KEY, self.name))
        new = temporary(Path(self.name))
        place.path(str(new)).unlink(missing_ok=True)
        # No PCRs: an update of firmware or kernel would lose every template.
        argv = ("systemd-creds", "encrypt", "--with-key=auto", "--tpm2-pcrs=", f"--name={self.credential}")
        older = place.path(self.older)
        secret = older.read_bytes() if older.is_file() else os.urandom(_KEY_BYTES)
        if len(secret) != _KEY_BYTES:
            raise SetupError(f"{self.older} holds {len(secret)} bytes, a key has {_KEY_BYTES}: restore it or remove it")
        place.run(*argv, "-", str(new), given=secret)
        place.path(str(new)).chmod(0o600)
        place.path(str(new)).replace(place.path(self.name))
        flush_folder(folder)


@dataclass(frozen=True, slots=True)
class StartService:
    """Have systemd and udev read what is new, and start the service, which says when it is ready."""

    unit: str
    now: bool

    @property
    def told(self) -> str:
        """Name the service, and say when it starts."""
        return f"{self.unit}  runs {'from now on' if self.now else 'from the next start of the computer on'}"

    def finding(self, place: Place) -> Finding:
        """Look into the record, and ask systemd if it is to run now."""
        if place.record.deed(Kind.SERVICE, self.unit) is None:
            return TO_DO
        if not self.now or not place.programs.booted:
            return DONE
        return DONE if place.programs.run(["systemctl", "is-active", self.unit]).text.strip() == "active" else TO_DO

    def do(self, place: Place) -> None:
        """Start it, also where an older one runs."""
        place.record.note(Deed(Kind.SERVICE, self.unit))
        if not place.programs.booted:
            return
        place.run("systemctl", "daemon-reload")
        if self.now:
            place.programs.run(["udevadm", "control", "--reload"])
            place.programs.run(["udevadm", "trigger", "--subsystem-match=usb", "--attr-match=idVendor=045e"])
            place.run("systemctl", "restart", self.unit)


def last_words(ran: Ran) -> str:
    """Return the end of what a program wrote, for a message."""
    lines = [line.strip() for line in ran.text.splitlines() if line.strip()]
    return " | ".join(lines[-3:]) or "it said nothing"


def can_be_written_by_others(path: Path) -> str | None:
    """Say why others than root could change what a path leads to, if they could; every folder on the way counts."""
    real = Path(os.path.realpath(path))
    for one in (path, *path.parents, real, *real.parents):
        status = one.lstat()
        if stat.S_ISLNK(status.st_mode):
            continue  # its target is among the real ones
        if status.st_uid not in {0, os.geteuid()}:
            return f"{one} belongs to uid {status.st_uid}"
        if status.st_mode & _OTHERS_WRITE and not status.st_mode & stat.S_ISVTX:
            return f"{one} may be written by others (mode {stat.S_IMODE(status.st_mode):04o})"
    return None
