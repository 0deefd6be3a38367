import asyncio
from collections.abc import Awaitable, Callable

from fakes.logins import FakeLoginWatch, at_desk
from fakes.people import OWNER, template_of
from fakes.rig import ROOT, Rig
from kinect_unlock.camera_report import CameraReport, Phase
from kinect_unlock.wire import Verify, Word


def play(scene: Callable[[Rig, FakeLoginWatch], Awaitable[None]]) -> None:
    async def whole() -> None:
        logins = FakeLoginWatch(at_desk("2", "anna"))
        rig = Rig(logins=logins)
        rig.templates.kept["anna"] = template_of(OWNER, "anna")
        rig.enrolled("anna")
        await asyncio.sleep(0)
        await scene(rig, logins)

    asyncio.run(whole())


def test_an_attempt_ends_when_the_machine_goes_to_sleep_and_the_camera_is_closed_first() -> None:
    async def scene(rig: Rig, logins: FakeLoginWatch) -> None:
        asked = await rig.before_camera(Verify("anna"), ROOT)
        rig.camera.shown = CameraReport(phase=Phase.OPEN)
        logins.sleep(about=True)
        reply = await asked.answer()
        assert (reply.word, reply.message) == (Word.CANCELLED, "the machine is going to sleep")
        assert (rig.camera.closed, logins.slept) == (1, 0)
        rig.timers.fire()
        assert logins.slept == 0, "the camera is still open"
        rig.camera.shown = CameraReport(phase=Phase.CLOSED)
        rig.timers.fire()
        assert logins.slept == 1
        assert not rig.timers.pending

    play(scene)


def test_a_camera_that_does_not_close_holds_the_machine_up_for_four_seconds_at_most() -> None:
    async def scene(rig: Rig, logins: FakeLoginWatch) -> None:
        rig.camera.shown = CameraReport(phase=Phase.LINGERING)
        logins.sleep(about=True)
        waited_s = 0.0
        while not logins.slept:
            waited_s += rig.timers.pending[0].delay_s
            rig.timers.fire()
        assert 3.9 <= waited_s <= 4.2

    play(scene)


def test_nobody_is_looked_at_from_before_sleep_until_after() -> None:
    async def scene(rig: Rig, logins: FakeLoginWatch) -> None:
        logins.sleep(about=True)
        assert (await rig.ask(Verify("anna"), ROOT).answer()).word is Word.CANCELLED
        assert rig.camera.starts == []
        logins.sleep(about=False)
        asked = await rig.before_camera(Verify("anna"), ROOT)
        asked.gone.set()
        await asked.answer()

    play(scene)


def test_a_machine_that_woke_while_logind_was_lost_looks_again_when_it_is_back() -> None:
    async def scene(rig: Rig, logins: FakeLoginWatch) -> None:
        logins.sleep(about=True)
        logins.lose()
        logins.find(at_desk("2", "anna"))
        asked = await rig.before_camera(Verify("anna"), ROOT)
        asked.gone.set()
        await asked.answer()

    play(scene)


def test_a_shut_lid_ends_an_attempt_and_one_with_another_screen_does_not() -> None:
    async def scene(rig: Rig, logins: FakeLoginWatch) -> None:
        asked = await rig.before_camera(Verify("anna"), ROOT)
        logins.lid(closed=True, docked=True)
        assert rig.camera.attempt is not None
        logins.lid(closed=True, docked=False)
        assert (await asked.answer()).word is Word.CANCELLED
        assert rig.camera.closed == 1
        assert logins.slept == 0

    play(scene)
