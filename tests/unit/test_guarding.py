"""An open desktop, its owner, and others who pass; on frames and timers that the test moves."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from fakes.logins import FakeLoginWatch, at_desk
from fakes.people import FRAME_MS, OWNER, STRANGER, seen_face, seen_figures, seen_other, template_of
from fakes.rig import CONFIG, ROOT, Rig
from kinect_unlock.camera_needs import Need
from kinect_unlock.errors import SourceLost
from kinect_unlock.observations import Figure, Seen
from kinect_unlock.settings import Config, Hooks, Presence
from kinect_unlock.wire import Identify, Status

RULES = Presence(enabled=True, absent_s=6.0, look_every_s=30.0)
GUARDED = msgspec.structs.replace(CONFIG, presence=RULES, hooks=Hooks())
TURNS = 30
HERE = Figure(0.0, 900.0, 0.4)
PASSER = Figure(900.0, 1500.0, 0.4)


class Room:
    """Anna's room: her open session, a camera and who is before it."""

    def __init__(self, config: Config = GUARDED) -> None:
        self.logins = FakeLoginWatch(at_desk("2", "anna"))
        self.rig = Rig(config, logins=self.logins)
        self.rig.templates.kept["anna"] = template_of(OWNER, "anna")
        self.rig.enrolled("anna")
        self.frame = 0

    async def settle(self) -> None:
        for _ in range(TURNS):
            await asyncio.sleep(0)

    @property
    def camera(self) -> str | None:
        return self.rig.camera.starts[-1][1] if self.rig.camera.attempt is not None else None

    async def look(self, person: int | None, frames: int = 90) -> None:
        """Have somebody's face, or none, looked at for some frames."""
        for _ in range(frames):
            self.frame += 1
            if self.camera == "verify":
                number = self.rig.attempt
                face = None if person is None else seen_face(number, self.frame, person)
                self.rig.show(face or seen_other(number, self.frame, Seen.NO_FACE))
        await self.settle()

    async def show(self, seconds: float, *figures: Figure) -> None:
        """Have figures before the camera, who move as people do."""
        for _ in range(round(seconds * 1000 / FRAME_MS)):
            self.frame += 1
            if self.camera == "watch":
                fidgeting = [Figure(one.x_mm + 4.0 * (self.frame % 2), one.distance_mm, 0.4) for one in figures]
                self.rig.show(seen_figures(self.rig.attempt, self.frame, *fidgeting))
        await self.settle()

    async def arrive(self) -> None:
        """Have the owner known and followed."""
        await self.look(OWNER)
        await self.show(1.0, HERE)

    async def wait(self) -> None:
        """Let the one timer that runs run out."""
        self.rig.timers.fire()
        await self.settle()

    @property
    def delays_s(self) -> list[float]:
        return [round(timer.delay_s, 1) for timer in self.rig.timers.pending]

    async def status(self) -> dict[str, Any]:
        reply = await self.rig.ask(Status(), ROOT).answer()
        assert reply.data is not None
        presence: dict[str, Any] = reply.data["unasked"]["presence"]
        return presence


def play(scene: Callable[[Room], Awaitable[None]], config: Config = GUARDED) -> Room:
    async def whole() -> Room:
        room = Room(config)
        await room.settle()
        await scene(room)
        room.rig.controller.shut_down()
        await room.settle()
        assert room.rig.camera.attempt is None
        return room

    return asyncio.run(whole())


def test_an_owner_who_was_known_and_walks_away_finds_the_session_locked() -> None:
    async def scene(room: Room) -> None:
        await room.arrive()
        await room.show(1.0)
        assert room.delays_s == [RULES.absent_s]
        await room.wait()

    assert play(scene).logins.asked == [("lock", "2")]


def test_nobody_is_guarded_unless_it_is_switched_on() -> None:
    async def scene(room: Room) -> None:
        assert room.camera is None
        assert "not switched on" in (await room.status())["why_not"]

    play(scene, msgspec.structs.replace(GUARDED, presence=Presence()))


def test_without_a_face_that_was_known_nothing_is_ever_locked() -> None:
    async def scene(room: Room) -> None:
        await room.look(STRANGER)
        assert (await room.status())["state"] == "resting"
        assert room.delays_s == [RULES.look_every_s]
        await room.wait()
        await room.look(None)
        assert (await room.status())["state"] == "resting"

    assert play(scene).logins.asked == []


