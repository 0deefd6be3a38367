"""What tests of the PAM module share: building it, a program that logs in by it, a daemon that follows a script."""

import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

PAM_FOLDER: Final = Path(__file__).parents[2] / "pam"
HERE: Final = Path(__file__).parent
TIMEOUT_S: Final = 30.0
BUSY_MS: Final = 20_000  # what a busy machine may take for a second; whoever waited for the daemon would take longer

# <security/_pam_types.h>
SUCCESS: Final = 0
AUTH_ERR: Final = 7
AUTHINFO_UNAVAIL: Final = 9
MAXTRIES: Final = 11

USER: Final = "ann"
STARTED: Final = '{"word":"started","user":"ann"}\n'
MATCH: Final = '{"word":"match","done":true,"user":"ann"}\n'

# Asks for a password as pam_unix does and leaves it for later modules; pam_matrix would wipe it.
ASKS: Final = """\
#!/bin/sh
test "$(tr -d '\\0')" = secret
"""
ASKING_LINE: Final = "auth [success=1 default=ignore] pam_exec.so quiet expose_authtok"

Deed: TypeAlias = list[Any]


class NotBuildable(Exception):
    """What is needed for building is not here; the message says what."""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one call of pam_authenticate."""

    code: int
    setcred: int
    ms: float
    told: list[tuple[str, str]]  # what the person was shown, by its style


@dataclass(frozen=True, slots=True)
class Built:
    """The module and the program that logs in by it, both with or both without sanitizers."""

    module: Path
    application: Path
    runner: tuple[str, ...] = ()

    def log_in(self, stack: Path, *arguments: str, user: str = USER, service: str = "login") -> list[Told]:
        """Authenticate by the stack ``service`` in a folder; nothing may have been said on the standard streams."""
        ours, theirs = os.pipe()
        with os.fdopen(ours, "rb") as heard:
            try:
                process = subprocess.Popen(
                    [*self.runner, str(self.application), str(theirs), str(stack), service, user, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    pass_fds=(theirs,),
                    env={"ASAN_OPTIONS": "detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1"},
                )
            finally:
                os.close(theirs)
            said = heard.read()
            streams = process.communicate(timeout=TIMEOUT_S)
        assert (process.returncode, *streams) == (0, b"", b"")
        return [_told(json.loads(line)) for line in said.splitlines()]


def _told(outcome: Mapping[str, Any]) -> Told:
    assert outcome["left_open"] == 0
    told = [(style, text) for style, text in outcome["told"]]
    return Told(outcome["code"], outcome["setcred"], outcome["ms"], told)


def build(into: Path, *, sanitized: bool) -> Built:
    """Build the module by its own Makefile, and the program.

    Raises:
        NotBuildable: there is no compiler, or no headers of libpam.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or shutil.which("make") is None:
        raise NotBuildable("no C compiler and make (gcc, make)")
    if subprocess.run([compiler, "-E", "-include", "security/pam_modules.h", "-x", "c", "/dev/null"],
                      capture_output=True, check=False).returncode:  # fmt: skip
        raise NotBuildable("no headers of libpam (libpam0g-dev)")
    folder = into / "sanitized" if sanitized else into
    make = ["make", "-s", "-C", str(PAM_FOLDER), f"BUILD={into}", f"CC={compiler}", "sanitized" if sanitized else "all"]
    subprocess.run(make, check=True, capture_output=True, timeout=TIMEOUT_S)
    options = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"] if sanitized else []
    source = HERE / "application.c"
    subprocess.run(
        [
            compiler,
            "-std=c11",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-g",
            *options,
            "-o",
            folder / "application",
            source,
            "-lpam",
        ],
        check=True,
        timeout=TIMEOUT_S,
    )
    return Built(folder / "pam_kinect_unlock.so", folder / "application")


def write_password_program(folder: Path) -> Path:
    """Write the program that knows the password "secret", and return its path."""
    program = folder / "password"
    program.write_text(ASKS)
    program.chmod(0o755)
    return program


class ScriptedDaemon:
    """A daemon that follows a script, as a process; ``requests`` is what it was asked, as far as it has said."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process

    def next_line(self) -> str:
        """Wait for the next thing that it tells; fails when there is none for long."""
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], TIMEOUT_S)
        assert ready, "the scripted daemon has nothing more to tell"
        return self._process.stdout.readline().decode().strip()

    def next_request(self) -> dict[str, Any]:
        """Wait for what it is asked next."""
        request: dict[str, Any] = json.loads(self.next_line())
        return request

    def end(self) -> list[str]:
        """Stop it, and return what it had told beyond what was read."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        return self._process.stdout.read().decode().splitlines()


@contextmanager
def scripted_daemon(path: Path, *script: Deed, uid: int | None = None) -> Iterator[ScriptedDaemon]:
    """Run a daemon at ``path`` as long as the block lasts."""
    program, served_by = HERE / "scripted_daemon.py", os.getuid() if uid is None else uid
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(program), str(path), str(served_by), json.dumps(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,  # what waits to be read is seen by select
    )
    try:
        daemon = ScriptedDaemon(process)
        assert daemon.next_line() == "ready"
        yield daemon
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            assert stream is not None
            stream.close()
