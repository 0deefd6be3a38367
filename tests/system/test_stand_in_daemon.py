"""The whole daemon on the stand-in driver, in its child: it may rehearse everything, and opens for nobody by itself."""

from pathlib import Path
from typing import Any

import pytest

from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.wire import Enrol, Reply, Verify, Word
from system.rehearsal import WAIT_S, Start

pytestmark = pytest.mark.slow


def _playing(name: str) -> dict[str, dict[str, Any]]:
    recording = folder_of_recordings() / f"{name}.mkv"
    return {
        "source": {"kind": "stand-in", "path": str(recording)},
        "policy": {"password_after_boot": False},  # so that what refuses is the frames' origin
    }


def _asked(start: Start, folder: Path, name: str, request: Enrol | Verify, *arguments: str) -> tuple[Reply, str]:
    """Start a daemon that plays a recording, ask it, and return the answer and its log."""
    (folder / "n").unlink(missing_ok=True)
    with start(_playing(name), *arguments) as running:
        running.hear("READY=1")
        return running.client.request(request, timeout_s=WAIT_S), running.log()


def test_whoever_is_played_matches_only_in_a_run_that_was_started_for_trying_out(start: Start, folder: Path) -> None:
    enrolled, _ = _asked(start, folder, "owner-enrols", Enrol(user="owner"), "--test-source")
    refused, log = _asked(start, folder, "owner-returns", Verify(user="owner", unlock=True))
    matched, _ = _asked(start, folder, "owner-returns", Verify(user="owner"), "--test-source")

    assert enrolled.word is Word.ENROLLED, enrolled
    assert "event=cannot-match origin=stand-in" in log
    assert refused.word is Word.CONFIG_ERROR, refused
    assert "--test-source" in str(refused.message)
    assert matched.word is Word.MATCH, matched
