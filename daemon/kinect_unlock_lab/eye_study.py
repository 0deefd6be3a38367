"""How well open eyes are told from shut ones: on invented people, where the truth is known, and on photographs.

Unit is the face, its value the mean of its eyes. Of photographs nobody has labelled which eyes are shut: what is
counted there is how many faces a bound would call shut, and nearly all of them are not.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.table import Table

from kinect_unlock.arrays import F32, F64, U8
from kinect_unlock.errors import SourceError
from kinect_unlock.observations import Detection
from kinect_unlock.pipeline import FaceDetector, FaceEyes
from kinect_unlock_lab.datasets import load_lfw, load_rgbd_faces, read_color
from kinect_unlock_lab.metrics import Interval, clopper_pearson, share_by_person
from kinect_unlock_lab.synthesis.eye_pictures import Eyes, openness

BOUNDS: Final = (0.1, 0.2, 0.5)
_ROUNDS: Final = 200
_REGISTERED_BELOW_PX: Final = 51.0  # from eye to eye; in the Kinect's own colour the farthest faces have more
_WITH_GLASSES: Final = "00"  # second part of a name in NUAA

_Bools: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Apart:
    """How well faces with open eyes and faces with shut ones are told apart under one condition.

    ``opened`` are shut ones above `BOUNDS`, ``shut`` open ones at or below them.
    """

    name: str
    shut_faces: int
    open_faces: int
    eer: Interval
    opened: tuple[float, ...]
    shut: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Called:
    """Of one set of photographs, how many faces each of `BOUNDS` would call shut; intervals by person."""

    name: str
    people: int
    faces: int
    shut: tuple[Interval, ...]


def told_apart(eyes: Eyes, shares: F32) -> tuple[Apart, ...]:
    """Compare what a network says of eyes f32[n] with the truth; faces with eyes half open or a wink are left out.

    A condition under which there are not both has no row.
    """
    truth, mean = openness(eyes.seen).reshape(-1, 2), shares.reshape(-1, 2).mean(axis=1)
    of_face = {name: getattr(eyes, name)[::2] for name in ("person", "glasses", "squint", "dim", "eye_to_eye_px")}
    is_open, is_shut = (truth == 1).all(axis=1), (truth == 0).all(axis=1)
    color = of_face["eye_to_eye_px"] >= _REGISTERED_BELOW_PX
    conditions = {
        "Kinect colour": color,
        "no glasses": color & ~of_face["glasses"],
        "glasses": color & of_face["glasses"],
        "squinting": color & (of_face["squint"] > 0.5),
        "dark, below 0.3": color & (of_face["dim"] < 0.3),
        "registered": ~color,
        "registered, no glasses": ~color & ~of_face["glasses"],
    }
    return tuple(
        _apart(name, mean[chosen], is_open[chosen], is_shut[chosen], of_face["person"][chosen])
        for name, chosen in conditions.items()
        if (chosen & is_open).any() and (chosen & is_shut).any()
    )


def _apart(name: str, score: F32, is_open: _Bools, is_shut: _Bools, person: NDArray[np.int64]) -> Apart:
    people, index = np.unique(person, return_inverse=True)
    random = np.random.default_rng(0)
    rounds = []
    for _ in range(_ROUNDS):
        weight = np.bincount(random.integers(0, len(people), len(people)), minlength=len(people))[index]
        rounds.append(_eer(score, is_open * weight, is_shut * weight))
    low, high = np.percentile(rounds, [2.5, 97.5])
    return Apart(
        name,
        int(is_shut.sum()),
        int(is_open.sum()),
        Interval(_eer(score, is_open * 1, is_shut * 1), float(low), float(high)),
        tuple(float((score[is_shut] > bound).mean()) for bound in BOUNDS),
        tuple(float((score[is_open] <= bound).mean()) for bound in BOUNDS),
    )


def _eer(score: F32, opens: NDArray[np.int64], shuts: NDArray[np.int64]) -> float:
    """Return the rate at which as many shut ones are called open as open ones shut; each face counts by its weight."""
    order = np.argsort(score)
    called_shut = np.cumsum(opens[order]) / max(1, int(opens.sum()))
    called_open = 1 - np.cumsum(shuts[order]) / max(1, int(shuts.sum()))
    nearest = int(np.abs(called_shut - called_open).argmin())
    return float((called_shut[nearest] + called_open[nearest]) / 2)


@dataclass(frozen=True, slots=True, eq=False)
class Photographs:
    """Photographs of people, by person and path, and whose face in them is meant."""

    name: str
    files: tuple[tuple[str, Path], ...]
    in_the_middle: bool = False  # else the largest


def rgbd_faces(folder: Path) -> Iterator[Photographs]:
    """Yield the colour of registered samples, those that face the camera apart from the others."""
    samples = load_rgbd_faces(folder)
    for name, frontal in (("rgbd-faces, near-frontal", True), ("rgbd-faces, the others", False)):
        yield Photographs(name, tuple((s.person, s.rgb_path) for s in samples if s.near_frontal is frontal))


def lfw(folder: Path) -> Iterator[Photographs]:
    """Yield LFW, whose person is in the middle."""
    yield Photographs("LFW", tuple((each.person, each.path) for each in load_lfw(folder)), in_the_middle=True)


def nuaa(folder: Path) -> Iterator[Photographs]:
    """Yield the live half of NUAA, with glasses and without; raises SourceError where there is none."""
    files = sorted((folder / "live").glob("*/*.jpg"))
    if not files:
        raise SourceError(f"{folder}: no live/<person>/<photograph>.jpg in it; expected the NUAA folder")
    for name, worn in (("NUAA live, glasses", True), ("NUAA live, no glasses", False)):
        chosen = [path for path in files if (path.name.split("_")[1:2] == [_WITH_GLASSES]) is worn]
        yield Photographs(name, tuple((path.parent.name, path) for path in chosen))


def called_shut(
    photographs: Photographs, detector: FaceDetector, reader: FaceEyes, *, on_done: Callable[[int], None]
) -> Called:
    """Count the faces that each bound would call shut; ``on_done`` is told how many photographs are done.

    Raises:
        SourceError: there is no photograph, or no face in any.
    """
    people: list[str] = []
    values: list[float] = []
    for number, (person, path) in enumerate(photographs.files, start=1):
        image = read_color(path)
        found = detector.detect(image)
        if found:
            meant = min(found, key=_off_middle(image)) if photographs.in_the_middle else max(found, key=_size_px)
            people.append(person)
            values.append(reader.eyes_open(image, meant))
        on_done(number)
    if not people:
        raise SourceError(f"{photographs.name}: no face was found in {len(photographs.files)} photographs")
    _, numbers = np.unique(people, return_inverse=True)
    value: F64 = np.array(values)
    shares = tuple(_share(value <= bound, numbers) for bound in BOUNDS)
    return Called(photographs.name, len(set(people)), len(values), shares)


def _share(events: _Bools, person: NDArray[np.int64]) -> Interval:
    """Return a share with its interval by person; where all fell out alike, that of as many trials as people."""
    if events.any() and not events.all():
        return share_by_person(events.astype(np.float64), person)
    people = len(np.unique(person))
    return clopper_pearson(float(events.mean()) * people, people)


def _size_px(found: Detection) -> float:
    return found.box.width_px * found.box.height_px


def _off_middle(image: U8) -> Callable[[Detection], float]:
    middle = np.array(image.shape[1::-1]) / 2
    return lambda found: float(np.linalg.norm(found.landmarks_px.mean(axis=0) - middle))


def apart_table(rows: Sequence[Apart]) -> Table:
    """Lay out what was told apart."""
    headings = (
        "",
        "shut / open",
        "EER %",
        *(f"at {bound:g}: shut called open / open called shut %" for bound in BOUNDS),
    )
    table = Table(*headings, box=SIMPLE_HEAD, padding=(0, 1))
    for row in rows:
        rates = (f"{100 * opened:.1f} / {100 * shut:.1f}" for opened, shut in zip(row.opened, row.shut, strict=True))
        table.add_row(row.name, f"{row.shut_faces} / {row.open_faces}", row.eer.percent(), *rates)
    return table


def called_table(rows: Sequence[Called]) -> Table:
    """Lay out what was called shut."""
    headings = ("", "people", "faces", *(f"at most {bound:g}" for bound in BOUNDS))
    table = Table(*headings, box=SIMPLE_HEAD, padding=(0, 1))
    for row in rows:
        table.add_row(row.name, str(row.people), str(row.faces), *(share.percent() for share in row.shut))
    return table


SETS: Final[Mapping[str, Callable[[Path], Iterator[Photographs]]]] = {"rgbd": rgbd_faces, "lfw": lfw, "nuaa": nuaa}
