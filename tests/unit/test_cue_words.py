from collections.abc import Iterator

import pytest

from demo_frames import frames_of
from kinect_unlock import networks
from kinect_unlock.cue_words import WORDS, CueWords, bound_words, meaning, remedies, title, value_words
from kinect_unlock.observations import Cue
from kinect_unlock.settings import Config, Liveness

LOW = Cue("sheet_residual_mm", "mm", 3.0, 8.0, 60.0)


def _texts(words: CueWords) -> Iterator[str]:
    yield from (words.below, words.above, words.missing, words.help)


def test_every_cue_that_has_bounds_has_words_and_no_other() -> None:
    assert set(WORDS) == set(Liveness.__struct_fields__)


def test_every_cue_that_is_reported_has_words() -> None:
    pipeline = networks.pipeline(Config())
    for recording in ("owner-returns", "flat-photo"):
        for frame in frames_of(recording, 3):
            report = pipeline.observe(frame, 1, "verify").liveness
            assert report is not None
            assert {cue.name for cue in report.cues} <= set(WORDS)


@pytest.mark.parametrize("name", list(WORDS))
def test_words_are_short_and_none_is_missing(name: str) -> None:
    words = WORDS[name]
    assert all(text.strip() for text in _texts(words))
    assert all(len(text) <= 74 for text in (words.below, words.above, words.missing))
    assert words.help.endswith(".")


@pytest.mark.parametrize(
    ("cue", "said"),
    [
        (LOW, WORDS["sheet_residual_mm"].below),
        (Cue("sheet_residual_mm", "mm", 61.0, 8.0, 60.0), WORDS["sheet_residual_mm"].above),
        (Cue("sheet_residual_mm", "mm", None, 8.0, 60.0), WORDS["sheet_residual_mm"].missing),
        (Cue("sheet_residual_mm", "mm", float("nan"), 8.0, 60.0), WORDS["sheet_residual_mm"].missing),
        (Cue("of_an_older_version", "mm", 1.0, 2.0, None), "it lies out of its bounds"),
        (Cue("of_an_older_version", "mm", None, 2.0, None), "it could not be measured"),
    ],
)
def test_a_broken_cue_means_something(cue: Cue, said: str) -> None:
    assert meaning(cue) == said


def test_a_name_is_said_without_its_unit_in_british() -> None:
    assert title("sheet_residual_mm") == "sheet residual"
    assert title("color_still_ms") == "colour still"
    assert title("off_axis_deg") == "off axis"


@pytest.mark.parametrize(
    ("cue", "value", "bound"),
    [
        (LOW, "3.00 mm", "8 to 60"),
        (Cue("a", "mm", 7.98, 8.0, None), "7.98 mm", "8 or more"),
        (Cue("a", "mm", 1234.56, None, 8.5), "1234.6 mm", "8.5 or less"),
        (Cue("a", "share", 0.871, 0.75, None), "87%", "75% or more"),
        (Cue("a", "frames", 1, None, 0.0), "1 frame", "0 or less"),
        (Cue("a", "frames", 2, None, 0.0), "2 frames", "0 or less"),
        (Cue("a", "", 0.5, 0.1, None), "0.50", "0.1 or more"),
        (Cue("a", "correlation", -0.07, 0.72, None), "-0.07", "0.72 or more"),
        (Cue("a", "share", -0.001, 0.7, None), "0%", "70% or more"),
        (Cue("a", "mm", None, 8.0, None, enforced=False), "not measurable", "reported only"),
        (Cue("a", "mm", float("inf"), None, None), "not measurable", "reported only"),
    ],
)
def test_numbers_are_said_with_their_unit(cue: Cue, value: str, bound: str) -> None:
    assert (value_words(cue), bound_words(cue)) == (value, bound)


def test_what_helps_is_said_once() -> None:
    assert remedies(("face_height_mm", "face_width_mm", "unknown", "relief_share")) == (
        WORDS["face_height_mm"].help,
        WORDS["relief_share"].help,
    )
