"""The real polkit decides what others than root may do, as its rules say."""

from collections.abc import Iterator

import pytest

from boot.machine import Done, Session
from boot.rehearsing import TIMEOUT_S, Rehearsal

pytestmark = [pytest.mark.boot, pytest.mark.timeout(TIMEOUT_S)]

_RULE = "/etc/polkit-1/rules.d/10-rehearsal.rules"
_ONES_OWN = """polkit.addRule(function (action, subject) {
    if (action.id === "org.kinect_unlock.enrol" && subject.active && subject.local) { return polkit.Result.YES; }
});
"""


@pytest.fixture
def lenient(rehearsal: Rehearsal) -> Iterator[Rehearsal]:
    """An administrator lets whoever sits there teach their own face without a password."""
    rehearsal.write(_RULE, _ONES_OWN)
    rehearsal.machine.plainly("systemctl", "restart", "polkit.service")
    yield rehearsal
    rehearsal.machine.plainly("rm", _RULE)
    rehearsal.machine.plainly("systemctl", "restart", "polkit.service")


def _asks_for(rehearsal: Rehearsal, user: str) -> Done:
    return rehearsal.machine.talk("kinect-unlock", "history", user, "--json", session=Session("anna"))


def test_where_nobody_can_be_asked_for_a_password_only_root_may(rehearsal: Rehearsal) -> None:
    done = _asks_for(rehearsal, "anna")  # a session without an agent of polkit's

    assert '"not-authorised"' in done.text
    assert "event=polkit uid=" in rehearsal.journal()
    assert "deed=org.kinect_unlock.enrol allowed=False" in rehearsal.journal()


def test_whom_polkit_lets_may_see_to_their_own_face_and_no_other(lenient: Rehearsal) -> None:
    assert '"word":"ok"' in _asks_for(lenient, "anna").text
    assert '"not-authorised"' in _asks_for(lenient, "ben").text
