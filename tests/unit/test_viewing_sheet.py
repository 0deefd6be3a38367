"""What the picture shows, by its content: pixels where things must be, in the colours they must have."""

from dataclasses import replace
from itertools import combinations
from math import nan

import cv2
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from kinect_unlock.arrays import U8, U16
from kinect_unlock.cue_words import bound_words
from kinect_unlock.frames import Calibration, Frame, Intrinsics, Registered
from kinect_unlock.looks import Look, ShownFace
from kinect_unlock.observations import Box, Cue, DepthFit, HeadPose, Modality, Seen, Verdict
from kinect_unlock.pose import angles_deg
from kinect_unlock.settings import DepthVote, Ranges
from kinect_unlock.viewing import colours, sheet
from kinect_unlock.viewing.canvas import Canvas, Rect, shortened, text_width
from kinect_unlock.viewing.gauges import Limits, span_of_cue
from kinect_unlock.viewing.panes import AXIS_COLOURS, fit, head_axes
from kinect_unlock.viewing.placing import place_in_depth
from kinect_unlock.viewing.scores import Score, Scores
from kinect_unlock.viewing.sheet import COLOR_PANE, DEPTH_PANE, INFRARED_PANE, SCALE, Caption, draw, words_of

CAMERA = Intrinsics(512, 424, 365.0, 365.0, 255.5, 211.5)
SHARED = Calibration(CAMERA, CAMERA, Registered())
LIMITS = Limits(Ranges().verify, DepthVote())
CAPTION = Caption("test.mkv", "frame 3")
BOX = Box(200.0, 120.0, 100.0, 120.0)
LANDMARKS = ((225.0, 160.0), (275.0, 160.0), (250.0, 185.0), (230.0, 215.0), (270.0, 215.0))
CUES = (
    Cue("sheet_residual_mm", "mm", 25.0, 8.0, 60.0),
    Cue("face_height_mm", "mm", 1.0, 6.0, None),
    Cue("valid_depth", "share", None, 0.75, None),
)


def frame(*, infrared: bool = True, depth: bool = True) -> Frame:
    """Return a grey room two metres deep with a head 800 mm away."""
    depth_mm = np.full((424, 512), 2000, np.uint16)
    depth_mm[120:240, 200:300] = 800
    depth_mm[:, :20] = 0
    return Frame(
        seq=3,
        captured_ns=0,
        color=np.full((424, 512, 3), 90, np.uint8),
        depth_mm=depth_mm if depth else None,
        calibration=SHARED if depth else None,
        infrared=np.full((424, 512), 900, np.uint16) if infrared else None,
    )


def look(seen: Seen = Seen.FACE, *, yaw_deg: float = 0.0, pitch_deg: float = 0.0) -> Look:
    face = ShownFace(BOX, LANDMARKS, HeadPose(800.0, yaw_deg, pitch_deg, 0.0))
    verdict = Verdict.SPOOF if seen is Seen.SPOOF else Verdict.LIVE
    return Look(seen, face=face, verdict=verdict, cues=CUES, depth_fit=DepthFit(2.0, 0.9), stage_ms={"detect": 5.0})


NOBODY = Look(Seen.NO_FACE)


def part(picture: U8, at: Rect) -> U8:
    return picture[at.y : at.bottom, at.x : at.right]


def share_of(picture: U8, colour: colours.Colour, at: Rect) -> float:
    """Return the share of a place's pixels that have a colour."""
    return float((part(picture, at) == colour).all(axis=2).mean())


def centre_of(picture: U8, colour: colours.Colour, at: Rect) -> tuple[float, float]:
    """Return where the pixels of a colour lie in a place, on average."""
    rows, columns = np.nonzero((part(picture, at) == colour).all(axis=2))
    assert len(rows), f"nothing of {colour} there"
    return float(columns.mean()), float(rows.mean())


def test_the_same_arguments_give_the_same_pixels() -> None:
    one, other = (draw(frame(), look(), None, CAPTION, limits=LIMITS) for _ in range(2))
    assert one.shape == (900, 1600, 3)
    np.testing.assert_array_equal(one, other)


