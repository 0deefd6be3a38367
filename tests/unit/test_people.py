"""Invented people and their pictures, on a head that needs no data."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fakes.heads import egg_head
from kinect_unlock.errors import SourceError
from kinect_unlock.frames import Frame
from kinect_unlock_lab.body import Body, Stance, head_turn, pose_body
from kinect_unlock_lab.demo_recordings import SCRIPTS, Script, Stage
from kinect_unlock_lab.head_model import load_head_model, vertex_normals
from kinect_unlock_lab.lighting import DAYLIGHT, EVENING, OFFICE, Light, fibonacci_sphere
from kinect_unlock_lab.people import invent_person, invent_traits, outline_distance
from kinect_unlock_lab.scene import Hold, hold_hands, hold_sheet
from kinect_unlock_lab.sensor import DEMO_CROP, DepthNoise, nominal_kinect

SHORT = next(seed for seed in range(50) if invent_traits(seed).hair_style == "short")
LONG = next(seed for seed in range(50) if invent_traits(seed).hair_style == "long")
TINY = replace(DEMO_CROP, reduced_by=8, x_px=64, y_px=0, width_px=112, height_px=128)


@pytest.fixture(scope="module")
def stage() -> Stage:
    return Stage(egg_head(), directions=4, calibration=nominal_kinect(TINY))


def _shoot(stage: Stage, seed: int, stance: Stance) -> Frame:
    shots = stage.shoot_sitter(seed, iter([stance]), DAYLIGHT, stage.room(DAYLIGHT), noise=DepthNoise(), grain=1.0)
    return next(shots)


def test_the_same_seed_gives_the_same_frame(stage: Stage) -> None:
    again = Stage(egg_head(), directions=4, calibration=nominal_kinect(TINY))
    one, two = _shoot(stage, LONG, Stance()), _shoot(again, LONG, Stance())
    assert np.array_equal(one.color, two.color)
    assert one.depth_mm is not None
    assert two.depth_mm is not None
    assert np.array_equal(one.depth_mm, two.depth_mm)


def test_another_seed_gives_another_person() -> None:
    model = egg_head()
    one, other = invent_person(model, SHORT), invent_person(model, SHORT + 1)
    assert not np.array_equal(one.albedo, other.albedo)
    assert not np.array_equal(one.shape, other.shape)


def test_a_sitter_stands_out_of_the_wall_where_the_stance_says(stage: Stage) -> None:
    depth = _shoot(stage, SHORT, Stance((0.0, 0.0, 750.0))).depth_mm
    assert depth is not None
    face = depth[195:220, 245:268]
    assert 735 < np.median(face[face > 0]) < 790
    corner = depth[:60, :60]
    assert np.median(corner[corner > 0]) > 1700


def test_a_head_blocks_the_background_colour(stage: Stage) -> None:
    room = stage.room(DAYLIGHT)
    empty = next(stage.shoot_room(DAYLIGHT, room, 1))
    taken = _shoot(stage, SHORT, Stance((-26.0, 0.0, 700.0)))
    changed = np.abs(empty.color.astype(int) - taken.color.astype(int)).max(axis=2) > 25
    assert 0.1 < changed.mean() < 0.9


@pytest.mark.parametrize("script", [SCRIPTS[3], SCRIPTS[5]], ids=lambda script: str(script.name))
def test_a_script_can_be_played_by_a_stand_in(stage: Stage, script: Script) -> None:
    frame = next(script.frames(stage, script))
    assert frame.color.shape == (128, 112, 3)
    assert frame.depth_mm is not None
    assert frame.depth_mm.shape == (424, 512)


def _nose(body: Body, *, yaw_deg: float = 0.0, pitch_deg: float = 0.0) -> tuple[float, float, float]:
    posed = pose_body(body, Stance((0.0, 0.0, 0.0), yaw_deg, pitch_deg))
    nose = posed.vertices[np.argmin(np.linalg.norm(body.vertices[: body.head_count], axis=1))]
    return (float(nose[0]), float(nose[1]), float(nose[2]))


def test_positive_angles_point_the_nose_right_and_up_and_turn_clockwise(stage: Stage) -> None:
    body = stage.body(SHORT)
    assert _nose(body, yaw_deg=15.0)[0] > 10
    assert _nose(body, pitch_deg=15.0)[1] < -10
    right_ear = head_turn(0.0, 0.0, 15.0) @ np.array([1.0, 0.0, 0.0])
    assert right_ear[1] > 0  # what is right in the image goes down


def test_the_trunk_stays_when_the_head_turns(stage: Stage) -> None:
    body = stage.body(SHORT)
    still, turned = pose_body(body, Stance()), pose_body(body, Stance(yaw_deg=30.0))
    trunk = body.follows_head == 0
    assert trunk.any()
    assert np.allclose(still.vertices[trunk], turned.vertices[trunk])


def test_normals_point_out_of_the_head() -> None:
    model = egg_head()
    outwards = vertex_normals(model.neutral, model.triangles) * (model.neutral - model.neutral.mean(axis=0))
    assert (outwards.sum(axis=1) > 0).mean() > 0.99


def test_distance_to_an_outline_is_negative_inside() -> None:
    square = np.array([[-10.0, -10, 0], [10, -10, 0], [10, 10, 0], [-10, 10, 0]])
    points = np.array([[0.0, 0, 0], [15, 0, 0], [0, -30, 0]])
    assert outline_distance(square, points, closed=True) == pytest.approx([-10, 5, 20], abs=0.4)


def test_a_bent_sheet_keeps_its_size_and_lies_on_its_cylinder() -> None:
    sheet = hold_sheet(Hold((0.0, 0.0, 600.0), bend_radius_mm=130.0))
    x, _, z = sheet.solid.vertices.T
    assert np.allclose(np.hypot(x, z - 730.0), 130.0)
    row = sheet.solid.vertices[:43]
    assert np.linalg.norm(np.diff(row, axis=0), axis=1).sum() == pytest.approx(210.0, abs=0.2)


def test_hands_hold_the_lower_half_of_the_sheet() -> None:
    hold = Hold((0.0, 0.0, 600.0))
    assert all(hand.vertices[:, 1].min() > 60.0 for hand in hold_hands(hold))


@pytest.mark.parametrize(
    "light", [pytest.param(DAYLIGHT, id="day"), pytest.param(EVENING, id="evening"), pytest.param(OFFICE, id="office")]
)
def test_more_light_comes_from_the_key_lamp_than_from_anywhere_else(light: Light) -> None:
    rays = fibonacci_sphere(2000)
    brightest = rays[light.radiance(rays).sum(axis=1).argmax()]
    toward = np.array(light.key().direction) / np.linalg.norm(light.key().direction)
    assert brightest @ toward > 0.9


def test_a_file_that_is_no_head_model_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "foreign.npz"
    np.savez(path, other=np.zeros(3))
    with pytest.raises(SourceError, match=r"foreign\.npz: not the ICT-FaceKit head model"):
        load_head_model(path)
