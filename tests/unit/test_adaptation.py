"""What may join a template, and that no course of it leads away from who was enrolled."""

from dataclasses import replace
from typing import Final

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.people import BOTH, OWNER, STRANGER, both_of, template_of_both
from kinect_unlock.adaptation import (
    Impression,
    Refusal,
    Terms,
    View,
    is_near,
    is_near_miss,
    is_strong,
    joined,
    reason_to_join,
    room,
    without_newest,
)
from kinect_unlock.arrays import F32
from kinect_unlock.evidence import Ballot, Evidence, Vote
from kinect_unlock.halves import HalfName, half_vectors
from kinect_unlock.matching import HalfScores, mean_vector
from kinect_unlock.observations import Box, HeadPose, Modality
from kinect_unlock.settings import Adapt, Ranges, Strategy
from kinect_unlock.templates import Joined, Reason, Template

RULES: Final = Adapt(on=True)
STRAIGHT: Final = HeadPose(700.0, 0.0, 0.0, 0.0)


def terms(*, most: int = 10, strategy: Strategy = "nearest", rules: Adapt = RULES) -> Terms:
    return Terms(BOTH, strategy, Ranges().enrol, rules, most=most, votes_needed=3)


def view(vector: F32, *, pose: HeadPose = STRAIGHT) -> View:
    return View(vector, pose, {"rgb": 0.5, "depth": 0.5})


def of_owner(variant: int) -> View:
    """A view of the owner that is unlike those of every other variant."""
    return view(both_of(OWNER, OWNER, variant=variant, likeness=0.85))


def add(template: Template, *variants: int, terms: Terms) -> Template:
    for at_s, variant in enumerate(variants, start=1):
        after = joined(template, of_owner(variant), Reason.MATCH, at_s, terms)
        assert isinstance(after, Template)
        template = after
    return template


ENROLLED: Final = template_of_both(OWNER, "anna", vectors=2)


def test_a_view_of_the_owner_joins_behind_those_that_were_enrolled() -> None:
    after = joined(ENROLLED, of_owner(5), Reason.MATCH, 77, terms())
    assert isinstance(after, Template)
    assert after.vectors[:2].tobytes() == ENROLLED.vectors.tobytes()
    assert after.vectors[2].tobytes() == of_owner(5).vector.tobytes()
    assert (after.joined, after.poses[2], after.generation) == ((Joined(77, Reason.MATCH),), STRAIGHT, 2)


def test_the_oldest_that_joined_makes_room_and_never_an_enrolled_one() -> None:
    after = add(ENROLLED, 3, 4, 5, 6, 7, 8, terms=terms())
    assert [one.at_s for one in after.joined] == [3, 4, 5, 6]
    assert after.vectors[:2].tobytes() == ENROLLED.vectors.tobytes()
    assert [row.tobytes() for row in after.vectors[2:]] == [of_owner(n).vector.tobytes() for n in (5, 6, 7, 8)]
    assert after.generation == 7


@pytest.mark.parametrize(("most", "places"), [(10, 4), (5, 3), (3, 1), (2, 0), (1, 0)])
def test_no_template_grows_beyond_what_the_thresholds_have_evidence_for(most: int, places: int) -> None:
    assert room(ENROLLED, RULES, most=most) == places
    if places == 0:
        assert joined(ENROLLED, of_owner(5), Reason.MATCH, 1, terms(most=most)) is Refusal.NO_ROOM
    else:
        assert len(add(ENROLLED, 3, 4, 5, 6, 7, terms=terms(most=most)).joined) == places


def test_one_that_had_more_room_before_is_brought_back_to_what_there_is_now() -> None:
    grown = add(ENROLLED, 3, 4, 5, 6, terms=terms())
    assert [one.at_s for one in add(grown, 7, terms=terms(most=4)).joined] == [4, 1]


@pytest.mark.parametrize(
    "pose",
    [
        HeadPose(700.0, 13.0, 0.0, 0.0),
        HeadPose(700.0, 0.0, -13.0, 0.0),
        HeadPose(700.0, 0.0, 0.0, 16.0),
        HeadPose(1400.0, 0.0, 0.0, 0.0),
        HeadPose(float("nan"), 0.0, 0.0, 0.0),
        HeadPose(700.0, float("nan"), 0.0, 0.0),
        HeadPose(700.0, 0.0, 0.0, float("nan")),
    ],
)
def test_who_does_not_look_straight_from_within_the_range_does_not_join(pose: HeadPose) -> None:
    assert joined(ENROLLED, view(of_owner(5).vector, pose=pose), Reason.MATCH, 1, terms()) is Refusal.TURNED


