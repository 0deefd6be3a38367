"""The comparison of invented with real residual maps, on maps whose spreads are known."""

from pathlib import Path

import numpy as np
import pytest

from kinect_unlock.frontalise import HOLE_MM
from kinect_unlock_lab.synthesis.realism import BANDS, Group, Maps, compare, of_set, picture, spreads, table
from kinect_unlock_lab.synthesis.shards import HeadModelSource, SetDescription, open_writer, read_set


def _maps(people: int, looks: int, *, noise_mm: float, person_mm: float, seed: int = 1) -> Maps:
    """White noise in every map, and for each person a level of their own."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(people), looks)
    level = person_mm * rng.standard_normal(people)[person]
    residual = noise_mm * rng.standard_normal((people * looks, 112, 112)) + level[:, None, None]
    number = np.full(people * looks, 0.0, np.float32)
    return Maps(residual.astype(np.float32), person, number + 800, number, number, number + 2)


def test_noise_is_within_people_and_fine_their_levels_between_them_and_coarse() -> None:
    found = spreads(_maps(150, 3, noise_mm=1.0, person_mm=2.0))
    assert found is not None
    assert (found.samples, found.people, found.fit_mm) == (450, 150, 2.0)
    assert found.within_mm[0] == pytest.approx(0.85, abs=0.1)  # most of white noise is finer than a pixel's blur
    assert found.between_mm[0] < 0.1
    assert found.between_mm[-1] == pytest.approx(2.0, rel=0.15)
    assert found.within_mm[-1] < 0.1
    assert found.holes == 0.0
    assert len(found.total_mm) == len(BANDS)


def test_holes_are_counted_and_change_no_spread() -> None:
    whole = _maps(60, 2, noise_mm=1.0, person_mm=1.0)
    torn = whole.residual_mm.copy()
    torn[:, 40:60, 40:50] = HOLE_MM
    found, before = (spreads(Maps(maps, *_rest(whole))) for maps in (torn, whole.residual_mm))
    assert found is not None
    assert before is not None
    assert 0.02 < found.holes < 0.05
    assert np.allclose(found.within_mm, before.within_mm, rtol=0.1, atol=0.02)


def test_people_seen_once_have_no_spread_within_them() -> None:
    assert spreads(_maps(5, 1, noise_mm=1.0, person_mm=1.0)) is None


def test_a_group_is_chosen_by_distance_and_angle() -> None:
    maps = _maps(2, 2, noise_mm=1.0, person_mm=1.0)
    turned = Maps(
        maps.residual_mm, maps.person, maps.distance_mm, np.array([0, 25, 0, -25.0], np.float32), *_rest(maps)[3:]
    )
    assert len(Group("", 700, 900, turned=False).of(turned).person) == 2
    assert len(Group("", 700, 900, turned=True).of(turned).person) == 2
    assert len(Group("", 900, 1300, turned=False).of(turned).person) == 0


def test_the_comparison_is_written_and_drawn(tmp_path: Path) -> None:
    real, invented = (_maps(6, 3, noise_mm=mm, person_mm=1.0) for mm in (1.0, 2.0))
    rows = compare(real, invented)
    text = table(rows)
    assert "0.69-0.95 m frontal real" in text
    assert "too few samples" in text  # nobody is far or turned
    picture(real, invented, columns=3).savefig(tmp_path / "both.png")
    assert (tmp_path / "both.png").stat().st_size > 1000


def test_a_set_is_read_as_maps_in_millimetres(tmp_path: Path) -> None:
    heads = HeadModelSource("egg.npz", "0" * 64, "nobody's", "CC0-1.0")
    described = SetDescription("depth-faces", 1, seed=1, people=4, looks=2, people_per_shard=2, head_model=heads)
    writer = open_writer(tmp_path / "set", described)
    for number in writer.missing():
        people = np.repeat(np.array(described.people_of(number), np.int32), 2)
        labels = {name: np.full(4, 3.0, np.float32) for name in ("distance_mm", "yaw_deg", "pitch_deg", "fit_mm")}
        writer.write(number, {"residual": np.full((4, 112, 112), -10000, np.int16), "person": people, **labels})
    maps = of_set(read_set(tmp_path / "set"), most=5)
    assert maps.residual_mm.shape == (5, 112, 112)
    assert (maps.residual_mm == HOLE_MM).all()
    assert maps.person.tolist() == [0, 0, 1, 1, 2]


def _rest(maps: Maps) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    return maps.person, maps.distance_mm, maps.yaw_deg, maps.pitch_deg, maps.fit_mm
