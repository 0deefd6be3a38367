"""The shipped demo recordings: small, licensed, honest about themselves, and made by the script that says so."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import yaml

from kinect_unlock.recording import RecordingReader
from kinect_unlock_lab.demo_recordings import SCRIPTS, SIZE_LIMIT_BYTES, Script, Stage, index, provenance
from kinect_unlock_lab.head_model import load_head_model
from kinect_unlock_lab.sensor import DEMO_CROP, nominal_kinect

SHIPPED = Path(str(files("kinect_unlock"))) / "data" / "demo"
each_script = pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: str(script.name))


def test_all_recordings_together_stay_within_the_limit() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) <= SIZE_LIMIT_BYTES


def test_the_licence_of_the_head_model_lies_beside_them() -> None:
    text = (SHIPPED / "LICENSE.ict_facekit.txt").read_text()
    assert "MIT License" in text
    assert "USC Institute for Creative Technologies" in text


def test_the_index_is_what_the_script_writes_and_names_every_file() -> None:
    shipped = yaml.safe_load((SHIPPED / "demo.yaml").read_text())
    assert shipped == index()
    assert {row["file"] for row in shipped["recordings"]} == {path.name for path in SHIPPED.glob("*.mkv")}


@each_script
def test_a_recording_says_what_it_is_and_belongs_to_nobody(script: Script) -> None:
    with RecordingReader(SHIPPED / script.file) as recording:
        assert recording.provenance == provenance(script)
    assert "belongs to nobody" in str(provenance(script)["note"])


@each_script
def test_a_recording_holds_paced_frames_of_both_cameras(script: Script) -> None:
    with RecordingReader(SHIPPED / script.file) as recording:
        frames = list(recording)
        assert recording.calibration == nominal_kinect(DEMO_CROP)
    steps_ns = np.diff([frame.captured_ns for frame in frames])
    assert set(steps_ns) == {80_000_000}
    assert all(frame.depth_mm is not None and frame.depth_mm.shape == (424, 512) for frame in frames)


def test_the_enrolment_is_long_enough_for_every_stage_and_others_for_a_decision() -> None:
    counts = {}
    for script in SCRIPTS:
        with RecordingReader(SHIPPED / script.file) as recording:
            counts[script.name] = recording.frame_count or 0
    assert counts["owner-enrols"] >= 40
    assert min(counts.values()) >= 15


@pytest.mark.data
@pytest.mark.slow
def test_the_script_renders_what_was_shipped(evaluation_data: Path) -> None:
    """First frame of the stranger: depth bit-equal but for a few pixels of another CPU, colour but for the JPEG."""
    script = next(script for script in SCRIPTS if script.name == "stranger")
    stage = Stage(load_head_model(evaluation_data / "models3d" / "ict_facekit.npz"))
    made = next(script.frames(stage, script))
    with RecordingReader(SHIPPED / script.file) as recording:
        shipped = next(iter(recording))
    assert made.depth_mm is not None
    assert shipped.depth_mm is not None
    assert (made.depth_mm == shipped.depth_mm).mean() > 0.999
    assert np.abs(made.color.astype(int) - shipped.color.astype(int)).mean() < 3.0
