"""Screens are flat glass in a frame; what is on them may move while they do."""

import numpy as np
import pytest

from analytic_faces import CAMERA
from attack_victims import DISTANCE_MM, off_plane_mm, same, victim
from kinect_unlock_lab.attack.exhibit import Species
from kinect_unlock_lab.attack.hand import STILL, Pose, trembling
from kinect_unlock_lab.attack.likeness import likeness
from kinect_unlock_lab.attack.screens import SCREENS, Screen, frame, glass, moving_screens, screens
from kinect_unlock_lab.attack.things import Film, Held

ANNA = victim()
TABLET = Screen("tablet", (165.0, 230.0), 10.0)


@pytest.mark.parametrize("angles_deg", [(0.0, 0.0), (20.0, -15.0)])
def test_a_screen_is_flat_glass_within_a_frame_of_millimetres(angles_deg: tuple[float, float]) -> None:
    things = (glass(likeness(ANNA), TABLET, 1.0), frame(TABLET))

    seen = Held(Species.SCREEN, things, CAMERA, Pose(0.0, 0.0, DISTANCE_MM, *angles_deg), STILL).at(0.0)

    display = seen.gloss == np.float32(0.9)
    around = (seen.gloss > 0) & ~display
    assert off_plane_mm(np.where(display, seen.depth_mm, np.inf).astype(np.float32)) < 1e-3
    assert off_plane_mm(seen.depth_mm) < 2.0
    assert display.sum() > 3 * around.sum() > 0
    assert not np.isinf(seen.depth_mm[seen.gloss > 0]).any()


def test_all_sizes_from_a_telephone_to_a_monitor_are_shown_each_at_its_own_distance() -> None:
    made = list(screens(ANNA, (), np.random.default_rng(2)))

    assert [one.parameters["width_mm"] for one in made] == [screen.size_mm[0] for screen in SCREENS]
    assert {one.species for one in made} == {Species.SCREEN}
    assert made[0].parameters["scale"] < 0.5  # a face on a telephone is small
    assert len({one.parameters["distance_mm"] for one in made}) == len(made)


def test_a_screen_on_a_stand_stands_still_and_one_in_a_hand_does_not() -> None:
    held, *_, monitor = screens(ANNA, (), np.random.default_rng(2))

    assert same(monitor.at(0.1), monitor.at(1.3))
    assert not same(held.at(0.1), held.at(1.3))


def test_in_a_film_the_picture_moves_on_the_glass_and_its_light_changes() -> None:
    source = likeness(ANNA)
    film = Film(trembling(np.random.default_rng(1), sway_mm=10.0), source.px_per_mm, source.middle_px, flicker=0.1)
    things = (glass(source, TABLET, 1.0),)
    shown = Held(Species.MOVING_SCREEN, things, CAMERA, Pose(0.0, 0.0, DISTANCE_MM), STILL, film=film)

    early, late = shown.at(0.0), shown.at(0.5)

    assert np.array_equal(early.depth_mm, late.depth_mm)
    assert not np.array_equal(early.color, late.color)
    blue = [one.color[np.isfinite(one.depth_mm)][:, 2].astype(float).mean() for one in (early, late)]
    assert blue[1] == pytest.approx(1.1 * blue[0], rel=0.02)  # the picture's blue is even


def test_films_are_the_same_at_every_call_and_need_no_depth() -> None:
    for mine, other in zip(
        moving_screens(ANNA, (), np.random.default_rng(4)),
        moving_screens(victim(depth=False), (), np.random.default_rng(4)),
        strict=True,
    ):
        assert same(mine.at(0.4), other.at(0.4))
        assert not same(mine.at(0.4), mine.at(0.9))