def test_what_is_there_already_does_not_join_again() -> None:
    once = add(ENROLLED, 5, terms=terms())
    assert joined(once, of_owner(5), Reason.MATCH, 2, terms()) is Refusal.ALIKE
    enrolled = view(ENROLLED.vectors[0].copy())
    assert joined(ENROLLED, enrolled, Reason.MATCH, 2, terms()) is Refusal.ALIKE


@pytest.mark.parametrize(
    "vector",
    [
        both_of(STRANGER, STRANGER, variant=5),
        both_of(STRANGER, OWNER, variant=5),  # the colour of another
        both_of(OWNER, STRANGER, variant=5),  # the relief of another
        np.full(both_of(OWNER, OWNER).shape, np.nan, np.float32),
    ],
    ids=["stranger", "colour", "relief", "nan"],
)
@pytest.mark.parametrize("reason", Reason)
def test_another_face_never_joins_in_either_half(vector: F32, reason: Reason) -> None:
    assert joined(ENROLLED, view(vector), reason, 1, terms()) is Refusal.NOT_NEAR


def test_what_needs_more_than_any_face_can_give_or_nothing_at_all_does_not_join() -> None:
    asks: tuple[dict[HalfName, float], ...] = ({}, {"rgb": float("nan"), "depth": 0.5}, {"rgb": 0.5, "depth": 1.1})
    for needed in asks:
        asked = replace(of_owner(5), needed=needed)
        assert joined(ENROLLED, asked, Reason.MATCH, 1, terms()) is Refusal.NOT_NEAR


def test_a_near_miss_may_be_less_like_the_enrolled_than_a_match_but_not_than_the_centre_bound() -> None:
    loose = msgspec.structs.replace(RULES, centre_cosine=0.4)
    weak = view(both_of(OWNER, OWNER, variant=9, likeness=0.48))
    assert joined(ENROLLED, weak, Reason.MATCH, 1, terms(rules=loose)) is Refusal.NOT_NEAR
    assert isinstance(joined(ENROLLED, weak, Reason.PASSWORD, 1, terms(rules=loose)), Template)
    assert joined(ENROLLED, weak, Reason.PASSWORD, 1, terms()) is Refusal.NOT_NEAR


def test_infrared_stays_as_it_was_enrolled() -> None:
    both = replace(ENROLLED, infrared=ENROLLED.views(Modality.COLOR))
    after = add(both, 5, 6, terms=terms())
    assert after.infrared is both.infrared


def test_the_newest_are_taken_out_again() -> None:
    grown = add(ENROLLED, 3, 4, 5, terms=terms())
    back = without_newest(grown, 2)
    assert (back.joined, back.generation) == (grown.joined[:1], 5)
    assert back.vectors.tobytes() == grown.vectors[:3].tobytes()
    everything = without_newest(grown, 99)
    assert (everything.vectors.tobytes(), everything.joined) == (ENROLLED.vectors.tobytes(), ())


# However it goes, who was enrolled stays who it is.


def towards(target: F32, share: float) -> F32:
    """Return the embedding that lies between the enrolled mean and another one, each half for itself."""
    parts = []
    for half in BOTH:
        start = mean_vector(half_vectors(ENROLLED.vectors, BOTH)[half.name])
        mixed = (1.0 - share) * start + share * half_vectors(target, BOTH)[half.name]
        parts.append(np.sqrt(half.share) * mixed / np.linalg.norm(mixed))
    return np.concatenate(parts).astype(np.float32)


def cosine_to_enrolled(vector: F32) -> float:
    start = mean_vector(half_vectors(ENROLLED.vectors, BOTH)["rgb"])
    return float(start @ half_vectors(vector, BOTH)["rgb"])


STEPS = st.lists(
    st.tuples(
        st.integers(0, 3),  # who it leads to
        st.floats(0.0, 1.0),  # how far
        st.integers(0, 60),
        st.sampled_from(Reason),
        st.integers(-1, 3),  # how many are undone after it
    ),
    max_size=40,
)


