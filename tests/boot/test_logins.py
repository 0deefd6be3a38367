"""The real sudo, su and login through the real module: a face opens, and the password always does."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from boot.machine import Done, Session
from boot.rehearsing import LOOKING, PASSWORDS, PATIENTLY, QUESTION, RECOGNISED, TIMEOUT_S, UNIT, Rehearsal, asked

pytestmark = [pytest.mark.boot, pytest.mark.timeout(TIMEOUT_S)]

GO = "/opt/rehearsal/go"
Told = Callable[[str, Done], None]


@pytest.fixture(autouse=True)
def _owner_with_all_tries(rehearsal: Rehearsal) -> None:
    rehearsal.nobody_logged_in()
    rehearsal.show("owner-returns")
    rehearsal.machine.plainly("systemctl", "start", UNIT)
    rehearsal.password("anna")


def test_sudo_takes_the_owners_face(rehearsal: Rehearsal, told: Told) -> None:
    done = rehearsal.sudo()
    told("sudo, owner", done)
    assert (done.code, asked(done)) == (0, False)
    assert done.text.splitlines() == ["root"]  # sudo asks modules to be silent


def test_sudo_tells_who_must_nod_and_asks_who_does_not_for_the_password(rehearsal: Rehearsal, told: Told) -> None:
    rehearsal.play("owner-returns", services={"sudo": "intent"})
    try:
        done = rehearsal.sudo()
    finally:
        rehearsal.play("owner-returns")
    told("sudo, owner, no nod", done)
    assert (done.code, asked(done)) == (0, True)
    assert "Nod, to show that you mean it." in done.text


@pytest.mark.parametrize("recording", ["stranger", "flat-photo", "bent-photo", "empty-room"])
def test_sudo_asks_whom_it_does_not_recognise_for_the_password(
    rehearsal: Rehearsal, recording: str, told: Told
) -> None:
    rehearsal.show(recording)
    done = rehearsal.sudo()
    told(f"sudo, {recording}", done)
    assert (done.code, asked(done)) == (0, True)
    assert RECOGNISED not in done.text
    assert done.text.splitlines()[-1] == "root"


@pytest.mark.parametrize(
    ("recording", "said"),
    [
        ("owner-returns", "successfully authenticated"),
        ("stranger", "Authentication failure"),
        ("flat-photo", "Authentication failure"),
        ("bent-photo", "Authentication failure"),
        ("empty-room", "Authentication service cannot retrieve authentication info"),
    ],
)
def test_a_screen_lock_of_the_users_own_hears_what_came_of_it(
    rehearsal: Rehearsal, recording: str, said: str, told: Told
) -> None:
    rehearsal.write("/etc/pam.d/swaylock", f"auth required pam_kinect_unlock.so {' '.join(PATIENTLY)}\n")
    rehearsal.show(recording)
    done = rehearsal.machine.talk("pamtester", "swaylock", "anna", "authenticate", session=Session("anna"))
    told(f"pamtester swaylock as the user, the module alone, {recording}", done)
    assert done.text.splitlines()[-1] == f"pamtester: {said}"


def test_a_wrong_password_after_a_strangers_face_does_not_help(rehearsal: Rehearsal, told: Told) -> None:
    rehearsal.show("stranger")
    done = rehearsal.machine.talk("sh", "-c", "echo wrong | sudo -S --reset-timestamp id -un", session=Session("anna"))
    told("sudo, stranger, wrong password", done)
    assert done.code != 0
    assert "root" not in done.text.splitlines()


def test_where_the_password_is_due_no_face_helps(rehearsal: Rehearsal, told: Told) -> None:
    rehearsal.play("owner-returns", policy={"password_after_h_without_unlock": 1e-9})
    try:
        done = rehearsal.sudo()
    finally:
        rehearsal.play("owner-returns")
    told("sudo, password due", done)
    assert (done.code, asked(done), LOOKING in done.text) == (0, True, False)


def test_without_the_service_the_password_is_asked_for_at_once(rehearsal: Rehearsal, told: Told) -> None:
    rehearsal.machine.plainly("systemctl", "stop", UNIT)
    done = rehearsal.sudo()
    told("sudo, service stopped", done)
    assert (done.code, asked(done), LOOKING in done.text) == (0, True, False)


def test_a_service_that_hangs_delays_the_password_and_no_more(rehearsal: Rehearsal, told: Told) -> None:
    rehearsal.believe("test_source", "timeout=2")
    rehearsal.signal("STOP")
    try:
        done = rehearsal.sudo()
    finally:
        rehearsal.signal("CONT")
        rehearsal.believe(*PATIENTLY)
    told("sudo, service hangs, timeout=2", done)
    assert (done.code, asked(done)) == (0, True)
    assert done.ms > 2000


def test_a_service_that_is_killed_meanwhile_leaves_the_password(rehearsal: Rehearsal, told: Told) -> None:
    rehearsal.play("empty-room", source={"pace": "recorded"})
    opened = rehearsal.journal().count("event=camera-open")
    try:
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(rehearsal.sudo)
            rehearsal.eventually(lambda: rehearsal.journal().count("event=camera-open") > opened)
            rehearsal.signal("KILL")
            done = waiting.result()
    finally:
        rehearsal.play("owner-returns")
    told("sudo, service killed meanwhile", done)
    assert (done.code, asked(done), "the daemon hung up" in rehearsal.journal()) == (0, True, True)


def test_who_is_locked_out_needs_the_password_and_then_is_not_any_more(rehearsal: Rehearsal, told: Told) -> None:
    rehearsal.play("stranger", limits={"max_failures": 2})
    try:
        assert {rehearsal.ask("verify", "anna")["word"] for _ in range(2)} <= {"no-match", "locked-out"}
        assert rehearsal.ask("verify", "anna")["word"] == "locked-out"
        rehearsal.show("owner-returns")
        locked_out = rehearsal.sudo()
        told("sudo, locked out", locked_out)
        assert (locked_out.code, asked(locked_out)) == (0, True)
        after = rehearsal.sudo()
        told("sudo, after the password", after)
        assert (after.code, asked(after)) == (0, False)
    finally:
        rehearsal.play("owner-returns")


def test_who_comes_over_the_network_is_not_looked_for(rehearsal: Rehearsal, told: Told) -> None:
    argv = ("pamtester", "-I", "rhost=192.0.2.7", "sudo", "anna", "authenticate")
    done = rehearsal.machine.talk(*argv, session=Session("anna"), answers={QUESTION: PASSWORDS["anna"]})
    told("pamtester sudo, rhost set", done)
    assert (done.code, asked(done), LOOKING in done.text) == (0, True, False)


def test_a_session_that_the_seat_does_not_show_is_not_looked_for(rehearsal: Rehearsal, told: Told) -> None:
    done = rehearsal.sudo(session=Session("anna", seat="", type="tty"))
    told("sudo, session without a seat", done)
    assert (done.code, asked(done), LOOKING in done.text) == (0, True, False)


def test_a_session_behind_another_is_not_looked_for(rehearsal: Rehearsal, told: Told) -> None:
    machine = rehearsal.machine
    machine.plainly("mkfifo", "--mode=666", GO)
    waits = machine.root / "home/anna/waits"
    argv = ("sh", "-c", f"touch /home/anna/waits; read _ < {GO}; exec sudo --reset-timestamp id -un")
    answers = {QUESTION: PASSWORDS["anna"]}
    try:
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(machine.talk, *argv, session=Session("anna"), answers=answers)
            rehearsal.eventually(waits.exists)
            with machine.session(Session("ben"), "sleep", "infinity"):
                rehearsal.write(GO, "go\n")
                done = waiting.result()
    finally:
        machine.plainly("rm", GO)
        waits.unlink()
    told("sudo, session behind another", done)
    assert (done.code, asked(done), "cause=inactive" in rehearsal.journal()) == (0, True, True)


def test_a_program_of_no_session_is_not_looked_for(rehearsal: Rehearsal, told: Told) -> None:
    argv = ("pamtester", "sudo", "anna", "authenticate")
    done = rehearsal.machine.talk(*argv, answers={QUESTION: PASSWORDS["anna"]})
    told("pamtester sudo, no session", done)
    assert (done.code, asked(done), LOOKING in done.text) == (0, True, False)


def test_su_takes_the_face_of_the_sessions_own_user(rehearsal: Rehearsal, told: Told) -> None:
    done = rehearsal.machine.talk("su", "anna", "-c", "id -un", session=Session("anna"))
    told("su to oneself, owner", done)
    assert (done.code, asked(done)) == (0, False)
    assert done.text.splitlines()[-1] == "anna"


def test_su_to_somebody_else_needs_their_password_whoever_is_before_the_camera(
    rehearsal: Rehearsal, told: Told
) -> None:
    answers = {QUESTION: PASSWORDS["anna"]}
    done = rehearsal.machine.talk("su", "anna", "-c", "id -un", session=Session("ben"), answers=answers)
    told("su to another user, that one before the camera", done)
    assert (done.code, asked(done), LOOKING in done.text) == (0, True, False)


def test_nobody_may_ask_whether_it_is_somebody_else(rehearsal: Rehearsal) -> None:
    asked_by_another = rehearsal.machine.run("kinect-unlock", "verify", "anna", "--json", session=Session("ben"))
    assert asked_by_another.code == 77
    assert '"not-authorised"' in asked_by_another.text
    own = rehearsal.machine.run("kinect-unlock", "verify", "anna", "--json", session=Session("anna"))
    assert own.code == 0
    assert '"match"' in own.text


def test_login_takes_a_face_at_a_virtual_terminal_where_nobody_is_logged_in(rehearsal: Rehearsal, told: Told) -> None:
    argv = ("pamtester", "-I", "tty=/dev/tty5", "login", "anna", "authenticate")
    done = rehearsal.machine.talk(*argv)
    told("pamtester login on tty5, owner", done)
    assert (done.code, asked(done), RECOGNISED in done.text) == (0, False, True), rehearsal.journal()[-3000:]


def test_login_at_a_line_that_nobody_sees_asks_for_the_password(rehearsal: Rehearsal, told: Told) -> None:
    done = rehearsal.machine.talk("login", "anna", answers={QUESTION: PASSWORDS["anna"], "$ ": "exit"})
    told("login on a pseudo-terminal", done)
    assert (done.code, asked(done), LOOKING in done.text) == (0, True, False)


def test_a_greeter_takes_the_face_of_who_logs_in(rehearsal: Rehearsal, told: Told) -> None:
    rehearsal.write("/etc/pam.d/gdm-password", "@include common-auth\n@include common-account\n")
    argv = ("pamtester", "gdm-password", "anna", "authenticate")
    with rehearsal.machine.session(Session("ben", kind="greeter"), "sleep", "infinity"):
        done = rehearsal.machine.talk(*argv)
    told("pamtester gdm-password, greeter shown", done)
    assert (done.code, asked(done), RECOGNISED in done.text) == (0, False, True), rehearsal.journal()[-3000:]


@pytest.mark.parametrize(
    ("recording", "typed", "said"),
    [
        ("owner-returns", ("",), []),
        ("stranger", ("", PASSWORDS["anna"]), ["Face not recognised.", "Password:"]),
        ("owner-returns", (PASSWORDS["anna"],), []),
    ],
    ids=["Enter, the owner", "Enter, a stranger, then the password", "the password"],
)
def test_lightdm_has_a_face_looked_for_by_enter_alone_and_takes_the_password_at_once(
    rehearsal: Rehearsal, recording: str, typed: tuple[str, ...], said: list[str], told: Told
) -> None:
    rehearsal.write("/etc/pam.d/lightdm", "@include common-auth\n@include common-account\n")
    rehearsal.show(recording)
    answers = dict(zip(("Password:", QUESTION), typed, strict=False))  # the first time it is asked, and the second
    with rehearsal.machine.session(Session("ben", kind="greeter"), "sleep", "infinity"):
        done = rehearsal.machine.talk("pamtester", "lightdm", "anna", "authenticate", answers=answers)
    told(f"pamtester lightdm, greeter shown, {recording}, {len(typed)} answers", done)
    enter = "Press Enter to be recognised."
    lines = [line.strip() for line in done.text.splitlines()]
    assert lines == [enter, "Password:", *said, "pamtester: successfully authenticated"]
