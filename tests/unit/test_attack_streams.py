"""Streams of the attack laboratory keep a camera's time, and what is done to them is what they say."""

from itertools import pairwise

import numpy as np
import pytest

from attack_victims import victim
from kinect_unlock.frames import Frame
from kinect_unlock.integrity import History, integrity_cues, with_frame
from kinect_unlock.settings import Liveness
from kinect_unlock_lab.attack.exhibit import Species
from kinect_unlock_lab.attack.first_sensor import first_sensor
from kinect_unlock_lab.attack.heads import full_relief_masks
from kinect_unlock_lab.attack.streams import TAMPERED, Tampered, first, living, shown

ANNA = victim()


def live() -> tuple[Frame, ...]:
    return first(living(ANNA, first_sensor, np.random.default_rng(1)), 0.6)


@pytest.fixture(scope="module")
def anna() -> tuple[Frame, ...]:
    return live()


def broken(frames: tuple[Frame, ...]) -> list[tuple[str, ...]]:
    """Return which enforced cues of the stream do not hold, at each frame."""
    history, found = History(), []
    for frame in frames:
        history = with_frame(history, frame)
        cues = integrity_cues(history, Liveness())
        found.append(tuple(cue.name for cue in cues if cue.enforced and not cue.holds))
    return found


def depth(frame: Frame) -> bytes:
    assert frame.depth_mm is not None
    return frame.depth_mm.tobytes()


def test_a_living_head_sways_before_a_camera_that_never_repeats(anna: tuple[Frame, ...]) -> None:
    assert len(anna) == 18
    assert len({depth(frame) for frame in anna}) == len({frame.color.tobytes() for frame in anna}) == len(anna)
    assert broken(anna) == [()] * len(anna)
    steps_ns = {after.captured_ns - before.captured_ns for before, after in pairwise(anna)}
    assert max(steps_ns) - min(steps_ns) <= 1
    assert [frame.seq for frame in anna] == list(range(18))


def test_a_stream_is_the_same_for_the_same_seed(anna: tuple[Frame, ...]) -> None:
    for one, other in zip(anna, live(), strict=True):
        assert depth(one) == depth(other)
        assert np.array_equal(one.color, other.color)


def test_an_instrument_is_shown_as_it_moves() -> None:
    mask = next(iter(full_relief_masks(ANNA, (), np.random.default_rng(3))))

    one, two, three = first(shown(mask, ANNA, first_sensor, np.random.default_rng(4), rate_hz=10.0), 0.3, rate_hz=10.0)

    assert np.array_equal(two.color, mask.at(0.1).color)
    assert len({depth(frame) for frame in (one, two, three)}) == 3
    assert (two.captured_ns - one.captured_ns, two.device_us) == (100_000_000, 200_000)


def attacks_on(anna: tuple[Frame, ...], species: Species) -> list[Tampered]:
    made = list(TAMPERED[species](anna))
    assert made
    assert {one.species for one in made} == {species}
    assert len({str(one.parameters) for one in made}) == len(made)
    return made


def test_whatever_stands_still_or_comes_again_is_found_when_it_does(anna: tuple[Frame, ...]) -> None:
    for one in attacks_on(anna, Species.FROZEN):
        live_frames = int(one.parameters["after_frames"])
        assert broken(one.frames) == [()] * live_frames + [("depth_repeats",)] * (len(anna) - live_frames)
        assert (one.frames[-1].color is anna[-1].color) == ("depth_alone" in one.parameters)
    for one in attacks_on(anna, Species.LOOPED):
        length = int(one.parameters.get("length_frames", 1))
        found = broken(one.frames)
        assert found.index(("depth_repeats",)) == length
        assert [frame.captured_ns for frame in one.frames] == [frame.captured_ns for frame in anna]


def test_late_colour_is_colour_of_before(anna: tuple[Frame, ...]) -> None:
    for one in attacks_on(anna, Species.SHIFTED):
        late = int(one.parameters.get("color_late_frames", 0))
        assert all(np.array_equal(sent.color, true.color) for sent, true in zip(one.frames, anna, strict=False))
        assert [depth(frame) for frame in one.frames] == [depth(frame) for frame in anna[late:]]


def test_a_device_whose_clock_goes_back_is_found_and_one_that_drifts_is_told(anna: tuple[Frame, ...]) -> None:
    for one in attacks_on(anna, Species.SHIFTED):
        speed = one.parameters.get("device_clock_speed", 1.0)
        history = History()
        for frame in one.frames:
            history = with_frame(history, frame)
        values = {cue.name: cue.value for cue in integrity_cues(history, Liveness())}
        passed_ms = (one.frames[-1].captured_ns - one.frames[0].captured_ns) / 1e6
        assert values["steps_back"] == (len(anna) - 1 if speed < 0 else 0)
        assert values["clocks_apart_ms"] == pytest.approx((1 - speed) * passed_ms, abs=0.01)
