import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from fakes.people import DIM, OWNER, SPACE, template_of, vector_of
from fakes.rig import CONFIG, ME, OTHER, ROOT, THRESHOLD, Rig, recogniser
from kinect_unlock.camera_needs import Need
from kinect_unlock.camera_report import CameraFault, CameraReport, Identity, Phase
from kinect_unlock.clock import NS_PER_S
from kinect_unlock.complaints import COMPLAINTS, TOLD_APART
from kinect_unlock.crop import DepthChannel
from kinect_unlock.errors import ConfigError
from kinect_unlock.frames import Origin
from kinect_unlock.limiter import Ledger
from kinect_unlock.ports import Peer, Recogniser
from kinect_unlock.settings import Hooks
from kinect_unlock.wire import (
    Enrol,
    EnrolVectors,
    Export,
    Forget,
    History,
    Identify,
    Import,
    Lock,
    PasswordOk,
    Records,
    Request,
    Status,
    Undo,
    Users,
    Verify,
    Word,
    pack_vector,
)


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await scene()

    asyncio.run(whole())


VECTORS = tuple(pack_vector(vector_of(OWNER, variant=variant)) for variant in range(2))
EVERYTHING: list[Request] = [
    Verify("anna"),
    Enrol("anna"),
    EnrolVectors("anna", SPACE, VECTORS),
    Identify(),
    Identify(model_id=SPACE, vectors=VECTORS),
    Users(),
    Forget("anna"),
    History("anna"),
    Undo("anna"),
    Export("anna", bytes(32)),
    Import(b"no template", bytes(32)),
    Records(),
    Status(),
    Lock(),
    PasswordOk("anna"),
]
every_request = pytest.mark.parametrize("request_", EVERYTHING, ids=lambda one: type(one).__name__)


@every_request
@pytest.mark.parametrize("peer", [OTHER, Peer(1, 65534, 65534), Peer(1, 2**32 - 1, 0)], ids=["other", "nobody", "none"])
def test_only_root_and_the_daemons_own_user_may_ask_anything(request_: Request, peer: Peer) -> None:
    async def scene() -> None:
        rig = Rig()
        rig.templates.kept["anna"] = older = template_of(OWNER, "anna")
        assert (await rig.ask(request_, peer).answer()).word is Word.NOT_AUTHORISED
        assert rig.camera.starts == []
        assert rig.templates.kept["anna"] is older
        assert rig.hooks.ran == []

    play(scene)


def test_a_refusal_that_is_asked_for_again_and_again_is_logged_once_and_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene() -> None:
        rig = Rig()
        for _ in range(5):
            assert (await rig.ask(Verify("anna"), OTHER).answer()).word is Word.NOT_AUTHORISED
        assert (await rig.ask(Users(), OTHER).answer()).word is Word.NOT_AUTHORISED
        reply = await rig.ask(Status()).answer()
        assert reply.data is not None
        assert reply.data["counters"]["refused"] == 6

    play(scene)
    refused = [line for line in caplog.messages if "event=refused" in line]
    assert refused == [
        f"event=refused op={op} uid={OTHER.uid} pid={OTHER.pid} cause=not-allowed" for op in ("verify", "users")
    ]


def test_refusals_of_many_uids_are_counted_and_few_of_them_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def scene() -> None:
        rig = Rig()
        for uid in range(500):
            assert (await rig.ask(Users(), Peer(9, 100_000 + uid, 9)).answer()).word is Word.NOT_AUTHORISED
        reply = await rig.ask(Status()).answer()
        assert reply.data is not None
        assert reply.data["counters"]["refused"] == 500

    play(scene)
    assert len([line for line in caplog.messages if "event=refused" in line]) <= (TOLD_APART + 1) * COMPLAINTS


@every_request
def test_every_request_has_one_last_word(request_: Request) -> None:
    async def scene() -> None:
        rig = Rig()
        asked = rig.ask(request_, ROOT)
        asked.gone.set()
        assert (await asked.answer()).word is not Word.INTERNAL_ERROR

    play(scene)


@every_request
def test_a_daemon_that_stops_refuses_everything(request_: Request) -> None:
    async def scene() -> None:
        rig = Rig()
        rig.controller.shut_down()
        assert (await rig.ask(request_).answer()).word is Word.SHUTTING_DOWN

    play(scene)


