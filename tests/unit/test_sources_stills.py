from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinect_unlock.errors import SourceError
from kinect_unlock.frames import Calibration, Extrinsic, Frame, Intrinsics, Origin, Registered
from kinect_unlock.sources.base import EndOfStream
from kinect_unlock.sources.images import INTERVAL_NS
from kinect_unlock.sources.stand_in import Silence, StandInSource
from kinect_unlock.sources.stills import Shake, StillsSource, shaken
from streams import assert_same, frames, registered

STILL = Shake(shift_px=0.0, roll_deg=0.0, scale=0.0, color_noise=0.0, depth_noise_mm=0.0)


def given_by(source: StillsSource) -> list[Frame]:
    source.open()
    got: list[Frame] = []
    while True:
        try:
            frame = source.read(0.0)
        except EndOfStream:
            return got
        if frame is not None:
            got.append(frame)


def disc(distance_mm: int) -> Frame:
    """A bright disc of radius 20 px at one distance, before nothing."""
    camera = Intrinsics(101, 81, 200.0, 200.0, 50.0, 40.0)
    y, x = np.mgrid[:81, :101]
    on = (x - 50) ** 2 + (y - 40) ** 2 <= 400
    color = np.where(on[..., None], 200, 20).repeat(3, axis=2).astype(np.uint8)
    return Frame(0, 0, color, np.where(on, distance_mm, 0).astype(np.uint16), Calibration(camera, camera, Registered()))


def test_each_still_is_given_as_many_times_as_asked_at_thirty_hertz() -> None:
    got = given_by(StillsSource(StandInSource([*frames(2), Silence()]), Shake(copies=3)))

    assert [frame.seq for frame in got] == list(range(6))
    assert [frame.captured_ns for frame in got] == [n * INTERVAL_NS for n in range(6)]
    assert all(frame.calibration == registered() for frame in got)


def test_copies_differ_but_the_same_seed_gives_the_same_ones() -> None:
    one, again, other = (given_by(StillsSource(StandInSource([disc(900)]), Shake(copies=3, seed=s))) for s in (1, 1, 2))

    for mine, theirs in zip(one, again, strict=True):
        assert_same(mine, theirs)
    assert not np.array_equal(one[0].color, one[1].color)
    assert not np.array_equal(one[0].color, other[0].color)


def test_without_motion_and_noise_a_copy_is_the_still() -> None:
    still = frames(1)[0]
    (copy,) = given_by(StillsSource(StandInSource([still]), replace(STILL, copies=1)))

    np.testing.assert_array_equal(copy.color, still.color)
    assert copy.depth_mm is not None
    assert still.depth_mm is not None
    np.testing.assert_array_equal(copy.depth_mm, still.depth_mm)


@given(st.integers(500, 4000), st.integers(0, 1000))
@settings(max_examples=40)
def test_stepping_nearer_keeps_sizes_in_millimetres(distance_mm: int, seed: int) -> None:
    shake = Shake(seed=seed, shift_px=0.0, roll_deg=0.0, scale=0.05, color_noise=0.0, depth_noise_mm=0.0)

    copy = shaken(disc(distance_mm), shake, np.random.default_rng(seed), seq=0, captured_ns=0)

    assert copy.depth_mm is not None
    readings = copy.depth_mm[copy.depth_mm > 0]
    area_mm2 = readings.size * (float(readings.mean()) / 200.0) ** 2
    still = disc(distance_mm).depth_mm
    assert still is not None
    wanted_mm2 = np.count_nonzero(still) * (distance_mm / 200.0) ** 2
    assert area_mm2 == pytest.approx(wanted_mm2, rel=0.06)
    assert readings.min() == readings.max()


@given(st.integers(0, 1000))
@settings(max_examples=20)
def test_depth_noise_is_of_the_size_asked_for_and_makes_no_readings(seed: int) -> None:
    still = disc(2000)
    shake = Shake(shift_px=0.0, roll_deg=0.0, scale=0.0, color_noise=0.0, depth_noise_mm=2.5)

    copy = shaken(still, shake, np.random.default_rng(seed), seq=0, captured_ns=0)

    assert copy.depth_mm is not None
    assert still.depth_mm is not None
    np.testing.assert_array_equal(copy.depth_mm > 0, still.depth_mm > 0)
    off_mm = copy.depth_mm[copy.depth_mm > 0].astype(float) - 2000
    assert off_mm.std() == pytest.approx(10.0, rel=0.15)  # 2.5 mm at 1 m, four times that at 2 m
    assert abs(off_mm.mean()) < 1.5


def test_depth_is_never_blended_across_an_edge() -> None:
    still = disc(700)
    depth_mm = np.where(np.asarray(still.depth_mm) > 0, 700, 3000).astype(np.uint16)
    still = Frame(0, 0, still.color, depth_mm, still.calibration)
    shake = Shake(roll_deg=3.0, shift_px=2.0, scale=0.0, depth_noise_mm=0.0)

    copy = shaken(still, shake, np.random.default_rng(0), seq=0, captured_ns=0)

    assert copy.depth_mm is not None
    assert set(np.unique(copy.depth_mm)) <= {0, 700, 3000}


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(Frame(0, 0, disc(900).color, None, None), id="no depth"),
        pytest.param(
            Frame(
                0,
                0,
                disc(900).color,
                disc(900).depth_mm,
                Calibration(
                    Intrinsics(101, 81, 9, 9, 9, 9), Intrinsics(101, 81, 9, 9, 9, 9), Extrinsic(np.eye(3), np.zeros(3))
                ),
            ),
            id="two cameras",
        ),
    ],
)
def test_images_that_one_motion_would_part_are_refused(frame: Frame) -> None:
    with pytest.raises(SourceError, match="only images whose calibration is `registered` can be jittered"):
        given_by(StillsSource(StandInSource([frame]), Shake()))


def test_the_provenance_says_that_frames_are_copies_and_how_they_were_made() -> None:
    said = Shake(copies=4, seed=9).provenance()

    assert said["jittered"] is True
    assert said["jitter"]["copies"] == 4
    assert said["jitter"]["seed"] == 9


def test_the_origin_is_the_stills_own_and_faults_pass_through() -> None:
    source = StillsSource(StandInSource([SourceError("the lamp fell over")]), Shake())

    assert source.origin is Origin.STAND_IN
    source.open()
    with pytest.raises(SourceError, match="lamp"):
        source.read(0.0)
    source.close()


@pytest.mark.parametrize(
    "wrong", [{"copies": 0}, {"shift_px": -1.0}, {"scale": float("nan")}, {"color_noise": float("inf")}]
)
def test_an_impossible_shake_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"copy|not negative"):
        Shake(**wrong)  # type: ignore[arg-type] # a table of wrong values
