"""The daemon as a process, a bus with something on it that speaks like logind, and a camera that plays people."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from fakes.login1 import DAEMON, Login1, PrivateBus, private_bus
from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.wire import Enrol, Status, Word
from system.rehearsal import WAIT_S, DaemonProcess, daemon
from system.stage import Stage

pytestmark = [pytest.mark.slow, pytest.mark.skipif(DAEMON is None, reason="dbus-daemon is not installed")]

SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "source": {"kind": "stage"},
    "policy": {"password_after_boot": False},
    "enrol": {"stages": ["any"], "stage_timeout_s": 60.0},
    "attempt": {"timeout_s": 20.0, "nobody_timeout_s": 10.0},  # for a busy machine
    "watch": {"enabled": True, "grace_s": 0.1, "gone_s": 0.3, "rest_s": 0.1},
}


class Scene:
    """A daemon, its logind, and who is before its camera."""

    def __init__(self, running: DaemonProcess, login1: Login1, stage: Stage) -> None:
        self.running = running
        self.login1 = login1
        self.stage = stage

    async def unasked(self) -> dict[str, Any]:
        reply = await asyncio.to_thread(self.running.client.request, Status())
        assert reply.data is not None
        found: dict[str, Any] = reply.data["unasked"]
        return found

    async def until(self, part: str, state: str) -> None:
        async with asyncio.timeout(WAIT_S):
            while (await self.unasked())[part]["state"] != state:
                pass

    async def until_asked(self, what: tuple[str, str]) -> None:
        async with asyncio.timeout(WAIT_S):
            while what not in self.login1.asked:
                await self.unasked()

    @property
    def unlocks(self) -> list[str]:
        return [session for member, session in self.login1.asked if member == "UnlockSession"]


Play: Any = Callable[[Callable[[Scene], Awaitable[None]]], None]


@pytest.fixture
def play(folder: Path, cache_dir: Path) -> Play:
    def act(scene: Callable[[Scene], Awaitable[None]], **settings: Mapping[str, Any]) -> None:
        stage = Stage(folder, folder_of_recordings())
        stage.show("owner-enrols")
        merged = {**SETTINGS, **settings}
        with private_bus() as bus:
            environ = {"PYTHONPATH": str(stage.place), "DBUS_SYSTEM_BUS_ADDRESS": bus.address}
            asyncio.run(_whole(scene, stage, bus, (folder, cache_dir, merged, environ)))

    return act


async def _whole(
    scene: Callable[[Scene], Awaitable[None]], stage: Stage, bus: PrivateBus, made_of: tuple[Any, ...]
) -> None:
    folder, cache_dir, settings, environ = made_of
    login1 = Login1(bus.address)
    login1.session("2")
    login1.session("3", 1001, "bert", State="online", LockedHint=True)
    await login1.start()
    try:
        with daemon(folder, cache_dir, settings, "--test-source", environ=environ) as running:
            await asyncio.to_thread(running.hear, "READY=1")
            enrolled = await asyncio.to_thread(running.client.request, Enrol("anna"), timeout_s=WAIT_S)
            assert enrolled.word is Word.ENROLLED, enrolled
            await scene(Scene(running, login1, stage))
    finally:
        await login1.stop()


def test_who_locks_leaves_and_comes_back_is_let_in_once_and_nobody_else_is(play: Play) -> None:
    async def scene(on: Scene) -> None:
        on.stage.show("owner-returns")
        on.login1.change("2", LockedHint=True)
        await on.until("watch", "leaving")
        for _ in range(50):
            assert (await on.unasked())["watch"]["state"] == "leaving", "the owner has not left yet"
        on.stage.show("empty-room")
        await on.until("watch", "waiting")
        on.stage.show("owner-returns")
        await on.until_asked(("UnlockSession", "2"))
        on.login1.change("2", LockedHint=False)
        await on.until("watch", "off")
        for _ in range(50):
            await on.unasked()
        assert on.unlocks == ["2"]
        assert "event=watch-unlock session=2 word=unlocked" in on.running.log()

    play(scene)


def test_a_session_unlocked_by_hand_meanwhile_is_left_alone(play: Play) -> None:
    async def scene(on: Scene) -> None:
        on.stage.show("empty-room")
        on.login1.change("2", LockedHint=True)
        await on.until("watch", "waiting")
        on.login1.change("2", LockedHint=False)
        on.stage.show("owner-returns")
        await on.until("watch", "off")
        for _ in range(50):
            await on.unasked()
        assert on.unlocks == []

    play(scene)


def test_a_stranger_opens_nothing_and_the_owner_after_them_does(play: Play) -> None:
    async def scene(on: Scene) -> None:
        on.stage.show("empty-room")
        on.login1.change("2", LockedHint=True)
        await on.until("watch", "waiting")
        on.stage.show("stranger")
        await on.until("watch", "resting")
        assert on.unlocks == []
        on.stage.show("owner-returns")
        await on.until_asked(("UnlockSession", "2"))

    play(scene)


def test_an_owner_who_walks_away_finds_their_session_locked_and_open_again_when_back(play: Play) -> None:
    async def scene(on: Scene) -> None:
        on.stage.show("owner-returns")
        await on.until("presence", "present")
        on.stage.show("empty-room")
        await on.until_asked(("LockSession", "2"))
        on.login1.change("2", LockedHint=True)
        await on.until("watch", "waiting")
        on.stage.show("owner-returns")
        await on.until_asked(("UnlockSession", "2"))

    play(scene, presence={"enabled": True, "absent_s": 1.0, "look_every_s": 0.5})


def test_the_machine_sleeps_once_the_camera_is_closed(play: Play) -> None:
    async def scene(on: Scene) -> None:
        on.stage.show("empty-room")
        on.login1.change("2", LockedHint=True)
        await on.until("watch", "waiting")
        assert not on.login1.is_free()
        on.login1.say("PrepareForSleep", "b", True)  # noqa: FBT003 - as logind says it
        async with asyncio.timeout(WAIT_S):
            while not on.login1.is_free():
                await on.unasked()
        reply = await asyncio.to_thread(on.running.client.request, Status())
        assert reply.data is not None
        assert reply.data["camera"]["state"] == "closed"
        assert reply.data["unasked"]["paused"] == "the machine is going to sleep"

    play(scene)
