"""The module where it belongs: before and after a password in a stack, as pam-auth-update puts it there."""

import os
import shutil
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
    scripted_daemon,
    write_password_program,
)

RIGHT = "password=secret"
WRONG = "password=wrong"
PASSWORD = ("prompt", "Password: ")
ENTER = ("info", "Press Enter to be recognised.")
NO_MATCH = '{"word":"no-match","done":true,"user":"ann"}\n'
OK = '{"word":"ok","done":true,"user":"ann"}\n'
REPORT = {"op": "password-ok", "user": "ann", "service": "login"}
COMMON_AUTH = """\
auth [success=2 default=ignore] {face} socket={socket} {more}
{password}
auth requisite pam_deny.so
auth required pam_permit.so
auth optional {face} report socket={socket} {more}
"""

_DEBCONF = """\
Config: values
Templates: questions

Name: values
Driver: File
Filename: {folder}/values.dat

Name: questions
Driver: File
Filename: {folder}/questions.dat
"""


@pytest.fixture
def stack(built: Built, folder: Path) -> Path:
    """The folder of a stack as pam-auth-update makes it."""
    return write_stack(built, folder)


def write_stack(built: Built, folder: Path, more: str = "timeout=60") -> Path:
    own = "" if os.getuid() == 0 else " test_source"
    text = COMMON_AUTH.format(
        face=built.module,
        password=f"{ASKING_LINE} {write_password_program(folder)}",
        socket=folder / "s",
        more=more + own,
    )
    for service in ("login", "sshd", "lightdm", "sddm"):
        (folder / service).write_text(text)
    return folder


def test_after_a_match_no_password_is_asked_and_none_reported(built: Built, stack: Path) -> None:
    with scripted_daemon(stack / "s", ["say", STARTED + MATCH]) as daemon:
        (told,) = built.log_in(stack, RIGHT)
        daemon.next_request()

        assert (told.code, told.setcred) == (SUCCESS, SUCCESS)
        assert PASSWORD not in told.told
        assert daemon.end() == []


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(STARTED + NO_MATCH, id="a stranger"),
        pytest.param('{"word":"locked-out","done":true}\n', id="locked out"),
        pytest.param('{"word":"busy","done":true}\n', id="busy"),
        pytest.param("garbage\n", id="garbage"),
        pytest.param("", id="nothing"),
    ],
)
def test_the_password_works_after_every_other_answer_and_is_reported(built: Built, stack: Path, said: str) -> None:
    with scripted_daemon(stack / "s", ["say", said]) as daemon:
        (told,) = built.log_in(stack, RIGHT)
        daemon.next_request()

        assert (told.code, told.setcred) == (SUCCESS, SUCCESS)
        assert told.told[-1] == PASSWORD
        assert daemon.next_request() == REPORT


def test_a_wrong_password_is_not_reported(built: Built, stack: Path) -> None:
    with scripted_daemon(stack / "s", ["say", STARTED + NO_MATCH]) as daemon:
        (told,) = built.log_in(stack, WRONG)
        daemon.next_request()

        assert told.code == AUTH_ERR
        assert daemon.end() == []


def test_lightdm_which_asks_by_itself_and_keeps_the_answer_looks_when_enter_is_pressed(
    built: Built, stack: Path
) -> None:
    with scripted_daemon(stack / "s", ["say", STARTED + MATCH]) as daemon:
        (told,) = built.log_in(stack, "enter", service="lightdm")

        assert told.code == SUCCESS
        assert told.told == [ENTER, PASSWORD]  # slick-greeter would wait until a sentence is acknowledged
        assert daemon.next_request()["service"] == "lightdm"
        assert daemon.end() == []


def test_lightdm_asks_whom_it_does_not_recognise_for_the_password(built: Built, stack: Path) -> None:
    with scripted_daemon(stack / "s", ["say", STARTED + NO_MATCH]) as daemon:
        (told,) = built.log_in(stack, "enter", RIGHT, service="lightdm")
        daemon.next_request()

        assert told.code == SUCCESS
        assert told.told[-2:] == [("error", "Face not recognised."), PASSWORD]
        assert daemon.next_request() == {**REPORT, "service": "lightdm"}


@pytest.mark.parametrize(("typed", "code"), [(RIGHT, SUCCESS), (WRONG, AUTH_ERR)])
def test_a_password_that_is_typed_into_lightdm_is_asked_for_once_and_nobody_is_looked_at(
    built: Built, stack: Path, typed: str, code: int
) -> None:
    with scripted_daemon(stack / "s", ["say", OK]) as daemon:
        (told,) = built.log_in(stack, typed, service="lightdm")

        assert (told.code, told.told) == (code, [ENTER, PASSWORD])
        assert code != SUCCESS or daemon.next_request() == {**REPORT, "service": "lightdm"}
        assert daemon.end() == []


