import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import msgspec
import numpy as np
import pytest

from fakes.people import OWNER, STRANGER, face_at, seen_face, seen_other, seen_spoof, template_of
from fakes.rig import CONFIG, Rig, recogniser
from kinect_unlock.errors import SourceLost
from kinect_unlock.frames import Origin
from kinect_unlock.observations import Face, Seen
from kinect_unlock.ports import Peer
from kinect_unlock.settings import Config, Source, Stage
from kinect_unlock.settings import Enrol as EnrolRules
from kinect_unlock.wire import AnyRequest, Enrol, Hint, Verify, Word

POSES: dict[Stage, Face] = {
    "straight": face_at(),
    "left": face_at(yaw_deg=-20.0),
    "right": face_at(yaw_deg=20.0),
    "up": face_at(pitch_deg=15.0),
    "down": face_at(pitch_deg=-15.0),
}
TWO_STAGES = EnrolRules(stages=("straight", "left"), samples_per_stage=2)


def config_with(rules: EnrolRules, **parts: Any) -> Config:
    return msgspec.structs.replace(CONFIG, enrol=rules, **parts)


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await scene()

    asyncio.run(whole())


def hold(rig: Rig, stage: Stage, frames: Iterator[int], *, samples: int = 2, person: int = OWNER) -> None:
    """Hold a stage's pose for as many frames as its samples take at 30 Hz: one in four is late enough."""
    for _ in range(4 * samples):
        if rig.camera.attempt is not None:
            rig.show(seen_face(rig.attempt, next(frames), person, face=POSES[stage]))


def test_an_enrolment_goes_through_its_stages_and_saves_one_template() -> None:
    async def scene() -> None:
        rig = Rig()
        asked = await rig.before_camera(Enrol("anna"))
        frames = count()
        for stage in CONFIG.enrol.stages:
            hold(rig, stage, frames)
        reply = await asked.answer()
        assert reply.word is Word.ENROLLED
        assert reply.data == {"vectors": 10, "stages": ["straight", "left", "right", "up", "down"]}
        told = [(one.word, one.stage) for one in asked.replies if one.stage is not None]
        expected = [(word, stage) for stage in CONFIG.enrol.stages for word in (Word.STAGE, Word.STAGE_PASSED)]
        assert told == expected
        template = rig.templates.kept["anna"]
        assert (template.origin, template.generation, len(template.vectors)) == (Origin.RECORDING, 1, 10)
        yaws = [pose.yaw_deg for pose in template.poses if pose is not None]
        assert yaws == [0.0, 0.0, -20.0, -20.0, 20.0, 20.0, 0.0, 0.0, 0.0, 0.0]
        assert rig.camera.attempt is None
        assert rig.camera.starts == [(1, "enrol", None)]

    play(scene)


def test_who_was_enrolled_is_recognised() -> None:
    async def scene() -> None:
        rig = Rig(config_with(TWO_STAGES))
        asked = await rig.before_camera(Enrol("anna"))
        frames = count()
        hold(rig, "straight", frames)
        hold(rig, "left", frames)
        await asked.answer()
        again = await rig.before_camera(Verify("anna"))
        rig.show_person(OWNER, 10)
        assert (await again.answer()).word is Word.MATCH

    play(scene)


def test_a_stage_takes_only_its_own_pose_and_tells_where_to_turn() -> None:
    async def scene() -> None:
        rig = Rig(config_with(EnrolRules(stages=("left",), samples_per_stage=1)))
        asked = await rig.before_camera(Enrol("anna"))
        frames = count()
        hold(rig, "right", frames)
        assert not rig.templates.kept
        assert [reply.hint for reply in asked.replies if reply.hint is not None] == [Hint.TURN_LEFT]
        hold(rig, "left", frames)
        assert (await asked.answer()).word is Word.ENROLLED

    play(scene)


