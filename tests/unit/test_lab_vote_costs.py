"""Attempts of several frames, judged by one half and by both; refusals are counted where they should be."""

from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from kinect_unlock.matching import Band, Bar
from kinect_unlock_lab import vote_tables
from kinect_unlock_lab.fusion import fused
from kinect_unlock_lab.masks import masked
from kinect_unlock_lab.vote_costs import Cost, Group, costs
from kinect_unlock_lab.vote_trials import Plan, trials
from kinect_unlock_lab.votes import Faces
from lab_votes import crowd

EVERYTHING = np.ones(48, bool)
COLOR = Bar("rgb", (Band(np.inf, 0.8),))
DEPTH = Bar("depth", (Band(1000.0, 0.9), Band(1350.0, 0.8)))


def test_an_attempts_score_is_that_of_its_frames_mean() -> None:
    faces = crowd(people=2, each=5, noise=0.4)
    found = trials(faces, Plan(3, 2, "left out"), np.ones(10, bool))
    own = found.where(found.genuine)
    assert len(own.tried) == 2 * 5
    assert not np.isnan(own.distance_mm).any()
    everything = faces.vectors["rgb"][:5]
    means = {
        round(float(max(everything[list(kept)] @ (mean / np.linalg.norm(mean)))), 4)
        for out in [(a, b) for a in range(5) for b in range(a)]
        for mean in [everything[list(out)].sum(axis=0)]
        for kept in [[row for row in range(5) if row not in out]]
    }
    assert {round(float(score), 4) for score in own.scores["rgb"][own.tried == 0]} <= means


def test_frames_that_do_not_count_are_left_out_or_refused_as_asked() -> None:
    faces = crowd()
    usable = np.arange(48) % 6 != 5  # of everybody's six one is never usable
    few = replace(faces, may_enrol=usable, may_try=usable)
    left_out = trials(few, Plan(3, 1, "left out"), EVERYTHING)
    counted = trials(few, Plan(3, 1, "counted"), EVERYTHING)
    assert int(left_out.genuine.sum()) == 8 * 5 * 2
    assert int(counted.genuine.sum()) == 8 * 5 * 3
    refused = np.isneginf(counted.scores["rgb"])
    assert int(refused.sum()) == 8 * 5
    assert not counted.accepted((Bar("rgb", (Band(np.inf, -0.99),)),))[refused].any()
    two = trials(few, Plan(3, 2, "counted"), EVERYTHING)
    assert np.isfinite(two.scores["rgb"][two.genuine]).all()  # one of two frames is always usable


def test_an_attempt_needs_the_most_that_any_frame_needs() -> None:
    faces = crowd(noise=0.5)
    found = trials(faces, Plan(3, 2, "left out"), EVERYTHING)
    near = (found.distance_mm <= 1000.0).any(axis=1)
    expected = found.scores["depth"] >= np.where(near, 0.9, 0.8)
    assert found.reach(DEPTH).tolist() == expected.tolist()
    assert 0 < found.reach(DEPTH)[found.genuine].mean() < 1


@pytest.fixture(scope="module")
def found() -> tuple[Cost, ...]:
    faces = crowd(people=12, noise=0.5, seed=3)
    group = Group("all poses", np.ones(72, bool))
    names = [f"p{number:03d}" for number in range(12)]
    shipped = {"shipped": (COLOR, Bar("depth", (Band(1350.0, 0.8),)))}
    return costs({"fit": faces}, (group,), shipped, names, strategy="nearest")


def test_both_votes_never_accept_what_the_first_half_refuses(found: tuple[Cost, ...]) -> None:
    assert {one.at for one in found} == {"shipped"}  # too few strangers to choose a threshold for one in a thousand
    for one in found:
        for alone, both in ((one.alone.misses, one.both.misses), (one.alone.refusals_too, one.both.refusals_too)):
            assert (alone is None) == (both is None)
            if alone and both:
                assert alone.missed <= both.missed
                assert alone.trials == both.trials
        if one.alone.accepts and one.both.accepts:
            assert one.both.accepts.accepted <= one.alone.accepts.accepted


def test_more_frames_are_missed_less(found: tuple[Cost, ...]) -> None:
    single, double = (next(one for one in found if (one.template_vectors, one.frames) == (3, n)) for n in (1, 2))
    assert single.both.misses is not None
    assert double.both.misses is not None
    assert double.both.misses.rate.value < single.both.misses.rate.value


def test_a_mask_of_anothers_shape_passes_colour_and_not_depth() -> None:
    faces = crowd(people=5, noise=0.2)
    found = masked(faces, (COLOR, DEPTH), "nearest")
    assert {one.reach for one in found} == {"any distance", "up to 1.0 m", "beyond 1.0 m"}
    for one in found:
        assert one.colour_alone.rate.value == 1.0
        assert one.both.rate.value == 0.0
    assert found[0].both.person_pairs == 10


def test_a_mask_of_the_same_shape_passes() -> None:
    faces = crowd(people=4, noise=0.2)
    twins = replace(faces, vectors={**faces.vectors, "depth": np.tile(faces.vectors["depth"][:6], (4, 1))})
    assert {one.both.rate.value for one in masked(twins, (COLOR, DEPTH), "centre")} == {1.0}


def in_the_dark(faces: Faces) -> Faces:
    random = np.random.default_rng(9)
    noise = random.normal(size=faces.vectors["rgb"].shape).astype(np.float32)
    return replace(faces, vectors={**faces.vectors, "rgb": noise / np.linalg.norm(noise, axis=1, keepdims=True)})


def test_the_weight_that_is_chosen_is_depths_where_colour_sees_nothing() -> None:
    faces = crowd(people=10, noise=0.7)
    found = fused(faces, in_the_dark(faces), "dark", np.arange(10) % 5, frames=1)
    assert max(found.chosen) < 0.5
    assert found.eer_chosen < 0.2 < found.eer_first_alone
    assert (found.genuine, found.people, found.usable, found.captures) == (150, 10, 60, 60)
    at = {one.weight: one.eer.value for one in found.by_weight}
    assert at[0.0] < at[1.0]


def test_they_are_told_as_tables(found: tuple[Cost, ...]) -> None:
    faces = crowd(people=6, noise=0.7)
    console = Console(width=240)
    with console.capture() as shown:
        console.print(vote_tables.costs(found))
        console.print(vote_tables.masks({"all": masked(crowd(people=3), (COLOR, DEPTH), "nearest")}))
        console.print(vote_tables.weights([fused(faces, faces, "as it is", np.arange(6) % 5, frames=2)]))
    for told in ("all poses", "colour alone", "as it is", "held out"):
        assert told in shown.get()
