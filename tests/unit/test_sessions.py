import asyncio
from typing import Any

import pytest

from fakes.logins import FakeLoginWatch, at_desk, greeter
from fakes.ports import ManualTimers, ScriptedHooks
from kinect_unlock.decisions import DecisionLog
from kinect_unlock.errors import ConfigError, HookError
from kinect_unlock.logins import Kind
from kinect_unlock.logins import State as LoginState
from kinect_unlock.machines.session import State
from kinect_unlock.sessions import CONFIRM_S, Session, Sessions
from kinect_unlock.settings import Config, Hooks


def session_with(hooks: ScriptedHooks) -> Session:
    return Session("", hooks.run, DecisionLog(None))


def test_nothing_seen_yet_counts_as_locked_and_unconfirmed() -> None:
    session = session_with(ScriptedHooks())
    assert (session.state, session.confirmed) == (State.LOCKED, False)


def test_a_lock_and_an_unlock_that_succeed_are_believed() -> None:
    async def scene() -> None:
        hooks = ScriptedHooks()
        session = session_with(hooks)
        await session.lock("anna")
        assert (session.state, session.confirmed) == (State.LOCKED, True)
        assert await session.unlock("anna", session.generation, lambda: True)
        assert (session.state, session.confirmed) == (State.UNLOCKED, True)
        assert hooks.ran == [("lock", "anna"), ("unlock", "anna")]

    asyncio.run(scene())


def test_an_unlock_that_fails_leaves_the_session_locked() -> None:
    async def scene() -> None:
        hooks = ScriptedHooks()
        hooks.failing.add("unlock")
        session = session_with(hooks)
        with pytest.raises(HookError, match="exited with 1"):
            await session.unlock("anna", session.generation, lambda: True)
        assert (session.state, session.confirmed) == (State.LOCKED, False)

    asyncio.run(scene())


def test_a_lock_that_fails_leaves_the_session_open_and_unconfirmed() -> None:
    async def scene() -> None:
        hooks = ScriptedHooks()
        hooks.failing.add("lock")
        session = session_with(hooks)
        with pytest.raises(HookError, match="exited with 1"):
            await session.lock("anna")
        assert (session.state, session.confirmed) == (State.UNLOCKED, False)

    asyncio.run(scene())


def test_a_lock_asked_for_after_the_attempt_began_wins_over_its_unlock() -> None:
    async def scene() -> None:
        hooks = ScriptedHooks()
        session = session_with(hooks)
        before = session.generation
        await session.lock("anna")
        assert not await session.unlock("anna", before, lambda: True)
        assert hooks.ran == [("lock", "anna")]
        assert session.state is State.LOCKED

    asyncio.run(scene())


def test_a_lock_asked_for_while_an_unlock_waits_its_turn_wins() -> None:
    async def scene() -> None:
        hooks = ScriptedHooks()
        session = session_with(hooks)
        hooks.gate.clear()
        first = asyncio.create_task(session.lock("anna"))
        await hooks.entered.wait()
        waiting = asyncio.create_task(session.unlock("anna", session.generation, lambda: True))
        second = asyncio.create_task(session.lock("anna"))
        hooks.gate.set()
        await asyncio.gather(first, second)
        assert not await waiting
        assert [hook for hook, _ in hooks.ran] == ["lock", "lock"]
        assert session.state is State.LOCKED

    asyncio.run(scene())


def test_an_open_session_is_unlocked_again_when_somebody_asks_for_it() -> None:
    async def scene() -> None:
        hooks = ScriptedHooks()
        session = session_with(hooks)
        for _ in range(2):
            assert await session.unlock("anna", session.generation, lambda: True)
        assert [hook for hook, _ in hooks.ran] == ["unlock", "unlock"]

    asyncio.run(scene())


def test_a_hook_whose_claim_is_ended_does_not_leave_the_state_half_way() -> None:
    async def scene() -> None:
        hooks = ScriptedHooks()
        hooks.gate.clear()
        session = session_with(hooks)
        task = asyncio.create_task(session.unlock("anna", session.generation, lambda: True))
        await hooks.entered.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert session.state is State.LOCKED

    asyncio.run(scene())