def test_every_pane_shows_its_image() -> None:
    picture = draw(frame(), NOBODY, None, CAPTION, limits=LIMITS)
    assert (part(picture, COLOR_PANE) == 90).all()
    np.testing.assert_array_equal(part(picture, DEPTH_PANE), colours.depth_picture(_depth(frame())))
    assert (part(picture, INFRARED_PANE) == 255).all(), "an even image is as bright as it gets"


def _depth(one: Frame) -> U16:
    assert one.depth_mm is not None
    return one.depth_mm


def test_where_there_is_no_room_for_every_cue_those_with_a_say_are_drawn() -> None:
    reported = tuple(Cue(f"reported_{number}_mm", "mm", 1.0, None, None, enforced=False) for number in range(20))

    def rows(cues: tuple[Cue, ...]) -> int:
        """Return how many marks of what held or did not stand in the card."""
        seen = msgspec.structs.replace(look(), cues=cues)
        card = part(draw(frame(), seen, None, CAPTION, limits=LIMITS), sheet._CARDS[1])[46:, :40]
        marked = (card.max(axis=2).astype(int) - card.min(axis=2) > 60).any(axis=1)
        return int((np.diff(marked.astype(int)) == 1).sum())

    assert rows(CUES) == rows(CUES + reported) == len(CUES)


def test_the_depth_s_colours_are_those_of_the_scale_beside_it() -> None:
    picture = draw(frame(), NOBODY, None, CAPTION, limits=LIMITS)
    for depth_mm in (500, 800, 1300, 2000, 4500):
        x = SCALE.x + round(float(colours.scale_place(float(depth_mm))) * (SCALE.width - 1))
        drawn = colours.depth_picture(np.array([[depth_mm]], np.uint16))[0, 0].astype(int)
        assert np.abs(picture[SCALE.y + 5, x].astype(int) - drawn).max() <= 4


def test_depth_beyond_the_scale_is_drawn_as_its_end_and_no_reading_as_none() -> None:
    near, nearest, farthest, far, none = colours.depth_picture(np.array([[1, 500, 4500, 65535, 0]], np.uint16))[0]
    np.testing.assert_array_equal(near, nearest)
    np.testing.assert_array_equal(far, farthest)
    np.testing.assert_array_equal(none, colours.NO_READING)


@given(st.lists(st.integers(500, 4500), min_size=2, max_size=2, unique=True))
def test_what_is_nearer_is_brighter(depths_mm: list[int]) -> None:
    near, far = sorted(depths_mm)
    grey = cv2.cvtColor(colours.depth_picture(np.array([[near, far]], np.uint16)), cv2.COLOR_RGB2GRAY)[0].astype(int)
    assert grey[0] >= grey[1] - 1  # a rounding


def _seen_by(colour: colours.Colour, missing: str) -> NDArray[np.float64]:
    """Return a colour as somebody without one kind of cone sees it (Viénot, Brettel and Mollon 1999), linear."""
    linear = (np.array(colour) / 255.0) ** 2.2
    to_lms = np.array(((17.8824, 43.5161, 4.11935), (3.45565, 27.1554, 3.86714), (0.0299566, 0.184309, 1.46709)))
    lms = to_lms @ linear
    if missing == "red":
        lms[0] = 2.02344 * lms[1] - 2.52581 * lms[2]
    else:
        lms[1] = 0.494207 * lms[0] + 1.24827 * lms[2]
    return np.clip(np.linalg.inv(to_lms) @ lms, 0, 1)


@pytest.mark.parametrize("missing", ["red", "green"])
def test_the_state_colours_differ_for_the_colour_blind(missing: str) -> None:
    for one, other in combinations((colours.GOOD, colours.BAD, colours.CARE, colours.PLAIN), 2):
        apart = np.abs(_seen_by(one, missing) ** (1 / 2.2) - _seen_by(other, missing) ** (1 / 2.2)).max() * 255
        assert apart > 35, f"{one} and {other}"


