"""Simulated prints are held up the same at every call, and counted by what they pass."""

from itertools import islice

import numpy as np
import pytest

from kinect_unlock.matching import Band, Bar
from kinect_unlock.settings import Config, Models
from kinect_unlock_lab.attack.exhibit import Species
from kinect_unlock_lab.datasets import Sample, load_rgbd_faces
from kinect_unlock_lab.dimming import AS_IT_IS
from kinect_unlock_lab.print_depth import Presented, presented, stopped
from kinect_unlock_lab.vote_study import Seen, seen_in
from small_dataset import write_dataset

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return Config(models=Models(cache_dir=str(tmp_path_factory.mktemp("networks"))))


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sample, ...]:
    people = {"anna": ("owner-enrols", 2017, (0, 3, 6)), "bert": ("stranger", 2017, (2,))}
    return load_rgbd_faces(write_dataset(tmp_path_factory.mktemp("faces"), people))


@pytest.fixture(scope="module")
def seen(config: Config, samples: tuple[Sample, ...]) -> Seen:
    return seen_in(AS_IT_IS, samples, config)


@pytest.fixture(scope="module")
def prints(seen: Seen, samples: tuple[Sample, ...], config: Config) -> list[Presented]:
    return list(islice(presented(seen.faces, samples, config), 4))


def test_who_has_looks_enough_is_printed_and_the_print_has_their_colour_and_no_depth_of_theirs(
    prints: list[Presented],
) -> None:
    assert {one.person for one in prints} == {"anna"}
    assert {one.species for one in prints} == {Species.FLAT_PRINT}
    first, again, original = prints[0].frame(), prints[0].frame(), prints[0].sample.frame()
    assert first.depth_mm is not None
    assert again.depth_mm is not None
    assert original.depth_mm is not None
    assert (first.depth_mm == again.depth_mm).all()
    both = (first.depth_mm > 0) & (original.depth_mm > 0)
    assert np.ptp(first.depth_mm[both].astype(int) - original.depth_mm[both]) > 20


def test_a_low_bar_lets_a_print_pass_the_depth_vote_and_liveness_stops_it(
    seen: Seen, prints: list[Presented], config: Config
) -> None:
    low, high = (
        stopped(seen.faces, seen.names, prints, config, Bar("depth", (Band(3000.0, cosine),)), "nearest")
        for cosine in (-1.0, 0.999)
    )
    assert [one.species for one in low] == ["flat print", "all"]
    everything = low[-1]
    assert (everything.presentations, everything.people) == (4, 1)
    assert everything.depth_accepts.value == everything.usable.value
    assert high[-1].depth_accepts.value == 0.0
    assert everything.both_accept.value == everything.liveness_accepts.value == 0.0
