from pathlib import Path

import numpy as np
import pytest

from kinect_unlock.errors import SourceError
from kinect_unlock.frontalise import HOLE_MM, face_mask
from kinect_unlock.settings import PoseRange
from kinect_unlock_lab.depth_maps import DepthMaps, face_width_mm, hair_share, load, save
from kinect_unlock_lab.depth_report import choices, comparisons, cosines, depth_rows, untrained

_GATE = PoseRange(near_mm=450, far_mm=1350, yaw_deg=30, pitch_deg=25, roll_deg=30)


def _maps(
    residual_mm: np.ndarray[tuple[int, ...], np.dtype[np.float32]], person: list[str], year: list[int]
) -> DepthMaps:
    count = len(person)
    zero = np.zeros(count, np.float32)
    return DepthMaps(
        residual_mm=residual_mm,
        acquired=np.ones(count, bool),
        person=np.array(person),
        year=np.array(year, np.int64),
        near_frontal=np.ones(count, bool),
        yaw_deg=np.linspace(0, 40, count, dtype=np.float32),
        pitch_deg=zero,
        roll_deg=zero,
        distance_mm=np.full(count, 900, np.float32),
        fit_mm=zero,
        coverage=zero + 1,
    )


def _eight() -> DepthMaps:
    random = np.random.default_rng(2)
    shapes = random.normal(0, 6, (4, 112, 112))
    residual = np.repeat(shapes, 2, axis=0) + random.normal(0, 1, (8, 112, 112))
    seen = np.where(face_mask(), residual, HOLE_MM).astype(np.float32)
    return _maps(seen, [*"aabbccdd"], [2017] * 4 + [2019] * 4)


def test_people_of_different_years_are_not_compared() -> None:
    maps = _eight()

    compared = comparisons(maps, untrained(maps), np.ones(8, bool))

    assert len(compared.scores) == 2 * 6
    assert compared.genuine.sum() == 4


def test_maps_alike_are_told_from_others_without_training() -> None:
    maps = _eight()

    rows = {row.samples: row for row in depth_rows(maps, untrained(maps), _GATE, rounds=10)}

    assert rows["all poses"].eer.value == 0
    assert rows["all poses"].auc.value == 1
    assert rows["all poses"].genuine == 4
    assert rows["in verify range"].sample_count == 6  # the last two look aside


def test_a_map_that_could_not_be_made_counts_as_a_rejection() -> None:
    scores = cosines(np.eye(3), np.array([True, True, False]))

    assert np.isneginf(scores[2]).all()
    assert np.isfinite(scores[:2, :2]).all()


def test_hair_is_what_stands_out_or_is_missing_around_the_face() -> None:
    bare = np.where(face_mask(), np.float32(0), np.float32(HOLE_MM))
    forehead = np.zeros((112, 112), bool)
    forehead[:22] = True
    haired, holed = np.where(forehead, np.float32(-30), bare), np.where(forehead, np.float32(HOLE_MM), bare)
    spectacles = bare.copy()
    spectacles[45:60, 30:80] = -20

    shares = hair_share(np.stack([bare, haired, holed, spectacles]))

    assert shares[0] == 0
    assert shares[1] == shares[2] > 0.1
    assert shares[3] == 0


def test_cheeks_that_lie_nearer_make_a_face_wider() -> None:
    residual = np.stack([np.full((112, 112), offset, np.float32) for offset in (3.0, 0.0, -3.0, HOLE_MM)])

    narrow, mean, wide, unseen = face_width_mm(residual)

    assert narrow < mean < wide
    assert mean == pytest.approx(116, abs=0.1)
    assert np.isnan(unseen)


def test_groups_are_of_samples_in_range() -> None:
    maps = _eight()
    chosen = dict(choices(maps, _GATE))

    for name, rows in chosen.items():
        if "third" in name:
            assert not (rows & ~chosen["in verify range"]).any()


def test_maps_are_kept_whole(tmp_path: Path) -> None:
    maps = _eight()
    save(maps, tmp_path / "maps.npz")

    again = load(tmp_path / "maps.npz")

    assert np.array_equal(again.residual_mm, maps.residual_mm)
    assert list(again.person) == list(maps.person)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", person=np.arange(3))

    with pytest.raises(SourceError, match="holds no depth maps"):
        load(tmp_path / "other.npz")
