from typing import TypeAlias

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from depth_recipes import FACE
from kinect_unlock.frontalise import HOLE_MM
from kinect_unlock_lab.training.depth_features import CELLS, FEATURES, face_weight, features

F32: TypeAlias = NDArray[np.float32]
_MIDDLE = CELLS // 2


def _flat(height_mm: float = 0.0) -> F32:
    return np.full((1, 112, 112), height_mm, np.float32)


def _tilted(mm_per_mm: float) -> F32:
    """Return a map that falls away downwards."""
    return np.repeat((np.arange(112, dtype=np.float32) - 55.5)[:, np.newaxis] * 1.5 * mm_per_mm, 112, axis=1)[
        np.newaxis
    ]


def _down(maps: F32) -> F32:
    return features(maps, FACE).reshape(-1, 2, CELLS, CELLS)[:, 1]


@given(st.floats(-20, 20))
def test_a_face_that_lies_deeper_as_a_whole_looks_the_same(offset_mm: float) -> None:
    assert np.allclose(features(_flat(offset_mm), FACE), 0, atol=1e-4)


@given(st.floats(-0.2, 0.2))
def test_a_slope_is_measured_in_millimetres_of_depth_per_millimetre(slope: float) -> None:
    assert np.allclose(_down(_tilted(slope))[0, _MIDDLE - 3 : _MIDDLE + 3, _MIDDLE], slope, atol=1e-3)


def test_a_steeper_slope_than_the_limit_counts_as_the_limit() -> None:
    steep = np.clip(_tilted(2.0), -20, 20)

    assert _down(steep).max() <= FACE.slope_limit + 1e-6


def test_a_map_of_holes_has_no_features() -> None:
    assert not features(_flat(HOLE_MM), FACE).any()


def test_a_reading_beyond_reach_is_as_good_as_a_hole() -> None:
    holed, haired = _tilted(0.1), _tilted(0.1)
    holed[:, 20:40, 50:70], haired[:, 20:40, 50:70] = HOLE_MM, -FACE.reach_mm - 1

    assert np.array_equal(features(holed, FACE), features(haired, FACE))


def test_a_hole_changes_nothing_farther_off_than_the_smoothing_reaches() -> None:
    whole, holed = _tilted(0.1), _tilted(0.1)
    holed[:, :40] = HOLE_MM

    assert np.array_equal(_down(whole)[0, _MIDDLE:], _down(holed)[0, _MIDDLE:])


def test_what_lies_outside_the_ellipse_has_no_say() -> None:
    outside = np.repeat(np.repeat(face_weight(FACE) == 0, 2, axis=0), 2, axis=1)
    noise = np.where(outside, np.random.default_rng(1).normal(0, 5, (112, 112)), 0).astype(np.float32)[np.newaxis]

    found = features(noise, FACE).reshape(2, CELLS, CELLS)

    assert not found[:, _MIDDLE - 4 : _MIDDLE + 4, _MIDDLE - 4 : _MIDDLE + 4].any()
    assert not found[:, 0].any()


def test_there_are_two_slopes_a_cell() -> None:
    assert features(_flat(), FACE).shape == (1, FEATURES)
