from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from kinect_unlock.align import align_face
from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.clock import SystemClock
from kinect_unlock.errors import RecordingError, SourceError
from kinect_unlock.frames import Calibration, Frame, Intrinsics, Origin, Registered
from kinect_unlock.observations import Box
from kinect_unlock.recording import RecordingReader, RecordingWriter
from kinect_unlock.settings import Source
from kinect_unlock.sources.stand_in_driver import stand_in, stand_in_binding
from kinect_unlock.sources.stand_in_driver.film import Film
from kinect_unlock_lab.sensor import nominal_kinect

_Scalar = TypeVar("_Scalar", bound=np.generic)

_DEMO = folder_of_recordings() / "owner-returns.mkv"
_SMALL = Intrinsics(64, 48, 300.0, 300.0, 31.5, 23.5)
_MADE_UP = {"origin": "rendered"}


def _recorded(path: Path, count: int, *, infrared: bool) -> list[Frame]:
    """Write frames of noise on one grid and return them."""
    random = np.random.default_rng(3)
    calibration = Calibration(_SMALL, _SMALL, Registered())
    frames = [
        Frame(
            seq=number,
            captured_ns=number * 50_000_000,
            color=random.integers(0, 255, (48, 64, 3), np.uint8),
            depth_mm=random.integers(500, 4500, (48, 64), np.uint16),
            calibration=calibration,
            infrared=random.integers(0, 60_000, (48, 64), np.uint16) if infrared else None,
        )
        for number in range(count)
    ]
    with RecordingWriter(
        path, calibration=calibration, provenance=_MADE_UP, lossless_color=True, infrared=infrared
    ) as writer:
        for frame in frames:
            writer.write(frame)
    return frames


def _there(image: NDArray[_Scalar] | None) -> NDArray[_Scalar]:
    assert image is not None
    return image


def _played(path: Path, count: int) -> list[Frame]:
    """Play through the Kinect's source, as fast as it goes."""
    source = stand_in(Source(kind="stand-in", path=str(path), pace="asap"), SystemClock())
    source.open()
    frames = [source.read(5.0) for _ in range(count)]
    source.close()
    assert None not in frames
    return [frame for frame in frames if frame is not None]


def test_a_demo_recording_comes_back_through_the_kinects_source() -> None:
    with RecordingReader(_DEMO) as reader:
        recorded = next(reader)

    (played,) = _played(_DEMO, 1)

    assert played.calibration is not None
    assert np.array_equal(_there(played.depth_mm), _there(recorded.depth_mm))
    # float32 of numbers that are short in decimal: the calibration is the whole camera's
    assert played.calibration.depth.fx_px == pytest.approx(nominal_kinect().depth.fx_px)
    assert played.color.shape == (1080, 1920, 3)
    wanted = cv2.resize(recorded.color, (1024, 960)).astype(np.int16)
    assert np.abs(played.color[60:1020, 448:1472] - wanted).max() <= 1
    assert not played.color[:, :448].any()


def test_a_face_has_the_depth_that_it_had_in_the_recording() -> None:
    with RecordingReader(_DEMO) as reader:
        recorded = next(reader)
    (played,) = _played(_DEMO, 1)
    assert recorded.calibration is not None
    assert recorded.depth_mm is not None
    assert played.calibration is not None
    assert played.depth_mm is not None

    before = align_face(recorded.depth_mm, recorded.calibration, Box(200, 140, 100, 120))
    after = align_face(played.depth_mm, played.calibration, Box(448 + 400, 60 + 280, 200, 240))

    assert np.median(after.depth_mm[after.depth_mm > 0]) == pytest.approx(
        np.median(before.depth_mm[before.depth_mm > 0]), abs=2.0
    )


@pytest.mark.parametrize("count", [3, 70], ids=["kept in memory", "read again"])
def test_a_recording_is_played_again_and_again_and_counted_on(tmp_path: Path, count: int) -> None:
    _recorded(tmp_path / "r.mkv", count, infrared=True)

    film = Film(tmp_path / "r.mkv")
    depths = [_there(film.next().depth_mm) for _ in range(2 * count + 1)]
    film.close()
    played = _played(tmp_path / "r.mkv", 7)

    for again in (depths[count], depths[2 * count]):
        assert np.abs(again - depths[0]).max() == 1.0
        assert np.array_equal(again > 0, depths[0] > 0)
    assert len({depth.tobytes() for depth in depths}) == len(depths), "a camera gives no image twice"
    assert [frame.seq for frame in played] == list(range(1, 8))
    steps_us = np.diff([frame.device_us or 0 for frame in played])
    assert ((steps_us >= 33_000) & (steps_us <= 33_375)).all()


