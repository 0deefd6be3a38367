"""Real sessions of a real logind: a face unlocks the one that is meant, and no other."""

import pytest

from boot.machine import Session
from boot.rehearsing import TIMEOUT_S, Desk

pytestmark = [pytest.mark.boot, pytest.mark.timeout(TIMEOUT_S)]


def test_sessions_are_a_users_own_graphical_and_on_the_first_seat(desk: Desk) -> None:
    show = desk.rehearsal.machine.login_session
    assert [show(desk.annas, name) for name in ("Class", "Type", "Seat", "State")] == [
        "user",
        "wayland",
        "seat0",
        "active",
    ]
    assert show(desk.bens, "State") == "online"


def test_a_face_unlocks_its_own_session_and_no_other(desk: Desk) -> None:
    desk.lock(desk.annas)
    desk.lock(desk.bens)

    assert desk.rehearsal.ask("verify", "anna", "--unlock")["word"] == "unlocked"

    desk.rehearsal.eventually(lambda: not desk.locked(desk.annas))
    assert desk.locked(desk.bens)


def test_a_strangers_face_unlocks_nothing(desk: Desk) -> None:
    desk.lock(desk.annas)
    desk.rehearsal.show("stranger")

    assert desk.rehearsal.ask("verify", "anna", "--unlock")["word"] == "no-match"

    assert desk.locked(desk.annas)


def test_no_face_unlocks_a_session_that_the_seat_does_not_show(desk: Desk) -> None:
    desk.lock(desk.annas)
    desk.rehearsal.machine.plainly("loginctl", "activate", desk.bens)

    assert desk.rehearsal.ask("verify", "anna", "--unlock")["word"] == "hook-error"

    assert desk.locked(desk.annas)


def test_nobody_but_the_service_and_root_may_unlock(desk: Desk) -> None:
    desk.lock(desk.annas)

    refused = desk.rehearsal.machine.run("loginctl", "unlock-session", desk.annas, session=Session("ben", seat=""))

    assert refused.code != 0
    assert desk.locked(desk.annas)
