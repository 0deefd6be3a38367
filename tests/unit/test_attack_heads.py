"""Heads of the attack laboratory have the shape they are named for, and the victim's where they should."""

import numpy as np
import pytest

from analytic_faces import CAMERA, face_relief, sphere
from attack_victims import DISTANCE_MM, broad_relief, points, same, victim
from kinect_unlock.arrays import F64
from kinect_unlock_lab.attack.exhibit import Instrument, Maker, Species, Victim
from kinect_unlock_lab.attack.hand import STILL, Pose
from kinect_unlock_lab.attack.heads import (
    ellipsoid,
    flattened,
    foreign_masks,
    full_relief_masks,
    head,
    laid_on,
    plane_heights,
    relief_masks,
    smooth_heads,
    wrong_scales,
)
from kinect_unlock_lab.attack.likeness import likeness
from kinect_unlock_lab.attack.things import Held, Thing

ANNA = victim()
BERT = victim("bert", broad_relief)
OWN = (smooth_heads, relief_masks, full_relief_masks, wrong_scales)


def in_place(thing: Thing, of: Victim = ANNA) -> Held:
    return Held(Species.FULL_RELIEF_MASK, (thing,), CAMERA, likeness(of).pose(DISTANCE_MM), STILL)


def test_a_head_put_back_where_it_was_reads_as_it_did() -> None:
    seen = in_place(head(ANNA, likeness(ANNA).painted())).at(0.0)

    assert ANNA.frame.depth_mm is not None
    both = np.isfinite(seen.depth_mm) & (ANNA.frame.depth_mm > 0)
    off = seen.depth_mm[both] - ANNA.frame.depth_mm[both]
    assert np.abs(off).mean() < 1.0
    assert (seen.color[both] == ANNA.frame.color[both]).mean() > 0.95


def test_what_was_not_read_stays_a_hole() -> None:
    assert ANNA.frame.depth_mm is not None
    holed = ANNA.frame.depth_mm.copy()
    holed[100:110, 95:105] = 0
    torn = Victim(
        ANNA.person,
        type(ANNA.frame)(7, 70, ANNA.frame.color, holed, ANNA.frame.calibration),
        ANNA.detection,
        ANNA.pose,
    )

    seen = in_place(head(torn, likeness(torn).painted())).at(0.0)

    assert np.isinf(seen.depth_mm[101:109, 96:104]).all()


@pytest.mark.parametrize("relief", [0.25, 0.5, 0.75])
def test_a_relief_has_its_share_of_the_faces_relief(relief: float) -> None:
    whole = head(ANNA, likeness(ANNA).painted())

    pressed = flattened(whole, relief)

    seen = np.zeros(len(whole.vertices_mm), bool)
    seen[whole.triangles] = True
    face = seen & (np.linalg.norm(whole.vertices_mm, axis=1) < 70)
    before, after = (plane_heights(thing.vertices_mm, face)[1][face] for thing in (whole, pressed))
    assert np.abs(after) == pytest.approx(relief * np.abs(before), abs=1e-6)


def test_a_relief_of_everything_is_the_face_itself() -> None:
    whole = head(ANNA, likeness(ANNA).painted())

    assert flattened(whole, 1.0).vertices_mm == pytest.approx(whole.vertices_mm)


def test_a_smooth_head_has_no_nose() -> None:
    def nose_mm(smooth_mm: float) -> float:
        at = points(in_place(head(ANNA, likeness(ANNA).painted(), smooth_mm=smooth_mm)).at(0.0).depth_mm)
        nose = np.hypot(at[:, 0], at[:, 1]) < 6
        beside = (np.abs(np.abs(at[:, 0]) - 22) < 4) & (np.abs(at[:, 1]) < 6)
        return float(np.median(at[beside, 2]) - np.median(at[nose, 2]))

    assert nose_mm(10.0) > nose_mm(15.0) > nose_mm(25.0)
    assert nose_mm(25.0) < 0.5 * nose_mm(0.0)


def test_an_ellipsoid_touches_the_middle_and_keeps_its_half_axes() -> None:
    thing = ellipsoid(likeness(ANNA), (76.0, 112.0, 95.0), likeness(ANNA).painted())

    at = points(Held(Species.SMOOTH_HEAD, (thing,), CAMERA, Pose(0.0, 0.0, DISTANCE_MM), STILL).at(0.0).depth_mm)

    on = (at[:, 0] / 76) ** 2 + (at[:, 1] / 112) ** 2 + ((at[:, 2] - DISTANCE_MM - 95) / 95) ** 2
    assert on == pytest.approx(1.0, abs=0.02)
    assert at[:, 2].min() == pytest.approx(DISTANCE_MM, abs=0.1)


def test_a_mask_has_the_victims_colours_on_the_wearers_depth_and_none_of_the_victims() -> None:
    other_shape = victim(relief=sphere(100.0))
    twin = Victim(
        "anna",
        type(ANNA.frame)(7, 70, ANNA.frame.color, other_shape.frame.depth_mm, ANNA.frame.calibration),
        ANNA.detection,
        ANNA.pose,
    )

    mine, other = (
        [one.at(0.3) for one in foreign_masks(whose, (BERT,), np.random.default_rng(3))] for whose in (ANNA, twin)
    )

    assert len(mine) == 1
    assert all(same(one, another) for one, another in zip(mine, other, strict=True))


def test_a_mask_lies_with_its_landmarks_on_the_wearers() -> None:
    turned = victim("carl", face_relief, yaw_deg=12.0)

    mapped = laid_on(turned, ANNA)

    landed = turned.detection.landmarks_px @ mapped[:, :2].T + mapped[:, 2]
    apart = np.linalg.norm(landed - ANNA.detection.landmarks_px, axis=1)
    assert apart[[0, 1, 3, 4]].max() < 2.0
    assert apart[2] < 6.0  # a nose stands out, and so is seen elsewhere on a turned head


def test_a_head_of_another_scale_is_as_much_smaller_or_bigger_in_all_directions() -> None:
    small, *_, big = wrong_scales(ANNA, (), np.random.default_rng(3))

    def spread(one: Instrument) -> F64:
        assert isinstance(one, Held)
        thing = one.things[0]
        size: F64 = np.ptp(thing.vertices_mm[np.unique(thing.triangles)], axis=0)
        return size

    assert spread(big) / spread(small) == pytest.approx(1.5 / 0.6)


@pytest.mark.parametrize("maker", OWN)
def test_heads_are_the_same_at_every_call_and_tremble(maker: Maker) -> None:
    for mine, again in zip(
        maker(ANNA, (), np.random.default_rng(4)), maker(ANNA, (), np.random.default_rng(4)), strict=True
    ):
        assert same(mine.at(0.4), again.at(0.4))
        assert not same(mine.at(0.4), mine.at(0.9))


@pytest.mark.parametrize("maker", [relief_masks, full_relief_masks, wrong_scales])
def test_of_a_photograph_no_true_shape_is_made(maker: Maker) -> None:
    assert not list(maker(victim(depth=False), (), np.random.default_rng(4)))