def test_that_a_password_was_right_is_believed_from_root_alone() -> None:
    async def scene() -> None:
        rig = Rig(origin=Origin.SENSOR, test_source=False)
        rig.ledgers.kept["anna"] = Ledger(failures=5, locked_out=True)
        assert (await rig.ask(PasswordOk("anna"), ME).answer()).word is Word.NOT_AUTHORISED
        assert rig.ledgers.kept["anna"].locked_out
        assert (await rig.ask(PasswordOk("anna"), ROOT).answer()).word is Word.OK
        assert not rig.ledgers.kept["anna"].locked_out

    play(scene)


@pytest.mark.parametrize("origin", [origin for origin in Origin if origin is not Origin.SENSOR])
def test_frames_that_are_no_sensors_never_match_in_a_run_that_was_not_told_so(origin: Origin) -> None:
    async def scene() -> None:
        rig = Rig(origin=origin, test_source=False)
        rig.templates.kept["anna"] = template_of(OWNER, "anna", origin=origin)
        reply = await rig.ask(Verify("anna"), ROOT).answer()
        assert reply.word is Word.CONFIG_ERROR
        assert reply.message is not None
        assert "--test-source" in reply.message
        assert rig.camera.starts == []

    play(scene)


@pytest.mark.parametrize("origin", [Origin.IMAGES, Origin.WEBCAM])
def test_images_and_webcams_unlock_in_no_run(origin: Origin) -> None:
    async def scene() -> None:
        rig = Rig(origin=origin)
        rig.templates.kept["anna"] = template_of(OWNER, "anna", origin=origin)
        rig.enrolled("anna")
        assert (await rig.ask(Verify("anna", unlock=True)).answer()).word is Word.CONFIG_ERROR

    play(scene)


@pytest.mark.parametrize("made", [origin for origin in Origin if origin is not Origin.SENSOR])
def test_a_template_of_another_origin_than_the_source_does_not_count(made: Origin) -> None:
    async def scene() -> None:
        rig = Rig(origin=Origin.SENSOR)
        rig.templates.kept["anna"] = template_of(OWNER, "anna", origin=made)
        reply = await rig.ask(Verify("anna")).answer()
        assert reply.word is Word.NOT_ENROLLED
        assert reply.message is not None
        assert "sensor" in reply.message
        assert rig.camera.starts == []

    play(scene)


def test_photographs_do_not_count_even_where_images_are_the_source() -> None:
    async def scene() -> None:
        rig = Rig(origin=Origin.IMAGES)
        rig.templates.kept["anna"] = template_of(OWNER, "anna", origin=Origin.IMAGES, photographs=True)
        assert (await rig.ask(Verify("anna")).answer()).word is Word.NOT_ENROLLED

    play(scene)


def test_a_template_of_another_model_asks_for_a_new_enrolment() -> None:
    async def scene() -> None:
        rig = Rig()
        rig.templates.kept["anna"] = template_of(OWNER, "anna", model_id="older/1")
        reply = await rig.ask(Verify("anna")).answer()
        assert reply.word is Word.MODEL_ERROR
        assert reply.message is not None
        assert "enrol again" in reply.message

    play(scene)


def test_a_template_larger_than_the_thresholds_evidence_does_not_count() -> None:
    async def scene() -> None:
        rig = Rig(recognised_by=recogniser(template_vectors_max=3))
        rig.templates.kept["anna"] = template_of(OWNER, "anna", vectors=4)
        assert (await rig.ask(Verify("anna")).answer()).word is Word.MODEL_ERROR

    play(scene)


def test_an_encoder_that_may_not_verify_does_not() -> None:
    async def scene() -> None:
        rig = Rig(recognised_by=recogniser(unlock=False, why_not="one stranger in five is accepted"))
        rig.templates.kept["anna"] = template_of(OWNER, "anna")
        answer = await rig.ask(Verify("anna")).answer()
        assert answer.word is Word.CONFIG_ERROR
        assert "one stranger in five is accepted" in (answer.message or "")

    play(scene)


