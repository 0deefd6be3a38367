import json
import math

import pytest

from fakes.people import OWNER, face_at, seen_face, seen_spoof
from kinect_unlock.decisions import DecisionLog, frame_facts, rounded, with_timings
from kinect_unlock.machines.verify import Event, State
from kinect_unlock.wire import Reply, Word


@pytest.mark.parametrize(
    ("value", "written"),
    [
        pytest.param(0.123456, 0.1235, id="rounded"),
        pytest.param(-0.00001, 0.0, id="never-minus-zero"),
        pytest.param(math.nan, None, id="no-number"),
        pytest.param(math.inf, None, id="endless"),
        pytest.param(None, None, id="not-measured"),
    ],
)
def test_numbers_are_written_so_that_they_compare(value: float | None, written: float | None) -> None:
    assert rounded(value) == written
    assert math.copysign(1.0, rounded(value) or 0.0) == 1.0


def test_a_frame_is_told_with_pose_cues_and_what_was_made_of_it() -> None:
    facts = frame_facts(
        seen_face(1, 3, OWNER), 33_000_000, vote="owner", counted=True, scores={"rgb": 0.876543, "depth": math.nan}
    )
    assert facts == {
        "seq": 3,
        "at_ms": 66.0,
        "seen": "face",
        "vote": "owner",
        "counted": True,
        "scores": {"rgb": 0.8765, "depth": None},
        "pose": {"distance_mm": 700.0, "yaw_deg": 0.0, "pitch_deg": 0.0, "roll_deg": 0.0},
        "liveness": "live",
        "cues": [
            {
                "name": "relief",
                "unit": "mm",
                "value": 23.0,
                "low": 8.0,
                "high": 60.0,
                "held": True,
                "enforced": True,
            }
        ],
    }


def test_timings_are_for_peers_and_never_in_the_log() -> None:
    observation = seen_face(1, 3, OWNER)
    facts = frame_facts(observation, 0)
    assert "stage_ms" not in facts
    assert with_timings(facts, observation)["stage_ms"] == {"detect": 4.0}


def test_a_pose_that_is_no_number_is_null_in_the_log() -> None:
    lines: list[str] = []
    facts = frame_facts(seen_spoof(1, 0, face=face_at(distance_mm=math.nan)), 0)
    DecisionLog(lines.append).frame(1, facts)
    assert json.loads(lines[0])["pose"]["distance_mm"] is None


def test_lines_have_their_keys_in_order_and_no_spaces() -> None:
    lines: list[str] = []
    log = DecisionLog(lines.append)
    log.state("verify", 1, State.IDLE, Event.START, State.SEARCHING)
    log.decision(1, "verify", "anna", Reply(Word.MATCH, done=True, user="anna"))
    assert lines == [
        '{"kind":"state","attempt":1,"machine":"verify","from":"idle","event":"start","to":"searching"}',
        '{"kind":"decision","attempt":1,"op":"verify","user":"anna","word":"match"}',
    ]


def test_a_log_without_a_place_writes_nowhere() -> None:
    DecisionLog(None).frame(1, {})
