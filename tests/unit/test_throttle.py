"""How many frames get through."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinect_unlock.clock import NS_PER_MS, NS_PER_S
from kinect_unlock.sources.throttle import Throttle

FRAME_NS = NS_PER_S // 30


def test_everything_is_wanted_until_a_rate_is_set() -> None:
    throttle = Throttle()
    assert all(throttle.wants(moment) for moment in (5, 5, 6, 7))


@given(
    rate_hz=st.floats(0.5, 60),
    jitter_ms=st.lists(st.integers(0, 15), min_size=60, max_size=240),
)
def test_no_more_than_the_rate_gets_through_and_hardly_less(rate_hz: float, jitter_ms: list[int]) -> None:
    throttle = Throttle()
    throttle.set(rate_hz)
    moments = [number * FRAME_NS + late * NS_PER_MS for number, late in enumerate(jitter_ms)]
    wanted = [moment for moment in moments if throttle.wants(moment)]
    span_s = (moments[-1] - moments[0]) / NS_PER_S
    assert len(wanted) <= span_s * rate_hz + 2
    interval_s = 1 / rate_hz
    worst_gap_s = interval_s + 2 / 30 + 0.015
    assert all(later - earlier <= worst_gap_s * NS_PER_S for earlier, later in pairwise(wanted))


def test_a_third_of_a_cameras_frames_is_every_third_whatever_the_jitter() -> None:
    throttle = Throttle()
    throttle.set(10.0)
    jitter_ns = [0, 1, -1, 2, -2, 1, 0, -1] * 12
    kept = sum(throttle.wants(number * FRAME_NS + jitter_ns[number] * NS_PER_MS) for number in range(96))
    assert 30 <= kept <= 33


def test_a_new_rate_begins_with_the_next_frame() -> None:
    throttle = Throttle()
    throttle.set(0.1)
    assert throttle.wants(0)
    assert not throttle.wants(NS_PER_S)
    throttle.set(0.1)
    assert throttle.wants(NS_PER_S)
    throttle.set(None)
    assert throttle.wants(NS_PER_S + 1)
    assert throttle.wants(NS_PER_S + 1)


@pytest.mark.parametrize("rate_hz", [0.0, -1.0, float("nan")])
def test_no_rate_at_all_is_refused(rate_hz: float) -> None:
    with pytest.raises(ValueError, match="must be above 0 Hz"):
        Throttle().set(rate_hz)