def test_recorded_infrared_is_given_as_it_is(tmp_path: Path) -> None:
    recorded = _recorded(tmp_path / "r.mkv", 2, infrared=True)

    (played,) = _played(tmp_path / "r.mkv", 1)

    left, top = 256 - 32, 206 - 24  # the small image's centre near the large one's
    given = _there(played.infrared)[top : top + 48, left : left + 64]
    assert np.array_equal(given, _there(recorded[0].infrared))


def test_infrared_is_drawn_where_a_recording_has_none_and_is_darker_farther_away(tmp_path: Path) -> None:
    calibration = Calibration(_SMALL, _SMALL, Registered())
    depth_mm = np.full((48, 64), 1000, np.uint16)
    depth_mm[:, 32:] = 2000
    depth_mm[:24] = 0
    grey = Frame(0, 0, np.full((48, 64, 3), 100, np.uint8), depth_mm, calibration)
    with RecordingWriter(
        tmp_path / "r.mkv", calibration=calibration, provenance=_MADE_UP, lossless_color=True
    ) as writer:
        writer.write(grey)

    (played,) = _played(tmp_path / "r.mkv", 1)

    assert played.infrared is not None
    left, top = 256 - 32, 206 - 24
    drawn = played.infrared[top : top + 48, left : left + 64]
    assert [int(drawn[y, x]) for y, x in ((10, 10), (40, 10), (40, 50))] == [0, 6400, 1600]


def test_a_folder_plays_the_recording_that_is_named_or_its_first(tmp_path: Path) -> None:
    _recorded(tmp_path / "b.mkv", 1, infrared=False)
    first = _recorded(tmp_path / "a.mkv", 2, infrared=False)
    for device in (None, "a", "a.mkv"):
        source = stand_in(Source(kind="stand-in", path=str(tmp_path), device=device, pace="asap"), SystemClock())
        source.open()
        frame = source.read(5.0)
        source.close()
        assert frame is not None
        assert np.array_equal(_there(frame.depth_mm)[182:230, 224:288], _there(first[0].depth_mm))


@pytest.mark.parametrize(
    ("path", "device", "fault"),
    [
        (None, None, "needs source.path"),
        (".", None, "holds no recording"),
        (".", "../x", "is not the bare name"),
    ],
)
def test_what_cannot_be_played_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str | None, device: str | None, fault: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match=fault):
        stand_in(Source(kind="stand-in", path=path, device=device), SystemClock())


def test_a_recording_that_is_none_is_said_when_it_is_opened(tmp_path: Path) -> None:
    (tmp_path / "r.mkv").write_bytes(b"nothing")
    source = stand_in(Source(kind="stand-in", path=str(tmp_path / "r.mkv")), SystemClock())
    with pytest.raises(RecordingError, match="is not a Matroska file"):
        source.open()


def test_memory_that_was_given_back_is_spoilt() -> None:
    binding = stand_in_binding(Source(kind="stand-in", path=str(_DEMO), pace="asap"), SystemClock())
    library = binding.Freenect2()
    listener = binding.SyncMultiFrameListener()
    device = library.openDevice(0, binding.CpuPacketPipeline())
    device.setColorFrameListener(listener)
    device.setIrAndDepthFrameListener(listener)
    device.start()
    frames = listener.waitForNewFrame(milliseconds=5000)
    assert frames is not None
    images = [frames[key].asarray() for key in ("color", "ir", "depth")]
    listener.release(frames)
    device.close()

    assert (images[0] == 0xAA).all()
    assert all(np.isnan(image).all() for image in images[1:])


def test_its_frames_are_a_stand_ins() -> None:
    assert stand_in(Source(kind="stand-in", path=str(_DEMO)), SystemClock()).origin is Origin.STAND_IN


def test_frames_come_at_the_plans_rate(tmp_path: Path) -> None:
    (tmp_path / "plan.yaml").write_text("rate_hz: 15\nstart_s: 0.1\n")
    settings = Source(kind="stand-in", path=str(_DEMO), faults=str(tmp_path / "plan.yaml"))
    source = stand_in(settings, SystemClock())
    begun_s = SystemClock().monotonic_ns() / 1e9
    source.open()
    read = [source.read(5.0) for _ in range(4)]
    spent_s = SystemClock().monotonic_ns() / 1e9 - begun_s
    source.close()

    frames = [(frame.seq, frame.device_us or 0) for frame in read if frame is not None]
    steps_us = [(after[1] - before[1]) / (after[0] - before[0]) for before, after in pairwise(frames)]
    assert len(steps_us) == 3
    assert all(66_500 <= step_us <= 66_900 for step_us in steps_us)
    assert spent_s >= 0.25  # never faster, however slow the machine
