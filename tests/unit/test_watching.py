"""A locked desktop and a person who comes and goes, on a clock and timers that the test moves."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from fakes.logins import FakeLoginWatch, at_desk, greeter
from fakes.people import OWNER, STRANGER, seen_face, seen_figures, seen_other, template_of
from fakes.rig import CONFIG, ME, ROOT, Rig
from kinect_unlock.camera_needs import Need
from kinect_unlock.camera_report import CameraReport, Identity
from kinect_unlock.errors import SourceLost
from kinect_unlock.ledgers import BudgetBook, LedgerBook
from kinect_unlock.logins import State as LoginState
from kinect_unlock.observations import Figure, Observation, Seen
from kinect_unlock.ports import Peer
from kinect_unlock.settings import Config, Hooks, PolicyRules, Watch
from kinect_unlock.wire import Forget, PasswordOk, Status, Verify, Word

WATCH = Watch(enabled=True, grace_s=5.0, gone_s=2.0, still_s=3.0, rest_s=2.0, longest_rest_s=10.0, max_failures=2)
WATCHED = msgspec.structs.replace(CONFIG, watch=WATCH, hooks=Hooks())
FRAME_S = 0.033
TURNS = 30  # of the loop: more than any chain of callbacks is long


class Desk:
    """Anna's desk: her session, a camera and what is before it."""

    def __init__(self, config: Config = WATCHED, *sessions: Any) -> None:
        self.logins = FakeLoginWatch(*(sessions or (at_desk("2", "anna"),)))
        self.rig = Rig(config, logins=self.logins)
        self.rig.templates.kept["anna"] = template_of(OWNER, "anna")
        self.rig.enrolled("anna")
        self.frame = 0

    async def settle(self) -> None:
        for _ in range(TURNS):
            await asyncio.sleep(0)

    async def lock(self, session: str = "2") -> None:
        self.logins.change(session, locked=True)
        await self.settle()

    async def wait(self) -> None:
        """Let the one timer that runs run out."""
        self.rig.timers.fire()
        await self.settle()

    @property
    def camera(self) -> str | None:
        """What the camera is used for."""
        return self.rig.camera.starts[-1][1] if self.rig.camera.attempt is not None else None

    async def show(self, seconds: float, *figures: Figure) -> None:
        """Have figures before the camera for some time, who move as people do."""
        for _ in range(max(1, round(seconds / FRAME_S))):
            self.frame += 1
            if self.camera != "watch":
                break
            moved = [_fidgeting(figure, self.frame) for figure in figures]
            self.rig.show(seen_figures(self.rig.attempt, self.frame, *moved))
        await self.settle()

    async def show_still(self, seconds: float, *figures: Figure) -> None:
        """Have things before the camera that never move."""
        for _ in range(max(1, round(seconds / FRAME_S))):
            self.frame += 1
            if self.camera == "watch":
                self.rig.show(seen_figures(self.rig.attempt, self.frame, *figures))
        await self.settle()

    async def look(self, of: Callable[[int, int], Observation], frames: int = 20) -> None:
        """Have frames looked at in an attempt."""
        for _ in range(frames):
            self.frame += 1
            if self.camera == "verify":
                self.rig.show(of(self.rig.attempt, self.frame))
        await self.settle()

    async def is_waiting(self) -> None:
        """Come as far as to wait for somebody: locked, grace over, everybody gone."""
        await self.lock()
        await self.wait()
        await self.show(3.0)

    async def status(self) -> dict[str, Any]:
        reply = await self.rig.ask(Status(), ROOT).answer()
        assert reply.data is not None
        watch: dict[str, Any] = reply.data["unasked"]["watch"]
        return watch

    @property
    def unlocks(self) -> list[tuple[str, str]]:
        return [asked for asked in self.logins.asked if asked[0] == "unlock"]


