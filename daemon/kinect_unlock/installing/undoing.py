"""Takes kinect-unlock off a computer again: undoes what `kinect-unlock setup` wrote down, and nothing else.

This file is installed as /usr/sbin/kinect-unlock-unsetup and works alone, with the system's own Python and without the
rest of the program, which may be broken or gone. What was changed since it was installed is kept, and named.

The record is a line of JSON a deed, written and flushed to the disk before the deed is begun; so a deed in the record
may not have happened, or only half, and undoing one that left nothing is no fault.
"""

import argparse
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from enum import StrEnum, unique
from pathlib import Path
from typing import Final

RECORD_FOLDER: Final = "/var/lib/kinect-unlock-setup"
RECORD: Final = f"{RECORD_FOLDER}/record.jsonl"
PAM_BACKUP: Final = f"{RECORD_FOLDER}/pam.d"
PROGRAM: Final = "/usr/sbin/kinect-unlock-unsetup"
UNIT: Final = "kinect-unlock.service"

_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PROGRAM_LIMIT_S: Final = 120.0
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_OURS_IN_PAM: Final = (b"pam_kinect_unlock", b"kinect-unlock")


class Refused(Exception):
    """It cannot be done; the message says why and what to do."""


@unique
class Kind(StrEnum):
    """What was done, and so what undoing means."""

    FOLDER = "folder"  # made: removed when it is empty
    FILE = "file"  # written: removed unless it was changed since
    KEY = "key"  # which may have been exchanged: removed whatever it holds
    LINK = "link"  # made: removed if it still leads there
    TREE = "tree"  # a folder that is ours with all that is in it
    DATA = "data"  # the same, made by the service: templates
    ACCOUNT = "account"  # a user and the group of that name
    SERVICE = "service"  # started
    PAM = "pam"  # profiles switched on


_KEPT: Final = frozenset({Kind.DATA, Kind.KEY, Kind.ACCOUNT})  # where data are to be kept


@dataclass(frozen=True)
class Deed:
    """Something that was done. ``hashes`` are of every content that we gave it, ``of`` tells what it was made from."""

    kind: Kind
    name: str
    hashes: tuple[str, ...] = ()
    of: str = ""


@unique
class Fate(StrEnum):
    """What became of a deed when it was undone."""

    UNDONE = "removed"
    GONE = "gone already"
    KEPT = "kept"
    FAILED = "FAILED"


@dataclass(frozen=True)
class Undone:
    """One line of the report."""

    fate: Fate
    what: str
    why: str = ""


@dataclass(frozen=True)
class Ran:
    """How a program ended, and what it wrote."""

    code: int
    text: str


