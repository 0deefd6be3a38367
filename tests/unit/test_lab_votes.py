"""An attempt's margin is what the daemon's own evidence says of it, with both halves and bars by distance."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinect_unlock import evidence as ev
from kinect_unlock.frames import Origin
from kinect_unlock.halves import Half
from kinect_unlock.matching import Band, Bar, Known, cosines_needed, half_scores
from kinect_unlock.observations import Box
from kinect_unlock.settings import EvidenceRules, Strategy
from kinect_unlock.templates import Template
from kinect_unlock_lab.votes import Faces, Rule, needed, owners, strangers
from lab_votes import crowd

RULES = EvidenceRules(min_span_ms=0.0, integrity=False, distinct_frames=False)
BOTH = (Half("rgb", 0, 24, 0.7), Half("depth", 24, 40, 0.3))
COLOR = Bar("rgb", (Band(np.inf, 0.9),))
DEPTH = Bar("depth", (Band(1000.0, 0.95), Band(1350.0, 0.85)))
STRATEGIES: tuple[Strategy, ...] = ("nearest", "centre")


def embeddings(faces: Faces, rows: np.ndarray) -> np.ndarray:
    return np.concatenate([np.sqrt(half.share) * faces.vectors[half.name][rows] for half in BOTH], axis=1).astype(
        np.float32
    )


def daemon_accepts(
    faces: Faces, rows: np.ndarray, template_rows: np.ndarray, bars: tuple[Bar, ...], strategy: Strategy
) -> bool:
    vectors = embeddings(faces, template_rows)
    template = Template(
        "u", vectors, (None,) * len(vectors), model_id="m/1", origin=Origin.RECORDING, generation=1, enrolled_s=0
    )
    found = ev.Evidence(BOTH)
    for number, row in enumerate(rows):
        vector, distance_mm = embeddings(faces, rows[number : number + 1])[0], float(faces.distance_mm[row])
        vote = ev.vote_for(half_scores(vector, template, strategy, BOTH), cosines_needed(bars, [distance_mm]))
        ballot = ev.Ballot(number, number, vote, Box(0, 0, 1, 1), distance_mm, vector, str(number).encode())
        found = ev.with_ballot(found, ballot, RULES)
        of_mean, asked = ev.mean_scores(found, Known(template, strategy, BOTH)), ev.needed_of_mean(found, bars)
        judgement = ev.judge(found, scores_of_mean=of_mean, needed=asked, rules=RULES)
        if judgement is not ev.Judgement.UNDECIDED:
            return judgement is ev.Judgement.ACCEPTED
    return False


@given(st.integers(0, 2**16), st.sampled_from(STRATEGIES), st.integers(0, 7))
def test_an_attempt_is_accepted_if_its_margin_is_not_negative(seed: int, strategy: Strategy, owner: int) -> None:
    faces = crowd(noise=0.5, seed=seed % 7)
    random = np.random.default_rng(seed)
    template, rows = np.arange(owner * 6, owner * 6 + 3), random.integers(0, 48, 12)
    rows[random.random(12) < 0.6] = owner * 6 + 4
    rule = Rule((COLOR, DEPTH), strategy)

    (margin,) = rule.of_attempt(faces.shown(rows), faces.templates(template[np.newaxis]), RULES)

    if abs(margin) > 1e-5:  # else single precision decides
        assert daemon_accepts(faces, rows, template, rule.bars, strategy) == (margin >= 0)


@given(st.one_of(st.floats(0, 3000), st.just(float("nan"))))
def test_what_is_needed_at_a_distance_is_the_products(distance_mm: float) -> None:
    asked = DEPTH.at(distance_mm)
    (found,) = needed(DEPTH, np.array([distance_mm]))
    assert found == (np.inf if asked is None else asked)


def test_a_half_without_direction_reaches_nothing() -> None:
    faces = crowd()
    faces.vectors["depth"][0] = np.nan
    margins = Rule((COLOR, DEPTH), "nearest").margins(
        faces.shown(np.array([0, 1])), faces.templates(np.array([[3, 4, 5]]))
    )
    assert margins[0, 0] == -np.inf
    assert np.isfinite(margins[1, 0])


def test_beyond_the_last_band_nothing_is_reached_and_one_far_frame_spoils_the_mean() -> None:
    faces = crowd(noise=0.0, distances_mm=(800.0, 800.0, 800.0, 800.0, 800.0, 1400.0))
    rule, templates = Rule((COLOR, DEPTH), "nearest"), faces.templates(np.array([[0, 1, 2]]))
    shown = faces.shown(np.array([3, 5, 4]))
    assert rule.margins(shown, templates)[:, 0].tolist() == pytest.approx([0.05, -np.inf, 0.05], abs=1e-6)
    assert rule.margins_of_mean(shown, templates)[:, 0].tolist() == pytest.approx([0.05, -np.inf, -np.inf], abs=1e-6)


def test_owners_never_try_a_look_that_was_enrolled_and_strangers_are_other_people() -> None:
    faces = crowd(noise=0.3)
    rule = Rule((Bar("rgb", (Band(np.inf, 0.0),)),), "nearest")
    own = owners(faces, rule, "one look", size=3, draws=4)
    other = strangers(faces, rule, "one look", size=3, draws=2, each=1)
    assert len(own.scores) == 8 * 4 * 3
    assert float(own.scores.max()) < 0.9999
    assert not other.compared.genuine.any()
    assert len(other.compared.scores) == 48 * 16 - 6 * 16


def test_looks_that_may_not_try_are_never_shown() -> None:
    faces = crowd()
    barred = replace(faces, may_try=faces.person != 2)
    rule = Rule((COLOR, DEPTH), "centre")
    assert 2 not in owners(barred, rule, "moving", size=3, draws=2).probe_person
    assert 2 not in strangers(barred, rule, "holding", size=3, draws=1, each=1).compared.probe_person


def test_templates_of_more_looks_than_anybody_has_are_refused() -> None:
    rule = Rule((COLOR,), "nearest")
    with pytest.raises(ValueError, match="nobody has looks enough to enrol 6"):
        owners(crowd(), rule, "one look", size=6, draws=1)
    with pytest.raises(ValueError, match="nobody has 7 looks"):
        strangers(crowd(), rule, "one look", size=7, draws=1, each=1)
