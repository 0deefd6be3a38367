"""Reading one picture file, PNG or JPEG, whatever it turns out to hold.

The form is checked here first: OpenCV writes its complaints about a damaged file to standard error, and would
allocate whatever size a few bytes of header claim.
"""

import struct
import zlib
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from kinect_unlock.arrays import U8, U16
from kinect_unlock.errors import SourceError

MAX_FILE_BYTES: Final = 64 * 1024 * 1024
MAX_PIXELS: Final = 64_000_000

_PNG_START: Final = b"\x89PNG\r\n\x1a\n"
_JPEG_START: Final = b"\xff\xd8\xff"
_JPEG_END: Final = b"\xff\xd9"
# Segments that tell the picture's size; C4, C8 and CC of their range are other things.
_JPEG_SIZE_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_SCAN: Final = 0xDA


def read_color(path: Path) -> U8:
    """Return a picture as u8[H,W,3] RGB, turned upright by its EXIF orientation.

    Raises:
        SourceError: it cannot be read, is too large, or is not a whole PNG or JPEG.
    """
    return np.asarray(_decoded(path, cv2.IMREAD_COLOR_RGB), dtype=np.uint8)


def read_gray16(path: Path) -> U16:
    """Return a 16-bit greyscale PNG as u16[h,w].

    Raises:
        SourceError: it cannot be read, is too large, or is not a whole 16-bit greyscale PNG.
    """
    image = _decoded(path, cv2.IMREAD_UNCHANGED)
    if image.dtype != np.uint16 or image.ndim > 2:  # noqa: PLR2004 - rows and columns
        channels = image.shape[2] if image.ndim > 2 else 1  # noqa: PLR2004
        raise SourceError(
            f"{path}: has {channels} channel{'s' * (channels != 1)} of {image.dtype.itemsize * 8} bits; "
            "depth must be a PNG with one channel of 16 bits, in millimetres"
        )
    return image.astype(np.uint16, copy=False)


def _decoded(path: Path, how: int) -> U8 | U16:
    content = _content(path)
    try:
        width_px, height_px = _png_size(content) if content.startswith(_PNG_START) else _jpeg_size(content)
    except (ValueError, struct.error) as error:
        raise SourceError(f"{path}: is not a whole PNG or JPEG picture ({error}); make or copy it again") from error
    if width_px * height_px > MAX_PIXELS:
        raise SourceError(
            f"{path}: is {width_px}x{height_px} pixels, and at most {MAX_PIXELS // 1_000_000} million are "
            "read; make it smaller"
        )
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), how)
    except cv2.error as error:
        raise SourceError(f"{path}: cannot be decoded: {error.err}; make or copy it again") from error
    if image is None:
        raise SourceError(f"{path}: cannot be decoded although its form is right; make or copy it again")
    if image.dtype == np.uint16:
        return image.astype(np.uint16, copy=False)
    return image.astype(np.uint8, copy=False)


def _content(path: Path) -> bytes:
    try:
        if (size_bytes := path.stat().st_size) > MAX_FILE_BYTES:
            raise SourceError(
                f"{path}: is {size_bytes >> 20} MiB, and at most {MAX_FILE_BYTES >> 20} are read; make it smaller"
            )
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror}") from error
    if not content:
        raise SourceError(f"{path}: is empty; make or copy it again")
    return content


def _png_size(content: bytes) -> tuple[int, int]:
    """Return width and height after checking every chunk's checksum.

    Raises:
        ValueError, struct.error: the file is cut off or damaged.
    """
    at = len(_PNG_START)
    size_px = None
    kind = b""
    while kind != b"IEND":
        length_bytes, kind = struct.unpack_from(">I4s", content, at)
        end = at + 8 + length_bytes
        (checksum,) = struct.unpack_from(">I", content, end)
        if zlib.crc32(memoryview(content)[at + 4 : end]) != checksum:
            raise ValueError("damaged in the middle")
        if kind == b"IHDR":
            size_px = struct.unpack_from(">II", content, at + 8)
        at = end + 4
    if size_px is None:
        raise ValueError("it has no header")
    return int(size_px[0]), int(size_px[1])


def _jpeg_size(content: bytes) -> tuple[int, int]:
    """Return width and height.

    Raises:
        ValueError, struct.error: the file is foreign, cut off or damaged.
    """
    if not content.startswith(_JPEG_START):
        raise ValueError("neither signature")
    if _JPEG_END not in content[-1024:]:  # some cameras put a few bytes after the end
        raise ValueError("cut off")
    at = 2
    while True:
        if content[at : at + 1] != b"\xff":
            raise ValueError("damaged in the middle")
        marker, length_bytes = struct.unpack_from(">xBH", content, at)
        if marker in _JPEG_SIZE_MARKERS:
            height_px, width_px = struct.unpack_from(">HH", content, at + 5)
            return width_px, height_px
        if marker == _JPEG_SCAN:
            raise ValueError("it has no header")
        at += 2 + length_bytes
