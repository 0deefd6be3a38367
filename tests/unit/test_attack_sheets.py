"""Sheets of paper are flat, bend without stretching, carry the picture at its size and nothing of anybody's depth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytic_faces import CAMERA
from attack_victims import DISTANCE_MM, off_plane_mm, points, same, victim
from kinect_unlock.arrays import F64, U8
from kinect_unlock_lab.attack.exhibit import Maker, Species
from kinect_unlock_lab.attack.hand import STILL, Pose, trembling
from kinect_unlock_lab.attack.likeness import likeness
from kinect_unlock_lab.attack.sheets import (
    A4_MM,
    Print,
    Profile,
    bent,
    bent_prints,
    creases,
    crumpled_prints,
    flat,
    flat_prints,
    folded,
    folded_prints,
    real_prints,
    sheet,
    thumbs,
)
from kinect_unlock_lab.attack.things import Held, Thing

ANNA = victim()
MAKERS = (flat_prints, bent_prints, folded_prints, crumpled_prints)


def held(*things: Thing, pose: Pose | None = None) -> Held:
    return Held(Species.FLAT_PRINT, things, CAMERA, pose or likeness(ANNA).pose(DISTANCE_MM), STILL)


def stretch(thing: Thing, page: Print) -> F64:
    """How much longer each side of each triangle is than on the sheet before it was bent, as a ratio."""
    source = likeness(ANNA)
    unrolled = thing.picture_px / (source.px_per_mm / page.scale)
    sides = thing.triangles[:, (0, 1)]
    in_space = np.linalg.norm(np.diff(thing.vertices_mm[sides], axis=1)[:, 0], axis=1)
    on_paper = np.linalg.norm(np.diff(unrolled[sides].astype(np.float64), axis=1)[:, 0], axis=1)
    ratio: F64 = in_space / on_paper
    return ratio


@settings(deadline=None, max_examples=25)
@given(yaw_deg=st.floats(-50, 50), pitch_deg=st.floats(-50, 50), roll_deg=st.floats(-30, 30), z_mm=st.floats(550, 1350))
def test_a_flat_sheet_is_a_plane_under_any_tilt(yaw_deg: float, pitch_deg: float, roll_deg: float, z_mm: float) -> None:
    thing = sheet(likeness(ANNA), Print(), flat())

    seen = held(thing, pose=Pose(0.0, 0.0, z_mm, yaw_deg, pitch_deg, roll_deg)).at(0.0)

    assert off_plane_mm(seen.depth_mm) < 1e-3


def test_a_flat_sheet_has_the_size_of_its_paper() -> None:
    at = points(held(sheet(likeness(ANNA), Print(), flat())).at(0.0).depth_mm)

    assert np.ptp(at[:, 0]) == pytest.approx(A4_MM[0], abs=5)
    assert np.ptp(at[:, 1]) == pytest.approx(A4_MM[1], abs=5)


@pytest.mark.parametrize("axis_deg", [0.0, 35.0, 90.0, 135.0])
@pytest.mark.parametrize("hollow", [False, True])
def test_a_bent_sheet_keeps_its_radius_from_its_axis(axis_deg: float, *, hollow: bool) -> None:
    thing = sheet(likeness(ANNA), Print(), bent(120.0, hollow=hollow), axis_deg)

    at = points(held(thing, pose=Pose(0.0, 0.0, 800.0)).at(0.0).depth_mm)

    turn = np.radians(axis_deg)
    axis = np.array((-np.sin(turn), np.cos(turn), 0.0))
    away = np.linalg.norm(np.cross(at - (0.0, 0.0, 800.0 + (-120.0 if hollow else 120.0)), axis), axis=1)
    assert away == pytest.approx(120.0, abs=0.02)


@pytest.mark.parametrize("profile", [flat(), bent(60.0), bent(300.0, hollow=True), folded(30.0)])
@pytest.mark.parametrize("axis_deg", [0.0, 22.5, 90.0])
def test_paper_does_not_stretch(profile: Profile, axis_deg: float) -> None:
    ratio = stretch(sheet(likeness(ANNA), Print(), profile, axis_deg), Print())

    assert np.median(ratio) == pytest.approx(1.0, abs=2e-4)
    assert (np.abs(ratio - 1) < 2e-3).mean() > 0.95  # all but what lies across a fold


def test_a_bent_sheet_ends_before_it_turns_its_back() -> None:
    thing = sheet(likeness(ANNA), Print(), bent(50.0))

    assert thing.vertices_mm[np.unique(thing.triangles), 2].max() <= 50.0


def test_a_folded_sheet_falls_back_by_the_angle_to_both_sides() -> None:
    thing = sheet(likeness(ANNA), Print(), folded(30.0))

    at = points(held(thing, pose=Pose(0.0, 0.0, 900.0)).at(0.0).depth_mm)

    assert at[:, 2] == pytest.approx(900 + np.tan(np.radians(30)) * np.abs(at[:, 0]), abs=0.01)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), rms_mm=st.floats(1, 10))
def test_a_crumpled_sheet_is_made_of_flat_facets_about_as_high_as_told(seed: int, rms_mm: float) -> None:
    crumpled = creases(np.random.default_rng(seed), rms_mm)
    across, down = np.meshgrid(np.arange(-600.0, 600.0, 1.0), np.arange(-600.0, 600.0, 60.0))

    height = crumpled.at(across, down)

    bend = np.abs(np.diff(height, n=2, axis=1))
    assert (bend < 1e-9).mean() > 0.5
    assert np.sqrt((height**2).mean()) == pytest.approx(rms_mm, rel=0.5)


def test_the_picture_is_seen_as_it_was_taken_where_the_victim_stood() -> None:
    seen = held(sheet(likeness(ANNA), Print(), flat())).at(0.0)

    there = np.isfinite(seen.depth_mm)
    off = np.abs(seen.color.astype(int) - ANNA.frame.color)[there]
    assert there.sum() > 5000
    assert off.max() <= 2


def test_the_picture_grows_as_the_print_comes_nearer_and_shrinks_with_its_scale() -> None:
    near = held(sheet(likeness(ANNA), Print(), flat()), pose=Pose(0.0, 0.0, 600.0)).at(0.0)
    small = held(sheet(likeness(ANNA), Print(scale=0.5), flat()), pose=Pose(0.0, 0.0, DISTANCE_MM)).at(0.0)

    def slope(color: U8) -> float:
        return float(np.polyfit(np.arange(80, 121), color[110, 80:121, 0].astype(float), 1)[0])

    usual = slope(ANNA.frame.color)
    assert slope(near.color) == pytest.approx(usual * 600 / DISTANCE_MM, rel=0.05)
    assert slope(small.color) == pytest.approx(usual * 2, rel=0.05)


def test_toner_takes_the_lamps_light_where_the_picture_is_dark_and_dyes_do_not() -> None:
    black = np.zeros_like(ANNA.frame.color)
    black[:, 100:] = 255
    source = likeness(victim(color=black))

    assert source.printed(1.0).reflectance[50, 50] == pytest.approx(0.1)
    assert source.printed(1.0).reflectance[50, 150] == pytest.approx(0.8)
    assert source.printed(0.0).reflectance == pytest.approx(0.8)


def test_thumbs_stand_before_the_sheet_and_reach_as_far_as_told() -> None:
    page = sheet(likeness(ANNA), Print(), flat())
    pose = Pose(0.0, 0.0, DISTANCE_MM)
    bare, gripped = held(page, pose=pose).at(0.0), held(page, *thumbs(A4_MM, 50.0), pose=pose).at(0.0)

    thumb = np.isfinite(bare.depth_mm) & (gripped.depth_mm < bare.depth_mm)
    across = np.abs(points(np.where(thumb, gripped.depth_mm, np.inf).astype(np.float32))[:, 0])
    assert (bare.depth_mm[thumb] - gripped.depth_mm[thumb]).max() == pytest.approx(16.0, abs=0.5)
    assert across.min() == pytest.approx(50.0, abs=4)


@pytest.mark.parametrize("maker", MAKERS)
def test_nothing_of_the_victims_depth_is_in_a_print_and_it_is_the_same_at_every_call(maker: Maker) -> None:
    for mine, again in zip(
        maker(ANNA, (), np.random.default_rng(4)),
        maker(victim(depth=False), (), np.random.default_rng(4)),
        strict=True,
    ):
        assert same(mine.at(0.4), again.at(0.4))
        assert same(mine.at(0.4), mine.at(0.4))
        assert not same(mine.at(0.4), mine.at(0.9))


def test_photographs_of_real_prints_are_printed_and_looks_with_depth_are_not() -> None:
    made = list(real_prints(victim(depth=False), (), np.random.default_rng(1)))

    assert {one.species for one in made} == {Species.REAL_PRINT}
    assert {one.parameters["radius_mm"] for one in made} >= {0.0, 80.0, 300.0}
    assert not list(real_prints(ANNA, (), np.random.default_rng(1)))


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**32 - 1), t_s=st.floats(0, 60))
def test_a_hand_moves_by_millimetres_and_never_jumps(seed: int, t_s: float) -> None:
    hand = trembling(np.random.default_rng(seed), sway_mm=3.0, sway_deg=1.5)

    assert np.abs(hand.at(t_s)[:3]).max() < 20
    assert np.abs(hand.at(t_s)[3:]).max() < 10
    assert np.abs(hand.at(t_s + 1e-3) - hand.at(t_s)).max() < 0.2