class Desktop:
    """Sessions as a fake logind tells of them."""

    def __init__(self, *sessions: Any, config: Config | None = None, known: bool = True) -> None:
        self.logins = FakeLoginWatch(*sessions, known=known)
        self.hooks = ScriptedHooks()
        self.timers = ManualTimers()
        log = DecisionLog(None)
        self.sessions = Sessions(config or Config(), self.hooks, log, logins=self.logins, timers=self.timers)

    def state(self) -> State:
        return self.sessions.told()[0]

    def unlocks(self, ticket: Any, user: str = "anna") -> bool:
        return asyncio.run(self.sessions.unlock(ticket, user, lambda: True))


def test_what_logind_says_of_a_session_is_believed() -> None:
    desktop = Desktop(at_desk("2"))
    assert desktop.state() is State.UNLOCKED
    desktop.logins.change("2", locked=True)
    assert desktop.sessions.told() == (State.LOCKED, True)
    desktop.logins.change("2", locked=False)
    assert desktop.sessions.told() == (State.UNLOCKED, True)


def test_an_unlock_is_asked_of_logind_for_that_session_and_believed_when_it_is_seen() -> None:
    desktop = Desktop(at_desk("2", locked=True), at_desk("3", "bert", 1001, state=LoginState.ONLINE, locked=True))
    assert desktop.unlocks(desktop.sessions.ticket("anna"))
    assert desktop.logins.asked == [("unlock", "2")]
    assert desktop.state() is State.UNLOCKING
    desktop.logins.change("2", locked=False)
    assert desktop.state() is State.UNLOCKED
    assert not desktop.timers.pending


def test_an_unlock_that_nobody_sees_ends_in_locked_after_a_time() -> None:
    desktop = Desktop(at_desk("2", locked=True))
    assert desktop.unlocks(desktop.sessions.ticket("anna"))
    assert [timer.delay_s for timer in desktop.timers.pending] == [CONFIRM_S]
    desktop.timers.fire()
    assert desktop.sessions.told() == (State.LOCKED, False)


def test_a_locker_that_tells_nothing_is_believed_to_lock_when_it_is_asked_to() -> None:
    desktop = Desktop(at_desk("2"))
    desktop.logins.ask("lock", "2")
    assert desktop.state() is State.LOCKING
    desktop.timers.fire()
    assert desktop.sessions.told() == (State.LOCKED, False)
    found = desktop.sessions.shown()
    assert found is not None
    assert found[1].locked


def test_without_a_configured_hook_logind_is_asked_and_with_one_the_hook_is_run() -> None:
    config = Config(hooks=Hooks(unlock=("/bin/true",)))
    desktop = Desktop(at_desk("2", locked=True), config=config)
    assert desktop.unlocks(desktop.sessions.ticket("anna"))
    assert desktop.hooks.ran == [("unlock", "anna")]
    assert desktop.logins.asked == []
    assert desktop.state() is State.UNLOCKING, "a hook's exit code does not say how the session is"


@pytest.mark.parametrize(
    "meanwhile",
    [
        pytest.param(lambda desktop: desktop.logins.change("2", locked=False), id="unlocked by hand"),
        pytest.param(lambda desktop: desktop.logins.ask("lock", "2"), id="locked again"),
        pytest.param(lambda desktop: desktop.logins.change("2", state=LoginState.ONLINE), id="switched away"),
        pytest.param(lambda desktop: desktop.logins.change("2", uid=1001), id="another's"),
        pytest.param(lambda desktop: desktop.logins.change("2", kind=Kind.GREETER), id="no user's"),
        pytest.param(lambda desktop: desktop.logins.change("2", remote=True), id="remote"),
        pytest.param(lambda desktop: desktop.logins.change("2", seat="seat1"), id="another seat"),
        pytest.param(lambda desktop: desktop.logins.remove("2"), id="gone"),
        pytest.param(lambda desktop: desktop.logins.lid(closed=True), id="lid"),
        pytest.param(lambda desktop: desktop.logins.lose(), id="logind lost"),
        pytest.param(lambda desktop: desktop.logins.add(greeter()), id="two are shown"),
    ],
)
def test_whatever_has_changed_since_the_attempt_began_keeps_the_session_locked(meanwhile: Any) -> None:
    desktop = Desktop(at_desk("2", locked=True))
    ticket = desktop.sessions.ticket("anna")
    meanwhile(desktop)
    assert not desktop.unlocks(ticket)
    assert desktop.logins.asked == []


