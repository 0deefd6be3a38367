import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from kinect_unlock.calibration import calibration_to_plain
from kinect_unlock.clock import ManualClock
from kinect_unlock.errors import SourceError
from kinect_unlock.frames import Frame
from kinect_unlock.sources.base import EndOfStream
from kinect_unlock.sources.images import INTERVAL_NS, ImagesSource
from streams import frames, registered, write_pair


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, frame in zip(("b", "a", "c"), frames(3), strict=True):
        write_pair(tmp_path, name, frame)
    (tmp_path / "intrinsics.json").write_text(json.dumps(calibration_to_plain(registered())))
    (tmp_path / "notes.txt").write_text("not an image")
    return tmp_path


def opened(folder: Path) -> ImagesSource:
    source = ImagesSource(folder, pace="asap", clock=ManualClock())
    source.open()
    return source


def read_all(folder: Path) -> list[Frame]:
    source = opened(folder)
    got = []
    try:
        while (frame := source.read(0.0)) is not None:
            got.append(frame)
    except EndOfStream:
        return got
    finally:
        source.close()
    raise AssertionError("an unpaced source kept silent")


def test_pairs_become_frames_in_the_order_of_their_names(folder: Path) -> None:
    got = read_all(folder)

    stored = frames(3)
    for n, (frame, wanted) in enumerate(zip(got, (stored[1], stored[0], stored[2]), strict=True)):
        assert (frame.seq, frame.captured_ns) == (n, n * INTERVAL_NS)
        assert frame.depth_mm is not None
        assert wanted.depth_mm is not None
        np.testing.assert_array_equal(frame.color, wanted.color)
        np.testing.assert_array_equal(frame.depth_mm, wanted.depth_mm)
        assert frame.calibration == registered()


def test_the_calibration_may_be_yaml(folder: Path) -> None:
    (folder / "intrinsics.json").unlink()
    (folder / "intrinsics.yaml").write_text(yaml.safe_dump(calibration_to_plain(registered())))

    assert read_all(folder)[0].calibration == registered()


def test_small_numbers_in_json_are_numbers(folder: Path) -> None:
    plain = calibration_to_plain(registered())
    plain["color"] |= {"k1": 1e-05}
    (folder / "intrinsics.json").write_text(json.dumps(plain))
    calibration = read_all(folder)[0].calibration

    assert calibration is not None
    assert calibration.color.k1 == 1e-05


def test_images_keep_the_pace_that_was_asked_for(folder: Path) -> None:
    clock = ManualClock()
    source = ImagesSource(folder, pace="recorded", clock=clock)
    source.open()

    assert source.read(0.0) is not None
    assert source.read(0.0) is None
    clock.advance(INTERVAL_NS)
    second = source.read(0.0)
    assert second is not None
    assert second.seq == 1
    source.close()


def test_missing_intrinsics_are_answered_with_an_example_that_works(folder: Path) -> None:
    (folder / "intrinsics.json").unlink()

    with pytest.raises(SourceError, match=r"has no intrinsics.yaml or intrinsics.json") as caught:
        opened(folder)

    (folder / "intrinsics.yaml").write_text(str(caught.value).split("\n\n", 1)[1])
    opened(folder).close()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("color: [", "not a usable calibration", id="not yaml"),
        pytest.param("", "Expected `object`", id="empty"),
        pytest.param("color: {width_px: 20}", r"fx_px|height_px", id="incomplete"),
        pytest.param("!!python/object/apply:os.system ['true']", "not a usable calibration", id="code"),
        pytest.param("\x00\x01", "not a usable calibration", id="binary"),
    ],
)
def test_unusable_intrinsics_are_named_with_their_fault(folder: Path, text: str, complaint: str) -> None:
    (folder / "intrinsics.json").unlink()
    (folder / "intrinsics.yaml").write_text(text)

    with pytest.raises(SourceError, match=complaint) as caught:
        opened(folder)

    assert str(caught.value).startswith(str(folder / "intrinsics.yaml"))


def test_a_folder_that_is_not_there_or_holds_no_pair_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="gone: is not a folder"):
        opened(tmp_path / "gone")
    with pytest.raises(SourceError, match="holds no image pair; put NAME_rgb"):
        opened(tmp_path)


def test_a_colour_image_without_its_depth_is_named_before_any_frame(folder: Path) -> None:
    (folder / "a_depth.png").unlink()

    with pytest.raises(SourceError, match=r"a_rgb\.png: has no a_depth\.png beside it \(1 of 3"):
        opened(folder)


def test_an_image_of_another_size_than_the_intrinsics_is_named(folder: Path) -> None:
    write_pair(folder, "d", frames(1, registered(21, 14))[0])

    with pytest.raises(SourceError, match=r"d_rgb\.png: is 21x14 pixels, but the intrinsics are for 20x14"):
        read_all(folder)


@pytest.mark.parametrize(
    ("depth", "complaint"),
    [
        pytest.param(np.zeros((14, 20), np.uint8), "1 channel.* of 8 bits", id="8 bit"),
        pytest.param(np.zeros((14, 20, 3), np.uint16), "3 channel.* of 16 bits", id="colour"),
    ],
)
def test_depth_that_is_not_sixteen_bit_grey_is_named(folder: Path, depth: np.ndarray, complaint: str) -> None:
    assert cv2.imwrite(str(folder / "a_depth.png"), depth)

    with pytest.raises(SourceError, match=rf"a_depth\.png: has {complaint}"):
        read_all(folder)


@pytest.mark.parametrize("kept", [0, 5, 20, 60, -30, -13, -1])
def test_a_cut_image_is_named_and_nothing_is_printed(
    folder: Path, kept: int, capfd: pytest.CaptureFixture[str]
) -> None:
    image = folder / "a_depth.png"
    image.write_bytes(image.read_bytes()[:kept])

    with pytest.raises(SourceError, match=r"a_depth\.png: is (empty|not a whole PNG)"):
        read_all(folder)

    assert capfd.readouterr() == ("", "")


def test_a_source_that_is_not_open_cannot_be_read(folder: Path) -> None:
    source = ImagesSource(folder, pace="asap", clock=ManualClock())
    source.close()

    with pytest.raises(SourceError, match="is not open"):
        source.read(0.0)
