"""What holds for every table, checked over all of state x event."""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import Any

import pytest

from kinect_unlock.errors import InternalError
from kinect_unlock.machines import enrol, identify, presence, preview, session, verify, vigil, watch
from kinect_unlock.machines.table import Step, Table

AnyTable = Table[Any, Any, Any]


@dataclass(frozen=True)
class Whole:
    """A table with everything it is about; ``open_states`` is empty for one that has no camera."""

    table: AnyTable
    states: frozenset[StrEnum]
    events: frozenset[StrEnum]
    effects: frozenset[StrEnum]
    open_states: frozenset[StrEnum] = frozenset()


def whole(module: Any, table: AnyTable) -> Whole:
    sets = (frozenset(module.State), frozenset(module.Event), frozenset(module.Effect))
    return Whole(table, *sets, open_states=getattr(module, "OPEN_STATES", frozenset()))


VERIFY = whole(verify, verify.VERIFY)
ENROL = whole(enrol, enrol.ENROL)
IDENTIFY = whole(identify, identify.IDENTIFY)
PREVIEW = whole(preview, preview.PREVIEW)
SESSION = whole(session, session.SESSION)
VIGIL = whole(vigil, vigil.VIGIL)
WATCH = Whole(watch.WATCH, frozenset(watch.State), frozenset(watch.Event), frozenset(watch.Effect))
PRESENCE = Whole(presence.PRESENCE, frozenset(presence.State), frozenset(presence.Event), frozenset(presence.Effect))

every_machine = pytest.mark.parametrize(
    "machine", [VERIFY, ENROL, IDENTIFY, PREVIEW, VIGIL, SESSION, WATCH, PRESENCE], ids=lambda one: one.table.name
)
every_camera_machine = pytest.mark.parametrize(
    "machine", [VERIFY, ENROL, IDENTIFY, PREVIEW, VIGIL], ids=lambda one: one.table.name
)


def reports(step: Step[Any, Any]) -> list[str]:
    return [effect.value for effect in step.effects if effect.value.startswith("report-")]


def edges_with(table: AnyTable, effect: StrEnum) -> list[tuple[StrEnum, StrEnum]]:
    return [pair for pair, step in table.steps.items() if effect in step.effects]


def reachable_from(table: AnyTable, start: StrEnum) -> set[StrEnum]:
    found, waiting = {start}, deque([start])
    while waiting:
        state = waiting.popleft()
        for (before, _), step in table.steps.items():
            if before is state and step.to not in found:
                found.add(step.to)
                waiting.append(step.to)
    return found


@every_machine
def test_every_pair_is_a_step_or_ignored_or_illegal_and_illegal_pairs_raise(machine: Whole) -> None:
    for state, event in product(machine.states, machine.events):
        pair = (state, event)
        if pair in machine.table.steps:
            assert machine.table.step(state, event) is machine.table.steps[pair]
        elif pair in machine.table.ignored:
            assert machine.table.step(state, event) == Step(state, ())
        else:
            with pytest.raises(InternalError, match="cannot happen in state"):
                machine.table.step(state, event)


@every_machine
def test_no_pair_is_both_a_step_and_ignored(machine: Whole) -> None:
    assert not machine.table.steps.keys() & machine.table.ignored


@every_machine
def test_every_state_is_reached_and_left_and_none_is_a_trap(machine: Whole) -> None:
    everything = set(machine.states)
    for state in everything:
        assert reachable_from(machine.table, state) == everything


@every_machine
def test_every_event_and_every_effect_is_used(machine: Whole) -> None:
    assert {event for _, event in machine.table.steps} == machine.events
    assert {effect for step in machine.table.steps.values() for effect in step.effects} == machine.effects


@every_camera_machine
def test_the_source_is_open_in_the_open_states_and_nowhere_else(machine: Whole) -> None:
    for (before, event), step in machine.table.steps.items():
        values = [effect.value for effect in step.effects]
        opens, closes = (
            before not in machine.open_states and step.to in machine.open_states,
            before in machine.open_states and (step.to not in machine.open_states),
        )
        assert ("open-source" in values) == opens, (before, event)
        assert ("close-source" in values) == closes, (before, event)


@every_camera_machine
def test_the_source_is_closed_before_anything_is_saved_or_reported(machine: Whole) -> None:
    for step in machine.table.steps.values():
        values = [effect.value for effect in step.effects]
        if "close-source" in values:
            rest = [value for value in values if not value.startswith("announce-")]
            assert rest[0] == "close-source"


@every_camera_machine
def test_no_step_reports_twice_and_a_report_is_its_last_effect(machine: Whole) -> None:
    for step in machine.table.steps.values():
        assert len(reports(step)) <= 1
        if reports(step):
            assert step.effects[-1].value.startswith("report-")


@every_camera_machine
def test_every_attempt_has_exactly_one_report(machine: Whole) -> None:
    """From START, every path has one report exactly when it comes to rest; none on the way."""
    resting = {step.to for step in machine.table.steps.values() if reports(step)}
    assert not resting & machine.open_states
    on_the_way = {state for (state, _) in machine.table.steps} - resting
    for (before, event), step in machine.table.steps.items():
        comes_to_rest = before in on_the_way and step.to in resting
        assert (len(reports(step)) == 1) == (comes_to_rest or (event.value == "start" and step.to in resting)), (
            before,
            event,
        )


def test_match_is_reported_on_exactly_one_edge() -> None:
    assert edges_with(verify.VERIFY, verify.Effect.REPORT_MATCH) == [(verify.State.CHECKING, verify.Event.ACCEPTED)]


