from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinect_unlock.align import FaceDepth
from kinect_unlock.arrays import F32, F64
from kinect_unlock.face_motion import FaceLook, Track, face_look, followed, step_between

MM_PER_CELL = 2.4  # of a Kinect at 0.9 m
STEP_PX = 3.0  # colour pixels per cell
ROWS, COLUMNS = 150, 130
FRAME_NS = 33_000_000
FEW = settings(max_examples=25)


def landmarks_px(at: tuple[float, float]) -> F32:
    """Where a detector sees a face whose middle is at (column, row): 62 mm between the eyes."""
    half = 31.0 / MM_PER_CELL
    cells = np.array([(-half, -half), (half, -half), (0, 0), (-0.8 * half, half), (0.8 * half, half)])
    return ((cells + at) * STEP_PX).astype(np.float32)


def relief_mm(column: F64, row: F64) -> F64:
    """A head with a nose, eye sockets and a mouth, in mm from the camera, at cells from its middle."""
    x, y = column * MM_PER_CELL, row * MM_PER_CELL
    head = 90.0 - np.sqrt(np.maximum(90.0**2 - 0.8 * x**2 - 0.5 * y**2, 0.0))
    nose = 22.0 * np.exp(-((x / 11) ** 2) - ((y - 6) / 16) ** 2)
    eyes = sum(8.0 * np.exp(-(((x - side * 31) / 14) ** 2) - ((y + 31) / 10) ** 2) for side in (-1, 1))
    mouth = 5.0 * np.exp(-((x / 20) ** 2) - ((y - 42) / 6) ** 2)
    return np.asarray(900.0 + head - nose + eyes - mouth, np.float64)


def seen(
    at: tuple[float, float] = (65.0, 75.0),
    *,
    landmarks_at: tuple[float, float] | None = None,
    nearer_mm: float = 0.0,
    noise_mm: float = 0.0,
    seed: int = 0,
    origin_px: tuple[float, float] = (0.0, 0.0),
) -> FaceLook:
    row, column = np.mgrid[:ROWS, :COLUMNS].astype(np.float64)
    offset = np.array(origin_px) / STEP_PX
    depth = relief_mm(column + offset[0] - at[0], row + offset[1] - at[1]) - nearer_mm
    depth += np.random.default_rng(seed).normal(0.0, noise_mm, depth.shape) if noise_mm else 0.0
    plane = np.rint(depth).astype(np.float32)
    grid = FaceDepth(plane, np.zeros((*plane.shape, 3), np.float32), *origin_px, STEP_PX)
    look = face_look(landmarks_px(landmarks_at or at), grid)
    assert look is not None
    return look


@FEW
@given(across=st.floats(-3, 3), down=st.floats(-3, 3), nearer=st.floats(-15, 15), noise=st.floats(0, 1.5))
def test_a_heads_motion_is_found_by_its_depth_alone(across: float, down: float, nearer: float, noise: float) -> None:
    before = seen(noise_mm=noise, seed=1)
    after = seen((65.0 + across, 75.0 + down), landmarks_at=(66.0, 74.0), nearer_mm=nearer, noise_mm=noise, seed=2)

    step = step_between(before, after)

    assert step is not None
    assert step.shift_px / STEP_PX == pytest.approx((across, down), abs=0.4 + 0.15 * np.hypot(across, down))


@FEW
@given(x=st.floats(-30, 30), y=st.floats(-30, 30))
def test_where_the_depth_was_cut_out_of_the_image_does_not_matter(x: float, y: float) -> None:
    step = step_between(
        seen(), seen((66.0, 73.0), origin_px=(x, y), landmarks_at=(66.0 - x / STEP_PX, 73 - y / STEP_PX))
    )

    assert step is not None
    assert step.shift_px / STEP_PX == pytest.approx((1.0, -2.0), abs=0.4)


@FEW
@given(noise=st.floats(0.5, 4.0), across=st.floats(-2, 2))
def test_the_noise_of_a_reading_is_measured_on_a_moving_head(noise: float, across: float) -> None:
    step = step_between(seen(noise_mm=noise, seed=1), seen((65.0 + across, 75.0), noise_mm=noise, seed=2))

    assert step is not None
    assert step.noise_mm == pytest.approx(noise, rel=0.2, abs=0.25)  # whole millimetres add to it