@pytest.mark.parametrize(
    ("seen", "colour"), [(Seen.FACE, colours.GOOD), (Seen.SPOOF, colours.BAD), (Seen.TURNED_AWAY, colours.CARE)]
)
def test_the_box_is_drawn_around_the_face_in_the_state_s_colour_in_all_panes(
    seen: Seen, colour: colours.Colour
) -> None:
    picture = draw(frame(), look(seen), None, CAPTION, limits=LIMITS)
    for pane in (COLOR_PANE, DEPTH_PANE, INFRARED_PANE):
        assert centre_of(picture, colour, pane) == pytest.approx((250, 180), abs=4)
    assert share_of(picture, colour, Rect(1200, 14, 384, 40)) > 0.005, "the state beside the title"


def test_landmarks_are_dots_where_they_are() -> None:
    picture = draw(frame(), look(yaw_deg=0), None, CAPTION, limits=LIMITS)
    for x, y in (LANDMARKS[0], LANDMARKS[1], LANDMARKS[3], LANDMARKS[4]):
        assert (picture[COLOR_PANE.y + round(y), COLOR_PANE.x + round(x)] > 200).all()
        assert (picture[INFRARED_PANE.y + round(y), INFRARED_PANE.x + round(x)] > 200).all()


@pytest.mark.parametrize(("yaw_deg", "pitch_deg"), [(40.0, 0.0), (-40.0, 0.0), (0.0, 40.0), (0.0, -40.0)])
def test_the_look_points_where_the_nose_does(yaw_deg: float, pitch_deg: float) -> None:
    picture = draw(frame(), look(yaw_deg=yaw_deg, pitch_deg=pitch_deg), None, CAPTION, limits=LIMITS)
    rows, columns = np.nonzero((part(picture, COLOR_PANE) == AXIS_COLOURS[2]).all(axis=2))
    nose_x, nose_y = LANDMARKS[2]
    off = (columns.mean() - nose_x, rows.mean() - nose_y)
    if yaw_deg:
        assert np.sign(off[0]) == np.sign(yaw_deg)
        assert abs(off[0]) > 3 * abs(off[1])
    else:
        assert np.sign(off[1]) == -np.sign(pitch_deg), "up is up"


@given(st.floats(-80, 80), st.floats(-80, 80), st.floats(-80, 80))
def test_the_axes_are_those_of_the_angles(yaw_deg: float, pitch_deg: float, roll_deg: float) -> None:
    right, up, towards = head_axes(HeadPose(800.0, yaw_deg, pitch_deg, roll_deg))
    rotation = np.stack((right, -up, -towards), axis=1)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(angles_deg(rotation), (yaw_deg, pitch_deg, roll_deg), atol=1e-6)


def test_a_face_found_in_infrared_is_drawn_there_and_not_on_the_dark_colour_image() -> None:
    seen = msgspec.structs.replace(look(), modality=Modality.INFRARED)
    picture = draw(frame(), seen, None, CAPTION, limits=LIMITS)
    assert (part(picture, COLOR_PANE) == 90).all()
    assert centre_of(picture, colours.GOOD, INFRARED_PANE) == pytest.approx((250, 180), abs=4)
    assert words_of(seen) == "a live face, by infrared"


def test_without_infrared_its_pane_shows_the_depth_on_the_colour_image() -> None:
    picture = draw(frame(infrared=False), NOBODY, None, CAPTION, limits=LIMITS)
    head, wall = picture[INFRARED_PANE.y + 180, INFRARED_PANE.x + 250], picture[INFRARED_PANE.y + 20, 1400]
    tint = 0.6 * colours.depth_picture(np.array([[800, 2000]], np.uint16))[0] + 0.4 * 90
    np.testing.assert_allclose(np.stack((head, wall)), tint, atol=2)
    assert (picture[INFRARED_PANE.y + 200, INFRARED_PANE.x + 10] == 45).all(), "no reading: the colour image, dimmed"


def test_without_depth_the_picture_says_so() -> None:
    picture = draw(frame(infrared=False, depth=False), Look(Seen.NO_DEPTH), None, CAPTION, limits=LIMITS)
    assert share_of(picture, colours.CARD, DEPTH_PANE) > 0.9
    assert share_of(picture, colours.CARD, INFRARED_PANE) > 0.9
    assert share_of(picture, colours.NO_READING, Rect(DEPTH_PANE.x, SCALE.y, 14, 14)) == 0.0, "a scale of nothing"


