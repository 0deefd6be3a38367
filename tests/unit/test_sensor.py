"""The laboratory's forward camera model against the product's alignment, and the depth camera's faults."""

import numpy as np
import pytest

from kinect_unlock.align import register_full
from kinect_unlock.arrays import F32
from kinect_unlock.frames import Calibration, Extrinsic, Intrinsics, Registered
from kinect_unlock_lab.raster import rasterise
from kinect_unlock_lab.sensor import (
    DEMO_CROP,
    FULL_COLOR,
    DepthNoise,
    expose_color,
    lamp_view,
    nominal_kinect,
    project_to_color,
    project_to_depth,
    sense_depth,
)

SILENT = DepthNoise(white_mm=0, blotch_mm=0, edge_hole=0, edge_flying=0, grazing_hole=0, stray_hole=0, far_step_mm=1)
NOTHING_IN_THE_WAY = np.full((60, 80), np.inf, np.float32)


def _rigid() -> Calibration:
    small = np.radians(1.5)
    turn = np.array([[np.cos(small), 0, np.sin(small)], [0, 1, 0], [-np.sin(small), 0, np.cos(small)]])
    color = Intrinsics(640, 480, 540, 540, 320, 240)
    return Calibration(color, nominal_kinect().depth, Extrinsic(turn, np.array([52.0, 1.0, -3.0])))


def _registered() -> Calibration:
    lens = Intrinsics(512, 424, 365, 365, 255.5, 211.5)
    return Calibration(lens, lens, Registered())


@pytest.mark.parametrize(
    "calibration",
    [
        pytest.param(nominal_kinect(DEMO_CROP), id="polynomial, as in the demo"),
        pytest.param(nominal_kinect(FULL_COLOR), id="polynomial, full size"),
        pytest.param(_rigid(), id="rigid"),
        pytest.param(_registered(), id="registered"),
    ],
)
def test_alignment_finds_every_point_where_the_camera_put_it(calibration: Calibration) -> None:
    """A slanted plane, rendered by the forward model, read back at the colour pixel of each of its points."""
    x, y = np.meshgrid(np.linspace(-160, 160, 81), np.linspace(-130, 130, 61))
    points = np.stack([x, y, 800 + 0.5 * x - 0.3 * y], axis=-1).reshape(-1, 3)
    quad = (np.arange(60)[:, None] * 81 + np.arange(80)).ravel()
    triangles = np.concatenate(
        [np.stack([quad, quad + 81, quad + 1], 1), np.stack([quad + 1, quad + 81, quad + 82], 1)]
    ).astype(np.int32)
    hits = rasterise(project_to_depth(points, calibration), triangles, width_px=512, height_px=424, both_sides=True)
    depth = np.zeros(512 * 424, np.uint16)
    depth[hits.pixel] = np.round(hits.z)
    grid = register_full(depth.reshape(424, 512), calibration)
    inner = points[(np.abs(points[:, 0]) < 120) & (np.abs(points[:, 1]) < 100)]
    color = project_to_color(inner, calibration)
    cell = np.round(grid.cells(color[:, :2])).astype(int)
    found = grid.depth_mm[cell[:, 1], cell[:, 0]].astype(float)
    assert (found > 0).mean() > 0.99
    error = np.abs(found - color[:, 2])[found > 0]
    assert np.median(error) < 1.0
    assert np.quantile(error, 0.99) < 3.0  # half a grid cell on this slope


def test_a_crop_only_shifts_and_scales_the_colour_image() -> None:
    points = np.array([[0.0, 0.0, 700.0], [120.0, -90.0, 900.0], [-200.0, 150.0, 1500.0]])
    full = project_to_color(points, nominal_kinect(FULL_COLOR))[:, :2]
    part = project_to_color(points, nominal_kinect(DEMO_CROP))[:, :2]
    reduced = (full + 0.5) / DEMO_CROP.reduced_by - 0.5
    assert np.allclose(part, reduced - (DEMO_CROP.x_px, DEMO_CROP.y_px), atol=1e-6)


def test_without_noise_depth_is_the_truth_in_whole_millimetres() -> None:
    truth = np.linspace(600, 1300, 60 * 80, dtype=np.float32).reshape(60, 80)
    assert np.array_equal(
        sense_depth(truth, NOTHING_IN_THE_WAY, SILENT, np.random.default_rng(1)), np.round(truth).astype(np.uint16)
    )


def test_what_is_not_there_or_out_of_range_gives_no_reading() -> None:
    truth = np.full((60, 80), 900, np.float32)
    truth[:20], truth[20:40] = np.inf, 5000
    reading = sense_depth(truth, NOTHING_IN_THE_WAY, SILENT, np.random.default_rng(1))
    assert reading[:40].max() == 0
    assert reading[42:].min() == 900


def test_what_lies_in_the_lamps_shadow_gives_no_reading() -> None:
    truth = np.full((60, 80), 900, np.float32)
    lit = NOTHING_IN_THE_WAY.copy()
    lit[:, 30:40] = 700
    reading = sense_depth(truth, lit, SILENT, np.random.default_rng(1))
    assert reading[:, 30:40].max() == 0
    assert reading[:, 41:].min() == 900


def test_noise_grows_with_distance() -> None:
    def spread(distance_mm: float) -> float:
        flat: F32 = np.full((60, 80), distance_mm, np.float32)
        reading = sense_depth(flat, NOTHING_IN_THE_WAY, DepthNoise(stray_hole=0), np.random.default_rng(2))
        return float(reading.std())

    assert spread(600) < spread(900) < spread(1300)


def test_readings_fly_and_vanish_along_outlines_only() -> None:
    truth = np.full((60, 80), 900, np.float32)
    truth[:, 40:] = 1300
    noise = DepthNoise(stray_hole=0, white_mm=0, blotch_mm=0)
    reading = sense_depth(truth, NOTHING_IN_THE_WAY, noise, np.random.default_rng(3)).astype(int)
    edge = reading[:, 39:41]
    assert (edge == 0).any()
    assert ((edge > 905) & (edge < 1295)).any()
    assert set(np.unique(reading[:, :38])) == {900}


def test_the_lamp_sees_the_same_point_shifted_by_its_place() -> None:
    calibration = nominal_kinect()
    truth = np.full((424, 512), 1000, np.float32)
    blocked = np.full((424, 512), np.inf, np.float32)
    blocked[:, 100] = 500
    seen = lamp_view(blocked, truth, calibration)
    assert set(np.flatnonzero(np.isfinite(seen[200]))) == {110}  # 26 mm * 365.6 px / 1000 mm


def test_colour_stays_in_range_and_repeats_with_its_seed() -> None:
    light = np.random.default_rng(4).random((40, 50, 3)).astype(np.float32) * 3
    first, again = (expose_color(light, gain=1.5, noise=2.0, rng=np.random.default_rng(5)) for _ in range(2))
    assert first.min() >= 0
    assert first.max() <= 255
    assert np.array_equal(first, again)