def test_lightdm_that_gives_no_answer_has_nobody_looked_at(built: Built, stack: Path) -> None:
    with scripted_daemon(stack / "s", ["say", STARTED + MATCH]) as daemon:
        (told,) = built.log_in(stack, "deaf", service="lightdm")

        assert (told.code, told.told) == (AUTH_ERR, [])
        assert daemon.end() == []


@pytest.mark.parametrize(
    ("said", "told"),
    [(STARTED + MATCH, []), (STARTED + '{"word":"hint","hint":"nod"}\n' + NO_MATCH, [PASSWORD])],
    ids=["the owner", "a stranger"],
)
def test_sddm_which_would_hang_on_two_messages_at_once_is_told_nothing(
    built: Built, stack: Path, said: str, told: list[tuple[str, str]]
) -> None:
    with scripted_daemon(stack / "s", ["say", said]):
        (outcome,) = built.log_in(stack, RIGHT, service="sddm")

        assert (outcome.code, outcome.told) == (SUCCESS, told)


def test_by_hand_a_requisite_password_keeps_wrong_ones_from_being_reported(built: Built, folder: Path) -> None:
    face = f"{built.module} socket={folder}/s test_source"
    asking = ASKING_LINE.replace("[success=1 default=ignore]", "requisite")
    lines = (f"auth sufficient {face}", f"{asking} {write_password_program(folder)}", f"auth optional {face} report")
    (folder / "login").write_text("\n".join(lines) + "\n")
    with scripted_daemon(folder / "s", ["say", STARTED + NO_MATCH]) as daemon:
        (wrong,) = built.log_in(folder, WRONG)
        (right,) = built.log_in(folder, RIGHT)
        heard = [daemon.next_request()["op"] for _ in range(3)]

    assert wrong.code != SUCCESS
    assert right.code == SUCCESS
    assert heard == ["verify", "verify", "password-ok"]


def test_without_a_daemon_the_password_works(built: Built, stack: Path) -> None:
    (told,) = built.log_in(stack, RIGHT)
    (wrong,) = built.log_in(stack, WRONG)

    assert (told.code, told.told) == (SUCCESS, [PASSWORD])
    assert wrong.code == AUTH_ERR


def test_a_daemon_that_hears_no_report_costs_half_a_second(built: Built, folder: Path) -> None:
    stack = write_stack(built, folder, "timeout=1")
    with scripted_daemon(stack / "s", ["wait", 600.0]) as daemon:
        (told,) = built.log_in(stack, RIGHT)

        assert told.code == SUCCESS
        assert 1490 <= told.ms < BUSY_MS
        assert daemon.next_request()["op"] == "verify"


def test_whoever_comes_by_ssh_gives_their_password_and_the_daemon_hears_nothing(built: Built, stack: Path) -> None:
    with scripted_daemon(stack / "s", ["say", STARTED + MATCH]) as daemon:
        (told,) = built.log_in(stack, RIGHT, "rhost=192.0.2.1", "tty=ssh", service="sshd")

        assert (told.code, told.told) == (SUCCESS, [PASSWORD])
        assert daemon.end() == []


def test_a_match_of_an_earlier_try_does_not_silence_the_password_of_a_later_one(built: Built, stack: Path) -> None:
    """One handle, two tries: the first is matched, at the second nothing is answered and the password is given."""
    with scripted_daemon(stack / "s", ["say", STARTED + MATCH], ["next"]) as daemon:
        first, second = built.log_in(stack, RIGHT, "times=2")
        heard = [daemon.next_request()["op"] for _ in range(3)]

    assert (first.code, second.code) == (SUCCESS, SUCCESS)
    assert heard == ["verify", "verify", "password-ok"]


def test_without_a_password_nothing_is_reported(built: Built, folder: Path) -> None:
    (folder / "login").write_text(
        f"auth required pam_permit.so\nauth optional {built.module} report socket={folder}/s test_source\n"
    )
    with scripted_daemon(folder / "s", ["say", OK]) as daemon:
        (told,) = built.log_in(folder)

        assert (told.code, told.told) == (SUCCESS, [])
        assert daemon.end() == []


