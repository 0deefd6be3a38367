"""A set of samples as a folder: ``set.json`` says what it is, ``shard-00000.npz`` ... hold the arrays.

Every shard is a function of the set's description and its own number alone, so shards may be made in any order, by
any number of processes, again after an interruption, and come out the same to the byte. A shard is there whole or not
at all. Readers hold one shard at a time.
"""

import io
import os
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from kinect_unlock.errors import SourceError

Column: TypeAlias = NDArray[Any]
Columns: TypeAlias = Mapping[str, Column]

_DESCRIPTION: Final = "set.json"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the first date a zip can hold: no date of ours may change the bytes
_FAST: Final = 1  # zlib's level; 6 makes shards a twentieth smaller and takes four times as long


class HeadModelSource(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which head model the people were drawn from: its file's name and hash, and whom it comes from."""

    file: str
    sha256: str
    project: str
    licence: str


class SetDescription(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All that the arrays depend on; two sets with equal descriptions hold equal bytes.

    ``recipe`` names what made it, ``recipe_version`` grows with every change of that; person numbers run from 0 to
    ``people`` - 1, ``people_per_shard`` in each shard but the last, ``looks`` samples of each person at most.
    """

    recipe: str
    recipe_version: int
    seed: int
    people: int
    looks: int
    people_per_shard: int
    head_model: HeadModelSource
    options: dict[str, bool | int | float | str] = {}

    @property
    def shards(self) -> int:
        """How many shards the whole set has."""
        return -(-self.people // self.people_per_shard)

    def people_of(self, shard: int) -> range:
        """Return the numbers of the people in one shard."""
        return range(shard * self.people_per_shard, min(self.people, (shard + 1) * self.people_per_shard))


@dataclass(frozen=True, slots=True)
class ShardWriter:
    """Writes the shards of one set. Small and picklable: workers take it along. Make it with `open_writer`."""

    folder: Path
    description: SetDescription

    def missing(self) -> tuple[int, ...]:
        """Return the shards that are not there or are damaged."""
        numbers = range(self.description.shards)
        return tuple(number for number in numbers if _rows(_shard_path(self.folder, number)) is None)

    def write(self, number: int, columns: Columns) -> int:
        """Write one shard whole or not at all; return its rows.

        Raises SourceError if it cannot be written, ValueError if the columns differ in length.
        """
        rows = {len(column) for column in columns.values()}
        if len(rows) != 1:
            raise ValueError(f"columns of one shard must have equal lengths, got {sorted(rows)}")
        _replace(_shard_path(self.folder, number), _packed(columns))
        return rows.pop()


def open_writer(folder: Path, description: SetDescription) -> ShardWriter:
    """Begin a set, or go on with one that was begun with the same description.

    Raises SourceError if the folder holds something else or cannot be written.
    """
    if (folder / _DESCRIPTION).exists():
        differing = _differences(read_description(folder), description)
        if differing:
            raise SourceError(f"{folder}: was made with other options ({'; '.join(differing)}); give another folder")
    elif folder.exists() and not folder.is_dir():
        raise SourceError(f"{folder}: is a file; give a folder")
    elif folder.exists() and any(folder.iterdir()):
        raise SourceError(f"{folder}: is not empty and has no {_DESCRIPTION}; give another folder")
    else:
        _make(folder)
        encoded = msgspec.json.format(msgspec.json.encode(description))
        _replace(folder / _DESCRIPTION, lambda file: _write(file, encoded + b"\n"))
    for left in folder.glob("*.part"):  # of a run that was killed
        left.unlink(missing_ok=True)
    return ShardWriter(folder, description)


def read_description(folder: Path) -> SetDescription:
    """Read ``set.json``; raises SourceError."""
    path = folder / _DESCRIPTION
    try:
        return msgspec.json.decode(path.read_bytes(), type=SetDescription)
    except (OSError, msgspec.DecodeError) as error:
        raise SourceError(f"{path}: does not describe a set of samples ({error}); lab synthesise makes one") from error


@dataclass(frozen=True, slots=True)
class SampleSet:
    """A set on disk, with what is there of it. Nothing is held but the list of shards; make it with `read_set`.

    ``shard_rows`` are the rows of each shard in ``shards``, in the same order.
    """

    folder: Path
    description: SetDescription
    shards: tuple[int, ...]
    shard_rows: tuple[int, ...]

    def __len__(self) -> int:
        return sum(self.shard_rows)

    @property
    def complete(self) -> bool:
        """True if no shard is missing."""
        return len(self.shards) == self.description.shards

    def column(self, name: str) -> Column:
        """Return one whole column: meant for labels; a million maps of residuals do not fit in memory."""
        return np.concatenate([shard[name] for shard in self.each_shard(name)])

    def each_shard(self, *names: str) -> Iterator[dict[str, Column]]:
        """Go through the shards in order, reading only these columns (all if none is named)."""
        for number in self.shards:
            yield self.shard(number, *names)

    def chunks(self, rows: int, *names: str) -> Iterator[dict[str, Column]]:
        """Go through all samples in order, at most ``rows`` at a time."""
        for shard in self.each_shard(*names):
            length = len(next(iter(shard.values())))
            for first in range(0, length, rows):
                yield {name: column[first : first + rows] for name, column in shard.items()}

    def shard(self, number: int, *names: str) -> dict[str, Column]:
        """Read one shard's columns (all if none is named); raises SourceError."""
        path = _shard_path(self.folder, number)
        try:
            with np.load(path, allow_pickle=False) as archive:
                return {name: archive[name] for name in names or archive.files}
        except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise SourceError(f"{path}: cannot be read ({error}); run lab synthesise again to mend the set") from error

    def people(self) -> Iterator[tuple[int, dict[str, Column]]]:
        """Go through the people in order: their number and all their samples."""
        for shard in self.each_shard():
            person = shard["person"]
            for number in np.unique(person):
                chosen = person == number
                yield int(number), {name: column[chosen] for name, column in shard.items()}


def read_set(folder: Path) -> SampleSet:
    """Open a set of samples, finished or not; raises SourceError if there is none or nothing in it."""
    description = read_description(folder)
    rows = {number: _rows(_shard_path(folder, number)) for number in range(description.shards)}
    there = {number: count for number, count in rows.items() if count is not None}
    if not there:
        raise SourceError(f"{folder}: holds no whole shard yet; run lab synthesise to the end")
    return SampleSet(folder, description, tuple(there), tuple(there.values()))


def _differences(found: SetDescription, wanted: SetDescription) -> list[str]:
    before, after = _fields(found), _fields(wanted)
    names = sorted(before.keys() | after.keys())
    return [
        f"{name} {before.get(name, 'unset')}, not {after.get(name, 'unset')}"
        for name in names
        if before.get(name) != after.get(name)
    ]


def _fields(description: SetDescription) -> dict[str, object]:
    """Name everything that tells two sets apart; of the head model that is what is in it, not what it is called."""
    fields = msgspec.structs.asdict(description)
    del fields["options"]
    return {**fields, **description.options, "head_model": description.head_model.sha256[:12]}


def _shard_path(folder: Path, number: int) -> Path:
    return folder / f"shard-{number:05d}.npz"


def _rows(path: Path) -> int | None:
    """Return how many rows a shard has, by its headers alone; None if it is missing or damaged."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(archive.infolist()[0]) as member:
            version = np.lib.format.read_magic(member)
            header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, _ = header(member)
            return int(shape[0])
    except (OSError, ValueError, IndexError, EOFError, zipfile.BadZipFile):
        return None


def _packed(columns: Columns) -> Callable[[io.BufferedWriter], None]:
    def write(file: io.BufferedWriter) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            for name, column in columns.items():
                content = io.BytesIO()
                np.lib.format.write_array(content, np.ascontiguousarray(column), allow_pickle=False)
                # A member that is opened for writing would be packed at zlib's own level, whatever the archive's is.
                member = zipfile.ZipInfo(f"{name}.npy", _EPOCH)
                archive.writestr(member, content.getbuffer(), zipfile.ZIP_DEFLATED, _FAST)

    return write


def _write(file: io.BufferedWriter, content: bytes) -> None:
    file.write(content)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SourceError(f"{folder}: cannot be made ({error}); give a folder that can be written") from error


def _replace(path: Path, write: Callable[[io.BufferedWriter], None]) -> None:
    """Write a file beside its place, force it to the disk and move it there: never seen half-written."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise SourceError(f"{path}: cannot be written ({error}); is the disk full?") from error