def test_images_of_other_sizes_than_calibrated_are_shown_without_a_face_in_depth() -> None:
    odd = replace(frame(infrared=False), depth_mm=np.full((100, 100), 800, np.uint16))
    picture = draw(odd, look(), None, CAPTION, limits=LIMITS)
    assert place_in_depth(odd, look()) is None
    assert share_of(picture, colours.CARD, INFRARED_PANE) > 0.9


@pytest.mark.parametrize("shape", [(1080, 1920), (424, 512), (149, 119), (1, 1), (10, 2000)])
def test_any_image_fits_its_pane_whole_and_in_its_shape(shape: tuple[int, int]) -> None:
    fitted = fit(np.zeros((*shape, 3), np.uint8), COLOR_PANE)
    assert COLOR_PANE.x <= fitted.at.x
    assert fitted.at.right <= COLOR_PANE.right
    assert COLOR_PANE.y <= fitted.at.y
    assert fitted.at.bottom <= COLOR_PANE.bottom
    assert fitted.at.width in {COLOR_PANE.width, max(1, round(COLOR_PANE.height / shape[0] * shape[1]))}


@pytest.mark.parametrize("seen", list(Seen))
def test_there_are_words_for_everything_that_can_be_seen(seen: Seen) -> None:
    assert words_of(Look(seen))
    assert draw(frame(), Look(seen), None, CAPTION, limits=LIMITS).shape == (900, 1600, 3)


def _bar_of(picture: U8) -> tuple[int, int, int]:
    """Return the first vote's bar: where it begins, where its filling ends, where its mark stands."""
    row = picture[592 + 46 + 34, 1072 : 1072 + 512].astype(int)
    filled = np.flatnonzero(((row == colours.GOOD) | (row == colours.BAD)).all(axis=1))
    marked = np.flatnonzero((row == colours.INK).all(axis=1))
    return int(filled[0]), int(filled[-1]), int(marked.mean())


@pytest.mark.parametrize(("cosine", "needed"), [(0.8, 0.5), (0.3, 0.6)])
def test_a_score_is_a_bar_against_its_threshold(cosine: float, needed: float) -> None:
    scores = Scores("ann", (Score("rgb", cosine, needed),))
    picture = draw(frame(), look(), scores, CAPTION, limits=LIMITS)
    begin, end, mark = _bar_of(picture)
    whole = 480
    assert (end - begin) / whole == pytest.approx(cosine, abs=0.01)
    assert (mark - begin) / whole == pytest.approx(needed, abs=0.01)
    reached = colours.GOOD if cosine >= needed else colours.BAD
    other = colours.BAD if cosine >= needed else colours.GOOD
    card = Rect(1072, 592, 512, 200)
    assert share_of(picture, reached, card) > 0.01
    assert share_of(picture, other, card) == 0.0


@pytest.mark.parametrize(("cosine", "needed"), [(nan, 0.5), (0.9, None), (0.9, nan)])
def test_a_score_that_cannot_be_compared_never_looks_reached(cosine: float, needed: float | None) -> None:
    scores = Scores("ann", (Score("rgb", cosine, needed), Score("depth", 0.9, 0.1)))
    assert not scores.reached
    assert not Scores("ann", ()).reached
    assert draw(frame(), look(), scores, CAPTION, limits=LIMITS).shape == (900, 1600, 3)


def test_without_scores_none_are_drawn() -> None:
    card = Rect(1072, 592, 512, 200)
    picture = draw(frame(), look(), None, CAPTION, limits=LIMITS)
    assert share_of(picture, colours.GOOD, card) == share_of(picture, colours.BAD, card) == 0.0


def test_a_cue_that_held_and_one_that_broke_are_told_apart_by_more_than_colour() -> None:
    picture = draw(frame(), look(Seen.SPOOF), None, CAPTION, limits=LIMITS)
    marks = [part(picture, Rect(560, 592 + 46 + 26 * row, 16, 26)) for row in range(3)]
    shapes = [(mark != colours.CARD).any(axis=2) for mark in marks]
    assert (shapes[0] != shapes[1]).any(), "a tick and a cross"
    assert (marks[0] == colours.GOOD).all(axis=2).any()
    assert (marks[1] == colours.BAD).all(axis=2).any()
    assert (marks[2] == colours.CARE).all(axis=2).any(), "what could not be measured is no cross of a broken cue"


