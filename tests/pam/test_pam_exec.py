"""The program for pam_exec: through real libpam and pam_exec, and by itself."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from pam.rehearsing import (
    ASKING_LINE,
    AUTH_ERR,
    BUSY_MS,
    MATCH,
    PAM_FOLDER,
    STARTED,
    SUCCESS,
    TIMEOUT_S,
    Built,
    Deed,
    scripted_daemon,
    write_password_program,
)

SCRIPT = PAM_FOLDER / "kinect_unlock_pam_exec.py"
ENVIRON = {"PAM_TYPE": "auth", "PAM_USER": "ann", "PAM_SERVICE": "sudo", "PAM_TTY": "/dev/pts/1"}
RECORDED = (STARTED + MATCH).replace("}", ',"origin":"recording"}')

pytestmark = pytest.mark.skipif(not os.access("/usr/bin/python3", os.X_OK), reason="there is no /usr/bin/python3")


def run(folder: Path, *arguments: str, **more: str) -> int:
    """Run it as pam_exec would; it may say nothing."""
    argv = [str(SCRIPT), f"--socket={folder}/s", *arguments]
    environ = {name: value for name, value in {**ENVIRON, **more}.items() if value}
    done = subprocess.run(
        argv, env=environ, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S, check=False
    )
    assert (done.stdout, done.stderr) == (b"", b"")
    return done.returncode


def test_only_a_match_is_exit_code_0(folder: Path) -> None:
    with scripted_daemon(folder / "s", ["say", STARTED], ["say", MATCH]) as daemon:
        assert run(folder, "--test-source") == 0
        asked = {"op": "verify", "user": "ann", "service": "sudo", "tty": "/dev/pts/1"}
        assert daemon.next_request() == asked


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([["say", STARTED + '{"word":"no-match","done":true,"user":"ann"}\n']], id="a stranger"),
        pytest.param([["say", MATCH]], id="a match before the start"),
        pytest.param([["say", STARTED + MATCH.replace("ann", "bob")]], id="a match of somebody else"),
        pytest.param([["say", STARTED + MATCH.replace('"done":true,', "")]], id="a match that is not done"),
        pytest.param([["say", STARTED + MATCH.replace('"user":"ann"', '"user":"bob","user":"ann"')]], id="twice"),
        pytest.param([["say", STARTED + MATCH.replace("}", ',"score":1}')]], id="an unknown member"),
        pytest.param([["say", STARTED + MATCH + MATCH]], id="two ends"),
        pytest.param([["say", STARTED + MATCH.strip()]], id="no end of the line"),
        pytest.param([["say", "[" * 4000 + "\n"]], id="deep nesting"),
        pytest.param([["say", "\xff\xfe\n"]], id="noise"),
        pytest.param([["say", "1\n"]], id="a number"),
        pytest.param([["say", "x" * 100_000]], id="a line without end"),
        pytest.param([["die"]], id="killed"),
        pytest.param([], id="hangs up"),
    ],
)
def test_everything_else_is_exit_code_1(folder: Path, script: list[Deed]) -> None:
    with scripted_daemon(folder / "s", *script):
        assert run(folder, "--test-source") == 1


def test_without_a_daemon_it_is_exit_code_1(folder: Path) -> None:
    assert run(folder) == 1


@pytest.mark.parametrize(("arguments", "code"), [((), 1), (("--test-source",), 0)])
def test_frames_of_no_sensor_are_believed_in_tests_only(folder: Path, arguments: tuple[str, ...], code: int) -> None:
    with scripted_daemon(folder / "s", ["say", RECORDED]):
        assert run(folder, *arguments) == code


@pytest.mark.parametrize(
    "environ",
    [
        {"PAM_USER": ""},
        {"PAM_USER": "a b"},
        {"PAM_USER": "a\n"},
        {"PAM_SERVICE": "sshd"},
        {"PAM_SERVICE": "lightdm"},
        {"PAM_TTY": "ssh"},
        {"PAM_TTY": '"'},
        {"PAM_RHOST": "192.0.2.1"},
        {"PAM_TYPE": "open_session"},
    ],
)
def test_whoever_is_not_to_be_asked_about_is_not(folder: Path, environ: dict[str, str]) -> None:
    with scripted_daemon(folder / "s", ["say", STARTED + MATCH]) as daemon:
        assert run(folder, "--test-source", **environ) == 1
        assert daemon.end() == []


def test_an_unknown_argument_is_exit_code_1(folder: Path) -> None:
    with scripted_daemon(folder / "s", ["say", STARTED + MATCH]):
        assert run(folder, "--socket=relative") == 1


@pytest.mark.skipif(os.getuid() != 0, reason="only root can run a daemon as somebody else")
def test_a_daemon_of_another_user_is_not_believed(folder: Path) -> None:
    with scripted_daemon(folder / "s", ["say", STARTED + MATCH], uid=65534) as daemon:
        assert run(folder, "--test-source") == 1
        assert [line for line in daemon.end() if "verify" in line] == []


def test_when_nobody_is_there_it_gives_up_and_hangs_up(folder: Path) -> None:
    with scripted_daemon(folder / "s", ["say", STARTED + '{"word":"nobody"}\n'], ["wait", 600.0]) as daemon:
        assert run(folder, "--test-source") == 1
        daemon.next_request()
        assert daemon.next_line() == "left"


def _stack(folder: Path, before: str = "") -> Path:
    """Write the lines that README.md shows, with a password after them."""
    password = f"{ASKING_LINE} {write_password_program(folder)}\nauth requisite pam_deny.so\n"
    program = f"{SCRIPT} --socket={folder}/s --test-source"
    line = f"auth [success=2 default=ignore] pam_exec.so quiet seteuid {before} {program}\n"
    (folder / "login").write_text(line + password + "auth required pam_permit.so\n")
    return folder


def test_through_pam_exec_a_match_logs_in_and_nothing_is_shown(module: Built, folder: Path) -> None:
    with scripted_daemon(folder / "s", ["say", STARTED + MATCH]):
        (told,) = module.log_in(_stack(folder))

    assert (told.code, told.told) == (SUCCESS, [])


def test_through_pam_exec_the_password_follows_everything_else(module: Built, folder: Path) -> None:
    with scripted_daemon(folder / "s", ["say", STARTED + '{"word":"locked-out","done":true}\n']):
        right, wrong = (module.log_in(_stack(folder), f"password={one}")[0] for one in ("secret", "wrong"))
    (absent,) = module.log_in(_stack(folder), "password=secret")

    assert [told.code for told in (right, wrong, absent)] == [SUCCESS, AUTH_ERR, SUCCESS]
    assert right.told == [("prompt", "Password: ")]


def test_timeout_ends_a_program_that_hangs_and_the_password_follows(module: Built, folder: Path) -> None:
    timeout = shutil.which("timeout")
    assert timeout is not None
    hanging = folder / "hanging"
    hanging.write_text("#!/bin/sh\nexec sleep 600\n")
    hanging.chmod(0o755)
    stack = _stack(folder, f"{timeout} --signal={signal.SIGKILL.name.removeprefix('SIG')} 1 {hanging}")
    (told,) = module.log_in(stack, "password=secret")

    assert told.code == SUCCESS
    assert 990 <= told.ms < BUSY_MS
