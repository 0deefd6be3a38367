"""Two models of one kind of camera, written apart, have to see the same living head."""

import numpy as np
import pytest

from fakes.heads import egg_head
from kinect_unlock.arrays import F32, F64
from kinect_unlock.frames import Calibration, Intrinsics, Registered
from kinect_unlock_lab.attack.exhibit import Exhibit
from kinect_unlock_lab.attack.sensors import SENSORS
from kinect_unlock_lab.synthesis.rasteriser import rasterise

WIDTH, HEIGHT = 119, 149
CAMERA = Intrinsics(WIDTH, HEIGHT, 365.0, 365.0, 59.0, 74.0)
CALIBRATION = Calibration(CAMERA, CAMERA, Registered())
UNITS = 6
SKIN = 0.6


def _head(distance_mm: float) -> Exhibit:
    head = egg_head()
    world: F32 = (head.neutral + np.array((0.0, 0.0, distance_mm))).astype(np.float32)
    screen = np.column_stack([world[:, :2] / world[:, 2:] * 365 + (59, 74), world[:, 2]]).astype(np.float32)
    depth_mm = rasterise(screen, head.triangles, WIDTH, HEIGHT).z_mm.astype(np.float32)
    shape = depth_mm.shape
    return Exhibit(
        np.zeros((*shape, 3), np.uint8), depth_mm, np.full(shape, SKIN, np.float32), np.zeros(shape, np.float32)
    )


def _face(exhibit: Exhibit, distance_mm: float) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Pixels not more than 45 mm behind the nose: what liveness looks at."""
    return exhibit.depth_mm < distance_mm + 45


def _errors_mm(name: str, exhibit: Exhibit) -> F64:
    """Return f64[units,h,w], NaN where there is no reading."""
    reads = []
    for seed in range(UNITS):
        rng = np.random.default_rng(seed)
        reads.append(SENSORS[name](CALIBRATION, "none", rng).read(exhibit, rng).astype(np.float64))
    errors_mm = np.array(reads)
    errors_mm[errors_mm == 0] = np.nan
    return errors_mm - np.where(np.isfinite(exhibit.depth_mm), exhibit.depth_mm, 0)


@pytest.mark.parametrize("distance_mm", [600.0, 800.0, 1200.0])
def test_models_agree_on_a_living_head(distance_mm: float) -> None:
    exhibit = _head(distance_mm)
    face = _face(exhibit, distance_mm)
    seen = {name: _errors_mm(name, exhibit)[:, face] for name in SENSORS}
    assert {"first", "second"} <= set(seen)
    means_mm = {name: float(np.nanmean(errors_mm)) for name, errors_mm in seen.items()}
    sigmas_mm = {
        name: float(np.median([np.nanstd(errors - np.nanmedian(errors)) for errors in errors_mm]))
        for name, errors_mm in seen.items()
    }
    holes = {name: float(np.isnan(errors_mm).mean()) for name, errors_mm in seen.items()}
    assert max(means_mm.values()) - min(means_mm.values()) < 3, means_mm
    assert max(sigmas_mm.values()) < 3 * min(sigmas_mm.values()), sigmas_mm
    assert max(holes.values()) < 0.06, holes
