"""From where somebody asks: over the network, behind a shut lid, by polkit's own program; and what is written down."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from boot.image import ADMINISTRATOR, ROOT
from boot.machine import Done, Session
from boot.rehearsing import LOOKING, PASSWORDS, QUESTION, RECOGNISED, TIMEOUT_S, UNIT, Rehearsal, asked
from kinect_unlock.journal import MESSAGE_ID

pytestmark = [pytest.mark.boot, pytest.mark.timeout(TIMEOUT_S)]

_FOLDER = "/opt/rehearsal"
# pkexec's own agent fails at a terminal whoever authenticates how ("No session for cookie"); polkit's pkttyagent works.
_BY_AGENT = """
told=$(mktemp -u) && mkfifo "$told"
pkttyagent --notify-fd=4 --process $$ 4>"$told" & cat "$told" && rm "$told"
pkexec --disable-internal-agent id -un; code=$?
kill $!; exit $code
"""
Told = Callable[[str, Done], None]


@pytest.fixture(autouse=True)
def _owner_with_all_tries(rehearsal: Rehearsal) -> None:
    rehearsal.nobody_logged_in()
    rehearsal.show("owner-returns")
    rehearsal.password("anna")


def test_sudo_over_a_real_ssh_asks_for_the_password_and_never_looks(rehearsal: Rehearsal, told: Told) -> None:
    machine = rehearsal.machine
    machine.must("sh", "-c", "systemctl start ssh; mkdir -m 700 -p ~root/.ssh ~anna/.ssh; rm -f ~root/.ssh/id_*")
    machine.must("sh", "-c", "ssh-keygen -q -t ed25519 -N '' -f ~root/.ssh/id_ed25519")
    machine.must("sh", "-c", "cp ~root/.ssh/*.pub ~anna/.ssh/authorized_keys; chown -R anna: ~anna/.ssh")
    lo = "ip link set lo up 2>/dev/null; exec ssh -tt -o StrictHostKeyChecking=no anna@127.0.0.1"
    inside = 'loginctl show-session "$XDG_SESSION_ID" --property=Remote; sudo --reset-timestamp id -un'

    done = machine.talk("sh", "-c", f"{lo} '{inside}'", answers={QUESTION: PASSWORDS["anna"]})

    told("sudo over ssh, owner before the camera", done)
    assert "Remote=yes" in done.text
    assert (done.code, asked(done), LOOKING in done.text) == (0, True, False)
    assert "root" in done.text.splitlines()
    assert "cause=remote" in rehearsal.journal()


def test_sudo_that_wants_a_nod_takes_one(rehearsal: Rehearsal, told: Told) -> None:
    recording = ROOT / "tests" / "recordings" / "nods.mkv"
    (rehearsal.machine.root / _FOLDER[1:] / recording.name).write_bytes(recording.read_bytes())
    rehearsal.play("owner-returns", services={"sudo": "intent"})
    try:
        rehearsal.machine.plainly("ln", "-sfn", f"{_FOLDER}/{recording.name}", f"{_FOLDER}/now.mkv")
        done = rehearsal.sudo()
    finally:
        rehearsal.play("owner-returns")
    told("sudo, owner, nods when asked to", done)
    assert (done.code, asked(done)) == (0, False)


@contextmanager
def _lid_shut(rehearsal: Rehearsal, how: str) -> Iterator[None]:
    machine = rehearsal.machine
    fakes = Path(__file__).parents[1] / "fakes"
    rehearsal.write(f"{_FOLDER}/lid/fakes/login1.py", (fakes / "login1.py").read_text())
    rehearsal.write(f"{_FOLDER}/lid/lid.py", Path(__file__).with_name("lid.py").read_text())
    machine.plainly("systemctl", "mask", "--runtime", "--now", "systemd-logind.service")
    argv = (f"{ADMINISTRATOR}/bin/python", f"{_FOLDER}/lid/lid.py", how)
    machine.plainly("systemd-run", "--quiet", "--unit=lid", *argv)
    try:
        rehearsal.eventually(lambda: "org.freedesktop.login1" in machine.plainly("busctl", "list", "--acquired"))
        machine.plainly("systemctl", "restart", UNIT)
        yield
    finally:
        machine.plainly("systemctl", "stop", "lid.service")
        machine.plainly("systemctl", "unmask", "--runtime", "systemd-logind.service")
        machine.plainly("systemctl", "start", "systemd-logind.service")
        machine.plainly("systemctl", "restart", UNIT)


@pytest.mark.parametrize(("how", "asks"), [("undocked", True), ("docked", False)])
def test_behind_a_shut_lid_nobody_is_looked_for_unless_there_is_another_screen(
    rehearsal: Rehearsal,
    told: Told,
    how: str,
    asks: bool,  # noqa: FBT001 - a case of the table
) -> None:
    as_anna = ("setpriv", "--reuid=anna", "--regid=anna", "--init-groups")
    with _lid_shut(rehearsal, how):
        done = rehearsal.machine.talk(
            *as_anna, "sudo", "--reset-timestamp", "id", "-un", answers={QUESTION: PASSWORDS["anna"]}
        )
    told(f"sudo, lid shut, {how}", done)
    assert (done.code, asked(done), LOOKING in done.text) == (0, asks, False), rehearsal.journal()[-2000:]
    assert done.text.splitlines()[-1] == "root"
    assert not asks or "cause=lid-shut" in rehearsal.journal()


def test_pkexec_asks_by_polkits_own_helper_and_a_textual_agent(rehearsal: Rehearsal, told: Told) -> None:
    rehearsal.machine.must("usermod", "--append", "--groups=sudo", "anna")  # those are its administrators
    rehearsal.play("owner-returns", services={"polkit-1": "allow"})
    try:
        face = rehearsal.machine.talk("sh", "-c", _BY_AGENT, session=Session("anna"))
        rehearsal.show("stranger")
        answers = {QUESTION: PASSWORDS["anna"]}
        stranger = rehearsal.machine.talk("sh", "-c", _BY_AGENT, session=Session("anna"), answers=answers)
    finally:
        rehearsal.play("owner-returns")
    told("pkexec, owner", face)
    told("pkexec, stranger", stranger)
    assert (face.code, asked(face), RECOGNISED in face.text) == (0, False, True), face.text
    assert face.text.splitlines()[-1].endswith("root")  # after a word to the terminal about colour
    assert (stranger.code, asked(stranger), "Face not recognised." in stranger.text) == (0, True, True), stranger.text
    assert stranger.text.splitlines()[-1].endswith("root")


def test_an_attempt_stands_in_the_journal_with_fields_of_its_own(rehearsal: Rehearsal) -> None:
    assert not asked(rehearsal.sudo())
    rehearsal.show("stranger")
    assert asked(rehearsal.sudo())

    asked_for = ("--output=json", f"MESSAGE_ID={MESSAGE_ID}", "KINECT_UNLOCK_SERVICE=sudo")
    match, refused = (json.loads(line) for line in rehearsal.journal(*asked_for).splitlines()[-2:])

    assert match["_SYSTEMD_UNIT"] == UNIT
    assert match["MESSAGE"] == "verify for anna by sudo: match"
    named = ("USER", "SERVICE", "OP", "WORD", "UID", "ORIGIN")
    told = [match[f"KINECT_UNLOCK_{name}"] for name in named]
    assert told == ["anna", "sudo", "verify", "match", "0", "recording"]
    assert len(match["KINECT_UNLOCK_STREAM_SHA256"]) == 64
    assert int(match["KINECT_UNLOCK_DURATION_MS"]) > 0
    assert (refused["KINECT_UNLOCK_WORD"], refused["KINECT_UNLOCK_CAUSE"]) == ("no-match", "score")
    assert not [name for name in {*match, *refused} if "SCORE" in name or "EMBEDDING" in name]
