"""A contributed recording says what it shows, and by depth alone it shows nobody."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from demo_frames import frames_of
from kinect_unlock.arrays import U8
from kinect_unlock.errors import RecordingError
from kinect_unlock.frames import Frame, Origin
from kinect_unlock.observations import Box, Detection
from kinect_unlock_lab.attack.contributing import HELD, DepthAlone, FaceAt, Sheet, read_sheet, sheet_path, write_sheet
from kinect_unlock_lab.attack.exhibit import Species

SHEET = Sheet(
    species=Species.BENT_PRINT,
    person="p1",
    instrument="laser print on 80 g paper",
    width_mm=210.0,
    height_mm=297.0,
    distance_mm=700.0,
    motion="bent slowly by hand",
    depth_only=True,
)


class Frames:
    """A source of some frames."""

    origin = Origin.RECORDING

    def __init__(self, frames: list[Frame]) -> None:
        self._frames = frames
        self.is_open = False

    def open(self) -> None:
        self.is_open = True

    def read(self, timeout_s: float) -> Frame | None:
        assert timeout_s >= 0
        return self._frames.pop(0) if self._frames else None

    def close(self) -> None:
        self.is_open = False


class OneFace:
    """Finds one face at the same place in whatever is not black."""

    def detect(self, color: U8, within: Box | None = None) -> tuple[Detection, ...]:
        assert within is None
        landmarks = np.array(((3.0, 4.0), (7.0, 4.0), (5.0, 6.004), (3.5, 8.0), (6.5, 8.0)), np.float32)
        return (Detection(Box(1.0, 2.0, 8.123, 9.0), 0.9, landmarks),) if color.any() else ()


def test_depth_alone_keeps_depth_and_where_the_face_was() -> None:
    before = frames_of("bent-photo", 3)
    inner = Frames(list(before))
    source = DepthAlone(inner, OneFace())
    source.open()
    after = [frame for _ in range(4) if (frame := source.read(0.0)) is not None]
    source.close()

    assert not inner.is_open
    assert source.origin is Origin.RECORDING
    for one, other in zip(before, after, strict=True):
        assert not other.color.any()
        assert other.color.shape == one.color.shape
        assert other.infrared is None
        assert other.depth_mm is one.depth_mm
        assert (other.seq, other.captured_ns, other.device_us) == (one.seq, one.captured_ns, one.device_us)
    assert [face.seq for face in source.faces] == [frame.seq for frame in before]
    assert source.faces[0].box_px == (1.0, 2.0, 8.12, 9.0)
    assert source.faces[0].landmarks_px[2] == (5.0, 6.0)


def test_sheet_is_read_as_it_was_written_and_is_its_owners_alone(tmp_path: Path) -> None:
    recording = tmp_path / "a.mkv"
    face = FaceAt(3, (1.0, 2.0, 3.0, 4.0), ((1.0, 2.0),) * 5, 0.9)

    path = write_sheet(recording, SHEET, {"frames": 4}, [face])

    assert path == sheet_path(recording) == tmp_path / "a.yaml"
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_sheet(recording) == (SHEET, (face,))
    with pytest.raises(RecordingError, match="cannot be written"):
        write_sheet(recording, SHEET, {}, [])


def test_missing_or_foreign_sheet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="no sheet"):
        read_sheet(tmp_path / "a.mkv")
    (tmp_path / "a.yaml").write_text("sheet: {species: bent print}\nfaces: []\n", encoding="utf-8")
    with pytest.raises(RecordingError, match="no sheet"):
        read_sheet(tmp_path / "a.mkv")


@pytest.mark.parametrize(("field", "wrong"), [("person", "Anna Smith"), ("width_mm", 0.0), ("instrument", "")])
def test_sheet_refuses_what_would_not_help_or_names_somebody(field: str, wrong: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**msgspec.to_builtins(SHEET), field: wrong}, Sheet)


def test_only_what_can_be_held_is_recorded() -> None:
    assert Species.FLAT_PRINT in HELD
    assert Species.FROZEN not in HELD
