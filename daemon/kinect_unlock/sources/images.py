"""A folder of colour and depth images in place of a camera.

The folder holds pairs ``NAME_rgb.png`` (8-bit colour) and ``NAME_depth.png`` (one 16-bit channel, millimetres, 0 = no
reading), and one ``intrinsics.yaml`` or ``intrinsics.json`` for all of them in the form that
`kinect_unlock.calibration` describes. The pairs are given in the order of their names, as if captured at 30 Hz.
"""

import json
from pathlib import Path
from typing import Final

import yaml

from kinect_unlock.calibration import EXAMPLE, calibration_from_plain
from kinect_unlock.clock import Clock
from kinect_unlock.errors import SourceError
from kinect_unlock.frames import Calibration, Frame, Intrinsics, Origin
from kinect_unlock.settings import Pace
from kinect_unlock.sources.base import EndOfStream
from kinect_unlock.sources.pacing import Pacer
from kinect_unlock.sources.pictures import read_color, read_gray16

INTERVAL_NS: Final = 33_333_333

_COLOR_ENDING: Final = "_rgb.png"
_DEPTH_ENDING: Final = "_depth.png"
_INTRINSICS: Final = ("intrinsics.yaml", "intrinsics.yml", "intrinsics.json")


class ImagesSource:
    """Gives one frame for each pair, once; its clock starts at 0."""

    origin = Origin.IMAGES

    def __init__(self, folder: Path, *, pace: Pace, clock: Clock) -> None:
        self.folder = folder
        self._pacer = Pacer(pace, clock)
        self._calibration: Calibration | None = None
        self._pairs: list[Path] = []
        self._given = 0
        self._next: Frame | None = None

    def open(self) -> None:
        """Find the pairs and read their calibration.

        Raises:
            SourceError: folder, calibration or half of a pair is missing, or the calibration cannot be used.
        """
        self._pairs = _colors_with_depth(self.folder)
        self._calibration = _read_intrinsics(self.folder)

    def read(self, timeout_s: float) -> Frame | None:
        """Return the next frame when it is due, or None if that is later than in ``timeout_s``.

        Raises:
            EndOfStream: the last pair has been given.
            SourceError: the source is not open, or the next pair cannot be used.
        """
        if self._calibration is None:
            raise SourceError(f"{self.folder}: is not open for reading images")
        if self._given == len(self._pairs):
            raise EndOfStream
        if self._next is None:
            self._next = self._load(self._calibration)
        if not self._pacer.wait_for(self._next.captured_ns, timeout_s):
            return None
        frame, self._next = self._next, None
        self._given += 1
        return frame

    def close(self) -> None:
        """End, and end a read that waits."""
        self._pacer.release()
        self._calibration = None

    def _load(self, calibration: Calibration) -> Frame:
        color_path = self._pairs[self._given]
        depth_path = _partner(color_path)
        color = read_color(color_path)
        depth_mm = read_gray16(depth_path)
        for path, shape, camera in (
            (color_path, color.shape, calibration.color),
            (depth_path, depth_mm.shape, calibration.depth),
        ):
            _require_size(path, shape, camera)
        return Frame(
            seq=self._given,
            captured_ns=self._given * INTERVAL_NS,
            color=color,
            depth_mm=depth_mm,
            calibration=calibration,
        )


def _partner(color: Path) -> Path:
    return color.with_name(color.name.removesuffix(_COLOR_ENDING) + _DEPTH_ENDING)


def _colors_with_depth(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise SourceError(f"{folder}: is not a folder that can be read; name one with *{_COLOR_ENDING} images")
    colors = sorted(folder.glob("*" + _COLOR_ENDING))
    if not colors:
        raise SourceError(f"{folder}: holds no image pair; put NAME{_COLOR_ENDING} and NAME{_DEPTH_ENDING} there")
    alone = [color for color in colors if not _partner(color).is_file()]
    if alone:
        raise SourceError(
            f"{alone[0]}: has no {_partner(alone[0]).name} beside it ({len(alone)} of {len(colors)} lack theirs); "
            "add it, or take the colour image away"
        )
    return colors


def _read_intrinsics(folder: Path) -> Calibration:
    path = next((folder / name for name in _INTRINSICS if (folder / name).is_file()), None)
    if path is None:
        raise SourceError(
            f"{folder}: has no {_INTRINSICS[0]} or {_INTRINSICS[2]}; without the cameras' calibration depth cannot be "
            f"measured. For example, with your camera's numbers:\n\n{EXAMPLE}"
        )
    try:
        # Not JSON by the YAML loader: to YAML 1.1 the 1e-05 that programs write is a text.
        load = json.loads if path.suffix == ".json" else yaml.safe_load
        return calibration_from_plain(load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, yaml.YAMLError) as error:
        raise SourceError(f"{path}: is not a usable calibration: {error}. For example:\n\n{EXAMPLE}") from error


def _require_size(path: Path, shape: tuple[int, ...], camera: Intrinsics) -> None:
    if shape[:2] != (camera.height_px, camera.width_px):
        raise SourceError(
            f"{path}: is {shape[1]}x{shape[0]} pixels, but the intrinsics are for "
            f"{camera.width_px}x{camera.height_px}; a folder holds images of one camera in one size"
        )
