import math
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.people import (
    FRAME_MS,
    LAYOUT,
    OWNER,
    STRANGER,
    face_at,
    seen_face,
    seen_other,
    seen_spoof,
    template_of,
    vector_of,
)
from kinect_unlock.evidence import (
    Evidence,
    Judgement,
    Vote,
    ballot_of,
    judge,
    mean_scores,
    needed_of_mean,
    vote_for,
    votes_hold,
    with_ballot,
    with_second_face,
)
from kinect_unlock.halves import HalfName
from kinect_unlock.matching import Band, Bar, HalfScores, Known, cosines_needed, half_scores
from kinect_unlock.observations import LivenessReport, Observation, Seen, Verdict
from kinect_unlock.settings import EvidenceRules

RULES = EvidenceRules()
TEMPLATE = template_of(OWNER, "anna")
KNOWN = Known(TEMPLATE, "nearest", LAYOUT)
THRESHOLD = 0.5
BARS = (Bar("rgb", (Band(math.inf, THRESHOLD),)),)
NEEDED = cosines_needed(BARS, [700.0])


def with_rules(**changes: Any) -> EvidenceRules:
    return msgspec.structs.replace(RULES, **changes)


def vote_of(observation: Observation) -> Vote:
    if observation.embedding is None:
        return Vote.SPOOF
    return vote_for(half_scores(observation.embedding.vector, TEMPLATE, "nearest", LAYOUT), NEEDED)


def gathered(observations: list[Observation], rules: EvidenceRules = RULES) -> Evidence:
    evidence = Evidence(LAYOUT)
    for observation in observations:
        ballot = ballot_of(observation, vote_of(observation))
        assert ballot is not None
        evidence = with_ballot(evidence, ballot, rules)
    return evidence


def judged(evidence: Evidence, rules: EvidenceRules = RULES) -> Judgement:
    scores = mean_scores(evidence, KNOWN)
    return judge(evidence, scores_of_mean=scores, needed=needed_of_mean(evidence, BARS), rules=rules)


def owner_frames(count: int, *, first: int = 0) -> list[Observation]:
    return [seen_face(1, index, OWNER) for index in range(first, first + count)]


def first_accepted(observations: list[Observation], rules: EvidenceRules = RULES) -> int | None:
    """Return how many frames it took, None if they never sufficed."""
    for count in range(1, len(observations) + 1):
        if judged(gathered(observations[:count], rules), rules) is Judgement.ACCEPTED:
            return count
    return None


def test_the_owner_at_30_hz_is_accepted_after_the_least_span() -> None:
    count = first_accepted(owner_frames(20))
    assert count == 6
    assert (count - 1) * FRAME_MS >= RULES.min_span_ms > (count - 2) * FRAME_MS


def test_a_strangers_frame_never_completes_the_owners_span() -> None:
    rules = with_rules(integrity=False)
    frames = [*owner_frames(3), seen_face(1, 6, STRANGER)]
    assert judged(gathered(frames, rules), rules) is Judgement.UNDECIDED


def test_one_frame_never_decides_even_without_a_least_span() -> None:
    assert first_accepted(owner_frames(5), with_rules(min_span_ms=0.0)) == RULES.votes_needed


def test_a_single_spoof_in_the_window_holds_acceptance_back_until_it_has_left() -> None:
    frames = [*owner_frames(4), seen_spoof(1, 4), *owner_frames(6, first=5)]
    assert first_accepted(frames) == 4 + 1 + RULES.votes_window


def test_votes_without_the_mean_are_not_enough() -> None:
    evidence = gathered(owner_frames(8))
    assert votes_hold(evidence, RULES)
    below = HalfScores({"rgb": THRESHOLD - 1e-6})
    assert judge(evidence, scores_of_mean=below, needed=NEEDED, rules=RULES) is Judgement.UNDECIDED


def test_the_mean_without_votes_is_not_enough() -> None:
    evidence = gathered(owner_frames(2))
    perfect = HalfScores({"rgb": 1.0})
    assert judge(evidence, scores_of_mean=perfect, needed=NEEDED, rules=RULES) is Judgement.UNDECIDED


