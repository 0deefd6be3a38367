"""The rasteriser against plain loops and geometry known by heart."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from kinect_unlock.arrays import F64
from kinect_unlock_lab.raster import Threads, depth_image, rasterise, splat

TRIANGLE = np.array([[0, 1, 2]], np.int32)
coordinates = st.floats(-3.0, 14.0, allow_nan=False)


def _covered_by_loop(corner: F64, width: int, height: int) -> set[tuple[int, int]]:
    """Pixels strictly inside, by three half-planes."""
    found = set()
    for y in range(height):
        for x in range(width):
            signs = []
            for k in range(3):
                (ax, ay), (bx, by) = corner[k, :2], corner[(k + 1) % 3, :2]
                signs.append((bx - ax) * (y - ay) - (by - ay) * (x - ax))
            if all(s > 1e-6 for s in signs) or all(s < -1e-6 for s in signs):
                found.add((x, y))
    return found


@given(st.lists(coordinates, min_size=6, max_size=6))
def test_every_pixel_inside_a_triangle_is_covered(numbers: list[float]) -> None:
    corner = np.column_stack([np.array(numbers).reshape(3, 2), np.full(3, 5.0)])
    hits = rasterise(corner, TRIANGLE, width_px=12, height_px=11, both_sides=True)
    covered = {(int(p) % 12, int(p) // 12) for p in hits.pixel}
    inside = _covered_by_loop(corner, 12, 11)
    assert inside <= covered
    assert len(covered) <= len(inside) + 24  # what lies on an edge may count or not


def test_the_nearer_of_two_triangles_is_seen() -> None:
    square = np.array([[0.0, 0, 900], [9, 0, 900], [0, 9, 900], [0, 0, 700], [9, 0, 700], [0, 9, 700]])
    hits = rasterise(square, np.array([[0, 1, 2], [3, 4, 5]], np.int32), width_px=10, height_px=10, both_sides=True)
    assert set(hits.triangle) == {1}
    assert depth_image(hits, width_px=10, height_px=10)[2, 2] == 700


def test_a_back_face_is_not_drawn_unless_asked_for() -> None:
    corner = np.array([[0.0, 0, 5], [9, 0, 5], [0, 9, 5]])
    seen = rasterise(corner, TRIANGLE, width_px=10, height_px=10)
    turned = rasterise(corner, TRIANGLE[:, ::-1], width_px=10, height_px=10)
    assert {len(seen.pixel) > 0, len(turned.pixel) > 0} == {True, False}


def test_attributes_are_interpolated_in_perspective() -> None:
    fx = 100.0
    world = np.array([[-1.0, 0.0, 1.0], [1.0, 0.0, 3.0], [0.0, 1.0, 2.0]])
    screen = np.column_stack([world[:, 0] / world[:, 2] * fx + 110, world[:, 1] / world[:, 2] * fx, world[:, 2]])
    hits = rasterise(screen, TRIANGLE, width_px=200, height_px=80, both_sides=True)
    found = hits.gather(world, TRIANGLE)
    assert np.allclose(found[:, 0] / found[:, 2] * fx + 110, hits.pixel % 200, atol=1e-3)
    assert np.allclose(found[:, 2], hits.z, atol=1e-5)


def test_nothing_to_draw_gives_no_hits() -> None:
    hits = rasterise(np.array([[0.0, 0, -1], [9, 0, -1], [0, 9, -1]]), TRIANGLE, width_px=10, height_px=10)
    assert hits.pixel.size == 0
    assert np.isinf(depth_image(hits, width_px=10, height_px=10)).all()


def test_a_strand_behind_a_surface_leaves_no_trace() -> None:
    points = np.array([[[2.0, 5.0, 800.0], [17.0, 5.0, 800.0]]])
    threads = Threads(points, np.ones((1, 2, 3), np.float32), opacity=0.9, pixels_per_mm=3.0)
    hidden, shown = np.zeros((10, 20, 3), np.float32), np.zeros((10, 20, 3), np.float32)
    splat(hidden, np.full((10, 20), 700, np.float32), threads)
    splat(shown, np.full((10, 20), np.inf, np.float32), threads)
    assert hidden.max() == 0
    assert shown[5, 4:15].min() > 0.5
    assert shown[:4].max() == 0
