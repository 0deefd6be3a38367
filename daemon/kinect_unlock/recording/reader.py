"""Reading a recording; what the file holds is told in `kinect_unlock.recording`."""

import io
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import av
import msgspec
import numpy as np
from av.container import InputContainer
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from kinect_unlock.arrays import U8, U16
from kinect_unlock.calibration import calibration_from_plain
from kinect_unlock.errors import RecordingError
from kinect_unlock.frames import Calibration, Frame, Intrinsics
from kinect_unlock.recording.container import (
    CALIBRATION_KEY,
    FOREIGN,
    FORMAT,
    FORMAT_KEY,
    FRAME_SHOWN_MS,
    PROVENANCE_KEY,
    AnyPacket,
    checked_stamp,
    checksum_seed,
    plain_fault,
    unchecked_stamp,
)

# The header tells everything that a decoder needs, so nothing is probed.
_DEMUXER: Final = {"analyzeduration": "0", "probesize": "32"}
_CODECS: Final = frozenset({"mjpeg", "ffv1"})
_READ_BYTES: Final = 1 << 17
_US_PER_MS: Final = 1000

_EBML_ID: Final = bytes.fromhex("1a45dfa3")
_SEGMENT_ID: Final = bytes.fromhex("18538067")
_HEAD_BYTES: Final = 128
_HOW_TO_RECORD: Final = "use a file made by `kinect-unlock record`"


