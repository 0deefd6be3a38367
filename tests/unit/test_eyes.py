"""The shipped network on the eyes of the shipped recordings, and on lids that are drawn over them."""

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from kinect_unlock.arrays import U8
from kinect_unlock.detector import YuNetDetector
from kinect_unlock.errors import ModelError
from kinect_unlock.eyes import EyeReader
from kinect_unlock.observations import Detection
from kinect_unlock.recording import RecordingReader
from kinect_unlock.settings import DetectorOptions

MODELS = Path(__file__).parents[2] / "models"
DEMO = Path(str(files("kinect_unlock"))) / "data" / "demo"


@pytest.fixture(scope="module")
def reader() -> EyeReader:
    return EyeReader(MODELS / "eyes.onnx", threads=1)


@pytest.fixture(scope="module")
def faces(yunet_path: Path) -> tuple[tuple[U8, Detection], ...]:
    """Every eighth frame of a recording in which its only person looks at the camera, with their face."""
    detector = YuNetDetector(yunet_path, DetectorOptions(), 1)
    return tuple(_faces(detector))


def _faces(detector: YuNetDetector) -> Iterator[tuple[U8, Detection]]:
    with RecordingReader(DEMO / "owner-returns.mkv") as recording:
        for number, frame in enumerate(recording):
            found = detector.detect(frame.color) if number % 8 == 0 else ()
            if found:
                yield frame.color, found[0]


def with_lids(color: U8, face: Detection) -> U8:
    """Lay skin from below the eye over both eyes."""
    out = color.copy()
    (left, _), (right, _) = face.landmarks_px[:2]
    apart = float(right - left)
    reach_x, reach_y = round(0.24 * apart), round(0.13 * apart)
    for x, y in face.landmarks_px[:2].round().astype(int):
        skin = color[y + 2 * reach_y : y + 3 * reach_y, x - reach_x : x + reach_x].mean(axis=(0, 1))
        out[y - reach_y : y + reach_y, x - reach_x : x + reach_x] = skin
    return out


def test_the_eyes_of_the_shipped_recordings_are_open_and_less_so_under_drawn_lids(
    reader: EyeReader, faces: tuple[tuple[U8, Detection], ...]
) -> None:
    opened = [reader.eyes_open(color, face) for color, face in faces]
    covered = [reader.eyes_open(with_lids(color, face), face) for color, face in faces]

    assert len(opened) >= 3
    assert float(np.median(opened)) > 0.5
    assert float(np.median(covered)) < float(np.median(opened)) - 0.3


def test_mirrored_it_is_the_same_face(reader: EyeReader, faces: tuple[tuple[U8, Detection], ...]) -> None:
    color, face = faces[0]
    marks = face.landmarks_px[[1, 0, 2, 4, 3]] * np.array((-1, 1)) + np.array((color.shape[1] - 1, 0))
    mirrored = Detection(face.box, face.score, marks.astype(np.float32))

    found = reader.eyes_open(np.ascontiguousarray(color[:, ::-1]), mirrored)

    assert found == pytest.approx(reader.eyes_open(color, face), abs=0.02)


def test_an_even_grey_is_a_share_too(reader: EyeReader, faces: tuple[tuple[U8, Detection], ...]) -> None:
    color, face = faces[0]

    assert 0.0 <= reader.eyes_open(np.full_like(color, 90), face) <= 1.0


def test_another_network_is_refused() -> None:
    with pytest.raises(ModelError, match="not a network for eyes"):
        EyeReader(MODELS / "depth-lda.onnx", threads=1)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"eyes\.onnx"):
        EyeReader(tmp_path / "eyes.onnx", threads=1)