def test_an_encoder_with_a_vote_that_has_no_threshold_does_not_verify() -> None:
    async def scene() -> None:
        known = recogniser()
        (half,) = known.encoder.halves
        halves = tuple(msgspec.structs.replace(half, name=name, dim=8, share=0.5) for name in ("rgb", "depth"))
        both = msgspec.structs.replace(
            known.encoder, halves=halves, votes=("rgb", "depth"), depth=DepthChannel.FRONTALISED_MM
        )
        rig = Rig(recognised_by=Recogniser(known.name, both, known.thresholds))
        rig.templates.kept["anna"] = template_of(OWNER, "anna")
        reply = await rig.ask(Verify("anna")).answer()
        assert reply.word is Word.CONFIG_ERROR
        assert reply.message is not None
        assert "no threshold with evidence for its vote depth" in reply.message
        assert rig.camera.starts == []

    play(scene)


def test_who_is_not_enrolled_is_told_so_without_a_camera() -> None:
    async def scene() -> None:
        rig = Rig()
        assert (await rig.ask(Verify("nobody")).answer()).word is Word.NOT_ENROLLED
        assert rig.camera.starts == []

    play(scene)


def test_a_damaged_template_is_an_error_and_opens_no_camera() -> None:
    async def scene() -> None:
        rig = Rig()
        rig.templates.corrupt.add("anna")
        assert (await rig.ask(Verify("anna")).answer()).word is Word.STORE_ERROR
        assert rig.camera.starts == []

    play(scene)


@pytest.mark.parametrize("request_", [Verify("anna", unlock=True), Lock()], ids=["unlock", "lock"])
def test_a_hook_that_is_not_configured_is_said_at_once(request_: Request) -> None:
    async def scene() -> None:
        rig = Rig(msgspec.structs.replace(CONFIG, hooks=Hooks()))
        rig.templates.kept["anna"] = template_of(OWNER, "anna")
        reply = await rig.ask(request_).answer()
        assert reply.word is Word.CONFIG_ERROR
        assert reply.message is not None
        assert "$.hooks." in reply.message

    play(scene)


def test_lock_runs_its_hook_and_status_knows() -> None:
    async def scene() -> None:
        rig = Rig()
        assert (await rig.ask(Lock()).answer()).word is Word.OK
        assert rig.hooks.ran == [("lock", "")]
        reply = await rig.ask(Status()).answer()
        assert reply.data is not None
        assert (reply.data["session"], reply.data["session_confirmed"]) == ("locked", True)

    play(scene)


def test_a_lock_hook_that_fails_is_said() -> None:
    async def scene() -> None:
        rig = Rig()
        rig.hooks.failing.add("lock")
        assert (await rig.ask(Lock()).answer()).word is Word.HOOK_FAILED

    play(scene)


def test_a_lock_asked_for_during_an_attempt_is_not_undone_by_its_match() -> None:
    async def scene() -> None:
        rig = Rig()
        rig.templates.kept["anna"] = template_of(OWNER, "anna")
        rig.enrolled("anna")
        asked = await rig.before_camera(Verify("anna", unlock=True))
        assert (await rig.ask(Lock()).answer()).word is Word.OK
        rig.show_person(OWNER, 10)
        assert (await asked.answer()).word is Word.CANCELLED
        assert rig.hooks.ran == [("lock", "")]

    play(scene)


def test_a_match_whose_client_leaves_while_a_hook_runs_unlocks_nothing() -> None:
    async def scene() -> None:
        rig = Rig()
        rig.templates.kept["anna"] = template_of(OWNER, "anna")
        rig.enrolled("anna")
        rig.hooks.gate.clear()
        locking = rig.ask(Lock())
        await rig.hooks.entered.wait()
        asked = await rig.before_camera(Verify("anna", unlock=True))
        rig.show_person(OWNER, 10)
        for _ in range(9):
            await asyncio.sleep(0)  # it now waits for the lock hook to end
        asked.gone.set()
        rig.hooks.gate.set()
        assert (await locking.answer()).word is Word.OK
        assert (await asked.answer()).word is Word.CANCELLED
        assert rig.hooks.ran == [("lock", "")]

    play(scene)


