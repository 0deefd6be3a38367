"""What tests of the PAM module share: building it, a program that logs in by it, a daemon that follows a script."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

PAM_FOLDER: Final = Path(__file__).parents[2] / "pam"
HERE: Final = Path(__file__).parent
TIMEOUT_S: Final = 60.0

# <security/_pam_types.h>
SUCCESS: Final = 0
AUTH_ERR: Final = 7
AUTHINFO_UNAVAIL: Final = 9
MAXTRIES: Final = 11

USER: Final = "ann"
STARTED: Final = '{"word":"started","user":"ann"}\n'
MATCH: Final = '{"word":"match","done":true,"user":"ann"}\n'

Deed = list[Any]


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
        [compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", "-g", *options, "-o", folder / "application", source, "-lpam"],
        check=True,
        timeout=TIMEOUT_S,
    )
    return Built(folder / "pam_kinect_unlock.so", folder / "application")


class ScriptedDaemon:
    """A daemon that follows a script, as a process; ``requests`` is what it was asked, as far as it has said."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def next_line(self) -> str:
        """Wait for the next thing that it tells."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def next_request(self) -> dict[str, Any]:
        """Wait for what it is asked next."""
        request: dict[str, Any] = json.loads(self.next_line())
        return request

    def end(self) -> list[str]:
        """Stop it, and return what it had told beyond what was read."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        return self._process.stdout.read().splitlines()


@contextmanager
def scripted_daemon(path: Path, *script: Deed, uid: int | None = None) -> Iterator[ScriptedDaemon]:
    """Run a daemon at ``path`` as long as the block lasts."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(HERE / "scripted_daemon.py"), str(path)]
        + [str(os.getuid() if uid is None else uid), json.dumps(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
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
