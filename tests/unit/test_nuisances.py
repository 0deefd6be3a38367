from typing import get_args

import numpy as np
import pytest

from depth_recipes import FACE
from kinect_unlock_lab.training.depth_features import CELLS
from kinect_unlock_lab.training.nuisances import Height, Part, PartName, Shift, nuisance_scatter


def test_nothing_adds_nothing() -> None:
    assert not nuisance_scatter((), FACE, seed=0).any()


def test_the_same_seed_gives_the_same_scatter() -> None:
    nuisances = (Height(12.0, 1.0), Part("lips", 2.0))

    assert np.array_equal(nuisance_scatter(nuisances, FACE, seed=4), nuisance_scatter(nuisances, FACE, seed=4))


def test_twice_the_deviation_is_four_times_the_scatter() -> None:
    once, twice = (nuisance_scatter((Shift(24.0, size),), FACE, seed=1) for size in (1.0, 2.0))

    assert np.allclose(4 * once, twice, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("name", get_args(PartName))
def test_a_part_is_one_direction_and_the_same_on_both_sides(name: PartName) -> None:
    scatter = nuisance_scatter((Part(name, 1.0),), FACE, seed=0)
    values, vectors = np.linalg.eigh(scatter)
    across, down = vectors[:, -1].reshape(2, CELLS, CELLS)

    assert values[-1] > 0
    assert values[-2] < 1e-6 * values[-1]
    assert np.allclose(across, -across[:, ::-1], atol=1e-4)
    assert np.allclose(down, down[:, ::-1], atol=1e-4)


def test_fields_of_depth_reach_the_whole_face_and_not_beyond_it() -> None:
    spread = np.diag(nuisance_scatter((Height(12.0, 1.0),), FACE, seed=0)).reshape(2, CELLS, CELLS)

    assert (spread[:, 8:20, 8:20] > 0).all()
    assert not spread[:, 0].any()
