"""What counts as a nod, on made-up tracks: real nods were nowhere to be had."""

import math
from collections.abc import Callable
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinect_unlock.nod import Nodding, Tilt, with_tilt

NS_PER_S = 1_000_000_000
Course = Callable[[float], float]


def nod(depth_deg: float, lasts_s: float, *, begins_s: float = 1.0, level_deg: float = 0.0) -> Course:
    """A head that goes down by so much and comes up again."""

    def pitch_deg(at_s: float) -> float:
        share = (at_s - begins_s) / lasts_s
        return level_deg - (depth_deg * (1 - math.cos(2 * math.pi * share)) / 2 if 0 < share < 1 else 0.0)

    return pitch_deg


def sees(
    course: Course, rate_hz: float, *, until_s: float = 4.0, seed: int | None = None, error_deg: float = 2.0
) -> bool:
    """Say whether a nod is seen at any moment, frame by frame; errors are normal ones of each frame."""
    rng = np.random.default_rng(seed)
    head = Nodding()
    for index in range(int(until_s * rate_hz)):
        error = 0.0 if seed is None else rng.normal(0.0, error_deg)
        head = with_tilt(head, Tilt(int(index / rate_hz * NS_PER_S), course(index / rate_hz) + error))
        if head.nodded:
            return True
    return False


rates = st.floats(7.0, 30.0)
levels = st.floats(-15.0, 15.0)


@given(rates, levels, st.floats(14.0, 25.0), st.floats(0.6, 1.1), st.floats(0.6, 2.0), st.sampled_from([-1.0, 1.0]))
def test_a_nod_is_seen_at_every_rate_and_from_every_level_down_or_up(
    rate_hz: float, level_deg: float, depth_deg: float, lasts_s: float, begins_s: float, sign: float
) -> None:
    assert sees(nod(sign * depth_deg, lasts_s, begins_s=begins_s, level_deg=level_deg), rate_hz)


@pytest.mark.parametrize(("rate_hz", "least"), [(7, 0.8), (10, 0.8), (30, 0.8)])
def test_a_nod_is_mostly_seen_through_the_noise_of_a_measured_pose(rate_hz: float, least: float) -> None:
    assert np.mean([sees(nod(18.0, 0.8), rate_hz, seed=seed) for seed in range(30)]) >= least


@given(rates, st.lists(st.floats(0.0, 12.0), min_size=4, max_size=120), levels, st.sampled_from([-1.0, 1.0]))
def test_a_head_that_only_ever_goes_one_way_never_nods(
    rate_hz: float, steps_deg: list[float], level_deg: float, sign: float
) -> None:
    head = Nodding()
    for index, gone_deg in enumerate(accumulate(steps_deg)):
        head = with_tilt(head, Tilt(int(index / rate_hz * NS_PER_S), level_deg + sign * gone_deg))
        assert not head.nodded


@given(rates, levels, st.lists(st.floats(-2.0, 2.0), min_size=4, max_size=120), st.floats(-3.0, 3.0))
def test_two_degrees_of_noise_on_a_drift_never_nod(
    rate_hz: float, level_deg: float, noise_deg: list[float], drift_deg_per_s: float
) -> None:
    head = Nodding()
    for index, noise in enumerate(noise_deg):
        at_s = index / rate_hz
        head = with_tilt(head, Tilt(int(at_s * NS_PER_S), level_deg + drift_deg_per_s * at_s + noise))
        assert not head.nodded


@pytest.mark.parametrize("rate_hz", [7, 15, 30])
def test_noise_of_two_degrees_a_frame_hardly_ever_nods_in_a_whole_attempt(rate_hz: float) -> None:
    assert sum(sees(lambda _: 0.0, rate_hz, until_s=5.0, seed=seed) for seed in range(20)) == 0


@settings(max_examples=20)
@given(rates, st.floats(12.0, 30.0), st.floats(2.1, 6.0))
def test_a_slow_look_down_and_up_is_no_nod(rate_hz: float, depth_deg: float, lasts_s: float) -> None:
    assert not sees(nod(depth_deg, lasts_s), rate_hz, until_s=8.0)


@settings(max_examples=30)
@given(rates, st.floats(0.0, 8.0), st.floats(0.3, 1.5))
def test_a_small_bob_is_no_nod(rate_hz: float, depth_deg: float, lasts_s: float) -> None:
    assert not sees(nod(depth_deg, lasts_s), rate_hz)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_a_nod_that_had_begun_before_is_none(share: float) -> None:
    assert not sees(nod(20.0, 0.8, begins_s=-share * 0.8), 30.0)


def test_a_head_that_stays_down_has_not_nodded() -> None:
    assert not sees(lambda at_s: -20.0 if at_s > 1.0 else 0.0, 30.0)


def test_one_frame_that_is_far_off_is_no_nod() -> None:
    assert not sees(lambda at_s: -25.0 if 1.0 < at_s <= 1.034 else 0.0, 30.0)


def test_a_head_that_never_holds_still_before_is_not_understood() -> None:
    assert not sees(lambda at_s: 12.0 * math.sin(2 * math.pi * at_s / 0.8), 30.0)


def test_frames_that_are_old_or_have_no_pitch_change_nothing() -> None:
    head = with_tilt(Nodding(), Tilt(NS_PER_S, 1.0))
    assert with_tilt(head, Tilt(NS_PER_S, 9.0)) is head
    assert with_tilt(head, Tilt(2 * NS_PER_S, math.nan)) is head
    assert with_tilt(head, Tilt(9 * NS_PER_S, 2.0)).track == (Tilt(9 * NS_PER_S, 2.0),)
