"""A template is of the camera that it was enrolled with: another one's frames are not compared with it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import count

import msgspec
import pytest

from fakes.people import OWNER, STRANGER, seen_face, template_of
from fakes.rig import CONFIG, Rig
from kinect_unlock.camera_report import CameraReport, Identity
from kinect_unlock.settings import Enrol as EnrolRules
from kinect_unlock.wire import Enrol, Users, Verify, Word


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await scene()

    asyncio.run(whole())


def rig_of(enrolled_with: str, *, looks_through: str | None) -> Rig:
    rig = Rig()
    rig.templates.kept["anna"] = replace(template_of(OWNER, "anna"), camera=enrolled_with)
    rig.enrolled("anna")
    identity = None if looks_through is None else Identity("Kinect v2", looks_through)
    rig.camera.shown = CameraReport(identity=identity)
    return rig


@pytest.mark.parametrize(("enrolled_with", "looks_through"), [("4711", "4711"), ("", "4711"), ("", ""), ("", None)])
def test_the_camera_of_the_enrolment_or_one_not_known_then_does(enrolled_with: str, looks_through: str | None) -> None:
    async def scene() -> None:
        rig = rig_of(enrolled_with, looks_through=looks_through)
        asked = await rig.before_camera(Verify("anna"))
        rig.show_person(OWNER, 10)
        assert (await asked.answer()).word is Word.MATCH

    play(scene)


@pytest.mark.parametrize("looks_through", ["4712", "", None])
def test_another_camera_or_one_without_a_number_compares_nobody_and_says_why(looks_through: str | None) -> None:
    async def scene() -> None:
        rig = rig_of("4711", looks_through=looks_through)
        asked = await rig.before_camera(Verify("anna"))
        rig.show_person(OWNER, 10)
        reply = await asked.answer()
        assert reply.word is Word.SOURCE_ERROR
        assert reply.message is not None
        assert reply.message.startswith("enrolled with camera 4711, this ")
        assert reply.message.endswith(": enrol again with this camera")
        assert rig.camera.attempt is None
        assert rig.ledgers.kept["anna"].failures == 0

    play(scene)


def test_a_camera_exchanged_during_an_attempt_ends_it_closed() -> None:
    async def scene() -> None:
        rig = rig_of("4711", looks_through="4711")
        asked = await rig.before_camera(Verify("anna"))
        rig.show_person(OWNER, 2)
        rig.camera.shown = CameraReport(identity=Identity("Kinect v2", "4712"))
        rig.show_person(OWNER, 10, first=2)
        assert (await asked.answer()).word is Word.SOURCE_ERROR

    play(scene)


def test_strangers_seen_before_the_exchange_still_count() -> None:
    async def scene() -> None:
        rig = rig_of("4711", looks_through="4711")
        asked = await rig.before_camera(Verify("anna"))
        rig.show_person(STRANGER, 5)
        rig.camera.shown = CameraReport(identity=Identity("Kinect v2", "4712"))
        rig.show_person(STRANGER, 1, first=5)
        await asked.answer()
        assert rig.ledgers.kept["anna"].failures == 1

    play(scene)


def test_an_enrolment_notes_its_camera_and_users_tells_it() -> None:
    async def scene() -> None:
        rig = Rig(msgspec.structs.replace(CONFIG, enrol=EnrolRules(stages=("any",), samples_per_stage=2)))
        rig.camera.shown = CameraReport(identity=Identity("Kinect v2", "4711"))
        asked = await rig.before_camera(Enrol("anna"))
        frames = count()
        while rig.camera.attempt is not None:
            rig.show(seen_face(rig.attempt, next(frames), OWNER))
        await asked.answer()
        assert rig.templates.kept["anna"].camera == "4711"
        (row,) = ((await rig.ask(Users()).answer()).data or {})["users"]
        assert row["camera"] == "4711"

    play(scene)
