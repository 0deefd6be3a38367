"""What is installed for systemd, udev and polkit, judged by the programs that will read it."""

import json
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

SYSTEMD = Path(__file__).parents[2] / "systemd"
SERVICE = SYSTEMD / "kinect-unlock.service"
MOST_EXPOSURE = 6  # tenths; the threshold of `systemd-analyze security` is in per cent

needs_systemd_analyze = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is missing")
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is missing")


def told(*argv: str | Path) -> str:
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr


def release() -> int:
    return int(told("systemd-analyze", "--version").split()[1])


def settings(file: Path) -> list[tuple[str, str]]:
    lines = (line.strip() for line in file.read_text().splitlines())
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return [(name, value) for name, _, value in pairs]


def with_a_program_that_is_here(folder: Path) -> Path:
    """Copy the unit, for `verify` also looks whether what it starts is installed."""
    copy = folder / SERVICE.name
    lines = SERVICE.read_text().splitlines(keepends=True)
    copy.write_text("".join("ExecStart=/bin/true\n" if line.startswith("ExecStart=") else line for line in lines))
    return copy


@needs_systemd_analyze
def test_systemd_has_nothing_to_say_against_the_unit(tmp_path: Path) -> None:
    # What it prints counts: its exit code is 0 for faults too.
    assert told("systemd-analyze", "verify", with_a_program_that_is_here(tmp_path)) == ""


@needs_systemd_analyze
def test_systemd_would_speak_of_a_fault_in_the_unit(tmp_path: Path) -> None:
    copy = with_a_program_that_is_here(tmp_path)
    copy.write_text(copy.read_text().replace("Type=notify", "Type=notifi"))

    assert "notifi" in told("systemd-analyze", "verify", copy)


@needs_systemd_analyze
@pytest.mark.parametrize("name", ["gpu.conf", "restart.conf"])
def test_systemd_has_nothing_to_say_against_what_is_added_to_the_unit(tmp_path: Path, name: str) -> None:
    if name == "restart.conf" and release() < 254:
        pytest.skip("this systemd is older than what the file is for (254)")
    copy = with_a_program_that_is_here(tmp_path)
    added = settings(SYSTEMD / name)
    copy.write_text(copy.read_text().replace("[Install]", "\n".join(map("=".join, added)) + "\n[Install]"))

    assert told("systemd-analyze", "verify", copy) == ""


@needs_systemd_analyze
def test_the_service_is_no_more_exposed_than_it_must_be(tmp_path: Path) -> None:
    argv = ["systemd-analyze", "security", "--offline=true", "--no-pager", "--json=short"]
    copy = with_a_program_that_is_here(tmp_path)
    rows = json.loads(told(*argv, copy))
    left = {row["json_field"] for row in rows if row["set"] is False}

    # Each is in the way of something: the system's libraries, the camera, what a socket's peer is called.
    needed = {"RootDirectoryOrRootImage", "PrivateDevices", "PrivateUsers", "ProcSubset", "DeviceAllow"}
    assert left == {*needed, "RestrictAddressFamilies_AF_UNIX", "RestrictAddressFamilies_AF_NETLINK"}
    judged = told("systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={MOST_EXPOSURE}", copy)
    assert "Overall exposure level for kinect-unlock.service: 0.6" in judged


def test_the_unit_keeps_to_what_the_program_and_its_installer_rely_on() -> None:
    said = settings(SERVICE)

    assert ("ExecStart", "/usr/lib/kinect-unlock/bin/python -I -m kinect_unlock run") in said
    assert ("User", "kinect-unlock") in said
    assert ("StateDirectoryMode", "0700") in said
    assert ("RuntimeDirectoryMode", "0755") in said
    assert ("RestartPreventExitStatus", "78") in said
    assert ("Environment", "ORT_DISABLE_TELEMETRY=1") in said
    calls = "landlock_create_ruleset landlock_add_rule landlock_restrict_self"
    assert ("SystemCallFilter", calls) in said  # without which the camera's driver is not confined
    assert ("LoadCredentialEncrypted", "template-key:/etc/credstore.encrypted/kinect-unlock.template-key") in said
    assert not {"PrivateUsers", "ProcSubset", "PrivateDevices"} & {name for name, _ in said}


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="systemd-sysusers is missing")
def test_sysusers_makes_the_user_and_the_group_that_udev_names(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    told("systemd-sysusers", f"--root={tmp_path}", SYSTEMD / "sysusers.conf")

    user, group = (tmp_path / "etc/passwd").read_text(), (tmp_path / "etc/group").read_text()
    name, _, uid, gid, *_, home, shell = user.strip().split(":")
    assert (name, home, shell) == ("kinect-unlock", "/var/lib/kinect-unlock", "/usr/sbin/nologin")
    assert group.startswith(f"kinect-unlock:x:{gid}:")
    assert int(uid) != 0
    assert 'GROUP:="kinect-unlock"' in (SYSTEMD / "60-kinect-unlock.rules").read_text()


@needs_node
@pytest.mark.parametrize(
    ("action", "user", "answer"),
    [
        ("org.freedesktop.login1.lock-sessions", "kinect-unlock", "yes"),
        ("org.freedesktop.login1.lock-sessions", "nobody", "not handled"),
        ("org.freedesktop.login1.power-off", "kinect-unlock", "not handled"),
    ],
)
def test_polkit_lets_the_service_lock_and_unlock_sessions_and_nothing_else(action: str, user: str, answer: str) -> None:
    rule = (SYSTEMD / "polkit.rules").read_text()
    before = 'var said; const polkit = {Result: {YES: "yes", NOT_HANDLED: "not handled"}, addRule: f => { said = f; }};'
    asked = f"process.stdout.write(said({json.dumps({'id': action})}, {json.dumps({'user': user})}))"

    assert told("node", "-e", f"{before}\n{rule}\n{asked}") == answer


def test_each_action_of_ours_may_be_asked_about_by_the_service_and_is_nobodys_without_a_password() -> None:
    actions = ET.parse(SYSTEMD / "org.kinect_unlock.policy").getroot().findall("action")  # noqa: S314 - ours

    assert [action.get("id") for action in actions] == [
        f"org.kinect_unlock.{name}" for name in ("enrol", "manage", "watch")
    ]
    for action in actions:
        assert action.findtext("annotate[@key='org.freedesktop.policykit.owner']") == "unix-user:kinect-unlock"
        assert action.findtext("defaults/allow_any") == action.findtext("defaults/allow_inactive") == "no"
        assert str(action.findtext("defaults/allow_active")).startswith("auth_")
