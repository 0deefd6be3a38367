"""Pictures and films of a view as files. They show faces, so a file is its owner's alone, and none is overwritten."""

import io
import os
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import av
from av.error import FFmpegError
from av.video.frame import PictureType
from PIL import Image

from kinect_unlock.arrays import U8
from kinect_unlock.clock import NS_PER_MS
from kinect_unlock.errors import RequestError

_CODECS: Final = ("libx264", "mpeg4")  # the better first; a build of FFmpeg without it has the other
_NAMES_TRIED: Final = 1000


def save_png(path: Path, picture: U8) -> None:
    """Write a picture u8[h,w,3] as a new file of mode 0600.

    Raises:
        RequestError: the file is there already, or cannot be written.
    """
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "PNG", optimize=True)
    file = _create(path)
    try:
        with file:
            file.write(content.getvalue())
    except OSError as fault:
        path.unlink(missing_ok=True)
        raise RequestError(f"{path}: cannot be written: {fault.strerror}") from fault


def free_name(folder: Path, stem: str) -> Path:
    """Return the first name ``stem.png``, ``stem-2.png`` ... that is not taken in a folder.

    Raises:
        RequestError: a thousand are.
    """
    names = (folder / f"{stem}{'' if number == 1 else f'-{number}'}.png" for number in range(1, _NAMES_TRIED + 1))
    for path in names:
        if not path.exists():
            return path
    raise RequestError(f"{folder}: has {_NAMES_TRIED} pictures called {stem} already; move some away")


class FilmWriter:
    """Writes pictures of one size into a new MP4 file of mode 0600, each shown at its own time.

    Raises:
        RequestError: the file is there already, or cannot be written.
    """

    def __init__(self, path: Path, *, width_px: int, height_px: int) -> None:
        self.path = path
        self.frames = 0
        self._file = _create(path)
        self._first_ns: int | None = None
        self._last_ms = -1
        try:
            self._container = av.open(self._file, "w", format="mp4")
            codec = next(name for name in _CODECS if name in av.codecs_available)
            self._stream = self._container.add_stream(codec, rate=30)
        except FFmpegError as fault:
            self._discard()
            raise RequestError(f"{path}: no film can be written: {fault}") from fault
        self._stream.width, self._stream.height, self._stream.pix_fmt = width_px, height_px, "yuv420p"
        self._stream.time_base = self._stream.codec_context.time_base = Fraction(1, 1000)
        if codec == "libx264":
            self._stream.options = {"crf": "20", "preset": "veryfast"}

    def __enter__(self) -> Self:
        """Give the writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the file; one without a picture is removed."""
        if self.frames == 0:
            self._container.close()
            self._discard()
            return
        try:
            self._container.mux(self._stream.encode(None))
            self._container.close()
        finally:
            self._file.close()

    def write(self, picture: U8, captured_ns: int) -> None:
        """Add a picture u8[h,w,3] that was captured at a time of the source's clock.

        Raises:
            RequestError: it cannot be written.
        """
        if self._first_ns is None:
            self._first_ns = captured_ns
        shown_ms = max(self._last_ms + 1, (captured_ns - self._first_ns) // NS_PER_MS)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base, frame.pict_type = shown_ms, Fraction(1, 1000), PictureType.NONE
        try:
            self._container.mux(self._stream.encode(frame))
        except (FFmpegError, OSError) as fault:
            raise RequestError(f"{self.path}: cannot be written: {fault}") from fault
        self._last_ms = shown_ms
        self.frames += 1

    def _discard(self) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)


def _create(path: Path) -> io.BufferedRandom:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except FileExistsError as fault:
        raise RequestError(f"{path}: is there already; name another file, or remove it first") from fault
    except OSError as fault:
        raise RequestError(f"{path}: cannot be written: {fault.strerror}") from fault
    return os.fdopen(descriptor, "w+b")
