"""Whose likeness is stolen: people of a data set, of recordings, or of photographs whose distance has to be assumed.

Every victim comes in one grid of pixels, cut out around the head: what attacks are made in.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import hypot
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from kinect_unlock.align import register_full
from kinect_unlock.arrays import F64, U8
from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.errors import SourceError
from kinect_unlock.frames import Calibration, Frame, Intrinsics, Registered
from kinect_unlock.observations import Detection, HeadPose, Observation
from kinect_unlock.recording import RecordingReader
from kinect_unlock_lab.attack.exhibit import Steps, Victim
from kinect_unlock_lab.attack.looking import JUDGED, Looker
from kinect_unlock_lab.datasets import RGBD_FACES_CALIBRATION, RGBD_FACES_CAMERA, Capture, Photograph
from kinect_unlock_lab.takes import EVERY, Take

SHIPPED: Final = ("owner-enrols", "owner-returns", "stranger")  # recordings that show living people
OTHERS: Final = 4  # people whose heads an attacker can borrow
_CUT_PX: Final = (160, 200)  # of a frame, at the depth camera's scale: a head at 0.5 m and its shoulders
_BOX_WIDTH_MM: Final = 145.0  # of the detector's box on a face of rgbd-faces: median of 120 to 176
_PHOTOGRAPHED_AT_MM: Final = 800.0


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """A capture and what the product saw in it."""

    capture: Capture
    frame: Frame
    observation: Observation

    @property
    def turn_deg(self) -> float:
        """Angle between the look and the camera, near enough; infinite without a pose."""
        face = self.observation.face
        return float("inf") if face is None else hypot(face.pose.yaw_deg, face.pose.pitch_deg)


def shipped_takes(*, every: int = EVERY) -> tuple[Take, ...]:
    """Return frames of the shipped recordings of people who do not exist: what anybody has."""
    return takes_of([folder_of_recordings() / f"{name}.mkv" for name in SHIPPED], every=every)


def takes_of(paths: Iterable[Path], *, every: int = EVERY) -> tuple[Take, ...]:
    """Read every n-th frame of recordings; a person's name is the file's up to the first dash.

    Raises:
        SourceError: one cannot be read.
    """
    takes: list[Take] = []
    for path in paths:
        with RecordingReader(path) as reader:
            takes += [
                Take(path.stem.partition("-")[0], f"{path.stem}-{number}", frame)
                for number, frame in enumerate(reader)
                if number % every == 0
            ]
    return tuple(takes)


def looked_at(capture: Capture, looker: Looker) -> Looked:
    """Look at a capture in one grid.

    Raises:
        SourceError: a file cannot be read.
    """
    frame = in_one_grid(capture.frame(), looker)
    return Looked(capture, frame, looker.look(frame))


def in_one_grid(frame: Frame, looker: Looker) -> Frame:
    """Return a frame with depth registered to colour; of a whole view what is around the best face.

    One without a face, or without depth, comes back as it is: nothing can be made of it.
    """
    calibration = frame.calibration
    if calibration is None or frame.depth_mm is None or calibration.depth_to_color == Registered():
        return frame
    found = looker.detector.detect(frame.color)
    return _cut_out(frame, calibration, found[0]) if found else frame


def victim_of(person: str, looks: Sequence[Looked]) -> Victim | None:
    """Choose the look that an attacker would steal: in range and least turned away; None without any.

    Whether liveness called it live does not choose: whose face is refused has a face that can be stolen.
    """
    usable = [one for one in looks if one.observation.seen in JUDGED]
    if not usable:
        return None
    best = min(usable, key=lambda one: one.turn_deg)
    face = best.observation.face
    if face is None or best.frame.calibration is None:
        return None
    return Victim(person, best.frame, face.detection, face.pose, _steps(best.frame.calibration))


def victims_of(looks: Sequence[Looked]) -> list[Victim]:
    """Choose a look of everybody, in the order of their names; whoever has none is left out."""
    people = sorted({one.capture.person for one in looks})
    found = (victim_of(person, [one for one in looks if one.capture.person == person]) for person in people)
    return [one for one in found if one is not None]


def photographed(photograph: Photograph, looker: Looker, *, person: str) -> Victim | None:
    """Make a victim of a colour photograph, as if taken from 0.8 m by the depth camera's eye; None without a face.

    The photograph is scaled so that the detector's box has the width it has on faces of that distance.
    """
    color = photograph.color()
    found = looker.detector.detect(color)
    if not found:
        return None
    face, camera = found[0], RGBD_FACES_CAMERA
    scale = _BOX_WIDTH_MM * camera.fx_px / _PHOTOGRAPHED_AT_MM / face.box.width_px
    middle = (face.landmarks_px[:2].mean(axis=0) + face.landmarks_px[3:].mean(axis=0)) / 2
    shift = np.array((camera.cx_px, camera.cy_px)) - scale * middle
    move = np.array(((scale, 0.0, shift[0]), (0.0, scale, shift[1])))
    size = (camera.width_px, camera.height_px)
    shown = cv2.warpAffine(_softened(color, scale), move, size, flags=cv2.INTER_LINEAR).astype(np.uint8, copy=False)
    box = replace(
        face.box,
        x_px=scale * face.box.x_px + float(shift[0]),
        y_px=scale * face.box.y_px + float(shift[1]),
        width_px=scale * face.box.width_px,
        height_px=scale * face.box.height_px,
    )
    landmarks = (scale * face.landmarks_px + shift).astype(np.float32)
    frame = Frame(0, 1, shown, None, RGBD_FACES_CALIBRATION)
    pose = HeadPose(_PHOTOGRAPHED_AT_MM, 0.0, 0.0, 0.0)
    return Victim(person, frame, Detection(box, face.score, landmarks), pose)


def others_for(place: int, victims: Sequence[Victim]) -> tuple[Victim, ...]:
    """Return the next few people after a victim, round the list, whose heads may be borrowed: those with depth."""
    person = victims[place].person
    after = [*victims[place + 1 :], *victims[:place]]
    return tuple(one for one in after if one.person != person and one.frame.depth_mm is not None)[:OTHERS]


def _softened(color: U8, scale: float) -> U8:
    """Blur what would alias when it is made smaller."""
    if scale >= 1.0:
        return color
    return cv2.GaussianBlur(color, (0, 0), 0.4 / scale).astype(np.uint8, copy=False)


def _steps(calibration: Calibration) -> Steps:
    """Return how readings are kept: the registered data set's are rounded, recordings are as the sensor gave them."""
    return "coarse" if calibration == RGBD_FACES_CALIBRATION else "none"