def test_failures_are_cleared_only_by_a_match_and_recorded_passwords_only_by_a_password() -> None:
    assert edges_with(verify.VERIFY, verify.Effect.CLEAR_FAILURES) == [(verify.State.CHECKING, verify.Event.ACCEPTED)]
    recorded = edges_with(verify.VERIFY, verify.Effect.RECORD_PASSWORD)
    assert {event for _, event in recorded} == {verify.Event.PASSWORD_OK}
    assert {state for state, _ in recorded} == set(verify.State)


def test_no_way_out_of_an_attempt_escapes_the_limiter() -> None:
    free = {verify.Event.ACCEPTED, verify.Event.PASSWORD_OK}
    for (before, event), step in verify.VERIFY.steps.items():
        if before in verify.OPEN_STATES and step.to not in verify.OPEN_STATES and event not in free:
            assert step.to is verify.State.COOLDOWN
            assert verify.Effect.SETTLE in step.effects
            assert step.effects.index(verify.Effect.SETTLE) < len(step.effects) - 1, "saved before it is reported"


def test_only_a_password_leaves_a_lock_out() -> None:
    ways_out = [
        event
        for (before, event), step in verify.VERIFY.steps.items()
        if before is verify.State.LOCKED_OUT and step.to is not verify.State.LOCKED_OUT
    ]
    assert ways_out == [verify.Event.PASSWORD_OK]


def test_a_cool_down_is_left_only_by_its_end_a_lock_out_or_a_password() -> None:
    ways_out = {
        event
        for (before, event), step in verify.VERIFY.steps.items()
        if before is verify.State.COOLDOWN and step.to is not verify.State.COOLDOWN
    }
    assert ways_out == {verify.Event.COOLDOWN_OVER, verify.Event.RETRIES_SPENT, verify.Event.PASSWORD_OK}


def test_the_unlock_of_a_session_stands_on_exactly_one_edge() -> None:
    edges = edges_with(session.SESSION, session.Effect.UNLOCK)
    assert edges == [(session.State.LOCKED, session.Event.UNLOCK_GRANTED)]


def test_the_session_is_believed_open_only_when_it_was_seen_open_or_a_lock_failed() -> None:
    into = {
        event
        for (before, event), step in session.SESSION.steps.items()
        if step.to is session.State.UNLOCKED and before is not session.State.UNLOCKED
    }
    assert into == {session.Event.SEEN_UNLOCKED, session.Event.FAILED}


def test_a_watch_unlocks_on_one_edge_and_is_over_with_it() -> None:
    assert edges_with(watch.WATCH, watch.Effect.UNLOCK) == [(watch.State.TRYING, watch.Event.MATCHED)]
    assert watch.WATCH.steps[watch.State.TRYING, watch.Event.MATCHED].to is watch.State.OFF


def test_nobody_is_looked_at_before_the_grace_period_is_over_and_everybody_has_left() -> None:
    """Every way from OFF or GRACE to TRYING leads through LEFT."""
    without_leaving = Table(
        name="watch",
        steps={pair: step for pair, step in watch.WATCH.steps.items() if pair[1] is not watch.Event.LEFT},
    )
    for state in (watch.State.OFF, watch.State.GRACE, watch.State.LEAVING):
        assert watch.State.TRYING not in reachable_from(without_leaving, state)
    assert {step.to for (_, event), step in watch.WATCH.steps.items() if event is watch.Event.LOCKED} == {
        watch.State.GRACE
    }


@pytest.mark.parametrize("machine", [WATCH, PRESENCE], ids=lambda one: one.table.name)
def test_whatever_ends_it_stops_what_is_under_way(machine: Whole) -> None:
    for (before, event), step in machine.table.steps.items():
        if event.value == "ended":
            assert step.to.value == "off"
            assert "stop" in {effect.value for effect in step.effects}
            assert before.value != "off"


def test_a_guard_locks_only_behind_an_owner_who_was_known_and_is_away() -> None:
    edges = edges_with(presence.PRESENCE, presence.Effect.LOCK)
    away = {presence.State.AWAY, presence.State.ASKING}
    assert set(edges) == {(state, presence.Event.GONE_LONG) for state in away}
    without_knowing = Table(
        name="presence",
        steps={pair: step for pair, step in presence.PRESENCE.steps.items() if pair[1] is not presence.Event.KNOWN},
    )
    assert not away & reachable_from(without_knowing, presence.State.OFF)


def test_the_time_runs_exactly_while_the_owner_is_away() -> None:
    keeping = {presence.State.AWAY, presence.State.ASKING}
    for (before, _), step in presence.PRESENCE.steps.items():
        begins = before not in keeping and step.to in keeping
        ends = before in keeping and step.to not in keeping
        assert (presence.Effect.KEEP_TIME in step.effects) == begins
        assert not ends or presence.Effect.FORGET_TIME in step.effects


def test_nothing_is_saved_before_a_review_has_passed() -> None:
    assert edges_with(enrol.ENROL, enrol.Effect.SAVE) == [(enrol.State.REVIEWING, enrol.Event.REVIEW_PASSED)]
    assert edges_with(enrol.ENROL, enrol.Effect.REPORT_ENROLLED) == [(enrol.State.SAVING, enrol.Event.SAVED)]


def test_an_illegal_event_leaves_no_trace_of_the_lookup() -> None:
    with pytest.raises(InternalError, match="verify: 'accepted' cannot happen in state 'idle'") as caught:
        verify.VERIFY.step(verify.State.IDLE, verify.Event.ACCEPTED)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
