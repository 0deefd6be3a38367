"""Files that the laboratory's verbs are given or asked for: what is wrong with one is said before any work is done."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from fakes.heads import egg_head
from kinect_unlock.errors import SourceError
from kinect_unlock_lab.cli import app
from kinect_unlock_lab.synthesis.head_files import save_head


def lab(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False, env={"COLUMNS": "300"})


@pytest.mark.parametrize("verb", ["trial", "votes", "article", "evaluate"])
def test_figures_for_a_folder_that_is_not_there_are_refused_at_once(verb: str, tmp_path: Path) -> None:
    refused = lab(verb, tmp_path, "--json", tmp_path / "none" / "figures.json")

    assert refused.exit_code == 2
    assert "cannot be written; name a file in a folder that exists" in refused.output


def test_figures_that_are_there_already_may_be_written_again(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    figures.touch()

    with pytest.raises(SourceError, match=r"index\.csv"):
        lab("trial", tmp_path, "--json", figures)


def test_network_for_a_folder_that_is_not_there_is_refused_before_training(tmp_path: Path) -> None:
    refused = lab("train", "quick", "--set", tmp_path, "--out", tmp_path / "none" / "small.onnx")

    assert refused.exit_code == 2
    assert "cannot be written" in refused.output


def test_archive_without_faces_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", depth=np.zeros(3))

    with pytest.raises(SourceError, match=r"other\.npz: no faces can be read .*calibration-faces"):
        lab("int8-ranges", tmp_path / "other.npz")


def test_mean_face_is_made_of_any_head_model(tmp_path: Path) -> None:
    save_head(egg_head(), tmp_path / "egg.npz", project="an egg", licence="CC0-1.0")

    made = lab("mean-face", tmp_path / "egg.npz", "--people", "1")

    assert made.exit_code == 0
    assert "_SURFACE_TENTHS_MM" in made.output