@pytest.mark.parametrize(
    ("score", "needed"),
    [
        pytest.param({"rgb": math.nan}, {"rgb": THRESHOLD}, id="score-is-no-number"),
        pytest.param({"rgb": 1.0}, {"rgb": math.nan}, id="threshold-is-no-number"),
        pytest.param({}, {"rgb": THRESHOLD}, id="no-score"),
        pytest.param({"rgb": 1.0}, {"rgb": THRESHOLD, "depth": 0.1}, id="no-score-of-one-half"),
        pytest.param({"rgb": 1.0, "depth": 1.0}, {}, id="nobody-has-a-vote"),
    ],
)
def test_what_is_missing_or_no_number_is_a_strangers_and_never_accepts(
    score: dict[HalfName, float], needed: dict[HalfName, float]
) -> None:
    scores = HalfScores(score)
    assert vote_for(scores, needed) is Vote.STRANGER
    evidence = gathered(owner_frames(8))
    assert judge(evidence, scores_of_mean=scores, needed=needed, rules=RULES) is Judgement.UNDECIDED


def test_there_is_no_mean_of_no_frames() -> None:
    assert not mean_scores(Evidence(LAYOUT), KNOWN).cosines
    assert not needed_of_mean(Evidence(LAYOUT), BARS)


def test_a_stranger_is_rejected_after_so_many_frames_and_not_before() -> None:
    frames = [seen_face(1, index, STRANGER) for index in range(RULES.reject_after)]
    assert judged(gathered(frames[:-1])) is Judgement.UNDECIDED
    assert judged(gathered(frames)) is Judgement.REJECTED


def test_rejections_count_over_the_whole_attempt_and_outlive_a_break() -> None:
    strangers = [seen_face(1, index, STRANGER) for index in range(9)]
    elsewhere = seen_spoof(1, 9, face=face_at(x_px=2000.0))
    evidence = gathered([*strangers, elsewhere])
    assert evidence.breaks == 1
    assert judged(evidence) is Judgement.REJECTED


def test_rejection_goes_before_acceptance() -> None:
    strangers = [seen_face(1, index, STRANGER) for index in range(10)]
    rules = with_rules(integrity=False)
    assert judged(gathered([*strangers, *owner_frames(20, first=10)], rules), rules) is Judgement.REJECTED


def test_an_identical_frame_counts_once() -> None:
    frozen = [seen_face(1, index, OWNER, variant=0) for index in range(30)]
    assert len(gathered(frozen).window) == 1
    assert first_accepted(frozen) is None


def test_two_frames_in_turn_count_twice_only() -> None:
    looped = [seen_face(1, index, OWNER, variant=index % 2) for index in range(30)]
    assert first_accepted(looped) is None


def test_an_identical_spoof_counts_once() -> None:
    frozen = [replace(seen_spoof(1, 0), seq=index, captured_ns=index) for index in range(30)]
    assert gathered(frozen).rejections == 1


def test_identical_frames_count_when_that_is_configured() -> None:
    frozen = [seen_face(1, index, OWNER, variant=0) for index in range(10)]
    assert first_accepted(frozen, with_rules(distinct_frames=False)) == 6


@pytest.mark.parametrize("index", [2, 3], ids=["earlier", "same-moment"])
def test_a_frame_that_is_not_later_changes_nothing(index: int) -> None:
    evidence = gathered(owner_frames(4))
    stale = ballot_of(seen_face(1, index, OWNER, variant=9), Vote.OWNER)
    assert stale is not None
    assert with_ballot(evidence, stale, RULES) is evidence


@pytest.mark.parametrize(
    "jump",
    [
        pytest.param(seen_face(1, 5, OWNER, face=face_at(x_px=500.0)), id="place"),
        pytest.param(seen_face(1, 5, OWNER, face=face_at(distance_mm=1000.0)), id="distance"),
        pytest.param(seen_face(1, 5, STRANGER), id="identity"),
        pytest.param(seen_face(1, 40, OWNER), id="gap"),
    ],
)
def test_a_jump_begins_votes_and_mean_anew(jump: Observation) -> None:
    evidence = gathered([*owner_frames(5), jump])
    assert evidence.breaks == 1
    assert len(evidence.window) == len(evidence.vectors) == 1
    assert judged(evidence) is Judgement.UNDECIDED


def test_a_jump_does_nothing_when_integrity_is_off() -> None:
    rules = with_rules(integrity=False)
    frames = [*owner_frames(5), seen_face(1, 40, OWNER, face=face_at(x_px=2000.0, distance_mm=1200.0))]
    assert judged(gathered(frames, rules), rules) is Judgement.ACCEPTED


