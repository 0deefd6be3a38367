"""Recordings as a data set: ``<person>/<anything>.mkv``, every so-many-th frame a sample."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kinect_unlock.errors import SourceError
from kinect_unlock.frames import Frame
from kinect_unlock.recording import RecordingReader

EVERY: Final = 10  # a third of a second at 30 Hz: nearer frames are hardly different samples


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """One frame of a person's recording, held in memory: reading it again means decoding all before it."""

    person: str
    name: str
    held: Frame

    @property
    def group(self) -> str:
        """All recordings count as one set-up."""
        return "recordings"

    @property
    def near_frontal(self) -> bool:
        """Not known of a recording; what the pose says decides."""
        return False

    def frame(self, seq: int = 0, captured_ns: int = 0) -> Frame:
        """Return the frame under another number and time."""
        held = self.held
        return Frame(seq, captured_ns, held.color, held.depth_mm, held.calibration, held.infrared)


def load_takes(folder: Path, *, every: int = EVERY) -> tuple[Take, ...]:
    """Read every n-th frame of a folder's recordings, in the order of their paths.

    Raises:
        SourceError: there are none, or one cannot be read.
    """
    takes = []
    for path in sorted(folder.glob("*/*.mkv")):
        with RecordingReader(path) as reader:
            takes += [
                Take(path.parent.name, f"{path.stem}-{number}", frame)
                for number, frame in enumerate(reader)
                if number % every == 0
            ]
    if not takes:
        raise SourceError(f"{folder}: no <person>/<name>.mkv in it; expected recordings in a folder a person")
    return tuple(takes)
