"""A unit of the first sensor errs as drawn for as long as it lives, and reads little of a mirror."""

import numpy as np
import pytest

from analytic_faces import CALIBRATION, CAMERA
from kinect_unlock.arrays import F64
from kinect_unlock_lab.attack.exhibit import Exhibit
from kinect_unlock_lab.attack.first_sensor import first_sensor
from kinect_unlock_lab.attack.sensors import SENSORS

SHAPE = (CAMERA.height_px, CAMERA.width_px)


def wall(distance_mm: float = 900.0, *, reflectance: float = 0.6, gloss: float = 0.0) -> Exhibit:
    return Exhibit(
        np.zeros((*SHAPE, 3), np.uint8),
        np.full(SHAPE, distance_mm, np.float32),
        np.full(SHAPE, reflectance, np.float32),
        np.full(SHAPE, gloss, np.float32),
    )


def test_it_is_the_first_of_the_sensors() -> None:
    assert SENSORS["first"] is first_sensor


def test_a_wall_reads_about_where_it_is_and_nothing_where_nothing_is() -> None:
    sensor = first_sensor(CALIBRATION, "none", np.random.default_rng(1))

    reading = sensor.read(wall(), np.random.default_rng(2))

    assert reading.dtype == np.uint16
    assert np.median(reading) == pytest.approx(900, abs=4)
    assert (reading > 0).mean() > 0.95
    assert not sensor.read(wall(np.inf, reflectance=0.0), np.random.default_rng(2)).any()


def test_one_unit_keeps_its_wave_and_noise_is_fresh() -> None:
    def averaged(unit: int, luck: int) -> F64:
        sensor, rng = first_sensor(CALIBRATION, "none", np.random.default_rng(unit)), np.random.default_rng(luck)
        mean: F64 = np.median([sensor.read(wall(), rng) for _ in range(25)], axis=0)
        return mean[20:-20, 20:-20]

    mine, again, other = averaged(1, 2), averaged(1, 3), averaged(5, 2)

    assert np.corrcoef(mine.ravel(), again.ravel())[0, 1] > 0.5
    assert abs(np.corrcoef(mine.ravel(), other.ravel())[0, 1]) < 0.3
    sensor, rng = first_sensor(CALIBRATION, "none", np.random.default_rng(1)), np.random.default_rng(2)
    assert not np.array_equal(sensor.read(wall(), rng), sensor.read(wall(), rng))


def test_a_unit_and_its_luck_give_the_same_reading_at_every_call() -> None:
    one, other = (first_sensor(CALIBRATION, "coarse", np.random.default_rng(1)) for _ in range(2))

    assert np.array_equal(one.read(wall(), np.random.default_rng(7)), other.read(wall(), np.random.default_rng(7)))


def test_glass_has_more_holes_and_reads_off_its_place_by_what_changes_across_it() -> None:
    matt, mirrors = [], []
    for unit in range(12):
        sensor = first_sensor(CALIBRATION, "none", np.random.default_rng(unit))
        matt.append(sensor.read(wall(), np.random.default_rng(7)).astype(float))
        mirrors.append(sensor.read(wall(gloss=0.9), np.random.default_rng(7)).astype(float))

    holes = [float((one == 0).mean()) for one in mirrors]
    offsets = [float(np.median(one[one > 0]) - 900) for one in mirrors]
    assert max(holes) > 0.3
    assert max(float((one == 0).mean()) for one in matt) < 0.1
    assert np.ptp(offsets) > 15


@pytest.mark.parametrize(("distance_mm", "step_mm"), [(800.0, 4), (1200.0, 8)])
def test_kept_coarsely_depth_comes_in_the_datas_steps(distance_mm: float, step_mm: int) -> None:
    sensor = first_sensor(CALIBRATION, "coarse", np.random.default_rng(1))

    reading = sensor.read(wall(distance_mm), np.random.default_rng(2))

    assert reading.any()
    assert not (reading % step_mm).any()
