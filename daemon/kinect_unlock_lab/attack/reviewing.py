"""What the product says of attacks that were really recorded, by the sheets beside them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kinect_unlock.arrays import U8
from kinect_unlock.frames import Frame
from kinect_unlock.observations import Box, Detection, Seen
from kinect_unlock.recording import RecordingReader
from kinect_unlock.settings import Config
from kinect_unlock_lab.attack.contributing import FaceAt, Sheet, read_sheet
from kinect_unlock_lab.attack.looking import JUDGED, Looker, looker


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One recording: how many of its frames were judged and found live, and what refused the others."""

    name: str
    sheet: Sheet
    frames: int
    seen: dict[str, int]
    refused_by: dict[str, int]  # enforced cues, in how many frames

    @property
    def judged(self) -> int:
        """Frames that liveness was asked about."""
        return sum(self.seen.get(seen.value, 0) for seen in JUDGED)

    @property
    def live(self) -> int:
        """Frames that were taken for a living face."""
        return self.seen.get(Seen.FACE.value, 0)


def review(recording: Path, config: Config) -> Reviewed:
    """Look at every frame of a contributed recording as at one attempt.

    Where its colour was left out, faces are where the sheet says.

    Raises:
        RecordingError: the recording or its sheet cannot be read.
        SourceError: the recording contradicts its own calibration.
    """
    sheet, faces = read_sheet(recording)
    told = Told(faces)
    look = (Looker(told, config) if sheet.depth_only else looker(config)).begin()
    seen, refused, count = Counter[str](), Counter[str](), 0
    with RecordingReader(recording) as reader:
        for frame in reader:
            observation = look(told.colored(frame) if sheet.depth_only else frame)
            report = observation.liveness
            seen[observation.seen.value] += 1
            refused.update(cue.name for cue in (report.cues if report else ()) if cue.enforced and not cue.holds)
            count += 1
    return Reviewed(recording.name, sheet, count, dict(seen), dict(refused))


class Told:
    """Stands for the detector: knows from a sheet where each frame's face was."""

    def __init__(self, faces: Sequence[FaceAt]) -> None:
        self._faces = {face.seq: face.detection for face in faces}
        self._seq = -1

    def colored(self, frame: Frame) -> Frame:
        """Take the next frame; its colour becomes grain, since what is black would count as blurred."""
        self._seq = frame.seq
        grain = np.random.default_rng(0).integers(0, 256, frame.color.shape, np.uint8)
        return replace(frame, color=grain)

    def detect(self, color: U8, within: Box | None = None) -> tuple[Detection, ...]:  # noqa: ARG002 - as it was told
        """Return the face of the frame that was taken last, none where there was none."""
        face = self._faces.get(self._seq)
        return () if face is None else (face,)
