import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinect_unlock.clock import NS_PER_S
from kinect_unlock.restarts import (
    BACK_OFF_S,
    MAX_BACK_OFF_S,
    STEADY_S,
    End,
    History,
    after,
    back_off_s,
    may_reappear,
    may_start_ns,
)

NOW = 1_000 * NS_PER_S
LIVES = st.lists(st.tuples(st.sampled_from(End), st.floats(0, 60), st.floats(0, 60)), max_size=40)


def lived(lives: list[tuple[End, float, float]]) -> tuple[History, int]:
    history, now_ns = History(), NOW
    for end, pause_s, served_s in lives:
        now_ns += int((pause_s + served_s) * NS_PER_S)
        history = after(history, end, now_ns=now_ns, served_s=served_s)
    return history, now_ns


def fails(times: int, served_s: float = 0.0) -> History:
    return lived([(End.FAILED, 0.0, served_s)] * times)[0]


def test_a_driver_that_never_ran_may_start_at_once() -> None:
    assert may_start_ns(History(), 5.0) == 0


def test_each_failure_in_a_row_doubles_the_rest_up_to_the_cap() -> None:
    assert [back_off_s(failures) for failures in range(9)] == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


@given(st.integers(min_value=-3, max_value=10**9))
def test_the_rest_never_shrinks_with_failures_and_never_passes_the_cap(failures: int) -> None:
    assert 0.0 <= back_off_s(failures) <= back_off_s(failures + 1) <= MAX_BACK_OFF_S


@given(LIVES, st.floats(0, 20))
def test_nobody_ever_waits_longer_than_the_cap_or_the_cameras_pause(
    lives: list[tuple[End, float, float]], reappear_s: float
) -> None:
    history, now_ns = lived(lives)

    assert may_start_ns(history, reappear_s) <= now_ns + max(MAX_BACK_OFF_S, reappear_s) * NS_PER_S


@given(LIVES)
def test_a_life_that_was_closed_after_frames_forgives_what_was_before(lives: list[tuple[End, float, float]]) -> None:
    history, now_ns = lived([*lives, (End.CLOSED, 0.0, 1.0)])

    assert history == History(released_ns=now_ns)


@given(LIVES, st.floats(0.1, 20))
def test_a_camera_that_was_let_go_is_left_alone_for_a_while(
    lives: list[tuple[End, float, float]], reappear_s: float
) -> None:
    for end in (End.CLOSED, End.GIVEN_UP, End.FAILED):
        history, now_ns = lived([*lives, (end, 0.0, 1.0)])

        assert may_start_ns(history, reappear_s) >= now_ns + int(reappear_s * NS_PER_S)


@given(LIVES)
def test_a_driver_that_found_nothing_changes_nothing(lives: list[tuple[End, float, float]]) -> None:
    history, now_ns = lived(lives)

    assert after(history, End.REFUSED, now_ns=now_ns + 1, served_s=0.0) == history


def test_given_up_before_the_first_frame_neither_fails_nor_forgives() -> None:
    history = after(fails(3), End.GIVEN_UP, now_ns=NOW + 1, served_s=0.0)

    assert (history.failures, history.released_ns) == (3, NOW + 1)


def test_a_failure_after_steady_service_is_the_first_again() -> None:
    assert fails(4).failures == 4
    assert after(fails(4), End.FAILED, now_ns=NOW, served_s=STEADY_S - 0.1).failures == 5
    assert after(fails(4), End.FAILED, now_ns=NOW, served_s=STEADY_S).failures == 1


@pytest.mark.parametrize(("passed_s", "expected"), [(0.0, True), (9.9, True), (10.0, False)])
def test_a_missing_camera_may_come_back_for_twice_its_pause(passed_s: float, expected: bool) -> None:  # noqa: FBT001 - a table
    history = after(History(), End.CLOSED, now_ns=NOW, served_s=1.0)

    assert may_reappear(history, 5.0, now_ns=NOW + int(passed_s * NS_PER_S)) is expected


def test_a_camera_that_was_never_had_does_not_come_back() -> None:
    assert not may_reappear(History(), 5.0, now_ns=NOW)
    assert not may_reappear(after(History(), End.REFUSED, now_ns=NOW, served_s=0.0), 5.0, now_ns=NOW)


def test_the_longer_of_rest_and_pause_counts() -> None:
    assert may_start_ns(fails(1), 5.0) == NOW + 5 * NS_PER_S
    assert may_start_ns(fails(1), 0.0) == NOW + int(BACK_OFF_S * NS_PER_S)
    assert may_start_ns(fails(6), 5.0) == NOW + 16 * NS_PER_S
