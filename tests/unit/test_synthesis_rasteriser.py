"""The fast rasteriser against the plain one, and geometry known by heart."""

import numpy as np

from fakes.heads import egg_head
from kinect_unlock.arrays import F32, F64
from kinect_unlock_lab import raster as plain
from kinect_unlock_lab.raster import I32
from kinect_unlock_lab.synthesis.rasteriser import interpolate, rasterise

WIDTH, HEIGHT = 90, 110


def _soup(seed: int) -> tuple[F64, I32]:
    """Two hundred triangles of all sizes and both directions, some partly outside, some behind the camera."""
    rng = np.random.default_rng(seed)
    middle = rng.uniform((-20, -20, 300), (WIDTH + 20, HEIGHT + 20, 900), (200, 1, 3))
    corners = middle + rng.normal(0, 1, (200, 3, 3)) * (12, 12, 60)
    corners[:10, 0, 2] = -1.0
    screen = corners.reshape(-1, 3).astype(np.float32).astype(np.float64)
    return screen, np.arange(600, dtype=np.int32).reshape(-1, 3)


def test_it_sees_what_the_plain_rasteriser_sees() -> None:
    for seed in range(20):
        for both in (False, True):
            screen, triangles = _soup(seed)
            hits = plain.rasterise(screen, triangles, width_px=WIDTH, height_px=HEIGHT, both_sides=both)
            seen = rasterise(screen.astype(np.float32), triangles, WIDTH, HEIGHT, both_sides=both)
            assert np.array_equal(np.flatnonzero(seen.triangle.ravel() >= 0), hits.pixel)
            assert np.array_equal(seen.triangle.ravel()[hits.pixel], hits.triangle)
            assert np.allclose(seen.z_mm, plain.depth_image(hits, width_px=WIDTH, height_px=HEIGHT), rtol=1e-6)


def test_values_are_interpolated_as_the_plain_rasteriser_does() -> None:
    screen, triangles = _soup(3)
    values = np.random.default_rng(4).normal(size=(600, 5))
    hits = plain.rasterise(screen, triangles, width_px=WIDTH, height_px=HEIGHT, both_sides=True)
    seen = rasterise(screen.astype(np.float32), triangles, WIDTH, HEIGHT, both_sides=True)
    found = interpolate(seen, screen.astype(np.float32), triangles, values)
    # Slivers have weights near 0/0, where the two round differently.
    assert np.allclose(found.reshape(-1, 5)[hits.pixel], hits.gather(values, triangles), atol=1e-3)
    assert np.isnan(found[seen.triangle < 0]).all()


def test_world_coordinates_come_back_from_their_projection() -> None:
    head = egg_head()
    world: F32 = (head.neutral + np.array((10.0, 5.0, 800.0))).astype(np.float32)
    screen = np.column_stack([world[:, :2] / world[:, 2:] * 365 + (60, 75), world[:, 2]]).astype(np.float32)
    seen = rasterise(screen, head.triangles, 120, 150)
    found = interpolate(seen, screen, head.triangles, world)
    row, column = np.nonzero(seen.triangle >= 0)
    assert len(row) > 3000
    assert np.allclose(found[row, column, 0] / found[row, column, 2] * 365 + 60, column, atol=1e-3)
    assert np.allclose(found[row, column, 2], seen.z_mm[row, column], rtol=1e-5)


def test_nothing_to_draw_leaves_infinity() -> None:
    seen = rasterise(np.zeros((3, 3), np.float32), np.zeros((0, 3), np.int32), 4, 5)
    assert np.isinf(seen.z_mm).all()
    assert (seen.triangle == -1).all()
