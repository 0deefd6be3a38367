"""Real attacks, recorded by whoever owns a camera: the recording, and a sheet that says what it shows.

A recording of depth alone has black colour and no infrared, which shows faces as well. Where the face was and where its
eyes, nose and mouth were is kept as numbers, frame by frame: liveness needs them, and nobody is known by them.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final, TypeAlias

import msgspec
import numpy as np
import yaml

from kinect_unlock.errors import RecordingError
from kinect_unlock.frames import Frame, Origin
from kinect_unlock.observations import Box, Detection
from kinect_unlock.pipeline import FaceDetector
from kinect_unlock.sources.base import FrameSource
from kinect_unlock_lab.attack.exhibit import Species

FORMAT: Final = 1
CONSENT: Final = (
    "Everybody who can be seen or is depicted has agreed that this recording is made, kept and used to test liveness."
)
#: What can be held before a camera; streams that are tampered with are no matter of cameras.
HELD: Final = tuple(
    species
    for species in Species
    if species not in {Species.DEPTH_INJECTED, Species.COLOR_INJECTED, Species.FROZEN, Species.LOOPED, Species.SHIFTED}
)
_Millimetres: TypeAlias = Annotated[float, msgspec.Meta(gt=0.0)]


class FaceAt(msgspec.Struct, frozen=True):
    """Where the best face of a frame was, in pixels: x, y, width and height, and five landmarks."""

    seq: int
    box_px: tuple[float, float, float, float]
    landmarks_px: tuple[tuple[float, float], ...]
    score: float

    @classmethod
    def of(cls, seq: int, found: Detection) -> "FaceAt":
        """Round a detection to a hundredth of a pixel."""
        box = found.box
        edges = tuple(round(float(edge), 2) for edge in (box.x_px, box.y_px, box.width_px, box.height_px))
        points = tuple((round(float(x), 2), round(float(y), 2)) for x, y in found.landmarks_px)
        x, y, width, height = edges
        return cls(seq, (x, y, width, height), points, round(found.score, 3))

    @property
    def detection(self) -> Detection:
        """The same as the detector found it."""
        return Detection(Box(*self.box_px), self.score, np.array(self.landmarks_px, np.float32))


class Sheet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a recording shows; the unit is one instrument made of one person."""

    format: int = FORMAT
    species: Species
    person: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,32}$")]  # a made-up name, the same in every file
    instrument: Annotated[str, msgspec.Meta(min_length=3, max_length=200)]  # paper, ink, screen, resin ...
    width_mm: _Millimetres
    height_mm: _Millimetres
    distance_mm: _Millimetres
    motion: str
    depth_only: bool
    consent: str = CONSENT
    notes: str = ""

    def provenance(self) -> dict[str, object]:
        """Return what the recording itself says of it."""
        return {"made_by": "kinect-unlock lab attack record", "attack": msgspec.to_builtins(self)}


class DepthAlone:
    """A source without its colours; keeps where faces were."""

    def __init__(self, source: FrameSource, detector: FaceDetector) -> None:
        self._source = source
        self._detector = detector
        self.faces: list[FaceAt] = []

    @property
    def origin(self) -> Origin:
        """Where the frames come from."""
        return self._source.origin

    def open(self) -> None:
        """Open the source; raises as it does."""
        self._source.open()

    def read(self, timeout_s: float) -> Frame | None:
        """Return the next frame's depth under black; raises as the source does."""
        frame = self._source.read(timeout_s)
        if frame is None:
            return None
        found = self._detector.detect(frame.color)
        if found:
            self.faces.append(FaceAt.of(frame.seq, found[0]))
        return replace(frame, color=np.zeros_like(frame.color), infrared=None)

    def close(self) -> None:
        """Close the source."""
        self._source.close()


def sheet_path(recording: Path) -> Path:
    """Return where the sheet of a recording lies."""
    return recording.with_suffix(".yaml")


def write_sheet(recording: Path, sheet: Sheet, done: Mapping[str, Any], faces: Sequence[FaceAt]) -> Path:
    """Write a recording's sheet beside it as a new file of mode 0600; ``done`` says how the recording went.

    Raises:
        RecordingError: it cannot be written.
    """
    path = sheet_path(recording)
    content = {
        "recording": recording.name,
        "sheet": msgspec.to_builtins(sheet),
        "recorded": dict(done),
        "faces": msgspec.to_builtins(tuple(faces)),
    }
    try:
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, default_flow_style=None, width=120)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as fault:
        raise RecordingError(f"{path}: the sheet cannot be written ({fault.strerror})") from fault
    return path


def read_sheet(recording: Path) -> tuple[Sheet, tuple[FaceAt, ...]]:
    """Read a recording's sheet.

    Raises:
        RecordingError: there is none, or it lacks something.
    """
    path = sheet_path(recording)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return (
            msgspec.convert(content["sheet"], Sheet),
            msgspec.convert(content["faces"], tuple[FaceAt, ...]),
        )
    except (OSError, yaml.YAMLError, msgspec.ValidationError, KeyError, TypeError) as fault:
        raise RecordingError(f"{path}: no sheet can be read from it ({fault})") from fault
