import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.people import DIM, OWNER, STRANGER, template_of, vector_of
from kinect_unlock.frames import F32, Embedding
from kinect_unlock.matching import Candidate, identify, mean_embedding, mean_vector, score

seeds = st.integers(0, 2**32 - 1)


def unit_rows(seed: int, rows: int, dim: int = DIM) -> F32:
    raw = np.random.default_rng(seed).normal(size=(rows, dim))
    unit: F32 = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)
    return unit


def plain_mean(rows: F32) -> list[float]:
    """Compute the unit mean number by number, without numpy."""
    sums = [math.fsum(float(row[i]) for row in rows) for i in range(rows.shape[1])]
    length = math.sqrt(math.fsum(number * number for number in sums))
    return [number / length for number in sums]


@given(seed=seeds, rows=st.integers(1, 12))
def test_mean_is_the_plain_mean_made_unit(seed: int, rows: int) -> None:
    vectors = unit_rows(seed, rows)
    assert mean_vector(list(vectors)) == pytest.approx(plain_mean(vectors), abs=1e-4)
    assert float(np.linalg.norm(mean_vector(list(vectors)))) == pytest.approx(1.0, abs=1e-5)


@given(seed=seeds, rows=st.integers(1, 8))
def test_nearest_is_the_best_cosine_and_never_below_any(seed: int, rows: int) -> None:
    probe = unit_rows(seed, 1)[0]
    template = template_of(OWNER, "anna", vectors=rows)
    by_hand = [math.fsum(float(a) * float(b) for a, b in zip(probe, row, strict=True)) for row in template.vectors]
    assert score(probe, template, "nearest") == pytest.approx(max(by_hand), abs=1e-5)


def test_centre_compares_with_the_mean_of_the_template() -> None:
    template = template_of(OWNER, "anna", vectors=4)
    assert score(mean_vector(list(template.vectors)), template, "centre") == pytest.approx(1.0, abs=1e-5)
    assert score(mean_vector(list(template.vectors)), template, "nearest") < 1.0


def test_a_vector_of_another_dimension_is_refused() -> None:
    with pytest.raises(ValueError, match="the template's have"):
        score(np.ones(DIM + 1, dtype=np.float32), template_of(OWNER, "anna"), "nearest")


def test_a_mean_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        mean_vector([])


def test_vectors_that_cancel_each_other_out_have_no_mean() -> None:
    one = vector_of(OWNER)
    with pytest.raises(ValueError, match="cancel each other out"):
        mean_vector([one, -one])


def test_embeddings_of_two_spaces_have_no_mean() -> None:
    with pytest.raises(ValueError, match="exactly one space"):
        mean_embedding([Embedding(vector_of(OWNER), "a"), Embedding(vector_of(OWNER), "b")])


def test_mean_embedding_stays_in_its_space() -> None:
    mean = mean_embedding([Embedding(vector_of(OWNER, variant=v), "a") for v in range(3)])
    assert mean.model_id == "a"


PEOPLE = [template_of(OWNER, "anna"), template_of(STRANGER, "bert")]


def test_identify_names_the_nearest_user() -> None:
    found = identify(vector_of(STRANGER), PEOPLE, threshold=0.5, margin=0.05, strategy="nearest")
    assert found.user == "bert"
    assert [candidate.user for candidate in found.ranking] == ["bert", "anna"]


def test_identify_names_nobody_below_the_threshold() -> None:
    found = identify(vector_of(2), PEOPLE, threshold=0.5, margin=0.05, strategy="nearest")
    assert found.user is None
    assert len(found.ranking) == 2


def test_identify_names_nobody_when_two_are_too_close_to_call() -> None:
    between = mean_vector([vector_of(OWNER), vector_of(STRANGER)])
    assert identify(between, PEOPLE, threshold=0.5, margin=0.05, strategy="nearest").user is None
    assert identify(between, PEOPLE, threshold=0.5, margin=0.0, strategy="nearest").user is not None


def test_identify_among_nobody_names_nobody() -> None:
    assert identify(vector_of(OWNER), [], threshold=-1.0, margin=0.0, strategy="nearest").ranking == ()


def test_a_threshold_that_is_no_number_is_never_reached() -> None:
    found = identify(vector_of(OWNER), PEOPLE, threshold=math.nan, margin=0.0, strategy="nearest")
    assert found.user is None


def test_a_margin_that_is_no_number_is_never_reached() -> None:
    found = identify(vector_of(OWNER), PEOPLE, threshold=0.1, margin=math.nan, strategy="nearest")
    assert found.user is None


def test_equal_scores_rank_by_name_whatever_the_order_of_templates() -> None:
    twins = [template_of(OWNER, "zoe"), template_of(OWNER, "anna")]
    found = identify(vector_of(OWNER), twins, threshold=0.5, margin=0.0, strategy="nearest")
    assert [candidate.user for candidate in found.ranking] == ["anna", "zoe"]
    assert found.ranking[0] == Candidate("anna", found.ranking[1].score)
