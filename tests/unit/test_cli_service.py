from typing import Any

import pytest

from kinect_unlock.cli.service import asking_words, camera_words, limit_words, session_words, unasked_words

NEVER: dict[str, Any] = {
    "state": "closed",
    "for_s": 12.5,
    "closes_in_s": None,
    "read_for": None,
    "identity": None,
    "costly": False,
    "rate_hz": None,
    "opened": 0,
    "restarts": 0,
    "faults": 0,
    "last_fault": None,
}
KINECT = {"model": "Kinect v2", "serial": "0123", "firmware": "", "pipeline": "cpu"}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        pytest.param({}, ["closed for 12.5 s", "not opened yet"], id="never needed"),
        pytest.param(
            {"state": "lingering", "for_s": 3.0, "closes_in_s": 5.0, "opened": 1, "rate_hz": 29.9, "identity": KINECT},
            [
                "lingering for 3 s, closes in 5 s unless it is needed",
                "model Kinect v2, serial 0123, pipeline cpu",
                "opened once; 29.9 frames a second when all are wanted",
            ],
            id="lingering",
        ),
        pytest.param(
            {"identity": {**KINECT, "model": "", "held_by": "landlock 7 and filter"}, "costly": True},
            [
                "closed for 12.5 s",
                "serial 0123, pipeline cpu",
                "its driver is held by landlock 7 and filter",
                "decoding its depth takes a processor core for itself while it is open",
                "not opened yet",
            ],
            id="costly",
        ),
        pytest.param(
            {"opened": 3, "restarts": 1, "faults": 1, "last_fault": {"message": "unplugged", "ago_s": 40.0}},
            ["closed for 12.5 s", "opened 3 times, of these 1 after a fault", "last fault 40 s ago: unplugged"],
            id="faults",
        ),
    ],
)
def test_the_camera_is_told_of_in_a_few_lines(changes: dict[str, Any], told: list[str]) -> None:
    assert camera_words({**NEVER, **changes}).splitlines() == told


OFF: dict[str, Any] = {"on": False, "state": "off", "session": None, "why_not": "not switched on ($.watch.enabled)"}
WAITING: dict[str, Any] = {"on": True, "state": "waiting", "session": "2", "why_not": None}


@pytest.mark.parametrize(
    ("found", "told"),
    [
        pytest.param(None, ["nothing: it does not ask logind"], id="no logind"),
        pytest.param(
            {"paused": None, "watch": WAITING, "presence": OFF},
            ["watch waiting, session 2", "presence off: not switched on ($.watch.enabled)"],
            id="watching",
        ),
        pytest.param(
            {"paused": "the lid is shut", "watch": {**OFF, "why_not": "the lid is shut"}, "presence": OFF},
            [
                "paused: the lid is shut",
                "watch off: the lid is shut",
                "presence off: not switched on ($.watch.enabled)",
            ],
            id="paused",
        ),
    ],
)
def test_what_is_done_without_being_asked_is_told_in_a_few_lines(found: dict[str, Any] | None, told: list[str]) -> None:
    assert unasked_words(found).splitlines() == told


def test_how_a_user_stands_is_said_in_a_line() -> None:
    ann = {"user": "ann", "failures_left": 2, "locked_out": False, "cooldown_left_s": 4.0, "password_due": "after-boot"}
    said = limit_words({**ann, "password_ago_s": None, "face_ago_s": 5400.0})
    assert said == (
        "ann: 2 tries left, next try in 4 s, the password is due (after-boot), "
        "password never since boot, face 1.5 h ago"
    )
    assert limit_words({**ann, "failures_left": 1, "password_ago_s": 59.0, "face_ago_s": 3599.0}) == (
        "ann: 1 try left, next try in 4 s, the password is due (after-boot), password just now, face 59 min ago"
    )
    assert limit_words({"user": "ben", "locked_out": True, "fault": "damaged"}).startswith("ben: counts as locked out")


def test_who_may_ask_is_said_by_what_they_may() -> None:
    own = {"shared": False, "placed": True, "seat": "seat0", "logind": True}
    assert asking_words(own) == "root, and the daemon's own user from the session that seat0 shows"
    assert asking_words({**own, "logind": False}).endswith("from nowhere: logind does not answer")
    assert asking_words({**own, "placed": False}).endswith("from anywhere: logind is not asked")
    services = {"sudo": "intent", "login": "allow", "su": "intent"}
    found = {"shared": True, "seat": "seat0", "services": services, "logind": False, "sessions": 0}
    assert asking_words(found).splitlines()[1:] == ["intent: sudo, su", "allow: login"]
    assert "nobody but root" in asking_words(found)


@pytest.mark.parametrize(
    ("state", "confirmed", "told"),
    [
        ("locked", True, "locked"),
        ("unlocked", True, "unlocked"),
        ("locked", False, "not known, counts as locked"),
    ],
)
def test_a_session_that_nobody_has_seen_is_not_said_to_be_locked(state: str, confirmed: bool, told: str) -> None:  # noqa: FBT001 - a table's column
    assert session_words(state, confirmed=confirmed) == told
