"""What setup did is undone, and nothing else; whatever is broken, the password works."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from boot.image import mounted, place
from boot.machine import Done, booted
from boot.rehearsing import COMMON_AUTH, PATIENTLY, PREFIX, TIMEOUT_S, UNIT, Installed, Rehearsal, asked, snapshot

pytestmark = [pytest.mark.boot, pytest.mark.timeout(TIMEOUT_S)]

# What others write while they do what they are asked to, and what is not ours to take back.
LEFT_BY_OTHERS = {
    "var/lib/systemd/credential.secret": "systemd's own key of this computer, made for the first credential of anybody",
    "var/lib/systemd/random-seed": "systemd's, at every start",
    "var/lib/systemd/timers": "the same",
    "var/tmp": "folders of services that run at the moment; systemd removes ours with the service",
    "var/log": "the journal and the logs of logins",
    "var/cache/debconf": "pam-auth-update keeps its answers there",
    "var/lib/pam/seen": "the profiles that pam-auth-update has ever seen",
    "etc/passwd-": "the account files as they were before, by sysusers and userdel",
    "etc/group-": "the same",
    "etc/shadow-": "the same",
    "etc/gshadow-": "the same",
    "etc/.pwd.lock": "held by whoever changes them",
    "home": "its users'",
    "opt": "the tests' own",
}


@pytest.fixture
def in_use(cache: Path, installed: Installed) -> Iterator[Rehearsal]:
    """Boot what was set up for one test alone, where a face has opened sudo, and take back what that needed."""
    with place(cache) as made, mounted(made, *installed.layers) as root, booted(root) as machine:
        machine.must("systemctl", "is-system-running", "--wait")
        rehearsal = Rehearsal(machine)
        rehearsal.play("owner-returns")
        rehearsal.believe(*PATIENTLY)
        rehearsal.password("anna")
        assert not asked(rehearsal.sudo())
        rehearsal.believe()
        rehearsal.play_no_more()
        yield rehearsal


def unsetup(rehearsal: Rehearsal, *arguments: str) -> Done:
    """Run it by itself, and require that it undid all that it was to."""
    undone = rehearsal.machine.run("/usr/sbin/kinect-unlock-unsetup", "--yes", *arguments)
    assert undone.code == 0, undone.text
    assert "FAILED" not in undone.text
    return undone


def assert_nothing_is_left(rehearsal: Rehearsal, installed: Installed) -> None:
    after = snapshot(rehearsal.machine.root, LEFT_BY_OTHERS)
    before = {name: held for name, held in installed.before.items() if not _is_left(name)}
    assert {name: (before.get(name), after.get(name)) for name in before.keys() ^ after.keys()} == {}
    assert {name: (held, after[name]) for name, held in before.items() if held != after[name]} == {}
    assert rehearsal.machine.show(UNIT, "LoadState") == {"LoadState": "not-found"}
    assert rehearsal.machine.run("id", "kinect-unlock").code != 0


def test_unsetup_leaves_a_computer_as_it_was(
    in_use: Rehearsal, installed: Installed, told: Callable[[str, Done], None]
) -> None:
    assert "kept" not in unsetup(in_use).text

    assert_nothing_is_left(in_use, installed)
    done = in_use.sudo()
    told("sudo, after unsetup", done)
    assert (done.code, asked(done)) == (0, True)


def test_a_program_that_is_gone_locks_nobody_out_and_can_be_taken_off(
    in_use: Rehearsal, installed: Installed, told: Callable[[str, Done], None]
) -> None:
    in_use.machine.plainly("rm", "-rf", PREFIX)
    in_use.machine.plainly("systemctl", "restart", "--no-block", UNIT)
    broken = in_use.sudo()
    told("sudo, prefix removed", broken)
    assert (broken.code, asked(broken)) == (0, True)
    assert in_use.machine.run("kinect-unlock", "status").code != 0

    unsetup(in_use)

    assert_nothing_is_left(in_use, installed)
    assert not asked_us(in_use)


def test_what_is_kept_can_be_used_again(in_use: Rehearsal) -> None:
    undone = unsetup(in_use, "--keep-data")

    assert "kept" in undone.text
    assert not asked_us(in_use)
    assert in_use.machine.must("find", "/var/lib/kinect-unlock", "-type", "f")
    assert in_use.machine.run("id", "kinect-unlock").code == 0


def asked_us(rehearsal: Rehearsal) -> bool:
    return "pam_kinect_unlock" in rehearsal.machine.must("cat", COMMON_AUTH)


def _is_left(name: str) -> bool:
    return any(name == left or name.startswith(f"{left}/") for left in LEFT_BY_OTHERS)
