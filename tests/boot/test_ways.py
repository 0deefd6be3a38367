"""The other way in which setup has logins ask: by pam_exec, where there is no compiler for the module."""

from collections.abc import Callable

import pytest

from boot.machine import Done
from boot.rehearsing import COMMON_AUTH, TIMEOUT_S, Installed, Rehearsal, asked
from kinect_unlock.installing.login import BY_PROGRAM

pytestmark = [pytest.mark.boot, pytest.mark.timeout(TIMEOUT_S)]

_UNSETUP = ("/usr/sbin/kinect-unlock-unsetup", "--yes")


@pytest.fixture
def by_exec(rehearsal: Rehearsal, installed: Installed) -> Rehearsal:
    """Take the program off, as an administrator who has changed their mind, and set it up anew, with a face taught."""
    machine = rehearsal.machine
    machine.must(*_UNSETUP)
    machine.must(*installed.setup, "--pam=exec")
    rehearsal.play("owner-enrols")
    rehearsal.enrol("anna")
    rehearsal.play("owner-returns")
    rehearsal.password("anna")
    return rehearsal


def test_setup_by_pam_exec_lets_the_owner_in_and_asks_everybody_else(
    by_exec: Rehearsal, told: Callable[[str, Done], None]
) -> None:
    common_auth = by_exec.machine.root / COMMON_AUTH[1:]
    as_set_up = common_auth.read_text()
    assert as_set_up.count(BY_PROGRAM) == 1
    common_auth.write_text(as_set_up.replace(BY_PROGRAM, f"{BY_PROGRAM} --test-source"))

    face = by_exec.sudo()
    by_exec.show("stranger")
    stranger = by_exec.sudo()
    told("sudo by pam_exec, owner", face)
    told("sudo by pam_exec, stranger", stranger)
    assert (face.code, asked(face)) == (0, False)
    assert (stranger.code, asked(stranger)) == (0, True)

    common_auth.write_text(as_set_up)
    by_exec.machine.must(*_UNSETUP)
    assert BY_PROGRAM not in common_auth.read_text()
    after = by_exec.sudo()
    told("sudo, pam_exec taken off", after)
    assert (after.code, asked(after)) == (0, True)
