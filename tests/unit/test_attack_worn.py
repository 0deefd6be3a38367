"""Worn prints lie before the wearer's head, are bent about one axis, and show the wearer where they are cut."""

from dataclasses import replace

import numpy as np
import pytest

from analytic_faces import CAMERA, face_relief
from attack_victims import DISTANCE_MM, broad_relief, same, victim
from kinect_unlock.arrays import F64
from kinect_unlock_lab.attack.exhibit import Exhibit, Species
from kinect_unlock_lab.attack.hand import STILL
from kinect_unlock_lab.attack.likeness import PAPER, likeness
from kinect_unlock_lab.attack.things import Held, Thing
from kinect_unlock_lab.attack.worn import (
    WHOLE,
    Cut,
    black_prints,
    cut_out_prints,
    cylinder_prints,
    dressed,
    head_prints,
)

ANNA = victim()
BERT = victim("bert", broad_relief)


def shown(*things: Thing) -> Exhibit:
    return Held(Species.CUT_OUT_PRINT, things, CAMERA, likeness(BERT).pose(DISTANCE_MM), STILL).at(0.0)


def steepest_turn(paper: Thing) -> F64:
    """How much the paper's rows differ from one another in shape, mm: nothing, if it is bent about one axis."""
    columns = len(np.unique(paper.vertices_mm[:, 0]))
    deep = paper.vertices_mm[:, 2].reshape(-1, columns)
    straight = deep - deep.mean(axis=1, keepdims=True)
    off: F64 = np.abs(straight - straight[0])
    return off


def test_paper_around_a_head_is_bent_about_one_axis_alone() -> None:
    _, paper = dressed(ANNA, BERT, WHOLE, 0.0)

    assert steepest_turn(paper).max() < 1e-9


def test_paper_that_gives_way_takes_on_some_of_the_shape_beneath() -> None:
    little, much = (dressed(ANNA, BERT, WHOLE, conform)[1] for conform in (0.25, 0.5))

    assert steepest_turn(much).max() > steepest_turn(little).max() > 1.0


@pytest.mark.parametrize("conform", [0.0, 0.25, 0.5])
def test_paper_lies_before_the_whole_head_that_it_covers(conform: float) -> None:
    bare, paper = dressed(ANNA, BERT, WHOLE, conform)

    alone, both = shown(paper), shown(bare, paper)

    covered = np.isfinite(alone.depth_mm)
    assert covered.sum() > 1500
    assert (both.depth_mm[covered] == alone.depth_mm[covered]).mean() > 0.99


def test_paper_around_a_head_does_not_stretch() -> None:
    _, paper = dressed(ANNA, BERT, WHOLE, 0.0)
    source = likeness(ANNA)

    sides = paper.triangles[:, (0, 1)]
    in_space = np.linalg.norm(np.diff(paper.vertices_mm[sides], axis=1)[:, 0], axis=1)
    on_paper = np.linalg.norm(np.diff(paper.picture_px[sides] / source.px_per_mm, axis=1)[:, 0], axis=1)
    assert in_space / on_paper == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("pitch_deg", [-12.0, 12.0])
def test_paper_leans_as_the_head_under_it_does(pitch_deg: float) -> None:
    nodding = replace(victim("bert", broad_relief, pitch_deg=pitch_deg), pose=BERT.pose)  # unknown to the pose

    upright, leaning = (dressed(ANNA, wearer)[1].vertices_mm for wearer in (BERT, nodding))

    slopes = [np.polyfit(at[:, 1], at[:, 2], 1)[0] for at in (upright, leaning)]
    assert np.degrees(np.arctan(slopes[1] - slopes[0])) == pytest.approx(pitch_deg, abs=3)


def test_holes_show_the_wearer_and_paper_is_everywhere_else() -> None:
    bare, paper = dressed(ANNA, BERT, Cut(eyes=True, nose=True, mouth=True), 0.0, toner=0.0)

    alone, worn, head = shown(paper), shown(bare, paper), shown(bare)

    x, y = ANNA.detection.landmarks_px.T
    for column, row in zip(np.rint(x).astype(int), np.rint(y).astype(int), strict=True):
        if (column, row) == (round(float(x[3])), round(float(y[3]))) or column == round(float(x[4])):
            continue  # corners of the mouth lie near the rim
        assert np.isinf(alone.depth_mm[row, column])
        assert worn.depth_mm[row, column] == head.depth_mm[row, column]
        assert worn.reflectance[row, column] < PAPER
    assert worn.reflectance[np.isfinite(alone.depth_mm)] == pytest.approx(PAPER, abs=1e-6)


def test_through_its_hole_a_nose_stands_out_before_the_paper() -> None:
    bare, paper = dressed(ANNA, victim("carl", face_relief), Cut(nose=True), 0.0)

    worn, alone = shown(bare, paper), shown(paper)

    nose_x, nose_y = (round(float(value)) for value in ANNA.detection.landmarks_px[2])
    around = alone.depth_mm[nose_y - 25 : nose_y + 25, nose_x - 25 : nose_x + 25]
    assert worn.depth_mm[nose_y, nose_x] < around[np.isfinite(around)].min() - 5


def test_nothing_of_the_victims_depth_is_worn() -> None:
    for maker in (head_prints, cut_out_prints, black_prints, cylinder_prints):
        for mine, other in zip(
            maker(ANNA, (BERT,), np.random.default_rng(4)),
            maker(victim(depth=False), (BERT,), np.random.default_rng(4)),
            strict=True,
        ):
            assert same(mine.at(0.4), other.at(0.4))
            assert not same(mine.at(0.4), mine.at(0.9))


def test_black_prints_reflect_next_to_nothing_where_they_cover_and_are_cut_as_others() -> None:
    black, white = (
        next(iter(maker(ANNA, (BERT,), np.random.default_rng(4)))) for maker in (black_prints, cut_out_prints)
    )

    dark, light = black.at(0.0), white.at(0.0)
    assert black.species is Species.BLACK_PRINT
    assert same(replace(dark, reflectance=light.reflectance), light)
    darkened = dark.reflectance < light.reflectance
    assert dark.reflectance[darkened].max() <= 0.04
    assert (darkened.sum(), (~darkened & (light.reflectance > 0)).sum()) > (500, 0)


def test_nobody_without_depth_is_dressed() -> None:
    assert not list(head_prints(ANNA, (victim("bert", depth=False),), np.random.default_rng(4)))
    assert not list(cut_out_prints(ANNA, (), np.random.default_rng(4)))