def _cut_out(frame: Frame, calibration: Calibration, face: Detection) -> Frame:
    """Register depth to colour and cut both out around a face, at about the depth camera's scale."""
    if frame.depth_mm is None:
        raise SourceError("a frame without depth cannot be registered")
    whole = register_full(frame.depth_mm, calibration)
    rows, columns = whole.depth_mm.shape
    middle: F64 = whole.cells(face.landmarks_px.mean(axis=0))
    left, top = (
        int(np.clip(round(float(at) - size / 2), 0, max(0, limit - size)))
        for at, size, limit in zip(middle, _CUT_PX, (columns, rows), strict=True)
    )
    width, height = min(_CUT_PX[0], columns - left), min(_CUT_PX[1], rows - top)
    step, seen = whole.step_px, calibration.color
    x0, y0 = whole.x0_px + left * step, whole.y0_px + top * step
    move = np.array(((1 / step, 0.0, -x0 / step), (0.0, 1 / step, -y0 / step)))
    color = cv2.warpAffine(_softened(frame.color, 1 / step), move, (width, height)).astype(np.uint8, copy=False)
    camera = _scaled(seen, width, height, step, (x0, y0))
    depth = np.rint(whole.depth_mm[top : top + height, left : left + width]).astype(np.uint16)
    return Frame(frame.seq, frame.captured_ns, color, depth, Calibration(camera, camera, Registered()))


def _scaled(
    camera: Intrinsics, width_px: int, height_px: int, step_px: float, origin_px: tuple[float, float]
) -> Intrinsics:
    """Return a camera's intrinsics for a part of its image, every ``step_px``-th pixel of it."""
    return replace(
        camera,
        width_px=width_px,
        height_px=height_px,
        fx_px=camera.fx_px / step_px,
        fy_px=camera.fy_px / step_px,
        cx_px=(camera.cx_px - origin_px[0]) / step_px,
        cy_px=(camera.cy_px - origin_px[1]) / step_px,
    )
