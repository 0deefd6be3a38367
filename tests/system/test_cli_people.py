"""The verbs about people and about the daemon, against a private daemon that plays the shipped recordings."""

import io
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeAlias

import pytest

from commands import Outcome, command
from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.cli.replay import private_settings
from kinect_unlock.private import PrivateDaemon
from kinect_unlock.settings import Config, Enrol, Hooks, Limits, Models

Ask: TypeAlias = Callable[..., Outcome]

ENROLS = ("--stream", "owner-enrols")
HOOK = 'test ! -e "$0.broken" && echo locked >> "$0"'


@pytest.fixture(scope="module")
def place(cache_dir: Path) -> Iterator[Path]:
    """The folder of a daemon that locks out after two failures and enrols with two frames."""
    with PrivateDaemon.folder() as folder:
        ours = Config(
            models=Models(cache_dir=str(cache_dir)),
            enrol=Enrol(stages=("straight",), samples_per_stage=2, stage_timeout_s=1.0),
            limits=Limits(max_failures=2),
            hooks=Hooks(lock=("/bin/sh", "-c", HOOK, str(folder / "hook"))),
        )
        settings = private_settings(ours, folder=folder_of_recordings(), pace="asap")
        with PrivateDaemon(settings, folder):
            yield folder


@pytest.fixture
def ask(place: Path) -> Ask:
    """Runs a verb against that daemon. Every test has users of its own, so that their order does not matter."""
    return partial(_ask, place / "config.yaml")


def _ask(file: Path, *arguments: str) -> Outcome:
    return command(*arguments, "--config", file)


def _last_line(told: Outcome) -> str:
    return told.out.strip().splitlines()[-1]


def test_an_enrolment_leads_through_its_stages_and_says_when_it_is_done(ask: Ask) -> None:
    told = ask("enrol", "ada", *ENROLS)

    assert told.exit_code == 0
    assert told.out == "ada is enrolled. (frames: recording, no camera)\n"
    assert "look straight at the camera" in told.err


def test_an_enrolment_for_scripts_is_one_object_a_line(ask: Ask) -> None:
    words = [reply["word"] for reply in ask("enrol", "bea", "--json", *ENROLS).objects]

    assert words[0] == "started"
    assert words[-1] == "enrolled"
    assert {"stage", "stage-passed"} < set(words)


def test_an_enrolment_that_fails_changes_nothing_and_says_so(ask: Ask) -> None:
    ask("enrol", "cleo", *ENROLS)
    told = ask("enrol", "cleo", "--stream", "empty-room")
    rows = {row["user"]: row for row in ask("users", "--json").objects[0]["data"]["users"]}

    assert told.exit_code == 7
    assert "nothing changed" in told.out
    assert rows["cleo"]["generation"] == 1


@pytest.mark.parametrize(
    ("stream", "exit_code", "says"),
    [
        ("owner-returns", 0, "It is dora."),
        ("stranger", 1, "Not recognised."),
        ("bent-photo", 1, "Not recognised."),
        ("empty-room", 3, "Nobody could be judged in time; nothing was held against anybody."),
    ],
)
def test_who_is_before_the_camera_decides_the_exit_code(ask: Ask, stream: str, exit_code: int, says: str) -> None:
    ask("enrol", "dora", *ENROLS)
    told = ask("verify", "dora", "--stream", stream)
    ask("forget", "dora", "--yes")

    assert told.exit_code == exit_code
    assert told.out == f"{says} (frames: recording, no camera)\n"


def test_an_explanation_shows_frames_cues_and_the_end(ask: Ask) -> None:
    ask("enrol", "eva", *ENROLS)
    told = ask("verify", "eva", "--stream", "owner-returns", "--explain")

    assert told.exit_code == 0
    assert "face: owner" in told.out
    assert "liveness of frame" in told.out
    assert _last_line(told).startswith("It is eva.")


def test_an_explanation_for_scripts_is_one_object_a_line(ask: Ask) -> None:
    ask("enrol", "fay", *ENROLS)
    *before, last = ask("verify", "fay", "--stream", "flat-photo", "--explain", "--json").objects
    frames = [reply["data"] for reply in before if reply["word"] == "frame"]

    assert {frame["seen"] for frame in frames} == {"spoof"}
    assert all({"name", "value", "held"} < set(cue) for frame in frames for cue in frame["cues"])
    assert (last["word"], last["done"]) == ("no-match", True)


def test_without_being_asked_no_reply_tells_a_score_or_why(ask: Ask) -> None:
    ask("enrol", "gina", *ENROLS)
    told = ask("verify", "gina", "--stream", "flat-photo", "--json")

    assert told.exit_code == 1
    assert "spoof" not in told.out
    assert "score" not in told.out


