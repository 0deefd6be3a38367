from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinect_unlock.findings import MOST, Findings, deciding, measured, place_of_deciding
from kinect_unlock.liveness import verdict
from kinect_unlock.observations import Cue, LivenessReport, Verdict

PLANE = Cue("face_height_mm", "mm", 9.0, 6.0, None)
NOSE = Cue("sheet_residual_mm", "mm", 30.0, 8.0, 60.0)
WIDTH = Cue("face_width_mm", "mm", 140.0, None, None, enforced=False)


def report(*values: float | None, nose: float | None = 30.0) -> LivenessReport:
    """Return a report with a plane residual, and a cue without a say that is always out of reason."""
    (plane,) = values
    cues = (replace(PLANE, value=plane), replace(NOSE, value=nose), replace(WIDTH, value=1e9))
    return LivenessReport(verdict(cues), cues)


def test_the_cue_that_broke_most_often_decides_with_its_middle_value() -> None:
    reports = [report(9.0, nose=1.0), report(1.0, nose=2.0), report(2.0, nose=3.0), report(9.0, nose=70.0)]
    assert deciding(reports, Verdict.SPOOF) == (replace(NOSE, value=2.5), replace(PLANE, value=1.5))


def test_of_cues_that_broke_as_often_the_first_reported_is_named_first() -> None:
    assert [cue.name for cue in deciding([report(1.0, nose=1.0)], Verdict.SPOOF)] == [PLANE.name, NOSE.name]


def test_an_hour_of_frames_takes_no_more_memory_than_a_minute() -> None:
    found = Findings()
    for _ in range(40):
        found.take(report(9.0, nose=5.0))
    for _ in range(3000):
        found.take(report(1.0))
    assert len(found.broken[PLANE.name].last) < 3000
    assert [cue.name for cue in found.deciding(Verdict.SPOOF)] == [PLANE.name, NOSE.name]


def test_unsure_names_what_could_not_be_measured_and_nothing_else() -> None:
    reports = [report(1.0, nose=1.0), report(9.0, nose=None), report(9.0, nose=float("nan"))]
    assert deciding(reports, Verdict.UNSURE) == (replace(NOSE, value=None),)


def test_nothing_decides_that_somebody_lives() -> None:
    assert deciding([report(9.0), report(1.0)], Verdict.LIVE) == ()


def test_a_frame_that_shows_what_decided_has_the_middle_value_nearest() -> None:
    reports = {3: report(1.0), 5: report(9.0), 7: report(2.0), 9: report(5.0)}
    assert place_of_deciding(reports, Verdict.SPOOF) == 7


@pytest.mark.parametrize("wanted", [Verdict.SPOOF, Verdict.UNSURE])
def test_without_a_frame_of_the_verdict_none_shows_it(wanted: Verdict) -> None:
    assert place_of_deciding({1: report(9.0)}, wanted) is None


def test_a_verdict_without_an_enforced_cue_is_shown_by_its_first_frame() -> None:
    nothing = LivenessReport(Verdict.UNSURE, (WIDTH,))
    assert place_of_deciding({4: nothing, 6: nothing}, Verdict.UNSURE) == 4


_numbers = st.none() | st.floats(-50, 50) | st.just(float("nan"))


@given(st.lists(st.tuples(_numbers, _numbers), max_size=20), st.sampled_from(Verdict))
def test_what_decides_was_enforced_and_did_not_hold(
    values: list[tuple[float | None, float | None]], wanted: Verdict
) -> None:
    found = deciding([report(plane, nose=nose) for plane, nose in values], wanted)
    assert len(found) <= MOST
    for cue in found:
        assert cue.enforced
        assert (measured(cue) is None) is (wanted is Verdict.UNSURE)


@given(st.lists(st.floats(-50, 5.9), min_size=1, max_size=20))
def test_the_middle_value_is_among_the_broken_ones(values: list[float]) -> None:
    (cue,) = deciding([report(value) for value in values], Verdict.SPOOF)
    value = measured(cue)
    assert value is not None
    assert min(values) <= value <= max(values)
