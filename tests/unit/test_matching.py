import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.people import (
    BOTH,
    DIM,
    LAYOUT,
    OWNER,
    STRANGER,
    both_of,
    template_of,
    template_of_both,
    vector_of,
)
from kinect_unlock.arrays import F32
from kinect_unlock.halves import half_vectors
from kinect_unlock.matching import (
    Band,
    Bar,
    Candidate,
    HalfScores,
    cosines_needed,
    half_scores,
    identify,
    mean_of_halves,
    mean_vector,
)
from kinect_unlock.settings import Strategy
from kinect_unlock.templates import Template

seeds = st.integers(0, 2**32 - 1)


def score(vector: F32, template: Template, strategy: Strategy) -> float:
    return half_scores(vector, template, strategy, LAYOUT).of("rgb")


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
    with pytest.raises(ValueError, match="the halves have 16 numbers together"):
        score(np.ones(DIM + 1, dtype=np.float32), template_of(OWNER, "anna"), "nearest")


def test_a_mean_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        mean_vector([])


def test_vectors_that_cancel_each_other_out_have_no_mean() -> None:
    one = vector_of(OWNER)
    with pytest.raises(ValueError, match="cancel each other out"):
        mean_vector([one, -one])


PEOPLE = [template_of(OWNER, "anna"), template_of(STRANGER, "bert")]


def test_identify_names_the_nearest_user() -> None:
    found = identify(vector_of(STRANGER), PEOPLE, LAYOUT, threshold=0.5, margin=0.05, strategy="nearest")
    assert found.user == "bert"
    assert [candidate.user for candidate in found.ranking] == ["bert", "anna"]


def test_identify_names_nobody_below_the_threshold() -> None:
    found = identify(vector_of(2), PEOPLE, LAYOUT, threshold=0.5, margin=0.05, strategy="nearest")
    assert found.user is None
    assert len(found.ranking) == 2


def test_identify_names_nobody_when_two_are_too_close_to_call() -> None:
    between = mean_vector([vector_of(OWNER), vector_of(STRANGER)])
    assert identify(between, PEOPLE, LAYOUT, threshold=0.5, margin=0.05, strategy="nearest").user is None
    assert identify(between, PEOPLE, LAYOUT, threshold=0.5, margin=0.0, strategy="nearest").user is not None


def test_identify_among_nobody_names_nobody() -> None:
    assert identify(vector_of(OWNER), [], LAYOUT, threshold=-1.0, margin=0.0, strategy="nearest").ranking == ()


def test_a_threshold_that_is_no_number_is_never_reached() -> None:
    found = identify(vector_of(OWNER), PEOPLE, LAYOUT, threshold=math.nan, margin=0.0, strategy="nearest")
    assert found.user is None


def test_a_margin_that_is_no_number_is_never_reached() -> None:
    found = identify(vector_of(OWNER), PEOPLE, LAYOUT, threshold=0.1, margin=math.nan, strategy="nearest")
    assert found.user is None


def test_equal_scores_rank_by_name_whatever_the_order_of_templates() -> None:
    twins = [template_of(OWNER, "zoe"), template_of(OWNER, "anna")]
    found = identify(vector_of(OWNER), twins, LAYOUT, threshold=0.5, margin=0.0, strategy="nearest")
    assert [candidate.user for candidate in found.ranking] == ["anna", "zoe"]
    assert found.ranking[0] == Candidate("anna", found.ranking[1].score)


BARS = (Bar("rgb", (Band(math.inf, 0.5),)), Bar("depth", (Band(900.0, 0.4), Band(1200.0, 0.3))))


@pytest.mark.parametrize(
    ("distances_mm", "depth"),
    [
        pytest.param([500.0], 0.4, id="first-band"),
        pytest.param([900.0], 0.4, id="a-band-ends-with-its-end"),
        pytest.param([900.1], 0.3, id="second-band"),
        pytest.param([1000.0, 800.0, 1100.0], 0.4, id="the-most-that-any-frame-needs"),
    ],
)
def test_depth_needs_what_its_distance_asks_for_and_colour_the_same_everywhere(
    distances_mm: list[float], depth: float
) -> None:
    assert cosines_needed(BARS, distances_mm) == {"rgb": 0.5, "depth": depth}


