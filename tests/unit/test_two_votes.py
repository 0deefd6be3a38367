"""An encoder of two halves: colour and depth must each agree, on every frame that counts and on the attempt's mean."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.people import (
    BOTH,
    OWNER,
    STRANGER,
    both_of,
    face_at,
    seen_both,
    seen_other,
    seen_spoof,
    template_of_both,
)
from fakes.rig import DEPTH_BANDS, THRESHOLD, Asked, Rig, two_votes
from kinect_unlock.evidence import (
    Evidence,
    Judgement,
    Vote,
    ballot_of,
    judge,
    mean_scores,
    needed_of_mean,
    vote_for,
    with_ballot,
)
from kinect_unlock.matching import Band, Bar, Known, cosines_needed, half_scores
from kinect_unlock.observations import Embedding, Observation, Seen
from kinect_unlock.settings import EvidenceRules, PoseRange, Ranges, Strategy
from kinect_unlock.wire import Enrol, Hint, Identify, Status, Verify, Word

BARS: Final = (Bar("rgb", (Band(math.inf, THRESHOLD),)), Bar("depth", DEPTH_BANDS))
RULES: Final = EvidenceRules()
ANNA: Final = template_of_both(OWNER, "anna")


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await scene()

    asyncio.run(whole())


def rig_with_anna(strategy: Strategy = "nearest") -> Rig:
    recognised_by, config = two_votes(strategy=strategy)
    rig = Rig(config, recognised_by=recognised_by)
    rig.templates.kept["anna"] = ANNA
    rig.enrolled("anna")
    return rig


async def shown(rig: Rig, look: Callable[[int, int], Observation], *, frames: int = 20) -> Asked:
    """Show an attempt to be anna frames until it ends; ``look`` makes each of attempt and index."""
    asked = await rig.before_camera(Verify("anna"))
    for index in range(frames):
        if rig.camera.attempt is None:
            break
        rig.show(look(rig.attempt, index))
    if rig.camera.attempt is not None:
        rig.controller.floor.on_source_ended(rig.attempt)
    await asked.answer()
    return asked


@pytest.mark.parametrize("strategy", ["nearest", "centre"])
@pytest.mark.parametrize(
    ("color", "depth", "word"),
    [
        pytest.param(OWNER, OWNER, Word.MATCH, id="both-agree"),
        pytest.param(OWNER, STRANGER, Word.NO_MATCH, id="colour-alone"),
        pytest.param(STRANGER, OWNER, Word.NO_MATCH, id="depth-alone"),
        pytest.param(STRANGER, STRANGER, Word.NO_MATCH, id="neither"),
    ],
)
def test_both_votes_are_needed(color: int, depth: int, word: Word, strategy: Strategy) -> None:
    async def scene() -> None:
        rig = rig_with_anna(strategy)
        asked = await shown(rig, lambda attempt, index: seen_both(attempt, index, color, depth))
        assert asked.replies[-1].word is word
        assert rig.ledgers.kept["anna"].failures == int(word is Word.NO_MATCH)

    play(scene)


@pytest.mark.parametrize(
    ("distance_mm", "word"),
    [
        pytest.param(700.0, Word.NO_MATCH, id="near-where-more-is-asked"),
        pytest.param(1000.0, Word.MATCH, id="far-where-less-is-asked"),
        pytest.param(1201.0, Word.TIMED_OUT, id="beyond-the-last-band-nobody-votes"),
    ],
)
def test_what_depth_must_reach_depends_on_the_distance(distance_mm: float, word: Word) -> None:
    async def scene() -> None:
        asked = await shown(rig_with_anna(), lambda attempt, index: _half_alike(attempt, index, distance_mm))
        assert asked.replies[-1].word is word

    play(scene)


def _half_alike(attempt: int, index: int, distance_mm: float) -> Observation:
    """Return a face whose colour is anna's and whose relief reaches the far band's bar, but not the near one's."""
    seen = seen_both(attempt, index, OWNER, OWNER, distance_mm=distance_mm)
    vector = both_of(OWNER, OWNER, variant=index)
    vector[BOTH[1].begin :] = both_of(OWNER, OWNER, variant=index, likeness=0.45)[BOTH[1].begin :]
    return replace(seen, embedding=Embedding(vector, ANNA.model_id))


def test_the_mean_needs_the_most_that_any_of_its_frames_needs() -> None:
    evidence = Evidence(BOTH)
    for index, distance_mm in enumerate((1000.0, 890.0, 1000.0)):
        seen = seen_both(1, index, OWNER, OWNER, distance_mm=distance_mm)
        ballot = ballot_of(seen, Vote.OWNER)
        assert ballot is not None
        evidence = with_ballot(evidence, ballot, RULES)
    assert needed_of_mean(evidence, BARS) == {"rgb": THRESHOLD, "depth": 0.6}


