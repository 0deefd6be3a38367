import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.people import LAYOUT, OWNER, STRANGER, template_of, vector_of
from kinect_unlock.observations import HeadPose
from kinect_unlock.sampling import Sample, band_of, is_new, nearest_other, views_in_infrared, worst_cosine
from kinect_unlock.settings import PoseRange, Stage

RANGE = PoseRange(near_mm=450, far_mm=1300, yaw_deg=35, pitch_deg=30, roll_deg=25)
STAGES: tuple[Stage, ...] = ("straight", "left", "right", "up", "down", "near", "far", "any")


def pose(yaw_deg: float = 0.0, pitch_deg: float = 0.0, distance_mm: float = 800.0) -> HeadPose:
    return HeadPose(distance_mm, yaw_deg, pitch_deg, 0.0)


def sample(person: int, variant: int, at_ms: int) -> Sample:
    return Sample(vector_of(person, variant=variant), pose(), at_ms * 1_000_000)


@pytest.mark.parametrize(
    ("where", "held_by"),
    [
        pytest.param(pose(), {"straight", "any"}, id="ahead"),
        pytest.param(pose(yaw_deg=-20), {"left", "any"}, id="nose-to-the-images-left"),
        pytest.param(pose(yaw_deg=20), {"right", "any"}, id="nose-to-the-images-right"),
        pytest.param(pose(pitch_deg=15), {"up", "any"}, id="nose-up"),
        pytest.param(pose(pitch_deg=-15), {"down", "any"}, id="nose-down"),
        pytest.param(pose(distance_mm=500), {"straight", "near", "any"}, id="near"),
        pytest.param(pose(distance_mm=1250), {"straight", "far", "any"}, id="far"),
        pytest.param(pose(yaw_deg=30, pitch_deg=25), {"any"}, id="askew"),
        pytest.param(pose(distance_mm=1400), set(), id="too-far"),
        pytest.param(pose(yaw_deg=math.nan), set(), id="yaw-is-no-number"),
        pytest.param(pose(pitch_deg=math.nan), set(), id="pitch-is-no-number"),
        pytest.param(pose(distance_mm=math.nan), set(), id="distance-is-no-number"),
    ],
)
def test_each_pose_belongs_to_its_stages(where: HeadPose, held_by: set[str]) -> None:
    assert {stage for stage in STAGES if band_of(stage, RANGE).holds(where)} == held_by


@given(yaw_deg=st.floats(-90, 90), pitch_deg=st.floats(-90, 90), distance_mm=st.floats(0, 3000))
def test_opposite_stages_never_take_the_same_pose(yaw_deg: float, pitch_deg: float, distance_mm: float) -> None:
    where = pose(yaw_deg, pitch_deg, distance_mm)
    for one, other in (("left", "right"), ("up", "down"), ("near", "far")):
        assert not (_holds(one, where) and _holds(other, where))


def _holds(name: str, where: HeadPose) -> bool:
    stage = next(stage for stage in STAGES if stage == name)
    return band_of(stage, RANGE).holds(where)


def test_a_sample_too_soon_after_the_last_one_is_not_new() -> None:
    earlier = [sample(OWNER, 0, 0)]
    assert not is_new(sample(OWNER, 1, 99), earlier)
    assert is_new(sample(OWNER, 1, 100), earlier)


def test_a_sample_that_was_had_before_is_not_new() -> None:
    assert not is_new(sample(OWNER, 0, 400), [sample(OWNER, 0, 0), sample(OWNER, 1, 200)])


def test_the_worst_cosine_finds_the_one_who_does_not_belong() -> None:
    alike = [vector_of(OWNER, variant=variant) for variant in range(4)]
    assert worst_cosine(alike, LAYOUT) > 0.8
    assert worst_cosine([*alike, vector_of(STRANGER, variant=5)], LAYOUT) < 0.35


def test_the_worst_cosine_finds_who_took_over_half_way() -> None:
    first, second = ([vector_of(person, variant=variant) for variant in range(5)] for person in (OWNER, STRANGER))
    assert worst_cosine([*first, *second], LAYOUT) < 0.35


def test_samples_that_cancel_each_other_out_reach_no_bound_whatever() -> None:
    one = vector_of(OWNER)
    assert not worst_cosine([one, -one], LAYOUT) >= -1.0


def _beside(variant: int, *, infrared: bool) -> Sample:
    plain = sample(OWNER, variant, variant)
    return replace(plain, infrared=vector_of(OWNER, variant=8 + variant) if infrared else None)


def test_infrared_is_kept_beside_colour_where_every_stage_has_some_of_it() -> None:
    samples = [_beside(number, infrared=number != 1) for number in range(4)]
    views = views_in_infrared(samples, per_stage=2)

    assert views is not None
    assert views.poses == tuple(samples[number].pose for number in (0, 2, 3))
    assert [row.tolist() for row in views.vectors] == [vector_of(OWNER, variant=8 + n).tolist() for n in (0, 2, 3)]


@pytest.mark.parametrize("with_infrared", [(), (0, 1), (2,)], ids=["no-stage", "the-first-stage", "the-second-stage"])
def test_infrared_is_not_kept_where_a_stage_has_none(with_infrared: tuple[int, ...]) -> None:
    samples = [_beside(number, infrared=number in with_infrared) for number in range(4)]
    assert views_in_infrared(samples, per_stage=2) is None


def test_the_nearest_other_is_named_with_how_near() -> None:
    found = nearest_other([sample(OWNER, 0, 0)], [template_of(STRANGER, "bert"), template_of(OWNER, "twin")], LAYOUT)
    assert found is not None
    assert found.user == "twin"
    assert found.score > 0.8


def test_where_nobody_else_is_enrolled_nobody_is_near() -> None:
    assert nearest_other([sample(OWNER, 0, 0)], [], LAYOUT) is None
