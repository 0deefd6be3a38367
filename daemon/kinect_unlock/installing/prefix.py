"""The program in a folder of root's alone, run by the system's Python and nothing that a user can write."""

import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from io import BytesIO
from pathlib import Path
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from kinect_unlock.installing.steps import (
    DONE,
    TO_DO,
    Finding,
    Place,
    SetupError,
    State,
    can_be_written_by_others,
    last_words,
)
from kinect_unlock.installing.undoing import Deed, Kind, beside, flush_folder, sha256_of

PREFIX: Final = "/usr/lib/kinect-unlock"
LAUNCHER: Final = b"""#!/usr/lib/kinect-unlock/bin/python -I
import sys

from kinect_unlock.cli import main

sys.exit(main())
"""

_PYTHON: Final = "/usr/bin/python3"
_MARK: Final = "installed-from"  # the last file to be written: an installation without it is not whole
_WHEELS: Final = "wheels"  # below the new prefix, while it is made
_INSTALL_LIMIT_S: Final = 1800.0
_STEP_LIMIT_S: Final = 300.0
_PIP: Final = ("-I", "-m", "pip", "--disable-pip-version-check", "--no-input")
_PASSED_ON: Final = (
    "PIP_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT",
)
_LEFT_OUT: Final = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the first moment that a ZIP file can tell


@dataclass(frozen=True, slots=True)
class Wheel:
    """The program as one file."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Return the hash by which it is known."""
        return sha256_of(self.content)


@dataclass(frozen=True, slots=True)
class InstallPrefix:
    """A virtual environment of the system's Python with the program and what it needs.

    It is made beside its place and takes it in one step, so that an upgrade that fails leaves the older one.
    """

    wheel: Wheel
    found_in: Path | None = None  # a folder of wheels, instead of the package index
    extras: tuple[str, ...] = ()
    environ: Mapping[str, str] | None = None

    @property
    def told(self) -> str:
        """Name the folder, and say where the packages come from."""
        where = f"the wheels in {self.found_in}" if self.found_in else "the package index that pip is set to"
        return f"{PREFIX}  the program ({self.wheel.name}); what it needs from {where}"

    @property
    def _mark(self) -> str:
        return f"{self.wheel.sha256} {','.join(self.extras)}\n"

    def finding(self, place: Place) -> Finding:
        """Look which wheel it was made from."""
        path = place.path(PREFIX)
        if not os.path.lexists(path):
            return TO_DO
        if place.record.deed(Kind.TREE, PREFIX) is None:
            return Finding(State.IN_THE_WAY, f"{PREFIX} is there and setup did not make it: move it away")
        mark = path / _MARK
        return DONE if mark.is_file() and mark.read_text(encoding="ascii") == self._mark else TO_DO

    def do(self, place: Place) -> None:
        """Make it, see that it works and is nobody else's, and put it into its place."""
        place.make_folders_for(PREFIX)
        place.record.note(Deed(Kind.TREE, PREFIX, of=self.wheel.sha256))
        new, old = (str(path) for path in beside(Path(PREFIX)))
        for left in (new, old):
            shutil.rmtree(place.path(left), ignore_errors=True)
        python = f"{new}/bin/python"
        self._run(place, (_PYTHON, "-I", "-m", "venv", new), "install Debian's python3-venv")
        self._install(place, new)
        self._run(place, (python, "-I", "-m", "compileall", "-q", "-s", new, "-p", PREFIX, f"{new}/lib"), "")
        _remove_scripts(place.path(f"{new}/bin"))
        self._run(place, (python, "-I", "-m", "kinect_unlock", "models", "verify"), "the wheel may be damaged")
        if fault := others_may_write(place.path(new)):
            raise SetupError(f"{fault}: the service must not run what others can change")
        place.path(f"{new}/{_MARK}").write_text(self._mark, encoding="ascii")
        if place.path(PREFIX).exists():
            place.path(PREFIX).rename(place.path(old))
        place.path(new).rename(place.path(PREFIX))
        flush_folder(place.path(PREFIX).parent)
        shutil.rmtree(place.path(old), ignore_errors=True)

    def _install(self, place: Place, new: str) -> None:
        wheels = place.path(f"{new}/{_WHEELS}")
        wheels.mkdir(mode=0o700)  # a link in the folder they are from may lead to what root alone may read
        (wheels / self.wheel.name).write_bytes(self.wheel.content)
        index: tuple[str, ...] = ()
        if self.found_in is not None:
            for path in self.found_in.glob("*.whl"):
                if path.name != self.wheel.name:
                    shutil.copyfile(path, wheels / path.name)
            index = ("--no-index", f"--find-links={new}/{_WHEELS}")
        wanted = f"{new}/{_WHEELS}/{self.wheel.name}" + (f"[{','.join(self.extras)}]" if self.extras else "")
        # Nothing is built here: a source package would run whatever its author likes, as root.
        argv = (f"{new}/bin/python", *_PIP, "install", "--quiet", "--only-binary=:all:", "--no-compile", *index, wanted)
        self._run(place, argv, "is the package index reachable, or are all the wheels there?")
        shutil.rmtree(wheels)

    def _run(self, place: Place, argv: tuple[str, ...], advice: str) -> None:
        passed = {name: value for name, value in (self.environ or {}).items() if name.startswith(_PASSED_ON)}
        limit_s = _INSTALL_LIMIT_S if "pip" in argv else _STEP_LIMIT_S
        ran = place.programs.run(argv, environ={**passed, "HOME": "/root"}, limit_s=limit_s)
        if ran.code != 0:
            advised = f"; {advice}" if advice else ""
            raise SetupError(f"`{' '.join(argv)}` ended with exit code {ran.code}: {last_words(ran)}{advised}")


