from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinect_unlock.align import align_face
from kinect_unlock.crop import TEMPLATE_PX
from kinect_unlock.frames import Calibration, Frame, Intrinsics, Registered
from kinect_unlock.integrity import History, integrity_cues, with_face, with_frame
from kinect_unlock.observations import Box, Cue, Detection, Face, HeadPose
from kinect_unlock.settings import Liveness

MS = 1_000_000
SIDE_PX = 64
CAMERA = Intrinsics(SIDE_PX, SIDE_PX, 365.0, 365.0, SIDE_PX / 2, SIDE_PX / 2)
CALIBRATION = Calibration(CAMERA, CAMERA, Registered())
ENFORCED = {"depth_repeats", "steps_back"}


def frame(number: int, *, scene: int | None = None, **changes: Any) -> Frame:
    """A frame of noise at 30 Hz; equal scenes give equal images."""
    random = np.random.default_rng(number if scene is None else scene)
    plain = Frame(
        seq=number,
        captured_ns=number * 33 * MS,
        color=random.integers(0, 256, (SIDE_PX, SIDE_PX, 3), np.uint8),
        depth_mm=random.integers(500, 4500, (SIDE_PX, SIDE_PX), np.uint16),
        calibration=CALIBRATION,
        device_us=number * 33_000,
    )
    return replace(plain, **changes)


def history_of(*frames: Frame) -> History:
    history = History()
    for one in frames:
        history = with_frame(history, one)
    return history


def cues_of(*frames: Frame) -> dict[str, Cue]:
    return {cue.name: cue for cue in integrity_cues(history_of(*frames), Liveness())}


def value_of(name: str, *frames: Frame) -> float | None:
    return cues_of(*frames)[name].value


@given(st.lists(st.integers(1, 200), min_size=1, max_size=12, unique=True))
def test_a_cameras_stream_holds_however_many_of_its_frames_were_dropped(numbers: list[int]) -> None:
    cues = cues_of(*(frame(number) for number in sorted(numbers)))

    assert {cue.name for cue in cues.values() if cue.enforced} == ENFORCED
    assert all(cues[name].holds for name in ENFORCED)
    assert cues["clocks_apart_ms"].value == 0.0
    assert cues["color_still_ms"].value == 0.0


def test_every_cue_has_bounds_and_only_what_is_certain_has_a_say_as_shipped() -> None:
    bounds = {name: getattr(Liveness(), name) for name in cues_of(frame(1))}

    assert bounds == {name: (None, 0.0) if name in ENFORCED else None for name in bounds}


@given(scenes=st.lists(st.integers(0, 3), min_size=2, max_size=12))
def test_a_depth_image_that_came_before_in_the_attempt_is_counted_each_time(scenes: list[int]) -> None:
    frames = [frame(number, scene=scene) for number, scene in enumerate(scenes)]

    cue = cues_of(*frames)["depth_repeats"]

    assert cue.value == scenes[:-1].count(scenes[-1])
    assert cue.holds == (cue.value == 0)


