"""Putting the program onto a computer and taking it off again, on a folder that looks like one."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from fakes.installing import COMMON_AUTH, DEBIAN, FakePrograms, computer, snapshot, wanted
from kinect_unlock import config
from kinect_unlock.errors import KinectUnlockError
from kinect_unlock.installing import login, steps, undoing
from kinect_unlock.installing.doing import carry_out
from kinect_unlock.installing.homes import encrypted_homes
from kinect_unlock.installing.plan import CONFIG, KEY, Plan, Wanted, make_plan
from kinect_unlock.installing.prefix import (
    PREFIX,
    others_may_change_us,
    others_may_write,
    running_wheel,
    wheel_of,
)
from kinect_unlock.installing.steps import Place, SetupError, State, Step
from kinect_unlock.installing.undoing import PROGRAM, RECORD, Deed, Fate, Kind, Programs, Record, Refused, Undoing

UNIT: Final = "usr/lib/systemd/system/kinect-unlock.service"
MODULE: Final = "usr/lib/x86_64-linux-gnu/security/pam_kinect_unlock.so"
AUTH: Final = "etc/pam.d/common-auth"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="what is installed is judged by whether it is root's")


@pytest.fixture(autouse=True)
def _disk_that_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)  # a process that is killed loses nothing it has written


def set_up(place: Place, want: Wanted | None = None) -> Plan:
    plan = make_plan(want or wanted(), place)
    carry_out(plan, place, on_step=lambda _: None)
    return plan


def undo(place: Place, *, keep_data: bool = False) -> dict[str, Fate]:
    undoing_it = Undoing(place.root, place.programs, keep_data=keep_data)
    return {undone.what: undone.fate for undone in undoing_it.run()}


def fakes(place: Place) -> FakePrograms:
    assert isinstance(place.programs, FakePrograms)
    return place.programs


def test_planning_changes_nothing(tmp_path: Path) -> None:
    place = computer(tmp_path)
    before = snapshot(tmp_path)

    plan = make_plan(wanted(), place)

    assert (snapshot(tmp_path), plan.refusals) == (before, ())
    assert {finding.state for _, finding in plan.steps} == {State.TO_DO}
    told = "\n".join(step.told for step in plan.to_do)
    for name in (PREFIX, PROGRAM, KEY, CONFIG, UNIT, MODULE, AUTH, "user and group kinect-unlock"):
        assert name in told


def test_all_of_it_is_roots_and_the_logins_ask(tmp_path: Path) -> None:
    place = computer(tmp_path)
    set_up(place)

    assert "pam_kinect_unlock.so" in (tmp_path / AUTH).read_text()
    assert (tmp_path / UNIT).stat().st_mode & 0o777 == 0o644
    assert (tmp_path / KEY[1:]).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "etc/credstore.encrypted").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / PROGRAM[1:]).read_bytes().startswith(b"#!/usr/bin/python3 -I\n")
    assert sorted(path.name for path in (tmp_path / PREFIX[1:] / "bin").iterdir()) == ["python"]
    assert (tmp_path / RECORD[1:]).stat().st_mode & 0o777 == 0o600
    assert config.load(tmp_path / CONFIG[1:]) == config.load(None)


def test_the_second_time_there_is_nothing_to_do(tmp_path: Path) -> None:
    place = computer(tmp_path)
    set_up(place)
    before = snapshot(tmp_path)

    assert set_up(place).to_do == ()
    assert snapshot(tmp_path) == before


def test_what_is_undone_leaves_nothing(tmp_path: Path) -> None:
    place = computer(tmp_path)
    before = snapshot(tmp_path)
    set_up(place)
    for made_by_the_service in ("var/lib/kinect-unlock", "var/cache/kinect-unlock"):
        (tmp_path / made_by_the_service).mkdir(parents=True)
        (tmp_path / made_by_the_service / "file").write_text("a template")

    fates = undo(place)

    # The fake service made this folder itself.
    (tmp_path / "var/cache").rmdir()
    assert snapshot(tmp_path) == before
    assert set(fates.values()) - {fates["running kinect-unlock.service"]} == {Fate.UNDONE}


def test_what_was_changed_since_is_kept_and_named(tmp_path: Path) -> None:
    place = computer(tmp_path)
    set_up(place)
    (tmp_path / CONFIG[1:]).write_text("log: {level: debug}\n")

    fates = undo(place)

    assert (fates[CONFIG], fates["/etc/kinect-unlock"], fates[f"/{UNIT}"]) == (Fate.KEPT, Fate.KEPT, Fate.UNDONE)
    assert (tmp_path / CONFIG[1:]).read_text() == "log: {level: debug}\n"
    assert not (tmp_path / RECORD[1:]).exists()


def test_templates_their_key_and_their_owner_may_be_kept(tmp_path: Path) -> None:
    place = computer(tmp_path)
    before = snapshot(tmp_path)
    set_up(place)
    (tmp_path / "var/lib/kinect-unlock").mkdir()

    fates = undo(place, keep_data=True)

    assert (tmp_path / "var/lib/kinect-unlock").is_dir()
    assert (tmp_path / KEY[1:]).is_file()
    assert fates["user kinect-unlock"] is fates[PROGRAM] is Fate.KEPT
    assert not (tmp_path / PREFIX[1:]).exists()
    set_up(place)
    undo(place)
    assert snapshot(tmp_path) == before, "what was kept is still known as ours"


def test_what_was_there_before_is_not_taken_away(tmp_path: Path) -> None:
    place = computer(tmp_path)
    (tmp_path / "var/lib/kinect-unlock").mkdir()
    (tmp_path / "etc/kinect-unlock").mkdir()
    (tmp_path / CONFIG[1:]).write_text("log: {level: debug}\n")
    before = snapshot(tmp_path)
    set_up(place)

    assert (tmp_path / CONFIG[1:]).read_text() == "log: {level: debug}\n"
    undo(place)
    assert snapshot(tmp_path) == before


def test_the_key_of_a_daemon_of_roots_is_the_one_that_is_encrypted(tmp_path: Path) -> None:
    place = computer(tmp_path)
    file = tmp_path / "var/lib/kinect-unlock/template.key"
    file.parent.mkdir()
    file.write_bytes(bytes(31))
    with pytest.raises(SetupError, match="holds 31 bytes"):
        set_up(place)
    file.write_bytes(bytes(32))
    plan = set_up(place)

    assert (tmp_path / KEY[1:]).read_text() == f"sealed {undoing.sha256_of(bytes(32))}"
    assert any("template.key is the one that is encrypted" in note for note in plan.notes)


def test_an_upgrade_replaces_what_setup_put_there_and_nothing_else(tmp_path: Path) -> None:
    place = computer(tmp_path)
    before = snapshot(tmp_path)
    set_up(place)
    key = (tmp_path / KEY[1:]).read_bytes()

    plan = set_up(place, wanted(b"a newer wheel"))

    assert [step.told.split()[0] for step in plan.to_do] == [PREFIX, "kinect-unlock.service"]
    assert (tmp_path / KEY[1:]).read_bytes() == key
    undo(place)
    assert snapshot(tmp_path) == before


def test_a_file_that_is_not_ours_is_refused_before_anything_is_changed(tmp_path: Path) -> None:
    place = computer(tmp_path)
    (tmp_path / "usr/bin/kinect-unlock").write_text("somebody else's")
    before = snapshot(tmp_path)

    with pytest.raises(SetupError, match="/usr/bin/kinect-unlock is there and is not what setup put there"):
        set_up(place)
    assert snapshot(tmp_path) == before


def test_a_file_of_ours_that_was_changed_is_not_written_over(tmp_path: Path) -> None:
    place = computer(tmp_path)
    set_up(place)
    (tmp_path / UNIT).write_text("[Service]\n")

    with pytest.raises(SetupError, match=r"kinect-unlock\.service is there and is not what setup put there"):
        set_up(place)


def test_a_folder_that_others_may_write_is_refused(tmp_path: Path) -> None:
    place = computer(tmp_path)
    (tmp_path / "usr/lib").chmod(0o777)

    assert "may be written by others (mode 0777)" in make_plan(wanted(), place).refusals[0]


@pytest.mark.parametrize("failing", ["venv", "install", "verify", "systemd-sysusers", "systemd-creds", "make"])
def test_a_step_that_fails_undoes_those_before_it(tmp_path: Path, failing: str) -> None:
    place = computer(tmp_path)
    before = snapshot(tmp_path)
    fakes(place).failing = failing

    with pytest.raises(SetupError, match=r"it is broken.*what had been done was undone"):
        set_up(place)
    assert snapshot(tmp_path) == before


def test_an_upgrade_that_fails_leaves_the_older_program(tmp_path: Path) -> None:
    place = computer(tmp_path)
    set_up(place)
    older = snapshot(tmp_path / PREFIX[1:])
    fakes(place).failing = "verify"

    with pytest.raises(SetupError, match="run setup again to go on"):
        set_up(place, wanted(b"a newer wheel"))
    assert snapshot(tmp_path / PREFIX[1:]) == older


def test_pam_is_left_alone_where_no_password_would_follow(tmp_path: Path) -> None:
    place = computer(tmp_path)
    (tmp_path / AUTH).write_text("auth required pam_u2f.so\n")

    refusals = make_plan(wanted(), place).refusals
    assert len(refusals) == 1
    assert refusals[0].endswith("asks no password that is known here (pam_u2f.so), so none would follow the face")
    assert make_plan(wanted(pam="none"), place).refusals == ()


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("auth sufficient pam_kinect_unlock.so\nauth requisite pam_deny.so\n", "no password follows"),
        ("auth required pam_kinect_unlock.so\nauth required pam_unix.so\n", "without a face no password is accepted"),
        (COMMON_AUTH, "no service asks for a face afterwards"),
        (
            COMMON_AUTH.replace("pam_deny", "pam_kinect_unlock"),
            "common-auth does not ask pam_deny.so any more|no passw",
        ),
    ],
)
def test_a_change_of_pam_that_locks_somebody_out_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str, said: str
) -> None:
    place = computer(tmp_path)
    before = snapshot(tmp_path)
    run = FakePrograms.run

    def strange(self: FakePrograms, argv: Any, **options: Any) -> undoing.Ran:
        if "--enable" in argv:
            (self.root / AUTH).write_text(written)
            return undoing.Ran(0, "")
        return undoing.Ran(0, "") if "--remove" in argv else run(self, argv, **options)

    monkeypatch.setattr(FakePrograms, "run", strange)

    with pytest.raises(SetupError, match=said):
        set_up(place)
    assert snapshot(tmp_path) == before


def test_the_module_stays_while_a_line_of_pam_asks_it(tmp_path: Path) -> None:
    place = computer(tmp_path)
    set_up(place)
    (tmp_path / "etc/pam.d/sudo").write_text("auth sufficient pam_kinect_unlock.so\n@include common-auth\n")

    fates = undo(place)

    assert (fates[f"/{MODULE}"], (tmp_path / MODULE).exists()) == (Fate.FAILED, True)
    assert (tmp_path / RECORD[1:]).exists(), "so that it can be tried again"
    (tmp_path / "etc/pam.d/sudo").write_text("@include common-auth\n")
    assert undo(place)[f"/{MODULE}"] is Fate.UNDONE
    assert not (tmp_path / PROGRAM[1:]).exists()


@pytest.mark.parametrize("authselect", [True, False])
def test_without_pam_auth_update_pam_is_left_alone_and_the_administrator_told(
    tmp_path: Path,
    authselect: bool,  # noqa: FBT001 - a case of the table
) -> None:
    place = computer(tmp_path, names=[name for name in DEBIAN if name != "pam-auth-update"])
    if authselect:
        (tmp_path / "usr/bin/authselect").touch()
    (note,) = [note for note in set_up(place).notes if "By hand" in note]

    assert ("authselect create-profile" in note) is authselect
    assert "    auth  sufficient  pam_kinect_unlock.so\n" in note
    assert "`kinect-unlock password-ok USER`" in note
    assert (tmp_path / AUTH).read_text() == COMMON_AUTH
    assert (tmp_path / MODULE).exists()


@pytest.mark.parametrize("names", [DEBIAN, [name for name in DEBIAN if name != "pam-auth-update"]], ids=len)
def test_without_the_module_no_line_names_it_and_root_is_told_to_report_passwords(
    tmp_path: Path, names: Sequence[str]
) -> None:
    plan = make_plan(wanted(pam="exec"), computer(tmp_path, names=names))

    assert sum("`kinect-unlock password-ok USER`" in note for note in plan.notes) == 1
    assert "pam_kinect_unlock.so" not in " ".join(plan.notes)
    assert any(login.BY_PAM_EXEC in note for note in plan.notes) is (names is not DEBIAN)


def test_an_old_systemd_has_the_service_keep_its_key_in_a_file(tmp_path: Path) -> None:
    plan = make_plan(wanted(), computer(tmp_path, systemd=247))

    assert not any(isinstance(step, steps.SealKey) for step in plan.to_do)
    assert any("older than 250" in note for note in plan.notes)


def test_a_new_systemd_comes_back_sooner_after_a_fault(tmp_path: Path) -> None:
    place = computer(tmp_path, systemd=256)
    set_up(place)

    assert "RestartSteps" in (tmp_path / f"{UNIT}.d/restart.conf").read_text()


HOMES: Final[dict[str, Callable[[Path], Any]]] = {
    "fscrypt": lambda root: (root / "home/.fscrypt").mkdir(),
    "eCryptfs": lambda root: (root / "home/anna/.ecryptfs").mkdir(parents=True),
    "systemd-homed": lambda root: (root / "home/anna.home").touch(),
    "pam_mount": lambda root: (root / AUTH).write_text(COMMON_AUTH + "auth optional pam_mount.so\n"),
}


@pytest.mark.parametrize("kind", HOMES)
def test_a_face_logs_nobody_in_where_homes_are_opened_with_the_password(tmp_path: Path, kind: str) -> None:
    place = computer(tmp_path)
    HOMES[kind](tmp_path)
    plan = make_plan(wanted(), place)

    assert any(kind in note and "logs nobody in" in note for note in plan.notes)
    content = next(step.content for step in plan.to_do if isinstance(step, steps.PutFile) and step.name == CONFIG)
    (tmp_path / "config.yaml").write_bytes(content)
    services = config.load(tmp_path / "config.yaml").services
    assert (services["login"], services["gdm-password"], services["sudo"]) == ("never", "never", "intent")


def test_a_configuration_that_lets_a_face_into_encrypted_homes_is_refused(tmp_path: Path) -> None:
    place = computer(tmp_path)
    HOMES["fscrypt"](tmp_path)
    (tmp_path / "etc/kinect-unlock").mkdir()
    file = tmp_path / CONFIG[1:]
    file.write_text("services: {login: allow}\n")
    refused = make_plan(wanted(), place).refusals
    file.write_text("services: {login: never, gdm-password: never, sddm: never, lightdm: never, greetd: never}\n")

    assert "to `never`: login, gdm-password" in refused[0]
    assert make_plan(wanted(), place).refusals == ()


def test_homes_that_nothing_encrypts_are_not_taken_for_it(tmp_path: Path) -> None:
    computer(tmp_path)
    (tmp_path / "home/anna").mkdir()

    assert encrypted_homes(tmp_path, {}) == ()


# What may be interrupted: each of these is a moment before and a moment after.
_MOMENTS: Final = (
    *((Path, name) for name in ("replace", "rename", "mkdir", "symlink_to", "chmod", "unlink", "rmdir")),
    (FakePrograms, "run"),
    (Record, "note"),
)


def killed_at(moment: int, work: Callable[[], object]) -> bool:
    """Do the work in a process that is killed at a moment; True if it was, False if it was over before."""
    child = os.fork()
    if child == 0:
        count = 0

        def tick() -> None:
            nonlocal count
            count += 1
            if count > moment:
                os.kill(os.getpid(), signal.SIGKILL)

        def ticking(plain: Callable[..., Any]) -> Callable[..., Any]:
            def wrapped(*args: Any, **options: Any) -> Any:
                tick()
                result = plain(*args, **options)
                tick()
                return result

            return wrapped

        for owner, name in _MOMENTS:
            setattr(owner, name, ticking(getattr(owner, name)))
        work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


@pytest.mark.slow
def test_whenever_setup_is_killed_unsetup_leaves_nothing(tmp_path: Path) -> None:
    moment, before = 0, {}
    root = tmp_path / "root"
    root.mkdir()
    place = computer(root)
    before = snapshot(root)
    while killed_at(moment, lambda: set_up(place)):
        undo(place)
        assert snapshot(root) == before, f"killed at moment {moment}"
        moment += 3  # a step has more than three

    assert moment > 80


def test_whenever_setup_is_killed_it_can_be_run_again(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    place = computer(root)
    before = snapshot(root)
    set_up(place)
    expected = {name for name in snapshot(root) if "credstore" not in name}
    undo(place)
    for moment in range(0, 1000, 11):
        if not killed_at(moment, lambda: set_up(place)):
            break
        set_up(place)
        assert {name for name in snapshot(root) if "credstore" not in name} == expected, f"killed at moment {moment}"
        undo(place)
        assert snapshot(root) == before


@pytest.mark.slow
def test_whenever_unsetup_is_killed_it_can_be_run_again(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    place = computer(root)
    before = snapshot(root)
    for moment in range(0, 1000, 3):
        set_up(place)
        killed = killed_at(moment, lambda: undo(place))
        undo(place)
        if (root / PROGRAM[1:]).exists():  # the record is gone: the program removes itself
            (root / PROGRAM[1:]).unlink()
        assert snapshot(root) == before, f"killed at moment {moment}"
        if not killed:
            break


def test_half_a_line_of_the_record_is_a_deed_that_was_not_begun(tmp_path: Path) -> None:
    record = computer(tmp_path).record
    record.note(Deed(Kind.FOLDER, "/a"))
    with (tmp_path / RECORD[1:]).open("ab") as file:
        file.write(b'{"kind": "file", "na')

    assert [deed.name for deed in record.deeds()] == ["/a"]
    record.note(Deed(Kind.FOLDER, "/b"))
    assert [deed.name for deed in record.deeds()] == ["/a", "/b"]


def test_a_record_that_others_could_write_is_not_obeyed(tmp_path: Path) -> None:
    place = computer(tmp_path)
    set_up(place)
    (tmp_path / RECORD[1:]).chmod(0o666)

    with pytest.raises(Refused, match="may have been written by others"):
        undo(place)


@pytest.mark.parametrize("name", ["/../outside", "/etc/../../outside", "/link/file"])
def test_nothing_outside_the_root_is_touched(tmp_path: Path, name: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    place = computer(root)
    (root / "link").symlink_to(tmp_path)
    (tmp_path / "outside").touch()
    (tmp_path / "file").touch()
    place.record.note(Deed(Kind.TREE, name))

    with pytest.raises(Refused, match="leads out of"):
        undo(place)
    assert (tmp_path / "outside").exists()
    assert (tmp_path / "file").exists()


def test_the_undoing_program_works_alone_with_the_systems_python(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    place = computer(root)
    before = snapshot(root)
    plan = make_plan(wanted(), place)
    (step,) = (step for step, _ in plan.steps if isinstance(step, steps.PutFile) and step.name == PROGRAM)
    step.do(place)
    steps.PutFile("/etc/made/file", b"x", "").do(place)
    argv = [sys.executable, "-I", "-S", str(root / PROGRAM[1:]), "--root", str(root)]
    shown = subprocess.run([*argv, "--dry-run"], capture_output=True, text=True, check=False, env={})
    assert (shown.returncode, "remove   /etc/made/file" in shown.stdout) == (0, True)
    declined = subprocess.run(argv, capture_output=True, text=True, check=False, env={}, input="\n")
    assert (declined.returncode, (root / "etc/made/file").exists()) == (1, True)
    done = subprocess.run([*argv, "--yes"], capture_output=True, text=True, check=False, env={})

    assert (done.returncode, done.stderr) == (0, "")
    assert snapshot(root) == before


def test_a_link_to_what_others_may_write_is_found_in_the_prefix(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    python = tmp_path / "elsewhere" / "python"
    python.parent.mkdir()
    python.touch()
    (tmp_path / "bin/python").symlink_to(python)
    assert others_may_write(tmp_path / "bin") is None

    python.parent.chmod(0o777)
    assert "elsewhere may be written by others" in str(others_may_write(tmp_path / "bin"))
    python.parent.chmod(0o755)
    os.chown(python, 1234, -1)
    assert "belongs to uid 1234" in str(others_may_write(tmp_path / "bin"))


def test_whoever_sets_up_from_a_folder_of_a_users_is_told_before_they_agree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "kinect_unlock/installing/prefix.py"
    module.parent.mkdir(parents=True)
    module.touch()
    monkeypatch.setattr("kinect_unlock.installing.prefix.__file__", str(module))
    assert others_may_change_us() is None

    os.chown(module, 1234, -1)
    doubt = others_may_change_us()
    (tmp_path / "root").mkdir()
    assert f"{module} belongs to uid 1234" in str(doubt)
    plan = make_plan(wanted(doubt=doubt), computer(tmp_path / "root"))
    assert any("not root's alone" in note and "uid 1234" in note for note in plan.notes)


def test_wheels_from_elsewhere_are_copied_where_nobody_else_can_look(tmp_path: Path) -> None:
    from_elsewhere = tmp_path / "wheels"
    from_elsewhere.mkdir()
    (tmp_path / "secret").write_bytes(b"root's alone")
    (tmp_path / "secret").chmod(0o600)
    (from_elsewhere / "numpy-2.0-py3-none-any.whl").symlink_to(tmp_path / "secret")
    (tmp_path / "root").mkdir()
    place = computer(tmp_path / "root")
    modes: list[int] = []
    run = place.programs.run

    def watched(argv: Sequence[str], **given: Any) -> undoing.Ran:
        if "pip" in argv:
            modes.append((place.path(f"{PREFIX}.new") / "wheels").stat().st_mode & 0o777)
        return run(argv, **given)

    fakes(place).run = watched  # type: ignore[method-assign]
    set_up(place, wanted(wheels=from_elsewhere))
    assert modes == [0o700]


def test_only_a_wheel_of_this_program_is_taken(tmp_path: Path) -> None:
    (tmp_path / "numpy-2.0-py3-none-any.whl").touch()

    with pytest.raises(KinectUnlockError, match="not called like a wheel of this program"):
        wheel_of(tmp_path / "numpy-2.0-py3-none-any.whl")
    with pytest.raises(KinectUnlockError, match="cannot be read"):
        wheel_of(tmp_path / "kinect_unlock-9.9-py3-none-any.whl")


def test_a_source_tree_is_told_to_build_a_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    class Editable:
        files = (Path("__editable__.kinect_unlock.pth"),)

    monkeypatch.setattr("kinect_unlock.installing.prefix.distribution", lambda _: Editable())
    with pytest.raises(SetupError, match="pip wheel --no-deps"):
        running_wheel()


def test_programs_end_in_time_and_find_what_the_computer_has(tmp_path: Path) -> None:
    programs = Programs(Path("/"))

    assert programs.run(["/bin/sh", "-c", "echo told; exit 3"]) == undoing.Ran(3, "told\n")
    assert programs.run(["/bin/sleep", "60"], limit_s=0.1).code == 124
    assert programs.run(["/no/such/program"]).code == 127
    assert (programs.has("sh"), Programs(tmp_path).has("sh"), Programs(tmp_path).booted) == (True, False, False)


def test_each_step_says_in_a_line_what_it_does(tmp_path: Path) -> None:
    def told(step: Step) -> str:
        return step.told

    for step, _ in make_plan(wanted(pam="exec"), computer(tmp_path)).steps:
        assert re.fullmatch(r"[^\n]+", told(step))


def test_the_record_is_plain_json_a_line(tmp_path: Path) -> None:
    place = computer(tmp_path)
    set_up(place)

    lines = [json.loads(line) for line in (tmp_path / RECORD[1:]).read_text().splitlines()]
    assert lines[0]["name"] == PROGRAM
    assert {line["kind"] for line in lines} >= {
        "file",
        "folder",
        "tree",
        "account",
        "key",
        "link",
        "data",
        "service",
        "pam",
    }


def test_without_the_module_pam_waits_for_our_program_and_no_longer() -> None:
    profile = (Path(__file__).parents[2] / "pam" / "kinect-unlock.pam-config").read_bytes()
    (line,) = [one for one in login.by_program(profile).decode().splitlines() if "pam_exec" in one]

    program = "/usr/libexec/kinect-unlock-pam-exec"
    asks = f"pam_exec.so quiet seteuid /usr/bin/timeout --signal=KILL 8 {program}"
    assert line.split(maxsplit=2) == ["[success=end", "default=ignore]", asks]
    assert asks in (Path(__file__).parents[2] / "pam" / "README.md").read_text()  # by hand it is written the same
