import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinect_unlock.arrays import U8
from kinect_unlock.errors import SourceError
from kinect_unlock.sources.photos import photos_in, read_photo
from kinect_unlock.sources.pictures import MAX_FILE_BYTES


def quarters() -> U8:
    """A red, a green, a blue and a white quarter, RGB, wider than high."""
    image = np.zeros((16, 32, 3), np.uint8)
    image[:8, :16] = (255, 0, 0)
    image[:8, 16:] = (0, 255, 0)
    image[8:, :16] = (0, 0, 255)
    image[8:, 16:] = 255
    return image


def encoded(ending: str) -> bytes:
    whole, content = cv2.imencode(ending, np.ascontiguousarray(quarters()[:, :, ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 100])
    assert whole
    return content.tobytes()


def with_orientation(jpeg: bytes, orientation: int) -> bytes:
    """Put an EXIF segment that says how to turn the picture behind a JPEG's start."""
    tiff = b"II*\0" + struct.pack("<IHHHIII", 8, 1, 0x0112, 3, 1, orientation, 0)
    exif = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]


@pytest.mark.parametrize("ending", [".png", ".jpg"])
def test_a_photo_is_read_as_rgb(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"anna{ending}"
    path.write_bytes(encoded(ending))

    photo = read_photo(path)

    assert photo.dtype == np.uint8
    assert abs(photo.astype(int) - quarters()).mean() < 12


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        pytest.param(1, lambda image: image, id="as it is"),
        pytest.param(3, lambda image: np.rot90(image, 2), id="upside down"),
        pytest.param(6, lambda image: np.rot90(image, -1), id="turn to the right"),
        pytest.param(8, np.rot90, id="turn to the left"),
        pytest.param(2, lambda image: image[:, ::-1], id="mirrored"),
    ],
)
def test_a_photo_is_turned_upright_as_its_camera_says(tmp_path: Path, orientation: int, turned: object) -> None:
    path = tmp_path / "anna.jpg"
    path.write_bytes(with_orientation(encoded(".jpg"), orientation))
    assert callable(turned)
    wanted = turned(quarters())

    photo = read_photo(path)

    assert photo.shape == wanted.shape
    assert abs(photo.astype(int) - wanted).mean() < 12


def png(width_px: int, height_px: int) -> bytes:
    """A tiny file that claims a size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        pytest.param(b"", "is empty", id="empty"),
        pytest.param(b"hello" * 100, "is not a whole PNG or JPEG", id="text"),
        pytest.param(b"GIF89a" + bytes(100), "is not a whole PNG or JPEG", id="gif"),
        pytest.param(encoded(".png")[:-20], "is not a whole PNG or JPEG", id="cut png"),
        pytest.param(encoded(".jpg")[:-200], r"is not a whole PNG or JPEG picture \(cut off\)", id="cut jpeg"),
        pytest.param(encoded(".jpg")[:20], "is not a whole PNG or JPEG", id="head of a jpeg"),
        pytest.param(png(60_000, 60_000), "is 60000x60000 pixels, and at most 64 million are read", id="bomb"),
        pytest.param(png(16, 16), "cannot be decoded", id="nothing in it"),
        pytest.param(png(0, 16), "cannot be decoded", id="no width"),
    ],
)
def test_a_photo_that_cannot_be_read_is_named_with_its_fault(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "anna.jpg"
    path.write_bytes(content)

    with pytest.raises(SourceError, match=rf"anna\.jpg: {complaint}"):
        read_photo(path)


def test_a_huge_file_is_refused_by_its_size_alone(tmp_path: Path) -> None:
    path = tmp_path / "anna.png"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)

    with pytest.raises(SourceError, match="is 64 MiB, and at most 64 are read"):
        read_photo(path)


def test_a_missing_photo_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone\.jpg: cannot be read: No such file"):
        read_photo(tmp_path / "gone.jpg")


@given(st.data(), st.sampled_from([".png", ".jpg"]))
@settings(max_examples=100)
def test_a_damaged_photo_is_a_photo_or_our_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, ending: str
) -> None:
    content = bytearray(encoded(ending))
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])

    try:
        photo = read_photo(path)
    except SourceError as fault:
        assert str(fault).startswith(str(path))  # noqa: PT017 - either outcome is right
    else:
        assert photo.ndim == 3


def test_the_files_name_is_the_identity(tmp_path: Path) -> None:
    for name in ("anna.jpg", "bob_1.jpg", "bob-2.PNG", "bob_10.jpeg", "George_W_Bush_0001.jpg", "notes.txt", ".x.jpg"):
        (tmp_path / name).touch()
    for name in ("cleo/1.jpg", "cleo/second look.png", "anna/more.jpg", "empty/readme.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    found = photos_in(tmp_path)

    assert {name: [path.relative_to(tmp_path).as_posix() for path in paths] for name, paths in found.items()} == {
        "George_W_Bush": ["George_W_Bush_0001.jpg"],
        "anna": ["anna/more.jpg", "anna.jpg"],
        "bob": ["bob-2.PNG", "bob_1.jpg", "bob_10.jpeg"],
        "cleo": ["cleo/1.jpg", "cleo/second look.png"],
    }
    assert list(found) == sorted(found)


@pytest.mark.parametrize("name", ["anna müller.jpg", "-dash.jpg", "a" * 65 + ".jpg"])
def test_a_name_that_no_user_can_have_is_refused_with_the_rule(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()

    with pytest.raises(SourceError, match="cannot be a user's name; use up to 64 of"):
        photos_in(tmp_path)


def test_a_folder_without_photographs_says_how_to_name_them(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"holds no photograph; put name\.jpg or"):
        photos_in(tmp_path)
    with pytest.raises(SourceError, match="cannot be read as a folder"):
        photos_in(tmp_path / "gone")