def test_whoever_passes_behind_the_owner_changes_nothing() -> None:
    async def scene(room: Room) -> None:
        await room.arrive()
        for _ in range(5):
            await room.show(2.0, HERE, PASSER)
            await room.show(2.0, HERE)
        assert (await room.status())["state"] == "present"
        assert room.delays_s == []
        assert [use for _, use, _ in room.rig.camera.starts] == ["verify", "watch"], "no face was looked for again"
        assert room.rig.camera.needs[-1] is Need.FOLLOWING

    assert play(scene).logins.asked == []


def test_an_owner_who_is_hidden_for_a_moment_is_not_gone() -> None:
    async def scene(room: Room) -> None:
        await room.arrive()
        await room.show(1.0)
        assert (await room.status())["state"] == "away"
        await room.show(1.0, HERE)
        assert (await room.status())["state"] == "present"
        assert room.delays_s == []

    assert play(scene).logins.asked == []


def test_an_owner_who_comes_back_in_time_is_known_by_their_face() -> None:
    async def scene(room: Room) -> None:
        await room.arrive()
        await room.show(4.0)
        await room.show(0.5, HERE)
        assert room.camera == "verify"
        await room.look(OWNER)
        await room.show(1.0, HERE)
        assert (await room.status())["state"] == "present"
        assert room.delays_s == []

    assert play(scene).logins.asked == []


def test_a_stranger_in_the_owners_place_does_not_keep_it_open() -> None:
    async def scene(room: Room) -> None:
        await room.arrive()
        await room.show(4.0)
        for _ in range(3):
            await room.show(0.5, HERE)
            await room.look(STRANGER)
        assert room.delays_s == [RULES.absent_s]
        await room.wait()

    assert play(scene).logins.asked == [("lock", "2")]


def test_while_somebody_else_has_the_camera_no_time_runs_and_whoever_is_there_then_must_be_known() -> None:
    async def scene(room: Room) -> None:
        await room.arrive()
        asked = await room.rig.before_camera(Identify(), ROOT)
        await room.settle()
        assert (await room.status())["state"] == "paused"
        assert RULES.absent_s not in room.delays_s
        await room.look(OWNER)
        await asked.answer()
        await room.wait()
        assert room.delays_s == [RULES.absent_s]
        await room.show(0.5, HERE)
        assert room.camera == "verify"

    assert play(scene).logins.asked == []


def test_a_camera_that_is_lost_locks_nobody_and_is_tried_again_less_and_less_often() -> None:
    rests: list[float] = []

    async def scene(room: Room) -> None:
        await room.arrive()
        for _ in range(6):
            room.rig.controller.floor.on_source_lost(room.rig.attempt, SourceLost("unplugged"))
            await room.settle()
            rests.extend(room.delays_s)
            await room.wait()
            assert room.delays_s == [RULES.absent_s]

    assert play(scene).logins.asked == []
    assert rests == [2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_a_session_that_is_locked_is_not_guarded() -> None:
    async def scene(room: Room) -> None:
        await room.arrive()
        room.logins.change("2", locked=True)
        await room.settle()
        assert room.camera is None
        assert (await room.status())["state"] == "off"
        assert room.delays_s == []

    assert play(scene).logins.asked == []


def test_a_lock_that_is_undone_at_once_makes_the_next_one_wait_twice_as_long() -> None:
    async def scene(room: Room) -> None:
        delays = []
        for _ in range(5):
            await room.arrive()
            await room.show(1.0)
            delays.extend(room.delays_s)
            await room.wait()
            room.logins.change("2", locked=True)
            await room.settle()
            room.logins.change("2", locked=False)
            await room.settle()
        assert delays == [6.0, 12.0, 24.0, 48.0, 48.0]
        room.rig.clock.advance(61_000_000_000)
        await room.arrive()
        room.logins.change("2", locked=True)
        await room.settle()
        room.logins.change("2", locked=False)
        await room.settle()
        await room.arrive()
        await room.show(1.0)
        assert room.delays_s == [6.0]

    play(scene)


def test_a_walk_away_lock_is_followed_by_a_watch_that_waits_for_everybody_to_leave() -> None:
    watched = msgspec.structs.replace(GUARDED, watch=msgspec.structs.replace(GUARDED.watch, enabled=True))

    async def scene(room: Room) -> None:
        await room.arrive()
        await room.show(1.0)
        await room.wait()
        room.logins.change("2", locked=True)
        await room.settle()
        (grace,) = [timer for timer in room.rig.timers.pending if timer.delay_s == watched.watch.grace_s]
        grace.live = False
        grace.act()
        await room.settle()
        await room.show(30.0, HERE)
        assert [asked for asked in room.logins.asked if asked[0] == "unlock"] == []
        assert room.camera == "watch", "nobody is looked at before they have left"

    play(scene, watched)