def others_may_write(tree: Path) -> str | None:
    """Say what in a tree, on the way to it, or where its links lead, others than root could change."""
    if fault := can_be_written_by_others(tree):
        return fault
    for path in _all(tree):
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            if path.exists() and (fault := can_be_written_by_others(path)):
                return fault
        elif status.st_uid not in {0, os.geteuid()} or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return f"{path} belongs to uid {status.st_uid} and has mode {stat.S_IMODE(status.st_mode):04o}"
    return None


def others_may_change_us() -> str | None:
    """Say what of the program that runs now others than root could change; much of it is what setup installs."""
    return others_may_write(Path(__file__).parents[1])


def wheel_of(file: Path) -> Wheel:
    """Read a wheel.

    Raises:
        SetupError: it cannot be read, or is not of this program.
    """
    if not (file.name.startswith("kinect_unlock-") and file.name.endswith(".whl")):
        raise SetupError(f"{file} is not called like a wheel of this program: kinect_unlock-VERSION-py3-none-any.whl")
    try:
        return Wheel(file.name, file.read_bytes())
    except OSError as fault:
        raise SetupError(f"{file} cannot be read: {fault.strerror}") from fault


def running_wheel() -> Wheel:
    """Return the program that runs as the wheel that it was installed from.

    Raises:
        SetupError: it was installed in a way that cannot be put into a wheel again.
    """
    advice = "build one with `pip wheel --no-deps .` in the source tree, and name it with --wheel"
    try:
        found = distribution("kinect-unlock")
    except PackageNotFoundError as fault:
        raise SetupError(f"this program is not installed by pip, so no wheel can be made of it: {advice}") from fault
    files = {str(file): file for file in found.files or ()}
    if "kinect_unlock/__init__.py" not in files:
        raise SetupError(f"this program runs from its source tree, so no wheel can be made of it: {advice}")
    return _packed(found, sorted(name for name in files if _belongs(name)))


def _belongs(name: str) -> bool:
    path = Path(name)
    return not (name.startswith("..") or path.is_absolute() or path.suffix == ".pyc" or path.name in _LEFT_OUT)


def _packed(found: Distribution, names: list[str]) -> Wheel:
    """Make the wheel; the same files always make the same one."""
    info = next(str(Path(name).parent) for name in names if name.endswith(".dist-info/WHEEL"))
    name = f"kinect_unlock-{found.version}-py3-none-any.whl"
    file = BytesIO()
    with ZipFile(file, "w", ZIP_DEFLATED) as wheel:
        lines = []
        for one in names:
            content = Path(str(found.locate_file(one))).read_bytes()
            wheel.writestr(_entry(one), content)
            lines.append(f"{one},,\n")
        wheel.writestr(_entry(f"{info}/RECORD"), "".join([*lines, f"{info}/RECORD,,\n"]))
    return Wheel(name, file.getvalue())


def _entry(name: str) -> ZipInfo:
    entry = ZipInfo(name, _EPOCH)
    entry.compress_type = ZIP_DEFLATED
    entry.external_attr = (stat.S_IFREG | 0o644) << 16
    return entry


def _remove_scripts(folder: Path) -> None:
    """Keep Python alone: the others name the folder that the prefix was made in."""
    for path in folder.iterdir():
        if not path.name.startswith("python"):
            path.unlink()


def _all(tree: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(tree):
        for name in (*folders, *files):
            yield Path(folder, name)
