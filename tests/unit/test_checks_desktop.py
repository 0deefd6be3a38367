from pathlib import Path

import pytest

from fakes.computer import Computer
from kinect_unlock.checks import desktop
from kinect_unlock.checks.results import Check, State
from kinect_unlock.host import pam
from kinect_unlock.host.services import Scope, Unit
from kinect_unlock.host.sessions import Session

FACE = "auth sufficient pam_kinect_unlock.so"
WORD = "auth required pam_unix.so"
REPORT = "auth optional pam_kinect_unlock.so report"
UNIT = Path("/etc/systemd/system/kinect-unlock.service")


def judged(folder: Path, **services: str) -> Check:
    for name, text in services.items():
        Computer(folder).write(f"etc/pam.d/{name.replace('_', '-')}", text)
    return desktop.pam(pam.services(folder))


def test_a_password_after_the_face_is_fine(tmp_path: Path) -> None:
    auth = f"{FACE}\n{WORD}\n{REPORT}\n"
    check = judged(tmp_path, common_auth=auth, sudo="@include common-auth\n", cron=WORD)

    assert check.state is State.OK
    assert check.evidence == "asked by common-auth, sudo (by the line in common-auth); a password follows in each"


@pytest.mark.parametrize(
    "text", [FACE, f"{WORD}\n{FACE}", f"{FACE}\nauth required pam_permit.so"], ids=["nothing", "before", "no-password"]
)
def test_a_face_after_which_no_password_is_asked_is_a_fault(text: str, tmp_path: Path) -> None:
    check = judged(tmp_path, sudo=text)

    assert (check.state, "no password follows in sudo" in check.evidence) == (State.FAILED, True)
    assert "/etc/pam.d/sudo" in check.next_step


@pytest.mark.parametrize(
    "control", ["required", "requisite", "[success=ok default=die]", "[auth_err=bad default=ignore]"]
)
def test_a_face_without_which_no_password_helps_is_a_fault(control: str, tmp_path: Path) -> None:
    check = judged(tmp_path, sudo=f"auth {control} pam_kinect_unlock.so\n{WORD}")

    assert (check.state, "no password is accepted" in check.evidence) == (State.FAILED, True)


def test_a_jump_over_the_password_after_a_match_is_fine(tmp_path: Path) -> None:
    auth = f"auth [success=1 default=ignore] pam_kinect_unlock.so\n{WORD}\n{REPORT}"
    assert judged(tmp_path, sudo=auth).state is State.OK


@pytest.mark.parametrize("asks", ["pam_kinect_unlock.so", "pam_exec.so quiet /usr/libexec/kinect-unlock-pam-exec"])
def test_where_no_line_reports_passwords_root_is_told_to(asks: str, tmp_path: Path) -> None:
    check = judged(tmp_path, sudo=f"auth sufficient {asks}\n{WORD}")

    assert (check.state, "no line reports it" in check.evidence) == (State.NOTE, True)
    assert "`kinect-unlock password-ok USER`" in check.next_step


FINGER = "auth [success=2 default=ignore] pam_fprintd.so max-tries=1 timeout=10"
JUMPS = "auth [success=1 default=ignore] pam_unix.so nullok try_first_pass\nauth requisite pam_deny.so"


@pytest.mark.parametrize(
    ("service", "lines", "told"),
    [
        pytest.param("lightdm", (FINGER, JUMPS), True, id="after LightDM's question"),
        pytest.param("gdm_password", (FINGER, JUMPS), False, id="before the question"),
        pytest.param("gdm_password", ("auth sufficient pam_unix.so", FINGER), True, id="after a wrong password"),
        pytest.param("lightdm", (JUMPS,), False, id="no finger"),
    ],
)
def test_whoever_can_be_let_in_by_a_finger_after_typing_any_password_is_a_note(
    service: str, lines: tuple[str, ...], *, told: bool, tmp_path: Path
) -> None:
    check = judged(tmp_path, **{service: "\n".join((FACE, *lines, REPORT))})

    assert (check.state is State.NOTE) is told
    assert ("pam_fprintd.so" in check.evidence) is told
    assert not told or f"`services: {{{service.replace('_', '-')}: never}}`" in check.next_step


def test_a_finger_after_the_password_that_is_not_reported_is_no_matter(tmp_path: Path) -> None:
    check = judged(tmp_path, lightdm=f"{FACE}\n{WORD}\n{REPORT}\n{FINGER}", sudo=f"{FACE}\n{WORD}\n{FINGER}")

    assert check.state is State.OK


def test_logins_that_do_not_ask_for_a_face_are_a_note(tmp_path: Path) -> None:
    assert judged(tmp_path).state is State.NOTE
    check = judged(tmp_path, sudo=WORD)
    assert (check.state, check.evidence) == (State.NOTE, "none of 1 services asks for a face")


