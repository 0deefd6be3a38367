"""What setup did is undone, and nothing else; whatever is broken, the password works."""

import pytest

from boot.rehearsing import COMMON_AUTH, PREFIX, TIMEOUT_S, UNIT, Installed, Rehearsal, asked, snapshot

pytestmark = [pytest.mark.boot, pytest.mark.timeout(TIMEOUT_S)]

# Not ours to take back: what systemd and Debian's own tools write while they do what they are asked to.
LEFT_BY_OTHERS = {
    "var/cache/debconf/config.dat": "pam-auth-update keeps its answers there",
    "var/cache/debconf/config.dat-old": "the same, as it was before",
    "var/lib/pam/seen": "the profiles that pam-auth-update has ever seen",
    "etc/passwd-": "the account files as they were before, by sysusers and userdel",
    "etc/group-": "the same",
    "etc/shadow-": "the same",
    "etc/gshadow-": "the same",
}


def test_a_prefix_that_is_gone_locks_nobody_out_and_unsetup_leaves_nothing(
    rehearsal: Rehearsal, installed: Installed
) -> None:
    machine = rehearsal.machine
    rehearsal.password("anna")
    done = rehearsal.sudo()
    assert (done.code, asked(done)) == (0, False)
    rehearsal.believe()  # what the tests changed, they put back
    machine.plainly("rm", "-rf", PREFIX)
    machine.plainly("systemctl", "restart", "--no-block", UNIT)
    broken = rehearsal.sudo()
    assert (broken.code, asked(broken)) == (0, True)

    machine.plainly("rm", "-r", f"/run/systemd/system/{UNIT}.d")
    undone = machine.run("/usr/sbin/kinect-unlock-unsetup", "--yes")

    assert undone.code == 0, undone.text
    assert "FAILED" not in undone.text
    assert "kept" not in undone.text
    after = snapshot(machine.root, LEFT_BY_OTHERS)
    before = {name: held for name, held in installed.before.items() if name not in LEFT_BY_OTHERS}
    assert {name: (before.get(name), after.get(name)) for name in before.keys() ^ after.keys()} == {}
    assert {name: (held, after[name]) for name, held in before.items() if held != after[name]} == {}
    assert machine.show(UNIT, "LoadState") == {"LoadState": "not-found"}
    plain = rehearsal.sudo()
    assert (plain.code, asked(plain)) == (0, True)
    assert "pam_kinect_unlock" not in machine.must("cat", COMMON_AUTH)
