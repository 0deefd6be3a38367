"""Counting gives what keeping every score gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinect_unlock_lab.metrics import Comparisons, Roc
from kinect_unlock_lab.tally import EVERYBODY, NOBODY, SAME_PLACE, Kind, Part, Resampling, Scored, Tally, bins_of, edges

PEOPLE = 5
cosine = st.one_of(st.floats(-1, 1, width=32), st.sampled_from([-np.inf, np.nan, 0.5, 1.0, -1.0]))
comparison = st.tuples(cosine, st.integers(0, PEOPLE - 1), st.integers(0, PEOPLE - 1))


def scored(rows: list[tuple[float, int, int]]) -> Scored:
    scores, probe, reference = (np.array(column) for column in zip(*rows, strict=True))
    kind = np.where(probe == reference, Kind.GENUINE, np.where((probe + reference) % 2, Kind.SAME_PLACE, Kind.ACROSS))
    return Scored(scores.astype(np.float64), probe, reference, kind.astype(np.int8))


def tally_of(rows: list[tuple[float, int, int]], rounds: int = 4) -> Tally:
    resampling = Resampling(PEOPLE, rounds=rounds)
    tally = Tally.empty(resampling)
    tally.join(Part.of(scored(rows), resampling))
    return tally


@given(st.lists(comparison, min_size=1, max_size=60))
@settings(deadline=None, max_examples=50)
def test_rates_at_every_edge_are_those_of_the_scores_themselves(rows: list[tuple[float, int, int]]) -> None:
    own = scored(rows)
    genuine = own.kind == Kind.GENUINE
    roc = tally_of(rows).roc()
    for threshold, far, tar in zip(roc.thresholds, roc.far, roc.tar, strict=True):
        accepted = own.scores >= threshold  # False for NaN
        assert far == pytest.approx(accepted[~genuine].sum() / max(1, (~genuine).sum()))
        assert tar == pytest.approx(accepted[genuine].sum() / max(1, genuine.sum()))


@given(st.lists(comparison, min_size=2, max_size=60), st.integers(1, 59))
@settings(deadline=None, max_examples=8)
def test_parts_add_up_to_the_whole(rows: list[tuple[float, int, int]], cut: int) -> None:
    whole, first = tally_of(rows), tally_of(rows[: min(cut, len(rows) - 1)])
    first.join(Part.of(scored(rows[min(cut, len(rows) - 1) :]), Resampling(PEOPLE, rounds=4)))
    assert (first.counts == whole.counts).all()
    assert (first.met == whole.met).all()
    assert first.drawn == pytest.approx(whole.drawn)


@given(st.floats(-1, 1, width=32))
def test_a_score_reaches_the_edge_of_its_bin_and_no_higher_one(score: float) -> None:
    place = int(bins_of(np.array([score]))[0])
    assert edges()[place] <= score
    assert place + 1 == len(edges()) or edges()[place + 1] > score


def test_a_threshold_is_at_most_a_bin_above_the_loosest_one() -> None:
    random = np.random.default_rng(2)
    rows = [
        (float(np.clip(random.normal(0.6 if p == r else 0.1, 0.2), -1, 1)), int(p), int(r))
        for p, r in random.integers(0, PEOPLE, (4000, 2))
    ]
    own = scored(rows)
    loosest = Roc.of(Comparisons(own.scores, own.probe, own.reference)).at_far(0.01)
    counted = tally_of(rows).roc().at_far(0.01)
    assert loosest[1] - 2**-15 <= counted[1] <= loosest[1] + 2**-15
    assert counted[0] == pytest.approx(loosest[0], abs=0.002)


def test_people_drawn_again_weigh_as_a_plain_loop_weighs_them() -> None:
    rows = [(0.9, 0, 0), (0.5, 1, 1), (0.2, 0, 1), (0.4, 1, 3), (0.7, 3, 3)]
    tally, weights = tally_of(rows), Resampling(PEOPLE, rounds=4).weights()
    for one, roc in enumerate(tally.rounds()):
        accepted = weights[one, 0] * weights[one, 1] * 0 + weights[one, 1] * weights[one, 3]
        total = weights[one, 0] * weights[one, 1] + weights[one, 1] * weights[one, 3]
        far = float(roc.far[roc.thresholds > 0.3][-1])
        assert far == pytest.approx(accepted / total if total else 0.0)


def test_a_search_counts_for_the_one_who_is_sought_alone() -> None:
    resampling = Resampling(2, rounds=3)
    tally = Tally.empty(resampling)
    found = Scored(np.array([0.8]), np.array([1]), np.array([NOBODY]), np.array([Kind.ACROSS], np.int8))
    tally.join(Part.of(found, resampling))
    assert tally.drawn[Kind.ACROSS].sum(axis=0).tolist() == resampling.weights()[:, 1].tolist()
    assert (tally.total(EVERYBODY), tally.total(SAME_PLACE), tally.person_pairs(EVERYBODY)) == (1, 0, 0)


def test_two_people_are_one_pair_whoever_tried_first() -> None:
    tally = tally_of([(0.1, 0, 1), (0.1, 1, 0), (0.1, 0, 2), (0.9, 2, 2)])
    assert tally.person_pairs(EVERYBODY) == 2
    assert tally.person_pairs(SAME_PLACE) == 1
    assert tally.people((Kind.GENUINE,)) == 1
