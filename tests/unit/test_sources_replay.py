import threading
from pathlib import Path

import pytest

from kinect_unlock.clock import NS_PER_S, ManualClock
from kinect_unlock.errors import RecordingError, SourceError
from kinect_unlock.frames import Frame
from kinect_unlock.settings import Pace
from kinect_unlock.sources.base import EndOfStream
from kinect_unlock.sources.replay import ReplaySource
from streams import INTERVAL_NS, PROVENANCE, assert_same, frames, write_recording


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return write_recording(tmp_path / "a.mkv", frames(4))


def opened(path: Path, pace: Pace, clock: ManualClock) -> ReplaySource:
    source = ReplaySource(path, pace=pace, clock=clock)
    source.open()
    return source


@pytest.mark.parametrize("pace", ["asap", "stepped"])
def test_unpaced_replay_gives_every_frame_at_once_with_the_recordings_own_times(recording: Path, pace: Pace) -> None:
    source = opened(recording, pace, ManualClock())

    for wanted in frames(4):
        got = source.read(0.0)
        assert got is not None
        assert_same(got, wanted)
    for _ in range(2):
        with pytest.raises(EndOfStream):
            source.read(0.0)
    source.close()


def test_paced_replay_gives_a_frame_when_its_time_has_come_and_not_before(recording: Path) -> None:
    clock = ManualClock()
    source = opened(recording, "recorded", clock)

    first = source.read(0.0)
    assert first is not None
    for wanted in frames(4)[1:]:
        clock.advance(INTERVAL_NS - 1)
        assert source.read(0.0) is None
        clock.advance(1)
        got = source.read(0.0)
        assert got is not None
        assert got.captured_ns == wanted.captured_ns  # the recording's clock, not this one
    source.close()


def test_a_late_reader_gets_what_is_overdue_at_once(recording: Path) -> None:
    clock = ManualClock()
    source = opened(recording, "recorded", clock)
    source.read(0.0)
    clock.advance(10 * NS_PER_S)

    got = [source.read(0.0) for _ in range(3)]

    assert [frame.seq for frame in got if frame is not None] == [1, 2, 3]
    source.close()


def test_a_paced_read_waits_for_a_frame_that_is_due_within_its_time(recording: Path) -> None:
    source = opened(recording, "recorded", ManualClock())

    got = [source.read(60.0) for _ in range(2)]  # a thirtieth of a second

    assert [frame.seq for frame in got if frame is not None] == [0, 1]
    source.close()


class WatchedClock(ManualClock):
    """A clock that tells when it has been asked for the second time."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.asked_twice = threading.Event()

    def monotonic_ns(self) -> int:
        self.asked += 1
        if self.asked > 1:
            self.asked_twice.set()
        return super().monotonic_ns()


def test_closing_from_another_thread_ends_a_read_that_waits(tmp_path: Path) -> None:
    first, second = frames(2)
    hours_later = Frame(1, first.captured_ns + 3600 * NS_PER_S, second.color, second.depth_mm, second.calibration)
    clock = WatchedClock()
    source = opened(write_recording(tmp_path / "a.mkv", [first, hours_later]), "recorded", clock)
    source.read(0.0)
    got: list[Frame | None] = []
    reader = threading.Thread(target=lambda: got.append(source.read(3600.0)), daemon=True)
    reader.start()
    assert clock.asked_twice.wait(10.0)

    source.close()

    reader.join(10.0)
    assert not reader.is_alive()
    assert got == [None]
    with pytest.raises(SourceError, match="is not open"):
        source.read(0.0)


def test_replay_tells_what_the_recording_says_of_itself(recording: Path) -> None:
    source = ReplaySource(recording, pace="asap", clock=ManualClock())
    assert source.provenance == {}

    source.open()

    assert source.provenance == PROVENANCE
    assert not source.cut_short
    source.close()


def test_a_cut_recording_replays_what_it_holds_and_says_so(recording: Path) -> None:
    content = recording.read_bytes()
    recording.write_bytes(content[: len(content) // 2])
    source = opened(recording, "asap", ManualClock())

    first = source.read(0.0)

    assert source.cut_short
    assert first is not None
    assert_same(first, frames(1)[0])
    source.close()


def test_a_missing_recording_is_named_when_it_is_opened(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"gone\.mkv: cannot be read: No such file"):
        opened(tmp_path / "gone.mkv", "asap", ManualClock())


def test_a_replay_may_be_closed_without_being_opened_and_twice(recording: Path) -> None:
    source = ReplaySource(recording, pace="asap", clock=ManualClock())
    source.close()
    source.close()
