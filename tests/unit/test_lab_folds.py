"""Folds never divide a person, bars never judge whom they were fitted on, groups are what their bounds say."""

from dataclasses import replace

import numpy as np
import pytest

from evaluated_people import HALVES, PEOPLE, colour_alone, crowd
from kinect_unlock_lab.attempting import Data
from kinect_unlock_lab.dimming import AS_IT_IS, DIM
from kinect_unlock_lab.folds import BAND_ENDS_MM, folds_of, of_people, two_votes
from kinect_unlock_lab.grouping import groups_of
from kinect_unlock_lab.protocols import Embedded
from kinect_unlock_lab.scoring import Fused, TwoVotes


def test_a_person_is_always_in_the_same_fold_and_every_fold_has_people() -> None:
    names = [f"p{number:03d}" for number in range(104)]
    folds = folds_of(names)
    assert folds_of(names[40:]).tolist() == folds[40:].tolist()
    assert set(folds.tolist()) == set(range(5))
    assert np.bincount(folds).min() >= 10


def all_fit() -> Embedded:
    whole = crowd()
    return replace(whole, depth_fit=np.ones(len(whole), bool))


def test_bars_are_of_frames_whose_depth_may_vote() -> None:
    before = crowd()
    vectors = before.embeddings.copy()
    vectors[~before.depth_fit, HALVES[1].begin :] *= -1
    after = before.with_vectors(vectors, before.halves)
    assert two_votes(Data.of(before), misses=0.2).bars == two_votes(Data.of(after), misses=0.2).bars


def test_bars_hold_for_a_part_of_the_people_by_name() -> None:
    people = all_fit()
    rule, some = two_votes(Data.of(people)), np.unique(people.person)[3:11]
    part = of_people(rule, some)
    assert isinstance(part, TwoVotes)
    assert part.fold_of.tolist() == rule.fold_of[3:11].tolist()
    assert of_people(Fused(), some) == Fused()


def test_a_fold_that_changes_does_not_change_its_own_bars() -> None:
    before = all_fit()
    fold_of = folds_of(np.unique(before.person), folds=2)
    mine = fold_of[before.person_index] == 0
    vectors = before.embeddings.copy()
    depth = slice(HALVES[1].begin, HALVES[1].end)
    vectors[mine, depth] = np.roll(vectors[mine, depth], 1, axis=0)
    after = before.with_vectors(vectors, HALVES)
    old, new = (two_votes(Data.of(one), folds=2) for one in (before, after))
    assert old.bars[0] == new.bars[0]
    assert old.bars[1] != new.bars[1]


def test_bars_refuse_about_the_share_asked_for() -> None:
    strict, lenient = (two_votes(Data.of(all_fit()), misses=share) for share in (0.5, 0.02))
    for tight, loose in zip(strict.bars, lenient.bars, strict=True):
        assert [bar.to_mm for bar in tight] == [bar.to_mm for bar in loose]
        assert all(one.cosine > other.cosine for one, other in zip(tight, loose, strict=True))
        assert max(bar.to_mm for bar in tight) <= max(BAND_ENDS_MM)


def test_colour_alone_has_no_second_vote() -> None:
    with pytest.raises(ValueError, match="two votes need a depth half"):
        two_votes(Data.of(colour_alone(crowd())))


def test_groups_of_a_quantity_divide_everybody_who_was_measured() -> None:
    embedded = crowd()
    for quantity in ("face width", "hair over the outer face", "distance", "head turned by", "brightness of the face"):
        members = np.array([group.members for group in groups_of(embedded) if group.quantity == quantity])
        assert members.sum(axis=0).max() == 1
        assert members.any(axis=1).all()
    by_width = [group.members for group in groups_of(embedded) if group.quantity == "face width"]
    for members in by_width:  # what belongs to a person never divides their samples
        of = embedded.person_index
        assert all(len(set(members[of == one].tolist())) == 1 for one in range(PEOPLE))


def test_photographs_have_no_groups_of_what_depth_measures() -> None:
    flat = Embedded.of(crowd().embeddings, crowd().person, light=np.linspace(0, 255, len(crowd())).astype(np.float32))
    assert {group.quantity for group in groups_of(flat)} == {"brightness of the face"}


def test_light_is_scaled_and_gets_the_same_noise_every_time() -> None:
    image = np.full((60, 50, 3), 200, np.uint8)
    dark = DIM[0].on(image, "p1/a")
    assert (AS_IT_IS.on(image, "p1/a") == image).all()
    assert (dark == DIM[0].on(image, "p1/a")).all()
    assert (dark != DIM[0].on(image, "p1/b")).any()
    assert float(dark.mean()) == pytest.approx(20, abs=0.2)
    assert float(dark.std()) == pytest.approx(1.5, abs=0.15)
