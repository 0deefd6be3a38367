"""Writing a recording; what the file holds is told in `kinect_unlock.recording`."""

import errno
import io
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import av
import msgspec
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from kinect_unlock.arrays import U8, U16
from kinect_unlock.calibration import calibration_to_plain
from kinect_unlock.clock import NS_PER_MS
from kinect_unlock.errors import RecordingError
from kinect_unlock.frames import Calibration, Frame, Intrinsics
from kinect_unlock.recording.container import (
    CALIBRATION_KEY,
    FOREIGN,
    FORMAT,
    FORMAT_KEY,
    FRAME_SHOWN_MS,
    MILLISECONDS,
    PROVENANCE_KEY,
    AnyPacket,
    Stamp,
    attach_stamp,
    checksum_seed,
    plain_fault,
)

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer  # exists for type checkers only

# One cluster a frame, written out at once; left to itself FFmpeg holds back up to five seconds.
# Of the tracks the first, colour, is the one that players choose.
_MUXER: Final = {"cluster_time_limit": "1", "flush_packets": "1", "default_mode": "infer"}
# Version 3 is the standardised one, with checksums for programs that do not know ours.
_FFV1: Final = {"level": "3", "slicecrc": "1"}
_AVFMT_FLAG_BITEXACT: Final = 0x0400  # no random ids, no version of FFmpeg in the file
_FRAMES_UNDERWAY: Final = 2  # between `write` and the disk, inside FFmpeg
_DISK_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class RecordingWriter:
    """Writes frames to a new file of mode 0600; a context manager.

    ``provenance`` says where the frames come from and what they are for: ``origin``, and any JSON beside it.
    ``color_quantiser`` is MJPEG's, 2 (best) to 31 (smallest). After a fault of the disk the file keeps the frames
    written before it and reads as cut short.
    """

    def __init__(
        self,
        path: Path,
        *,
        calibration: Calibration,
        provenance: Mapping[str, object],
        lossless_color: bool = False,
        infrared: bool = False,
        color_quantiser: int = 2,
    ) -> None:
        """Create the file and write its header.

        Raises:
            RecordingError: the file exists or cannot be written, or ``provenance`` is not JSON with an origin.
        """
        self.path = path
        self.frames = 0
        self._calibration = calibration
        self._infrared = infrared
        self._last: Frame | None = None
        self._first_ns = 0
        self._shown_ms = -1
        self._reformatter = VideoReformatter()
        calibration_json = msgspec.json.encode(calibration_to_plain(calibration)).decode()
        self._seed = checksum_seed(calibration_json)
        metadata = {
            "title": "kinect-unlock recording",
            FORMAT_KEY: FORMAT,
            CALIBRATION_KEY: calibration_json,
            PROVENANCE_KEY: _provenance_json(path, provenance),
        }
        self._file = _create(path)
        try:
            self._container = _new_container(self._file, metadata)
            if lossless_color:
                self._color = _lossless_track(self._container, calibration.color)
            else:
                self._color = _mjpeg_track(self._container, calibration.color, color_quantiser)
            self._planes = {"depth": _gray16_track(self._container, "depth", calibration.depth)}
            if infrared:
                self._planes["infrared"] = _gray16_track(self._container, "infrared", calibration.depth)
            self._container.start_encoding()
        except FOREIGN as error:
            raise self._failed(error) from error

    def __enter__(self) -> Self:
        """Give the writer itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Finish the file, also after an error, so that it holds what was written."""
        self.close()

    @property
    def bytes_written(self) -> int:
        """How large the file is by now."""
        return self._file.end_bytes

    def write(self, frame: Frame) -> None:
        """Append a frame, which must be later than the one before.

        Raises:
            RecordingError: the frame does not fit this recording, or the disk is full or failing.
        """
        if self._file.closed:
            raise RecordingError(f"{self.path}: the recording has been closed; no frame can be added")
        self._require_fit(frame)
        try:
            self._append(frame)
        except FOREIGN as error:
            raise self._failed(error) from error
        self._last = frame
        self.frames += 1

    def close(self) -> None:
        """Finish the file; harmless when closed already.

        Raises:
            RecordingError: the end of the file could not be written; the frames before it can be read.
        """
        if self._file.closed:
            return
        try:
            self._container.close()
            os.fsync(self._file.fileno())
        except FOREIGN as error:
            raise self._failed(error) from error
        self._file.close()

    def _require_fit(self, frame: Frame) -> None:
        wanted = [("colour", frame.color, self._calibration.color), ("depth", frame.depth_mm, self._calibration.depth)]
        if self._infrared:
            wanted.append(("infrared", frame.infrared, self._calibration.depth))
        for name, image, camera in wanted:
            if image is None:
                raise RecordingError(f"{self.path}: frame {frame.seq} has no {name} image; this recording needs one")
            if image.shape[:2] != (camera.height_px, camera.width_px):
                raise RecordingError(
                    f"{self.path}: the {name} image of frame {frame.seq} is {image.shape[1]}x{image.shape[0]} pixels, "
                    f"but the calibration is for {camera.width_px}x{camera.height_px}"
                )
        if self._last is not None and frame.captured_ns <= self._last.captured_ns:
            raise RecordingError(
                f"{self.path}: frame {frame.seq} was captured at {frame.captured_ns} ns, not after the one before it "
                f"({self._last.captured_ns} ns); frames must come in order"
            )

    def _append(self, frame: Frame) -> None:
        if self._last is None:
            self._first_ns = frame.captured_ns
        self._shown_ms = max(self._shown_ms + 1, round((frame.captured_ns - self._first_ns) / NS_PER_MS))
        color = self._encoded(self._color, frame.color, "rgb24")
        images = {"depth": frame.depth_mm, "infrared": frame.infrared}
        others = [
            self._encoded(stream, image, "gray16le")
            for name, stream in self._planes.items()
            if (image := images[name]) is not None
        ]
        stamp = Stamp(self.frames, frame.seq, frame.captured_ns, frame.device_us)
        attach_stamp(stamp, self._seed, color, others)
        for packet in (color, *others):
            self._container.mux_one(packet)

    def _encoded(self, stream: VideoStream, image: U8 | U16, layout: str) -> AnyPacket:
        picture = VideoFrame.from_ndarray(image if image.flags.c_contiguous else image.copy(), format=layout)
        if stream.pix_fmt != layout:
            picture = self._reformatter.reformat(picture, format=stream.pix_fmt, threads=1)
        picture.pts = self._shown_ms
        picture.time_base = MILLISECONDS
        (packet,) = stream.encode(picture)
        packet.duration = FRAME_SHOWN_MS
        return packet

    def _failed(self, error: Exception) -> RecordingError:
        self._file.close()  # nothing more may reach it: a half-written end would claim to be a whole one
        if self.frames == 0:
            with suppress(OSError):
                self.path.unlink()
        whole = self.frames - _FRAMES_UNDERWAY
        kept = f"; at least its first {whole} frames can be replayed" if whole > 0 else ""
        if isinstance(error, OSError) and error.errno in _DISK_FULL:
            return RecordingError(f"{self.path}: {os.strerror(error.errno)}{kept}; make room and record again")
        return RecordingError(f"{self.path}: cannot be written: {plain_fault(error)}{kept}")


