"""The other ways in which setup has logins ask: by pam_exec, and by a module that it builds itself."""

from collections.abc import Callable

import pytest

from boot.image import ADMINISTRATOR, WHEELS
from boot.machine import Done
from boot.rehearsing import COMMON_AUTH, TIMEOUT_S, Rehearsal, asked
from kinect_unlock.installing.login import BY_PROGRAM

pytestmark = [pytest.mark.boot, pytest.mark.timeout(TIMEOUT_S)]

Told = Callable[[str, Done], None]
_UNSETUP = ("/usr/sbin/kinect-unlock-unsetup", "--yes")


def _set_up(rehearsal: Rehearsal, *arguments: str) -> Done:
    """Take it off, and set it up in another way, as an administrator who has changed their mind."""
    machine = rehearsal.machine
    machine.must(*_UNSETUP)
    (wheel,) = (machine.root / "opt").glob("kinect_unlock-*.whl")
    setup = (f"{ADMINISTRATOR}/bin/kinect-unlock", "setup", "--yes", f"--wheel=/opt/{wheel.name}", f"--wheels={WHEELS}")
    done = machine.run(*setup, *arguments)
    assert done.code == 0, done.text
    rehearsal.play("owner-enrols")
    rehearsal.enrol("anna")
    rehearsal.play("owner-returns")
    rehearsal.password("anna")
    return done


def _sudo(rehearsal: Rehearsal, recording: str) -> Done:
    rehearsal.show(recording)
    return rehearsal.sudo()


def test_setup_builds_the_module_where_there_is_a_compiler(rehearsal: Rehearsal, told: Told) -> None:
    done = _set_up(rehearsal)
    rehearsal.believe("test_source", "timeout=30")

    assert "built from its source with cc" in " ".join(done.text.split())
    face, stranger = _sudo(rehearsal, "owner-returns"), _sudo(rehearsal, "stranger")
    told("sudo, module built by setup, owner", face)
    assert (face.code, asked(face)) == (0, False)
    assert (stranger.code, asked(stranger)) == (0, True)


def test_setup_by_pam_exec_lets_the_owner_in_and_asks_everybody_else(rehearsal: Rehearsal, told: Told) -> None:
    _set_up(rehearsal, "--pam=exec")
    common_auth = rehearsal.machine.root / COMMON_AUTH[1:]
    assert common_auth.read_text().count(BY_PROGRAM) == 1
    common_auth.write_text(common_auth.read_text().replace(BY_PROGRAM, f"{BY_PROGRAM} --test-source"))

    face, stranger = _sudo(rehearsal, "owner-returns"), _sudo(rehearsal, "stranger")
    told("sudo by pam_exec, owner", face)
    told("sudo by pam_exec, stranger", stranger)
    assert (face.code, asked(face)) == (0, False)
    assert (stranger.code, asked(stranger)) == (0, True)
    common_auth.write_text(common_auth.read_text().replace(" --test-source", ""))

    rehearsal.machine.must(*_UNSETUP)
    assert BY_PROGRAM not in common_auth.read_text()
    after = rehearsal.sudo()
    told("sudo, pam_exec taken off", after)
    assert (after.code, asked(after)) == (0, True)