def _fidgeting(figure: Figure, frame: int) -> Figure:
    """Return the figure a few millimetres to one side or the other."""
    return Figure(figure.x_mm + 4.0 * (frame % 2), figure.distance_mm, figure.area_m2)


SOMEBODY = Figure(0.0, 800.0, 0.3)
CHAIR = Figure(100.0, 1000.0, 0.3)


def anna(attempt: int, frame: int) -> Observation:
    return seen_face(attempt, frame, OWNER)


def a_stranger(attempt: int, frame: int) -> Observation:
    return seen_face(attempt, frame, STRANGER)


def no_face(attempt: int, frame: int) -> Observation:
    return seen_other(attempt, frame, Seen.NO_FACE)


def play(scene: Callable[[Desk], Awaitable[None]], config: Config = WATCHED, *sessions: Any) -> Desk:
    async def whole() -> Desk:
        desk = Desk(config, *sessions)
        await desk.settle()
        await scene(desk)
        desk.rig.controller.shut_down()
        await desk.settle()
        assert desk.rig.camera.attempt is None
        return desk

    return asyncio.run(whole())


def test_who_locks_leaves_and_comes_back_finds_the_session_open() -> None:
    async def scene(desk: Desk) -> None:
        await desk.is_waiting()
        assert desk.camera == "watch"
        await desk.show(0.2, SOMEBODY)
        assert desk.camera == "verify"
        await desk.look(anna)

    desk = play(scene)
    assert desk.unlocks == [("unlock", "2")]
    assert desk.rig.ledgers.kept["anna"].last_face is not None


def test_nothing_is_watched_unless_it_is_switched_on() -> None:
    async def scene(desk: Desk) -> None:
        await desk.lock()
        assert not desk.rig.timers.pending
        assert "not switched on" in (await desk.status())["why_not"]

    play(scene, msgspec.structs.replace(WATCHED, watch=Watch()))


def test_before_the_grace_period_is_over_the_camera_stays_shut() -> None:
    async def scene(desk: Desk) -> None:
        await desk.lock()
        assert [timer.delay_s for timer in desk.rig.timers.pending] == [WATCH.grace_s]
        assert desk.rig.camera.starts == []

    play(scene)


def test_who_stays_after_locking_is_never_looked_at() -> None:
    async def scene(desk: Desk) -> None:
        await desk.lock()
        await desk.wait()
        await desk.show(60.0, SOMEBODY)
        assert [use for _, use, _ in desk.rig.camera.starts] == ["watch"]
        assert set(desk.rig.camera.needs) == {Need.WATCHING}, "few frames, however near they are"

    assert play(scene).unlocks == []


def test_an_empty_chair_counts_as_nobody() -> None:
    async def scene(desk: Desk) -> None:
        await desk.lock()
        await desk.wait()
        await desk.show_still(2.0, CHAIR)
        assert (await desk.status())["state"] == "leaving"
        await desk.show_still(5.0, CHAIR)
        assert (await desk.status())["state"] == "waiting"
        await desk.show_still(60.0, CHAIR)
        assert (await desk.status())["state"] == "waiting"

    play(scene)


def test_a_session_unlocked_by_hand_while_it_is_tried_is_left_alone() -> None:
    async def scene(desk: Desk) -> None:
        await desk.is_waiting()
        await desk.show(0.2, SOMEBODY)
        desk.logins.change("2", locked=False)
        await desk.settle()
        assert desk.camera is None

    assert play(scene).unlocks == []


def test_a_session_unlocked_between_the_match_and_the_unlock_is_left_alone() -> None:
    async def scene(desk: Desk) -> None:
        await desk.is_waiting()
        await desk.show(0.2, SOMEBODY)
        for _ in range(20):
            desk.frame += 1
            if desk.camera == "verify":
                desk.rig.show(anna(desk.rig.attempt, desk.frame))
        desk.logins.change("2", locked=False)  # before the loop has turned once
        await desk.settle()

    desk = play(scene)
    assert desk.unlocks == []
    (record,) = desk.rig.trail.kept
    assert (record.word, record.cause) == (Word.CANCELLED, "ended")
    assert "not unlocked" in record.detail