@pytest.mark.parametrize("argument", ["", "timeout=0", "nonsense"])
def test_the_report_never_decides_anything(built: Built, folder: Path, argument: str) -> None:
    """Alone in a stack it has no say, and libpam then denies."""
    (folder / "login").write_text(f"auth required {built.module} report socket={folder}/s {argument}\n")
    with scripted_daemon(folder / "s", ["say", OK]):
        (told,) = built.log_in(folder)

    assert told.code != SUCCESS


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody whose report would not be believed")
def test_who_is_not_root_reports_nothing(module: Built, folder: Path) -> None:
    write_stack(module, folder)
    folder.chmod(0o755)
    for path in module.module.parents[:-1]:
        if path.stat().st_uid == 0 and path.name.startswith(("pytest-", "popen-", "pam")):  # popen- is xdist's
            path.chmod(0o755)
    runner = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    with scripted_daemon(folder / "s", ["say", STARTED + NO_MATCH]) as daemon:
        (told,) = Built(module.module, module.application, runner).log_in(folder, RIGHT)
        daemon.next_request()

        assert told.code == SUCCESS
        assert daemon.end() == []


def _pamtester(folder: Path, answer: str) -> tuple[int, str]:
    """Log in by pamtester under pam_wrapper; return its exit code and what it showed."""
    program = shutil.which("pamtester")
    wrapper = next(Path("/usr").glob("lib*/**/libpam_wrapper.so"), None)
    if program is None or wrapper is None:
        pytest.skip("there is no pamtester, or no libpam-wrapper")
    environ = {"LD_PRELOAD": str(wrapper), "PAM_WRAPPER": "1", "PAM_WRAPPER_SERVICE_DIR": str(folder)}
    done = subprocess.run(
        [program, "login", "ann", "authenticate"],
        input=f"{answer}\n", text=True, capture_output=True, timeout=TIMEOUT_S, env=environ, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_pamtester_is_let_in_by_the_face_and_by_the_password(module: Built, folder: Path) -> None:
    services = folder / "services"  # pam_wrapper copies all that it finds there, and fails at a socket
    services.mkdir()
    (write_stack(module, folder) / "login").rename(services / "login")
    (services / "other").write_text("auth required pam_deny.so\n")
    with scripted_daemon(folder / "s", ["say", STARTED + MATCH]):
        by_face = _pamtester(services, "wrong")
    by_password = _pamtester(services, "secret")
    by_neither = _pamtester(services, "wrong")

    assert by_face[0] == 0
    assert "Face recognised." in by_face[1]
    assert "Password:" not in by_face[1]
    assert by_password[0] == 0
    assert "Password:" in by_password[1]
    assert by_neither[0] != 0


@pytest.fixture
def debian(tmp_path: Path) -> Path:
    """A root with pam-auth-update's files, to which ours are added; its questions are asked nowhere else."""
    if shutil.which("pam-auth-update") is None or not Path("/var/cache/debconf/templates.dat").exists():
        pytest.skip("there is no pam-auth-update: this is no Debian")
    if os.getuid() != 0:
        pytest.skip("only root may read debconf's templates and run pam-auth-update")
    for name in ("etc/pam.d", "usr/share/pam-configs", "var/lib/pam"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("kinect-unlock", "kinect-unlock-password"):
        shutil.copy(PAM_FOLDER / f"{name}.pam-config", tmp_path / "usr/share/pam-configs" / name)
    shutil.copy("/usr/share/pam-configs/unix", tmp_path / "usr/share/pam-configs")
    shutil.copy("/var/cache/debconf/templates.dat", tmp_path / "questions.dat")
    (tmp_path / "debconf.conf").write_text(_DEBCONF.format(folder=tmp_path))
    pam_auth_update(tmp_path, "--force", "--package")
    return tmp_path


def pam_auth_update(root: Path, *arguments: str) -> list[str]:
    """Run it, and return the lines of common-auth."""
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "DEBCONF_SYSTEMRC": str(root / "debconf.conf")}
    argv = ["pam-auth-update", "--root", str(root), *arguments]
    subprocess.run(argv, check=True, env=environ, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT_S)
    text = (root / "etc/pam.d/common-auth").read_text()
    return [" ".join(line.split()) for line in text.splitlines() if line and not line.startswith("#")]


def test_pam_auth_update_puts_our_lines_before_and_after_the_password_and_takes_them_away(debian: Path) -> None:
    before = pam_auth_update(debian, "--package")
    enabled = pam_auth_update(debian, "--enable", "kinect-unlock", "kinect-unlock-password")
    after = pam_auth_update(debian, "--disable", "kinect-unlock", "kinect-unlock-password")

    assert enabled == [
        "auth [success=2 default=ignore] pam_kinect_unlock.so",
        "auth [success=1 default=ignore] pam_unix.so nullok try_first_pass",
        "auth requisite pam_deny.so",
        "auth required pam_permit.so",
        "auth optional pam_kinect_unlock.so report",
    ]
    assert after == before
    assert not any("kinect" in line for line in before)
