"""The other ways in which setup has logins ask: by pam_exec, and by a module that it builds itself."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from boot.image import ADMINISTRATOR, WHEELS
from boot.machine import Done
from boot.rehearsing import COMMON_AUTH, TIMEOUT_S, Rehearsal, asked
from kinect_unlock.installing.login import BY_PROGRAM

pytestmark = [pytest.mark.boot, pytest.mark.timeout(TIMEOUT_S)]

Told = Callable[[str, Done], None]
_UNSETUP = ("/usr/sbin/kinect-unlock-unsetup", "--yes")


@pytest.fixture(scope="module")
def bare(rehearsal: Rehearsal) -> Rehearsal:
    """The machine without the product, as after an administrator who has changed their mind."""
    rehearsal.machine.must(*_UNSETUP)
    return rehearsal


@contextmanager
def _set_up(rehearsal: Rehearsal, *arguments: str) -> Iterator[Done]:
    """Set it up in another way, with a face taught, and take it off at the end."""
    machine = rehearsal.machine
    (wheel,) = (machine.root / "opt").glob("kinect_unlock-*.whl")
    setup = (f"{ADMINISTRATOR}/bin/kinect-unlock", "setup", "--yes", f"--wheel=/opt/{wheel.name}", f"--wheels={WHEELS}")
    done = machine.run(*setup, *arguments)
    assert done.code == 0, done.text
    rehearsal.play("owner-enrols")
    rehearsal.enrol("anna")
    rehearsal.play("owner-returns")
    rehearsal.password("anna")
    yield done
    machine.must(*_UNSETUP)


def _sudo(rehearsal: Rehearsal, recording: str) -> Done:
    rehearsal.show(recording)
    return rehearsal.sudo()


def test_setup_builds_the_module_where_there_is_a_compiler(bare: Rehearsal, told: Told) -> None:
    with _set_up(bare) as done:
        bare.believe("test_source", "timeout=30")

        assert "built from its source with cc" in " ".join(done.text.split())
        face, stranger = _sudo(bare, "owner-returns"), _sudo(bare, "stranger")
        told("sudo, module built by setup, owner", face)
        assert (face.code, asked(face)) == (0, False)
        assert (stranger.code, asked(stranger)) == (0, True)


def test_setup_by_pam_exec_lets_the_owner_in_and_asks_everybody_else(bare: Rehearsal, told: Told) -> None:
    common_auth = bare.machine.root / COMMON_AUTH[1:]
    with _set_up(bare, "--pam=exec"):
        assert common_auth.read_text().count(BY_PROGRAM) == 1
        common_auth.write_text(common_auth.read_text().replace(BY_PROGRAM, f"{BY_PROGRAM} --test-source"))

        face, stranger = _sudo(bare, "owner-returns"), _sudo(bare, "stranger")
        told("sudo by pam_exec, owner", face)
        told("sudo by pam_exec, stranger", stranger)
        assert (face.code, asked(face)) == (0, False)
        assert (stranger.code, asked(stranger)) == (0, True)
        common_auth.write_text(common_auth.read_text().replace(" --test-source", ""))

    assert BY_PROGRAM not in common_auth.read_text()
    after = bare.sudo()
    told("sudo, pam_exec taken off", after)
    assert (after.code, asked(after)) == (0, True)
