"""Why somebody was refused, told by a real daemon to those who may ask, in words, in the log and as a picture."""

import io
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image
from rich.console import Console

from commands import command
from kinect_unlock.audit import Cause, Ending
from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.cli.timeline import Timeline, ending_of
from kinect_unlock.wire import Enrol, Reply, Verify, Word
from system.rehearsal import WAIT_S, Start

BENT = folder_of_recordings() / "bent-photo.mkv"
SETTINGS: dict[str, dict[str, Any]] = {
    "source": {"kind": "replay", "path": str(folder_of_recordings()), "pace": "asap"},
    "policy": {"password_after_boot": False},
    "attempt": {"cooldown_s": 0.0},
    "enrol": {"stages": ["straight"], "samples_per_stage": 2},
}


@pytest.fixture
def config(tmp_path: Path, cache_dir: Path) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump({"models": {"cache_dir": str(cache_dir)}, "enrol": SETTINGS["enrol"]}))
    return file


def test_a_bent_photograph_is_refused_with_reasons_to_those_who_may_ask_and_in_the_log(
    start: Start, folder: Path
) -> None:
    out = io.StringIO()
    timeline = Timeline(Console(file=out, width=80))
    with start(SETTINGS, "--test-source") as running:
        running.hear("READY=1")
        enrolled = running.client.request(Enrol("owner", stream="owner-enrols"), timeout_s=WAIT_S)
        last = running.client.request(
            Verify("owner", stream="bent-photo", explain=True), on_reply=timeline.show, timeout_s=WAIT_S
        )
        unexplained: list[Reply] = []
        running.client.request(Verify("owner", stream="bent-photo"), on_reply=unexplained.append, timeout_s=WAIT_S)
        why = command("log", "--why", "--config", folder / "c.yaml")
        (row, *_) = command("log", "--json", "--config", folder / "c.yaml").rows
    timeline.close(last)

    assert (enrolled.word, last.word) == (Word.ENROLLED, Word.NO_MATCH)
    told = ending_of(last)
    assert isinstance(told, Ending)
    assert told.cause is Cause.LIVENESS
    assert "relief_share" in told.detail.split(",")
    for shown in (out.getvalue(), why.out):
        words = " ".join(shown.split())
        assert "relief share: " in words
        assert "it is as flat or as smooth as a picture, bent or not" in words
        assert "What helps:" in words
        assert max(map(len, shown.splitlines())) <= 80
    assert [cue["name"] for cue in row["cues"]] == row["detail"].split(",")
    assert not [reply for reply in unexplained if reply.data]
    named = [line for line in running.log().splitlines() if "relief_share" in line]
    assert named
    assert all("event=attempt" in line and "0." not in line for line in named), "names, and no number"


def test_a_replay_draws_the_frame_that_decided_for_its_owner_alone(config: Path, tmp_path: Path) -> None:
    picture = tmp_path / "why.png"
    drawn = command("replay", BENT, "--config", config, "--explain", "--picture", picture)
    again = command("replay", BENT, "--config", config, "--picture", picture)

    assert drawn.exit_code == 0
    assert "liveness of frame" in drawn.out
    assert "What helps:" in drawn.out
    with Image.open(picture) as image:
        assert image.size == (1600, 900)
    assert stat.S_IMODE(picture.stat().st_mode) == 0o600
    assert again.exit_code == 64
    assert "is there already" in again.err


def test_a_replay_says_why_in_short_unless_all_is_asked_for(config: Path) -> None:
    told = command("replay", BENT, "--config", config)

    assert "What helps:" in told.out
    assert "liveness of frame" not in told.out