class RecordingReader:
    """Gives a recording's frames in order; an iterator and a context manager.

    Attributes:
        calibration: of every frame.
        provenance: what the writer said about the frames; JSON.
        cut_short: the writer was stopped before it finished the file, or the file lost its end later.
    """

    def __init__(self, path: Path) -> None:
        """Open the file and read what its header says.

        Raises:
            RecordingError: it cannot be read, is empty, foreign, or lacks calibration or depth.
        """
        self.path = path
        with ExitStack() as opened:
            file = opened.enter_context(_open_file(path))
            self.cut_short = _cut_short(path, file)
            self._container = opened.enter_context(_open_container(path, file))
            self.calibration: Calibration = self._read_calibration()
            self.provenance: dict[str, Any] = self._read_provenance()
            self._tracks = self._find_tracks()
            self._opened = opened.pop_all()
        self._seed = checksum_seed(self._container.metadata[CALIBRATION_KEY])
        self._reformatter = VideoReformatter()
        self._frames = self._read_frames()
        self._fault: RecordingError | None = None

    def __enter__(self) -> Self:
        """Give the reader itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        """Give the frames that have not been given yet."""
        return self

    def __next__(self) -> Frame:
        """Give the next frame.

        Raises:
            RecordingError: it is damaged or missing, or the file holds no frame at all.
        """
        if self._fault is not None:
            raise self._fault  # a reader that goes on must not take the damage for the end
        try:
            return next(self._frames)
        except RecordingError as fault:
            self._fault = fault
            raise

    @property
    def frame_count(self) -> int | None:
        """How many frames the file holds, by its last stamp; None when it was cut short or cannot tell."""
        if self.cut_short:
            return None
        with _open_file(self.path) as file, _open_container(self.path, file) as container:
            return _last_number(container)

    def close(self) -> None:
        """Close the file; harmless when closed already."""
        self._opened.close()

    def _read_calibration(self) -> Calibration:
        metadata = self._container.metadata
        if metadata.get(FORMAT_KEY) is None and CALIBRATION_KEY not in metadata:
            raise RecordingError(f"{self.path}: is a Matroska file, but not a recording; {_HOW_TO_RECORD}")
        if (found := metadata.get(FORMAT_KEY)) != FORMAT:
            raise RecordingError(
                f"{self.path}: is a recording of format {found!r}, and this version reads {FORMAT!r}; record it again"
            )
        if CALIBRATION_KEY not in metadata:
            raise RecordingError(f"{self.path}: has no calibration (metadata {CALIBRATION_KEY}); {_HOW_TO_RECORD}")
        try:
            return calibration_from_plain(msgspec.json.decode(metadata[CALIBRATION_KEY]))
        except ValueError as error:
            raise RecordingError(f"{self.path}: its calibration cannot be used: {error}; record it again") from error

    def _read_provenance(self) -> dict[str, Any]:
        try:
            return msgspec.json.decode(self._container.metadata.get(PROVENANCE_KEY, ""), type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise RecordingError(f"{self.path}: its provenance cannot be read: {error}; {_HOW_TO_RECORD}") from error

    def _find_tracks(self) -> dict[int, tuple[str, VideoStream]]:
        cameras = {
            "color": self.calibration.color,
            "depth": self.calibration.depth,
            "infrared": self.calibration.depth,
        }
        tracks = {
            stream.index: (name, stream)
            for stream in self._container.streams.video
            if (name := stream.metadata.get("title", "")) in cameras
        }
        found = [name for name, _ in tracks.values()]
        for needed in ("color", "depth"):
            if found.count(needed) != 1:
                raise RecordingError(
                    f"{self.path}: needs one {needed} track and has {found.count(needed)}; {_HOW_TO_RECORD}"
                )
        for name, stream in tracks.values():
            self._require_size(name, stream, cameras[name])
            stream.codec_context.thread_count = 1  # measured: no faster with two
        return tracks

    def _require_size(self, name: str, stream: VideoStream, camera: Intrinsics) -> None:
        context: object = stream.codec_context  # None for a codec that FFmpeg does not know, whatever the stub says
        if context is None or stream.codec_context.name not in _CODECS:
            raise RecordingError(f"{self.path}: its {name} track has a foreign or damaged codec; {_HOW_TO_RECORD}")
        if (stream.width, stream.height) != (camera.width_px, camera.height_px):
            raise RecordingError(
                f"{self.path}: its {name} track is {stream.width}x{stream.height} pixels, but its calibration is for "
                f"{camera.width_px}x{camera.height_px}; record it again"
            )

    def _read_frames(self) -> Iterator[Frame]:
        count = 0
        group: dict[str, AnyPacket] = {}
        shown_ms: int | None = None
        for packet in self._packets():
            if group and packet.pts != shown_ms:
                raise self._damaged(count, "a part of it is missing")
            shown_ms = packet.pts
            group[self._tracks[packet.stream_index][0]] = packet
            if len(group) == len(self._tracks):
                yield self._frame(count, group)
                group = {}
                count += 1
        self._require_end(count, group, shown_ms)

    def _packets(self) -> Iterator[AnyPacket]:
        try:
            for packet in self._container.demux([stream for _, stream in self._tracks.values()]):
                if packet.size:  # an empty one tells the decoders that the end is reached
                    yield packet
        except FOREIGN as error:
            if not self.cut_short:
                raise RecordingError(
                    f"{self.path}: is damaged: {plain_fault(error)}; use another copy or record again"
                ) from error

    def _frame(self, n: int, group: dict[str, AnyPacket]) -> Frame:
        try:
            others = [group[name] for name in ("depth", "infrared") if name in group]
            stamp = checked_stamp(self._seed, group["color"], others)
            if stamp.n != n:
                raise ValueError(f"number {stamp.n} follows instead")
            return Frame(
                seq=stamp.seq,
                captured_ns=stamp.captured_ns,
                color=self._color(group["color"]),
                depth_mm=self._gray16(group["depth"]),
                calibration=self.calibration,
                infrared=self._gray16(group["infrared"]) if "infrared" in group else None,
                device_us=stamp.device_us,
            )
        except FOREIGN as error:
            raise self._damaged(n, plain_fault(error)) from error

    def _color(self, packet: AnyPacket) -> U8:
        (picture,) = packet.decode()
        # One thread: starting more costs more than converting a small picture, measured 1.7 ms against 0.5.
        rgb = self._reformatter.reformat(picture, format="rgb24", threads=1)
        return np.asarray(rgb.to_ndarray(), dtype=np.uint8)

    def _gray16(self, packet: AnyPacket) -> U16:
        (picture,) = packet.decode()
        if picture.format.name != "gray16le":
            raise ValueError(f"depth and infrared must be gray16le, and are {picture.format.name}")
        return np.asarray(picture.to_ndarray(), dtype=np.uint16)

    def _require_end(self, count: int, group: dict[str, AnyPacket], shown_ms: int | None) -> None:
        if count == 0:
            raise RecordingError(f"{self.path}: holds no whole frame; record it again")
        if self.cut_short:
            return
        end_ms = (self._container.duration or 0) / _US_PER_MS
        if group or shown_ms is None or end_ms - shown_ms > FRAME_SHOWN_MS + 1:
            raise self._damaged(count, "the file says that it goes on, but nothing follows")

    def _damaged(self, n: int, fault: str) -> RecordingError:
        return RecordingError(
            f"{self.path}: frame {n} is damaged: {fault}; the {n} before it can be used, for the rest use another "
            f"copy or record again"
        )


def _open_file(path: Path) -> io.FileIO:
    try:
        if path.exists() and not path.is_file():  # opening a pipe would wait for somebody to write to it
            raise RecordingError(f"{path}: is a folder or device; name a recording")
        return io.FileIO(path, "r")
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error.strerror}") from error


def _open_container(path: Path, file: io.FileIO) -> InputContainer:
    try:
        return av.open(
            file,
            "r",
            format="matroska",
            container_options=dict(_DEMUXER),
            metadata_errors="replace",
            buffer_size=_READ_BYTES,
        )
    except FOREIGN as error:
        raise RecordingError(
            f"{path}: its header is damaged or cut off, or no frame follows it; record it again"
        ) from error


def _cut_short(path: Path, file: io.FileIO) -> bool:
    """Tell from the first bytes whether the file ends where its writer said that it would.

    A Matroska file is two elements, header and segment. A writer that was stopped leaves the segment's size unknown.

    Raises:
        RecordingError: the file is empty or not Matroska.
    """
    try:
        head = file.read(_HEAD_BYTES) or b""
        size_bytes = os.fstat(file.fileno()).st_size
        file.seek(0)
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read: {error.strerror}") from error
    if not head:
        raise RecordingError(f"{path}: is empty; record it again")
    if not head.startswith(_EBML_ID):
        raise RecordingError(f"{path}: is not a Matroska file; {_HOW_TO_RECORD}")
    header_bytes, segment_at = _element_size(head, len(_EBML_ID))
    segment_at += header_bytes or 0
    if head[segment_at : segment_at + len(_SEGMENT_ID)] != _SEGMENT_ID:
        return True  # what is there is judged when it is opened
    segment_bytes, content_at = _element_size(head, segment_at + len(_SEGMENT_ID))
    return segment_bytes is None or content_at + segment_bytes > size_bytes


def _element_size(head: bytes, at: int) -> tuple[int | None, int]:
    """Read an EBML size at a place: the number, None when unknown or cut off, and where the content begins."""
    width = 9 - head[at].bit_length() if at < len(head) and head[at] else 0
    field = head[at : at + width]
    if not field or len(field) < width:
        return None, at + width
    value_bits = 7 * width
    value = int.from_bytes(field, "big") & ((1 << value_bits) - 1)
    return (None if value == (1 << value_bits) - 1 else value), at + width


def _last_number(container: InputContainer) -> int | None:
    stream = next((s for s in container.streams.video if s.metadata.get("title") == "color"), None)
    count = None
    try:
        container.seek(container.duration or 0)
        for packet in container.demux(stream) if stream else ():
            if packet.size:
                count = unchecked_stamp(packet).n + 1
    except FOREIGN:
        return None
    return count