def test_status_tells_what_votes_and_by_which_thresholds() -> None:
    async def scene() -> None:
        rig = Rig()
        rig.templates.kept["anna"] = template_of(OWNER, "anna")
        rig.ledgers.kept["anna"] = Ledger(failures=5, locked_out=True)
        reply = await rig.ask(Status()).answer()
        assert reply.data is not None
        assert reply.data["encoder"]["votes"] == ["rgb"]
        assert "colour alone votes" in reply.data["encoder"]["note"]
        (threshold,) = reply.data["thresholds"]
        assert (threshold["half"], threshold["far"]) == ("rgb", 1e-4)
        assert threshold["bands"] == [{"to_mm": None, "cosine": THRESHOLD}]
        assert threshold["evidence"]["impostor_comparisons"] == 1
        assert (reply.data["users"], reply.data["lockouts"]) == (1, ["anna"])
        assert (reply.data["integrity"], reply.data["test_source"], reply.data["pid"]) == (True, True, 7)
        assert set(reply.data["counters"]) == {"frames", "drops", "attempts", "observations", "late", "refused"}
        assert not any(reply.data["counters"].values())
        assert msgspec.json.decode(msgspec.json.encode(reply))["data"] == reply.data

    play(scene)


def test_status_tells_of_a_camera_that_was_never_needed() -> None:
    async def scene() -> None:
        rig = Rig()
        rig.clock.advance(3 * NS_PER_S)
        reply = await rig.ask(Status()).answer()
        assert reply.data is not None
        assert reply.data["camera"] == {
            "state": "closed",
            "for_s": 3.0,
            "closes_in_s": None,
            "read_for": None,
            "identity": None,
            "costly": False,
            "rate_hz": None,
            "opened": 0,
            "restarts": 0,
            "faults": 0,
            "last_fault": None,
        }

    play(scene)


def test_status_tells_of_a_camera_that_lingers_and_has_failed_before() -> None:
    async def scene() -> None:
        rig = Rig()
        rig.clock.advance(60 * NS_PER_S)
        rig.camera.shown = CameraReport(
            phase=Phase.LINGERING,
            since_ns=57 * NS_PER_S,
            until_ns=65 * NS_PER_S,
            need=Need.RESTING,
            identity=Identity("Kinect v2", serial="0123", pipeline="cpu"),
            rate_hz=29.96,
            opened=3,
            restarts=1,
            faults=1,
            fault=CameraFault("unplugged", 20 * NS_PER_S),
        )
        reply = await rig.ask(Status()).answer()
        assert reply.data is not None
        assert reply.data["camera"] == {
            "state": "lingering",
            "for_s": 3.0,
            "closes_in_s": 5.0,
            "read_for": "resting",
            "identity": {"model": "Kinect v2", "serial": "0123", "firmware": "", "pipeline": "cpu", "held_by": ""},
            "costly": True,
            "rate_hz": 30.0,
            "opened": 3,
            "restarts": 1,
            "faults": 1,
            "last_fault": {"message": "unplugged", "ago_s": 40.0},
        }
        assert msgspec.json.decode(msgspec.json.encode(reply))["data"] == reply.data

    play(scene)


def test_users_are_listed_with_what_is_wrong_with_their_templates() -> None:
    async def scene() -> None:
        rig = Rig()
        rig.templates.kept["anna"] = template_of(OWNER, "anna")
        rig.templates.corrupt.add("bert")
        reply = await rig.ask(Users()).answer()
        assert reply.data is not None
        anna, bert = reply.data["users"]
        assert (anna["user"], anna["vectors"], anna["origin"], anna["current"]) == ("anna", 2, "recording", True)
        assert bert == {"user": "bert", "fault": "the template of bert is damaged"}

    play(scene)


def test_forgetting_removes_template_and_counters_even_of_a_damaged_template() -> None:
    async def scene() -> None:
        rig = Rig()
        rig.templates.corrupt.add("anna")
        rig.ledgers.kept["anna"] = Ledger(failures=2)
        assert (await rig.ask(Forget("anna"), ROOT).answer()).word is Word.OK
        assert rig.templates.users() == ()
        assert rig.ledgers.kept == {}

    play(scene)


