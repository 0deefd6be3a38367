"""Forgetting, giving out, taking in and undoing: who may what with a template that is there."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from fakes.people import OWNER, STRANGER, seen_face, template_of
from fakes.rig import ME, ROOT, Rig, recogniser
from kinect_unlock.camera_report import CameraReport, Identity
from kinect_unlock.frames import Origin
from kinect_unlock.limiter import Ledger
from kinect_unlock.ports import Peer
from kinect_unlock.sealing import Key, seal, unseal
from kinect_unlock.templates import Joined, Reason, Template
from kinect_unlock.wire import Export, Forget, History, Import, Reply, Undo, Verify, Word

KEY = Key(bytes(range(32)))


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await scene()

    asyncio.run(whole())


def grown(user: str = "anna", *, views: int = 5) -> Template:
    joined = tuple(Joined(100 + index, Reason.MATCH) for index in range(3))
    return replace(template_of(OWNER, user, vectors=views), joined=joined)


def imported(template: Template, user: str | None = None, **more: Any) -> Import:
    return Import(seal(template, KEY), KEY.secret, user=user, **more)


# Forgetting.


@pytest.mark.parametrize("peer", [ROOT, ME], ids=["root", "own"])
def test_who_is_forgotten_leaves_nothing(peer: Peer) -> None:
    async def scene() -> None:
        rig = Rig()
        rig.templates.kept["anna"] = grown()
        rig.enrolled("anna")
        reply = await rig.ask(Forget("anna"), peer).answer()
        assert (reply.word, reply.message) == (Word.OK, "anna is forgotten, nothing is kept")
        assert (rig.templates.kept, rig.ledgers.kept) == ({}, {})

    play(scene)


def test_nobody_by_that_name_is_said_and_changes_nothing() -> None:
    async def scene() -> None:
        rig = Rig()
        rig.templates.kept["anna"] = grown()
        reply = await rig.ask(Forget("ana")).answer()
        assert (reply.word, reply.message) == (Word.NOTHING_KEPT, "nothing is kept of ana")
        assert list(rig.templates.kept) == ["anna"]

    play(scene)


@pytest.mark.parametrize(
    ("attempts", "said"),
    [
        (1, "one record of an attempt to be ana removed; nothing else was kept"),
        (2, "2 records of attempts to be ana removed; nothing else was kept"),
    ],
)
def test_records_alone_can_be_forgotten_and_that_is_said(attempts: int, said: str) -> None:
    async def scene() -> None:
        rig = Rig()
        for _ in range(attempts):
            await rig.ask(Verify("ana")).answer()
        reply = await rig.ask(Forget("ana")).answer()
        assert (reply.word, reply.message) == (Word.OK, said)
        assert rig.trail.kept == []
        assert (await rig.ask(Forget("ana")).answer()).word is Word.NOTHING_KEPT

    play(scene)


def test_counters_alone_can_be_forgotten() -> None:
    async def scene() -> None:
        rig = Rig()
        rig.enrolled("anna")
        assert (await rig.ask(Forget("anna"), ROOT).answer()).word is Word.OK
        assert rig.ledgers.kept == {}

    play(scene)


@pytest.mark.parametrize("ledger", [Ledger(failures=2), Ledger(failures=5, locked_out=True, cooldown_s=30.0)])
def test_who_forgets_and_enrols_again_is_as_locked_out_as_before(ledger: Ledger) -> None:
    async def scene() -> None:
        rig = Rig()
        rig.templates.kept["anna"] = grown()
        rig.ledgers.kept["anna"] = replace_in(ledger, last_face=rig.clock.boot_time(), enrolled=rig.clock.boot_time())
        reply = await rig.ask(Forget("anna"), ME).answer()
        assert reply.word is Word.OK
        assert reply.message is not None
        assert "failed tries stay held against them" in reply.message
        assert (rig.templates.kept, rig.ledgers.kept) == ({}, {"anna": ledger})
        assert (await rig.ask(Forget("anna"), ROOT).answer()).word is Word.OK
        assert rig.ledgers.kept == {}

    play(scene)


def replace_in(ledger: Ledger, **values: Any) -> Ledger:
    return Ledger(**{**{name: getattr(ledger, name) for name in Ledger.__struct_fields__}, **values})


@pytest.mark.parametrize(("peer", "left"), [(ROOT, {}), (ME, {"anna": Ledger(failures=1)})], ids=["root", "own"])
def test_counters_that_cannot_be_read_count_as_held_against_their_user(peer: Peer, left: dict[str, Ledger]) -> None:
    async def scene() -> None:
        rig = Rig()
        rig.templates.kept["anna"] = grown()
        rig.ledgers.kept["anna"] = Ledger(failures=1)
        rig.ledgers.failing_load = True
        assert (await rig.ask(Forget("anna"), peer).answer()).word is Word.OK
        assert (rig.templates.kept, rig.ledgers.kept) == ({}, left)

    play(scene)


# History and undoing.


def test_history_tells_when_and_why_and_no_number_of_a_face() -> None:
    async def scene() -> None:
        rig = Rig()
        rig.templates.kept["anna"] = grown()
        reply = await rig.ask(History("anna")).answer()
        assert reply.data == {
            "generation": 1, "enrolled_s": 0, "enrolled": 2, "adapts": False, "room": 4,
            "joined": [{"at_s": at_s, "reason": "match"} for at_s in (100, 101, 102)],
        }  # fmt: skip

    play(scene)


@pytest.mark.parametrize(("count", "left"), [(1, 2), (2, 1), (9, 0)])
def test_undoing_takes_the_newest_out_and_never_an_enrolled_view(count: int, left: int) -> None:
    async def scene() -> None:
        rig = Rig()
        before = rig.templates.kept["anna"] = grown()
        assert (await rig.ask(Undo("anna", count)).answer()).word is Word.OK
        after = rig.templates.kept["anna"]
        assert after.generation == 2
        assert after.joined == before.joined[:left]
        assert after.vectors.tobytes() == before.vectors[: 2 + left].tobytes()
        assert len(after.poses) == 2 + left

    play(scene)


def test_where_nothing_joined_there_is_nothing_to_undo() -> None:
    async def scene() -> None:
        rig = Rig()
        rig.templates.kept["anna"] = template_of(OWNER, "anna")
        assert (await rig.ask(Undo("anna")).answer()).word is Word.NOTHING_KEPT
        assert rig.templates.kept["anna"].generation == 1

    play(scene)


@pytest.mark.parametrize("request_", [History("ben"), Undo("ben"), Export("ben", KEY.secret)])
def test_of_who_is_not_enrolled_there_is_nothing_to_tell_undo_or_give(request_: Any) -> None:
    async def scene() -> None:
        assert (await Rig().ask(request_).answer()).word is Word.NOT_ENROLLED

    play(scene)


# Giving out and taking in.


def test_what_is_given_out_opens_with_the_key_and_is_the_same() -> None:
    async def scene() -> None:
        rig = Rig()
        rig.templates.kept["anna"] = grown()
        reply = await rig.ask(Export("anna", KEY.secret)).answer()
        assert reply.data is not None
        given = unseal(reply.data["sealed"], user="anna", key=KEY, name="x")
        assert (given.vectors.tobytes(), given.joined) == (grown().vectors.tobytes(), grown().joined)

    play(scene)


def test_what_is_taken_in_recognises_and_forgives_nothing() -> None:
    async def scene() -> None:
        rig = Rig()
        rig.ledgers.kept["anna"] = Ledger(failures=3)
        reply = await rig.ask(imported(grown())).answer()
        assert (reply.word, reply.user, reply.data) == (Word.ENROLLED, "anna", {"vectors": 5, "warnings": []})
        assert rig.ledgers.kept["anna"].failures == 3
        assert rig.ledgers.kept["anna"].enrolled is not None
        asked = await rig.before_camera(Verify("anna"))
        rig.show_person(OWNER, 10)
        assert (await asked.answer()).word is Word.MATCH

    play(scene)


def test_taking_it_in_under_another_name_is_warned_of() -> None:
    async def scene() -> None:
        rig = Rig()
        reply = await rig.ask(imported(grown(), "ben")).answer()
        assert reply.data is not None
        assert reply.data["warnings"] == ["it was the template of anna: whoever that is opens for ben now"]
        assert list(rig.templates.kept) == ["ben"]
        assert rig.templates.kept["ben"].user == "ben"

    play(scene)


def test_a_template_of_another_camera_is_taken_in_with_a_warning() -> None:
    async def scene() -> None:
        rig = Rig()
        rig.camera.shown = CameraReport(identity=Identity("Kinect v2", "4712"))
        reply = await rig.ask(imported(replace(grown(), camera="4711"))).answer()
        assert reply.data is not None
        assert reply.data["warnings"] == ["it was made with camera 4711, this is 4712: nobody matches with it"]

    play(scene)


def test_nothing_is_overwritten_unasked_and_generations_rise() -> None:
    async def scene() -> None:
        rig = Rig()
        rig.templates.kept["anna"] = replace(template_of(STRANGER, "anna"), generation=8)
        refused = await rig.ask(imported(grown())).answer()
        assert refused.word is Word.BAD_REQUEST
        assert refused.message is not None
        assert refused.message.startswith("anna has a template already; --replace")
        assert rig.templates.kept["anna"].generation == 8
        assert (await rig.ask(imported(grown(), replace=True)).answer()).word is Word.ENROLLED
        assert rig.templates.kept["anna"].generation == 9

    play(scene)


def test_a_template_that_cannot_be_read_is_there_all_the_same() -> None:
    async def scene() -> None:
        rig = Rig()
        rig.templates.corrupt.add("anna")
        assert (await rig.ask(imported(grown())).answer()).word is Word.BAD_REQUEST
        assert (await rig.ask(imported(grown(), replace=True)).answer()).word is Word.ENROLLED

    play(scene)


@pytest.mark.parametrize("made", [Origin.RECORDING, Origin.STAND_IN, Origin.UNPROVEN, Origin.WEBCAM])
def test_no_import_makes_a_sensors_template_of_another(made: Origin) -> None:
    async def scene() -> None:
        rig = Rig(origin=Origin.SENSOR, test_source=False)
        reply = await rig.ask(imported(template_of(OWNER, "anna", origin=made))).answer()
        assert reply.word is Word.BAD_REQUEST
        assert reply.message is not None
        assert f"made from {made}, this daemon looks at sensor" in reply.message
        assert rig.templates.kept == {}

    play(scene)


def test_a_sensors_template_is_never_replaced_in_a_run_on_something_else() -> None:
    async def scene() -> None:
        rig = Rig()
        rig.templates.kept["anna"] = template_of(OWNER, "anna", origin=Origin.SENSOR)
        reply = await rig.ask(imported(grown(), replace=True)).answer()
        assert (reply.word, rig.templates.kept["anna"].origin) == (Word.BAD_REQUEST, Origin.SENSOR)

    play(scene)


def test_photographs_are_taken_in_as_such_and_never_in_the_place_of_a_camera() -> None:
    async def scene() -> None:
        rig = Rig(origin=Origin.SENSOR, test_source=False)
        photographs = template_of(OWNER, "anna", origin=Origin.IMAGES, photographs=True)
        assert (await rig.ask(imported(photographs)).answer()).word is Word.ENROLLED
        assert [template.origin for template in rig.templates.kept.values()] == [Origin.IMAGES]
        assert rig.ledgers.kept == {}
        rig.templates.kept["anna"] = template_of(OWNER, "anna", origin=Origin.SENSOR)
        assert (await rig.ask(imported(photographs, replace=True)).answer()).word is Word.BAD_REQUEST
        assert [template.origin for template in rig.templates.kept.values()] == [Origin.SENSOR]

    play(scene)


def test_another_models_template_is_refused() -> None:
    async def scene() -> None:
        rig = Rig()
        reply = await rig.ask(imported(template_of(OWNER, "anna", model_id="other/1"))).answer()
        assert reply.word is Word.MODEL_ERROR
        assert rig.templates.kept == {}

    play(scene)


def test_a_template_larger_than_the_evidence_is_refused() -> None:
    async def scene() -> None:
        rig = Rig(recognised_by=recogniser(template_vectors_max=4))
        assert (await rig.ask(imported(grown())).answer()).word is Word.MODEL_ERROR

    play(scene)


@pytest.mark.parametrize(
    ("sealed", "key"),
    [(seal(grown(), KEY), bytes(32)), (seal(grown(), KEY)[:-1], KEY.secret), (b"nonsense", KEY.secret)],
    ids=["key", "cut", "foreign"],
)
def test_what_does_not_open_is_not_taken_in(sealed: bytes, key: bytes) -> None:
    async def scene() -> None:
        rig = Rig()
        reply: Reply = await rig.ask(Import(sealed, key)).answer()
        assert reply.word is Word.STORE_ERROR
        assert (rig.templates.kept, rig.ledgers.kept) == ({}, {})

    play(scene)


def test_who_is_before_the_camera_is_not_exchanged_whoever_the_request_or_its_file_names() -> None:
    async def scene() -> None:
        rig = Rig()
        rig.templates.kept["anna"] = grown()
        rig.enrolled("anna")
        asked = await rig.before_camera(Verify("anna"))
        rig.show(seen_face(rig.attempt, 0, OWNER))
        others = (imported(grown(), replace=True), imported(grown("ben"), "anna", replace=True), Undo("anna"))
        for other in others:
            assert (await rig.ask(other).answer()).word is Word.BUSY
        assert (await rig.ask(imported(grown("ben"))).answer()).word is Word.ENROLLED
        asked.gone.set()
        await asked.answer()

    play(scene)