def unit(scope: Scope = Scope.SYSTEM, **properties: str) -> Unit:
    return Unit(scope, UNIT, properties)


def test_a_service_that_runs_is_fine() -> None:
    found = unit(ActiveState="active", SubState="running", UnitFileState="enabled", NRestarts="3")
    check = desktop.service([found], systemd=True)

    assert check.state is State.OK
    assert check.evidence == f"system unit {UNIT}: active (running), enabled, restarted 3 times"


@pytest.mark.parametrize(("scope", "flag"), [(Scope.SYSTEM, "journalctl -u"), (Scope.USER, "journalctl --user -u")])
def test_a_service_that_failed_is_a_fault_with_the_way_to_its_log(scope: Scope, flag: str) -> None:
    check = desktop.service([unit(scope, ActiveState="failed")], systemd=True)

    assert (check.state, flag in check.next_step) == (State.FAILED, True)


def test_a_service_that_is_started_again_and_again_is_a_fault() -> None:
    check = desktop.service([unit(ActiveState="activating", NRestarts="1")], systemd=True)

    assert (check.state, "journalctl -u" in check.next_step) == (State.FAILED, True)


def test_a_service_that_is_not_started_is_to_be_enabled() -> None:
    check = desktop.service([unit(Scope.USER, ActiveState="inactive")], systemd=True)

    assert (check.state, check.next_step) == (State.NOTE, "systemctl --user enable --now kinect-unlock")


@pytest.mark.parametrize("systemd", [True, False])
def test_no_service_is_a_note(*, systemd: bool) -> None:
    check = desktop.service([], systemd=systemd)

    assert (check.state, "systemd does not run" in check.evidence) == (State.NOTE, not systemd)


SESSION = {"Id": "2", "Name": "anna", "Type": "wayland", "Class": "user", "State": "active", "Remote": "no"}


@pytest.mark.parametrize(
    ("session", "state", "told"),
    [
        (Session(SESSION), State.OK, "session 2 of anna: Type wayland, Class user, State active"),
        (Session({**SESSION, "Remote": "yes"}), State.NOTE, "remote"),
        (Session({**SESSION, "Type": "tty"}), State.NOTE, "not graphical"),
        (Session({}), State.NOTE, "no session"),
        (Session({}, "there is no system bus"), State.NOTE, "no system bus"),
    ],
    ids=["graphical", "remote", "console", "none", "no-bus"],
)
def test_a_session_is_told_by_whether_a_face_could_unlock_it(session: Session, state: State, told: str) -> None:
    check = desktop.logind(session)

    assert (check.state, told in check.evidence) == (state, True)
    assert bool(check.next_step) == (state is State.NOTE)


@pytest.mark.parametrize(
    ("status", "state", "said", "step"),
    [
        ("243", "activating", "cannot decrypt the templates' key", "credstore.encrypted/kinect-unlock.template-key"),
        ("78", "failed", "configuration is wrong", "config check /etc/kinect-unlock/config.yaml"),
    ],
)
def test_how_a_service_ended_says_what_to_mend(status: str, state: str, said: str, step: str) -> None:
    check = desktop.service([unit(ActiveState=state, ExecMainStatus=status)], systemd=True)

    assert (check.state, said in check.evidence, step in check.next_step) == (State.FAILED, True, True)


def test_how_an_earlier_run_ended_is_no_fault_of_a_service_that_runs() -> None:
    assert desktop.service([unit(ActiveState="active", ExecMainStatus="243")], systemd=True).state is State.OK


def test_a_report_after_the_password_is_no_question_that_a_password_must_follow(tmp_path: Path) -> None:
    text = f"auth [success=2 default=ignore] pam_kinect_unlock.so\n{WORD}\nauth optional pam_kinect_unlock.so report\n"

    assert judged(tmp_path, sudo=text).state is State.OK
    assert judged(tmp_path, su=f"{WORD}\nauth optional pam_kinect_unlock.so report\n").state is State.OK


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ('audit: apparmor="DENIED" operation="open" name="/usr/lib/kinect-unlock/x" comm="python"', "apparmor_parser"),
        ('avc:  denied  { read } comm="python" path="/usr/lib/kinect-unlock/x"', "restorecon"),
    ],
)
def test_what_access_control_keeps_from_the_service_is_a_fault_with_its_own_remedy(line: str, step: str) -> None:
    check = desktop.denials((line,))

    assert check is not None
    assert (check.state, line in check.evidence, step in check.next_step) == (State.FAILED, True, True)
    assert desktop.denials(()) is None