def test_a_surface_that_is_rendered_without_noise_has_next_to_none() -> None:
    step = step_between(seen(), seen((65.4, 75.2), nearer_mm=1.0))

    assert step is not None
    assert step.noise_mm < 0.5  # readings are whole millimetres


def test_another_face_is_no_motion() -> None:
    after = seen()
    turned = np.ascontiguousarray(after.depth_mm[::-1]) * np.float32(1.5)
    other = face_look(
        landmarks_px((65.0, 75.0)), FaceDepth(turned, np.zeros((*turned.shape, 3), np.float32), 0.0, 0.0, STEP_PX)
    )

    assert other is not None
    step = step_between(after, other)
    assert step is None or step.noise_mm > 3.0


@pytest.mark.parametrize("share", [0.0, 0.03])
def test_too_little_depth_gives_no_step(share: float) -> None:
    kept = np.random.default_rng(0).random((ROWS, COLUMNS)) < share
    plane = np.where(kept, np.float32(900), np.float32(0)).astype(np.float32)
    holes = face_look(
        landmarks_px((65.0, 75.0)), FaceDepth(plane, np.zeros((ROWS, COLUMNS, 3), np.float32), 0.0, 0.0, STEP_PX)
    )

    assert holes is not None
    assert step_between(seen(), holes) is None
    assert step_between(holes, seen()) is None


@pytest.mark.parametrize("at", [(-500.0, 75.0), (65.0, 900.0), (float("nan"), 75.0)])
def test_landmarks_outside_of_the_depth_give_no_look(at: tuple[float, float]) -> None:
    whole = seen()
    grid = FaceDepth(whole.depth_mm.copy(), np.zeros((*whole.depth_mm.shape, 3), np.float32), 0.0, 0.0, STEP_PX)

    assert face_look(landmarks_px(at), grid) is None


def tracked(looks: list[FaceLook], *, apart_ns: int = FRAME_NS) -> Track:
    track = None
    for number, look in enumerate(looks):
        track = followed(track, look, number * apart_ns, MM_PER_CELL / STEP_PX)
    assert track is not None
    return track


def test_colour_and_depth_that_move_together_stay_together() -> None:
    looks = [seen((65.0 + 0.7 * n, 75.0), noise_mm=1.0, seed=n) for n in range(8)]
    track = tracked(looks)

    assert track.apart_mm is not None
    assert track.apart_mm < 3.0
    assert track.noise_mm == pytest.approx(1.0, abs=0.3)


@pytest.mark.parametrize("who", ["colour", "depth"])
def test_what_moves_alone_is_told_by_how_far(who: str) -> None:
    def look(number: int) -> FaceLook:
        moved, rests = (65.0 + 0.7 * number, 75.0), (65.0, 75.0)
        at, landmarks_at = (rests, moved) if who == "colour" else (moved, rests)
        return seen(at, landmarks_at=landmarks_at, noise_mm=1.0, seed=number)

    track = tracked([look(number) for number in range(8)])

    assert track.apart_mm == pytest.approx(0.7 * 7 * MM_PER_CELL, abs=3.0)


def test_a_track_begins_anew_after_a_gap_and_keeps_a_second() -> None:
    looks = [seen(noise_mm=1.0, seed=n % 5) for n in range(40)]

    assert len(tracked(looks).places) == 31
    late = tracked(looks[:3], apart_ns=600_000_000)
    assert (len(late.places), late.apart_mm, late.noise_mm) == (1, None, None)


def test_the_same_frame_in_another_light_changes_nothing() -> None:
    track = tracked([seen(seed=1, noise_mm=1.0), seen(seed=2, noise_mm=1.0)])
    other_light = replace(seen(), step_px=1.0)

    assert followed(track, other_light, FRAME_NS, 1.0) is track
    begun = followed(track, other_light, 2 * FRAME_NS, 1.0)
    assert begun is not None
    assert len(begun.places) == 1


def test_a_face_that_is_lost_ends_its_track() -> None:
    assert followed(tracked([seen()]), None, FRAME_NS, 1.0) is None
