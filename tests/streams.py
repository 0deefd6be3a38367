"""Small streams that belong to nobody, for tests of recordings and sources."""

from pathlib import Path

import cv2
import numpy as np

from kinect_unlock.arrays import U8
from kinect_unlock.clock import NS_PER_S
from kinect_unlock.frames import Calibration, Frame, Intrinsics, Registered
from kinect_unlock.recording import RecordingWriter

INTERVAL_NS = 33_333_333
PROVENANCE = {"origin": "stand-in", "made_by": "a test"}


def registered(width_px: int = 20, height_px: int = 14) -> Calibration:
    """A camera whose colour and depth share one grid."""
    camera = Intrinsics(width_px, height_px, 60.0, 60.0, width_px / 2, height_px / 2)
    return Calibration(camera, camera, Registered())


def frames(
    count: int, calibration: Calibration | None = None, *, infrared: bool = False, first_ns: int = 5 * NS_PER_S
) -> list[Frame]:
    """Frames of noise at 30 Hz; the same for the same arguments."""
    calibration = calibration or registered()
    random = np.random.default_rng(7)
    color_shape = (calibration.color.height_px, calibration.color.width_px, 3)
    depth_shape = (calibration.depth.height_px, calibration.depth.width_px)
    return [
        Frame(
            seq=seq,
            captured_ns=first_ns + seq * INTERVAL_NS,
            color=random.integers(0, 256, color_shape, dtype=np.uint8),
            depth_mm=random.integers(0, 65536, depth_shape, dtype=np.uint16),
            calibration=calibration,
            infrared=random.integers(0, 65536, depth_shape, dtype=np.uint16) if infrared else None,
            device_us=900 + seq * 33_333,
        )
        for seq in range(count)
    ]


def write_recording(path: Path, stream: list[Frame], *, lossless_color: bool = True) -> Path:
    """Write frames of one calibration to a new file."""
    calibration = stream[0].calibration or registered()
    with RecordingWriter(
        path,
        calibration=calibration,
        provenance=PROVENANCE,
        lossless_color=lossless_color,
        infrared=stream[0].infrared is not None,
    ) as writer:
        for frame in stream:
            writer.write(frame)
    return path


def assert_same(got: Frame, wanted: Frame) -> None:
    """Every number and every pixel of two frames is equal."""
    assert (got.seq, got.captured_ns, got.device_us) == (wanted.seq, wanted.captured_ns, wanted.device_us)
    np.testing.assert_array_equal(got.color, wanted.color)
    for mine, theirs in ((got.depth_mm, wanted.depth_mm), (got.infrared, wanted.infrared)):
        assert (mine is None) == (theirs is None)
        if mine is not None and theirs is not None:
            np.testing.assert_array_equal(mine, theirs)


def write_pair(folder: Path, name: str, frame: Frame) -> None:
    """Write a frame as a pair of images."""
    assert frame.depth_mm is not None
    bgr: U8 = np.ascontiguousarray(frame.color[:, :, ::-1])
    assert cv2.imwrite(str(folder / f"{name}_rgb.png"), bgr)
    assert cv2.imwrite(str(folder / f"{name}_depth.png"), frame.depth_mm)
