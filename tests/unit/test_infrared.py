"""Faces in infrared, as the controller has them: enrolled beside colour, compared with their like, and never mixed."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.people import (
    LAYOUT,
    OWNER,
    SPACE,
    STRANGER,
    face_at,
    in_infrared,
    seen_face,
    seen_other,
    seen_spoof,
    template_of,
    vector_of,
    with_infrared,
)
from fakes.rig import CONFIG, Rig, recogniser
from kinect_unlock.evidence import Evidence, Vote, ballot_of, with_ballot
from kinect_unlock.observations import Embedding, Modality, Observation, Seen
from kinect_unlock.ports import Recogniser
from kinect_unlock.settings import Config, EvidenceRules, Match
from kinect_unlock.settings import Enrol as EnrolRules
from kinect_unlock.templates import Template
from kinect_unlock.wire import Enrol, Forget, Hint, Identify, Users, Verify, Word

ON = msgspec.structs.replace(
    CONFIG, match=Match(infrared=True), enrol=EnrolRules(stages=("straight", "left"), samples_per_stage=2)
)
ANNA = with_infrared(template_of(OWNER, "anna"), OWNER)
OTHER_FACE = 2


def proven() -> Recogniser:
    """An encoder with the same evidence for infrared as for colour, which no real one has."""
    plain = recogniser()
    return replace(plain, infrared=plain.thresholds)


def rig_of(template: Template | None = ANNA, *, config: Config = ON, by: Recogniser | None = None) -> Rig:
    rig = Rig(config, recognised_by=by)
    if template is not None:
        rig.templates.kept[template.user] = template
        rig.enrolled(template.user)
    return rig


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await scene()

    asyncio.run(whole())


def ir_face(attempt: int, index: int, person: int = OWNER) -> Observation:
    return in_infrared(seen_face(attempt, index, person))


def show(rig: Rig, frames: Sequence[Callable[[int, int], Observation]]) -> None:
    """Show one frame after the other, for as long as the camera is open."""
    for index, frame in enumerate(frames):
        if rig.camera.attempt is not None:
            rig.show(frame(rig.attempt, index))


def frames_in(rig: Rig) -> list[dict[str, Any]]:
    return [line for line in rig.log if line["kind"] == "frame"]


def test_without_evidence_a_face_in_infrared_is_scored_but_matches_nobody_and_fails_nobody() -> None:
    async def scene() -> None:
        rig = rig_of()
        asked = await rig.before_camera(Verify("anna", explain=True))
        show(rig, [ir_face] * 160)
        assert (await asked.answer()).word is Word.TIMED_OUT
        assert rig.ledgers.kept["anna"].failures == 0
        judged = frames_in(rig)[0]
        assert (judged["modality"], judged["vote"], judged["counted"]) == ("infrared", None, False)
        assert judged["scores"]["rgb"] > 0.8
        assert judged["would"] == "owner"
        explained = [reply.data for reply in asked.replies if reply.word is Word.FRAME]
        assert explained[0] is not None
        assert explained[0]["would"] == "owner"

    play(scene)


def test_how_a_stranger_would_vote_in_infrared_is_told_too() -> None:
    async def scene() -> None:
        rig = rig_of()
        asked = await rig.before_camera(Verify("anna"))
        show(rig, [lambda attempt, index: ir_face(attempt, index, STRANGER)] * 12)
        rig.controller.floor.on_source_ended(rig.attempt)
        assert (await asked.answer()).word is Word.TIMED_OUT
        assert {line["would"] for line in frames_in(rig)} == {"stranger"}

    play(scene)


def test_who_cannot_be_judged_in_infrared_is_told_to_make_light() -> None:
    async def scene() -> None:
        rig = rig_of()
        asked = await rig.before_camera(Verify("anna"))
        show(rig, [ir_face] * 5)
        assert [reply.hint for reply in asked.replies if reply.hint is not None] == [Hint.MORE_LIGHT]
        asked.gone.set()
        await asked.answer()

    play(scene)


def test_with_evidence_the_owner_matches_in_infrared_and_is_not_told_to_make_light() -> None:
    async def scene() -> None:
        rig = rig_of(by=proven())
        asked = await rig.before_camera(Verify("anna"))
        show(rig, [ir_face] * 10)
        assert (await asked.answer()).word is Word.MATCH
        assert not [reply for reply in asked.replies if reply.hint is not None]
        assert not [line for line in frames_in(rig) if "would" in line]

    play(scene)


def test_with_evidence_a_stranger_in_infrared_is_refused_and_counted() -> None:
    async def scene() -> None:
        rig = rig_of(by=proven())
        asked = await rig.before_camera(Verify("anna"))
        show(rig, [lambda attempt, index: ir_face(attempt, index, STRANGER)] * 10)
        assert (await asked.answer()).word is Word.NO_MATCH
        assert rig.ledgers.kept["anna"].failures == 1

    play(scene)


@pytest.mark.parametrize("in_color", [OWNER, OTHER_FACE], ids=["the-owner", "somebody-else"])
def test_a_face_in_infrared_is_compared_with_infrared_alone(in_color: int) -> None:
    async def scene() -> None:
        template = with_infrared(template_of(in_color, "anna"), OWNER if in_color == OTHER_FACE else OTHER_FACE)
        rig = rig_of(template, by=proven())
        asked = await rig.before_camera(Verify("anna"))
        show(rig, [ir_face] * 10)
        assert (await asked.answer()).word is (Word.MATCH if in_color == OTHER_FACE else Word.NO_MATCH)

    play(scene)


def test_a_face_in_colour_is_compared_with_colour_alone() -> None:
    async def scene() -> None:
        rig = rig_of(with_infrared(template_of(OTHER_FACE, "anna"), OWNER), by=proven())
        asked = await rig.before_camera(Verify("anna"))
        rig.show_person(OWNER, 10)
        assert (await asked.answer()).word is Word.NO_MATCH

    play(scene)


def test_who_was_enrolled_before_there_was_infrared_is_neither_matched_nor_refused_by_it() -> None:
    async def scene() -> None:
        rig = rig_of(template_of(OWNER, "anna"), by=proven())
        asked = await rig.before_camera(Verify("anna"))
        show(rig, [lambda attempt, index: ir_face(attempt, index, STRANGER)] * 20)
        assert [line["vote"] for line in frames_in(rig)] == [None] * 20
        assert not [line for line in frames_in(rig) if "would" in line]
        rig.controller.floor.on_source_ended(rig.attempt)
        assert (await asked.answer()).word is Word.TIMED_OUT
        assert rig.ledgers.kept["anna"].failures == 0

    play(scene)


@pytest.mark.parametrize("integrity", [True, False])
def test_a_change_of_light_begins_the_evidence_anew_whatever_is_configured(*, integrity: bool) -> None:
    async def scene() -> None:
        config = msgspec.structs.replace(
            ON, evidence=EvidenceRules(votes_needed=3, min_span_ms=60, integrity=integrity)
        )
        rig = rig_of(config=config, by=proven())
        asked = await rig.before_camera(Verify("anna"))
        show(rig, [ir_face, ir_face, *[lambda attempt, index: seen_face(attempt, index, OWNER)] * 2, ir_face, ir_face])
        assert [line["breaks"] for line in frames_in(rig)] == [0, 0, 1, 1, 2, 2]
        assert rig.camera.attempt is not None, "six votes, but never three in one light"
        rig.show(ir_face(rig.attempt, 6))
        assert (await asked.answer()).word is Word.MATCH

    play(scene)


@pytest.mark.parametrize(
    ("by", "word"), [(None, Word.TIMED_OUT), (proven(), Word.NO_MATCH)], ids=["unproven", "proven"]
)
def test_a_spoof_in_infrared_counts_where_infrared_does(by: Recogniser | None, word: Word) -> None:
    async def scene() -> None:
        rig = rig_of(by=by)
        asked = await rig.before_camera(Verify("anna"))
        show(rig, [lambda attempt, index: in_infrared(seen_spoof(attempt, index))] * 160)
        assert (await asked.answer()).word is word

    play(scene)


@given(lights=st.lists(st.sampled_from(Modality), max_size=20), integrity=st.booleans())
def test_evidence_never_holds_two_lights(lights: list[Modality], *, integrity: bool) -> None:
    rules, evidence, before = EvidenceRules(integrity=integrity), Evidence(LAYOUT), Modality.COLOR
    for index, light in enumerate(lights):
        ballot = ballot_of(replace(seen_face(1, index, OWNER), modality=light), Vote.OWNER)
        assert ballot is not None
        breaks = evidence.breaks
        evidence = with_ballot(evidence, ballot, rules)
        assert {one.modality for one in (*evidence.window, *evidence.encoded)} == {light} == {evidence.modality}
        assert (evidence.breaks > breaks) is (index > 0 and light is not before)
        before = light


def test_nobody_is_named_by_infrared() -> None:
    async def scene() -> None:
        rig = rig_of(by=proven())
        asked = await rig.before_camera(Identify())
        show(rig, [ir_face] * 160)
        reply = await asked.answer()
        assert (reply.word, reply.user) == (Word.TIMED_OUT, None)
        assert Hint.MORE_LIGHT in [one.hint for one in asked.replies]

    play(scene)


def test_the_dark_is_no_vote_and_is_told_of_and_ends_as_if_nobody_came() -> None:
    async def scene() -> None:
        rig = rig_of(config=CONFIG)
        asked = await rig.before_camera(Verify("anna"))
        show(rig, [lambda attempt, index: seen_other(attempt, index, Seen.DARK)] * 62)
        assert (await asked.answer()).word is Word.TIMED_OUT
        assert [reply.hint for reply in asked.replies if reply.hint is not None] == [Hint.MORE_LIGHT]
        assert {(line["seen"], line["vote"], line["counted"]) for line in frames_in(rig)} == {("dark", None, False)}
        assert rig.ledgers.kept["anna"].failures == 0

    play(scene)


def enrol_frames(*, infrared: Callable[[int], int | None]) -> list[Callable[[int, int], Observation]]:
    """Two stages of two samples each; ``infrared`` says whom infrared shows beside a frame, None: nobody."""

    def frame(attempt: int, index: int) -> Observation:
        seen = seen_face(attempt, index, OWNER, face=face_at(yaw_deg=0.0 if index < 8 else -20.0))
        person = infrared(index)
        beside = None if person is None else Embedding(vector_of(person, variant=index + 5, likeness=0.95), SPACE)
        return replace(seen, beside=beside)

    return [frame] * 16


async def enrolled(rig: Rig, frames: Sequence[Callable[[int, int], Observation]]) -> tuple[Template | None, list[str]]:
    """Enrol anna; return her template and the warnings."""
    asked = await rig.before_camera(Enrol("anna"))
    show(rig, frames)
    if rig.camera.attempt is not None:
        rig.controller.floor.on_source_ended(rig.attempt)
    await asked.answer()
    return rig.templates.kept.get("anna"), [
        reply.message or "" for reply in asked.replies if reply.word is Word.WARNING
    ]


def test_infrared_is_enrolled_beside_colour_and_shown_and_forgotten_with_it() -> None:
    async def scene() -> None:
        rig = rig_of(None)
        template, warnings = await enrolled(rig, enrol_frames(infrared=lambda _: OWNER))
        assert template is not None
        assert template.infrared is not None
        assert not warnings
        assert (len(template.vectors), template.infrared.poses) == (4, template.poses)
        assert not {row.tobytes() for row in template.vectors} & {row.tobytes() for row in template.infrared.vectors}

        told = await rig.ask(Users()).answer()
        assert told.data is not None
        assert told.data["users"][0]["infrared_vectors"] == 4
        await rig.ask(Forget("anna")).answer()
        assert "anna" not in rig.templates.kept

    play(scene)


def test_who_was_enrolled_in_infrared_is_recognised_there() -> None:
    async def scene() -> None:
        rig = rig_of(None, by=proven())
        await enrolled(rig, enrol_frames(infrared=lambda _: OTHER_FACE))  # as different as another face can look there
        asked = await rig.before_camera(Verify("anna"))
        show(rig, [lambda attempt, index: ir_face(attempt, index, OTHER_FACE)] * 10)
        assert (await asked.answer()).word is Word.MATCH

    play(scene)


@pytest.mark.parametrize(
    ("infrared", "why"),
    [
        pytest.param(lambda _: None, "no face was found there", id="never-seen"),
        pytest.param(lambda index: OWNER if index < 8 else None, "no face was found there", id="not-in-one-stage"),
        pytest.param(lambda index: OWNER if index < 8 else STRANGER, "unlike each other", id="two-people"),
    ],
)
def test_where_infrared_does_not_do_colour_is_enrolled_alone(infrared: Callable[[int], int | None], why: str) -> None:
    async def scene() -> None:
        template, warnings = await enrolled(rig_of(None), enrol_frames(infrared=infrared))
        assert template is not None
        assert (len(template.vectors), template.infrared) == (4, None)
        (warning,) = warnings
        assert why in warning

    play(scene)


def test_nobody_is_enrolled_by_infrared_alone() -> None:
    async def scene() -> None:
        frames = [lambda attempt, index: replace(in_infrared(seen_face(attempt, index, OWNER)))] * 30
        template, _ = await enrolled(rig_of(None, by=proven()), frames)
        assert template is None

    play(scene)


def test_infrared_of_another_space_is_not_kept() -> None:
    async def scene() -> None:
        frames = [
            lambda attempt, index, show=show: replace(
                show(attempt, index), beside=Embedding(vector_of(OWNER, variant=index), "another-space/1")
            )
            for show in enrol_frames(infrared=lambda _: None)
        ]
        template, _ = await enrolled(rig_of(None), frames)
        assert template is not None
        assert template.infrared is None

    play(scene)
