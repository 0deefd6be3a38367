import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from fakes.logins import FakeLoginWatch, at_desk
from fakes.people import (
    OWNER,
    SPACE,
    STRANGER,
    seen_face,
    seen_other,
    seen_spoof,
    template_of,
    template_of_both,
    vector_of,
)
from fakes.rig import OTHER, Asked, Rig
from kinect_unlock.deeds import deed_of
from kinect_unlock.errors import SourceLost
from kinect_unlock.limiter import Ledger
from kinect_unlock.observations import Seen
from kinect_unlock.ports import Peer
from kinect_unlock.wire import AnyRequest, Identify, Reply, Verify, Word, pack_vector


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await scene()

    asyncio.run(whole())


def rig_with_two() -> Rig:
    rig = Rig()
    rig.templates.kept = {"anna": template_of(OWNER, "anna"), "bert": template_of(STRANGER, "bert")}
    return rig


async def shown(rig: Rig, person: int) -> tuple[Asked, Reply]:
    asked = await rig.before_camera(Identify())
    rig.show_person(person, 20)
    return asked, await asked.answer()


def test_a_known_face_is_named() -> None:
    async def scene() -> None:
        rig = rig_with_two()
        _, reply = await shown(rig, STRANGER)
        assert (reply.word, reply.user) == (Word.IDENTIFIED, "bert")
        assert rig.camera.attempt is None
        assert rig.hooks.ran == []

    play(scene)


def test_an_unknown_face_is_nobodys() -> None:
    async def scene() -> None:
        _, reply = await shown(rig_with_two(), 2)
        assert (reply.word, reply.user) == (Word.IDENTIFIED, None)

    play(scene)


def test_a_face_of_another_space_names_nobody() -> None:
    async def scene() -> None:
        rig = rig_with_two()
        asked = await rig.before_camera(Identify())
        for index in range(20):
            frame = seen_face(rig.attempt, index, OWNER)
            assert frame.embedding is not None
            rig.show(replace(frame, embedding=replace(frame.embedding, model_id="elsewhere")))
        rig.controller.floor.on_source_ended(rig.attempt)
        assert (await asked.answer()).word is Word.TIMED_OUT

    play(scene)


def test_a_spoof_is_nobodys() -> None:
    async def scene() -> None:
        rig = rig_with_two()
        asked = await rig.before_camera(Identify())
        for index in range(10):
            rig.show(seen_spoof(rig.attempt, index))
        reply = await asked.answer()
        assert (reply.word, reply.user) == (Word.IDENTIFIED, None)

    play(scene)


def test_nobody_before_the_camera_times_out() -> None:
    async def scene() -> None:
        rig = rig_with_two()
        asked = await rig.before_camera(Identify())
        rig.show(seen_other(rig.attempt, 0, Seen.NO_FACE))
        rig.show(seen_other(rig.attempt, 61, Seen.NO_FACE))
        assert (await asked.answer()).word is Word.TIMED_OUT

    play(scene)


def test_losing_the_camera_and_hanging_up_end_a_look() -> None:
    async def scene() -> None:
        rig = rig_with_two()
        asked = await rig.before_camera(Identify())
        rig.controller.floor.on_source_lost(rig.attempt, SourceLost("unplugged"))
        assert (await asked.answer()).word is Word.SOURCE_LOST
        again = await rig.before_camera(Identify())
        again.gone.set()
        assert (await again.answer()).word is Word.CANCELLED

    play(scene)


def test_a_damaged_template_names_nobody_rather_than_somebody_else() -> None:
    async def scene() -> None:
        rig = rig_with_two()
        rig.templates.corrupt.add("carl")
        _, reply = await shown(rig, OWNER)
        assert reply.word is Word.STORE_ERROR

    play(scene)


def test_a_template_of_other_halves_is_nobodys_and_stops_no_look() -> None:
    async def scene() -> None:
        rig = rig_with_two()
        rig.templates.kept["carl"] = template_of_both(STRANGER, "carl")
        _, reply = await shown(rig, STRANGER)
        assert (reply.word, reply.user) == (Word.IDENTIFIED, "bert")

        carl = await rig.ask(Verify("carl")).answer()
        assert carl.word is Word.MODEL_ERROR

    play(scene)


def test_looking_costs_no_failure_and_no_cool_down() -> None:
    async def scene() -> None:
        rig = rig_with_two()
        rig.enrolled("anna")
        await shown(rig, 2)
        assert rig.ledgers.saves == []
        asked = await rig.before_camera(Verify("anna"))
        asked.gone.set()
        await asked.answer()

    play(scene)


def test_photographs_are_named_without_a_camera() -> None:
    async def scene() -> None:
        rig = rig_with_two()
        vectors = tuple(pack_vector(vector_of(OWNER, variant=variant)) for variant in range(3))
        reply = await rig.ask(Identify(model_id=SPACE, vectors=vectors)).answer()
        assert (reply.word, reply.user) == (Word.IDENTIFIED, "anna")
        assert rig.camera.starts == []

    play(scene)


def test_photographs_of_opposites_show_nobody() -> None:
    async def scene() -> None:
        rig = rig_with_two()
        vectors = (pack_vector(vector_of(OWNER)), pack_vector(-vector_of(OWNER)))
        reply = await rig.ask(Identify(model_id=SPACE, vectors=vectors)).answer()
        assert (reply.word, reply.user) == (Word.IDENTIFIED, None)

    play(scene)


def test_vectors_of_another_space_or_of_none_are_refused() -> None:
    async def scene() -> None:
        rig = rig_with_two()
        vectors = (pack_vector(vector_of(OWNER)),)
        for model_id in ("another/1", None):
            reply = await rig.ask(Identify(model_id=model_id, vectors=vectors)).answer()
            assert reply.word is Word.BAD_REQUEST

    play(scene)


class Willing:
    """Polkit, where everybody gives the right password to whatever it asks."""

    async def permits(self, peer: Peer, request: AnyRequest) -> bool:
        del peer
        return deed_of(request, None) is not None


ASKS = [Identify(), Identify(model_id=SPACE, vectors=(pack_vector(vector_of(OWNER)),))]


@pytest.mark.parametrize("ask", ASKS, ids=["by camera", "by vector"])
def test_nobody_but_root_and_the_daemons_user_tries_faces_that_count_for_nothing(ask: Identify) -> None:
    async def scene() -> None:
        watch = FakeLoginWatch(at_desk(uid=OTHER.uid, user="bert"))
        watch.pids = {OTHER.pid: "2"}
        willing = Willing()
        rig = Rig(logins=watch, shared=True, authority=willing)
        rig.templates.kept = {"bert": template_of(STRANGER, "bert")}
        rig.ledgers.kept = {"bert": Ledger(failures=4)}
        reply = await rig.ask(ask, OTHER).answer()  # sits before the camera, and may be asked for a password
        assert (reply.word, reply.user) == (Word.NOT_AUTHORISED, None)
        assert rig.camera.starts == []

    play(scene)


def test_a_look_counts_for_and_against_nobody() -> None:
    async def scene() -> None:
        rig = rig_with_two()
        before = {"anna": Ledger(failures=4), "bert": Ledger(failures=5, locked_out=True)}
        rig.ledgers.kept = dict(before)
        for person, name in ((STRANGER, "bert"), (2, None), (OWNER, "anna")):
            _, reply = await shown(rig, person)
            assert reply.user == name
        asked = await rig.before_camera(Identify())
        for index in range(10):
            rig.show(seen_spoof(rig.attempt, index))
        await asked.answer()
        assert rig.ledgers.kept == before
        assert rig.ledgers.saves == []

    play(scene)