@given(STEPS, st.integers(1, 12), st.sampled_from(["nearest", "centre"]))
def test_whatever_is_offered_in_whatever_order_all_that_joined_is_near_to_what_was_enrolled(
    steps: list[tuple[int, float, int, Reason, int]], most: int, strategy: Strategy
) -> None:
    rules = msgspec.structs.replace(RULES, alike_cosine=1.0)
    template, on = ENROLLED, terms(most=most, strategy=strategy, rules=rules)
    for at_s, (person, share, variant, reason, undone) in enumerate(steps):
        offered = view(towards(both_of(person, person, variant=variant, likeness=0.95), share))
        after = joined(template, offered, reason, at_s, on)
        if isinstance(after, Template):
            assert after.generation == template.generation + 1
            assert is_near(ENROLLED, offered, reason, on)
            template = after
        if undone > 0:
            template = without_newest(template, undone)
        assert template.enrolled.vectors.tobytes() == ENROLLED.vectors.tobytes()
        assert len(template.joined) <= room(ENROLLED, rules, most=most)
        assert all(cosine_to_enrolled(row) >= rules.centre_cosine for row in template.vectors[2:])


@pytest.mark.parametrize("reason", Reason)
def test_small_steps_lead_no_further_than_one_could(reason: Reason) -> None:
    rules = msgspec.structs.replace(RULES, alike_cosine=1.0)
    template, refused_at = ENROLLED, 0.0
    target = both_of(STRANGER, STRANGER, variant=1, likeness=0.999)
    for share in np.linspace(0.0, 1.0, 201):  # each step is nearly the one before
        after = joined(template, view(towards(target, float(share))), reason, 1, terms(rules=rules))
        if isinstance(after, Template):
            assert refused_at == 0.0, "joined further away than one that was refused"
            template = after
        else:
            refused_at = refused_at or float(share)
    assert 0.0 < refused_at < 1.0
    assert min(cosine_to_enrolled(row) for row in template.vectors) >= RULES.centre_cosine


# Which attempts may give a view.


def ballot(seq: int, vote: Vote = Vote.OWNER, modality: Modality = Modality.COLOR) -> Ballot:
    return Ballot(seq, seq, vote, Box(0, 0, 1, 1), 700.0, of_owner(seq).vector, b"", modality)


def impression(
    rgb: float,
    depth: float,
    *,
    frames: int = 3,
    modality: Modality = Modality.COLOR,
    rejections: int = 0,
    breaks: int = 0,
) -> Impression:
    ballots = tuple(ballot(seq, modality=modality) for seq in range(frames))
    evidence = Evidence(BOTH, window=ballots, encoded=ballots, rejections=rejections, breaks=breaks)
    return Impression(of_owner(5), evidence, HalfScores({"rgb": rgb, "depth": depth}), {"rgb": 0.5, "depth": 0.5})


def test_a_strong_match_gives_a_view() -> None:
    assert reason_to_join(impression(0.61, 0.61), terms(), matched=True) is Reason.MATCH


@pytest.mark.parametrize(
    "seen",
    [
        impression(0.59, 0.9),
        impression(0.9, 0.59),
        impression(float("nan"), 0.9),
        impression(0.9, 0.9, rejections=1),
        impression(0.9, 0.9, breaks=1),
        impression(0.9, 0.9, modality=Modality.INFRARED),
    ],
    ids=["weak colour", "weak depth", "nan", "a stranger's vote", "a break", "infrared"],
)
def test_a_match_that_was_not_strong_and_whole_gives_none(seen: Impression) -> None:
    assert reason_to_join(seen, terms(), matched=True) is None


@pytest.mark.parametrize(("rgb", "depth"), [(0.46, 0.9), (0.9, 0.46), (0.46, 0.46)])
def test_a_near_miss_gives_a_view_for_a_password(rgb: float, depth: float) -> None:
    assert reason_to_join(impression(rgb, depth, rejections=9), terms(), matched=False) is Reason.PASSWORD


@pytest.mark.parametrize(
    "seen",
    [
        impression(0.44, 0.9),
        impression(0.9, 0.44),
        impression(0.6, 0.6),  # enough, but not matched: something else stood against it
        impression(float("nan"), 0.9),
        impression(0.46, 0.9, frames=2),
        impression(0.46, 0.9, breaks=1),
        impression(0.46, 0.9, modality=Modality.INFRARED),
    ],
    ids=["far colour", "far depth", "no miss", "nan", "few frames", "a break", "infrared"],
)
def test_a_miss_that_was_not_near_gives_none(seen: Impression) -> None:
    assert reason_to_join(seen, terms(), matched=False) is None


def test_where_nothing_has_a_vote_nothing_is_strong_or_near() -> None:
    scores = HalfScores({"rgb": 1.0, "depth": 1.0})
    assert not is_strong(scores, {}, RULES)
    assert not is_near_miss(scores, {}, RULES)