class Programs:
    """The programs of the computer below a root folder, run in there."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def booted(self) -> bool:
        """Whether it is this very computer, and systemd runs it."""
        return self._root == Path("/") and Path("/run/systemd/system").is_dir()

    def has(self, name: str) -> bool:
        """Tell whether there is a program of that name."""
        return any(os.access(self._root / folder[1:] / name, os.X_OK) for folder in _PATH.split(":"))

    def run(
        self,
        argv: Sequence[str],
        *,
        given: bytes = b"",
        environ: Mapping[str, str] | None = None,
        limit_s: float = _PROGRAM_LIMIT_S,
    ) -> Ran:
        """Run a program to its end; what cannot be run, or not in time, ends with code 127 or 124."""
        words = list(argv) if self._root == Path("/") else ["chroot", str(self._root), *argv]
        plain = {"PATH": _PATH, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", **(environ or {})}
        try:
            done = subprocess.run(  # noqa: S603 - words of ours
                words,
                input=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=plain,
                cwd="/",
                umask=0o022,
                timeout=limit_s,
                check=False,
            )
        except OSError as fault:
            return Ran(127, f"{argv[0]}: {fault.strerror}")
        except subprocess.TimeoutExpired:
            return Ran(124, f"{argv[0]} did not end within {limit_s:g} s")
        return Ran(done.returncode, done.stdout.decode(errors="replace"))


def below(root: Path, name: str) -> Path:
    """Return where a path of the computer lies; refuses one that leads out of the root folder."""
    path = root / name.lstrip("/")
    real = Path(os.path.realpath(path.parent if path != root else root))
    if ".." in Path(name).parts or not real.is_relative_to(Path(os.path.realpath(root))):
        raise Refused(f"{name} leads out of {root}")
    return path


def sha256_of(data: bytes) -> str:
    """Return the hash by which a content is known."""
    return hashlib.sha256(data).hexdigest()


class Record:
    """What was done, in a file of root's alone."""

    def __init__(self, root: Path) -> None:
        self._folder = below(root, RECORD_FOLDER)
        self._file = below(root, RECORD)

    def deeds(self) -> list[Deed]:
        """Return what was done, in the order in which it was begun; of a thing done twice, all its hashes.

        Raises:
            Refused: others could have written it.
        """
        found: dict[tuple[Kind, str], Deed] = {}
        for line in self._lines():
            deed = Deed(Kind(line["kind"]), line["name"], tuple(line["hashes"]), line["of"])
            before = found.get((deed.kind, deed.name))
            if before is not None:
                deed = replace(deed, hashes=(*before.hashes, *deed.hashes))
            found[deed.kind, deed.name] = deed
        return list(found.values())

    def deed(self, kind: Kind, name: str) -> Deed | None:
        """Return one of them."""
        return next((deed for deed in self.deeds() if (deed.kind, deed.name) == (kind, name)), None)

    def note(self, deed: Deed) -> None:
        """Write down what is about to be done."""
        if not self._folder.is_dir():
            self._folder.mkdir(mode=0o700)
            flush_folder(self._folder.parent)
        whole = self._whole()
        with os.fdopen(
            os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), "r+b"
        ) as file:
            file.truncate(len(whole))  # a crash may have left half a line, of a deed that was not begun
            file.seek(len(whole))
            file.write(json.dumps(asdict(deed)).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        flush_folder(self._folder)

    def keep(self, deeds: Sequence[Deed]) -> None:
        """Remember these alone."""
        lines = (json.dumps(asdict(deed)).encode() + b"\n" for deed in deeds)
        replace_file(self._file, b"".join(lines), 0o600)

    def forget(self) -> None:
        """Remove the record itself."""
        if self._folder.is_dir():
            shutil.rmtree(self._folder)

    def _whole(self) -> bytes:
        try:
            descriptor = os.open(self._file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return b""
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            if status.st_uid not in {0, os.geteuid()} or status.st_mode & _OTHERS_WRITE:
                raise Refused(f"{self._file} may have been written by others than root: nothing is done by it")
            data = file.read()
        return data[: data.rfind(b"\n") + 1]

    def _lines(self) -> Iterator[dict[str, str]]:
        for line in self._whole().splitlines():
            yield json.loads(line)


def flush_folder(folder: Path) -> None:
    """Have the disk know the names in a folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def temporary(path: Path) -> Path:
    """Return the name under which a file is written before it gets its own; a crash may leave it."""
    return path.with_name(f".{path.name}.kinect-unlock-new")


def beside(path: Path) -> tuple[Path, Path]:
    """Return where a tree is made before it gets its name, and where the older one is put meanwhile."""
    return path.with_name(path.name + ".new"), path.with_name(path.name + ".old")


class Undoing:
    """Undoes deeds, the last first."""

    def __init__(self, root: Path, programs: Programs, *, keep_data: bool = False) -> None:
        self._root = root
        self._programs = programs
        self._keep_data = keep_data
        self._record = Record(root)
        self._ways: dict[Kind, Callable[[Deed], Undone]] = {
            Kind.FOLDER: self._folder,
            Kind.FILE: self._file,
            Kind.KEY: self._key,
            Kind.LINK: self._link,
            Kind.TREE: self._tree,
            Kind.DATA: self._data,
            Kind.ACCOUNT: self._account,
            Kind.SERVICE: self._service,
            Kind.PAM: self._pam,
        }

    def deeds(self) -> list[Deed]:
        """Return what is to be undone, in that order; the program that undoes it comes last."""
        deeds = list(reversed(self._record.deeds()))
        return sorted(deeds, key=lambda deed: deed.name == PROGRAM)

    def run(self) -> Iterator[Undone]:
        """Undo everything; the record stays as long as something has failed, so that it can be tried again."""
        failed, program = False, None
        for deed in self.deeds():
            if deed.name == PROGRAM:
                program = deed
                continue
            undone = self._one(deed)
            failed = failed or undone.fate is Fate.FAILED
            yield undone
        self._reload()
        if failed:
            return
        left = [deed for deed in self._record.deeds() if self._is_kept(deed)] if self._keep_data else []
        if left:
            self._record.keep(left)
            yield Undone(Fate.KEPT, PROGRAM, "it can take away later what was kept")
            return
        self._record.forget()
        if program is not None:
            yield self._one(program)

    def _is_kept(self, deed: Deed) -> bool:
        if deed.kind is Kind.FOLDER:
            return below(self._root, deed.name).is_dir()
        return deed.kind in _KEPT or deed.name == PROGRAM

    def one(self, kind: Kind, name: str) -> Undone:
        """Undo one deed of the record, and leave it in there."""
        deed = self._record.deed(kind, name)
        return Undone(Fate.GONE, name) if deed is None else self._one(deed)

    def _one(self, deed: Deed) -> Undone:
        try:
            return self._ways[deed.kind](deed)
        except OSError as fault:
            return Undone(Fate.FAILED, deed.name, f"{fault.strerror or fault}; run this as root")

    def _folder(self, deed: Deed) -> Undone:
        path = below(self._root, deed.name)
        if not path.is_dir():
            return Undone(Fate.GONE, deed.name)
        try:
            path.rmdir()
        except OSError:
            return Undone(Fate.KEPT, deed.name, "something else lies in it")
        return Undone(Fate.UNDONE, deed.name)

    def _file(self, deed: Deed) -> Undone:
        path = below(self._root, deed.name)
        temporary(path).unlink(missing_ok=True)
        if not os.path.lexists(path):
            return Undone(Fate.GONE, deed.name)
        if path.is_symlink() or not path.is_file() or sha256_of(path.read_bytes()) not in deed.hashes:
            return Undone(Fate.KEPT, deed.name, "it was changed since it was installed")
        if path.suffix == ".so" and (asking := self._asking()):
            names = ", ".join(asking)
            return Undone(Fate.FAILED, deed.name, f"{names} in /etc/pam.d still asks it: take that line out first")
        path.unlink()
        return Undone(Fate.UNDONE, deed.name)

    def _key(self, deed: Deed) -> Undone:
        if self._keep_data:
            return Undone(Fate.KEPT, deed.name, "as you wished")
        path = below(self._root, deed.name)
        temporary(path).unlink(missing_ok=True)
        if not os.path.lexists(path):
            return Undone(Fate.GONE, deed.name)
        path.unlink()
        return Undone(Fate.UNDONE, deed.name)

    def _link(self, deed: Deed) -> Undone:
        path = below(self._root, deed.name)
        if not os.path.lexists(path):
            return Undone(Fate.GONE, deed.name)
        if not path.is_symlink() or str(path.readlink()) != deed.of:
            return Undone(Fate.KEPT, deed.name, "it leads elsewhere since")
        path.unlink()
        return Undone(Fate.UNDONE, deed.name)

    def _tree(self, deed: Deed) -> Undone:
        path = below(self._root, deed.name)
        there = os.path.lexists(path)
        for one in (*beside(path), path):
            _remove(one)
        return Undone(Fate.UNDONE if there else Fate.GONE, deed.name)

    def _data(self, deed: Deed) -> Undone:
        if self._keep_data:
            return Undone(Fate.KEPT, deed.name, "as you wished")
        path = below(self._root, deed.name)
        there = os.path.lexists(path)
        _remove(path)
        return Undone(Fate.UNDONE if there else Fate.GONE, deed.name)

    def _account(self, deed: Deed) -> Undone:
        what = f"user {deed.name}"
        if self._keep_data:
            return Undone(Fate.KEPT, what, "what is kept belongs to it")
        if not self._known("etc/passwd", deed.name) and not self._known("etc/group", deed.name):
            return Undone(Fate.GONE, what)
        said = ""
        for file, program in (("etc/passwd", "userdel"), ("etc/group", "groupdel")):  # userdel may take the group too
            if self._known(file, deed.name):
                said = self._programs.run([program, deed.name]).text.strip() or said
        if self._known("etc/passwd", deed.name) or self._known("etc/group", deed.name):
            return Undone(Fate.FAILED, what, said or "it is still there")
        return Undone(Fate.UNDONE, what)

    def _service(self, deed: Deed) -> Undone:
        what = f"running {deed.name}"
        if not self._programs.booted:
            return Undone(Fate.GONE, what)
        ran = self._programs.run(["systemctl", "stop", deed.name])
        self._programs.run(["systemctl", "reset-failed", deed.name])
        gone = ran.code == 0 or "not loaded" in ran.text
        return Undone(Fate.UNDONE, what) if gone else Undone(Fate.FAILED, what, ran.text.strip())

    def _pam(self, deed: Deed) -> Undone:
        """Switch our profiles off; where that does not help, put back the files that nobody has changed since."""
        what = f"lines of PAM ({deed.name})"
        if not self._asking():
            return Undone(Fate.GONE, what)
        said = self._programs.run(["pam-auth-update", "--package", "--remove", *deed.name.split()]).text.strip()
        for name in self._asking():
            kept = below(self._root, f"{PAM_BACKUP}/{name}")
            path = below(self._root, f"/etc/pam.d/{name}")
            if kept.is_file() and sha256_of(path.read_bytes()) in deed.hashes:
                replace_file(path, kept.read_bytes(), stat.S_IMODE(path.stat().st_mode))
        if left := self._asking():
            why = f"{', '.join(left)} in /etc/pam.d still asks us: take that line out by hand. {said}"
            return Undone(Fate.FAILED, what, why.strip())
        return Undone(Fate.UNDONE, what)

    def _asking(self) -> list[str]:
        """Return the files of PAM with a line of ours."""
        folder = below(self._root, "/etc/pam.d")
        files = sorted(folder.iterdir()) if folder.is_dir() else []
        return [path.name for path in files if path.is_file() and asks_us(path.read_bytes())]

    def _known(self, file: str, name: str) -> bool:
        path = below(self._root, file)
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
        return any(line.startswith(f"{name}:") for line in lines)

    def _reload(self) -> None:
        if self._programs.booted:
            self._programs.run(["systemctl", "daemon-reload"])
            self._programs.run(["udevadm", "control", "--reload"])


def asks_us(text: bytes) -> bool:
    """Tell whether a file of PAM has a line of ours in force."""
    lines = (line.partition(b"#")[0] for line in text.splitlines())
    return any(word in line for line in lines for word in _OURS_IN_PAM)


def replace_file(path: Path, data: bytes, mode: int) -> None:
    """Give a file a content, whole or not at all."""
    new = temporary(path)
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.fsync(file.fileno())
    new.replace(path)
    flush_folder(path.parent)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        with suppress(FileNotFoundError):
            path.unlink()


def planned(deed: Deed, *, keep_data: bool) -> str:
    """Say what undoing a deed would do."""
    if keep_data and (deed.kind in _KEPT or deed.name == PROGRAM):
        return f"keep     {deed.name}"
    words = {
        Kind.FOLDER: "remove   {} if it is empty",
        Kind.FILE: "remove   {}",
        Kind.KEY: "remove   {}: templates sealed with it cannot be opened any more",
        Kind.LINK: "remove   {}",
        Kind.TREE: "remove   {} and all that is in it",
        Kind.DATA: "remove   {} and all that is in it",
        Kind.ACCOUNT: "remove   the user and the group {}",
        Kind.SERVICE: "stop     {}",
        Kind.PAM: "take out the lines of PAM that the profiles {} put in",
    }
    return words[deed.kind].format(deed.name)


def main(arguments: Sequence[str]) -> int:
    """Show what would be undone, ask, and undo it; return the exit code."""
    told = argparse.ArgumentParser(prog="kinect-unlock-unsetup", description=(__doc__ or "").partition("\n\n")[0])
    told.add_argument("--root", type=Path, default=Path("/"), help="the computer's root folder, if it is not this one")
    told.add_argument("--yes", action="store_true", help="do not ask")
    told.add_argument("--dry-run", action="store_true", help="only say what would be done")
    told.add_argument("--keep-data", action="store_true", help="keep templates, their key and the service's user")
    wanted = told.parse_args(arguments)
    root = Path(os.path.realpath(wanted.root))
    try:
        return _undo(Undoing(root, Programs(root), keep_data=wanted.keep_data), wanted)
    except (Refused, PermissionError) as fault:
        advice = "" if os.geteuid() == 0 else "; run it as root"
        print(f"kinect-unlock-unsetup: {fault}{advice}", file=sys.stderr)  # noqa: T201 - a program's words
        return 77


def _undo(undoing: Undoing, wanted: argparse.Namespace) -> int:
    deeds = undoing.deeds()
    if not deeds:
        print("Nothing to undo: setup has written nothing down.")  # noqa: T201
    for deed in deeds:
        print(planned(deed, keep_data=wanted.keep_data))  # noqa: T201
    if wanted.dry_run:
        return 0
    if deeds and not wanted.yes and not _agreed():
        print("Nothing was changed.")  # noqa: T201
        return 1
    done = [undone for undone in undoing.run() if _show(undone)]
    return 1 if any(undone.fate is Fate.FAILED for undone in done) else 0


def _agreed() -> bool:
    try:
        return input("Do that? [y/N] ").strip().lower() in {"y", "yes"}
    except EOFError:
        return False


def _show(undone: Undone) -> bool:
    print(f"{undone.fate.value:<13}{undone.what}" + (f": {undone.why}" if undone.why else ""))  # noqa: T201
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
