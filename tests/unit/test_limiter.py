import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinect_unlock.clock import NS_PER_S, BootTime
from kinect_unlock.limiter import (
    MAX_COOLDOWN_S,
    Ledger,
    cooldown_after,
    cooldown_left_s,
    enrolled,
    is_failure,
    matched,
    password_accepted,
    rebased,
    rested,
    settle,
)
from kinect_unlock.settings import EvidenceRules


def at(seconds: float, boot_id: str = "boot-1") -> BootTime:
    return BootTime(boot_id, int(seconds * NS_PER_S))


def settled(ledger: Ledger, seconds: float, *, failed: bool) -> Ledger:
    return settle(ledger, at(seconds), failed=failed, base_s=1.0, max_failures=5)


def test_five_failures_lock_out_and_four_do_not() -> None:
    ledger = Ledger()
    states = []
    for second in range(5):
        ledger = settled(ledger, second, failed=True)
        states.append(ledger.locked_out)
    assert states == [False, False, False, False, True]


def test_attempts_that_judged_nobody_never_lock_out() -> None:
    ledger = Ledger()
    for second in range(1000):
        ledger = settled(ledger, second, failed=False)
    assert ledger == Ledger(cooldown_s=1.0, cooldown_from=at(999))


def test_a_lock_out_outlives_a_larger_limit() -> None:
    locked = Ledger(failures=5, locked_out=True)
    assert settle(locked, at(0), failed=False, base_s=1.0, max_failures=50).locked_out


def test_cool_downs_double_with_each_failure_up_to_30_s() -> None:
    assert [cooldown_after(failures, 1.0) for failures in range(7)] == [1, 2, 4, 8, 16, 30, 30]


@given(failures=st.integers(0, 10**6), base_s=st.floats(0, 1e6))
def test_no_cool_down_is_longer_than_30_s(failures: int, base_s: float) -> None:
    assert 0.0 <= cooldown_after(failures, base_s) <= MAX_COOLDOWN_S


def test_a_cool_down_runs_out_in_its_own_boot() -> None:
    ledger = settled(Ledger(), 10, failed=True)
    assert [cooldown_left_s(ledger, at(second)) for second in (10, 11, 12, 99)] == [2.0, 1.0, 0.0, 0.0]


def test_a_cool_down_of_another_boot_has_still_to_be_waited_in_full() -> None:
    ledger = settled(Ledger(), 10, failed=True)
    assert cooldown_left_s(ledger, at(10_000, "boot-2")) == 2.0


def test_a_cool_down_of_another_boot_begins_again_once_and_then_runs_out() -> None:
    ledger = rebased(settled(Ledger(), 10, failed=True), at(5, "boot-2"))
    assert rebased(ledger, at(6, "boot-2")) == ledger
    assert [cooldown_left_s(ledger, at(second, "boot-2")) for second in (5, 6, 7)] == [2.0, 1.0, 0.0]


def test_a_cool_down_that_begins_in_the_future_is_waited_in_full_and_begins_now() -> None:
    ledger = settled(Ledger(), 10_000, failed=True)
    assert cooldown_left_s(ledger, at(5)) == 2.0
    assert rebased(ledger, at(5)).cooldown_from == at(5)


def test_nothing_to_wait_for_is_not_rebased() -> None:
    assert rebased(Ledger(), at(5)) == Ledger()
    assert cooldown_left_s(Ledger(), at(5)) == 0.0


def test_a_match_clears_failures_and_is_remembered() -> None:
    ledger = matched(settled(Ledger(), 1, failed=True), at(9))
    assert ledger == Ledger(last_face=at(9), last_unlock=at(9))


def test_a_face_cannot_end_a_lock_out() -> None:
    with pytest.raises(ValueError, match="cannot end a lock-out"):
        matched(Ledger(failures=5, locked_out=True), at(9))


def test_a_password_clears_everything_that_is_held_against_a_user() -> None:
    ledger = password_accepted(Ledger(failures=5, locked_out=True, cooldown_s=30.0, cooldown_from=at(1)), at(9))
    assert ledger == Ledger(last_password=at(9), last_unlock=at(9))


@pytest.mark.parametrize("after", [rested, lambda ledger: enrolled(ledger, at(9))], ids=["rest", "enrolment"])
def test_neither_rest_nor_enrolment_forgives_a_failure(after: object) -> None:
    assert callable(after)
    ledger = after(Ledger(failures=5, locked_out=True))
    assert (ledger.failures, ledger.locked_out) == (5, True)


@pytest.mark.parametrize(
    ("rejections", "failed"),
    [
        pytest.param(0, False, id="nobody"),
        pytest.param(2, False, id="too-few-to-have-been-tried"),
        pytest.param(3, True, id="as-many-as-could-have-opened"),
        pytest.param(9, True, id="hung-up-just-before-the-no"),
        pytest.param(10, True, id="rejected"),
    ],
)
def test_an_attempt_is_a_failure_from_as_many_rejections_as_votes_would_open(rejections: int, *, failed: bool) -> None:
    assert is_failure(rejections, EvidenceRules()) is failed


def test_a_rejection_is_always_a_failure_even_when_it_comes_before_enough_votes() -> None:
    assert is_failure(2, EvidenceRules(votes_needed=5, reject_after=2))


ledgers = st.builds(
    Ledger,
    failures=st.integers(0, 100),
    locked_out=st.booleans(),
    cooldown_s=st.floats(0, 30),
    cooldown_from=st.none() | st.builds(BootTime, st.sampled_from(["a", "b"]), st.integers(0, 10**15)),
    last_password=st.none() | st.builds(BootTime, st.just("a"), st.integers(0, 10**15)),
)


@given(ledger=ledgers)
def test_a_ledger_survives_being_written_and_read(ledger: Ledger) -> None:
    assert msgspec.json.decode(msgspec.json.encode(ledger), type=Ledger) == ledger


@given(ledger=ledgers, second=st.integers(0, 10**6), failed=st.booleans())
def test_settling_never_forgives(ledger: Ledger, second: int, *, failed: bool) -> None:
    after = settle(ledger, at(second), failed=failed, base_s=1.0, max_failures=5)
    assert after.failures == ledger.failures + int(failed)
    assert after.locked_out or not ledger.locked_out
    assert cooldown_left_s(after, at(second)) == after.cooldown_s


@pytest.mark.parametrize("text", ['{"failures": -1}', '{"cooldown_s": -1.0}', '{"failure": 1}', '{"failures": "1"}'])
def test_a_ledger_with_impossible_values_cannot_be_read(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(text, type=Ledger)
