"""A recording of the owner that was tampered with, through the whole daemon: what repeats itself is no camera's."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from commands import command
from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.frames import Frame
from kinect_unlock.recording import RecordingReader
from streams import write_recording

ENROLMENT = folder_of_recordings() / "owner-enrols.mkv"
RETURN = folder_of_recordings() / "owner-returns.mkv"
FRAMES = 20
FRAME_NS = 33_333_333  # 30 Hz, at which an owner is recognised within six frames


@pytest.fixture
def config(tmp_path: Path, cache_dir: Path) -> Path:
    """Settings with which an enrolment takes two frames: these tests are not about it."""
    file = tmp_path / "config.yaml"
    settings = {"models": {"cache_dir": str(cache_dir)}, "enrol": {"stages": ["straight"], "samples_per_stage": 2}}
    file.write_text(yaml.safe_dump(settings))
    return file


def _tampered(path: Path, which: Callable[[int], int]) -> Path:
    """Write the owner's return at 30 Hz, in which the n-th frame shows what the ``which(n)``-th did."""
    with RecordingReader(RETURN) as reader:
        frames = list(reader)

    def sent(number: int) -> Frame:
        at_ns = (number + 1) * FRAME_NS
        return replace(frames[which(number)], seq=number, captured_ns=at_ns, device_us=at_ns // 1000)

    return write_recording(path, [sent(number) for number in range(FRAMES)], lossless_color=False)


def _replayed(recording: Path, config: Path, log: Path) -> tuple[list[dict[str, Any]], str]:
    """Play it; return the frames of the attempt to verify, and its word."""
    told = command("replay", recording, "--against", ENROLMENT, "--config", config, "--decisions", log)
    lines = [json.loads(line) for line in log.read_bytes().splitlines()]
    *_, last = lines
    assert (told.exit_code, last["kind"]) == (0, "decision")
    return [line for line in lines if line["kind"] == "frame" and line["attempt"] == last["attempt"]], last["word"]


def _broken(frame: dict[str, Any]) -> dict[str, float]:
    """Return the values of the enforced cues that did not hold."""
    return {cue["name"]: cue["value"] for cue in frame.get("cues", ()) if cue["enforced"] and not cue["held"]}


def test_the_owner_at_the_cameras_own_pace_matches(config: Path, tmp_path: Path) -> None:
    frames, word = _replayed(_tampered(tmp_path / "r.mkv", lambda number: number), config, tmp_path / "log.jsonl")

    assert word == "match"
    assert [_broken(frame) for frame in frames] == [{}] * len(frames)


@pytest.mark.parametrize("length", [1, 4], ids=["frozen", "four frames"])
def test_the_owner_in_a_stream_that_repeats_is_refused_and_the_log_says_why(
    length: int, config: Path, tmp_path: Path
) -> None:
    looped = _tampered(tmp_path / "r.mkv", lambda number: number % length)

    frames, word = _replayed(looped, config, tmp_path / "log.jsonl")

    assert word == "no-match"  # rejected, not only out of time
    assert [frame["vote"] for frame in frames] == ["owner"] * length + ["spoof"] * 10
    assert [_broken(frame) for frame in frames[length:]] == [
        {"depth_repeats": number // length} for number in range(length, length + 10)
    ]
