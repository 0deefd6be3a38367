"""What a camera gives: a frame or calibration that cannot be is refused, and frames show nothing in a log."""

from dataclasses import replace

import numpy as np
import pytest

from kinect_unlock.frames import Extrinsic, Frame, Intrinsics, Origin

LENS = Intrinsics(512, 424, 365.0, 365.0, 256.0, 212.0)


def frame() -> Frame:
    return Frame(7, 1_000, np.zeros((4, 6, 3), np.uint8), np.zeros((2, 3), np.uint16), None)


def test_intrinsics_are_finite() -> None:
    with pytest.raises(ValueError, match="intrinsics must be finite"):
        replace(LENS, p2=float("nan"))


def test_an_extrinsic_turns_and_does_not_stretch() -> None:
    with pytest.raises(ValueError, match="rotation must be orthonormal"):
        Extrinsic(1.01 * np.eye(3), np.zeros(3))


def test_planes_of_another_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="depth_mm must be uint16 with 2 axes, got float32"):
        Frame(7, 1_000, np.zeros((4, 6, 3), np.uint8), np.zeros((2, 3), np.float32), None)


def test_a_frame_is_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        frame().color[0, 0, 0] = 1


def test_a_frame_shows_nothing_of_its_picture() -> None:
    assert repr(frame()) == "Frame(seq=7, captured_ns=1000)"


def test_what_is_played_keeps_its_own_clock() -> None:
    assert {origin for origin in Origin if not origin.live} == {Origin.RECORDING, Origin.IMAGES}
