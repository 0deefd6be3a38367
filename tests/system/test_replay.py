"""A recording played through the whole daemon gives the same decisions, byte for byte, and a bad one clear words."""

import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest
import yaml

from commands import command
from kinect_unlock.cli.demo import folder_of_recordings

DECIDED = {
    "owner-enrols": "enrolled",
    "owner-returns": "match",
    "stranger": "no-match",
    "flat-photo": "no-match",
    "bent-photo": "no-match",
    "empty-room": "timed-out",
}
ENROLMENT = folder_of_recordings() / "owner-enrols.mkv"
RETURN = folder_of_recordings() / "owner-returns.mkv"
WAIT_S = 240


@pytest.fixture
def config(tmp_path: Path, cache_dir: Path) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump({"models": {"cache_dir": str(cache_dir)}}))
    return file


@pytest.fixture
def hasty(tmp_path: Path, cache_dir: Path) -> Path:
    """Settings with which an enrolment takes two frames, for tests that are not about it."""
    file = tmp_path / "hasty.yaml"
    settings = {"models": {"cache_dir": str(cache_dir)}, "enrol": {"stages": ["straight"], "samples_per_stage": 2}}
    file.write_text(yaml.safe_dump(settings))
    return file


def _lines(log: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.splitlines()]


def _logs(recording: Path, config: Path, folder: Path, paces: tuple[str, ...]) -> list[bytes]:
    """Play a recording at each pace, all at once, each by a process of its own; return their decision logs."""
    program = [sys.executable, "-m", "kinect_unlock", "replay", str(recording), "--config", str(config)]
    outs = [folder / f"{n}.jsonl" for n in range(len(paces))]
    started = [
        subprocess.Popen([*program, "--pace", pace, "--decisions", str(out)], stdout=subprocess.DEVNULL)
        for pace, out in zip(paces, outs, strict=True)
    ]
    assert [process.wait(WAIT_S) for process in started] == [0] * len(paces)
    return [out.read_bytes() for out in outs]


@pytest.mark.parametrize("name", DECIDED)
def test_a_recording_gives_the_same_bytes_in_every_run_whatever_the_pace(
    name: str, config: Path, hasty: Path, tmp_path: Path
) -> None:
    settings = (
        config if name == "owner-enrols" else hasty
    )  # the whole enrolment once; the others begin with a short one
    first, second = _logs(folder_of_recordings() / f"{name}.mkv", settings, tmp_path, ("asap", "stepped"))

    assert first == second
    assert first.endswith(b"\n")
    *before, last = _lines(first)
    assert (last["kind"], last["word"]) == ("decision", DECIDED[name])
    assert [line["kind"] for line in before].count("decision") == 0
    assert any(line["kind"] == "frame" for line in before)