def test_a_head_that_moves_like_a_head_is_no_jump() -> None:
    frames = [
        seen_face(1, index, OWNER, face=face_at(x_px=300.0 + 20 * index, distance_mm=700.0 - 30 * index))
        for index in range(8)
    ]
    assert gathered(frames).breaks == 0


def test_nobody_can_swap_in_for_an_owner_who_was_nearly_accepted() -> None:
    frames = [*owner_frames(5), *(seen_face(1, index, STRANGER) for index in range(5, 14))]
    assert first_accepted(frames) is None


def test_a_second_face_begins_votes_and_mean_anew_while_rejections_stay() -> None:
    evidence = with_second_face(gathered([seen_face(1, 0, STRANGER), seen_face(1, 1, STRANGER)]), RULES)
    assert (evidence.window, evidence.vectors, evidence.rejections) == ((), (), 2)


def test_a_second_face_changes_nothing_when_integrity_is_off() -> None:
    evidence = gathered(owner_frames(3))
    assert with_second_face(evidence, with_rules(integrity=False)) is evidence


def test_faces_without_a_pose_or_with_one_that_is_no_number_cast_no_ballot() -> None:
    assert ballot_of(replace(seen_face(1, 0, OWNER), face=None), Vote.OWNER) is None
    assert ballot_of(seen_face(1, 0, OWNER, face=face_at(distance_mm=math.nan)), Vote.OWNER) is None


@pytest.mark.parametrize("seen", [one for one in Seen if one not in {Seen.FACE, Seen.SPOOF}])
@pytest.mark.parametrize("vote", list(Vote))
def test_unusable_frames_cast_no_ballot_whatever_the_vote(seen: Seen, vote: Vote) -> None:
    assert ballot_of(seen_other(1, 0, seen), vote) is None


@pytest.mark.parametrize("verdict", [None, Verdict.SPOOF, Verdict.UNSURE])
def test_a_face_that_liveness_did_not_call_live_casts_no_ballot(verdict: Verdict | None) -> None:
    report = None if verdict is None else LivenessReport(verdict, ())
    assert ballot_of(replace(seen_face(1, 0, OWNER), liveness=report), Vote.OWNER) is None


@pytest.mark.parametrize("vote", [Vote.OWNER, Vote.STRANGER])
def test_a_spoof_never_votes_for_anybody(vote: Vote) -> None:
    assert ballot_of(seen_spoof(1, 0), vote) is None


def test_opposite_faces_have_no_mean_and_are_not_accepted() -> None:
    rules = with_rules(integrity=False)
    frame = seen_face(1, 0, OWNER)
    ballot = ballot_of(frame, Vote.OWNER)
    assert ballot is not None
    opposite = replace(ballot, captured_ns=10**9, vector=-vector_of(OWNER), fingerprint=b"x")
    evidence = with_ballot(with_ballot(Evidence(LAYOUT), ballot, rules), opposite, rules)
    assert not mean_scores(evidence, KNOWN).cosines


frame_kinds = st.lists(st.sampled_from(["owner", "stranger", "spoof", "jump"]), max_size=25)


@given(kinds=frame_kinds)
def test_whatever_comes_acceptance_needs_the_votes_and_the_mean(kinds: list[str]) -> None:
    """Compare with a plain recount of the frames since the last break."""
    frames: list[Observation] = []
    x_px = 300.0
    for index, kind in enumerate(kinds):
        x_px += 1000.0 if kind == "jump" else 0.0
        face = face_at(x_px=x_px)
        spoof = kind == "spoof"
        person = STRANGER if kind == "stranger" else OWNER
        frames.append(seen_spoof(1, index, face=face) if spoof else seen_face(1, index, person, face=face))
    rules = with_rules(min_span_ms=0.0)
    evidence = gathered(frames, rules)
    votes = [vote_of(frame) for frame in frames]
    assert evidence.rejections == len([vote for vote in votes if vote is not Vote.OWNER])
    if judged(evidence, rules) is Judgement.ACCEPTED:
        recent = votes[-rules.votes_window :]
        assert recent.count(Vote.OWNER) >= rules.votes_needed
        assert recent[-1] is Vote.OWNER
        assert "jump" not in kinds[-rules.votes_needed + 1 :]
        assert Vote.SPOOF not in [ballot.vote for ballot in evidence.window]
