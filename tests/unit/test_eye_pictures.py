"""Invented eyes, on a head that is hardly one, and what is said of networks that look at them."""

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from fakes.heads import egg_head
from kinect_unlock.arrays import U8
from kinect_unlock.eye_patches import PATCH_PX
from kinect_unlock.observations import Box, Detection
from kinect_unlock_lab.eye_study import Photographs, called_shut, lfw, nuaa, told_apart
from kinect_unlock_lab.synthesis.eye_pictures import EyePlan, Eyes, chosen_people, eyes_of, joined
from kinect_unlock_lab.synthesis.head_files import save_head
from kinect_unlock_lab.synthesis.looks import invent_looks

PLAN = EyePlan(people=9, pictures=2, cuts=3, glasses_share=1 / 3, seed=5)


@pytest.fixture(scope="module")
def egg(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("heads") / "egg.npz"
    save_head(egg_head(), path, project="an egg", licence="none")
    return path


def wearers(numbers: list[int]) -> list[bool]:
    return [invent_looks(np.random.default_rng([PLAN.seed, number, 1])).glasses is not None for number in numbers]


def test_as_many_wear_glasses_as_are_wanted_and_nobody_comes_twice() -> None:
    numbers = list(chosen_people(PLAN))

    assert Counter(wearers(numbers)) == {True: 3, False: 6}
    assert len(set(numbers)) == PLAN.people


def test_fewer_people_are_the_first_of_more() -> None:
    few = EyePlan(people=4, pictures=2, cuts=3, glasses_share=1 / 3, seed=5)

    assert list(chosen_people(few)) == list(chosen_people(PLAN))[:4]


def test_the_same_numbers_make_the_same_eyes_and_a_row_each(egg: Path) -> None:
    number = next(chosen_people(PLAN))

    first, again = eyes_of(egg, PLAN, number), eyes_of(egg, PLAN, number)

    np.testing.assert_array_equal(first.patches, again.patches)
    rows = 2 * PLAN.pictures * PLAN.cuts
    assert first.patches.shape == (rows, *PATCH_PX)
    assert {getattr(first, name).shape[0] for name in Eyes.__slots__} == {rows}
    assert set(first.person) == {number}
    assert (first.seen == 0).all()  # an egg has no eyeballs


def test_lenses_mirror_something_now_and_then(egg: Path) -> None:
    worn = next(
        number for number, wears in zip(chosen_people(PLAN), wearers(list(chosen_people(PLAN))), strict=True) if wears
    )

    found = eyes_of(egg, EyePlan(people=9, pictures=4, cuts=1, glasses_share=1 / 3, seed=5), worn)

    assert found.glasses.all()
    assert len(np.unique(found.patches.reshape(8, -1), axis=0)) == 8


def faces(is_open: list[bool], *, px: float = 60.0) -> Eyes:
    count = 2 * len(is_open)
    seen = np.repeat(np.where(is_open, 0.25, 0.0), 2).astype(np.float32)
    whole = np.ones(count, np.float32)
    person = np.repeat(np.arange(len(is_open)), 2).astype(np.int64)
    patches = np.zeros((count, *PATCH_PX), np.uint8)
    return Eyes(patches, seen, person, np.zeros(count, np.bool_), 0 * whole, whole, px * whole)


def test_faces_that_are_told_apart_have_no_errors_and_one_mistake_is_counted() -> None:
    eyes = faces([True] * 10 + [False] * 10)
    right = (eyes.seen > 0).astype(np.float32)
    wrong = right.copy()
    wrong[:2] = 0.0

    (perfect, *_), (off, *_) = told_apart(eyes, right), told_apart(eyes, wrong)

    assert (perfect.shut_faces, perfect.open_faces, perfect.eer.value) == (10, 10, 0.0)
    assert perfect.shut == perfect.opened == (0.0, 0.0, 0.0)
    assert off.shut == (0.1, 0.1, 0.1)
    assert 0.0 < off.eer.value <= 0.1


def test_a_wink_is_neither_open_nor_shut_and_registered_colour_stands_apart() -> None:
    whole = joined([faces([True, True, False]), faces([True, False], px=30.0)])
    whole.seen[0] = 0.0

    found = {row.name: (row.shut_faces, row.open_faces) for row in told_apart(whole, np.ones(10, np.float32))}

    assert found["Kinect colour"] == (1, 1)
    assert found["registered"] == (1, 1)


class _Everywhere:
    def detect(self, color: U8, within: Box | None = None) -> tuple[Detection, ...]:
        assert within is None
        if not color.any():
            return ()
        marks = np.array(((3, 3), (6, 3), (4, 5), (3, 7), (6, 7)), np.float32)
        return tuple(
            Detection(Box(0.0, 0.0, side, side), 0.9, marks + np.float32(offset))
            for side, offset in ((4.0, 0), (9.0, 20))
        )


class _Reader:
    def __init__(self) -> None:
        self.meant: list[float] = []

    def eyes_open(self, image: U8, detection: Detection) -> float:
        self.meant.append(detection.box.width_px)
        return float(image.max()) / 100


def test_of_photographs_those_below_a_bound_are_counted_by_person_and_those_without_a_face_are_not(
    tmp_path: Path,
) -> None:
    for name, level in (("a", 5), ("b", 90), ("c", 0)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((9, 9, 3), level, np.uint8))
    files = tuple((name, tmp_path / f"{name}.png") for name in "abc")
    done: list[int] = []
    largest, middle = _Reader(), _Reader()

    found = called_shut(Photographs("x", files), _Everywhere(), largest, on_done=done.append)
    called_shut(Photographs("x", files, in_the_middle=True), _Everywhere(), middle, on_done=done.append)

    assert (found.people, found.faces, done[:3]) == (2, 2, [1, 2, 3])
    assert [share.value for share in found.shut] == [0.5, 0.5, 0.5]
    none = called_shut(Photographs("x", files[1:]), _Everywhere(), _Reader(), on_done=done.append).shut[0]
    assert (none.value, none.low, none.high > 0.9) == (0.0, 0.0, True)  # of one person
    assert (set(largest.meant), set(middle.meant)) == ({9.0}, {4.0})


def test_photographs_are_found_by_person_and_glasses(tmp_path: Path) -> None:
    for name in ("live/0001/0001_00_00_01_0.jpg", "live/0001/0001_01_00_01_0.jpg", "live/0002/0002_01_00_01_0.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "Anna").mkdir()
    (tmp_path / "Anna" / "Anna_0001.jpg").touch()

    worn, bare = nuaa(tmp_path)
    (press,) = lfw(tmp_path)

    assert ([person for person, _ in worn.files], [person for person, _ in bare.files]) == (["0001"], ["0001", "0002"])
    assert ("Anna" in {person for person, _ in press.files}, press.in_the_middle) == (True, True)
