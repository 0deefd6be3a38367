"""The attack laboratory's verbs from end to end, on people who do not exist."""

from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from demo_frames import write_photograph
from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.recording import RecordingReader
from kinect_unlock_lab.attack.contributing import read_sheet
from kinect_unlock_lab.attack.exhibit import Species
from kinect_unlock_lab.attack.results import read, read_attempts
from kinect_unlock_lab.attack.victims import shipped_takes
from kinect_unlock_lab.cli import app
from small_dataset import write_dataset

pytestmark = pytest.mark.slow

PEOPLE = {"anna": ("owner-enrols", 2017, (0, 3, 6, 9, 18, 27)), "bert": ("stranger", 2019, (2, 5, 8))}


@pytest.fixture(scope="module")
def config_file(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Path:
    file = tmp_path_factory.mktemp("config") / "config.yaml"
    file.write_text(f"models: {{cache_dir: {cache_dir}}}\n", encoding="utf-8")
    file.chmod(0o600)
    return file


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("faces"), PEOPLE)


def attack(*words: object, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["attack", *map(str, words)])
    assert result.exit_code == code, result.output
    return result.output


def test_what_was_measured_is_reported_with_a_picture_and_in_a_document(
    dataset: Path, config_file: Path, tmp_path: Path
) -> None:
    photographs = tmp_path / "prints"
    photographs.mkdir()
    write_photograph(photographs / "carl" / "one.jpg", shipped_takes()[0].held.color)
    document = tmp_path / "attacks.md"
    document.write_text("Before.\n<!-- figures -->\n<!-- end of figures -->\nAfter.\n", encoding="utf-8")
    out, figures = tmp_path / "attacks.jsonl", tmp_path / "figures.json"

    attack(
        *("measure", dataset, "--photographs", photographs, "--people", "all", "--species", "print", "--jobs", 1),
        *("--sensor", "first", "--out", out, "--config", config_file),
    )
    told = attack(
        *("report", out, "--json", figures, "--markdown", document, "--picture", tmp_path / "a.png"),
        *("--config", config_file),
    )

    found = read(out)
    assert found.about.data == (dataset.name, "prints")
    assert {one.person for one in found.attacks} == {"anna", "bert", "prints/carl"}
    assert {one.person for one in found.attacks if one.species is Species.REAL_PRINT} == {"prints/carl"}
    assert "worst species (simulated)" in told
    assert msgspec.json.decode(figures.read_bytes())["liveness"]["about"]["simulated"] is True
    assert "APCER, simulated" in document.read_text(encoding="utf-8")
    assert (tmp_path / "a.png").stat().st_size > 10_000


def test_whole_attempts_are_told_beside_what_was_measured(dataset: Path, config_file: Path, tmp_path: Path) -> None:
    out, attempts = tmp_path / "attacks.jsonl", tmp_path / "attempts.jsonl"
    common = (dataset, "--people", "all", "--sensor", "first", "--jobs", 1, "--config", config_file)
    attack("measure", *common, "--species", "flat print", "--out", out)
    attack("attempt", *common, "--species", "f", "--persons", 1, "--out", attempts)

    told = attack("report", out, "--attempts", attempts, "--config", config_file)

    about, tried = read_attempts(attempts)
    assert about.of == "attempts"
    assert {one.person for one in tried} == {"anna"}
    assert {Species.FLAT_PRINT, Species.FROZEN, None} <= {one.species for one in tried}
    assert not any(one.accepted for one in tried if one.species in {Species.FLAT_PRINT, Species.FROZEN})
    assert "IAPAR, simulated" in told


def test_recordings_that_are_not_split_are_told_to_be_everybodys(config_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "attacks.jsonl"
    attack("measure", "--species", "flat", "--sensor", "first", "--jobs", 1, "--out", out, "--config", config_file)
    assert read(out).about.people == "all"


def test_one_attack_is_drawn(config_file: Path, tmp_path: Path) -> None:
    told = attack("picture", tmp_path / "a.png", "--species", "flat", "--config", config_file)
    assert "simulated flat print" in " ".join(told.split())
    assert (tmp_path / "a.png").stat().st_mode & 0o777 == 0o600


def test_real_attack_is_recorded_by_depth_alone_with_a_sheet(config_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    attack(
        *("record", path, "--species", "bent print", "--person", "p1", "--instrument", "laser print", "--agreed"),
        *("--size-mm", 210, 297, "--distance-mm", 800, "--motion", "by hand", "--depth-only", "--seconds", 0.5),
        *("--source", "replay", "--from", folder_of_recordings() / "bent-photo.mkv", "--config", config_file),
    )
    sheet, faces = read_sheet(path)
    with RecordingReader(path) as reader:
        frames = list(reader)
        assert reader.provenance["attack"]["species"] == sheet.species == Species.BENT_PRINT
    assert len(faces) == len(frames) > 3
    assert max(int(frame.color.max()) for frame in frames) < 8  # black, as MJPEG keeps it
    assert path.stat().st_mode & 0o777 == 0o600

    figures = tmp_path / "review.json"
    told = attack("review", tmp_path, "--json", figures, "--config", config_file)
    (reviewed,) = msgspec.json.decode(figures.read_bytes())
    assert "0/" in told
    assert reviewed["seen"] == {"spoof": len(frames)}  # judged by depth, with nothing to be seen in colour
    assert reviewed["refused_by"]


def test_what_cannot_be_done_is_said_before_any_work(config_file: Path, tmp_path: Path) -> None:
    assert "no species" in attack("measure", "--species", "hologram", "--config", config_file, code=2)
    assert "no sensor" in attack("measure", "--sensor", "third", "--config", config_file, code=2)
    recorded = ("--person", "p", "--instrument", "paper", "--size-mm", 1, 1, "--distance-mm", 1, "--motion", "still")
    told = attack("record", tmp_path / "a.mkv", "--species", "hologram", *recorded, code=2)
    assert "flat print" in told
