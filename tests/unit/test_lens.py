"""A lens against OpenCV's projection of the same one."""

import cv2
import numpy as np
import pytest

from kinect_unlock.arrays import F32
from kinect_unlock.frames import Intrinsics
from kinect_unlock.lens import every_pixel, pixels, rays

STRAIGHT = Intrinsics(40, 30, 30.0, 30.0, 19.3, 14.8)
BENT = Intrinsics(40, 30, 30.0, 30.0, 19.3, 14.8, k1=0.09, k2=-0.12, k3=0.03, p1=0.002, p2=-0.003)
LENSES = [
    pytest.param(STRAIGHT, id="straight"),
    pytest.param(BENT, id="bent"),
    pytest.param(Intrinsics(120, 90, 90.0, 92.0, 58.1, 44.2, k1=0.05, k2=-0.04, p1=0.001, p2=-0.001), id="colour"),
]


def projected(lens: Intrinsics, ray_x: F32, ray_y: F32) -> tuple[F32, F32]:
    directions = np.stack((ray_x, ray_y, np.ones_like(ray_x)), axis=-1).reshape(-1, 3).astype(np.float64)
    matrix = np.array(((lens.fx_px, 0, lens.cx_px), (0, lens.fy_px, lens.cy_px), (0, 0, 1)))
    bent = np.array((lens.k1, lens.k2, lens.p1, lens.p2, lens.k3))
    found, _ = cv2.projectPoints(directions, np.zeros(3), np.zeros(3), matrix, bent)
    x, y = found[:, 0].astype(np.float32).T.reshape(2, *ray_x.shape)
    return x, y


@pytest.mark.parametrize("lens", LENSES)
def test_rays_bent_by_the_lens_return_to_their_pixel(lens: Intrinsics) -> None:
    x, y = every_pixel(lens)

    np.testing.assert_allclose(projected(lens, *rays(lens, x, y)), (x, y), atol=0.02)


@pytest.mark.parametrize("lens", LENSES)
def test_directions_are_seen_where_opencv_projects_them(lens: Intrinsics) -> None:
    y, x = np.mgrid[-0.4:0.4:9j, -0.5:0.5:11j].astype(np.float32)

    np.testing.assert_allclose(pixels(lens, x, y), projected(lens, x, y), atol=1e-3)


def test_a_pixel_whose_distortion_cannot_be_undone_has_no_direction() -> None:
    too_bent = Intrinsics(40, 30, 12.0, 12.0, 19.3, 14.8, k1=-0.5)
    ray_x, ray_y = rays(too_bent, np.array([[0, 19]], np.float32), np.array([[0, 15]], np.float32))

    assert np.isnan((ray_x[0, 0], ray_y[0, 0])).all()
    assert np.isfinite((ray_x[0, 1], ray_y[0, 1])).all()


def test_every_pixel_is_named_by_column_and_row() -> None:
    x, y = every_pixel(STRAIGHT)

    assert x.shape == y.shape == (30, 40)
    assert (x[7, 11], y[7, 11]) == (11, 7)
