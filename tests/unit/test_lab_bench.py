"""The laboratory's clocks: what a report says, and the frames that are timed."""

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock_lab.bench import Report, Timing, enlarged, table


def shown(report: Report) -> list[str]:
    console = Console(width=80, color_system=None)
    with console.capture() as capture:
        console.print(table(report))
    return [" ".join(line.split()) for line in capture.get().splitlines()]


def test_a_report_names_what_each_number_is_and_fits_80_columns() -> None:
    timing = Timing("detect", 3.6, 3.95, 4.65, 5.72, 9.6, 9.9, 5.0, 20)

    lines = shown(Report((timing,), (1483.0, 1201.0, 1269.0), 226.0, 231.0))

    assert "detect 3.60 3.95 4.65 5.72 9.60 9.90 5" in lines
    assert "to READY 1269 max 1483 2000" in lines
    assert "idle MB 226 peak 231 200" in lines


@pytest.fixture(scope="module")
def recording() -> Path:
    return folder_of_recordings() / "owner-enrols.mkv"


def test_the_frames_that_are_timed_are_as_large_as_the_cameras(recording: Path) -> None:
    frame = next(enlarged(recording))

    assert frame.color.shape == (1080, 1920, 3)
    assert frame.depth_mm is not None
    assert frame.depth_mm.shape == (424, 512)
    assert np.any(frame.color[300:800, 700:1200])
