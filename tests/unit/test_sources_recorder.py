from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinect_unlock.clock import NS_PER_S, ManualClock
from kinect_unlock.errors import RecordingError, SourceLost
from kinect_unlock.frames import Frame, Origin
from kinect_unlock.recording import RecordingReader
from kinect_unlock.sources.recorder import Limit, LossCounter, Progress, record
from kinect_unlock.sources.replay import ReplaySource
from kinect_unlock.sources.stand_in import Silence, StandInSource, Step
from streams import INTERVAL_NS, assert_same, frames, registered, write_recording


def opened(script: list[Step], clock: ManualClock | None = None) -> StandInSource:
    source = StandInSource(script, clock=clock)
    source.open()
    return source


def numbered(*numbers: int) -> list[Frame]:
    """Frames with these sequence numbers, each at its number's time."""
    picture = frames(1)[0]
    return [Frame(n, n * INTERVAL_NS, picture.color, picture.depth_mm, registered()) for n in numbers]


def test_a_source_is_recorded_until_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    seen: list[Progress] = []

    told = record(
        opened([*frames(2, infrared=True), Silence(3), *frames(5, infrared=True)[2:]]),
        path,
        clock=ManualClock(),
        provenance={"purpose": "verify", "origin": "sensor"},
        lossless_color=True,
        on_progress=seen.append,
    )

    assert told == seen[-1]
    assert [progress.frames for progress in seen] == [1, 2, 3, 4, 5]
    assert told.seconds == pytest.approx(4 * INTERVAL_NS / NS_PER_S)
    assert (told.dropped, told.gaps) == (0, 0)
    with RecordingReader(path) as reader:
        assert reader.provenance == {"purpose": "verify", "origin": "stand-in"}  # the source's own, whatever was said
        assert not reader.cut_short
        for got, wanted in zip(reader, frames(5, infrared=True), strict=True):
            assert_same(got, wanted)


@pytest.mark.parametrize(
    ("limit", "wanted"),
    [
        pytest.param(Limit(frames=3), 3, id="frames"),
        pytest.param(Limit(seconds=2 * INTERVAL_NS / NS_PER_S), 3, id="seconds"),
        pytest.param(Limit(frames=5, seconds=0.0), 1, id="whichever comes first"),
        pytest.param(Limit(), 9, id="none"),
    ],
)
def test_a_limit_ends_a_recording(tmp_path: Path, limit: Limit, wanted: int) -> None:
    assert record(opened([*frames(9)]), tmp_path / "a.mkv", clock=ManualClock(), limit=limit).frames == wanted


def test_a_wish_to_stop_ends_a_recording_with_a_whole_file(tmp_path: Path) -> None:
    seen: list[Progress] = []

    record(
        opened([*frames(9)]),
        tmp_path / "a.mkv",
        clock=ManualClock(),
        on_progress=seen.append,
        stop=lambda: len(seen) == 4,
    )

    with RecordingReader(tmp_path / "a.mkv") as reader:
        assert not reader.cut_short
        assert reader.frame_count == 4


def test_frames_that_the_source_skipped_are_counted(tmp_path: Path) -> None:
    told = record(opened([*numbered(0, 1, 4, 5, 9)]), tmp_path / "a.mkv", clock=ManualClock())

    assert (told.frames, told.dropped) == (5, 5)


@given(st.lists(st.booleans(), min_size=2, max_size=60))
def test_what_is_missing_between_the_first_and_the_last_frame_is_counted(given: list[bool]) -> None:
    numbers = [n for n, is_given in enumerate(given) if is_given]
    counter = LossCounter()
    for frame in numbered(*numbers):
        counter.see(frame)

    missing = numbers[-1] - numbers[0] + 1 - len(numbers) if numbers else 0
    assert counter.dropped == missing
    assert counter.gaps == 0


def test_a_long_interval_without_a_missing_number_is_a_gap_by_the_devices_clock() -> None:
    picture = frames(1)[0]
    ticks_us = [0, 33_000, 66_000, 99_000, 200_000, 233_000]
    counter = LossCounter()
    for n, tick_us in enumerate(ticks_us):
        # The host's own times are jittered and must not matter.
        host_ns = n * INTERVAL_NS + (n % 2) * 25_000_000
        counter.see(Frame(n, host_ns, picture.color, picture.depth_mm, registered(), None, tick_us))

    assert (counter.dropped, counter.gaps) == (0, 1)


def test_a_camera_that_goes_to_half_its_rate_in_the_dark_is_not_a_gap_for_ever() -> None:
    picture = frames(1)[0]
    counter = LossCounter()
    for n in range(60):
        captured_ns = n * INTERVAL_NS if n < 10 else 9 * INTERVAL_NS + (n - 9) * 2 * INTERVAL_NS
        counter.see(Frame(n, captured_ns, picture.color, picture.depth_mm, registered()))

    assert counter.gaps <= 10


def test_a_source_without_depth_is_refused_before_a_file_exists(tmp_path: Path) -> None:
    photo = Frame(0, 0, np.zeros((4, 4, 3), np.uint8), None, None)

    with pytest.raises(RecordingError, match=r"a\.mkv: not written, because a stand-in source gives no depth"):
        record(opened([photo]), tmp_path / "a.mkv", clock=ManualClock())

    assert not (tmp_path / "a.mkv").exists()


def test_a_source_that_gives_nothing_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="the source gave no frame"):
        record(opened([]), tmp_path / "a.mkv", clock=ManualClock())

    assert not (tmp_path / "a.mkv").exists()


def test_a_silent_source_is_lost_and_the_file_is_whole(tmp_path: Path) -> None:
    clock = ManualClock()

    with pytest.raises(SourceLost, match="gave no frame for 2 s"):
        record(opened([*frames(3), Silence(1000)], clock), tmp_path / "a.mkv", clock=clock, limit=Limit(stall_s=2.0))

    with RecordingReader(tmp_path / "a.mkv") as reader:
        assert not reader.cut_short
        assert reader.frame_count == 3


def test_a_replay_can_be_recorded_again_and_keeps_its_origin_and_times(tmp_path: Path) -> None:
    source = ReplaySource(write_recording(tmp_path / "a.mkv", frames(3)), pace="asap", clock=ManualClock())
    source.open()

    record(source, tmp_path / "b.mkv", clock=ManualClock(), lossless_color=True)

    source.close()
    with RecordingReader(tmp_path / "b.mkv") as reader:
        assert reader.provenance["origin"] == Origin.RECORDING
        for got, wanted in zip(reader, frames(3), strict=True):
            assert_same(got, wanted)
