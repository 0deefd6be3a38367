"""A verification set's own list of pairs, in LFW's format.

First line: folds, and pairs of each sort in a fold. Then for each fold so many lines ``name, n1, n2`` of one person and
as many ``name1, n1, name2, n2`` of two, between tabulators; sample n of a person is called ``name_000n``.
"""

from pathlib import Path

import numpy as np

from kinect_unlock.errors import SourceError
from kinect_unlock_lab.protocols import I64, Names


def read_pairs(folder: Path, samples: Names) -> I64 | None:
    """Return the rows i64[M,2] of ``samples`` that a folder's ``pairs*.txt`` compares, None where it has no such file.

    Pairs of samples that are not there, as when only some of the people are looked at, are left out.

    Raises:
        SourceError: the file is not of this format.
    """
    path = next(iter(sorted(folder.glob("pairs*.txt"))), None)
    if path is None:
        return None
    row_of = {str(name): row for row, name in enumerate(samples)}
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()[1:], start=2):
        first, second = _names(line, f"{path}:{number}")
        if first in row_of and second in row_of:
            found.append((row_of[first], row_of[second]))
    return np.array(found, np.int64).reshape(-1, 2)


def _names(line: str, where: str) -> tuple[str, str]:
    match line.split("\t"):
        case [name, one, other] if one.isdecimal() and other.isdecimal():
            return f"{name}_{int(one):04d}", f"{name}_{int(other):04d}"
        case [name, one, another, other] if one.isdecimal() and other.isdecimal():
            return f"{name}_{int(one):04d}", f"{another}_{int(other):04d}"
        case _:
            raise SourceError(f"{where}: {line!r} is no pair; expected name, n1, n2 or name1, n1, name2, n2")