def test_failures_lock_out_and_the_exit_code_says_that_a_password_is_needed(ask: Ask) -> None:
    ask("enrol", "hope", *ENROLS)
    codes = [ask("verify", "hope", "--stream", stream).exit_code for stream in ("stranger", "flat-photo")]
    told = ask("verify", "hope", "--stream", "owner-returns")
    status = ask("status", "--json").objects[0]["data"]

    assert codes == [1, 1]
    assert (told.exit_code, told.out.split(" (")[0]) == (5, "Too many failed attempts: only the password helps now.")
    assert "hope" in status["lockouts"]


def test_an_accepted_password_ends_a_lock_out(ask: Ask) -> None:
    ask("enrol", "pia", *ENROLS)
    for _ in range(2):
        ask("verify", "pia", "--stream", "stranger")
    assert ask("verify", "pia", "--stream", "owner-returns").exit_code == 5

    assert ask("password-ok", "pia").exit_code == 0
    assert ask("verify", "pia", "--stream", "owner-returns").exit_code == 0


def test_unlocking_without_a_hook_is_a_fault_of_the_configuration(ask: Ask) -> None:
    ask("enrol", "ida", *ENROLS)
    told = ask("verify", "ida", "--stream", "owner-returns", "--unlock")

    assert told.exit_code == 78
    assert "$.hooks.unlock: no program is configured" in told.out


def test_somebody_is_named_and_nobody_is_exit_code_1(ask: Ask) -> None:
    ask("enrol", "jane", *ENROLS)
    for other in ask("users", "--json").objects[0]["data"]["users"]:
        if other["user"] != "jane":
            ask("forget", other["user"], "--yes")
    named, nobody = (ask("identify", "--stream", stream) for stream in ("owner-returns", "stranger"))

    assert (named.exit_code, named.out) == (0, "It is jane. (frames: recording, no camera)\n")
    assert (nobody.exit_code, nobody.out) == (1, "Nobody that is enrolled. (frames: recording, no camera)\n")


def test_the_users_are_listed_with_their_templates(ask: Ask) -> None:
    ask("enrol", "kim", *ENROLS)
    told = ask("users")
    rows = {row["user"]: row for row in ask("users", "--json").objects[0]["data"]["users"]}

    assert told.exit_code == 0
    assert "kim" in told.out
    assert (rows["kim"]["vectors"], rows["kim"]["origin"], rows["kim"]["current"]) == (2, "recording", True)


def test_who_is_forgotten_is_not_enrolled_any_more(ask: Ask) -> None:
    ask("enrol", "lea", *ENROLS)
    forgotten = ask("forget", "lea", "--yes")
    told = ask("verify", "lea", "--stream", "owner-returns")

    assert (forgotten.exit_code, forgotten.out.split(" (")[0]) == (0, "lea is forgotten, nothing is kept.")
    assert told.exit_code == 6
    assert told.out.startswith("lea is not enrolled; run `kinect-unlock enrol lea`.")


def test_a_name_that_nobody_has_is_said_and_is_exit_code_1(ask: Ask) -> None:
    told = ask("forget", "laa", "--yes")

    assert (told.exit_code, told.out.split(" (")[0]) == (1, "nothing is kept of laa.")


def test_nobody_is_forgotten_who_was_asked_about_and_not_confirmed(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    ask("enrol", "may", *ENROLS)
    monkeypatch.setattr(sys, "stdin", io.StringIO("n\n"))
    told = ask("forget", "may")

    assert told.exit_code == 1
    assert "may" in ask("users").out


def test_no_answer_whether_to_forget_is_a_no_that_says_what_to_do(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    told = ask("forget", "may")

    assert told.exit_code == 1
    assert "--yes" in told.err
    assert "Aborted" not in told.err


def test_the_status_names_source_votes_and_evidence(ask: Ask) -> None:
    told = ask("status")
    data = ask("status", "--json").objects[0]["data"]

    assert told.exit_code == 0
    assert "TEST" in told.out.upper()
    assert (data["test_source"], data["origin"], data["encoder"]["votes"]) == (True, "recording", ["rgb", "depth"])
    assert "both vote" in data["encoder"]["note"]
    assert [one["half"] for one in data["thresholds"]] == data["encoder"]["votes"]
    assert all(one["evidence"]["impostor_comparisons"] > 0 for one in data["thresholds"])


def test_the_lock_hook_runs_and_its_failure_is_exit_code_75(ask: Ask, place: Path) -> None:
    done = ask("lock")
    (place / "hook.broken").touch()
    failed = ask("lock")
    (place / "hook.broken").unlink()

    assert (done.exit_code, (place / "hook").read_text()) == (0, "locked\n")
    assert failed.exit_code == 75
    assert "lock" in failed.out


def test_a_name_that_cannot_be_a_users_is_refused(ask: Ask) -> None:
    told = ask("enrol", "../etc", *ENROLS)
    stream = ask("verify", "ada", "--stream", "../etc")

    assert (told.exit_code, stream.exit_code) == (64, 64)
    assert "'../etc' cannot be the name of a user; use the characters" in told.err
    assert "'../etc' cannot be the name of a stream" in stream.err
