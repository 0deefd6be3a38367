"""Sets of samples on disk: whole or not there, the same to the byte, and never mixed with others."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from kinect_unlock.errors import SourceError
from kinect_unlock_lab.synthesis.shards import HeadModelSource, SetDescription, open_writer, read_set

HEADS = HeadModelSource(file="egg.npz", sha256="0" * 64, project="nobody's", licence="CC0-1.0")
SET = SetDescription(
    recipe="test", recipe_version=1, seed=5, people=7, looks=2, people_per_shard=3, head_model=HEADS, options={"a": 1.5}
)


def _columns(number: int) -> dict[str, np.ndarray]:
    person = np.repeat(np.array(SET.people_of(number), np.int32), SET.looks)
    residual = np.arange(len(person) * 16, dtype=np.int16).reshape(-1, 4, 4) + np.int16(number)
    return {"residual": residual, "person": person}


def _written(folder: Path) -> Path:
    writer = open_writer(folder, SET)
    for number in writer.missing():
        writer.write(number, _columns(number))
    return folder


def test_what_was_written_is_read_shard_by_shard(tmp_path: Path) -> None:
    found = read_set(_written(tmp_path / "set"))
    assert found.description == SET
    assert found.complete
    assert len(found) == 14
    assert found.column("person").tolist() == np.repeat(np.arange(7), 2).tolist()
    assert [len(chunk["person"]) for chunk in found.chunks(4, "person")] == [4, 2, 4, 2, 2]
    assert [number for number, _ in found.people()] == list(range(7))
    assert all(np.array_equal(found.shard(n)["residual"], _columns(n)["residual"]) for n in range(3))
    assert list(found.shard(0, "person")) == ["person"]


def test_the_same_arrays_give_the_same_bytes(tmp_path: Path) -> None:
    first, second = _written(tmp_path / "a"), _written(tmp_path / "b")
    names = sorted(path.name for path in first.iterdir())
    assert names == ["set.json", "shard-00000.npz", "shard-00001.npz", "shard-00002.npz"]
    assert all((first / name).read_bytes() == (second / name).read_bytes() for name in names)


def test_only_what_is_missing_or_damaged_is_made_again(tmp_path: Path) -> None:
    folder = _written(tmp_path / "set")
    (folder / "shard-00001.npz").unlink()
    damaged = folder / "shard-00002.npz"
    damaged.write_bytes(damaged.read_bytes()[:-30])
    (folder / "shard-00001.npz.77.part").write_bytes(b"half of it")
    writer = open_writer(folder, SET)
    assert writer.missing() == (1, 2)
    assert not list(folder.glob("*.part"))
    assert read_set(folder).shards == (0,)
    assert not read_set(folder).complete


def test_a_folder_made_with_other_options_is_refused(tmp_path: Path) -> None:
    folder = _written(tmp_path / "set")
    other = msgspec.structs.replace(SET, seed=6, options={"a": 2.0, "b": True})
    with pytest.raises(SourceError, match=r"a 1\.5, not 2\.0; b unset, not True; seed 5, not 6"):
        open_writer(folder, other)
    changed = msgspec.structs.replace(SET, head_model=msgspec.structs.replace(HEADS, sha256="1" * 64))
    with pytest.raises(SourceError, match="head_model 000000000000, not 111111111111"):
        open_writer(folder, changed)


def test_a_folder_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(SourceError, match="not empty"):
        open_writer(tmp_path, SET)
    with pytest.raises(SourceError, match="does not describe"):
        read_set(tmp_path)


def test_a_set_without_a_shard_cannot_be_read(tmp_path: Path) -> None:
    open_writer(tmp_path / "set", SET)
    with pytest.raises(SourceError, match="no whole shard"):
        read_set(tmp_path / "set")


def test_columns_of_one_shard_have_one_length(tmp_path: Path) -> None:
    writer = open_writer(tmp_path / "set", SET)
    with pytest.raises(ValueError, match="equal lengths"):
        writer.write(0, {"person": np.zeros(2), "residual": np.zeros((3, 4))})
    assert writer.missing() == (0, 1, 2)