class _WholeWrites(io.FileIO):
    """A file without a buffer of its own, so that a crash loses none, whose writes are whole or an error."""

    end_bytes = 0

    def write(self, content: "ReadableBuffer", /) -> int:
        left = memoryview(content).cast("B")
        size_bytes = len(left)
        while left:
            left = left[super().write(left) :]
        self.end_bytes = max(self.end_bytes, self.tell())
        return size_bytes


def _create(path: Path) -> _WholeWrites:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError as error:
        raise RecordingError(f"{path}: exists already; choose another name or delete it first") from error
    except OSError as error:
        raise RecordingError(f"{path}: cannot be created: {error.strerror}") from error
    return _WholeWrites(descriptor, "r+b")


def _provenance_json(path: Path, provenance: Mapping[str, object]) -> str:
    origin = provenance.get("origin")
    if not isinstance(origin, str) or not origin:
        raise RecordingError(
            f"{path}: the provenance must name an origin, such as 'sensor' or 'images'; got {origin!r}"
        )
    try:
        return msgspec.json.encode(dict(provenance)).decode()
    except (TypeError, ValueError) as error:
        raise RecordingError(f"{path}: the provenance must be JSON: {error}") from error


def _new_container(file: _WholeWrites, metadata: Mapping[str, str]) -> OutputContainer:
    container = av.open(file, "w", format="matroska", container_options=dict(_MUXER))
    container.flags |= _AVFMT_FLAG_BITEXACT
    container.metadata.update(metadata)
    return container


def _track(
    container: OutputContainer, name: str, camera: Intrinsics, codec: str, pix_fmt: str, options: Mapping[str, str]
) -> VideoStream:
    stream = container.add_stream(codec, rate=30, options=dict(options), width=camera.width_px, height=camera.height_px)
    if not isinstance(stream, VideoStream):
        raise TypeError(f"{codec} is not a video codec")
    stream.pix_fmt = pix_fmt
    stream.time_base = MILLISECONDS
    stream.metadata["title"] = name
    stream.codec_context.time_base = MILLISECONDS
    stream.codec_context.gop_size = 1  # every frame stands alone
    stream.codec_context.thread_count = 1  # measured: no faster with two, and the bytes would depend on it
    return stream


def _mjpeg_track(container: OutputContainer, camera: Intrinsics, quantiser: int) -> VideoStream:
    # 4:2:2 is what a Kinect v2 delivers, and decodes to RGB twice as fast as 4:4:4.
    options = {"qmin": str(quantiser), "qmax": str(quantiser)}
    return _track(container, "color", camera, "mjpeg", "yuvj422p", options)


def _lossless_track(container: OutputContainer, camera: Intrinsics) -> VideoStream:
    return _track(container, "color", camera, "ffv1", "bgr0", _FFV1)


def _gray16_track(container: OutputContainer, name: str, camera: Intrinsics) -> VideoStream:
    return _track(container, name, camera, "ffv1", "gray16le", _FFV1)