def test_a_jump_is_told_by_colour_not_by_depth() -> None:
    """Depth tells people apart too badly for it, and its noise must not begin an owner's evidence anew."""

    def breaks(color: int, depth: int) -> int:
        evidence = Evidence(BOTH)
        for index, (first, second) in enumerate([(OWNER, OWNER)] * 3 + [(color, depth)]):
            ballot = ballot_of(seen_both(1, index, first, second), Vote.OWNER)
            assert ballot is not None
            evidence = with_ballot(evidence, ballot, RULES)
        return evidence.breaks

    assert breaks(STRANGER, OWNER) == 1
    assert breaks(OWNER, STRANGER) == 0


@pytest.mark.parametrize(
    ("distance_mm", "yaw_deg", "hint"),
    [
        pytest.param(1300.0, 0.0, Hint.MOVE_CLOSER, id="too-far"),
        pytest.param(700.0, 28.0, Hint.LOOK_AT_CAMERA, id="too-turned"),
        pytest.param(700.0, 0.0, Hint.KEEP_FACE_CLEAR, id="holes-or-a-bad-fit"),
    ],
)
def test_depth_unfit_to_vote_opens_nothing_costs_nothing_and_is_hinted_at(
    distance_mm: float, yaw_deg: float, hint: Hint
) -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        face = face_at(distance_mm=distance_mm, yaw_deg=yaw_deg)
        asked = await shown(
            rig, lambda attempt, index: replace(seen_other(attempt, index, Seen.DEPTH_UNFIT), face=face), frames=200
        )
        assert asked.replies[-1].word is Word.TIMED_OUT
        assert [reply.hint for reply in asked.replies if reply.hint] == [hint]
        assert rig.ledgers.kept["anna"].failures == 0
        assert {line.get("vote") for line in rig.log if line["kind"] == "frame"} == {None}

    play(scene)


def test_depth_unfit_to_vote_is_no_sample_of_an_enrolment() -> None:
    async def scene() -> None:
        recognised_by, config = two_votes()
        rig = Rig(config, recognised_by=recognised_by)
        asked = await rig.before_camera(Enrol("anna"))
        for index in range(5):
            rig.show(seen_other(rig.attempt, index, Seen.DEPTH_UNFIT))
        rig.controller.floor.on_source_ended(rig.attempt)
        assert (await asked.answer()).word is Word.ENROL_FAILED
        assert not any(line.get("taken") for line in rig.log)
        assert Hint.KEEP_FACE_CLEAR in [reply.hint for reply in asked.replies]

    play(scene)


def test_who_enrols_is_matched_by_both_halves_of_their_template() -> None:
    async def scene() -> None:
        recognised_by, config = two_votes()
        few = msgspec.structs.replace(config.enrol, stages=("straight",), samples_per_stage=2)
        rig = Rig(msgspec.structs.replace(config, enrol=few), recognised_by=recognised_by)
        asked = await rig.before_camera(Enrol("anna"))
        for index in (0, 4):
            rig.show(seen_both(rig.attempt, index, OWNER, OWNER))
        assert (await asked.answer()).word is Word.ENROLLED
        assert rig.templates.kept["anna"].vectors.shape == (2, BOTH[-1].end)

        owner = await shown(rig, lambda attempt, index: seen_both(attempt, index, OWNER, OWNER))
        mask = await shown(rig, lambda attempt, index: seen_both(attempt, index, OWNER, STRANGER))
        assert [one.replies[-1].word for one in (owner, mask)] == [Word.MATCH, Word.NO_MATCH]

    play(scene)


def test_identification_rests_on_colour_alone() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        rig.templates.kept["bert"] = template_of_both(STRANGER, "bert")
        asked = await rig.before_camera(Identify())
        for index in range(10):
            if rig.camera.attempt is not None:
                rig.show(seen_both(rig.attempt, index, OWNER, STRANGER))
        assert (await asked.answer()).user == "anna"

    play(scene)


def test_a_peer_who_may_ask_why_sees_both_scores_and_others_neither() -> None:
    async def scene() -> None:
        rig = rig_with_anna()
        asked = await rig.before_camera(Verify("anna", explain=True))
        rig.show(seen_both(rig.attempt, 0, OWNER, STRANGER))
        rig.controller.floor.on_source_ended(rig.attempt)
        await asked.answer()
        (data,) = [reply.data for reply in asked.replies if reply.word is Word.FRAME]
        assert data is not None
        assert data["scores"]["rgb"] > 0.8
        assert data["scores"]["depth"] < 0.3
        assert data["thresholds"] == {"rgb": THRESHOLD, "depth": 0.6}
        assert (data["vote"], set(data["mean_scores"])) == ("stranger", {"rgb", "depth"})

        plain = await shown(rig_with_anna(), lambda attempt, index: seen_both(attempt, index, OWNER, STRANGER))
        told = b"".join(msgspec.json.encode(reply) for reply in plain.replies)
        assert b"depth" not in told
        assert b"score" not in told

    play(scene)


