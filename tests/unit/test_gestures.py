"""What the rendered owner does with the head when a nod is asked for, and the recordings of it."""

from pathlib import Path

import numpy as np
import pytest

from kinect_unlock.nod import Nodding, Tilt, with_tilt
from kinect_unlock.recording import RecordingReader
from kinect_unlock_lab.demo_recordings import Script, provenance
from kinect_unlock_lab.gestures import BEGINS_S, SCRIPTS, dips, shakes

RECORDINGS = Path(__file__).parents[1] / "recordings"
TIMES_S = np.arange(0.0, 3.0, 0.08)


def test_a_nod_goes_down_and_comes_back_and_does_not_turn() -> None:
    yaws, pitches = zip(*(dips(at_s, by_deg=20.0, lasts_s=0.9) for at_s in TIMES_S), strict=True)
    assert set(yaws) == {0.0}
    assert -20.0 <= min(pitches) < -18.0
    assert max(pitches) == 0.0
    assert [pitches[0], pitches[-1]] == [0.0, 0.0]


def test_who_shakes_the_head_turns_to_both_sides_and_stays_level() -> None:
    yaws, pitches = zip(*(shakes(at_s, by_deg=18.0, lasts_s=1.0) for at_s in TIMES_S), strict=True)
    assert set(pitches) == {0.0}
    assert (min(yaws) < -15.0, max(yaws) > 15.0) == (True, True)


@pytest.mark.parametrize(("lasts_s", "is_one"), [(0.6, True), (0.9, True), (1.2, True), (2.0, False), (2.7, False)])
def test_what_is_rendered_is_a_nod_when_it_does_not_last_long(lasts_s: float, is_one: bool) -> None:  # noqa: FBT001 - a case
    head = Nodding()
    for at_s in np.arange(0.0, BEGINS_S + lasts_s + 0.4, 0.08):
        head = with_tilt(head, Tilt(int(at_s * 1e9), dips(at_s, by_deg=20.0, lasts_s=lasts_s)[1]))
    assert head.nodded is is_one


@pytest.mark.parametrize("kept", SCRIPTS, ids=lambda script: str(script.name))
def test_a_recording_that_is_kept_is_small_and_says_what_it_is(kept: Script) -> None:
    path = RECORDINGS / kept.file
    assert path.stat().st_size < 700_000
    with RecordingReader(path) as recording:
        assert recording.provenance == provenance(kept)
        assert 20 <= len(list(recording)) <= 30


def test_no_other_recordings_are_kept() -> None:
    assert {path.name for path in RECORDINGS.glob("*.mkv")} == {script.file for script in SCRIPTS}
