"""What was measured is read as it was written, and nothing else is taken for it."""

from pathlib import Path

import pytest

from fakes.people import face_at, seen_spoof
from kinect_unlock.errors import SourceError
from kinect_unlock.observations import Seen
from kinect_unlock_lab.attack.exhibit import Species
from kinect_unlock_lab.attack.results import (
    CAMERA,
    FORMAT,
    About,
    Measured,
    Presentation,
    Tried,
    read,
    read_attempts,
    writing,
)

ABOUT = About(FORMAT, "presentations", "1", ("nobody",), "all", 3, None, 2, ("first",))
LOOK = Measured(
    Seen.SPOOF, 800.0, 1.0, 2.0, 3.0, {"plane_residual_mm": 1.5, "nose_relief_mm": None}, ("plane_residual_mm",)
)


def test_presentations_come_back_real_faces_apart(tmp_path: Path) -> None:
    real = Presentation("anna", None, 0, CAMERA, LOOK, sample="one")
    fake = Presentation("anna", Species.BENT_PRINT, 1, "first", LOOK, {"radius_mm": 80.0})
    with writing(tmp_path / "a.jsonl", ABOUT) as write:
        write([real])
        write([fake])

    found = read(tmp_path / "a.jsonl")

    assert (found.about, found.genuine, found.attacks) == (ABOUT, (real,), (fake,))
    assert found.about.simulated


def test_attempts_are_no_presentations(tmp_path: Path) -> None:
    about = About(FORMAT, "attempts", "1", ("nobody",), "all", 3, None, 2, ("first",))
    one = Tried("anna", Species.SCREEN, 0, "first", accepted=False, frames=10, seen={"spoof": 10})
    with writing(tmp_path / "a.jsonl", about) as write:
        write([one])

    assert read_attempts(tmp_path / "a.jsonl") == (about, [one])
    with pytest.raises(SourceError, match="expected presentations"):
        read(tmp_path / "a.jsonl")


@pytest.mark.parametrize("content", ["", "{}", "no json", '{"format": 1}\n'])
def test_anything_else_is_refused_in_one_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.jsonl").write_text(content)
    with pytest.raises(SourceError, match="make them anew"):
        read(tmp_path / "a.jsonl")


def test_what_was_measured_is_kept_cue_by_cue() -> None:
    observation = seen_spoof(1, 1, face=face_at(distance_mm=812.34, yaw_deg=5.678))

    look = Measured.of(observation)

    assert observation.liveness is not None
    assert look.seen is Seen.SPOOF
    assert (look.distance_mm, look.yaw_deg) == (812.3, 5.68)
    assert look.cues == {cue.name: cue.value for cue in observation.liveness.cues}
    assert look.refused_by == tuple(cue.name for cue in observation.liveness.cues if not cue.holds)
