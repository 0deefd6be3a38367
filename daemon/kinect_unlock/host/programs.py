"""Another program, run for what it says: within a time limit, and whatever it does to itself."""

import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from kinect_unlock import trust
from kinect_unlock.host.text import shown

_READ_BYTES: Final = 1 << 20  # the end of what was written
_WRITTEN_BYTES: Final = 1 << 26  # to any one file: more than what a driver of OpenCL compiles and keeps
_REAPING_LIMIT_S: Final = 2.0  # a process inside a driver that hangs cannot be killed; then it is left behind


@dataclass(frozen=True, slots=True)
class Ran:
    """How a program ended, and what it wrote, fit to be shown line by line."""

    exit_code: int | None  # negative: the signal that ended it; None: it was stopped, for its time was over
    out: tuple[str, ...]
    err: tuple[str, ...]

    @property
    def ending(self) -> str:
        """Say how it ended."""
        if self.exit_code is None:
            return "gave no answer in time and was stopped"
        if self.exit_code < 0:
            return f"was killed by {_signal_name(-self.exit_code)}"
        return f"ended with exit code {self.exit_code}"

    @property
    def last_words(self) -> str:
        """Return the last line it wrote to standard error, else to standard output, else nothing."""
        return next((line for line in reversed((*self.out, *self.err)) if line.strip()), "").strip()


def interpreter() -> list[str]:
    """Return our own interpreter's command: it believes no more of its environment than this process does.

    -P: what lies in the current folder is not ours to import.
    """
    flags = sys.flags
    ignored = ("-E",) * flags.ignore_environment + ("-s",) * flags.no_user_site
    return [sys.executable, "-P", *ignored]


def run(argv: Sequence[str], *, limit_s: float, environ: Mapping[str, str]) -> Ran | None:
    """Run a program that is looked for in ``environ``'s PATH; return None if there is none of that name.

    What others than root and this user may have written is not run: root may have come here with a user's PATH.
    """
    program = shutil.which(argv[0], path=environ.get("PATH", os.defpath))
    if program is None:
        return None
    if program != argv[0] and (faults := _faults(Path(program))):
        return Ran(126, (), (shown(f"{program} is not run: {'; '.join(faults)}"),))  # 126: as a shell says it
    # Files rather than pipes: a grandchild that keeps a pipe open would be waited for.
    with _memory() as out, _memory() as err:
        try:
            child = subprocess.Popen(  # noqa: S603 - a program of this module's callers, no shell, no user's text
                [program, *argv[1:]],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env={**environ, "LC_ALL": "C.UTF-8"},
                start_new_session=True,
            )
        except OSError as fault:
            return Ran(127, (), (shown(f"{program}: {fault.strerror}"),))  # 127: as a shell says that it cannot run it
        return Ran(_ended(child, limit_s), _lines(out), _lines(err))


def _faults(program: Path) -> list[str]:
    try:
        uid, status = os.geteuid(), program.stat()
        return trust.write_faults(program, status, uid=uid) + trust.folder_faults(program, uid=uid)
    except OSError as fault:
        return [str(fault)]


def _ended(child: subprocess.Popen[bytes], limit_s: float) -> int | None:
    with suppress(OSError):  # it may have ended already
        resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (_WRITTEN_BYTES, _WRITTEN_BYTES))
    try:
        return child.wait(limit_s)
    except subprocess.TimeoutExpired:
        with suppress(OSError):
            os.killpg(child.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            child.wait(_REAPING_LIMIT_S)
        return None


def _memory() -> BinaryIO:
    return os.fdopen(os.memfd_create("kinect-unlock-output"), "w+b")


def _lines(file: BinaryIO) -> tuple[str, ...]:
    file.seek(max(0, file.seek(0, os.SEEK_END) - _READ_BYTES))
    return tuple(shown(line) for line in file.read(_READ_BYTES).decode(errors="replace").splitlines())


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