def test_status_tells_both_thresholds_with_their_evidence() -> None:
    async def scene() -> None:
        reply = await rig_with_anna().ask(Status()).answer()
        assert reply.data is not None
        assert reply.data["encoder"]["note"] == "colour and depth both vote"
        color, depth = reply.data["thresholds"]
        assert (color["half"], depth["half"]) == ("rgb", "depth")
        assert depth["bands"] == [{"to_mm": 900.0, "cosine": 0.6}, {"to_mm": 1200.0, "cosine": 0.3}]
        assert (depth["far"], depth["evidence"]["note"]) == (None, "a test's")

    play(scene)


def test_a_range_that_reaches_beyond_the_thresholds_is_refused() -> None:
    async def scene() -> None:
        recognised_by, config = two_votes()
        wide = Ranges(depth_vote=PoseRange(near_mm=450, far_mm=1250, yaw_deg=25, pitch_deg=20, roll_deg=25))
        rig = Rig(msgspec.structs.replace(config, ranges=wide), recognised_by=recognised_by)
        rig.templates.kept["anna"] = ANNA
        reply = await rig.ask(Verify("anna")).answer()
        assert reply.word is Word.CONFIG_ERROR
        assert reply.message is not None
        assert "$.ranges.depth_vote.far_mm: two-halves has depth thresholds up to 1200 mm only" in reply.message
        assert rig.camera.starts == []

    play(scene)


def test_a_template_with_more_vectors_than_the_depth_threshold_has_evidence_for_is_refused() -> None:
    async def scene() -> None:
        recognised_by, config = two_votes()
        color, depth = recognised_by.thresholds
        few = replace(recognised_by, thresholds=(color, replace(depth, template_vectors_max=1)))
        rig = Rig(config, recognised_by=few)
        rig.templates.kept["anna"] = ANNA
        reply = await rig.ask(Verify("anna")).answer()
        assert reply.message is not None
        assert "has evidence for at most 1" in reply.message
        assert rig.camera.starts == []

    play(scene)


# One frame: whose colour, whose relief, how far, and whether its place jumps.
frames = st.tuples(
    st.integers(0, 2), st.integers(0, 2), st.sampled_from([600.0, 899.0, 1000.0, 1199.0, 1300.0]), st.booleans()
)


@given(
    looks=st.lists(st.one_of(frames, st.just("spoof")), max_size=30),
    failing=st.sampled_from(["rgb", "depth"]),
    strategy=st.sampled_from(["nearest", "centre"]),
    integrity=st.booleans(),
)
def test_nothing_is_accepted_while_one_half_never_agrees(
    looks: list[tuple[int, int, float, bool] | str],
    failing: str,
    strategy: Strategy,
    integrity: bool,  # noqa: FBT001
) -> None:
    rules = msgspec.structs.replace(RULES, min_span_ms=0.0, integrity=integrity, reject_after=100)
    evidence = Evidence(BOTH)
    for index, look in enumerate(looks):
        if isinstance(look, str):
            seen = seen_spoof(1, index)
        else:
            color, depth, distance_mm, jumps = look
            color, depth = (max(color, 1), depth) if failing == "rgb" else (color, max(depth, 1))
            face = face_at(distance_mm=distance_mm, x_px=2000.0 if jumps else 300.0)
            seen = replace(seen_both(1, index, color, depth), face=face)
        evidence = _with(evidence, seen, strategy, rules)
        found = judge(
            evidence,
            scores_of_mean=mean_scores(evidence, Known(ANNA, strategy, BOTH)),
            needed=needed_of_mean(evidence, BARS),
            rules=rules,
        )
        assert found is not Judgement.ACCEPTED


def _with(evidence: Evidence, seen: Observation, strategy: Strategy, rules: EvidenceRules) -> Evidence:
    """Return the evidence with one frame, as an attempt to verify takes it."""
    vote = Vote.SPOOF
    if seen.embedding is not None and seen.face is not None:
        needed = cosines_needed(BARS, [seen.face.pose.distance_mm])
        if not needed:
            return evidence
        vote = vote_for(half_scores(seen.embedding.vector, ANNA, strategy, BOTH), needed)
    ballot = ballot_of(seen, vote)
    return evidence if ballot is None else with_ballot(evidence, ballot, rules)