@pytest.mark.parametrize(("peer", "left"), [(ROOT, 0), (ME, 1)], ids=["root", "own"])
@pytest.mark.parametrize("failures", [0, 2])
def test_who_forgets_and_enrols_again_gets_no_fresh_tries_unasked(peer: Peer, left: int, failures: int) -> None:
    async def scene(desk: Desk) -> None:
        await desk.is_waiting()
        await desk.show(0.2, SOMEBODY)
        await desk.look(a_stranger)
        assert desk.rig.budgets.kept["anna"].failures == 1
        main = desk.rig.ledgers.kept["anna"]
        desk.rig.ledgers.kept["anna"] = msgspec.structs.replace(main, failures=failures)
        assert (await desk.rig.ask(Forget("anna"), peer).answer()).word is Word.OK
        assert (
            BudgetBook(desk.rig.budgets, desk.rig.clock, LedgerBook(desk.rig.ledgers, desk.rig.clock))
            .open("anna")
            .failures
            == left
        )

    play(scene)


def test_another_users_session_is_not_watched_and_not_opened() -> None:
    async def scene(desk: Desk) -> None:
        desk.logins.change("3", locked=True)
        await desk.settle()
        assert not desk.rig.timers.pending
        await desk.lock("2")
        await desk.wait()
        await desk.show(3.0)
        await desk.show(0.2, SOMEBODY)
        await desk.look(anna)

    bert = at_desk("3", "bert", 1001, state=LoginState.ONLINE)
    desk = play(scene, WATCHED, at_desk("2", "anna"), bert)
    assert desk.unlocks == [("unlock", "2")]


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(lambda desk: desk.logins.remove("2"), id="session gone"),
        pytest.param(lambda desk: desk.logins.change("2", state=LoginState.ONLINE), id="not shown"),
        pytest.param(lambda desk: desk.logins.add(greeter()), id="greeter shown too"),
        pytest.param(lambda desk: desk.logins.lid(closed=True), id="lid"),
        pytest.param(lambda desk: desk.logins.sleep(about=True), id="sleep"),
        pytest.param(lambda desk: desk.logins.lose(), id="logind lost"),
    ],
)
@pytest.mark.parametrize("trying", [False, True])
def test_a_watch_ends_with_what_it_was_for(end: Callable[[Desk], None], *, trying: bool) -> None:
    async def scene(desk: Desk) -> None:
        await desk.is_waiting()
        if trying:
            await desk.show(0.2, SOMEBODY)
        end(desk)
        await desk.settle()
        assert desk.camera is None
        assert not [timer for timer in desk.rig.timers.pending if timer.delay_s > 1]
        assert (await desk.status())["state"] == "off"

    assert play(scene).unlocks == []


def test_sleep_closes_the_camera_and_is_let_happen_once_it_is_closed() -> None:
    async def scene(desk: Desk) -> None:
        await desk.is_waiting()
        desk.logins.sleep(about=True)
        await desk.settle()
        assert (desk.rig.camera.closed, desk.logins.slept) == (1, 1)
        desk.logins.sleep(about=False)
        await desk.settle()
        assert desk.camera is None
        await desk.wait()  # the grace period, once more
        assert desk.camera == "watch"

    play(scene)


def test_whoever_asks_in_words_has_the_camera_at_once_and_the_watch_goes_on_after() -> None:
    async def scene(desk: Desk) -> None:
        await desk.is_waiting()
        watching = desk.rig.attempt
        asked = await desk.rig.before_camera(Verify("anna"), ROOT)
        assert desk.rig.attempt != watching
        desk.rig.show_person(STRANGER, 10, first=desk.frame)
        desk.frame += 10
        assert (await asked.answer()).word is Word.NO_MATCH
        await desk.settle()
        assert (await desk.status())["state"] == "resting"
        await desk.wait()
        assert desk.camera == "watch"

    play(scene)