def test_stage_any_takes_every_pose() -> None:
    async def scene() -> None:
        rig = Rig(config_with(EnrolRules(stages=("any",), samples_per_stage=3)))
        asked = await rig.before_camera(Enrol("anna"))
        frames = count()
        for stage in ("up", "left", "straight"):
            hold(rig, stage, frames, samples=1)
        assert (await asked.answer()).word is Word.ENROLLED

    play(scene)


@pytest.mark.parametrize("seen", [seen for seen in Seen if seen not in {Seen.FACE, Seen.SPOOF}])
def test_a_frame_that_is_not_one_live_face_is_no_sample(seen: Seen) -> None:
    async def scene() -> None:
        rig = Rig(config_with(EnrolRules(stages=("any",), samples_per_stage=1)))
        asked = await rig.before_camera(Enrol("anna"))
        for index in range(20):
            rig.show(seen_other(rig.attempt, index, seen))
        rig.controller.floor.on_source_ended(rig.attempt)
        assert (await asked.answer()).word is Word.ENROL_FAILED
        assert not rig.templates.kept

    play(scene)


def test_a_photo_is_never_enrolled() -> None:
    async def scene() -> None:
        rig = Rig(config_with(EnrolRules(stages=("any",), samples_per_stage=1, stage_timeout_s=1.0)))
        asked = await rig.before_camera(Enrol("anna"))
        for index in range(40):
            if rig.camera.attempt is not None:
                rig.show(seen_spoof(rig.attempt, index))
        reply = await asked.answer()
        assert (reply.word, reply.stage) == (Word.ENROL_FAILED, "any")
        assert reply.message == "not completed within 1 s; nothing changed"
        assert not rig.templates.kept

    play(scene)


@pytest.mark.parametrize("lacking", ["liveness", "space", "pose"])
def test_a_face_that_lacks_something_is_no_sample(lacking: str) -> None:
    async def scene() -> None:
        rig = Rig(config_with(EnrolRules(stages=("any",), samples_per_stage=1)))
        asked = await rig.before_camera(Enrol("anna"))
        frame = seen_face(rig.attempt, 0, OWNER)
        assert frame.embedding is not None
        without = {
            "liveness": replace(frame, liveness=None),
            "space": replace(frame, embedding=replace(frame.embedding, model_id="elsewhere")),
            "pose": replace(frame, face=None),
        }
        rig.show(without[lacking])
        rig.controller.floor.on_source_ended(rig.attempt)
        assert (await asked.answer()).word is Word.ENROL_FAILED

    play(scene)


def test_an_identical_frame_is_one_sample() -> None:
    async def scene() -> None:
        rig = Rig(config_with(EnrolRules(stages=("any",), samples_per_stage=2)))
        asked = await rig.before_camera(Enrol("anna"))
        for index in range(40):
            rig.show(seen_face(rig.attempt, index, OWNER, variant=0))
        assert rig.camera.attempt is not None
        asked.gone.set()
        assert (await asked.answer()).word is Word.CANCELLED

    play(scene)


def test_every_stage_has_its_own_time() -> None:
    async def scene() -> None:
        rules = EnrolRules(stages=("straight", "left"), samples_per_stage=1, stage_timeout_s=1.0)
        rig = Rig(config_with(rules))
        asked = await rig.before_camera(Enrol("anna"))
        rig.show(seen_other(rig.attempt, 0, Seen.NO_FACE))
        rig.show(seen_face(rig.attempt, 29, OWNER))
        rig.show(seen_other(rig.attempt, 30, Seen.NO_FACE))
        rig.show(seen_other(rig.attempt, 59, Seen.NO_FACE))
        assert rig.camera.attempt is not None
        rig.show(seen_other(rig.attempt, 61, Seen.NO_FACE))
        reply = await asked.answer()
        assert (reply.word, reply.stage) == (Word.ENROL_FAILED, "left")

    play(scene)