def test_a_session_that_came_back_under_the_same_id_is_another_one() -> None:
    desktop = Desktop(at_desk("2", locked=True))
    ticket = desktop.sessions.ticket("anna")
    desktop.logins.remove("2")
    desktop.logins.add(at_desk("2", locked=True))
    assert not desktop.unlocks(ticket)


@pytest.mark.parametrize(
    "session",
    [
        at_desk("3", "bert", 1001),
        at_desk("2", state=LoginState.ONLINE),
        at_desk("2", remote=True),
        at_desk("2", seat="seat1"),
        at_desk("2", kind=Kind.GREETER),
    ],
)
def test_without_a_session_of_the_user_before_the_camera_there_is_nothing_to_open(session: Any) -> None:
    with pytest.raises(HookError, match="seat0 shows no session of anna's"):
        Desktop(session).sessions.ticket("anna")


def test_where_logind_cannot_be_asked_nothing_opens() -> None:
    with pytest.raises(HookError, match="no session of anna's"):
        Desktop(at_desk("2"), known=False).sessions.ticket("anna")


def test_a_lock_is_asked_of_the_session_that_is_shown() -> None:
    desktop = Desktop(at_desk("2"), at_desk("3", "bert", 1001, state=LoginState.ONLINE))
    asyncio.run(desktop.sessions.lock())
    assert desktop.logins.asked == [("lock", "2")]
    assert desktop.state() is State.LOCKING
    desktop.logins.change("2", locked=True)
    assert desktop.state() is State.LOCKED


def test_a_lock_that_logind_refuses_leaves_the_session_open() -> None:
    desktop = Desktop(at_desk("2"))
    desktop.logins.refuses = True
    with pytest.raises(HookError, match="refused"):
        asyncio.run(desktop.sessions.lock())
    assert desktop.state() is State.UNLOCKED


def test_what_changed_while_logind_was_lost_is_found_when_it_is_back() -> None:
    desktop = Desktop(at_desk("2", locked=True), at_desk("4", state=LoginState.ONLINE))
    desktop.logins.lose()
    assert desktop.sessions.shown() is None
    desktop.logins.find(at_desk("2", locked=False))
    assert desktop.state() is State.UNLOCKED


def test_a_session_unlocked_by_hand_while_a_lock_is_under_way_is_seen_to_be_open() -> None:
    desktop = Desktop(at_desk("2", locked=True))
    asyncio.run(desktop.sessions.lock())
    desktop.logins.change("2", locked=False)
    assert desktop.sessions.told() == (State.UNLOCKED, True)
    assert not desktop.timers.pending


def test_a_session_locked_again_while_an_unlock_is_under_way_needs_another_attempt() -> None:
    desktop = Desktop(at_desk("2", locked=True))
    ticket = desktop.sessions.ticket("anna")
    assert desktop.unlocks(ticket)
    desktop.logins.ask("lock", "2")
    assert desktop.state() is State.LOCKING
    assert not desktop.unlocks(ticket)
    assert desktop.logins.asked == [("unlock", "2")]


def test_without_logind_and_hook_nothing_can_be_opened() -> None:
    sessions = Sessions(Config(), ScriptedHooks(), DecisionLog(None), logins=None, timers=ManualTimers())
    with pytest.raises(ConfigError, match="no program is configured that unlocks"):
        sessions.ticket("anna")
    with pytest.raises(ConfigError, match="no program is configured that locks"):
        asyncio.run(sessions.lock())
