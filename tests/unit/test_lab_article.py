import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from kinect_unlock_lab.article import as_json, distance_of, experiment, picture, table
from lab_embedded import embedded_of

PEOPLE = ["a"] * 5 + ["b"] * 5 + ["c"] * 4
APART = {"a": (1.0, 0.0, 0.0), "b": (0.0, 1.0, 0.0), "c": (0.0, 0.0, 1.0)}


@given(st.floats(-1.0, 1.0), st.integers(2, 9))
def test_the_distance_is_that_of_unit_vectors_with_this_cosine(cosine: float, dim: int) -> None:
    first, second = np.zeros(dim), np.zeros(dim)
    first[0], second[0], second[1] = 1.0, cosine, np.sqrt(1.0 - cosine * cosine)

    assert distance_of(np.array(cosine)) == pytest.approx(np.linalg.norm(first - second), abs=1e-7)


def test_a_sample_that_was_not_acquired_is_as_far_away_as_can_be() -> None:
    assert distance_of(np.array(-np.inf)) == 2.0


def test_everybody_is_the_owner_once_and_strangers_are_of_one_set_up() -> None:
    embedded = embedded_of(APART, person=PEOPLE)

    found = experiment(embedded, ["x"] * 10 + ["y"] * 4, system="s", cosine=0.5)

    assert found.genuine.count == 2 + 2 + 1  # all but three enrolled samples of each
    assert found.impostor.count == 2 + 2  # a before b's template and b before a's; c is of another set-up
    assert found.genuine.percentiles == (0.0, 0.0, 0.0)
    assert found.impostor.percentiles == pytest.approx((np.sqrt(2),) * 3)
    assert found.threshold == pytest.approx(1.0)
    assert found.genuine.below_article.value == 1.0
    assert found.impostor.below_article.value == 0.0
    assert found.genuine.below_ours is not None
    assert found.genuine.below_ours.value == 1.0
    assert found.genuine.below_ours.low == 0.0  # three people who were never missed prove nothing


def test_an_encoder_that_never_opens_has_no_share_below_ours() -> None:
    found = experiment(embedded_of(APART, person=PEOPLE), ["x"] * 14, system="s", cosine=None)

    assert found.threshold is None
    assert found.genuine.below_ours is None


def test_the_outcome_is_told_beside_the_articles_in_eighty_columns() -> None:
    found = experiment(embedded_of(APART, person=PEOPLE), ["x"] * 14, system="rgbd-fused", cosine=0.5)
    console = Console(width=80, record=True, file=None, highlight=False)

    console.print(table([found]))

    text = console.export_text()
    assert "0.30" in text
    assert "1.41" in text
    assert "rgbd-fused" in text
    assert "…" not in text
    assert len(picture([found, found]).axes) == 2
    assert "genuine_distances" not in as_json([found])[0]
