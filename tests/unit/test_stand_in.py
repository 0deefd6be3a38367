import threading

import numpy as np
import pytest

from kinect_unlock.clock import NS_PER_S, ManualClock
from kinect_unlock.errors import SourceLost
from kinect_unlock.frames import Frame, Origin
from kinect_unlock.sources.base import EndOfStream, FrameSource
from kinect_unlock.sources.stand_in import Hang, Silence, StandInSource


def _frame(seq: int) -> Frame:
    return Frame(seq, seq, np.zeros((2, 2, 3), np.uint8), None, None)


def test_it_plays_frames_silences_and_faults_in_order_and_then_ends() -> None:
    frames = [_frame(0), _frame(1)]
    source = StandInSource([frames[0], Silence(2), SourceLost("unplugged"), frames[1]])
    source.open()
    played = [source.read(0.1) for _ in range(3)]
    with pytest.raises(SourceLost, match="unplugged"):
        source.read(0.1)
    played.append(source.read(0.1))

    assert played == [frames[0], None, None, frames[1]]
    with pytest.raises(EndOfStream):
        source.read(0.1)


def test_a_silence_takes_the_scripts_time_and_none_of_ours() -> None:
    clock = ManualClock(start_ns=0)
    source = StandInSource([Silence(3)], clock=clock)
    source.open()
    for _ in range(3):
        source.read(100.0)

    assert clock.monotonic_ns() == 300 * NS_PER_S


def test_a_hang_lasts_until_it_is_released() -> None:
    until = threading.Event()
    until.set()
    source = StandInSource([Hang(until)])
    source.open()

    assert source.read(0.0) is None


def test_a_fault_at_opening_is_raised_there() -> None:
    source = StandInSource([], open_fault=SourceLost("no camera"))
    with pytest.raises(SourceLost, match="no camera"):
        source.open()


def test_its_frames_are_nobodys_and_cannot_unlock() -> None:
    source: FrameSource = StandInSource([])
    assert source.origin is Origin.STAND_IN


def test_misuse_is_an_error_of_the_user() -> None:
    source = StandInSource([])
    with pytest.raises(AssertionError, match="not open"):
        source.read(0.0)
    source.open()
    with pytest.raises(AssertionError, match="opened once"):
        source.open()
    source.close()
    with pytest.raises(AssertionError, match="not open"):
        source.read(0.0)

    assert (source.opened, source.closed) == (1, 1)
