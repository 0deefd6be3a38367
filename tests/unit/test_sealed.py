import os
from pathlib import Path

import msgspec
import numpy as np
import pytest

from kinect_unlock.errors import DaemonUnavailable
from kinect_unlock.frames import Calibration, Frame, Intrinsics, Registered
from kinect_unlock.looks import Look
from kinect_unlock.observations import Seen
from kinect_unlock.sealed import Picture, opened, picture_of, planes_of, seal

LOOK = Look(Seen.NO_FACE)
CAMERA = Intrinsics(6, 4, 5.0, 5.0, 2.5, 1.5)


def frame(*, depth: bool = True, infrared: bool = True) -> Frame:
    rng = np.random.default_rng(7)
    plane = rng.integers(0, 1 << 16, (4, 6)).astype(np.uint16)
    return Frame(
        seq=3,
        captured_ns=1_000_000_007,
        color=rng.integers(0, 256, (4, 6, 3)).astype(np.uint8),
        depth_mm=plane if depth else None,
        calibration=Calibration(CAMERA, CAMERA, Registered()) if depth else None,
        infrared=plane[::-1].copy() if infrared else None,
    )


def told(one: Frame) -> Picture:
    """Return what a viewer is told of a frame, through JSON and back."""
    return msgspec.json.decode(msgspec.json.encode(picture_of(one, LOOK)), type=Picture)


@pytest.mark.parametrize(("depth", "infrared"), [(True, True), (True, False), (False, True), (False, False)])
def test_a_frame_comes_out_as_it_went_in(depth: bool, infrared: bool) -> None:  # noqa: FBT001 - parametrised
    sent = frame(depth=depth, infrared=infrared)
    descriptor = seal(sent)
    try:
        came = opened(told(sent), descriptor)
    finally:
        os.close(descriptor)

    assert (came.seq, came.captured_ns, came.calibration) == (sent.seq, sent.captured_ns, sent.calibration)
    for name in ("color", "depth_mm", "infrared"):
        ours, theirs = getattr(sent, name), getattr(came, name)
        assert (ours is None) == (theirs is None)
        if ours is not None:
            np.testing.assert_array_equal(theirs, ours)


def test_what_is_sealed_can_be_changed_by_nobody() -> None:
    descriptor = seal(frame())
    try:
        with pytest.raises(PermissionError):
            os.pwrite(descriptor, b"x", 0)
        with pytest.raises(PermissionError):
            os.ftruncate(descriptor, 0)
        with pytest.raises(PermissionError):
            os.pwrite(descriptor, b"x", os.fstat(descriptor).st_size)
    finally:
        os.close(descriptor)


def test_images_that_are_views_of_others_are_sealed_as_they_are() -> None:
    whole = frame()
    assert whole.depth_mm is not None
    mirrored = Frame(1, 1, whole.color[:, ::-1], whole.depth_mm[:, ::-1], whole.calibration)
    descriptor = seal(mirrored)
    try:
        np.testing.assert_array_equal(opened(told(mirrored), descriptor).color, whole.color[:, ::-1])
    finally:
        os.close(descriptor)


def test_memory_that_is_not_sealed_is_refused() -> None:
    one = frame()
    descriptor = os.memfd_create("open", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        os.write(descriptor, bytes(sum(plane.size_bytes for plane in planes_of(one))))
        with pytest.raises(DaemonUnavailable, match="not sealed or not whole"):
            opened(told(one), descriptor)
    finally:
        os.close(descriptor)


def test_memory_of_another_size_is_refused() -> None:
    descriptor = seal(frame(infrared=False))
    try:
        with pytest.raises(DaemonUnavailable, match="not sealed or not whole"):
            opened(told(frame()), descriptor)
    finally:
        os.close(descriptor)


def test_a_file_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 120)
    with (tmp_path / "file").open("rb") as file, pytest.raises(DaemonUnavailable, match="something else"):
        opened(told(frame()), file.fileno())


def test_a_picture_without_a_colour_image_is_refused() -> None:
    one = frame()
    without = msgspec.structs.replace(told(one), planes=tuple(p for p in planes_of(one) if p.name != "color"))
    descriptor = seal(one)
    try:
        with pytest.raises(DaemonUnavailable):
            opened(without, descriptor)
    finally:
        os.close(descriptor)
