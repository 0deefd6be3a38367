"""A list of pairs names the samples it says, and is compared as single pairs are."""

from pathlib import Path

import numpy as np
import pytest

from evaluated_people import HALVES, PEOPLE, crowd
from kinect_unlock.errors import SourceError
from kinect_unlock_lab.attempting import listed, pairs
from kinect_unlock_lab.listed_pairs import read_pairs
from kinect_unlock_lab.scoring import Fused, OneHalf
from kinect_unlock_lab.tally import Resampling

SAMPLES = np.array(["Anna_0001", "Anna_0002", "Bert_0012"])


def test_a_list_names_pairs_of_one_and_of_two_people(tmp_path: Path) -> None:
    (tmp_path / "pairs_1.txt").write_text("1\t1\nAnna\t2\t1\nAnna\t1\tBert\t12\n", encoding="utf-8")
    rows = read_pairs(tmp_path, SAMPLES)
    assert rows is not None
    assert rows.tolist() == [[1, 0], [0, 2]]


def test_pairs_of_people_who_are_not_looked_at_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "pairs.txt").write_text("1\t1\nAnna\t1\tCarl\t1\n", encoding="utf-8")
    rows = read_pairs(tmp_path, SAMPLES)
    assert rows is not None
    assert rows.shape == (0, 2)


def test_a_folder_without_a_list_has_none(tmp_path: Path) -> None:
    assert read_pairs(tmp_path, SAMPLES) is None


@pytest.mark.parametrize("line", ["Anna\t1", "Anna\tx\t2", "Anna\t1\tBert\t-2", ""])
def test_what_is_no_pair_is_refused_with_its_place(tmp_path: Path, line: str) -> None:
    (tmp_path / "pairs.txt").write_text(f"1\t1\n{line}\n", encoding="utf-8")
    with pytest.raises(SourceError, match=r"pairs\.txt:2: .* is no pair"):
        read_pairs(tmp_path, SAMPLES)


@pytest.mark.parametrize("rule", [Fused(), OneHalf(HALVES[1])])
def test_the_list_of_every_pair_gives_what_pairs_give(rule: Fused | OneHalf) -> None:
    few = crowd().where(np.arange(len(crowd())) < 30)
    resampling = Resampling(PEOPLE, rounds=3)
    rows = np.column_stack(np.tril_indices(30, -1)).astype(np.int64)
    by_list, whole = listed(few, rows, rule, resampling), pairs(few, rule, resampling)
    assert (by_list.counts.sum(axis=1) == whole.counts.sum(axis=1)).all()
    assert np.abs(np.cumsum(by_list.counts - whole.counts, axis=1)).max() <= 1
    assert (by_list.met == whole.met).all()
