"""The score of an attempt is what the daemon's own evidence says at every threshold; templates are whose they say."""

from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinect_unlock import evidence as ev
from kinect_unlock.frames import Origin
from kinect_unlock.halves import Half
from kinect_unlock.matching import HalfScores, half_scores, mean_vector
from kinect_unlock.observations import Box
from kinect_unlock.settings import EvidenceRules, Strategy
from kinect_unlock.templates import Template
from kinect_unlock_lab.impostors import Looks, Templates, attempt_scores, attempts, draw_templates, owners, single_looks

RULES = EvidenceRules(min_span_ms=0.0, integrity=False, distinct_frames=False)
LAYOUT = (Half("rgb", 0, 8, 1.0),)
STRATEGIES: tuple[Strategy, ...] = ("nearest", "centre")


def looks_of(people: int = 6, each: int = 5, *, seed: int = 1) -> Looks:
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(people * each, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    person = np.repeat(np.arange(people), each)
    everybody = np.ones(len(person), bool)
    return Looks(vectors, person, person % 2, everybody, everybody)


def template_of(vectors: np.ndarray) -> Template:
    poses = (None,) * len(vectors)
    return Template("u", vectors, poses, model_id="m/1", origin=Origin.RECORDING, generation=1, enrolled_s=0)


def daemon_accepts(of_frames: list[float], of_means: list[float], threshold: float, rules: EvidenceRules) -> bool:
    found, needed = ev.Evidence(LAYOUT), MappingProxyType({LAYOUT[0].name: threshold})
    for number, (of_frame, of_mean) in enumerate(zip(of_frames, of_means, strict=True)):
        vote = ev.vote_for(HalfScores({"rgb": of_frame}), needed)
        vector = np.ones(2, np.float32)
        ballot = ev.Ballot(number, number, vote, Box(0, 0, 1, 1), 700.0, vector, str(number).encode())
        found = ev.with_ballot(found, ballot, rules)
        judgement = ev.judge(found, scores_of_mean=HalfScores({"rgb": of_mean}), needed=needed, rules=rules)
        if judgement is not ev.Judgement.UNDECIDED:
            return judgement is ev.Judgement.ACCEPTED
    return False


levels = st.integers(0, 9).map(lambda level: level / 10)


@given(
    st.lists(st.tuples(levels, levels), min_size=1, max_size=16),
    st.integers(1, 4),
    st.integers(1, 6),
    st.integers(1, 5),
)
def test_an_attempt_is_accepted_up_to_its_score_and_not_above(
    frames: list[tuple[float, float]], needed: int, more: int, reject_after: int
) -> None:
    rules = EvidenceRules(
        votes_needed=needed,
        votes_window=needed + more,
        reject_after=reject_after,
        min_span_ms=0.0,
        integrity=False,
        distinct_frames=False,
    )
    of_frames, of_means = ([pair[side] for pair in frames] for side in (0, 1))

    (up_to,) = attempt_scores(np.array(of_frames)[:, np.newaxis], np.array(of_means)[:, np.newaxis], rules)

    for threshold in (level / 20 for level in range(21)):
        assert daemon_accepts(of_frames, of_means, threshold, rules) == (threshold <= up_to)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_scores_are_the_daemons(strategy: Strategy) -> None:
    looks = looks_of()
    templates = draw_templates(looks, size=3, draws=2)

    scores = templates.scores(looks.vectors[:4], strategy)

    for row in range(4):
        for column, vectors in enumerate(templates.vectors):
            expected = half_scores(looks.vectors[row], template_of(vectors), strategy, LAYOUT).of("rgb")
            assert scores[row, column] == pytest.approx(expected, abs=1e-6)


def test_templates_are_of_different_looks_of_one_person_and_leave_out_who_has_too_few() -> None:
    looks = looks_of()
    few = looks.where(~((looks.person == 3) & (np.arange(len(looks.person)) % 5 > 1)))

    templates = draw_templates(few, size=3, draws=2)

    assert sorted(set(templates.person.tolist())) == [0, 1, 2, 4, 5]
    assert len(templates.person) == 10
    for vectors, person in zip(templates.vectors, templates.person, strict=True):
        own = few.vectors[few.person == person]
        assert [int((own == vector).all(axis=1).sum()) for vector in vectors] == [1, 1, 1]
        assert len(np.unique(vectors, axis=0)) == 3


def test_who_has_exactly_a_template_of_looks_is_drawn_once() -> None:
    assert len(draw_templates(looks_of(people=2, each=3), size=3, draws=7).person) == 2


def test_templates_of_more_looks_than_anybody_has_are_refused() -> None:
    with pytest.raises(ValueError, match="nobody has 9 looks"):
        draw_templates(looks_of(), size=9, draws=1)


def test_strangers_meet_every_template_but_their_own_and_groups_are_kept_apart() -> None:
    looks = looks_of()
    found = single_looks(looks, draw_templates(looks, size=3, draws=1), "nearest")

    assert len(found.compared.scores) == 30 * 6 - 30
    assert not found.compared.genuine.any()
    same = found.compared.probe_person % 2 == found.compared.reference_person % 2
    assert (found.same_group == same).all()


def test_looks_out_of_range_do_not_try() -> None:
    looks = looks_of()
    some = Looks(looks.vectors, looks.person, looks.group, looks.may_enrol, looks.person < 2)
    found = single_looks(some, draw_templates(some, size=3, draws=1), "centre")
    assert set(found.compared.probe_person.tolist()) == {0, 1}


def test_a_stranger_who_is_the_owner_in_one_held_look_is_accepted_by_that_look() -> None:
    owner, other = np.eye(4, dtype=np.float32)[:2]
    vectors = np.array([owner, owner, owner, owner, other, other])
    who = np.array([0, 0, 0, 1, 1, 1])
    looks = Looks(vectors, who, np.zeros(6, np.int64), who == 0, who == 1)

    found = attempts(looks, draw_templates(looks, size=3, draws=1), "nearest", manner="holding", each=40)

    assert len(found.compared.scores) == 40
    # Held first it is accepted at once; held later the mean has turned away from it.
    assert found.compared.scores.max() == pytest.approx(1.0)
    assert found.compared.scores.min() < 0.9


def test_strangers_with_fewer_looks_than_an_attempt_needs_do_not_try() -> None:
    looks = looks_of(people=3, each=2)
    with pytest.raises(ValueError, match="nobody has 3 looks to try with"):
        attempts(looks, draw_templates(looks, size=2, draws=1), "nearest", manner="moving", each=1)


def test_owners_try_only_looks_that_their_template_did_not_take() -> None:
    looks = looks_of(people=3, each=4)
    own = owners(looks, "nearest", size=3, draws=6)
    assert own.genuine.all()
    assert len(own.scores) == 3 * 6
    assert own.scores.max() < 0.999


def test_the_running_mean_of_one_look_is_that_look() -> None:
    vector = looks_of().vectors[0]
    templates = Templates(vector[np.newaxis, np.newaxis], np.array([0]), np.array([0]))
    of_frames = templates.scores(np.tile(vector, (5, 1)), "nearest")
    mean = mean_vector([vector] * 5)
    assert float(mean @ vector) == pytest.approx(1.0)
    assert attempt_scores(of_frames, of_frames, RULES)[0] == pytest.approx(1.0)