@pytest.mark.parametrize("request_", [Forget("anna"), EnrolVectors("anna", SPACE, VECTORS)], ids=["forget", "photos"])
def test_who_is_before_the_camera_cannot_be_forgotten_or_replaced(request_: Request) -> None:
    async def scene() -> None:
        rig = Rig()
        rig.templates.kept["anna"] = older = template_of(OWNER, "anna")
        rig.enrolled("anna")
        asked = await rig.before_camera(Verify("anna"))
        assert (await rig.ask(request_).answer()).word is Word.BUSY
        assert rig.templates.kept["anna"] is older
        asked.gone.set()
        await asked.answer()

    play(scene)


def test_photographs_are_kept_and_sealed_as_such() -> None:
    async def scene() -> None:
        rig = Rig()
        for generation in (1, 2):
            assert (await rig.ask(EnrolVectors("anna", SPACE, VECTORS)).answer()).word is Word.ENROLLED
            template = rig.templates.kept["anna"]
            assert (template.origin, template.poses, template.generation) == (Origin.IMAGES, (None, None), generation)

    play(scene)


@pytest.mark.parametrize("origin", [origin for origin in Origin if origin is not Origin.SENSOR])
def test_what_is_no_sensors_never_replaces_a_template_from_the_sensor(origin: Origin) -> None:
    async def scene() -> None:
        rig = Rig(origin=origin)
        rig.templates.kept["anna"] = template_of(OWNER, "anna", origin=Origin.SENSOR)
        reply = await rig.ask(Enrol("anna")).answer()
        assert reply.word is Word.BAD_REQUEST
        assert "forget that first" in (reply.message or "")
        assert rig.camera.starts == []

    play(scene)


def test_a_template_that_cannot_be_read_may_be_enrolled_anew() -> None:
    async def scene() -> None:
        rig = Rig()
        rig.templates.corrupt.add("anna")
        asked = await rig.before_camera(Enrol("anna"))
        asked.gone.set()
        assert (await asked.answer()).word is Word.CANCELLED

    play(scene)


def test_photographs_never_replace_a_template_from_the_camera() -> None:
    async def scene() -> None:
        rig = Rig()
        rig.templates.kept["anna"] = older = template_of(OWNER, "anna")
        assert (await rig.ask(EnrolVectors("anna", SPACE, VECTORS)).answer()).word is Word.BAD_REQUEST
        assert rig.templates.kept["anna"] is older

    play(scene)


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(EnrolVectors("anna", "another/1", VECTORS), id="another-space"),
        pytest.param(EnrolVectors("anna", SPACE, ()), id="none"),
        pytest.param(EnrolVectors("anna", SPACE, VECTORS * 9), id="more-than-evidence"),
        pytest.param(EnrolVectors("anna", SPACE, ("AAAA",)), id="too-short"),
        pytest.param(EnrolVectors("anna", SPACE, ("not base64!",)), id="no-base64"),
        pytest.param(EnrolVectors("anna", SPACE, ("AADAfw==" * DIM,)), id="padding-inside"),
        pytest.param(EnrolVectors("anna", SPACE, (pack_vector(vector_of(OWNER) * 2),)), id="no-unit-vector"),
        pytest.param(EnrolVectors("anna", SPACE, (pack_vector(vector_of(OWNER) * float("nan")),)), id="no-number"),
        pytest.param(
            EnrolVectors("anna", SPACE, (pack_vector(vector_of(OWNER)), pack_vector(-vector_of(OWNER)))), id="opposites"
        ),
    ],
)
def test_vectors_that_are_none_of_this_encoders_are_refused(ask: EnrolVectors) -> None:
    async def scene() -> None:
        rig = Rig()
        assert (await rig.ask(ask).answer()).word is Word.BAD_REQUEST
        assert rig.templates.kept == {}

    play(scene)


def test_a_decision_log_needs_a_run_for_trying_out() -> None:
    async def scene() -> None:
        rig = Rig(origin=Origin.SENSOR, test_source=False)
        with pytest.raises(ConfigError, match="holds scores"):
            type(rig.controller)(
                rig.config,
                rig.facts,
                rig.recogniser,
                camera=rig.camera,
                templates=rig.templates,
                ledgers=rig.ledgers,
                hooks=rig.hooks,
                clock=rig.clock,
                auditor=rig.new_auditor(),
                decisions=print,
            )

    play(scene)
