"""Attention as numbers: how far a face points past the camera, wherever in the image it is."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinect_unlock.arrays import F64
from kinect_unlock.attention import attention_cues, off_axis_deg
from kinect_unlock.liveness import verdict
from kinect_unlock.observations import Verdict
from kinect_unlock.pose import Placement, facing
from kinect_unlock.settings import Bounds, Liveness

AHEAD = (0.0, 0.0, 800.0)
angles = st.floats(-60, 60)
places = st.tuples(st.floats(-400, 400), st.floats(-300, 300), st.floats(450, 1350))


def turned(yaw_deg: float, pitch_deg: float, roll_deg: float = 0.0) -> F64:
    """Head to camera: about the axis down, then across, then towards the camera; x right, y down, z away."""
    yaw, pitch, roll = np.radians((yaw_deg, pitch_deg, roll_deg))
    right = np.array(((np.cos(yaw), 0, -np.sin(yaw)), (0, 1, 0), (np.sin(yaw), 0, np.cos(yaw))))
    up = np.array(((1, 0, 0), (0, np.cos(pitch), np.sin(pitch)), (0, -np.sin(pitch), np.cos(pitch))))
    clockwise = np.array(((np.cos(roll), -np.sin(roll), 0), (np.sin(roll), np.cos(roll), 0), (0, 0, 1)))
    turn: F64 = right @ up @ clockwise
    return turn


def placed(turn: F64, at_mm: tuple[float, float, float] = AHEAD) -> Placement:
    return Placement(turn, np.array(at_mm))


@given(yaw_deg=angles, roll_deg=angles)
@settings(deadline=None)
def test_a_turn_aside_is_its_own_angle_however_the_head_leans(yaw_deg: float, roll_deg: float) -> None:
    assert off_axis_deg(placed(turned(yaw_deg, 0.0, roll_deg))) == pytest.approx(abs(yaw_deg), abs=1e-6)


@given(pitch_deg=angles)
@settings(deadline=None)
def test_a_nod_is_its_own_angle(pitch_deg: float) -> None:
    assert off_axis_deg(placed(turned(0.0, pitch_deg))) == pytest.approx(abs(pitch_deg), abs=1e-6)


@given(at_mm=places, roll_deg=angles)
@settings(deadline=None)
def test_a_face_that_looks_into_the_lens_is_on_its_axis_wherever_it_is(
    at_mm: tuple[float, float, float], roll_deg: float
) -> None:
    into_the_lens = facing(np.array(at_mm)).T @ turned(0.0, 0.0, roll_deg)

    assert off_axis_deg(placed(into_the_lens, at_mm)) == pytest.approx(0.0, abs=1e-6)


def test_a_face_at_the_edge_that_looks_straight_ahead_looks_past_the_camera() -> None:
    aside = placed(np.eye(3), (400.0, 0.0, 800.0))

    assert off_axis_deg(aside) == pytest.approx(math.degrees(math.atan2(400, 800)))


@given(at_mm=places, yaw_deg=angles, pitch_deg=angles, roll_deg=angles)
@settings(deadline=None)
def test_it_agrees_with_the_angles_of_the_pose(
    at_mm: tuple[float, float, float], yaw_deg: float, pitch_deg: float, roll_deg: float
) -> None:
    placement = placed(turned(yaw_deg, pitch_deg, roll_deg), at_mm)
    yaw, pitch = math.radians(placement.pose.yaw_deg), math.radians(placement.pose.pitch_deg)

    expected = math.degrees(math.acos(max(-1.0, min(1.0, math.cos(yaw) * math.cos(pitch)))))

    assert off_axis_deg(placement) == pytest.approx(expected, abs=1e-4)


def test_the_back_of_a_head_is_as_far_off_as_can_be() -> None:
    assert off_axis_deg(placed(turned(180.0, 0.0))) == pytest.approx(180.0)


@pytest.mark.parametrize(
    ("bounds", "enforced", "holds"), [(None, False, True), ((None, 20.0), True, False), ((None, 40.0), True, True)]
)
def test_it_has_a_say_only_where_a_bound_is_set(bounds: Bounds | None, *, enforced: bool, holds: bool) -> None:
    cue, _ = attention_cues(placed(turned(30.0, 0.0)), None, Liveness(off_axis_deg=bounds))

    assert cue.value == pytest.approx(30.0)
    assert (cue.name, cue.unit, cue.enforced, cue.holds) == ("off_axis_deg", "deg", enforced, holds)


def test_a_placement_that_is_no_number_is_not_measured_and_opens_nothing() -> None:
    cues = attention_cues(placed(np.full((3, 3), np.nan)), 1.0, Liveness(off_axis_deg=(None, 25.0)))

    assert cues[0].value is None
    assert verdict(cues) is Verdict.UNSURE


@pytest.mark.parametrize(
    ("eyes_open", "expected"),
    [(0.9, Verdict.LIVE), (0.1, Verdict.SPOOF), (None, Verdict.UNSURE), (math.nan, Verdict.UNSURE)],
)
def test_shut_eyes_and_eyes_that_nobody_looked_at_open_nothing_once_a_bound_is_set(
    eyes_open: float | None, expected: Verdict
) -> None:
    assert verdict(attention_cues(placed(np.eye(3)), eyes_open, Liveness(eyes_open=(0.5, None)))) is expected
