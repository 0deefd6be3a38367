"""Photographs: enrolled by their names, named again on other pictures, and never good enough to unlock."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from commands import Outcome, command
from demo_frames import frames_of, write_photograph
from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.cli.replay import private_settings
from kinect_unlock.private import PrivateDaemon
from kinect_unlock.settings import Config, Models


@pytest.fixture
def config(cache_dir: Path) -> Iterator[Path]:
    """The configuration of a running private daemon that knows nobody."""
    settings = private_settings(
        Config(models=Models(cache_dir=str(cache_dir))), folder=folder_of_recordings(), pace="asap"
    )
    with PrivateDaemon.folder() as folder, PrivateDaemon(settings, folder):
        yield folder / "config.yaml"


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs of the owner, of a stranger in a folder of their own, of two people at once, and of a room."""
    folder = tmp_path_factory.mktemp("photos") / "album"
    owner, stranger = frames_of("owner-enrols", 4), frames_of("stranger", 2)
    write_photograph(folder / "anna.png", owner[0].color)
    write_photograph(folder / "anna_2.jpg", owner[3].color)
    write_photograph(folder / "anna_3.png", np.zeros((200, 200, 3), np.uint8))
    (folder / "ben").mkdir()
    write_photograph(folder / "ben" / "at the door.png", stranger[0].color)
    write_photograph(folder / "both.png", owner[0].color, stranger[1].color)
    (folder / "ben" / "broken.jpg").write_text("no picture")
    (folder / "notes.txt").write_text("who is who")
    return folder


def _rows(told: Outcome) -> dict[str, tuple[object, ...]]:
    return {row["user"]: (row["photographs"], row["used"], row["word"]) for row in told.rows}


def test_everybody_of_a_folder_is_enrolled_by_name_and_unusable_pictures_are_named(config: Path, album: Path) -> None:
    told = command("enrol", "--photographs", album, "--json", "--config", config)

    assert told.exit_code == 1  # nobody can say whose name "both" is
    assert _rows(told) == {"anna": (3, 2, "enrolled"), "ben": (2, 1, "enrolled"), "both": (1, 0, None)}
    assert f"left out {album / 'anna_3.png'}: no face found" in told.err
    assert f"left out {album / 'ben' / 'broken.jpg'}: is not a whole PNG or JPEG picture" in told.err
    assert f"left out {album / 'both.png'}: 2 faces found" in told.err


def test_who_is_on_a_picture_is_named_and_nobody_is_exit_code_1(config: Path, album: Path, tmp_path: Path) -> None:
    known = write_photograph(tmp_path / "known.png", frames_of("owner-returns", 1)[0].color)
    both = write_photograph(
        tmp_path / "both.png", frames_of("owner-returns", 1)[0].color, frames_of("stranger", 6)[5].color
    )
    before = command("identify", "--image", known, "--config", config)
    command("enrol", "--photographs", album, "--config", config)
    named = command("identify", "--image", known, "--config", config)
    pair = command("identify", "--image", both, "--json", "--config", config)

    assert (before.exit_code, before.out.split(" (")[0]) == (1, "Nobody that is enrolled.")
    assert (named.exit_code, named.out.split(" (")[0]) == (0, "It is anna.")
    assert "never unlock" in named.err
    assert pair.exit_code == 0
    assert sorted(reply["user"] for reply in pair.objects) == ["anna", "ben"]


def test_a_camera_names_who_is_known_from_photographs_alone(config: Path, album: Path) -> None:
    command("enrol", "--photographs", album, "--config", config)
    told = command("identify", "--stream", "owner-returns", "--config", config)

    assert (told.exit_code, told.out.split(" (")[0]) == (0, "It is anna.")


def test_photographs_never_match_and_the_refusal_says_why(config: Path, album: Path) -> None:
    command("enrol", "--photographs", album, "--config", config)
    told = command("verify", "anna", "--stream", "owner-returns", "--config", config)
    listed = command("users", "--config", config)

    assert told.exit_code == 6
    assert told.out.startswith(
        "anna is enrolled by photographs only, which are identified but never match; run `kinect-unlock enrol anna`."
    )
    assert "photographs: never unlock" in listed.out


def test_photographs_do_not_replace_a_template_from_the_camera(config: Path, album: Path) -> None:
    assert command("enrol", "anna", "--stream", "owner-enrols", "--config", config).exit_code == 0
    told = command("enrol", "--photographs", album, "--json", "--config", config)
    rows = {row["user"]: row for row in told.rows}
    verified = command("verify", "anna", "--stream", "owner-returns", "--config", config)

    assert told.exit_code == 64
    assert (rows["anna"]["word"], rows["ben"]["word"]) == ("bad-request", "enrolled")
    assert "has a template from the camera" in rows["anna"]["message"]
    assert verified.exit_code == 0


def test_of_many_photographs_as_many_count_as_there_is_evidence_for(config: Path, tmp_path: Path) -> None:
    folder = tmp_path / "album"
    for n, frame in enumerate(frames_of("owner-enrols", 12)):
        write_photograph(folder / f"anna_{n}.jpg", frame.color)
    told = command("enrol", "--photographs", folder, "--json", "--config", config)

    assert told.exit_code == 0
    assert _rows(told) == {"anna": (12, 10, "enrolled")}


def test_a_person_reads_what_became_of_each(config: Path, album: Path) -> None:
    told = command("enrol", "--photographs", album, "--config", config)

    assert "anna is enrolled." in told.out
    assert "no usable photograph" in told.out
    assert "never unlock" in told.out


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (("--image", "ROOM"), 3, "no face is on the picture"),
        (("--image", "ROOM", "--webcam", "0"), 64, "give one of them"),
        (("--image", "NOTES"), 69, "notes.txt"),
        (("--image", "NOWHERE"), 69, "nowhere.png"),
        (("--webcam", "/dev/video-of-nobody"), 69, "/dev/video-of-nobody"),
    ],
)
def test_a_picture_that_cannot_be_asked_about_is_told_why(
    config: Path, album: Path, tmp_path: Path, arguments: tuple[str, ...], exit_code: int, words: str
) -> None:
    room = write_photograph(tmp_path / "room.png", frames_of("empty-room", 1)[0].color)
    meant = {"ROOM": str(room), "NOTES": str(album / "notes.txt"), "NOWHERE": str(album / "nowhere.png")}
    told = command("identify", *(meant.get(word, word) for word in arguments), "--config", config)

    assert told.exit_code == exit_code
    assert words in told.err
    assert told.err.count("\n") == 1


def test_photographs_are_named_by_their_files_and_not_by_the_command(config: Path, album: Path) -> None:
    told = command("enrol", "anna", "--photographs", album, "--config", config)

    assert told.exit_code == 64
    assert "leave out 'anna'" in told.err


def test_a_folder_without_photographs_is_told_what_belongs_there(config: Path, tmp_path: Path) -> None:
    told = command("enrol", "--photographs", tmp_path, "--config", config)

    assert told.exit_code == 69
    assert "holds no photograph; put name.jpg" in told.err