def test_each_try_leaves_a_record_and_waiting_for_somebody_none() -> None:
    async def scene(desk: Desk) -> None:
        await desk.is_waiting()
        assert desk.rig.trail.kept == []
        await desk.show(0.5, SOMEBODY)
        await desk.look(a_stranger)
        (record,) = desk.rig.trail.kept
        assert (record.op, record.user, record.word) == ("watch", "anna", Word.NO_MATCH)
        assert record.uid == desk.rig.facts.own_uid
        assert record.frames
        assert record.cause == "score"

    play(scene)


async def come_back(desk: Desk) -> None:
    await desk.is_waiting()
    await desk.show(0.2, SOMEBODY)
    await desk.look(anna)


def test_the_record_of_a_match_waits_until_the_session_was_seen_to_be_open() -> None:
    async def scene(desk: Desk) -> None:
        await come_back(desk)
        assert (desk.unlocks, desk.rig.trail.kept) == ([("unlock", "2")], [])
        desk.logins.change("2", locked=False)
        await desk.settle()
        (record,) = desk.rig.trail.kept
        assert (record.op, record.word, record.cause, record.detail) == ("watch", Word.UNLOCKED, None, "")

    play(scene)


@pytest.mark.parametrize("gone", [False, True])
def test_the_record_of_a_match_says_when_nobody_saw_the_session_open(*, gone: bool) -> None:
    async def scene(desk: Desk) -> None:
        await come_back(desk)
        if gone:
            desk.logins.remove("2")
        else:
            desk.rig.timers.fire()
        await desk.settle()
        (record,) = desk.rig.trail.kept
        assert (record.op, record.word) == ("watch", Word.UNLOCKED)
        assert "nothing said that the session is open" in record.detail

    play(scene)


def test_the_record_of_a_match_says_when_the_session_could_not_be_opened() -> None:
    async def scene(desk: Desk) -> None:
        desk.logins.refuses = True
        await come_back(desk)
        (record,) = desk.rig.trail.kept
        assert (record.op, record.word, record.cause) == ("watch", Word.HOOK_FAILED, "fault")

    play(scene)


def test_strangers_use_up_the_budget_and_lock_nobody_out() -> None:
    async def scene(desk: Desk) -> None:
        await desk.is_waiting()
        for _ in range(WATCH.max_failures):
            await desk.show(0.2, SOMEBODY)
            await desk.look(a_stranger)
            desk.rig.clock.advance(31_000_000_000)
            if desk.rig.timers.pending:
                await desk.wait()
        status = await desk.status()
        assert desk.camera is None
        assert "too many failures" in status["why_not"]
        assert desk.rig.ledgers.kept["anna"].failures == 0
        await desk.rig.ask(PasswordOk("anna"), ROOT).answer()
        await desk.settle()
        assert (await desk.status())["state"] == "grace", "a password gives the budget back"

    assert play(scene).unlocks == []


def test_a_password_that_is_given_while_the_watch_tries_counts_as_any_other() -> None:
    async def scene(desk: Desk) -> None:
        ledgers = desk.rig.ledgers
        ledgers.kept["anna"] = msgspec.structs.replace(ledgers.kept["anna"], failures=3)
        await desk.is_waiting()
        await desk.show(0.2, SOMEBODY)
        assert desk.camera == "verify"
        assert (await desk.rig.ask(PasswordOk("anna"), ROOT).answer()).word is Word.OK
        await desk.settle()
        kept = ledgers.kept["anna"]
        assert (kept.failures, kept.last_password, kept.last_unlock) == (0, *[desk.rig.clock.boot_time()] * 2)

    assert play(scene).unlocks == []


