"""A picture of why a recording was judged as it was: of the frame that shows best what decided."""

from pathlib import Path

from kinect_unlock import networks
from kinect_unlock.errors import RecordingError, RequestError
from kinect_unlock.looks import look_of
from kinect_unlock.ports import Use
from kinect_unlock.recording import RecordingReader
from kinect_unlock.settings import Config
from kinect_unlock.viewing.explanation import draw_why
from kinect_unlock.viewing.files import save_png
from kinect_unlock.viewing.sheet import Caption


def require_new(picture: Path) -> None:
    """Refuse before anything is played what could not be written after it."""
    if picture.exists() or picture.is_symlink():
        raise RequestError(f"{picture}: is there already; name another file, or remove it first")


def save_why(picture: Path, recording: Path, seq: int | None, settings: Config, use: Use) -> None:
    """Draw a frame of a recording, by its number, into a new file of mode 0600; None: the first one.

    Every frame before it is looked at again, because some cues are about how frames follow each other.

    Raises:
        RecordingError: it has no such frame.
        RequestError: the file cannot be written.
    """
    pipeline = networks.pipeline(settings)
    with RecordingReader(recording) as reader:
        for number, frame in enumerate(reader):
            observation = pipeline.observe(frame, 1, use)
            if seq is None or frame.seq == seq:
                caption = Caption(recording.name, f"frame {number} of {reader.frame_count}")
                save_png(picture, draw_why(frame, look_of(observation), caption))
                return
    raise RecordingError(f"{recording}: has no frame {seq if seq is not None else 0} to draw")
