"""What a frame's way from the driver costs: that the stand-in's own work is kept out of it, and both ways are gone."""

import time

import numpy as np
import pytest
from rich.console import Console

from kinect_unlock.arrays import U8
from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.clock import NS_PER_MS, ManualClock
from kinect_unlock.observations import Box, Detection
from kinect_unlock.settings import Source
from kinect_unlock.sources.planes import ReadsInto
from kinect_unlock_lab.camera_costs import Cost, Costs, Meter, Way, measure, metered_stand_in, tables
from kinect_unlock_lab.holdings import Holdings

BURNT_MS = 20.0
FRAMES = 10


class _Middle:
    """Sees a face where the demo's people are."""

    def detect(self, color: U8, within: Box | None = None) -> tuple[Detection, ...]:
        del color, within
        return (Detection(Box(850.0, 400.0, 200.0, 250.0), 0.9, np.zeros((5, 2), np.float32)),)


def burn() -> None:
    """Take processor time, however busy the machine is."""
    until_ns = time.thread_time_ns() + BURNT_MS * NS_PER_MS
    while time.thread_time_ns() < until_ns:
        pass


def test_what_the_stand_in_does_itself_is_not_charged_to_anything_else() -> None:
    begun_ns = time.thread_time_ns()
    meter = Meter()

    burn()
    meter.play(burn)
    meter.end_frame()
    meter.play(burn)
    meter.end_frame()

    spent_ms = (time.thread_time_ns() - begun_ns) / NS_PER_MS
    (first, second), (other, rest) = meter.tally.playing_ms, meter.tally.other_ms
    assert min(first, second, other) >= BURNT_MS
    assert first + second + other + rest <= spent_ms


def test_a_share_of_a_core_counts_both_processes_at_30_frames_a_second() -> None:
    cost = Cost(1.0, 2.0, 2.5)
    assert Way(None, cost, cost, 1, 10).share == pytest.approx(0.075)
    assert Way(cost, cost, cost, 2, 10).share == pytest.approx(0.150)


def test_the_metered_driver_fills_the_shared_memory_itself() -> None:
    """Otherwise the child would copy once more, and the table's copies were wrong."""
    assert isinstance(metered_stand_in(Source(kind="stand-in", path="nothing.mkv"), ManualClock()), ReadsInto)


@pytest.mark.slow
def test_both_ways_are_measured_on_as_many_frames_and_leave_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    before = Holdings.now()

    costs = measure(folder_of_recordings() / "owner-returns.mkv", _Middle(), frames=FRAMES, blocks=1)

    assert (costs.in_process.frames, costs.through_child.frames) == (FRAMES, FRAMES)
    assert costs.in_process.driver is None
    assert costs.through_child.driver is not None
    assert costs.frame_bytes == 1920 * 1080 * 3 + 2 * 512 * 424 * 2
    assert len(costs.registration) == 3
    assert list(Holdings.now().more_than(before)) == []
    assert capfd.readouterr().out == ""  # the library's log would stand in the middle of the table


def test_the_tables_fit_80_columns_and_name_each_number() -> None:
    cost = Cost(1111.11, 2222.22, 1.0)
    way = Way(cost, cost, cost, 2, 720)
    costs = Costs(way, way, cost, {"full frame": cost}, 7_088_128)
    console = Console(width=80, color_system=None)
    with console.capture() as capture:
        for view in tables(costs):
            console.print(view)
    shown = capture.get()
    assert "…" not in shown
    assert "1111.11, 2222.22" in shown
    assert "one frame of 7.1 MB" in shown
    assert costs.as_json()["of_one_core"] == {"in_process": way.share, "through_child": way.share}
