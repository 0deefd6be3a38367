"""The programs that lock and unlock the desktop: argv without a shell, a small environment, a time limit.

A hook is a process of its own session with nothing on stdin. When its time is up, or when nobody waits for it any
more, its whole process group is killed. A hook that exits may leave a process behind, as a screen locker that puts
itself into the background does; so the output goes into a file in memory, not into a pipe: a pipe would kill the
locker with SIGPIPE, and open the screen, as soon as this daemon ends.
"""

import asyncio
import fcntl
import logging
import os
import shutil
import signal
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from kinect_unlock import trust
from kinect_unlock.errors import HookError
from kinect_unlock.settings import Argv, Hooks

SEARCH_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What a program needs to find the user's session; everything else of the daemon's environment stays with it.
PASSED_ON: Final = (
    "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY",
    "HOME",
    "LANG",
    "LOGNAME",
    "SWAYSOCK",
    "USER",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "XDG_RUNTIME_DIR",
    "XDG_SESSION_ID",
)
OUTPUT_BYTES: Final = 1 << 20  # further writing fails with EPERM, so that no hook can fill the memory
LOGGED_BYTES: Final = 2_000
_REAP_S: Final = 1.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Program:
    path: Path
    argv: Argv


class ProgramHooks:
    """Runs the configured programs; the controller's `Hooks`."""

    def __init__(self, settings: Hooks, environ: Mapping[str, str]) -> None:
        """Find the programs now, so that a typing error shows at start and not when somebody wants in.

        Raises:
            HookError: a program is missing, cannot be run, or others may write it.
        """
        self._programs = {"lock": _found(settings.lock), "unlock": _found(settings.unlock)}
        self._timeout_s = settings.timeout_s
        self._environ = {name: environ[name] for name in PASSED_ON if name in environ}

    async def run(self, which: Literal["lock", "unlock"], user: str) -> None:
        """Run a hook to its end; returning means that it exited with 0.

        It is told what it is for by ``KINECT_UNLOCK_ACTION`` and ``KINECT_UNLOCK_USER``.

        Raises:
            HookError: it is not configured, could not be started, failed, or ran out of time.
        """
        program = self._programs[which]
        if program is None:
            msg = f"no {which} hook is configured: set hooks.{which}"
            raise HookError(msg)
        environ = {**self._environ, "PATH": SEARCH_PATH, "KINECT_UNLOCK_ACTION": which, "KINECT_UNLOCK_USER": user}
        output = _output_file()
        try:
            status = await self._status(which, program, environ, output)
            said = _printable(output)
        finally:
            os.close(output)
        _log.log(logging.INFO if status == 0 else logging.WARNING, "hook=%s status=%d output=%r", which, status, said)
        if status:
            how = f"was killed by signal {-status}" if status < 0 else f"exited with {status}"
            msg = f"the {which} hook {program.path} {how}{f': {said}' if said else ''}"
            raise HookError(msg)

    async def _status(self, which: str, program: _Program, environ: dict[str, str], output: int) -> int:
        try:
            process = await asyncio.create_subprocess_exec(
                *program.argv,
                executable=program.path,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                env=environ,
                start_new_session=True,
            )
        except OSError as error:
            msg = f"the {which} hook {program.path} cannot be started: {error.strerror}"
            raise HookError(msg) from error
        try:
            async with asyncio.timeout(self._timeout_s):
                return await process.wait()
        except TimeoutError as error:
            msg = f"the {which} hook {program.path} did not end within {self._timeout_s:g} s and was killed"
            raise HookError(msg) from error
        finally:
            await _kill_group(process)


def _found(argv: Argv | None) -> _Program | None:
    """Return the program that ``argv`` begins with, by its absolute path or looked for where the system has programs.

    Raises:
        HookError: it is missing, cannot be run, or others may write it.
    """
    if argv is None:
        return None
    found = shutil.which(argv[0], path=SEARCH_PATH)
    if found is None or not found.startswith("/"):
        msg = f"there is no program {argv[0]} to run as a hook: give its absolute path, or install it ({SEARCH_PATH})"
        raise HookError(msg)
    path, uid = Path(found), os.geteuid()
    faults = trust.write_faults(path, path.stat(), uid=uid) + trust.folder_faults(path, uid=uid)
    if faults:
        raise HookError(f"the hook {path} is refused: {'; '.join(faults)}")
    return _Program(path, argv)


def _output_file() -> int:
    """Return a file in memory that cannot grow beyond `OUTPUT_BYTES`."""
    descriptor = os.memfd_create("hook-output", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, OUTPUT_BYTES)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
    return descriptor


def _printable(output: int) -> str:
    """Return the beginning of what was written, fit for one line of a log.

    The hook shares our file offset, so where it stands is how much was written.
    """
    written = os.pread(output, min(LOGGED_BYTES, os.lseek(output, 0, os.SEEK_CUR)), 0)
    words = written.decode("utf-8", "replace").split()
    return "".join(c if c.isprintable() else "?" for c in " ".join(words))


async def _kill_group(process: asyncio.subprocess.Process) -> None:
    """Kill a hook that has not ended, with everything it started, and wait until it is gone; else do nothing."""
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    try:
        async with asyncio.timeout(_REAP_S):
            await process.wait()
    except TimeoutError:
        _log.warning("hook_pid=%d does not die", process.pid)
