"""Depth's thresholds refuse owners no more often than they may, and are chosen on the people who may choose."""

from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from kinect_unlock.matching import Band, Bar
from kinect_unlock_lab.depth_calibration import BAND_ENDS_MM, DepthCalibration, as_json, calibrate_depth, choose_row
from kinect_unlock_lab.vote_tables import depth_rows
from kinect_unlock_lab.votes import Faces, Rule, owners
from lab_votes import crowd


@pytest.fixture(scope="module")
def faces() -> Faces:
    return crowd(people=12, each=8, noise=0.6, seed=4)


@pytest.fixture(scope="module")
def found(faces: Faces) -> DepthCalibration:
    return calibrate_depth(faces, faces.person < 6)


def test_each_band_refuses_at_most_the_share_it_may_and_hardly_less(faces: Faces) -> None:
    for misses in (0.04, 0.25):
        row = choose_row(faces, "nearest", misses=misses)
        rule = Rule((row.bar,), "nearest")
        for from_mm, band in zip((0.0, BAND_ENDS_MM[0]), row.bands, strict=True):
            trying = faces.trying((faces.distance_mm > from_mm) & (faces.distance_mm <= band.to_mm))
            margins = owners(trying, rule, "one look", size=3, draws=20).scores
            assert (margins < 0).mean() <= misses
            assert (margins < 0.02).mean() >= misses - 0.03
            assert band.looks == len(margins)


def test_only_the_depth_of_the_tuning_people_chooses(faces: Faces, found: DepthCalibration) -> None:
    depth, report = faces.vectors["depth"].copy(), faces.person >= 6
    depth[report] *= np.where(np.arange(report.sum()) % 2, -1, 1)[:, np.newaxis].astype(np.float32)
    changed = replace(faces, vectors={"rgb": -faces.vectors["rgb"][::-1], "depth": depth})
    rechecked = calibrate_depth(changed, faces.person < 6)
    assert rechecked.rows == found.rows
    assert rechecked.checks != found.checks


def test_every_check_is_at_the_thresholds_of_its_row(faces: Faces, found: DepthCalibration) -> None:
    checks = [
        one for one in found.checks if (one.side, one.way, one.template_vectors) == ("report half", "one look", 3)
    ]
    row = next(row for row in found.rows if row.strategy == "centre")
    whole = next(one for one in checks if one.strategy == "centre" and (one.from_mm, one.to_mm) == (0.0, 1350.0))
    rule = Rule((Bar("depth", tuple(Band(band.to_mm, band.threshold) for band in row.bands)),), "centre")
    margins = owners(faces.where(faces.person >= 6), rule, "one look", size=3, draws=20).scores
    assert whole.misses is not None
    assert whole.misses.missed == int((margins < 0).sum())
    assert whole.accepts is not None
    assert whole.accepts.person_pairs == 15


def test_a_band_without_owners_is_refused() -> None:
    with pytest.raises(ValueError, match="nobody has looks enough"):
        choose_row(crowd(distances_mm=(800.0,)), "nearest")


def test_it_is_told_as_a_table_and_as_json(found: DepthCalibration) -> None:
    console = Console(width=200)
    with console.capture() as shown:
        console.print(depth_rows(found))
    assert f"<=1000: {found.rows[0].bands[0].threshold:.3f}" in shown.get()
    assert as_json(found)["rows"][0]["bands"][0]["to_mm"] == 1000.0
