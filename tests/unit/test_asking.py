"""Who is let before the camera, through the whole controller; and the nod that some must give."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from fakes.logins import FakeLoginWatch, at_desk, greeter
from fakes.people import OWNER, STRANGER, face_at, seen_face, seen_other, template_of
from fakes.rig import ME, ROOT, Rig
from kinect_unlock.audit import Cause
from kinect_unlock.cli.reasons import is_refusal, outcome
from kinect_unlock.frames import Origin
from kinect_unlock.logins import State
from kinect_unlock.observations import Seen
from kinect_unlock.ports import Authority, Peer
from kinect_unlock.wire import AnyRequest, Enrol, Forget, Hint, PasswordOk, Reply, Status, Users, Verify, Word

ANNA = Peer(pid=50, uid=1234, gid=1234)
BEN = Peer(pid=60, uid=1235, gid=1235)


class SharedRig(Rig):
    """A daemon that everybody can reach; anna is enrolled and sits before the camera, ben is logged in by ssh."""

    def __init__(self, *, authority: Authority | None = None, shared: bool = True) -> None:
        self.watch = FakeLoginWatch(at_desk(uid=ANNA.uid), at_desk("9", "ben", BEN.uid, seat="", remote=True))
        self.watch.pids = {ANNA.pid: "2", BEN.pid: "9", ROOT.pid: "2"}
        super().__init__(logins=self.watch, shared=shared, authority=authority)
        self.templates.kept["anna"] = template_of(OWNER, "anna", origin=Origin.RECORDING)
        self.enrolled("anna")

    def show_pitches(self, pitches: list[float], *, first: int = 0) -> None:
        """Show the owner at 30 frames a second, the head held like this."""
        for index, pitch_deg in enumerate(pitches, first):
            if self.camera.attempt is not None:
                self.show(seen_face(self.attempt, index, OWNER, face=face_at(pitch_deg=pitch_deg)))


class SaysYes:
    """An authority that says yes to what it is told, and never answers to the rest."""

    def __init__(self, *permitted: type[AnyRequest]) -> None:
        self.permitted = permitted
        self.asked: list[AnyRequest] = []
        self.heard = asyncio.Event()
        self.given_up = False

    async def permits(self, peer: Peer, request: AnyRequest) -> bool:
        del peer
        self.asked.append(request)
        self.heard.set()
        if isinstance(request, self.permitted):
            return True
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.given_up = True
            raise
        return False


NOD = [0.0] * 18 + [-5.0, -10.0, -14.0, -16.0, -16.0, -14.0, -10.0, -5.0] + [0.0] * 4


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await scene()

    asyncio.run(whole())


def test_a_user_before_the_camera_may_ask_for_themself() -> None:
    async def scene() -> None:
        rig = SharedRig()
        asked = await rig.before_camera(Verify("anna"), ANNA)
        rig.show_person(OWNER, 10)
        assert (await asked.answer()).word is Word.MATCH

    play(scene)


@pytest.mark.parametrize("request_", [Enrol("anna"), Forget("anna"), Users(), PasswordOk("anna")], ids=repr)
def test_a_user_before_the_camera_may_ask_nothing_else(request_: Enrol | Forget | Users | PasswordOk) -> None:
    async def scene() -> None:
        rig = SharedRig()
        assert (await rig.ask(request_, ANNA).answer()).word is Word.NOT_AUTHORISED
        assert "anna" in rig.templates.kept

    play(scene)


def test_nobody_can_lock_the_owner_out_by_asking() -> None:
    async def scene() -> None:
        rig = SharedRig()
        before = dict(rig.ledgers.kept)
        replies: set[Reply] = set()
        for user in ("anna", "nobody"):
            for _ in range(20):
                replies.add(await rig.ask(Verify(user), BEN).answer())
                replies.add(await rig.ask(Verify(user, service="sudo"), BEN).answer())
        assert len(replies) == 1  # nor learn who is enrolled
        assert replies.pop().word is Word.NOT_AUTHORISED
        assert rig.ledgers.kept == before
        assert rig.ledgers.saves == []
        assert rig.camera.starts == []

    play(scene)


def test_a_user_gets_no_explanation_with_scores() -> None:
    async def scene() -> None:
        rig = SharedRig()
        asked = await rig.before_camera(Verify("anna", explain=True), ANNA)
        rig.show_person(STRANGER, 10)
        reply = await asked.answer()
        assert (reply.word, reply.data) == (Word.NO_MATCH, None)
        assert Word.FRAME not in asked.words

    play(scene)


def test_a_session_that_leaves_the_seat_during_the_attempt_is_not_let_in() -> None:
    async def scene() -> None:
        rig = SharedRig()
        asked = await rig.before_camera(Verify("anna"), ANNA)
        rig.show_person(OWNER, 2)
        rig.watch.change("2", state=State.ONLINE)
        rig.show_person(OWNER, 10, first=2)
        reply = await asked.answer()
        assert (reply.word, reply.message is not None) == (Word.CANCELLED, True)

    play(scene)


def test_without_logind_services_fall_to_the_password_and_roots_command_works() -> None:
    async def scene() -> None:
        rig = SharedRig()
        rig.watch.lose()
        for peer, service in ((ANNA, None), (ROOT, "sudo"), (ROOT, "gdm-password"), (ROOT, "login")):
            reply = await rig.ask(Verify("anna", service=service, tty="tty1"), peer).answer()
            assert reply.word is Word.NOT_AUTHORISED
        asked = await rig.before_camera(Verify("anna"), ROOT)
        rig.show_person(OWNER, 10)
        assert (await asked.answer()).word is Word.MATCH

    play(scene)


def test_the_login_screen_asks_for_whoever_wants_to_log_in() -> None:
    async def scene() -> None:
        rig = SharedRig()
        rig.watch.change("2", state=State.ONLINE)
        rig.watch.add(greeter())
        rig.watch.pids.clear()
        asked = await rig.before_camera(Verify("anna", service="gdm-password"), ROOT)
        rig.show_person(OWNER, 10)
        assert (await asked.answer()).word is Word.MATCH

    play(scene)


def test_sudo_waits_for_a_nod_and_says_so() -> None:
    async def scene() -> None:
        rig = SharedRig()
        asked = await rig.before_camera(Verify("anna", service="sudo"), ROOT)
        rig.show_person(OWNER, 17)
        assert not asked.task.done()
        assert [reply.hint for reply in asked.replies if reply.hint is not None] == [Hint.NOD]
        rig.show_pitches(NOD, first=17)
        assert (await asked.answer()).word is Word.MATCH
        assert rig.ledgers.kept["anna"].last_face is not None

    play(scene)


def test_who_was_recognised_and_did_not_nod_is_told_so_and_nothing_is_held_against_anybody() -> None:
    async def scene() -> None:
        rig = SharedRig()
        asked = await rig.before_camera(Verify("anna", service="sudo"), ROOT)
        rig.show_person(OWNER, 160)
        assert (await asked.answer()).word is Word.NO_NOD
        assert rig.ledgers.kept["anna"].failures == 0
        assert rig.ledgers.kept["anna"].last_face is None

    play(scene)


def test_nobody_is_told_that_somebody_before_them_was_recognised() -> None:
    async def scene() -> None:
        rig = SharedRig()
        asked = await rig.before_camera(Verify("anna", service="sudo"), ROOT)
        rig.show_person(OWNER, 17)
        assert [reply.hint for reply in asked.replies if reply.hint is not None] == [Hint.NOD]
        rig.show(seen_face(rig.attempt, 17, STRANGER, face=face_at(x_px=900.0)))
        for index in range(18, 170):
            if rig.camera.attempt is not None:
                rig.show(seen_other(rig.attempt, index, Seen.NO_FACE))
        assert (await asked.answer()).word is Word.TIMED_OUT

    play(scene)


def test_a_login_that_gave_up_waiting_for_a_nod_is_remembered_as_that() -> None:
    async def scene() -> None:
        rig = SharedRig()
        asked = await rig.before_camera(Verify("anna", service="sudo"), ROOT)
        rig.show_person(OWNER, 17)
        asked.gone.set()
        assert (await asked.answer()).word is Word.CANCELLED
        (record,) = rig.trail.newest(lambda _: True, most=1, before=None)
        assert record.cause is Cause.INTENT
        assert outcome(record) == "recognised, but no nod was seen"
        assert is_refusal(record)

    play(scene)


def test_a_nod_of_one_person_does_not_count_for_the_next() -> None:
    async def scene() -> None:
        rig = SharedRig()
        asked = await rig.before_camera(Verify("anna", service="sudo"), ROOT)
        rig.show_pitches(NOD[:-3])
        for index in range(len(NOD) - 3, len(NOD) + 20):  # somebody else's place: a jump
            rig.show(seen_face(rig.attempt, index, OWNER, face=face_at(x_px=900.0)))
        assert not asked.task.done()
        asked.gone.set()
        assert (await asked.answer()).word is Word.CANCELLED

    play(scene)


def test_a_daemon_of_ones_own_asks_for_a_nod_where_it_is_wanted() -> None:
    async def scene() -> None:
        rig = Rig()
        rig.templates.kept["anna"] = template_of(OWNER, "anna")
        rig.enrolled("anna")
        asked = await rig.before_camera(Verify("anna", intent=True), ME)
        rig.show_person(OWNER, 17)
        assert not asked.task.done()
        asked.gone.set()
        await asked.answer()

    play(scene)


def test_a_session_that_ends_during_the_attempt_is_not_let_in() -> None:
    async def scene() -> None:
        rig = SharedRig()
        asked = await rig.before_camera(Verify("anna"), ANNA)
        rig.watch.remove("2")
        rig.watch.add(replace(at_desk("3"), uid=ANNA.uid))
        rig.show_person(OWNER, 10)
        assert (await asked.answer()).word is Word.CANCELLED

    play(scene)


def test_status_tells_who_may_ask_and_how_everybody_stands() -> None:
    async def scene() -> None:
        rig = SharedRig()
        await rig.fail_once("anna")
        rig.clock.advance(60 * 1_000_000_000)
        await rig.ask(PasswordOk("anna"), ROOT).answer()
        rig.clock.advance(5 * 1_000_000_000)
        status = await rig.ask(Status(), ROOT).answer()
        assert status.data is not None
        (anna,) = status.data["limits"]
        assert (anna["user"], anna["failures"], anna["failures_left"], anna["locked_out"]) == ("anna", 0, 5, False)
        assert (anna["password_ago_s"], anna["face_ago_s"], anna["password_due"]) == (5.0, None, None)
        assert status.data["asking"]["logind"] is True
        assert (status.data["asking"]["shared"], status.data["asking"]["services"]["sudo"]) == (True, "intent")
        rig.watch.lose()
        rig.ledgers.failing_load = True
        status = await rig.ask(Status(), ROOT).answer()
        assert status.data is not None
        assert status.data["asking"]["logind"] is False
        assert status.data["limits"][0]["locked_out"] is True

    play(scene)


def test_a_password_given_from_afar_or_to_an_unknown_service_ends_no_lock_out() -> None:
    async def scene() -> None:
        rig = SharedRig()
        await rig.fail_once("anna")
        for said, peer in (
            (PasswordOk("anna", "sshd"), ROOT),
            (PasswordOk("anna", "sudo"), replace(ROOT, pid=BEN.pid)),
        ):
            assert (await rig.ask(said, peer).answer()).word is Word.NOT_AUTHORISED
        status = await rig.ask(Status(), ROOT).answer()
        assert status.data is not None
        assert status.data["limits"][0]["failures"] == 1
        assert (await rig.ask(PasswordOk("anna", "sudo"), ROOT).answer()).word is Word.OK

    play(scene)


def test_whom_polkit_lets_may_forget_and_is_as_locked_out_as_before() -> None:
    async def scene() -> None:
        authority = SaysYes(Forget)
        rig = SharedRig(authority=authority)
        await rig.fail_once("anna")
        assert (await rig.ask(Forget("anna"), ANNA).answer()).word is Word.OK
        assert authority.asked == [Forget("anna")]
        assert rig.ledgers.kept["anna"].failures == 1

    play(scene)


def test_root_is_not_asked_about_and_nobody_is_where_all_that_reach_it_may() -> None:
    async def scene() -> None:
        authority = SaysYes(Users)
        rig = SharedRig(authority=authority)
        assert (await rig.ask(Users(), ROOT).answer()).word is Word.OK
        rig = SharedRig(authority=authority, shared=False)
        assert (await rig.ask(Users(), BEN).answer()).word is Word.NOT_AUTHORISED
        assert authority.asked == []

    play(scene)


def test_a_fault_in_asking_for_who_has_left_does_not_end_the_daemon() -> None:
    async def scene() -> None:
        class Fails(SaysYes):
            async def permits(self, peer: Peer, request: AnyRequest) -> bool:
                del peer, request
                asked.gone.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    raise RuntimeError("made up")  # while the question is taken back

        left_over: list[dict[str, object]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: left_over.append(context))
        asked = SharedRig(authority=Fails()).ask(Enrol("anna"), ANNA)
        assert (await asked.answer()).word is Word.NOT_AUTHORISED
        gc.collect()
        assert left_over == []

    play(scene)


def test_while_polkit_asks_for_us_no_face_answers_polkit() -> None:
    async def scene() -> None:
        authority = SaysYes()
        rig = SharedRig(authority=authority)
        before = await rig.before_camera(Verify("anna", service="polkit-1"), ROOT)
        waiting = rig.ask(Enrol("anna"), ANNA)
        await authority.heard.wait()
        rig.show_pitches(NOD)
        assert (await before.answer()).word is Word.CANCELLED
        meanwhile = rig.ask(Verify("anna", service="polkit-1"), ROOT)
        assert (await meanwhile.answer()).word is Word.NOT_AUTHORISED
        others = await rig.before_camera(Verify("anna", service="sudo"), ROOT)
        rig.show_pitches(NOD)
        assert (await others.answer()).word is Word.MATCH
        waiting.gone.set()
        await waiting.answer()
        after = await rig.before_camera(Verify("anna", service="polkit-1"), ROOT)
        rig.show_pitches(NOD)
        assert (await after.answer()).word is Word.MATCH

    play(scene)


def test_while_polkit_asks_others_are_served_and_who_leaves_is_asked_no_more() -> None:
    async def scene() -> None:
        authority = SaysYes()
        rig = SharedRig(authority=authority)
        waiting = rig.ask(Enrol("anna"), ANNA)
        await authority.heard.wait()
        assert (await rig.ask(Status(), ROOT).answer()).word is Word.OK
        assert not waiting.task.done()
        waiting.gone.set()
        assert (await waiting.answer()).word is Word.NOT_AUTHORISED
        assert authority.given_up

    play(scene)
