"""Injected streams join one person's colours with a depth that is not theirs, and each moves on its own."""

from dataclasses import replace

import numpy as np
import pytest

from analytic_faces import depth_of, face_relief
from attack_victims import DISTANCE_MM, broad_relief, same, victim
from kinect_unlock_lab.attack.exhibit import Species
from kinect_unlock_lab.attack.injected import Injected, injected_colors, injected_depths
from kinect_unlock_lab.attack.likeness import likeness

ANNA = victim()
BERT = victim("bert", broad_relief)


def test_injected_depth_is_anothers_and_is_shifted_by_as_much_as_it_says() -> None:
    straight, shifted, *_ = injected_depths(ANNA, (victim("carl", face_relief),), np.random.default_rng(3))

    assert isinstance(straight, Injected)
    assert isinstance(shifted, Injected)
    middles = [np.array(np.nonzero(np.isfinite(one.depth_mm)))[::-1].mean(axis=1) for one in (straight, shifted)]
    moved_mm = np.linalg.norm(middles[1] - middles[0]) / likeness(ANNA).px_per_mm
    assert shifted.parameters["shift_mm"] == 20.0
    assert moved_mm == pytest.approx(20.0, abs=2.0)


def test_injected_depth_is_as_near_and_as_large_as_the_colours_over_it() -> None:
    far_mm = 1.2 * DISTANCE_MM
    depth_mm, landmarks_px = depth_of(face_relief, place_mm=(0.0, 0.0, far_mm))
    far = replace(
        BERT,
        frame=replace(BERT.frame, depth_mm=depth_mm),
        detection=replace(BERT.detection, landmarks_px=landmarks_px.astype(np.float32)),
        pose=replace(BERT.pose, distance_mm=far_mm),
    )

    near, beside = (next(iter(injected_depths(ANNA, (one,), np.random.default_rng(3)))) for one in (far, victim()))

    assert isinstance(near, Injected)
    assert isinstance(beside, Injected)
    x, y = (round(float(value)) for value in ANNA.detection.landmarks_px.mean(axis=0))
    both = (slice(y - 15, y + 15), slice(x - 15, x + 15))  # the same face, once seen from farther away
    assert np.median(near.depth_mm[both] - beside.depth_mm[both]) == pytest.approx(0.0, abs=3.0)
    nose_mm = [np.ptp(one.depth_mm[both]) for one in (near, beside)]
    assert nose_mm[0] == pytest.approx(nose_mm[1], abs=4.0)


def test_nothing_of_the_victims_depth_is_injected() -> None:
    for maker in (injected_depths, injected_colors):
        for mine, other in zip(
            maker(ANNA, (BERT,), np.random.default_rng(4)),
            maker(victim(depth=False), (BERT,), np.random.default_rng(4)),
            strict=True,
        ):
            assert same(mine.at(0.4), other.at(0.4))
            assert same(mine.at(0.4), mine.at(0.4))
            assert not same(mine.at(0.4), mine.at(0.9))


def test_colour_and_depth_do_not_move_together() -> None:
    one = next(iter(injected_depths(ANNA, (BERT,), np.random.default_rng(3))))

    assert isinstance(one, Injected)
    assert not np.allclose(one.color_hand.at(0.5), one.depth_hand.at(0.5))


def test_over_no_faces_depth_lies_the_victims_colour() -> None:
    made = list(injected_colors(ANNA, (), np.random.default_rng(3)))

    assert {one.species for one in made} == {Species.COLOR_INJECTED}
    nothing, room, wall, *noise = (one.at(0.0) for one in made)
    assert np.isinf(nothing.depth_mm).all()
    assert room.depth_mm.min() > 1400
    assert wall.depth_mm.std() < 150
    assert all(np.ptp(one.depth_mm) > 50 for one in noise)
