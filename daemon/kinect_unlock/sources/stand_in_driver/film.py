"""A recording, again and again, as the pictures a Kinect v2 gives.

Colour is enlarged and depth laid out as `kinect_unlock.sources.stand_in_driver.geometry` says, and both are mirrored
as libfreenect2 mirrors: what comes of it has a Kinect's sizes and costs what a Kinect's frames cost. A camera never
gives one depth image twice, and a stream that does is refused: from the second time on every reading is moved by at
most 1 mm, less than a Kinect's own noise, and each time by other amounts. A recording
without infrared gets a *drawn* one: the colour's brightness where each depth reading falls, darker with the square of
the distance as under a lamp beside the camera. It is bright where a face is, and proves plumbing; nothing about
infrared can be measured with it.
"""

from collections.abc import Generator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from kinect_unlock.align import landed
from kinect_unlock.arrays import F32, U8, U16
from kinect_unlock.errors import SourceError
from kinect_unlock.frames import Frame
from kinect_unlock.recording import RecordingReader
from kinect_unlock.sources.kinect_v2_frames import mirrored
from kinect_unlock.sources.stand_in_driver.geometry import (
    COLOR_HEIGHT_PX,
    COLOR_WIDTH_PX,
    DEPTH_HEIGHT_PX,
    DEPTH_WIDTH_PX,
    kinect_form,
)

Image: TypeAlias = NDArray[np.uint8] | NDArray[np.float32]

_KEPT_FRAMES: Final = 64  # of a short recording, decoded: at most 75 MB, for half of what a frame costs otherwise

_UNREST_MM: Final = 1
_UNREST_TURNS: Final = 4096  # times that a recording is played before its unrest comes again: over half an hour of 20

_LAMP: Final = 64.0  # counts per grey level at 1 m: a face at 0.7 m comes near 20 000 of 65 535, as a Kinect's does
_LAMP_AT_MM: Final = 1000.0
_IR_MAX: Final = 65535.0


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Picture:
    """One moment in a Kinect's form; the arrays are the taker's own.

    ``color`` u8[1080,1920,4] BGRX, ``depth_mm`` f32[424,512] (0 = no reading), ``infrared`` f32[424,512] 0..65535.
    A damaged one may have other sizes, or lack its depth.
    """

    color: U8
    depth_mm: F32 | None
    infrared: F32


class Film:
    """Plays a recording for ever; `close` it."""

    def __init__(self, path: Path) -> None:
        """Open the recording.

        Raises:
            RecordingError: it cannot be read.
            SourceError: a Kinect cannot be made of it.
        """
        self._path = path
        with RecordingReader(path) as reader:
            self._form = kinect_form(reader.calibration)
            self._is_short = (reader.frame_count or _KEPT_FRAMES + 1) <= _KEPT_FRAMES
        self.calibration = mirrored(self._form.calibration)
        self._unrest_mm = _unrest_mm()
        self._frames = self._endless()

    def next(self) -> Picture:
        """Return the next picture; the first follows the last.

        Raises:
            RecordingError: the recording is damaged.
        """
        times_played, frame = next(self._frames)
        return self._as_kinect(frame, times_played)

    def close(self) -> None:
        """Close the file."""
        self._frames.close()

    def _endless(self) -> Generator[tuple[int, Frame], None, None]:
        """Yield each frame with how often it was given before."""
        kept: list[Frame] = []
        for times_played in count():
            if kept:
                yield from ((times_played, frame) for frame in kept)
                continue
            with RecordingReader(self._path) as reader:
                for frame in reader:
                    if self._is_short:
                        kept.append(frame)
                    yield times_played, frame

    def _as_kinect(self, frame: Frame, times_played: int) -> Picture:
        if frame.depth_mm is None:
            raise SourceError(f"{self._path}: frame {frame.seq} has no depth")
        by, (left, top) = self._form.enlarged_by, self._form.color_at_px
        small = cv2.flip(cv2.cvtColor(frame.color, cv2.COLOR_RGB2BGRA), 1)
        height, width = small.shape[0] * by, small.shape[1] * by
        right = COLOR_WIDTH_PX - left
        color = np.zeros((COLOR_HEIGHT_PX, COLOR_WIDTH_PX, 4), np.uint8)
        cv2.resize(small, (width, height), dst=color[top : top + height, right - width : right])
        infrared = self._laid_out(_drawn_infrared(frame) if frame.infrared is None else frame.infrared)
        return Picture(color, self._restless(self._laid_out(frame.depth_mm), times_played), infrared)

    def _restless(self, depth_mm: F32, times_played: int) -> F32:
        """Return a depth image as a camera would see the same again; what was no reading stays none."""
        if times_played == 0:
            return depth_mm
        begin = times_played % _UNREST_TURNS
        unrest_mm = self._unrest_mm[begin : begin + depth_mm.size].reshape(depth_mm.shape)
        return np.where(depth_mm > 0, depth_mm + unrest_mm, np.float32(0))

    def _laid_out(self, plane: U16 | F32) -> F32:
        left, top = self._form.depth_at_px
        height, width = plane.shape
        right = DEPTH_WIDTH_PX - left
        whole = np.zeros((DEPTH_HEIGHT_PX, DEPTH_WIDTH_PX), np.float32)
        whole[top : top + height, right - width : right] = plane[:, ::-1]
        return whole


def _unrest_mm() -> F32:
    """Return whole millimetres f32[n], of which each time that a recording is played takes a stretch of its own."""
    readings = DEPTH_HEIGHT_PX * DEPTH_WIDTH_PX + _UNREST_TURNS
    drawn = np.random.default_rng(0).integers(-_UNREST_MM, _UNREST_MM, readings, np.int8, endpoint=True)
    return drawn.astype(np.float32)


def _drawn_infrared(frame: Frame) -> F32:
    """Return f32[h,w] on the depth grid; 0 where there is no reading or colour does not see."""
    if frame.depth_mm is None or frame.calibration is None:
        raise SourceError(f"frame {frame.seq} has no depth to draw infrared from")
    x_px, y_px, z_mm = landed(frame.depth_mm, frame.calibration, 1)
    luma = cv2.cvtColor(frame.color, cv2.COLOR_RGB2GRAY)
    seen = cv2.remap(luma, x_px, y_px, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        lit = seen.astype(np.float32) * np.float32(_LAMP) * (np.float32(_LAMP_AT_MM) / z_mm) ** 2
    return np.where(z_mm > 0, np.minimum(lit, np.float32(_IR_MAX)), np.float32(0))
