"""Why a frame was judged so, as a picture: what must be seen in it is there, and nothing leaves its place."""

from dataclasses import replace
from functools import cache

import msgspec
import numpy as np
import pytest

from demo_frames import frames_of
from kinect_unlock import networks
from kinect_unlock.arrays import U8
from kinect_unlock.frames import Frame
from kinect_unlock.looks import Look, look_of
from kinect_unlock.observations import Cue, Seen, Verdict
from kinect_unlock.settings import Config
from kinect_unlock.shapes import rms_mm
from kinect_unlock.viewing import colours, explanation, gauges
from kinect_unlock.viewing.canvas import Canvas, Rect, text_width, wrapped
from kinect_unlock.viewing.explanation import draw_why, surface_of
from kinect_unlock.viewing.sheet import Caption

CAPTION = Caption("test.mkv", "frame 3")
OWN, MEANS, SHEET = explanation._PANES[2:]


@cache
def seen(recording: str) -> tuple[Frame, Look]:
    """Return the second frame of a shipped recording, and what is made of it."""
    pipeline = networks.pipeline(Config())
    first, second = frames_of(recording, 2)
    pipeline.observe(first, 1, "verify")
    return second, look_of(pipeline.observe(second, 1, "verify"))


def drawn(recording: str) -> U8:
    return draw_why(*seen(recording), CAPTION)


def part(picture: U8, at: Rect) -> U8:
    return picture[at.y : at.bottom, at.x : at.right]


def share_off(picture: U8, at: Rect, *, by: int = 100) -> float:
    """Return the share of a pane that stands off its shape, in front or behind, by some depth of its colour."""
    pane = part(picture, at).astype(int)
    return float((abs(pane[..., 0] - pane[..., 2]) > by).mean())


def test_the_same_arguments_give_the_same_pixels() -> None:
    np.testing.assert_array_equal(drawn("bent-photo"), drawn("bent-photo"))
    assert drawn("bent-photo").shape == (900, 1600, 3)


@pytest.mark.parametrize("pane", [OWN, SHEET], ids=["quadric", "sheet"])
def test_a_face_stands_off_every_shape_and_a_print_off_none(pane: Rect) -> None:
    face, picture = (share_off(drawn(name), pane, by=50) for name in ("owner-returns", "flat-photo"))
    assert face > 0.03
    assert picture < 0.02  # landmarks


def test_beside_a_bent_prints_relief_stands_a_faces() -> None:
    picture = drawn("bent-photo")
    assert share_off(picture, MEANS, by=25) > 3 * share_off(picture, OWN, by=25)


@pytest.mark.parametrize("recording", ["owner-returns", "flat-photo", "bent-photo"])
def test_the_surface_drawn_is_the_one_that_was_judged(recording: str) -> None:
    frame, look = seen(recording)
    surface = surface_of(frame, look)
    assert surface is not None
    (judged,) = (cue.value for cue in look.cues if cue.name == "sheet_residual_mm")
    title, part_of, off_mm = explanation._FITS[-1]
    assert title == "Off the best bent sheet"
    assert rms_mm(off_mm(part_of(surface))) == pytest.approx(judged, rel=1e-4)


def test_without_a_face_or_depth_nothing_is_measured_and_all_is_drawn() -> None:
    frame, look = seen("empty-room")
    without_depth = replace(frame, depth_mm=None, calibration=None)
    for shown in (frame, without_depth):
        assert surface_of(shown, look) is None
        assert draw_why(shown, look, CAPTION).shape == (900, 1600, 3)
    face, of_face = seen("owner-returns")
    assert surface_of(replace(face, depth_mm=None), of_face) is None
    draw_why(replace(face, depth_mm=None), of_face, CAPTION)


def test_more_cues_than_there_are_stay_in_their_card() -> None:
    frame, look = seen("bent-photo")
    many = tuple(Cue(f"cue_number_{number}_mm", "mm", -1234.5, 0.0, 190.0) for number in range(40))
    one = draw_why(frame, msgspec.structs.replace(look, cues=look.cues[:1]), CAPTION)
    crowded = draw_why(frame, msgspec.structs.replace(look, cues=many), CAPTION)
    changed = (one != crowded).any(axis=2)
    for card in (explanation._CUE_CARD, explanation._WHY_CARD):
        part(changed, card)[:] = False
    assert not changed.any()


@pytest.mark.parametrize("bound", [None, 230.0], ids=["reported", "with a say"])
def test_what_was_not_measured_stands_clear_of_its_title(bound: float | None) -> None:
    titled = Cue("background_step_mm", "mm", None, None, bound, enforced=bound is not None)
    longest = text_width("background step", gauges.TEXT_PX)
    canvas = Canvas(600, 60, colours.PAPER)
    gauges.draw_cues(canvas, Rect(0, 0, 498, 60), (titled,))
    between = canvas.finished()[:26, 26 + longest + 2 : 26 + longest + 22]
    np.testing.assert_array_equal(between, np.broadcast_to(colours.PAPER, between.shape))


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_has_words(verdict: Verdict) -> None:
    frame, look = seen("bent-photo")
    unread = tuple(replace(cue, value=None) for cue in look.cues)
    told = Look(Seen.UNSURE, face=look.face, verdict=verdict, cues=unread)
    card = part(draw_why(frame, told, CAPTION), explanation._WHY_CARD)
    empty = part(draw_why(frame, Look(Seen.NO_FACE), CAPTION), explanation._WHY_CARD)
    assert (card != empty).any()


def test_how_far_off_reads_without_hue() -> None:
    steps = np.array([[-15.0, -7.5, 0.0, 7.5, 15.0, np.nan]])
    picture = colours.offset_picture(steps)[0].astype(float)
    light = picture @ (0.2126, 0.7152, 0.0722)
    assert light[2] > light[1] > light[0]
    assert light[2] > light[3] > light[4]
    assert abs(light[0] - light[4]) < 30
    np.testing.assert_array_equal(picture[5], colours.NO_READING)
    np.testing.assert_array_equal(colours.offset_picture(steps * 2)[0, 0], colours.offset_picture(steps)[0, 0])


def test_a_text_is_wrapped_at_words_and_loses_none() -> None:
    text = "what stands there is as smooth as a bent sheet of paper"
    lines = wrapped(text, 15, 120)
    assert " ".join(lines) == text
    assert len(lines) > 2
    assert all(text_width(line, 15) <= 120 for line in lines)
    assert wrapped("", 15, 120) == []
    assert text_width(wrapped("m" * 100, 15, 120)[0], 15) <= 120
