import asyncio

import pytest

from fakes.ports import ScriptedHooks
from kinect_unlock.decisions import DecisionLog
from kinect_unlock.errors import HookError
from kinect_unlock.machines.session import State
from kinect_unlock.sessions import Session


def session_with(hooks: ScriptedHooks) -> Session:
    return Session(hooks, DecisionLog(None))


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