@pytest.mark.parametrize(
    "distances_mm",
    [
        pytest.param([], id="no-frame"),
        pytest.param([1200.1], id="beyond-the-last-band"),
        pytest.param([700.0, 1300.0], id="one-frame-beyond"),
        pytest.param([math.nan], id="no-distance"),
    ],
)
def test_where_a_half_has_no_vote_nothing_is_enough(distances_mm: list[float]) -> None:
    needed = cosines_needed(BARS, distances_mm)
    assert needed == {}
    assert not HalfScores({"rgb": 1.0, "depth": 1.0}).reach(needed)


def test_a_threshold_that_is_no_number_stays_one_beside_others() -> None:
    spoilt = (Bar("depth", (Band(900.0, math.nan), Band(1200.0, 0.3))),)
    for distances_mm in ([1000.0, 800.0], [800.0, 1000.0]):
        assert not HalfScores({"depth": 1.0}).reach(cosines_needed(spoilt, distances_mm))


@pytest.mark.parametrize(
    ("color", "depth", "both"),
    [(0.5, 0.4, True), (0.49, 0.9, False), (0.9, 0.39, False), (math.nan, 0.9, False), (0.9, math.nan, False)],
)
def test_every_half_must_reach_its_own(color: float, depth: float, both: bool) -> None:  # noqa: FBT001 - a table's cell
    assert HalfScores({"rgb": color, "depth": depth}).reach(cosines_needed(BARS, [700.0])) is both


@pytest.mark.parametrize("strategy", ["nearest", "centre"])
def test_each_half_is_scored_for_itself(strategy: Strategy) -> None:
    found = half_scores(both_of(OWNER, STRANGER), template_of_both(OWNER, "anna"), strategy, BOTH)
    assert found.of("rgb") > 0.8
    assert found.of("depth") < 0.3
    assert math.isnan(found.of("rgbd"))


def test_a_template_without_a_mean_in_one_half_has_no_centre_there() -> None:
    rows = np.stack([both_of(OWNER, OWNER), both_of(OWNER, OWNER)])
    rows[1, BOTH[1].begin :] *= -1
    torn = replace(template_of_both(OWNER, "anna"), vectors=rows)

    found = half_scores(both_of(OWNER, OWNER), torn, "centre", BOTH)

    assert found.of("rgb") > 0.8
    assert math.isnan(found.of("depth"))


@given(seed=seeds, rows=st.integers(1, 6))
def test_the_mean_of_halves_is_each_halfs_mean_by_its_share(seed: int, rows: int) -> None:
    random = np.random.default_rng(seed)
    people = [both_of(int(random.integers(4)), int(random.integers(4)), variant=row) for row in range(rows)]

    mean = mean_of_halves(people, BOTH)

    assert float(np.linalg.norm(mean)) == pytest.approx(1.0, abs=1e-5)
    parts = half_vectors(np.stack(people), BOTH)
    for half in BOTH:
        part = mean[half.begin : half.end] / math.sqrt(half.share)
        assert part == pytest.approx(plain_mean(parts[half.name]), abs=1e-4)


def test_a_mean_whose_depth_cancels_itself_out_is_none() -> None:
    opposite = both_of(OWNER, OWNER)
    opposite[BOTH[1].begin :] *= -1
    with pytest.raises(ValueError, match="cancel each other out"):
        mean_of_halves([both_of(OWNER, OWNER), opposite], BOTH)
    with pytest.raises(ValueError, match="at least one"):
        mean_of_halves([], BOTH)


def test_identify_asks_the_first_half_alone() -> None:
    people = [template_of_both(OWNER, "anna"), template_of_both(STRANGER, "bert")]
    found = identify(both_of(OWNER, STRANGER), people, BOTH, threshold=0.5, margin=0.05, strategy="nearest")
    assert found.user == "anna"
