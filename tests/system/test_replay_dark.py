"""The dark, played through the whole daemon: invented infrared pictures of invented people prove that nothing is mixed.

Nothing is claimed from them about faces in infrared.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from commands import command
from demo_frames import frames_of
from infrared_frames import in_the_dark, with_infrared
from kinect_unlock import app
from kinect_unlock.frames import Frame
from streams import write_recording

pytestmark = pytest.mark.slow

FRAMES = 12
ALIKE = 0.5  # of pictures that were made of pictures: the owner's have 0.8 and more in infrared, the stranger's half
ROW = {
    "half": "rgb", "strategy": "nearest", "template_vectors_max": 10, "far": 1.0e-04, "threshold": ALIKE,
    "evidence": {
        "data": "none", "protocol": "none", "impostor_comparisons": 1, "far_interval": None, "note": "a test's",
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Path:
    """A folder with the recordings, and configurations by how infrared stands: off, unproven, proven."""
    folder = tmp_path_factory.mktemp("dark")
    shipped = (Path(app.__file__).parent / "data" / "models" / "manifest.yaml").read_text()
    manifest = yaml.safe_load(shipped)
    manifest["encoders"]["rgbd-fused"]["infrared_calibration"] = [ROW]
    (folder / "manifest.yaml").write_text(json.dumps(manifest))
    hasty = {"stages": ["straight"], "samples_per_stage": 2}
    for name, infrared, where in (
        ("off", False, None),
        ("unproven", True, None),
        ("proven", True, str(folder / "manifest.yaml")),
    ):
        models = {"cache_dir": str(cache_dir), "manifest": where}
        settings = {"models": models, "enrol": hasty, "match": {"infrared": infrared}}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(settings))
    _record(folder / "enrolled.mkv", "owner-enrols", with_infrared)
    for name in ("owner-returns", "stranger", "flat-photo"):
        _record(folder / f"{name}-dark.mkv", name, in_the_dark)
    _record(folder / "owner-returns-lit.mkv", "owner-returns", with_infrared)
    return folder


def _record(path: Path, name: str, change: Callable[[Frame], Frame]) -> None:
    write_recording(path, [change(frame) for frame in frames_of(name, FRAMES)])


def _played(place: Path, name: str, how: str, log: Path) -> tuple[str, list[dict[str, Any]]]:
    """Enrol the owner, play a recording, and return the decision and the log's frames of it."""
    told = command(
        "replay", place / f"{name}.mkv", "--against", place / "enrolled.mkv",
        "--config", place / f"{how}.yaml", "--decisions", log,
    )  # fmt: skip
    assert told.exit_code == 0, told
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return lines[-1]["word"], [line for line in lines if line["kind"] == "frame"]


def _unlike(frames: list[dict[str, Any]], key: str) -> set[Any]:
    return {frame.get(key) for frame in frames}


def test_off_the_dark_is_seen_for_what_it_is_and_matches_nobody(place: Path, tmp_path: Path) -> None:
    word, frames = _played(place, "owner-returns-dark", "off", tmp_path / "log")
    assert (word, _unlike(frames, "seen"), _unlike(frames, "vote")) == ("timed-out", {"dark"}, {None})
    assert not any("modality" in frame for frame in frames)


def test_without_evidence_the_owner_is_scored_in_infrared_and_not_matched(place: Path, tmp_path: Path) -> None:
    word, frames = _played(place, "owner-returns-dark", "unproven", tmp_path / "log")
    assert word == "timed-out"
    assert (_unlike(frames, "modality"), _unlike(frames, "vote")) == ({"infrared"}, {None})
    assert "owner" in _unlike(frames, "would")
    assert min(frame["scores"]["rgb"] for frame in frames if "would" in frame) > ALIKE


@pytest.mark.parametrize(
    ("name", "word"), [("owner-returns-dark", "match"), ("stranger-dark", "no-match"), ("flat-photo-dark", "no-match")]
)
def test_with_a_tests_evidence_infrared_decides(place: Path, tmp_path: Path, name: str, word: str) -> None:
    decided, frames = _played(place, name, "proven", tmp_path / "log")
    assert (decided, _unlike(frames, "modality")) == (word, {"infrared"})
    if name == "flat-photo-dark":
        assert _unlike(frames, "seen") == {"spoof"}


def test_in_the_light_the_log_is_the_same_whether_infrared_is_on_or_off(place: Path, tmp_path: Path) -> None:
    for how in ("off", "unproven"):
        _played(place, "owner-returns-lit", how, tmp_path / how)
    assert (tmp_path / "off").read_bytes() == (tmp_path / "unproven").read_bytes()