@pytest.mark.parametrize(
    ("low", "high", "unit", "words"),
    [(8.0, 60.0, "mm", "8 to 60"), (6.0, None, "mm", "6 or more"), (None, 3.0, "mm", "3 or less"),
     (0.75, None, "share", "75% or more")],
)  # fmt: skip
def test_bounds_are_said_in_words(low: float | None, high: float | None, unit: str, words: str) -> None:
    assert bound_words(Cue("x", unit, 1.0, low, high)) == words


@given(
    st.one_of(st.none(), st.floats(-1e6, 1e6)),
    st.one_of(st.none(), st.floats(0, 1e6)),
    st.sampled_from(["mm", "share"]),
    st.floats(-1e6, 1e6),
)
def test_every_bound_has_a_scale_that_shows_it(
    low: float | None, beyond: float | None, unit: str, value: float
) -> None:
    high = None if beyond is None else (low or 0.0) + beyond
    span = span_of_cue(Cue("x", unit, value, low, high))
    if low is None and high is None:
        assert span is None
        return
    assert span is not None
    assert span.low < span.high
    assert 0.0 <= span.share(span.allowed_low) <= span.share(span.allowed_high) <= 1.0
    assert 0.0 <= span.share(value) <= 1.0


def test_the_face_s_relief_is_shown_enlarged_and_a_print_has_none() -> None:
    rounded, flat = frame(), frame()
    bump = np.full((120, 100), 800, np.uint16)
    bump[40:80, 40:60] = 760
    depth_mm = _depth(rounded).copy()
    depth_mm[120:240, 200:300] = bump
    corner = Rect(DEPTH_PANE.x + 12, DEPTH_PANE.y + 12, 80, 128)
    relief = part(draw(replace(rounded, depth_mm=depth_mm), look(), None, CAPTION, limits=LIMITS), corner)
    none = part(draw(flat, look(), None, CAPTION, limits=LIMITS), corner)
    face = slice(30, 100), slice(20, 60)
    assert len(np.unique(relief[face].reshape(-1, 3), axis=0)) > len(np.unique(none[face].reshape(-1, 3), axis=0))


def test_words_stay_inside_their_place() -> None:
    long = "a" * 40 + "middle" + "z" * 200
    short = shortened(long, 17, 300)
    assert text_width(short, 17) <= 300
    assert short.startswith("aaa")
    assert short.endswith("zzz")
    assert shortened("fits", 17, 300) == "fits"


def test_a_face_that_lies_far_outside_the_image_is_drawn_as_far_as_it_can_be() -> None:
    face = ShownFace(Box(-1e9, 1e9, 1e9, 1e9), ((1e9, -1e9),) * 5, HeadPose(800.0, 0.0, 0.0, 0.0))
    assert draw(frame(), Look(Seen.FACE, face=face), None, CAPTION, limits=LIMITS).shape == (900, 1600, 3)


def test_letters_are_drawn_in_the_end_and_on_top() -> None:
    canvas = Canvas(200, 40, (0, 0, 0))
    canvas.text("HHHH", (10, 20), 20, (255, 255, 255))
    canvas.box(Rect(0, 0, 200, 40), (10, 10, 10))
    assert (canvas.finished() == 255).any()


def test_a_paused_picture_says_so() -> None:
    plain = draw(frame(), look(), None, CAPTION, limits=LIMITS)
    paused = draw(frame(), look(), None, replace(CAPTION, paused=True), limits=LIMITS)
    head = Rect(0, 0, sheet.WIDTH_PX, 64)
    assert share_of(paused, colours.CARE, head) > share_of(plain, colours.CARE, head)


def test_the_place_in_depth_is_where_colour_and_depth_meet() -> None:
    shifted = Calibration(Intrinsics(512, 424, 365.0, 365.0, 255.5, 211.5), CAMERA, Registered())
    place = place_in_depth(replace(frame(), calibration=shifted), look())
    assert place is not None
    assert [place.box.x_px, place.box.y_px] == pytest.approx([200, 120], abs=2)
    np.testing.assert_allclose(place.landmarks_px, LANDMARKS, atol=1.5)
    assert place_in_depth(frame(), NOBODY) is None
