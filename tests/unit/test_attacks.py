"""Simulated prints: where the sheet stands, what its sensor says, and that nothing of the person's depth is left."""

from dataclasses import replace

import numpy as np
import pytest

from analytic_faces import CALIBRATION, CAMERA, depth_of, face_relief
from kinect_unlock.frames import F32, F64, Frame
from kinect_unlock_lab.attacks import Print, Shape, Victim, present, sheet_depth
from kinect_unlock_lab.sensor import DepthNoise

MIDDLE_PX = (99.5, 109.5)
QUIET = DepthNoise(white_mm=0.0, blotch_mm=0.0, stray_hole=0.0)


def points(depth: F32) -> F64:
    """Unproject by the pinhole formula; rows of x, y, z for what the sheet covers."""
    row, column = np.nonzero(np.isfinite(depth))
    z = depth[row, column].astype(np.float64)
    return np.stack(((column - CAMERA.cx_px) / CAMERA.fx_px * z, (row - CAMERA.cy_px) / CAMERA.fy_px * z, z), axis=1)


@pytest.fixture
def victim() -> Victim:
    depth_mm, _ = depth_of(face_relief)
    color = np.random.default_rng(3).integers(0, 255, (CAMERA.height_px, CAMERA.width_px, 3), np.uint8)
    return Victim(Frame(7, 70, color, depth_mm, CALIBRATION), MIDDLE_PX, 900.0)


def test_flat_sheet_lies_in_one_plane_through_its_middle() -> None:
    sheet = points(sheet_depth(Print(yaw_deg=30, pitch_deg=-20, distance_mm=800), CAMERA, MIDDLE_PX))

    centred = sheet - (0.0, 0.0, 800.0)
    spread = np.linalg.svd(centred, compute_uv=False)[2] / np.sqrt(len(sheet))

    assert spread < 0.01


@pytest.mark.parametrize("axis_deg", [0.0, 35.0, 90.0])
@pytest.mark.parametrize("hollow", [False, True])
def test_bent_sheet_keeps_its_radius_from_its_axis(axis_deg: float, *, hollow: bool) -> None:
    sheet = Print(Shape.BENT, 120.0, axis_deg=axis_deg, hollow=hollow, distance_mm=800)

    at = points(sheet_depth(sheet, CAMERA, MIDDLE_PX))

    turn = np.radians(axis_deg)
    axis_point = np.array((0.0, 0.0, 800.0 + (-120.0 if hollow else 120.0)))
    axis = np.array((-np.sin(turn), np.cos(turn), 0.0))
    away = np.linalg.norm(np.cross(at - axis_point, axis), axis=1)
    assert away == pytest.approx(120.0, abs=0.05)
    middle_z = sheet_depth(sheet, CAMERA, MIDDLE_PX)[110, 100]
    assert middle_z == pytest.approx(800.0, abs=0.5)
    edges = at[:, 2].min() if hollow else at[:, 2].max()
    assert (edges < 770) if hollow else (edges > 830)


def test_folded_sheet_falls_back_by_the_angle_to_both_sides() -> None:
    at = points(sheet_depth(Print(Shape.FOLDED, fold_deg=30.0, distance_mm=900), CAMERA, MIDDLE_PX))

    assert at[:, 2] == pytest.approx(900 + np.tan(np.radians(30)) * np.abs(at[:, 0]), abs=0.05)


def test_sheet_is_a4() -> None:
    at = points(sheet_depth(Print(distance_mm=900), CAMERA, MIDDLE_PX))

    assert np.ptp(at[:, 0]) == pytest.approx(210, abs=5)
    assert np.ptp(at[:, 1]) == pytest.approx(297, abs=5)


def test_thumbs_stand_in_front_and_reach_as_far_as_told() -> None:
    bare = sheet_depth(Print(distance_mm=900), CAMERA, MIDDLE_PX)
    held = sheet_depth(Print(distance_mm=900, thumbs_mm=50.0), CAMERA, MIDDLE_PX)

    thumb = np.isfinite(bare) & (held < bare)
    across = np.abs(points(np.where(thumb, bare, np.inf).astype(np.float32))[:, 0])
    assert thumb.any()
    assert bare[thumb] - held[thumb] == pytest.approx(16.0)
    assert across.min() == pytest.approx(50.0, abs=3)


def test_nothing_of_the_persons_depth_is_left(victim: Victim) -> None:
    sheet = replace(Print(distance_mm=900.0), tremor_deg=0.0, tremor_mm=0.0)

    frame = present(victim, sheet, np.random.default_rng(1), QUIET)

    assert frame.depth_mm is not None
    assert set(np.unique(frame.depth_mm)) == {0, 900}


@pytest.mark.parametrize(("distance_mm", "step_mm"), [(700.0, 4), (1200.0, 8)])
def test_depth_comes_in_the_datas_steps(victim: Victim, distance_mm: float, step_mm: int) -> None:
    frame = present(victim, Print(yaw_deg=10, distance_mm=distance_mm), np.random.default_rng(1))

    assert frame.depth_mm is not None
    readings = np.unique(frame.depth_mm[frame.depth_mm > 0])
    assert len(readings) > 3
    assert not (readings % step_mm).any()


def test_white_reads_further_than_black(victim: Victim) -> None:
    color = np.zeros_like(victim.frame.color)
    color[:, 100:] = 255
    printed = replace(victim, frame=Frame(0, 0, color, victim.frame.depth_mm, CALIBRATION))
    sheet = replace(Print(distance_mm=900, ink_mm=16.0), tremor_deg=0.0, tremor_mm=0.0)

    frame = present(printed, sheet, np.random.default_rng(1), QUIET)

    assert frame.depth_mm is not None
    assert int(frame.depth_mm[110, 120]) - int(frame.depth_mm[110, 80]) == 16


def test_picture_grows_as_the_print_comes_nearer(victim: Victim) -> None:
    color = np.zeros_like(victim.frame.color)
    color[100:120, 90:110] = 255
    printed = replace(victim, frame=Frame(0, 0, color, victim.frame.depth_mm, CALIBRATION))
    sheet = replace(Print(distance_mm=600.0), tremor_deg=0.0, tremor_mm=0.0)

    near = present(printed, sheet, np.random.default_rng(1))

    assert np.sum(near.color[..., 0] > 127) == pytest.approx(400 * 1.5**2, rel=0.05)


def test_same_seed_same_frames_and_no_two_alike(victim: Victim) -> None:
    seeds = (np.random.default_rng(5) for _ in range(2))
    once, again = ([present(victim, Print(Shape.BENT), rng).depth_mm for _ in range(2)] for rng in seeds)

    assert np.array_equal(once, again)  # type: ignore[arg-type] # a print has depth
    assert not np.array_equal(once[0], once[1])  # type: ignore[arg-type] # a print has depth


def test_frame_without_depth_makes_no_print(victim: Victim) -> None:
    blind = replace(victim, frame=Frame(0, 0, victim.frame.color, None, None))

    with pytest.raises(ValueError, match="registered depth"):
        present(blind, Print(), np.random.default_rng(1))
