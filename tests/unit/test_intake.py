from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from fakes.drivers import CALIBRATION, SIDE_PX, pattern
from kinect_unlock.calibration import calibration_to_plain
from kinect_unlock.clock import ManualClock
from kinect_unlock.sources.base import Identity
from kinect_unlock.sources.driver_link import Nonsense, Opened, Shown
from kinect_unlock.sources.intake import Intake
from kinect_unlock.sources.planes import PlaneShapes
from kinect_unlock.sources.ring import SLOTS, RingReader, RingWriter

SIZE = (SIDE_PX, SIDE_PX)
BORN_NS = 1_000
OPENED = Opened("Kinect v2", "0123", "4.0\x1b[2J", "cpu", SIZE, SIZE, SIZE, calibration_to_plain(CALIBRATION))


class _Child:
    """A ring with both its ends, a clock, and an intake."""

    def __init__(self) -> None:
        self.clock = ManualClock(start_ns=BORN_NS)
        self.reader = RingReader()
        self.writer = RingWriter(self.reader.descriptor, PlaneShapes(SIZE, SIZE, SIZE))
        self.intake = Intake(self.reader, self.clock)
        self.clock.advance(1_000_000)

    def show(self, number: int, **said: Any) -> None:
        planes = self.writer.begin(number)
        planes.color[:], depth_mm, infrared = pattern(number)
        assert planes.depth_mm is not None
        planes.depth_mm[:] = depth_mm
        assert planes.infrared is not None
        planes.infrared[:] = infrared
        self.writer.publish(number)
        self.intake.shown(Shown(**{"number": number, "seq": number, "captured_ns": BORN_NS, "device_us": None, **said}))


@pytest.fixture
def child() -> Iterator[_Child]:
    made = _Child()
    yield made
    made.reader.close()
    made.writer.close()


@pytest.fixture
def opened(child: _Child) -> _Child:
    child.intake.opened(OPENED)
    return child


def test_what_the_camera_is_called_is_made_harmless(child: _Child) -> None:
    assert child.intake.opened(OPENED) == Identity("Kinect v2", "0123", "4.0", "cpu")


def test_a_frame_is_a_copy_with_the_calibration_that_all_share(opened: _Child) -> None:
    opened.show(1, seq=7, captured_ns=BORN_NS + 5, device_us=11)
    first = opened.intake.take()
    opened.show(2, seq=8, captured_ns=BORN_NS + 6)
    second = opened.intake.take()

    assert first is not None
    assert second is not None
    assert (first.seq, first.captured_ns, first.device_us) == (7, BORN_NS + 5, 11)
    assert first.calibration is second.calibration
    assert first.calibration is not None
    assert first.calibration.color == CALIBRATION.color
    color, depth_mm, infrared = pattern(1)
    for found, wanted in ((first.color, color), (first.depth_mm, depth_mm), (first.infrared, infrared)):
        assert found is not None
        np.testing.assert_array_equal(found, wanted)


def test_the_newest_wins_and_the_others_are_counted(opened: _Child) -> None:
    for number in (1, 2, 3):
        opened.show(number)
    frame = opened.intake.take()
    opened.show(7)

    assert frame is not None
    assert frame.seq == 3
    assert opened.intake.dropped == 2 + 3


def test_a_frame_that_was_overwritten_is_counted_and_not_given(opened: _Child) -> None:
    opened.show(1)
    opened.writer.begin(1 + SLOTS)

    assert opened.intake.has_frame
    assert opened.intake.take() is None
    assert (opened.intake.dropped, opened.intake.has_frame) == (1, False)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"color": (8192, 8192)}, id="no slot is so large"),
        pytest.param({"color": (SIDE_PX, SIDE_PX + 1)}, id="colour not the calibration's"),
        pytest.param({"depth": (SIDE_PX + 1, SIDE_PX)}, id="depth not the calibration's"),
        pytest.param({"calibration": {"color": 1}}, id="no calibration"),
        pytest.param(
            {"calibration": {**calibration_to_plain(CALIBRATION), "depth_to_color": {"kind": "other"}}}, id="no mapping"
        ),
        pytest.param(
            {
                "calibration": {
                    **calibration_to_plain(CALIBRATION),
                    "color": {**calibration_to_plain(CALIBRATION)["color"], "fx_px": float("nan")},
                }
            },
            id="not finite",
        ),
    ],
)
def test_what_a_camera_cannot_be_is_nonsense(child: _Child, change: dict[str, Any]) -> None:
    with pytest.raises(Nonsense):
        child.intake.opened(replace(OPENED, **change))


@pytest.mark.parametrize(
    "second",
    [
        pytest.param({"number": 5}, id="number repeated"),
        pytest.param({"number": 4}, id="number going back"),
        pytest.param({"seq": 5}, id="seq repeated"),
        pytest.param({"seq": 4}, id="seq going back"),
        pytest.param({"captured_ns": BORN_NS + 9}, id="captured before the last"),
        pytest.param({"captured_ns": BORN_NS + 1_000_001}, id="captured in the future"),
    ],
)
def test_a_frame_that_cannot_be_is_nonsense(opened: _Child, second: dict[str, int]) -> None:
    opened.show(5, captured_ns=BORN_NS + 10)
    said = {"number": 6, "seq": 6, "captured_ns": BORN_NS + 11, "device_us": None, **second}

    with pytest.raises(Nonsense):
        opened.intake.shown(Shown(**said))  # type: ignore[arg-type]


def test_a_frame_from_before_the_child_is_nonsense(opened: _Child) -> None:
    with pytest.raises(Nonsense, match="before the last one or in the future"):
        opened.show(1, captured_ns=BORN_NS - 1)
