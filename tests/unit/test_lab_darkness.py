"""How dark is too dark, on people who do not exist."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from kinect_unlock.detector import YuNetDetector
from kinect_unlock.errors import SourceError
from kinect_unlock.light import DARK_BELOW
from kinect_unlock.settings import Config
from kinect_unlock_lab.darkness import BOUNDS, GAINS, NOISES, DarknessStudy, render, study
from kinect_unlock_lab.datasets import Side, split
from small_dataset import write_dataset

SIDE = split("anna")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, yunet_path: Path) -> DarknessStudy:
    folder = write_dataset(tmp_path_factory.mktemp("faces"), {"anna": ("owner-enrols", 2017, (0,))})
    detector = YuNetDetector(yunet_path, Config().detector, threads=1)
    return study(folder, detector, Config().ranges.verify, SIDE, on_done=lambda *_: None)


def test_every_light_is_looked_at_once(found: DarknessStudy) -> None:
    assert (found.people, found.samples, found.not_found_in_light) == (1, 1, 0)
    assert len(found.levels) == 1 + len(NOISES) * len(GAINS)
    assert not found.levels[0].light.dims
    assert found.levels[0].missed == 0


def test_in_the_least_light_the_face_is_missed_and_called_dark(found: DarknessStudy) -> None:
    last, at = found.levels[-1], BOUNDS.index(DARK_BELOW)
    assert (last.faces, last.missed, last.missed_below[at]) == (1, 1, 1)
    assert found.levels[0].below[at] == 0


def test_brightness_falls_with_the_light(found: DarknessStudy) -> None:
    of_one_noise = found.levels[: 1 + len(GAINS)]
    medians = [level.brightness[1] for level in of_one_noise]
    assert (np.diff(medians) < 0).all()


def test_the_tables_fit_a_terminal_of_80_columns(found: DarknessStudy) -> None:
    many = replace(found, levels=tuple(replace(one, faces=9999, missed=9999, frontal=9999) for one in found.levels))
    out = io.StringIO()
    Console(width=80, file=out).print(render(many))
    assert "…" not in out.getvalue()
    assert max(map(len, out.getvalue().splitlines())) <= 80
    assert "half the light, below" in out.getvalue()


def test_a_half_without_a_face_is_refused(tmp_path: Path, yunet_path: Path) -> None:
    folder = write_dataset(tmp_path, {"anna": ("owner-enrols", 2017, (0,))})
    detector = YuNetDetector(yunet_path, Config().detector, threads=1)
    other = Side.TUNE if SIDE is Side.REPORT else Side.REPORT
    with pytest.raises(SourceError, match="no face is found on any of 0 samples"):
        study(folder, detector, Config().ranges.verify, other, on_done=lambda *_: None)
