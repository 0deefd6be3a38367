"""The evaluation data as samples and frames, and the one split of its people.

The images stay where they are: nothing here copies, caches or derives a picture of a person. Person ids are the unit
of every split; `split` says on which side of the development data a person stands.
"""

import csv
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np

from kinect_unlock.arrays import U8, U16
from kinect_unlock.errors import SourceError
from kinect_unlock.frames import Calibration, Frame, Intrinsics, Registered

# The 119x149 middle of the Kinect v2's 512x424 depth image at native scale; distortion is not known and small there.
RGBD_FACES_CAMERA: Final = Intrinsics(width_px=119, height_px=149, fx_px=365.0, fy_px=365.0, cx_px=59.0, cy_px=74.0)
RGBD_FACES_CALIBRATION: Final = Calibration(RGBD_FACES_CAMERA, RGBD_FACES_CAMERA, Registered())
_RGBD_COLUMNS: Final = ("person", "year", "pose", "rgb", "depth", "near_frontal")


@unique
class Side(StrEnum):
    """A half of the development people: bounds are chosen on TUNE, figures are stated on REPORT."""

    TUNE = "tune"
    REPORT = "report"


def split(person: str) -> Side:
    """Say on which side a person stands, for ever: by the parity of the CRC-32 of the id, even is TUNE.

    Of the 104 people of rgbd-faces 54 (16 of 2017, 38 of 2019) are TUNE and 50 (15 and 35) REPORT. A person is never
    on both sides, and no list has to be kept.
    """
    return Side.REPORT if zlib.crc32(person.encode()) & 1 else Side.TUNE


class Capture(Protocol):
    """What evaluation needs of a sample, whichever data set it is of."""

    @property
    def person(self) -> str:
        """Who it is: the unit of every split."""
        ...

    @property
    def name(self) -> str:
        """The sample's name among its person's."""
        ...

    @property
    def group(self) -> str:
        """The set-up it was taken in (place, light, camera); strangers of two set-ups are easier to tell apart."""
        ...

    @property
    def near_frontal(self) -> bool:
        """True where the data set itself says that the head is not turned."""
        ...

    def frame(self, seq: int = 0, captured_ns: int = 0) -> Frame:
        """Read it; raises `SourceError` for a bad file."""
        ...


@dataclass(frozen=True, slots=True)
class Sample:
    """One registered colour and depth pair of a person of rgbd-faces."""

    person: str
    year: int
    pose: str  # front random left right up down free, as the source named it; a few are wrong
    rgb_path: Path
    depth_path: Path
    near_frontal: bool

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.rgb_path.stem.removesuffix("_rgb")

    @property
    def group(self) -> str:
        """The year: 2017 and 2019 had other rooms and other distances."""
        return str(self.year)

    def frame(self, seq: int = 0, captured_ns: int = 0) -> Frame:
        """Read the pair as a frame with the dataset's nominal calibration; raises `SourceError` for a bad file."""
        return Frame(
            seq=seq,
            captured_ns=captured_ns,
            color=read_color(self.rgb_path),
            depth_mm=_read_depth(self.depth_path),
            calibration=RGBD_FACES_CALIBRATION,
        )


@dataclass(frozen=True, slots=True)
class Photograph:
    """One colour photograph of a person, without depth: it can identify, never unlock."""

    person: str
    path: Path

    def color(self) -> U8:
        """Read the photograph as RGB u8[H,W,3]; raises `SourceError` for a bad file."""
        return read_color(self.path)


def load_rgbd_faces(folder: Path) -> tuple[Sample, ...]:
    """List the samples of an RGB-D folder in the order of its ``index.csv``; raises `SourceError`."""
    index = folder / "index.csv"
    reader = csv.DictReader(_lines(index))
    missing = set(_RGBD_COLUMNS) - set(reader.fieldnames or ())
    if missing:
        raise SourceError(f"{index}: columns {sorted(missing)} are missing; expected {','.join(_RGBD_COLUMNS)}")
    return tuple(_sample(folder, f"{index}:{number}", row) for number, row in enumerate(reader, start=2))


def load_lfw(folder: Path) -> tuple[Photograph, ...]:
    """List LFW's photographs, sorted by path; raises `SourceError` where there are none."""
    photographs = tuple(Photograph(path.parent.name, path) for path in sorted(folder.glob("*/*.jpg")))
    if not photographs:
        raise SourceError(f"{folder}: no <Name>/<Name>_NNNN.jpg in it; expected the LFW folder")
    return photographs


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: cannot be read ({error}); give the folder that holds it") from error


def _sample(folder: Path, where: str, row: Mapping[str, str | None]) -> Sample:
    fields = {name: row.get(name) for name in _RGBD_COLUMNS}
    person, year, pose, rgb, depth, near_frontal = (value or "" for value in fields.values())
    if not (person and rgb and depth and year.isdecimal() and near_frontal in {"0", "1"}):
        raise SourceError(f"{where}: {fields} is no sample; expected person, year, pose, two paths and 0 or 1")
    return Sample(
        person=person,
        year=int(year),
        pose=pose,
        rgb_path=folder / rgb,
        depth_path=folder / depth,
        near_frontal=near_frontal == "1",
    )


def read_color(path: Path) -> U8:
    """Read an image file as RGB u8[H,W,3]; raises `SourceError` for a bad file."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise SourceError(f"{path}: no colour image can be read from it")
    return np.ascontiguousarray(image[:, :, ::-1]).astype(np.uint8, copy=False)


def _read_depth(path: Path) -> U16:
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None or image.dtype != np.uint16 or image.ndim != 2:
        raise SourceError(f"{path}: expected a depth image of one 16-bit channel in millimetres")
    return image.astype(np.uint16, copy=False)
