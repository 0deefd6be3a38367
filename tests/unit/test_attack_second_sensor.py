"""The second model of the depth camera: what physics promises, whatever its levels are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinect_unlock.arrays import F32, F64, U16
from kinect_unlock.frames import Calibration, Intrinsics, Registered
from kinect_unlock_lab.attack.exhibit import Exhibit
from kinect_unlock_lab.attack.phase_depth import FARTHEST_MM, NEAREST_MM
from kinect_unlock_lab.attack.second_sensor import OFFSET_MM, PATTERN_MM, SWELL_MM, SecondSensor, second_sensor

WIDTH, HEIGHT = 60, 70
CAMERA = Intrinsics(WIDTH, HEIGHT, 365.0, 365.0, 29.5, 34.5)
CALIBRATION = Calibration(CAMERA, CAMERA, Registered())
SKIN, PAPER, TONER = 0.6, 0.8, 0.1
WIGGLES_MM = 1.5  # what the harmonics of a unit come to, root mean square over distances


def _plane(depth_mm: float, tilt_deg: float = 0.0) -> F32:
    """Depth f32[h,w] of a plane that is turned about the vertical."""
    x = (np.arange(WIDTH) - CAMERA.cx_px) / CAMERA.fx_px
    row = depth_mm / (1 - x * np.tan(np.radians(tilt_deg)))
    return np.tile(row, (HEIGHT, 1)).astype(np.float32)


def _exhibit(depth_mm: F32, reflectance: float | F32 = SKIN, gloss: float = 0.0) -> Exhibit:
    shape = depth_mm.shape
    return Exhibit(
        color=np.zeros((*shape, 3), np.uint8),
        depth_mm=depth_mm.copy(),
        reflectance=np.array(np.broadcast_to(reflectance, shape), np.float32),
        gloss=np.full(shape, gloss, np.float32),
    )


def _unit(seed: int = 0) -> SecondSensor:
    return second_sensor(CALIBRATION, "none", np.random.default_rng(seed))


def _reads(exhibit: Exhibit, count: int = 12, unit: SecondSensor | None = None) -> F64:
    """Return f64[count,h,w] mm of one unit, NaN where it has no reading."""
    rng = np.random.default_rng(7)
    reads = np.stack([(unit or _unit()).read(exhibit, rng) for _ in range(count)]).astype(np.float64)
    reads[reads == 0] = np.nan
    return reads


def _sigma_mm(exhibit: Exhibit) -> float:
    return float(np.median(np.std(_reads(exhibit), axis=0, ddof=1)))


def _close_to_each_other(step_mm: float) -> U16:
    """One reading of a near half on the left and a far half on the right."""
    depth_mm = _plane(800)
    depth_mm[:, WIDTH // 2 :] += step_mm
    return _unit().read(_exhibit(depth_mm), np.random.default_rng(1))


def test_noise_grows_with_distance() -> None:
    sigma_mm = [_sigma_mm(_exhibit(_plane(depth_mm))) for depth_mm in (600, 1200, 2000, 3500)]
    assert sigma_mm == sorted(sigma_mm)
    assert sigma_mm[-1] > 4 * sigma_mm[0]


def test_noise_grows_with_darkness() -> None:
    sigma_mm = [_sigma_mm(_exhibit(_plane(900), reflectance)) for reflectance in (PAPER, 0.3, TONER, 0.05)]
    assert sigma_mm == sorted(sigma_mm)
    assert sigma_mm[-1] > 4 * sigma_mm[0]


def test_noise_of_skin_within_arms_reach_is_about_a_millimetre() -> None:
    assert 0.3 < _sigma_mm(_exhibit(_plane(600))) < 1.0
    assert 0.5 < _sigma_mm(_exhibit(_plane(1200))) < 1.5


@pytest.mark.parametrize("tilt_deg", [0, 30, 50])
@pytest.mark.parametrize("depth_mm", [600, 900, 1400])
def test_a_plane_reads_as_a_plane_but_for_the_units_own_faults(depth_mm: float, tilt_deg: float) -> None:
    truth_mm = _plane(depth_mm, tilt_deg)
    errors_mm = [np.nanmean(_reads(_exhibit(truth_mm), 3, _unit(seed)) - truth_mm) for seed in range(12)]
    # Offset and wiggles differ from unit to unit and have no mean.
    assert abs(np.mean(errors_mm)) < 1 + 2 * np.hypot(OFFSET_MM, WIGGLES_MM) / np.sqrt(12)
    flat_mm = np.nanmean(_reads(_exhibit(truth_mm), 12), axis=0) - truth_mm
    inner = flat_mm[4:-4, 4:-4]
    assert np.std(inner - np.mean(inner)) < 2 * np.sqrt(SWELL_MM**2 + PATTERN_MM**2 + WIGGLES_MM**2)


def test_an_edge_gives_readings_between_the_surfaces() -> None:
    depth_mm = _close_to_each_other(90)
    between = (depth_mm > 800 + 15) & (depth_mm < 890 - 15)
    assert between[5:-5, WIDTH // 2 - 2 : WIDTH // 2 + 2].any(axis=1).mean() > 0.5
    assert not between[5:-5, : WIDTH // 2 - 8].any()


def test_the_driver_drops_what_lies_between_surfaces_far_apart() -> None:
    depth_mm = _close_to_each_other(700)
    seam = depth_mm[5:-5, WIDTH // 2 - 3 : WIDTH // 2 + 3]
    assert (seam == 0).any(axis=1).mean() > 0.9
    assert not ((seam > 900) & (seam < 1400)).any()


def test_the_lamp_throws_a_shadow_to_the_left_of_what_stands_before_a_wall() -> None:
    depth_mm = _plane(1400)
    depth_mm[15:55, 25:45] = 600
    holes = _unit().read(_exhibit(depth_mm), np.random.default_rng(1))[20:50] == 0
    left, right = holes[:, 5:25].sum(axis=1), holes[:, 45:].sum(axis=1)
    assert np.median(left) >= 4
    assert np.median(right) <= 2


def test_nothing_gives_no_reading() -> None:
    assert not _unit().read(_exhibit(np.full((HEIGHT, WIDTH), np.inf, np.float32)), np.random.default_rng(1)).any()


def test_what_stands_before_nothing_grows_by_a_pixel_at_most() -> None:
    depth_mm = np.full((HEIGHT, WIDTH), np.inf, np.float32)
    depth_mm[20:50, 20:40] = 600
    read = _unit().read(_exhibit(depth_mm, PAPER), np.random.default_rng(1)) > 0
    assert read[22:48, 22:38].all()
    read[19:51, 19:41] = False
    assert not read.any()


@pytest.mark.parametrize("tilt_deg", [15, 30, 45])
def test_glass_at_an_angle_gives_holes(tilt_deg: float) -> None:
    glass = _exhibit(_plane(700, tilt_deg), reflectance=0.05, gloss=0.9)
    assert np.isnan(_reads(glass, 4)).mean() > 0.9


def test_glass_at_right_angles_blinds_the_pixels_that_see_the_lamp() -> None:
    depth_mm = _unit().read(_exhibit(_plane(700), reflectance=PAPER, gloss=0.3), np.random.default_rng(1))
    middle, corner = depth_mm[30:40, 25:35], depth_mm[:8, :8]
    assert not middle.any()
    assert (corner > 0).all()


def test_what_is_too_dark_has_no_reading() -> None:
    assert np.isnan(_reads(_exhibit(_plane(3000), 0.02), 2)).mean() > 0.95


def test_what_is_too_near_or_too_far_has_no_reading() -> None:
    for depth_mm in (NEAREST_MM - 20, FARTHEST_MM + 200, 8000):
        assert np.isnan(_reads(_exhibit(_plane(depth_mm), PAPER), 2)).mean() > 0.95


def test_a_unit_keeps_its_pattern_and_another_has_its_own() -> None:
    exhibit = _exhibit(_plane(800), PAPER)
    first, again, other = (
        np.mean(_reads(exhibit, 12, unit), axis=0).ravel() for unit in (_unit(1), _unit(1), _unit(2))
    )
    assert np.corrcoef(first, again)[0, 1] > 0.95
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.6
    assert abs(np.mean(first) - np.mean(other)) > 0.1


def test_the_same_numbers_give_the_same_readings() -> None:
    exhibit = _exhibit(_plane(800, 20))
    reads = [_unit(3).read(exhibit, np.random.default_rng(seed)) for seed in (5, 5, 6)]
    assert np.array_equal(reads[0], reads[1])
    assert not np.array_equal(reads[0], reads[2])


def test_coarse_readings_stand_on_the_data_sets_steps() -> None:
    sensor = second_sensor(CALIBRATION, "coarse", np.random.default_rng(0))
    depth_mm = sensor.read(_exhibit(_plane(1020, 60)), np.random.default_rng(1))
    assert (depth_mm > 0).mean() > 0.9
    near = depth_mm < 1024
    assert near.any()
    assert (~near).any()
    assert not (depth_mm[near] % 4).any()
    assert not (depth_mm[~near] % 8).any()


def test_another_grid_than_the_sensors_is_refused() -> None:
    with pytest.raises(ValueError, match=r"70, 60"):
        _unit().read(_exhibit(np.full((5, 6), 800, np.float32)), np.random.default_rng(1))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    odd=st.sampled_from([np.nan, np.inf, -np.inf, -5.0, 0.0, 1e-3, 2.0, 400.0, 1e30]),
    deepest_mm=st.floats(1, 20_000),
    share=st.floats(0, 1),
)
def test_any_exhibit_is_read_within_the_range(seed: int, odd: float, deepest_mm: float, share: float) -> None:
    rng = np.random.default_rng(seed)
    depth_mm = rng.uniform(0, deepest_mm, (HEIGHT, WIDTH)).astype(np.float32)
    depth_mm[rng.random(depth_mm.shape) < share] = odd
    reflectance, gloss = rng.uniform(-0.1, 1.1, (2, HEIGHT, WIDTH)).astype(np.float32)
    reflectance[0, 0] = gloss[1, 1] = np.nan
    exhibit = Exhibit(np.zeros((HEIGHT, WIDTH, 3), np.uint8), depth_mm, reflectance, gloss)
    read = _unit(seed).read(exhibit, rng)
    assert read.dtype == np.uint16
    assert read.shape == depth_mm.shape
    seen = read[read > 0]
    assert ((seen >= NEAREST_MM) & (seen <= FARTHEST_MM)).all()
