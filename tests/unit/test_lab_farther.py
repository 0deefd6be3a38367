"""A capture moved farther away shows the same face, smaller and deeper."""

from pathlib import Path

import numpy as np
import pytest

from kinect_unlock.matching import Band, Bar
from kinect_unlock.settings import Config, Models
from kinect_unlock_lab.datasets import Sample, load_rgbd_faces
from kinect_unlock_lab.dimming import AS_IT_IS
from kinect_unlock_lab.farther import FARTHER_MM, Moved, from_farther
from kinect_unlock_lab.vote_study import seen_in
from small_dataset import write_dataset

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sample, ...]:
    people: dict[str, tuple[str, int, tuple[int, ...]]] = {
        "anna": ("owner-enrols", 2017, (0, 1, 2, 3)),
        "bert": ("stranger", 2017, (1, 2, 3, 4)),
    }
    return load_rgbd_faces(write_dataset(tmp_path_factory.mktemp("faces"), people))


def test_a_moved_capture_is_smaller_and_deeper_and_the_same_at_every_call(samples: tuple[Sample, ...]) -> None:
    original = samples[0].frame()
    moved, again = (Moved(samples[0], 700.0, 300.0).frame() for _ in range(2))
    assert original.depth_mm is not None
    assert moved.depth_mm is not None
    assert again.depth_mm is not None
    assert (moved.depth_mm == again.depth_mm).all()
    face = original.depth_mm[(original.depth_mm > 500) & (original.depth_mm < 900)]
    there = moved.depth_mm[(moved.depth_mm > 800) & (moved.depth_mm < 1200)]
    assert float(np.median(there)) == pytest.approx(float(np.median(face)) + 300, abs=15)
    assert len(there) / len(face) == pytest.approx(0.49, abs=0.06)


def test_one_that_is_not_moved_is_the_capture_itself(samples: tuple[Sample, ...]) -> None:
    original, same = samples[1].frame(), Moved(samples[1], 700.0, 0.0).frame()
    assert original.depth_mm is not None
    assert same.depth_mm is not None
    assert (same.color == original.color).all()
    assert (same.depth_mm == original.depth_mm).all()


def test_people_keep_their_relief_from_farther_away(samples: tuple[Sample, ...], tmp_path: Path) -> None:
    config = Config(models=Models(cache_dir=str(tmp_path)))
    seen = seen_in(AS_IT_IS, samples, config)
    bars = (Bar("rgb", (Band(np.inf, 0.3),)), Bar("depth", (Band(1350.0, 0.3),)))
    found = list(from_farther(seen.embedded, samples, config, bars))
    assert [one.by_mm for one in found] == list(FARTHER_MM)
    for one in found:
        assert one.depth is not None
        assert one.depth.missed == 0
        assert one.accepts is not None