def _values(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _values(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _values(inner)
    else:
        yield value


def test_the_log_tells_of_frames_and_decisions_and_never_of_the_machine(hasty: Path, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    told = command("replay", RETURN, "--config", hasty, "--decisions", log)

    assert stat.S_IMODE(log.stat().st_mode) == 0o600  # it holds scores
    told_words = [value for line in _lines(log.read_bytes()) for value in _values(line) if isinstance(value, str)]

    assert told.exit_code == 0
    assert not [word for word in told_words if "/" in word and word not in {"1/m", "mm/m"}]
    assert not {"stage_ms", "spent_ms", "pid", "time", "path", "enrolled_s"} & set(told_words)
    at_ms = [line["at_ms"] for line in _lines(log.read_bytes()) if line["kind"] == "frame"]
    assert at_ms == sorted(at_ms)
    assert at_ms[0] == 0.0


def test_a_script_gets_every_frame_and_the_decision_as_objects(hasty: Path) -> None:
    told = command("replay", RETURN, "--config", hasty, "--json")

    *frames, last = told.objects
    assert told.exit_code == 0
    assert (last["word"], last["done"], last["origin"]) == ("match", True, "recording")
    assert [frame["data"]["vote"] for frame in frames if frame["word"] == "frame"] == ["owner"] * 3


def test_the_enrolment_may_be_named(hasty: Path, tmp_path: Path) -> None:
    alone = tmp_path / "somewhere else.mkv"
    alone.write_bytes(RETURN.read_bytes())
    without = command("replay", alone, "--config", hasty)
    named = command("replay", alone, "--against", ENROLMENT, "--config", hasty)

    assert without.exit_code == 64
    assert "names no enrolment to be judged against; give one with --against" in without.err
    assert named.exit_code == 0
    assert "It is owner." in named.out


def test_a_recording_cut_short_is_judged_by_the_frames_it_holds(hasty: Path, tmp_path: Path) -> None:
    content = RETURN.read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(content[: len(content) // 2])
    told = command("replay", cut, "--against", ENROLMENT, "--config", hasty)

    assert (told.exit_code, told.err) == (0, "")
    assert "It is owner." in told.out


def test_a_recording_that_ends_before_a_decision_counts_as_nobody_seen(hasty: Path, tmp_path: Path) -> None:
    content = RETURN.read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(content[: len(content) // 12])
    told = command("replay", cut, "--against", ENROLMENT, "--config", hasty)

    assert told.exit_code == 0
    assert "Nobody could be judged in time" in told.out


def _without_depth(whole: Path, target: Path) -> Path:
    """Copy a recording's colour and what it says of itself, but not its depth."""
    with av.open(str(whole)) as old, av.open(str(target), "w", format="matroska") as new:
        color = next(stream for stream in old.streams.video if stream.metadata["title"] == "color")
        track = new.add_stream_from_template(color, opaque=True)
        track.metadata["title"] = "color"
        new.metadata.update(old.metadata)
        for packet in old.demux(color):
            if packet.size:
                packet.stream = track
                new.mux_one(packet)
    return target


def _bad(kind: str, target: Path) -> Path:
    content = RETURN.read_bytes()
    match kind:
        case "empty":
            target.write_bytes(b"")
        case "foreign":
            target.write_bytes(b"%PDF-1.7 and so on\n" * 500)
        case "header cut off":
            target.write_bytes(content[:40])
        case "first frame cut off":
            target.write_bytes(content[:20_000])
        case "damaged":
            middle = len(content) // 15  # within the first frames, before anything is decided
            target.write_bytes(content[:middle] + bytes(200) + content[middle + 200 :])
        case "no depth":
            _without_depth(RETURN, target)
    return target


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("empty", "is empty; record it again"),
        ("foreign", "is not a Matroska file; use a file made by `kinect-unlock record`"),
        ("header cut off", "its header is damaged or cut off, or no frame follows it; record it again"),
        ("first frame cut off", "holds no whole frame; record it again"),
        ("damaged", "is damaged: "),
        ("no depth", "needs one depth track and has 0; use a file made by `kinect-unlock record`"),
    ],
)
def test_a_bad_recording_ends_with_its_name_its_fault_and_exit_code_69(
    kind: str, fault: str, hasty: Path, tmp_path: Path
) -> None:
    bad = _bad(kind, tmp_path / "bad.mkv")
    told = command("replay", bad, "--against", ENROLMENT, "--config", hasty)

    assert told.exit_code == 69
    assert told.err.startswith(f"kinect-unlock: {bad}: ")
    assert fault in told.err
    assert told.err.count("\n") == 1


def test_a_bad_enrolment_is_named_as_such(hasty: Path, tmp_path: Path) -> None:
    bad = _bad("damaged", tmp_path / "bad.mkv")
    told = command("replay", RETURN, "--against", bad, "--config", hasty)

    assert told.exit_code == 69
    assert told.err.startswith(f"kinect-unlock: cannot be enrolled from: {bad}: ")


def test_a_recording_that_is_not_there_is_wrong_usage(hasty: Path, tmp_path: Path) -> None:
    assert command("replay", tmp_path / "nowhere.mkv", "--config", hasty).exit_code == 2
    assert command("replay", RETURN, "--against", tmp_path / "nowhere.mkv", "--config", hasty).exit_code == 2


@pytest.mark.parametrize("where", [".", "no such folder/log.jsonl"])
def test_a_decision_log_that_cannot_be_written_is_told_before_anything_is_played(
    where: str, hasty: Path, tmp_path: Path
) -> None:
    told = command("replay", RETURN, "--config", hasty, "--decisions", tmp_path / where)

    assert (told.exit_code, told.out) == (64, "")
    assert told.err.startswith(f"kinect-unlock: {tmp_path / where}: no decision log can be written there: ")
