"""Recording from a folder of images made of the shipped recordings' frames, and playing that to the daemon."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from commands import command
from demo_frames import frames_of, registered
from kinect_unlock.calibration import calibration_to_plain
from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.frames import Frame
from kinect_unlock.recording import RecordingReader
from streams import write_pair


@pytest.fixture
def config(tmp_path: Path, cache_dir: Path) -> Path:
    file = tmp_path / "config.yaml"
    settings = {"models": {"cache_dir": str(cache_dir)}, "enrol": {"stages": ["straight"], "samples_per_stage": 2}}
    file.write_text(yaml.safe_dump(settings))
    return file


def _export(folder: Path, stream: list[Frame]) -> Path:
    folder.mkdir()
    for frame in stream:
        write_pair(folder, f"{frame.seq:03}", frame)
    assert stream[0].calibration is not None
    (folder / "intrinsics.json").write_text(json.dumps(calibration_to_plain(stream[0].calibration)))
    return folder


def test_a_folder_of_images_becomes_a_recording_of_the_same_pixels(config: Path, tmp_path: Path) -> None:
    stream = frames_of("owner-returns", 3)
    made = tmp_path / "made.mkv"
    folder = _export(tmp_path / "images", stream)
    told = command("record", made, "--source", "images", "--from", folder, "--lossless", "--json", "--config", config)
    with RecordingReader(made) as reader:
        recorded = list(reader)
        provenance = reader.provenance

    assert (told.exit_code, told.err) == (0, "")
    assert [(row["path"], row["frames"], row["dropped"]) for row in told.objects] == [(str(made), 3, 0)]
    assert (provenance["origin"], provenance["made_by"]) == ("images", "kinect-unlock record")
    assert "jittered" not in provenance
    for mine, theirs in zip(recorded, stream, strict=True):
        assert mine.depth_mm is not None
        assert theirs.depth_mm is not None
        np.testing.assert_array_equal(mine.color, theirs.color)
        np.testing.assert_array_equal(mine.depth_mm, theirs.depth_mm)
    assert made.stat().st_mode & 0o777 == 0o600


def test_jitter_makes_stills_a_stream_that_says_so_and_that_the_daemon_can_judge(config: Path, tmp_path: Path) -> None:
    folder = _export(tmp_path / "images", [registered(frame) for frame in frames_of("owner-returns", 4)])
    made = tmp_path / "made.mkv"
    record = ("record", made, "--source", "images", "--from", folder, "--jitter", 5, "--seed", 3, "--config", config)
    told = command(*record, "--note", "a test")
    played = command("replay", made, "--against", folder_of_recordings() / "owner-enrols.mkv", "--config", config)
    with RecordingReader(made) as reader:
        assert reader.frame_count == 20
        assert reader.provenance["jittered"] is True
        assert reader.provenance["jitter"]["seed"] == 3
        assert reader.provenance["note"] == "a test"

    assert told.exit_code == 0
    assert f"{made}: 20 frames" in told.out.replace("\n", "")
    assert (played.exit_code, played.out.splitlines()[-1].split(" (")[0]) == (0, "It is owner.")


def test_the_same_seed_makes_the_same_recording(config: Path, tmp_path: Path) -> None:
    folder = _export(tmp_path / "images", [registered(frame) for frame in frames_of("owner-returns", 1)])
    made = [tmp_path / f"{n}.mkv" for n in range(3)]
    for path, seed in zip(made, (1, 1, 2), strict=True):
        command(
            "record", path, "--source", "images", "--from", folder, "--jitter", 2, "--seed", seed, "--config", config
        )

    assert made[0].read_bytes() == made[1].read_bytes()
    assert made[0].read_bytes() != made[2].read_bytes()


def test_jitter_of_cameras_with_two_grids_is_refused_before_a_file_is_there(config: Path, tmp_path: Path) -> None:
    folder = _export(tmp_path / "images", frames_of("owner-returns", 1))
    made = tmp_path / "made.mkv"
    told = command("record", made, "--source", "images", "--from", folder, "--jitter", 5, "--config", config)

    assert told.exit_code == 69
    assert "record these without jitter" in told.err
    assert not made.exists()


def test_recordings_of_ones_own_say_what_they_are_for_so_that_replay_knows(config: Path, tmp_path: Path) -> None:
    enrols = _export(tmp_path / "enrols", frames_of("owner-enrols", 6))
    returns = _export(tmp_path / "returns", frames_of("owner-returns", 8))
    options = ("--source", "images", "--config", config)
    command("record", tmp_path / "me.mkv", "--from", enrols, "--purpose", "enrol", *options)
    command("record", tmp_path / "again.mkv", "--from", returns, "--against", "me.mkv", *options)

    assert command("replay", tmp_path / "me.mkv", "--config", config, "--json").objects[-1]["word"] == "enrolled"
    assert command("replay", tmp_path / "again.mkv", "--config", config, "--json").objects[-1]["word"] == "match"


def test_a_limit_ends_it(config: Path, tmp_path: Path) -> None:
    folder = _export(tmp_path / "images", frames_of("owner-returns", 3))
    made = tmp_path / "made.mkv"
    command("record", made, "--source", "images", "--from", folder, "--frames", 2, "--config", config)
    with RecordingReader(made) as reader:
        assert reader.frame_count == 2


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("intrinsics.json", "has no intrinsics.yaml or intrinsics.json"),
        ("000_depth.png", "has no 000_depth.png beside it"),
        ("", "holds no image pair"),
    ],
)
def test_a_folder_that_lacks_something_is_told_what(config: Path, tmp_path: Path, spoil: str, words: str) -> None:
    folder = _export(tmp_path / "images", frames_of("owner-returns", 1))
    for path in [folder / spoil] if spoil else list(folder.iterdir()):
        path.unlink()
    told = command("record", tmp_path / "made.mkv", "--source", "images", "--from", folder, "--config", config)

    assert told.exit_code == 69
    assert words in told.err
    assert not (tmp_path / "made.mkv").exists()


def test_a_recording_that_is_there_is_not_overwritten(config: Path, tmp_path: Path) -> None:
    folder = _export(tmp_path / "images", frames_of("owner-returns", 1))
    made = tmp_path / "made.mkv"
    made.write_bytes(b"precious")
    told = command("record", made, "--source", "images", "--from", folder, "--config", config)

    assert told.exit_code == 69
    assert str(made) in told.err
    assert made.read_bytes() == b"precious"


def test_without_a_driver_it_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pylibfreenect2.py").write_text("raise ImportError('libfreenect2.so.0.2: cannot open')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "c.yaml").write_text("")
    told = command("record", tmp_path / "made.mkv", "--config", tmp_path / "c.yaml")

    assert told.exit_code == 69
    assert "pylibfreenect2 cannot load the native library" in told.err
