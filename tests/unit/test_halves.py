"""Halves of an embedding: read apart again, and never with a direction that is not there."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.people import BOTH, LAYOUT, OWNER, STRANGER, both_of, vector_of
from kinect_unlock.halves import half_vectors


def test_each_half_comes_out_as_the_unit_vector_that_went_in() -> None:
    vector = both_of(OWNER, STRANGER, variant=3)

    found = half_vectors(vector, BOTH)

    assert float(np.linalg.norm(vector)) == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_allclose(found["rgb"], vector_of(OWNER, variant=3), atol=1e-6)
    np.testing.assert_allclose(found["depth"], vector_of(STRANGER, variant=3), atol=1e-6)


def test_an_encoder_of_one_piece_is_one_half() -> None:
    np.testing.assert_allclose(half_vectors(vector_of(OWNER), LAYOUT)["rgb"], vector_of(OWNER), atol=1e-6)


@given(people=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=6))
def test_the_cosine_of_two_embeddings_is_the_halves_cosines_by_their_shares(people: list[tuple[int, int]]) -> None:
    vectors = np.stack([both_of(color, depth, variant=row) for row, (color, depth) in enumerate(people)])

    parts = half_vectors(vectors, BOTH)

    weighted = sum(half.share * parts[half.name] @ parts[half.name].T for half in BOTH)
    np.testing.assert_allclose(vectors @ vectors.T, weighted, atol=1e-5)


@pytest.mark.parametrize("spoilt", [0.0, math.nan, math.inf])
def test_a_half_without_direction_is_no_number(spoilt: float) -> None:
    vector = both_of(OWNER, OWNER)
    vector[BOTH[1].begin :] = spoilt

    found = half_vectors(vector, BOTH)

    assert np.isfinite(found["rgb"]).all()
    assert not np.isfinite(found["depth"] @ found["depth"])


def test_an_embedding_of_another_width_is_refused() -> None:
    with pytest.raises(ValueError, match=r"the halves have 32 numbers together, the embeddings \[16\]"):
        half_vectors(vector_of(OWNER), BOTH)
