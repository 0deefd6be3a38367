"""The camera's rehearsals through their verbs: real children die, real daemons answer, and a leak does not go by."""

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from kinect_unlock.sources import open_source
from kinect_unlock.sources.base import FrameSource
from kinect_unlock_lab import camera_faults
from kinect_unlock_lab.cli import app

pytestmark = pytest.mark.slow

ONE_RUN = ("--runs", "1", "--jobs", "1")


def lab(*words: str | Path, code: int = 0) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return result.output


def figures(path: Path) -> Any:
    return msgspec.json.decode(path.read_bytes())


def test_a_driver_that_segfaults_ends_the_attempt_and_the_next_one_has_frames(tmp_path: Path) -> None:
    out, document = tmp_path / "faults.json", tmp_path / "camera.md"
    document.write_text("<!-- faults -->\n<!-- end of faults -->\n", encoding="utf-8")

    shown = lab("faults", *ONE_RUN, "--only", "back after 4 s", "--json", out, "--markdown", document)

    (run,) = figures(out)
    assert run["seen"] == "source-lost"
    assert "SIGSEGV" in run["message"]
    assert run["noticed_s"] + run["recovered_s"] >= 4.0  # since the last good frame
    assert run["lost"] >= 100  # of the 120 and more that a camera would have given
    assert run["leftovers"] == []
    assert "none" in shown
    assert "| segfault, back after 4 s | source-lost |" in document.read_text(encoding="utf-8")


def test_what_is_left_behind_is_named_and_fails_the_verb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []

    def open_and_keep(*arguments: Any, **named: Any) -> FrameSource:
        held.append(os.open(os.devnull, os.O_RDONLY))
        return open_source(*arguments, **named)

    monkeypatch.setattr(camera_faults, "open_source", open_and_keep)
    out = tmp_path / "faults.json"
    try:
        shown = lab("faults", *ONE_RUN, "--only", "cannot be loaded", "--json", out, code=70)
    finally:
        for descriptor in held:
            os.close(descriptor)

    (run,) = figures(out)
    assert run["seen"] == "source-error"
    assert run["recovered_s"] is not None  # the library was there the second time
    assert run["leftovers"] == ["2 descriptors"]
    assert "left behind by binding cannot be loaded: 2 descriptors" in shown


def test_a_fault_that_nobody_knows_is_refused() -> None:
    assert "no fault has" in lab("faults", "--only", "earthquake", code=2)


def test_every_attempt_of_a_soak_is_answered(tmp_path: Path, cache_dir: Path) -> None:
    config, out = tmp_path / "config.yaml", tmp_path / "soak.json"
    config.write_text(f"models: {{cache_dir: {cache_dir}}}\n", encoding="utf-8")
    config.chmod(0o600)

    shown = lab("soak", "--minutes", "0.2", "--mean-fault-s", "3", "--json", out, "--config", config)

    found = figures(out)
    assert sum(found["answers"].values()) >= 1
    assert "none" not in found["answers"]
    assert found["leftovers"] == []
    assert found["counters"]["camera_opened"] >= 1
    assert [reading["threads"] > 1 for reading in found["readings"]] == [True] * len(found["readings"]) != []
    assert "slowest answer" in shown


@pytest.mark.parametrize("verb", ["faults", "soak", "bench-camera"])
def test_help_says_what_a_verb_measures(verb: str) -> None:
    told = " ".join(lab(verb, "--help").split())
    assert "driver" in told
    assert "--json" in told
    assert "--markdown" in told