def test_rests_between_tries_double_up_to_a_bound() -> None:
    rests: list[float] = []

    async def scene(desk: Desk) -> None:
        await desk.is_waiting()
        for _ in range(5):
            await desk.show(0.2, SOMEBODY)
            await desk.look(no_face, frames=200)
            rests.extend(timer.delay_s for timer in desk.rig.timers.pending)
            desk.rig.clock.advance(31_000_000_000)
            await desk.wait()

    play(scene)
    assert rests == [2.0, 4.0, 8.0, 10.0, 10.0]


def test_a_locker_that_tells_nothing_is_watched_after_a_lock_that_was_asked_for_and_opened_once() -> None:
    async def scene(desk: Desk) -> None:
        desk.logins.ask("lock", "2")
        await desk.settle()
        (grace,) = [timer for timer in desk.rig.timers.pending if timer.act.__qualname__.startswith("Watcher")]
        grace.live = False
        grace.act()
        await desk.settle()
        await desk.show(3.0)
        await desk.show(0.2, SOMEBODY)
        for timer in desk.rig.timers.pending:  # nobody has confirmed that it is locked
            timer.live = False
            timer.act()
        await desk.look(anna)
        assert desk.unlocks == [("unlock", "2")]
        for timer in desk.rig.timers.pending:
            timer.live = False
            timer.act()
        await desk.settle()
        assert desk.camera is None
        assert "answered" in (await desk.status())["why_not"]

    play(scene)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"policy": PolicyRules(password_after_boot=True)}, "password is needed once"),
        ({"source": msgspec.structs.replace(CONFIG.source, pipeline="cpu")}, "a processor core of its own"),
    ],
)
def test_who_could_not_unlock_or_at_what_cost_is_not_watched_and_status_says_why(
    change: dict[str, Any], reason: str
) -> None:
    async def scene(desk: Desk) -> None:
        await desk.lock()
        assert not desk.rig.timers.pending
        assert reason in (await desk.status())["why_not"]

    play(scene, msgspec.structs.replace(WATCHED, **change))


def test_what_decodes_is_known_once_the_camera_is_open_and_ends_a_watch_that_is_too_costly() -> None:
    async def scene(desk: Desk) -> None:
        await desk.lock()
        await desk.wait()
        desk.rig.camera.shown = CameraReport(identity=Identity("Kinect v2", pipeline="cpu"))
        await desk.show(0.1)
        assert desk.camera is None
        assert "a processor core of its own" in (await desk.status())["why_not"]

    play(scene)


def test_a_costly_camera_is_watched_with_when_that_is_asked_for_in_so_many_words() -> None:
    costly = msgspec.structs.replace(CONFIG.source, pipeline="cpu")
    watch = msgspec.structs.replace(WATCH, even_if_costly=True)

    async def scene(desk: Desk) -> None:
        await desk.is_waiting()
        assert desk.camera == "watch"

    play(scene, msgspec.structs.replace(WATCHED, source=costly, watch=watch))


def test_a_lost_camera_is_tried_again_after_a_rest() -> None:
    async def scene(desk: Desk) -> None:
        await desk.is_waiting()
        desk.rig.controller.floor.on_source_lost(desk.rig.attempt, SourceLost("unplugged"))
        await desk.settle()
        assert (await desk.status())["state"] == "resting"
        await desk.wait()
        assert desk.camera == "watch"

    play(scene)


def test_a_lock_while_it_is_locked_begins_with_the_grace_period_again() -> None:
    async def scene(desk: Desk) -> None:
        await desk.is_waiting()
        desk.logins.ask("lock", "2")
        await desk.settle()
        assert (await desk.status())["state"] == "grace"

    play(scene)


def test_a_session_that_was_locked_before_the_daemon_began_is_watched() -> None:
    async def scene(desk: Desk) -> None:
        assert (await desk.status())["state"] == "grace"

    play(scene, WATCHED, at_desk("2", "anna", locked=True))
