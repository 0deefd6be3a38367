"""logind, as something on a bus of the test's own that speaks like it."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from dbus_fast import Variant
from hypothesis import example, given
from hypothesis import strategies as st

from fakes.login1 import DAEMON, Login1, PrivateBus, path_of, private_bus
from fakes.logins import at_desk
from kinect_unlock.errors import HookError
from kinect_unlock.logind import LogindWatch
from kinect_unlock.logind_bus import BUS, LOGIND, SESSION, session_from
from kinect_unlock.logins import (
    Knowledge,
    Lid,
    LockAsked,
    LoginEvent,
    Logins,
    PreparingForSleep,
    SeenLocked,
    SeenUnlocked,
    SessionChanged,
    SessionGone,
    SessionNew,
    State,
    UnlockAsked,
)

pytestmark = pytest.mark.skipif(DAEMON is None, reason="dbus-daemon is not installed")
WAIT_S = 20.0
SLEEPS, WAKES = True, False
REMOTE: dict[str, Any] = {"Remote": True, "Seat": ["", "/"]}


@pytest.fixture
def bus() -> Iterator[PrivateBus]:
    with private_bus() as running:
        yield running


class Watching:
    """A watch on the bus, and the events it has told of."""

    def __init__(self, address: str, *, lid_s: float = 60.0) -> None:
        self.watch = LogindWatch(address, lid_s=lid_s, retry_s=(0.01,))
        self.events = asyncio.Queue[LoginEvent]()
        self.watch.on_event(self.events.put_nowait)
        self.task = asyncio.get_running_loop().create_task(self.watch.run())

    async def next(self) -> LoginEvent:
        async with asyncio.timeout(WAIT_S):
            return await self.events.get()

    async def known(self, *, to_be: bool = True) -> None:
        assert await self.next() == Knowledge(to_be)

    async def stop(self) -> None:
        self.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await self.task


@asynccontextmanager
async def logind(bus: PrivateBus) -> AsyncIterator[Login1]:
    one = Login1(bus.address)
    one.session("2")
    await one.start()
    try:
        yield one
    finally:
        await one.stop()


@asynccontextmanager
async def watching(bus: PrivateBus, **settings: float) -> AsyncIterator[Watching]:
    one = Watching(bus.address, **settings)
    try:
        yield one
    finally:
        await one.stop()


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def whole() -> None:
        await scene()

    asyncio.run(whole())


DESK = at_desk(tty="tty2", leader_pid=4242)


def test_all_sessions_are_known_from_the_start(bus: PrivateBus) -> None:
    async def scene() -> None:
        async with logind(bus) as real:
            real.session("9", 1001, "ben", **REMOTE, Type="tty", State="online", Active=False)
            real.lid_closed = True
            async with watching(bus) as one:
                assert one.watch.now() == Logins()
                await one.known()
                now = one.watch.now()
                assert now.known
                assert (now.lid_closed, now.docked, now.lid_shut) == (True, False, True)
                assert now.by_id("2") == DESK
                ben = now.by_id("9")
                assert ben is not None
                assert (ben.remote, ben.seat, ben.state) == (True, "", State.ONLINE)
                assert now.shown_on("seat0") == DESK

    play(scene)


def test_sessions_come_and_go_and_change_by_signals(bus: PrivateBus) -> None:
    async def scene() -> None:
        async with logind(bus) as real, watching(bus) as one:
            await one.known()
            real.log_in("3", 1001, "ben", State="online", Active=False)
            new = await one.next()
            assert isinstance(new, SessionNew)
            assert (new.session.user, new.session.active) == ("ben", False)
            real.change("2", Active=False, State="online")
            changed = await one.next()
            assert isinstance(changed, SessionChanged)
            assert (changed.session.id, changed.session.state) == ("2", State.ONLINE)
            real.change("2", LockedHint=True)
            assert await one.next() == SeenLocked("2")
            real.change("2", LockedHint=False)
            assert await one.next() == SeenUnlocked("2")
            real.log_out("3")
            assert await one.next() == SessionGone("3")
            assert [session.id for session in one.watch.now().sessions] == ["2"]

    play(scene)


def test_wishes_to_lock_and_unlock_are_told_and_a_session_that_rests_is_no_news(bus: PrivateBus) -> None:
    async def scene() -> None:
        async with logind(bus) as real, watching(bus) as one:
            await one.known()
            real.change("2", IdleHint=True)
            real.say("Lock", "", path=path_of("2"), interface=SESSION)
            real.say("Unlock", "", path=path_of("2"), interface=SESSION)
            real.say("Lock", "", path=path_of("7"), interface=SESSION)  # of none that is known
            assert await one.next() == LockAsked("2")
            assert await one.next() == UnlockAsked("2")
            await one.watch.lock("2")
            await one.watch.unlock("2")
            assert real.asked[-2:] == [("LockSession", "2"), ("UnlockSession", "2")]
            assert one.events.empty()

    play(scene)


def test_what_logind_refuses_to_lock_is_said(bus: PrivateBus) -> None:
    async def scene() -> None:
        async with logind(bus) as real, watching(bus) as one:
            with pytest.raises(HookError, match="no connection"):
                await one.watch.unlock("2")
            await one.known()
            with pytest.raises(HookError, match="refuses 9"):
                await one.watch.unlock("9")
            real.refuses.add("LockSession")
            with pytest.raises(HookError, match="polkit rule"):
                await one.watch.lock("2")

    play(scene)


def test_a_process_has_the_session_it_runs_in(bus: PrivateBus) -> None:
    async def scene() -> None:
        async with logind(bus) as real, watching(bus, lid_s=60.0) as one:
            assert await one.watch.session_of(77) is None  # nothing is known yet
            await one.known()
            real.pids[77] = "2"
            real.lid_closed = True
            assert await one.watch.session_of(77) == DESK
            assert one.watch.now().lid_closed  # looked at on the way
            assert await one.watch.session_of(78) is None
            real.pids[0] = "2"  # logind's word for whoever asks
            assert await one.watch.session_of(0) is None

    play(scene)


def test_a_process_of_a_users_own_manager_has_the_session_that_the_user_sees(bus: PrivateBus) -> None:
    async def scene() -> None:
        async with logind(bus) as real, watching(bus) as one:
            await one.known()
            real.manager_pids[78] = 1000
            assert await one.watch.session_of(78) is None  # the user sees none
            real.displays[1000] = "2"
            assert await one.watch.session_of(78) == DESK

    play(scene)


def test_a_users_manager_does_not_tell_where_it_was_asked_when_the_user_is_here_from_elsewhere_too(
    bus: PrivateBus,
) -> None:
    async def scene() -> None:
        async with logind(bus) as real:
            real.session("9", **REMOTE)
            real.manager_pids[78] = 1000
            real.displays[1000] = "2"
            real.pids[77] = "2"
            async with watching(bus) as one:
                await one.known()
                assert await one.watch.session_of(78) is None
                assert await one.watch.session_of(77) == DESK

    play(scene)


def test_that_a_session_is_open_now_is_asked_for_since_nobody_tells(bus: PrivateBus) -> None:
    async def scene() -> None:
        async with logind(bus) as real, watching(bus) as one:
            await one.known()
            real.log_in("3", State="opening")
            assert isinstance(await one.next(), SessionNew)
            real.change("3", State="active")
            await one.watch.session_of(os.getpid())
            opened = one.watch.now().by_id("3")
            assert opened is not None
            assert opened.active

    play(scene)


def test_the_lid_is_looked_at_again_and_again(bus: PrivateBus) -> None:
    async def scene() -> None:
        async with logind(bus) as real, watching(bus, lid_s=0.01) as one:
            await one.known()
            real.lid_closed = True
            assert await one.next() == Lid(shut=True)
            real.docked = True
            assert await one.next() == Lid(shut=False)

    play(scene)


def test_the_machine_waits_with_sleeping_until_it_is_let(bus: PrivateBus) -> None:
    async def scene() -> None:
        async with logind(bus) as real, watching(bus) as one:
            await one.known()
            assert real.asked[0][1][::3] == ("sleep", "delay")
            assert real.held
            real.say("PrepareForSleep", "b", SLEEPS)
            assert await one.next() == PreparingForSleep(about=True)
            assert real.held
            one.watch.let_sleep()
            assert real.is_free()
            real.say("PrepareForSleep", "b", WAKES)
            assert await one.next() == PreparingForSleep(about=False)
            assert real.held
        assert not real.held

    play(scene)


def test_without_anybody_who_closes_a_camera_the_machine_sleeps_at_once(bus: PrivateBus) -> None:
    async def scene() -> None:
        async with logind(bus) as real:
            watch = LogindWatch(bus.address, retry_s=(0.01,))
            task = asyncio.get_running_loop().create_task(watch.run())
            async with asyncio.timeout(WAIT_S):
                while not watch.now().known:  # noqa: ASYNC110 - nobody listens, so there is nothing to wait for
                    await asyncio.sleep(0.001)
                real.say("PrepareForSleep", "b", SLEEPS)
                while real.held:  # noqa: ASYNC110 - the same
                    await asyncio.sleep(0.001)
            task.cancel()
            await asyncio.wait({task})

    play(scene)


def test_what_others_than_logind_say_on_the_bus_counts_for_nothing(bus: PrivateBus) -> None:
    async def scene() -> None:
        async with logind(bus) as real, watching(bus) as one:
            await one.known()
            liar = Login1(bus.address, owns=False)
            await liar.start()
            liar.session("2", Remote=False)
            for to in (None, *(f":1.{number}" for number in range(5))):
                liar.say("SessionRemoved", "so", "2", path_of("2"), to=to)
                liar.say("Unlock", "", path=path_of("2"), interface=SESSION, to=to)
                liar.say("PrepareForSleep", "b", SLEEPS, to=to)
                gone = (LOGIND, real.name, "")
                liar.say("NameOwnerChanged", "sss", *gone, path="/org/freedesktop/DBus", interface=BUS, to=to)
            await liar.stop()
            real.say("Lock", "", path=path_of("2"), interface=SESSION)
            assert await one.next() == LockAsked("2")
            assert one.watch.now().by_id("2") == DESK
            assert one.events.empty()

    play(scene)


def test_logind_that_goes_takes_all_knowledge_with_it_and_brings_it_back(bus: PrivateBus) -> None:
    async def scene() -> None:
        async with watching(bus) as one:
            async with logind(bus):
                await one.known()
            await one.known(to_be=False)
            assert one.watch.now() == Logins()
            assert await one.watch.session_of(77) is None
            async with logind(bus):
                await one.known()
                assert one.watch.now().by_id("2") == DESK
            await one.known(to_be=False)

    play(scene)


def test_a_bus_that_dies_takes_all_knowledge_with_it_and_is_found_again(bus: PrivateBus) -> None:
    async def scene() -> None:
        async with watching(bus) as one:
            first = Login1(bus.address)
            await first.start()
            await one.known()
            bus.stop()
            await one.known(to_be=False)
            assert one.watch.now() == Logins()
            bus.start()
            async with logind(bus):
                await one.known()
                assert one.watch.now().by_id("2") == DESK
            await one.known(to_be=False)
            await first.stop()

    play(scene)


def test_without_a_bus_nothing_is_known_and_nothing_breaks() -> None:
    async def scene() -> None:
        for address in ("unix:path=/nowhere/bus", "nonsense:"):
            one = Watching(address)
            await asyncio.sleep(0.05)
            assert not one.task.done()
            assert one.watch.now() == Logins(absent=address.startswith("unix"))  # the other is only ill described
            assert await one.watch.session_of(os.getpid()) is None
            await one.stop()

    play(scene)


def test_a_session_that_cannot_be_read_any_more_is_none(bus: PrivateBus) -> None:
    async def scene() -> None:
        async with logind(bus) as real, watching(bus) as one:
            await one.known()
            real.refuses.add("GetAll")
            real.change("2", Active=False)
            assert await one.next() == SessionGone("2")

    play(scene)


def test_more_signals_than_can_be_heard_make_everything_be_asked_anew(
    bus: PrivateBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kinect_unlock.logind._INBOX", 16)

    async def scene() -> None:
        async with logind(bus) as real, watching(bus) as one:
            await one.known()
            real.silent = True
            real.change("2", Active=False)  # the watch now waits for an answer
            for _ in range(20):
                real.say("Lock", "", path=path_of("2"), interface=SESSION)
            await one.known(to_be=False)
            real.silent = False
            await one.known()

    play(scene)


def test_signals_of_anybody_else_take_nobodys_place(bus: PrivateBus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kinect_unlock.logind._INBOX", 16)

    async def scene() -> None:
        async with logind(bus) as real, watching(bus) as one:
            await one.known()
            liar = Login1(bus.address, owns=False)
            await liar.start()
            for _ in range(40):
                for number in range(5):
                    liar.say("Lock", "", path=path_of("2"), interface=SESSION, to=f":1.{number}")
            await liar.stop()
            real.say("Lock", "", path=path_of("2"), interface=SESSION)
            assert await one.next() == LockAsked("2")
            assert one.watch.now().known

    play(scene)


FULL: dict[str, Any] = {
    "Id": "2",
    "User": [1000, "/u"],
    "Name": "anna",
    "Seat": ["seat0", "/s"],
    "TTY": "tty2",
    "Class": "user",
    "Type": "wayland",
    "State": "active",
    "Active": True,
    "Remote": False,
    "LockedHint": False,
    "Leader": 4242,
}


def test_a_session_with_everything_is_read() -> None:
    assert session_from(FULL) == DESK
    assert DESK.is_at_desk


@pytest.mark.parametrize("missing", sorted(FULL.keys() - {"Type", "TTY", "LockedHint", "Leader"}))
def test_a_session_of_which_something_is_missing_is_before_no_camera(missing: str) -> None:
    session = session_from({key: value for key, value in FULL.items() if key != missing})
    assert session is None or not session.is_at_desk or session.seat == ""


strange = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.lists(st.integers(), max_size=2)


@given(st.sampled_from(sorted(FULL.keys() - {"User", "Id", "Name", "Seat"})), strange)
@example("Remote", 0)
def test_a_word_that_is_not_understood_never_puts_a_session_before_the_camera(key: str, value: object) -> None:
    session = session_from({**FULL, key: value})
    assert session is not None
    is_what_it_was = value == FULL[key] and type(value) is type(FULL[key])  # 0 equals False, and is no word of logind's
    is_harmless = is_what_it_was or key in {"Type", "TTY", "LockedHint", "Leader"}
    assert session.is_at_desk == is_harmless


def test_variants_are_plain_values_by_then() -> None:
    assert session_from({key: Variant("s", "x") for key in FULL}) is None