def test_two_people_in_one_enrolment_are_found_in_review_and_nothing_is_written() -> None:
    async def scene() -> None:
        rig = Rig(config_with(TWO_STAGES))
        rig.templates.kept["anna"] = older = template_of(OWNER, "anna")
        asked = await rig.before_camera(Enrol("anna"))
        frames = count()
        hold(rig, "straight", frames)
        hold(rig, "left", frames, person=STRANGER)
        reply = await asked.answer()
        assert reply.word is Word.ENROL_FAILED
        assert reply.message is not None
        assert "do not all show one person" in reply.message
        assert rig.templates.kept["anna"] is older
        assert rig.camera.attempt is None

    play(scene)


def test_a_likeness_to_another_user_is_told_and_does_not_stop() -> None:
    async def scene() -> None:
        rig = Rig(config_with(TWO_STAGES))
        rig.templates.kept["twin"] = template_of(OWNER, "twin")
        rig.templates.kept["elsewhere"] = template_of(OWNER, "elsewhere", model_id="another/1")
        asked = await rig.before_camera(Enrol("anna"))
        frames = count()
        hold(rig, "straight", frames)
        hold(rig, "left", frames)
        assert (await asked.answer()).word is Word.ENROLLED
        warnings = [reply.message for reply in asked.replies if reply.word is Word.WARNING]
        assert warnings == ["looks much like user twin: either may be taken for the other"]

    play(scene)


class _SaysYes:
    async def permits(self, peer: Peer, request: AnyRequest) -> bool:
        return (peer.uid, type(request)) == (1001, Enrol)


def test_who_enrols_themself_is_not_told_whose_face_theirs_is_like() -> None:
    async def scene() -> None:
        rig = Rig(config_with(TWO_STAGES), shared=True, authority=_SaysYes())
        rig.templates.kept["twin"] = template_of(OWNER, "twin")
        rig.templates.corrupt.add("bert")
        asked = await rig.before_camera(Enrol("anna"), Peer(pid=5, uid=1001, gid=1001))
        frames = count()
        hold(rig, "straight", frames)
        hold(rig, "left", frames)
        assert (await asked.answer()).word is Word.ENROLLED
        warnings = [reply.message for reply in asked.replies if reply.word is Word.WARNING]
        assert warnings == [
            "could not be compared with a user, whose template cannot be read",
            "looks much like another user: either may be taken for the other",
        ]

    play(scene)


def test_another_users_damaged_template_is_told_and_does_not_stop() -> None:
    async def scene() -> None:
        rig = Rig(config_with(TWO_STAGES))
        rig.templates.corrupt.add("bert")
        asked = await rig.before_camera(Enrol("anna"))
        frames = count()
        hold(rig, "straight", frames)
        hold(rig, "left", frames)
        assert (await asked.answer()).word is Word.ENROLLED
        assert Word.WARNING in asked.words

    play(scene)


def test_a_template_that_cannot_be_written_leaves_the_older_one() -> None:
    async def scene() -> None:
        rig = Rig(config_with(TWO_STAGES))
        rig.templates.kept["anna"] = older = template_of(OWNER, "anna")
        rig.templates.failing = True
        asked = await rig.before_camera(Enrol("anna"))
        frames = count()
        hold(rig, "straight", frames)
        hold(rig, "left", frames)
        assert (await asked.answer()).word is Word.STORE_ERROR
        assert rig.templates.kept["anna"] is older

    play(scene)


def test_a_ledger_that_cannot_be_written_leaves_the_older_template() -> None:
    async def scene() -> None:
        rig = Rig(config_with(TWO_STAGES))
        rig.templates.kept["anna"] = older = template_of(OWNER, "anna")
        rig.ledgers.failing_save = True
        asked = await rig.before_camera(Enrol("anna"))
        frames = count()
        hold(rig, "straight", frames)
        hold(rig, "left", frames)
        assert (await asked.answer()).word is Word.STORE_ERROR
        assert rig.templates.kept["anna"] is older

    play(scene)


