from dataclasses import replace

import pytest

from fakes.people import OWNER, face_at, seen_face, seen_other, seen_spoof
from kinect_unlock.hinting import SteadyHints, hint_for, hint_towards
from kinect_unlock.observations import Seen
from kinect_unlock.sampling import band_of
from kinect_unlock.settings import PoseRange, Ranges, Stage
from kinect_unlock.wire import Hint

RANGE = PoseRange(near_mm=450, far_mm=1300, yaw_deg=35, pitch_deg=30, roll_deg=25)
RANGES = Ranges(enrol=RANGE)


def test_every_unusable_frame_has_a_hint_and_a_usable_one_has_none() -> None:
    hints = {seen: hint_for(seen_other(1, 0, seen), RANGES) for seen in Seen if seen is not Seen.FACE}
    assert None not in hints.values()
    assert hint_for(seen_face(1, 0, OWNER), RANGES) is None


def test_a_spoof_is_hinted_at_like_a_doubtful_face() -> None:
    assert hint_for(seen_spoof(1, 0), RANGES) is hint_for(seen_other(1, 0, Seen.UNSURE), RANGES) is Hint.KEEP_FACE_CLEAR


@pytest.mark.parametrize(
    ("stage", "yaw_deg", "pitch_deg", "distance_mm", "hint"),
    [
        pytest.param("left", 0, 0, 800, Hint.TURN_LEFT, id="not-yet-left"),
        pytest.param("left", -20, 0, 800, None, id="left-is-held"),
        pytest.param("right", 0, 0, 800, Hint.TURN_RIGHT, id="not-yet-right"),
        pytest.param("up", 0, 0, 800, Hint.LOOK_UP, id="not-yet-up"),
        pytest.param("down", 0, 0, 800, Hint.LOOK_DOWN, id="not-yet-down"),
        pytest.param("straight", 20, 0, 800, Hint.LOOK_STRAIGHT, id="not-straight"),
        pytest.param("straight", 20, 0, 1400, Hint.MOVE_CLOSER, id="distance-first"),
        pytest.param("near", 0, 0, 1200, Hint.MOVE_CLOSER, id="not-yet-near"),
        pytest.param("far", 0, 0, 500, Hint.MOVE_BACK, id="not-yet-far"),
        pytest.param("any", 30, 30, 800, None, id="any"),
    ],
)
def test_a_stage_leads_to_its_pose(
    stage: Stage, yaw_deg: float, pitch_deg: float, distance_mm: float, hint: Hint | None
) -> None:
    face = face_at(yaw_deg=yaw_deg, pitch_deg=pitch_deg, distance_mm=distance_mm)
    assert hint_towards(band_of(stage, RANGE), stage, seen_face(1, 0, OWNER, face=face), RANGES) is hint


def test_a_face_turned_too_far_the_right_way_is_led_by_its_usual_hint() -> None:
    turned = replace(seen_other(1, 0, Seen.TURNED_AWAY), face=face_at(yaw_deg=-60))
    assert hint_towards(band_of("left", RANGE), "left", turned, RANGES) is Hint.LOOK_AT_CAMERA


def test_a_hint_is_told_once_it_has_held_for_three_frames_and_only_once() -> None:
    hints = SteadyHints()
    assert [hints.pick(Hint.MOVE_BACK) for _ in range(6)] == [None, None, Hint.MOVE_BACK, None, None, None]


def test_a_hint_that_flickers_is_never_told() -> None:
    hints = SteadyHints()
    assert [hints.pick(hint) for _ in range(10) for hint in (Hint.MOVE_BACK, None)] == [None] * 20


def test_another_hint_is_told_after_the_first() -> None:
    hints = SteadyHints()
    told = [hints.pick(hint) for hint in [Hint.MOVE_BACK] * 3 + [Hint.HOLD_STILL] * 3 + [Hint.MOVE_BACK] * 3]
    assert [hint for hint in told if hint is not None] == [Hint.MOVE_BACK, Hint.HOLD_STILL, Hint.MOVE_BACK]
