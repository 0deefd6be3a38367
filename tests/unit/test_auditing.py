"""One record of every attempt, whatever way it ends, and who is told of it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import msgspec
import pytest

from fakes.logins import FakeLoginWatch, at_desk
from fakes.people import OWNER, STRANGER, seen_other, seen_spoof, template_of
from fakes.rig import ME, OTHER, ROOT, Asked, Rig
from kinect_unlock.audit import Cause, Ending, Record
from kinect_unlock.auditing import REFUSALS
from kinect_unlock.camera_report import CameraReport, Identity
from kinect_unlock.clock import NS_PER_S
from kinect_unlock.complaints import TOLD_APART
from kinect_unlock.errors import SourceError, SourceLost
from kinect_unlock.frames import Origin
from kinect_unlock.observations import Seen
from kinect_unlock.ports import Peer
from kinect_unlock.wire import (
    Enrol,
    Forget,
    Hint,
    Identify,
    PasswordOk,
    Records,
    Reply,
    Status,
    Users,
    Verify,
    Word,
)

Way: TypeAlias = Callable[[Rig], Awaitable[Reply]]


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await scene()

    asyncio.run(whole())


def enrolled_rig(**facts: object) -> Rig:
    rig = Rig(**facts)  # type: ignore[arg-type] # a test's choice of its arguments
    origin = rig.facts.origin
    rig.templates.kept["anna"] = template_of(OWNER, "anna", origin=origin)
    rig.enrolled("anna")
    return rig


async def recognised(rig: Rig) -> Reply:
    asked = await rig.before_camera(Verify("anna", stream="a.mkv", service="login"), ROOT)
    rig.show_person(OWNER, 10)
    return await asked.answer()


async def a_stranger(rig: Rig) -> Reply:
    asked = await rig.before_camera(Verify("anna"))
    rig.show_person(STRANGER, 10)
    return await asked.answer()


async def a_picture(rig: Rig) -> Reply:
    asked = await rig.before_camera(Verify("anna"))
    for index in range(20):
        if rig.camera.attempt is not None:
            rig.show(seen_spoof(rig.attempt, index))
    return await asked.answer()


async def nobody(rig: Rig) -> Reply:
    asked = await rig.before_camera(Verify("anna"))
    for index in range(200):
        if rig.camera.attempt is not None:
            rig.show(seen_other(rig.attempt, index, Seen.NO_FACE))
    return await asked.answer()


async def hung_up(rig: Rig) -> Reply:
    asked = await rig.before_camera(Verify("anna"))
    asked.gone.set()
    return await asked.answer()


async def unplugged(rig: Rig) -> Reply:
    asked = await rig.before_camera(Verify("anna"))
    rig.controller.floor.on_source_lost(rig.attempt, SourceLost("unplugged"))
    return await asked.answer()


async def no_camera(rig: Rig) -> Reply:
    rig.camera.refusal = SourceError("not connected")
    return await rig.ask(Verify("anna")).answer()


async def a_strangers_request(rig: Rig) -> Reply:
    return await rig.ask(Verify("anna"), OTHER).answer()


async def not_enrolled(rig: Rig) -> Reply:
    return await rig.ask(Verify("ben")).answer()


async def cooling_down(rig: Rig) -> Reply:
    await hung_up(rig)
    rig.trail.kept.clear()
    return await rig.ask(Verify("anna")).answer()


async def camera_taken(rig: Rig) -> Reply:
    first = await rig.before_camera(Verify("anna"))
    reply = await rig.ask(Verify("anna")).answer()
    (record,) = rig.trail.kept
    first.gone.set()
    await first.answer()
    rig.trail.kept[:] = [record]
    return reply


async def stopping(rig: Rig) -> Reply:
    rig.controller.shut_down()
    return await rig.ask(Verify("anna")).answer()


async def a_password_meanwhile(rig: Rig) -> Reply:
    asked = await rig.before_camera(Verify("anna"))
    await rig.ask(PasswordOk("anna"), ROOT).answer()
    return await asked.answer()


async def enrolment_broken_off(rig: Rig) -> Reply:
    asked = await rig.before_camera(Enrol("ben"))
    asked.gone.set()
    return await asked.answer()


async def named(rig: Rig) -> Reply:
    asked = await rig.before_camera(Identify())
    rig.show_person(OWNER, 10)
    return await asked.answer()


ENDS: dict[Way, tuple[Word, Cause | None, str | None]] = {
    recognised: (Word.MATCH, None, ""),
    a_stranger: (Word.NO_MATCH, Cause.SCORE, "rgb"),
    a_picture: (Word.NO_MATCH, Cause.LIVENESS, None),
    nobody: (Word.TIMED_OUT, Cause.VIEW, "no-face"),
    hung_up: (Word.CANCELLED, Cause.ENDED, "the client went away"),
    unplugged: (Word.SOURCE_LOST, Cause.FAULT, "source-lost: unplugged"),
    no_camera: (Word.SOURCE_ERROR, Cause.FAULT, "source-error: not connected"),
    a_strangers_request: (Word.NOT_AUTHORISED, Cause.POLICY, "not-allowed"),
    not_enrolled: (Word.NOT_ENROLLED, Cause.TEMPLATE, "ben is not enrolled"),
    cooling_down: (Word.COOLING_DOWN, Cause.LIMITS, "cooling-down"),
    camera_taken: (Word.BUSY, Cause.ENDED, None),
    stopping: (Word.SHUTTING_DOWN, Cause.ENDED, None),
    a_password_meanwhile: (Word.CANCELLED, Cause.ENDED, "a password was accepted meanwhile"),
    enrolment_broken_off: (Word.CANCELLED, Cause.ENDED, "the client went away"),
    named: (Word.IDENTIFIED, None, ""),
}


@pytest.mark.parametrize("way", list(ENDS), ids=lambda way: str(way.__name__))
def test_every_end_leaves_one_record_and_one_line(way: Way, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "kinect_unlock")

    async def scene() -> None:
        rig = enrolled_rig()
        reply = await way(rig)
        word, cause, detail = ENDS[way]
        (record,) = rig.trail.kept
        assert (reply.word, record.word, record.cause) == (word, word, cause)
        assert detail is None or record.detail == detail
        said = [line for line in caplog.messages if line.startswith(f"event=attempt op={record.op} ")]
        assert len([line for line in said if f" word={word} " in line]) == 1

    play(scene)


def test_a_record_says_who_asked_for_whom_and_what_was_looked_at() -> None:
    async def scene() -> None:
        rig = enrolled_rig()
        rig.camera.shown = CameraReport(identity=Identity("Kinect v2", serial="0123"))
        rig.clock.advance(1_000 * NS_PER_S)
        await recognised(rig)
        (record,) = rig.trail.kept
        assert record == Record(
            number=1,
            at_s=1_000,
            op="verify",
            word=Word.MATCH,
            uid=0,
            pid=ROOT.pid,
            user="anna",
            service="login",
            frames=record.frames,
            model_id=rig.recogniser.encoder.model_id,
            camera="0123",
            origin="recording",
            stream="a.mkv",
            stream_sha256="hash of a.mkv",
        )
        assert record.frames >= 3

    play(scene)


def test_no_recording_is_looked_for_behind_a_camera() -> None:
    async def scene() -> None:
        rig = enrolled_rig(origin=Origin.STAND_IN)
        await not_enrolled(rig)
        assert rig.trail.kept[0].stream_sha256 is None

    play(scene)


@pytest.mark.parametrize("request_", [Status(), Users(), Records(), PasswordOk("anna"), Forget("ben")], ids=repr)
def test_what_is_no_attempt_leaves_no_record(request_: Status | Users | Records | PasswordOk | Forget) -> None:
    async def scene() -> None:
        rig = enrolled_rig()
        await rig.ask(request_, ROOT).answer()
        assert rig.trail.kept == []

    play(scene)


def test_the_cause_is_in_no_reply_but_that_of_the_records() -> None:
    async def scene() -> None:
        rig = enrolled_rig()
        asked = await rig.before_camera(Verify("anna", service="login"), ROOT)
        for index in range(20):
            if rig.camera.attempt is not None:
                rig.show(seen_spoof(rig.attempt, index))
        await asked.answer()
        cue = rig.trail.kept[0].detail
        assert cue
        told = repr(asked.replies)
        assert cue not in told
        assert "why" not in told
        assert "spoof" not in told
        assert "liveness" not in told

    play(scene)


@pytest.mark.parametrize("service", [None, "login"])
def test_whoever_may_ask_why_is_told_what_the_deciding_cues_measured(service: str | None) -> None:
    async def scene() -> None:
        rig = enrolled_rig()
        asked = await rig.before_camera(Verify("anna", service=service, explain=True), ROOT)
        for index in range(20):
            if rig.camera.attempt is not None:
                rig.show(seen_spoof(rig.attempt, index))
        data = (await asked.answer()).data
        assert data is not None
        told = msgspec.convert(data["why"], Ending)
        (record,) = rig.trail.kept
        assert (told.cause, told.detail, told.cues) == (Cause.LIVENESS, record.detail, record.cues)
        (cue,) = told.cues
        assert cue.value is not None
        assert not cue.holds

    play(scene)


def test_neither_scores_nor_images_stand_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "kinect_unlock")

    async def scene() -> None:
        rig = enrolled_rig()
        for way in (a_stranger, a_picture):
            await way(rig)
            rig.clock.advance(60 * NS_PER_S)

    play(scene)
    lines = [line for line in caplog.messages if "event=attempt" in line]
    assert len(lines) == 2
    assert not [word for line in lines for word in ("cosine", "score=", "vector", "0.") if word in line]


def test_the_last_hint_is_kept() -> None:
    async def scene() -> None:
        rig = enrolled_rig()
        asked = await rig.before_camera(Verify("anna"))
        for index in range(100):
            if rig.camera.attempt is not None:
                rig.show(seen_other(rig.attempt, index, Seen.TOO_FAR))
        rig.controller.floor.cancel("enough")
        await asked.answer()
        assert rig.trail.kept[0].hint is Hint.MOVE_CLOSER

    play(scene)


def test_whoever_asks_in_vain_as_fast_as_they_can_does_not_fill_the_log() -> None:
    async def scene() -> None:
        rig = enrolled_rig()
        for index in range(REFUSALS + 70):
            await rig.ask(Verify(f"user{index}"), OTHER).answer()
        assert len(rig.trail.kept) == REFUSALS
        await a_strangers_request_of(rig, Peer(9, 1002, 1002))
        assert rig.trail.kept[-1].uncounted == 0
        rig.clock.advance(61 * NS_PER_S)
        await a_strangers_request(rig)
        assert len(rig.trail.kept) == REFUSALS + 2
        assert rig.trail.kept[-1].uncounted == 70

    async def a_strangers_request_of(rig: Rig, peer: Peer) -> Reply:
        return await rig.ask(Verify("anna"), peer).answer()

    play(scene)


def test_who_asks_by_many_uids_fills_the_log_no_more_and_hides_nothing_that_was_looked_at() -> None:
    async def scene() -> None:
        rig = enrolled_rig()
        for uid in range(2000):
            await rig.ask(Verify("anna"), Peer(9, 100_000 + uid, 1002)).answer()
        assert len(rig.trail.kept) <= (TOLD_APART + 1) * REFUSALS
        await a_stranger(rig)
        assert rig.trail.kept[-1].word is Word.NO_MATCH
        rig.clock.advance(61 * NS_PER_S)
        await a_strangers_request(rig)
        assert rig.trail.kept[-1].uid == OTHER.uid
        status = (await rig.ask(Status()).answer()).data
        assert status is not None
        assert status["counters"]["refused"] == 2001

    play(scene)


def test_refusals_never_hide_an_attempt_that_was_looked_at() -> None:
    async def scene() -> None:
        rig = enrolled_rig()
        for _ in range(REFUSALS + 5):
            await rig.ask(Verify("ben")).answer()
        await a_stranger(rig)
        assert rig.trail.kept[-1].word is Word.NO_MATCH

    play(scene)


# Who is told.


def shared_rig() -> Rig:
    rig = enrolled_rig(shared=True, logins=FakeLoginWatch(at_desk("2", "ben", OTHER.uid)))
    rig.names = {OTHER.uid: "ben", ME.uid: "anna"}
    return rig


async def told(rig: Rig, request: Records, peer: Peer) -> list[dict[str, object]]:
    reply = await Asked(rig, request, peer).answer()
    assert reply.word is Word.OK
    assert reply.data is not None
    found: list[dict[str, object]] = reply.data["records"]
    return found


def test_a_user_is_told_their_own_and_root_everything() -> None:
    async def scene() -> None:
        rig = shared_rig()
        for user, peer in (("anna", ROOT), ("ben", ROOT), ("anna", OTHER), ("ben", OTHER)):
            await rig.ask(Verify(user, service="remote-desktop"), peer).answer()
        everything = await told(rig, Records(), ROOT)
        assert [one["number"] for one in everything] == [4, 3, 2, 1]
        assert [one["number"] for one in await told(rig, Records(), OTHER)] == [4, 3, 2]
        assert [one["number"] for one in await told(rig, Records(user="ben"), OTHER)] == [4, 2]
        assert [one["number"] for one in await told(rig, Records(user="anna", count=1, before=3), ROOT)] == [1]
        assert await told(rig, Records(), Peer(7, 4242, 4242)) == []

    play(scene)


def test_records_are_told_from_a_time_on() -> None:
    async def scene() -> None:
        rig = enrolled_rig()
        for _ in range(3):
            rig.clock.advance(100 * NS_PER_S)
            await not_enrolled(rig)
        assert [one["at_s"] for one in await told(rig, Records(since_s=200), ROOT)] == [300, 200]

    play(scene)


def test_forgetting_a_user_forgets_their_records() -> None:
    async def scene() -> None:
        rig = enrolled_rig()
        await a_stranger(rig)
        await not_enrolled(rig)
        await rig.ask(Forget("anna"), ROOT).answer()
        assert [one.user for one in rig.trail.kept] == ["ben"]

    play(scene)


def test_a_claim_that_is_torn_down_leaves_its_record() -> None:
    async def scene() -> None:
        rig = enrolled_rig()
        asked = await rig.before_camera(Verify("anna"))
        asked.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked.task
        (record,) = rig.trail.kept
        assert record.word is Word.INTERNAL_ERROR

    play(scene)