def test_enrolling_again_replaces_and_counts_generations_but_forgives_nothing() -> None:
    async def scene() -> None:
        rig = Rig(config_with(TWO_STAGES))
        rig.templates.kept["anna"] = template_of(STRANGER, "anna")
        rig.enrolled("anna")
        rig.ledgers.kept["anna"] = msgspec.structs.replace(rig.ledgers.kept["anna"], failures=5, locked_out=True)
        asked = await rig.before_camera(Enrol("anna"))
        frames = count()
        hold(rig, "straight", frames)
        hold(rig, "left", frames)
        await asked.answer()
        assert rig.templates.kept["anna"].generation == 2
        assert (rig.ledgers.kept["anna"].failures, rig.ledgers.kept["anna"].locked_out) == (5, True)

    play(scene)


def test_a_damaged_template_can_be_enrolled_over() -> None:
    async def scene() -> None:
        rig = Rig(config_with(TWO_STAGES))
        rig.templates.corrupt.add("anna")
        asked = await rig.before_camera(Enrol("anna"))
        frames = count()
        hold(rig, "straight", frames)
        hold(rig, "left", frames)
        assert (await asked.answer()).word is Word.ENROLLED
        assert rig.templates.kept["anna"].generation == 1

    play(scene)


def test_losing_the_camera_ends_an_enrolment_with_its_word_and_nothing_written() -> None:
    async def scene() -> None:
        rig = Rig(config_with(TWO_STAGES))
        asked = await rig.before_camera(Enrol("anna"))
        hold(rig, "straight", count())
        rig.controller.floor.on_source_lost(rig.attempt, SourceLost("unplugged"))
        assert (await asked.answer()).word is Word.SOURCE_LOST
        assert not rig.templates.kept
        assert not rig.ledgers.saves

    play(scene)


def test_hanging_up_ends_an_enrolment_with_nothing_written() -> None:
    async def scene() -> None:
        rig = Rig(config_with(TWO_STAGES))
        asked = await rig.before_camera(Enrol("anna"))
        hold(rig, "straight", count())
        asked.gone.set()
        assert (await asked.answer()).word is Word.CANCELLED
        assert not rig.templates.kept
        assert rig.camera.attempt is None

    play(scene)


def test_more_samples_than_the_threshold_has_evidence_for_are_refused_before_the_camera_opens() -> None:
    async def scene() -> None:
        rig = Rig(recognised_by=recogniser(template_vectors_max=9))
        reply = await rig.ask(Enrol("anna")).answer()
        assert reply.word is Word.CONFIG_ERROR
        assert reply.message is not None
        assert "10 samples" in reply.message
        assert rig.camera.starts == []

    play(scene)


def test_an_explained_enrolment_tells_each_frame() -> None:
    async def scene() -> None:
        rig = Rig(config_with(EnrolRules(stages=("any",), samples_per_stage=2)))
        asked = await rig.before_camera(Enrol("anna", explain=True))
        frames = count()
        hold(rig, "straight", frames)
        await asked.answer()
        told = [reply.data for reply in asked.replies if reply.word is Word.FRAME]
        assert [one["taken"] for one in told if one is not None] == [True, False, False, False, True]

    play(scene)


def test_a_live_stage_without_frames_is_ended_by_the_loops_timer() -> None:
    async def scene() -> None:
        rig = Rig(config_with(TWO_STAGES, source=Source(kind="kinect-v2")), origin=Origin.SENSOR)
        asked = await rig.before_camera(Enrol("anna"))
        hold(rig, "straight", count())
        assert [timer.delay_s for timer in rig.timers.pending] == [21.0]
        rig.timers.fire()
        assert (await asked.answer()).word is Word.ENROL_FAILED
        assert rig.timers.pending == []

    play(scene)


def test_the_template_holds_exactly_the_samples() -> None:
    async def scene() -> None:
        rig = Rig(config_with(EnrolRules(stages=("any",), samples_per_stage=2)))
        asked = await rig.before_camera(Enrol("anna"))
        shown = [seen_face(rig.attempt, index, OWNER) for index in (0, 4)]
        for observation in shown:
            rig.show(observation)
        await asked.answer()
        expected = [observation.embedding.vector for observation in shown if observation.embedding is not None]
        np.testing.assert_array_equal(rig.templates.kept["anna"].vectors, np.stack(expected))

    play(scene)
