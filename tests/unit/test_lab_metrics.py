"""Error rates agree with formulas written out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinect_unlock_lab.metrics import Comparisons, Roc, by_person, clopper_pearson, smallest_far

scores = st.lists(st.integers(-20, 20).map(lambda n: n / 20), min_size=1, max_size=30)


def comparisons(genuine: list[float], impostor: list[float]) -> Comparisons:
    people = np.arange(len(genuine) + len(impostor)) % 5
    return Comparisons(
        np.array(genuine + impostor),
        people.astype(np.int64),
        np.where(np.arange(len(people)) < len(genuine), people, people + 1).astype(np.int64),
    )


def test_clopper_pearson_gives_the_textbook_interval() -> None:
    interval = clopper_pearson(0, 100)
    assert interval.low == 0.0
    assert interval.high == pytest.approx(1 - 0.025 ** (1 / 100))
    assert clopper_pearson(100, 100).low == pytest.approx(0.025 ** (1 / 100))


def test_clopper_pearson_of_nothing_claims_nothing() -> None:
    interval = clopper_pearson(0, 0)
    assert math.isnan(interval.value)
    assert (interval.low, interval.high) == (0.0, 1.0)


def test_clopper_pearson_refuses_impossible_counts() -> None:
    with pytest.raises(ValueError, match="3 events in 2 trials"):
        clopper_pearson(3, 2)


@given(scores, scores)
def test_every_operating_point_is_what_counting_says(genuine: list[float], impostor: list[float]) -> None:
    roc = Roc.of(comparisons(genuine, impostor))
    for threshold, far, tar in zip(roc.thresholds, roc.far, roc.tar, strict=True):
        assert far == pytest.approx(sum(s >= threshold for s in impostor) / len(impostor))
        assert tar == pytest.approx(sum(s >= threshold for s in genuine) / len(genuine))


@given(scores, scores, st.sampled_from([0.0, 0.01, 0.1, 0.5, 1.0]))
def test_at_far_never_exceeds_the_far_asked_for(genuine: list[float], impostor: list[float], far: float) -> None:
    tar, threshold = Roc.of(comparisons(genuine, impostor)).at_far(far)
    assert sum(s >= threshold for s in impostor) / len(impostor) <= far + 1e-12
    looser = [s for s in set(genuine + impostor) if s < threshold]
    for other in looser:
        assert sum(s >= other for s in impostor) / len(impostor) > far or (
            sum(s >= other for s in genuine) / len(genuine) <= tar + 1e-12
        )


def test_eer_is_zero_when_the_classes_do_not_touch_and_half_when_they_are_one() -> None:
    assert Roc.of(comparisons([0.9, 0.8], [0.1, 0.2])).eer() == 0.0
    assert Roc.of(comparisons([0.5, 0.5], [0.5, 0.5])).eer() == pytest.approx(0.5)


def test_a_failure_to_acquire_counts_as_a_rejection_on_either_side() -> None:
    roc = Roc.of(comparisons([0.9, -np.inf], [0.1, -np.inf]))
    assert roc.tar.max() == pytest.approx(0.5)
    assert roc.far.max() == pytest.approx(0.5)


def test_the_interval_by_person_holds_the_estimate_and_is_the_same_every_time() -> None:
    random = np.random.default_rng(3)
    people = random.integers(0, 20, (2, 500))
    drawn = Comparisons(random.normal(people[0] == people[1], 0.5), people[0], people[1])
    first = by_person(drawn, Roc.eer, rounds=50)[0]
    assert first.low <= first.value <= first.high
    assert first == by_person(drawn, Roc.eer, rounds=50)[0]


def test_no_claim_is_made_below_three_over_the_number_of_comparisons() -> None:
    assert smallest_far(3000) == pytest.approx(0.001)
    assert smallest_far(0) == 1.0