@given(row=st.integers(0, SIDE_PX // 4 - 1), column=st.integers(0, SIDE_PX // 4 - 1))
def test_one_reading_of_the_sample_that_changes_makes_another_image(row: int, column: int) -> None:
    first = frame(1)
    assert first.depth_mm is not None
    moved = first.depth_mm.copy()
    moved[4 * row, 4 * column] += 1

    assert value_of("depth_repeats", first, frame(2, depth_mm=moved)) == 0
    assert value_of("depth_repeats", first, frame(2, depth_mm=first.depth_mm.copy())) == 1


@pytest.mark.parametrize("readings", [0, 63])
def test_where_next_to_nothing_is_read_nothing_can_repeat(readings: int) -> None:
    depth_mm = np.zeros((SIDE_PX, SIDE_PX), np.uint16)
    depth_mm[::4, ::4].flat[:readings] = 700

    cue = cues_of(frame(1, depth_mm=depth_mm), frame(2, depth_mm=depth_mm))["depth_repeats"]

    assert (cue.value, cue.holds) == (None, False)


def test_a_frame_without_depth_cannot_be_compared() -> None:
    assert value_of("depth_repeats", frame(1), frame(2, depth_mm=None, calibration=None)) is None


def test_what_is_kept_of_an_endless_stream_is_bounded() -> None:
    frames = [frame(number) for number in range(1030)]
    history = history_of(*frames)

    assert len(history.depth_digests) == 1024
    assert with_frame(history, frame(2000, scene=1029)).depth_repeats == 1
    assert with_frame(history, frame(2000, scene=0)).depth_repeats == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"captured_ns": 2 * 33 * MS},
        {"captured_ns": 2 * 33 * MS - 1},
        {"device_us": 2 * 33_000},
        {"device_us": 0},
        {"seq": 2},
        {"seq": 1},
    ],
    ids=str,
)
def test_a_frame_that_is_not_later_is_held_against_all_that_follow(changes: dict[str, Any]) -> None:
    back = frame(3, **changes)

    assert value_of("steps_back", frame(1), frame(2), back) == 1
    after = cues_of(frame(1), frame(2), back, frame(4), frame(5))["steps_back"]
    assert (after.value, after.holds) == (1, False)


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=10))
def test_steps_back_are_counted_between_neighbours(times: list[int]) -> None:
    frames = [frame(number, captured_ns=at, device_us=None) for number, at in enumerate(times)]

    back = sum(after <= before for before, after in pairwise(times))
    assert value_of("steps_back", *frames) == back


@given(host_ms=st.integers(1, 10_000), device_ms=st.integers(1, 10_000))
def test_how_far_the_clocks_drift_apart_counts_from_the_first_frame(host_ms: int, device_ms: int) -> None:
    first = frame(1)
    last = frame(2, captured_ns=first.captured_ns + host_ms * MS, device_us=33_000 + device_ms * 1000)

    assert value_of("clocks_apart_ms", first, last) == pytest.approx(host_ms - device_ms)
    assert value_of("clocks_apart_ms", first, replace(last, device_us=None)) is None


def test_colour_that_stands_still_is_timed_until_it_changes() -> None:
    still = [frame(number, color=frame(1).color) for number in range(1, 5)]

    assert value_of("color_still_ms", *still) == 99.0
    assert value_of("color_still_ms", *still, frame(5)) == 0.0
    assert value_of("color_still_ms", *still, frame(5), frame(6, color=frame(1).color)) == 0.0


def test_a_face_belongs_to_a_frame() -> None:
    landmarks = (TEMPLATE_PX / 2).astype(np.float32)
    face = Face(Detection(Box(10, 10, 40, 50), 0.9, landmarks), HeadPose(700, 0, 0, 0))
    depth_mm = frame(1).depth_mm
    assert depth_mm is not None
    depth = align_face(depth_mm, CALIBRATION, face.detection.box)

    with pytest.raises(ValueError, match="a face is seen in a frame"):
        with_face(History(), face, depth, CAMERA)
    followed = with_face(history_of(frame(1)), face, depth, CAMERA)
    assert {cue.name: cue.value for cue in integrity_cues(followed, Liveness())}["motion_apart_mm"] is None


@pytest.mark.parametrize("distance_mm", [500.0, 1000.0, 1250.0])
def test_noise_growth_is_the_noise_for_each_metre_of_distance(distance_mm: float) -> None:
    def looked_at(history: History, number: int) -> History:
        rough = 900 + np.random.default_rng(number).normal(0, 2, (SIDE_PX, SIDE_PX))
        one = frame(number, depth_mm=rough.astype(np.uint16))
        assert one.depth_mm is not None
        landmarks = (TEMPLATE_PX / 4).astype(np.float32) + 18
        face = Face(Detection(Box(17, 17, 30, 30), 0.9, landmarks), HeadPose(distance_mm, 0, 0, 0))
        depth = align_face(one.depth_mm, CALIBRATION, face.detection.box)
        return with_face(with_frame(history, one), face, depth, CAMERA)

    history = History()
    for number in range(1, 4):
        history = looked_at(history, number)
    values = {cue.name: cue.value for cue in integrity_cues(history, Liveness())}

    noise_mm, growth = values["depth_noise_mm"], values["noise_growth"]
    assert noise_mm is not None
    assert growth == pytest.approx(noise_mm * 1000 / distance_mm)
    assert value_of("noise_growth", frame(1)) is None
