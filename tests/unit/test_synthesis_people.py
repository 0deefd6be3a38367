"""Invented people in colour and depth, on a head that is hardly one."""

import io
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from fakes.heads import egg_head
from kinect_unlock.observations import TENSOR_SIDE_PX
from kinect_unlock_lab.synthesis import atlas, calibration_faces, people_set
from kinect_unlock_lab.synthesis.conditions import ORDINARY, VARIED, View, draw_conditions
from kinect_unlock_lab.synthesis.looks import HairStyle, Looks, invent_looks
from kinect_unlock_lab.synthesis.painting import paint
from kinect_unlock_lab.synthesis.people_set import PersonLook, pictures
from kinect_unlock_lab.synthesis.portrait import take_portrait
from kinect_unlock_lab.synthesis.shards import HeadModelSource, open_writer
from kinect_unlock_lab.synthesis.textured import NO_LENS, Drawer, TexturedPerson, invent_textured

SOURCE = HeadModelSource("egg.npz", "0" * 64, "an egg", "none")


@cache
def drawer() -> Drawer:
    return Drawer(egg_head())


@cache
def person(number: int) -> TexturedPerson:
    return invent_textured(drawer(), 3, number)


def first_who(fits: Callable[[Looks], bool]) -> int:
    """Return the number of the first person whose looks fit, without making the others."""
    return next(number for number in range(60) if fits(invent_looks(np.random.default_rng([3, number, 1]))))


@cache
def looks_of(number: int) -> tuple[PersonLook, ...]:
    return tuple(pictures(drawer(), 3, number, 4, ORDINARY))


def test_the_same_numbers_make_the_same_person_and_the_same_pictures() -> None:
    again = pictures(drawer(), 3, 0, 4, ORDINARY)

    for first, second in zip(looks_of(0), again, strict=True):
        np.testing.assert_array_equal(first.tensor.data, second.tensor.data)


def test_a_picture_does_not_depend_on_how_many_are_taken() -> None:
    (alone,) = pictures(drawer(), 3, 0, 1, ORDINARY)

    np.testing.assert_array_equal(alone.tensor.data, looks_of(0)[0].tensor.data)


def test_two_people_have_different_shapes_and_paintings() -> None:
    assert not np.array_equal(person(0).shape[: person(0).head_count], person(1).shape[: person(1).head_count])
    assert not np.array_equal(person(0).texture, person(1).texture)


def test_a_painting_is_light_that_a_surface_can_send_back() -> None:
    for seed in range(4):
        rng = np.random.default_rng(seed)
        texture = paint(egg_head().landmarks, invent_looks(rng), rng).texture

        assert texture.dtype == np.float32
        assert np.isfinite(texture).all()
        assert texture[..., :3].min() >= 0
        assert texture[..., :3].max() <= 2


def test_people_of_all_hair_styles_and_with_and_without_glasses_are_invented() -> None:
    drawn = [invent_looks(np.random.default_rng(seed)) for seed in range(200)]

    assert {looks.hair.style for looks in drawn} == set(HairStyle)
    assert {looks.glasses is None for looks in drawn} == {True, False}


def test_only_who_wears_glasses_has_lenses_before_the_depth_camera() -> None:
    wearing, without = (
        first_who(lambda looks: looks.glasses is not None),
        first_who(lambda looks: looks.glasses is None),
    )

    assert person(wearing).looks.glasses is not None
    assert person(wearing).infrared[:, 1].min() < 1
    assert person(without).infrared[:, 1].min() == NO_LENS


def test_hair_sends_less_infrared_back_than_skin_does() -> None:
    haired = first_who(lambda looks: looks.hair.style is HairStyle.FULL)
    darkness = person(haired).infrared[: person(haired).head_count, 0]

    assert darkness.max() == 0  # the logarithm of skin's own brightness
    assert darkness.min() < np.log(0.4)


def test_crops_hold_a_face_in_colour_and_in_depth() -> None:
    for look in looks_of(0):
        data = look.tensor.data
        side = TENSOR_SIDE_PX

        assert data.shape == (4, side, side)
        assert data[:3].min() >= 0
        assert data[:3].max() <= 255
        assert data[:3, 40:80, 40:72].std() > 1
        assert look.tensor.valid_depth > 0.5


def test_landmarks_of_the_picture_lie_in_the_picture() -> None:
    for look in looks_of(0):
        height, width = look.portrait.color.shape[:2]

        assert (look.portrait.landmarks_px > 0).all()
        assert (look.portrait.landmarks_px < (width, height)).all()


def test_a_dim_picture_is_darker_than_a_lit_one() -> None:
    brightness = {True: [], False: []}  # type: dict[bool, list[float]]
    for number in range(24):
        rng = np.random.default_rng(number)
        conditions = draw_conditions(VARIED, drawer().expressions, rng)
        portrait = take_portrait(drawer(), person(0), conditions, rng)
        brightness[conditions.camera.dim < 0.3].append(float(np.median(portrait.color)))

    assert np.median(brightness[True]) < 0.5 * np.median(brightness[False])


def test_both_kinds_of_pixels_are_drawn_and_registered_colour_is_black_where_depth_is_missing() -> None:
    looks = [look for number in range(4) for look in looks_of(number)]
    registered = [look.portrait for look in looks if look.conditions.view is View.REGISTERED]

    assert 0 < len(registered) < len(looks)
    assert all((portrait.color == 0).all(axis=2).any() for portrait in registered)


def test_eyes_that_look_aside_keep_to_their_tile() -> None:
    places = atlas.eye_cells(np.array([[0.0, 0.0], [500.0, -500.0]]))

    assert (places[:, 0] >= atlas.LABEL_COLUMNS).all()
    assert (places < (atlas.COLUMNS - 1, atlas.TILE - 1)).all()


def test_a_shard_holds_what_the_set_describes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people_set, "drawer_of", lambda _: drawer())
    described = people_set.describe(SOURCE, people=2, looks=2, seed=3, light="ordinary")
    writer = open_writer(tmp_path, described)

    rows = people_set.make_shard(people_set.PeoplePlan(Path("egg.npz"), writer), 0)

    with np.load(tmp_path / "shard-00000.npz") as shard:
        assert rows == 4
        assert shard["color"].shape == (4, TENSOR_SIDE_PX, TENSOR_SIDE_PX, 3)
        assert shard["color"].dtype == np.uint8
        assert shard["depth"].dtype == np.int16
        assert shard["depth"].min() == -2 * people_set.DEPTH_UNITS
        assert shard["person"].tolist() == [0, 0, 1, 1]
        assert (np.abs(shard["yaw_deg"]) <= ORDINARY.yaw_deg).all()


def test_faces_that_ship_are_crops_in_colour_with_their_licence() -> None:
    color = calibration_faces.crops(egg_head(), faces=2, seed=3)

    with np.load(io.BytesIO(calibration_faces.pack(color, SOURCE, 3)), allow_pickle=False) as archive:
        np.testing.assert_array_equal(archive["color"], color)
        assert color.shape == (2, TENSOR_SIDE_PX, TENSOR_SIDE_PX, 3)
        assert "an egg" in str(archive["licence"])


def test_the_faces_that_ship_are_there_and_are_few() -> None:
    path = Path(str(files("kinect_unlock"))) / "data" / "models" / "calibration-faces.npz"

    with np.load(path, allow_pickle=False) as archive:
        assert archive["color"].shape[1:] == (TENSOR_SIDE_PX, TENSOR_SIDE_PX, 3)
        assert "ICT-FaceKit" in str(archive["licence"])
    assert path.stat().st_size < 1e6
