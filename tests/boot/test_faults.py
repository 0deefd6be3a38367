"""What breaks is mended by systemd or by the service itself, in its whole sandbox."""

import pytest

from boot.rehearsing import TIMEOUT_S, UNIT, Rehearsal, asked
from kinect_unlock.sources.confinement import landlock_version

pytestmark = [pytest.mark.boot, pytest.mark.timeout(TIMEOUT_S)]

KEY = "/etc/credstore.encrypted/kinect-unlock.template-key"
PLAN = "/var/cache/kinect-unlock/faults.yaml"  # the stand-in keeps its device's state beside it


@pytest.fixture(scope="module")
def taught(rehearsal: Rehearsal) -> Rehearsal:
    """Teach a face before a driver in a process of its own."""
    rehearsal.play("owner-enrols", "stand-in")
    rehearsal.enrol("ben")
    return rehearsal


@pytest.fixture
def stand_in(taught: Rehearsal) -> Rehearsal:
    """A driver in a process of its own, as the Kinect's is, before whom one of its users sits."""
    taught.play("owner-enrols", "stand-in")
    taught.password("ben")
    return taught


def test_a_service_that_hangs_is_killed_and_starts_again(rehearsal: Rehearsal) -> None:
    rehearsal.play("owner-returns", watchdog_s=6)
    before = rehearsal.machine.show(UNIT, "MainPID", "NRestarts")
    rehearsal.signal("STOP")

    found = rehearsal.until(
        lambda now: now["MainPID"] not in {"0", before["MainPID"]} and now["ActiveState"] == "active",
        "MainPID",
        "ActiveState",
        "NRestarts",
    )

    assert int(found["NRestarts"]) == int(before["NRestarts"]) + 1
    assert "Watchdog timeout" in rehearsal.journal()
    rehearsal.password("anna")
    done = rehearsal.sudo()
    assert (done.code, asked(done)) == (0, False)


def test_without_its_key_the_service_does_not_start_and_doctor_says_why(rehearsal: Rehearsal) -> None:
    machine = rehearsal.machine
    rehearsal.play("owner-returns")
    machine.plainly("mv", KEY, f"{KEY}.away")
    try:
        assert machine.run("systemctl", "restart", UNIT).code != 0
        machine.plainly("systemctl", "stop", UNIT)  # else it is perhaps starting again when doctor looks
        doctor = machine.run("kinect-unlock", "doctor")
        done = rehearsal.sudo()
    finally:
        machine.plainly("mv", f"{KEY}.away", KEY)
        machine.plainly("systemctl", "reset-failed", UNIT)
        machine.plainly("systemctl", "restart", UNIT)
    said = " ".join(doctor.text.split())
    assert "systemd cannot decrypt the templates' key for it (status 243)" in said, doctor.text
    assert "FAILED state folder" not in said
    assert "FAILED networks" not in said
    assert doctor.code != 0
    assert (done.code, asked(done)) == (0, True)


def test_a_drivers_process_shares_frames_in_the_sandbox(stand_in: Rehearsal) -> None:
    assert stand_in.ask("verify", "ben")["word"] == "match"


@pytest.mark.skipif(landlock_version() == 0, reason="this kernel has no Landlock")
def test_a_drivers_process_is_confined_within_the_sandbox(stand_in: Rehearsal) -> None:
    assert stand_in.ask("verify", "ben")["word"] == "match"

    held = stand_in.ask("status")["data"]["camera"]["identity"]["held_by"]

    assert held == f"landlock {landlock_version()} and filter"


def test_a_driver_that_crashes_costs_an_attempt_and_no_more(stand_in: Rehearsal) -> None:
    stand_in.write(PLAN, "faults:\n  - {does: segfault, open: 1, frame: 2}\n")
    stand_in.machine.plainly("chown", "kinect-unlock:", PLAN)
    stand_in.play("owner-enrols", "stand-in", source={"faults": PLAN})
    before = stand_in.machine.show(UNIT, "MainPID", "NRestarts")

    assert stand_in.ask("verify", "ben")["word"] == "source-lost"
    assert stand_in.ask("verify", "ben")["word"] == "match"

    assert stand_in.machine.show(UNIT, "MainPID", "NRestarts") == before
