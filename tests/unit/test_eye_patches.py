"""Where the eyes are cut out: the same eye is the same picture however the head lies, and both eyes look alike."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinect_unlock.arrays import F64, U8
from kinect_unlock.crop import TEMPLATE_PX
from kinect_unlock.eye_patches import PATCH_PX, eye_patches
from kinect_unlock.observations import Box, Detection

SIDE_PX = 480
MIDDLE_ROW, MIDDLE_COLUMN = (side / 2 - 0.5 for side in PATCH_PX)


def face(scale: float = 3.0, turn_deg: float = 0.0) -> F64:
    """Landmarks of a face in the middle of the image, eyes 35 pixels apart at scale 1."""
    turn = np.radians(turn_deg)
    rotation = np.array(((np.cos(turn), -np.sin(turn)), (np.sin(turn), np.cos(turn))))
    return np.asarray((TEMPLATE_PX - TEMPLATE_PX.mean(axis=0)) * scale @ rotation.T + SIDE_PX / 2, np.float64)


def detection(landmarks_px: F64) -> Detection:
    return Detection(Box(0.0, 0.0, 1.0, 1.0), 0.9, landmarks_px.astype(np.float32))


def drawn(landmarks_px: F64, *, radius_px: float) -> U8:
    """A pale image with a dark disc on each eye."""
    image = np.full((SIDE_PX, SIDE_PX, 3), 200, np.uint8)
    for x, y in landmarks_px[:2]:
        cv2.circle(image, (round(x * 16), round(y * 16)), round(radius_px * 16), (20, 20, 20), -1, cv2.LINE_AA, 4)
    return image


@given(scale=st.floats(2.0, 4.0), turn_deg=st.floats(-40, 40))
@settings(deadline=None, max_examples=40)
def test_an_eye_lies_in_the_middle_and_has_its_size_whatever_the_faces_size_and_turn(
    scale: float, turn_deg: float
) -> None:
    marks = face(scale, turn_deg)
    for patch in eye_patches(drawn(marks, radius_px=5.0 * scale), detection(marks))[:, 0]:
        dark = np.maximum(200.0 - patch, 0)
        row, column = (np.average(place, weights=dark) for place in np.indices(PATCH_PX))
        assert (row, column) == pytest.approx((MIDDLE_ROW, MIDDLE_COLUMN), abs=0.3)
        across = 2 * np.sqrt(dark.sum() / 180.0 / np.pi)
        assert across == pytest.approx(10.0 * 48.0 / 35.24, rel=0.12)


def test_the_eye_on_the_images_right_is_mirrored() -> None:
    marks = face()
    image = drawn(marks, radius_px=12.0)
    for side, (x, y) in zip((1, -1), marks[:2], strict=True):  # towards the nose
        cv2.circle(image, (round(x + side * 25), round(y)), 4, (255, 255, 255), -1)

    left, right = eye_patches(image, detection(marks))[:, 0]

    assert np.abs(left - right).mean() < 2.0
    assert left[16, 20 + 10 :].max() > left[16, :10].max()


def test_of_a_face_at_the_edge_the_edge_goes_on() -> None:
    marks = face() - face()[0]
    image = np.full((SIDE_PX, SIDE_PX, 3), 90, np.uint8)

    patches = eye_patches(image, detection(marks))

    assert (patches == 90).all()


def test_colour_is_seen_as_grey() -> None:
    image = np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8)
    image[..., 1] = 100  # green is six tenths of grey

    patches = eye_patches(image, detection(face()))

    assert patches.dtype == np.float32
    assert patches.shape == (2, 1, *PATCH_PX)
    assert patches == pytest.approx(58.7, abs=1.0)


def test_landmarks_that_coincide_are_no_face() -> None:
    with pytest.raises(ValueError, match="coincide"):
        eye_patches(np.zeros((9, 9, 3), np.uint8), detection(np.zeros((5, 2))))
