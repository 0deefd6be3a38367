"""What setup installs runs on a booted Debian: in its whole sandbox, with its key, and lets no recording in."""

import re

import pytest

from boot.machine import Session
from boot.rehearsing import GIVEN_MODULE, LOOKING, PATIENTLY, TIMEOUT_S, UNIT, Installed, Rehearsal, asked

pytestmark = [pytest.mark.boot, pytest.mark.timeout(TIMEOUT_S)]

# What the unit says and nothing else shows: that systemd of this release knows each of them.
SANDBOX = {
    "NoNewPrivileges": "yes",
    "MemoryDenyWriteExecute": "yes",
    "PrivateNetwork": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "RestrictNamespaces": "yes",
    "CapabilityBoundingSet": "",
    "DevicePolicy": "closed",
}


def test_setup_ends_with_a_service_that_is_ready(installed: Installed) -> None:
    assert "Done." in installed.done.text
    assert installed.state["ActiveState"] == "active"
    assert installed.state["SubState"] == "running"
    assert installed.state["StatusText"] == "ready; source kinect-v2 (sensor), encoder rgbd-fused"
    assert (installed.state["User"], installed.state["NRestarts"]) == ("kinect-unlock", "0")


def test_setup_builds_the_module_where_there_is_a_compiler(installed: Installed) -> None:
    assert "built from its source with cc" in " ".join(installed.done.text.split())


def test_setup_takes_a_module_that_was_built_elsewhere(rehearsal: Rehearsal, installed: Installed) -> None:
    root = rehearsal.machine.root
    (module,) = root.glob("usr/lib/*/security/pam_kinect_unlock.so")

    done = rehearsal.machine.run(*installed.setup, f"--module={GIVEN_MODULE}")

    assert (done.code, "as it was given" in " ".join(done.text.split())) == (0, True), done.text
    assert module.read_bytes() == (root / GIVEN_MODULE[1:]).read_bytes()
    rehearsal.password("anna")
    assert not asked(rehearsal.sudo())


def test_setup_again_finds_nothing_to_do(installed: Installed) -> None:
    assert installed.again.code == 0
    assert "Nothing to do" in installed.again.text


def test_the_service_is_hardly_exposed(installed: Installed) -> None:
    found = re.search(r"Overall exposure level for kinect-unlock.service: ([0-9.]+)", installed.exposure)
    assert found is not None
    assert float(found[1]) <= 0.8


def test_it_starts_with_the_computer_in_its_sandbox(rehearsal: Rehearsal) -> None:
    machine = rehearsal.machine
    assert machine.show(UNIT, *SANDBOX) == SANDBOX
    pid = machine.show(UNIT, "MainPID")["MainPID"]
    status = machine.must("cat", f"/proc/{pid}/status")
    assert re.search(r"^Seccomp:\t2$", status, re.MULTILINE)
    assert re.search(r"^NoNewPrivs:\t1$", status, re.MULTILINE)
    assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE)


def test_templates_are_sealed_with_the_credential_that_systemd_decrypts(rehearsal: Rehearsal) -> None:
    assert rehearsal.ask("status")["data"]["template_key"]["from"] == "credential"
    kept = rehearsal.machine.must("find", "/var/lib/kinect-unlock", "-name", "template.key*")
    assert kept == ""
    # It is the same key after a restart of the computer, which lies between the enrolment and this.
    assert [user["user"] for user in rehearsal.ask("users")["data"]["users"]] == ["anna"]
    refused = rehearsal.machine.run(
        "cat", "/run/credentials/kinect-unlock.service/template-key", session=Session("ben")
    )
    assert refused.code != 0


def test_a_recording_never_matches_in_the_service_as_it_is_installed(rehearsal: Rehearsal) -> None:
    rehearsal.password("anna")
    rehearsal.play("owner-returns", trying_out=False)
    try:
        assert rehearsal.ask("verify", "anna")["word"] == "config-error"
        done = rehearsal.sudo()
        assert (done.code, asked(done), LOOKING in done.text) == (0, True, False)
    finally:
        rehearsal.play("owner-returns")


def test_the_module_believes_no_recording_unless_it_is_told_to(rehearsal: Rehearsal) -> None:
    rehearsal.password("anna")
    rehearsal.believe()
    try:
        done = rehearsal.sudo()
    finally:
        rehearsal.believe(*PATIENTLY)
    assert (done.code, asked(done)) == (0, True)
    assert "Face recognised." not in done.text
