import threading
from collections.abc import Callable, Iterator
from queue import SimpleQueue

import numpy as np
import pytest

from kinect_unlock.capture import Capture, Ending, Shot
from kinect_unlock.clock import NS_PER_MS, Clock, ManualClock
from kinect_unlock.errors import KinectUnlockError, RecordingError, SourceError, SourceLost
from kinect_unlock.frames import Frame, Origin
from kinect_unlock.settings import Pace, Source
from kinect_unlock.slot import LatestSlot
from kinect_unlock.sources.base import FrameSource
from kinect_unlock.sources.stand_in import Hang, Silence, StandInSource, Step

WAIT_S = 20.0


class _Played(StandInSource):
    """A script that says it is a recording: no clock of this machine in its frames."""

    origin = Origin.RECORDING  # type: ignore[misc]


class _Rig:
    """A capture thread on scripts: one for each attempt, in order."""

    def __init__(
        self,
        *sources: StandInSource | Exception,
        pace: Pace = "asap",
        origin: Origin = Origin.RECORDING,
        clock: Clock | None = None,
    ) -> None:
        self._sources = iter(sources)
        self.streams: list[str | None] = []
        self.ready = SimpleQueue[int]()
        self.slot = LatestSlot[Shot | Ending]()
        settings = Source(kind="stand-in", pace=pace, stall_timeout_s=2.0)
        self.capture = Capture(
            self._open,
            settings,
            origin=origin,
            slot=self.slot,
            clock=clock or ManualClock(),
            on_ready=self.ready.put,
        )
        self.capture.worker.start()

    def _open(self, stream: str | None) -> FrameSource:
        self.streams.append(stream)
        source = next(self._sources)
        if isinstance(source, Exception):
            raise source
        return source

    def take(self) -> Shot | Ending:
        item = self.slot.take(WAIT_S)
        assert item is not None, "nothing came"
        return item

    def frames(self) -> tuple[list[int], Ending]:
        """Take everything up to the end: the frames' numbers and the end."""
        seqs = []
        while isinstance(item := self.take(), Shot):
            seqs.append(item.frame.seq)
        return seqs, item

    def fault(self) -> KinectUnlockError:
        _, ending = self.frames()
        assert ending.fault is not None
        return ending.fault


MakeRig = Callable[..., _Rig]


@pytest.fixture
def rig() -> Iterator[MakeRig]:
    made: list[_Rig] = []

    def make(*sources: StandInSource | Exception, **options: object) -> _Rig:
        made.append(_Rig(*sources, **options))  # type: ignore[arg-type]  # forwarded as they are
        return made[-1]

    yield make
    for one in made:
        one.slot.close()
        one.capture.worker.request_stop()
        assert one.capture.worker.join(WAIT_S)


def _frame(seq: int, captured_ns: int = 0) -> Frame:
    return Frame(seq, captured_ns, np.zeros((2, 2, 3), np.uint8), None, None)


def _frames(count: int) -> list[Step]:
    return [_frame(seq) for seq in range(count)]


def _wait_for_close(source: StandInSource, closed: threading.Event) -> None:
    assert closed.wait(WAIT_S)
    assert source.closed == 1


class _Watched(_Played):
    """A stand-in that tells when it is closed."""

    def __init__(self, script: list[Step]) -> None:
        super().__init__(script)
        self.closing = threading.Event()

    def close(self) -> None:
        super().close()
        self.closing.set()


def test_without_an_attempt_nothing_is_opened(rig: MakeRig) -> None:
    source = _Played(_frames(1))
    running = rig(source)

    assert running.slot.take(0.0) is None
    assert running.streams == []


def test_an_attempt_gets_every_frame_in_order_then_the_end(rig: MakeRig) -> None:
    running = rig(_Watched(_frames(50)))
    running.capture.start(7, "verify", "owner.mkv")
    seqs, ending = running.frames()

    assert seqs == list(range(50))
    assert (ending.attempt, ending.fault) == (7, None)
    assert running.ready.get(timeout=WAIT_S) == 7
    assert running.streams == ["owner.mkv"]
    assert running.capture.counters() == {"frames": 50, "drops": 0}


def test_a_shot_says_whose_it_is_and_what_for(rig: MakeRig) -> None:
    running = rig(_Played(_frames(1)))
    running.capture.start(3, "enrol", None)
    shot = running.take()

    assert isinstance(shot, Shot)
    assert (shot.attempt, shot.use, shot.fresh_from_ns) == (3, "enrol", None)


def test_the_source_is_closed_when_it_ends(rig: MakeRig) -> None:
    source = _Watched(_frames(1))
    running = rig(source)
    running.capture.start(1, "verify", None)
    running.frames()

    _wait_for_close(source, source.closing)


def test_the_source_is_closed_when_it_is_no_longer_wanted(rig: MakeRig) -> None:
    source = _Watched([_frame(0), Silence(10**9)])
    running = rig(source, pace="recorded")
    running.capture.start(1, "verify", None)
    assert running.ready.get(timeout=WAIT_S) == 1
    running.capture.stop()

    _wait_for_close(source, source.closing)


def test_a_new_attempt_takes_over_and_what_is_left_of_the_old_one_bears_its_number(rig: MakeRig) -> None:
    first, second = _Watched(_frames(10**4)), _Played([_frame(77)])
    running = rig(first, second)
    running.capture.start(1, "verify", None)
    running.take()
    running.capture.start(2, "verify", None)
    items = []
    while not isinstance(item := running.take(), Ending):
        items.append((item.attempt, item.frame.seq))

    assert [item for item in items if item[0] == 2] == [(2, 77)]
    assert item.attempt == 2
    _wait_for_close(first, first.closing)


def test_a_live_source_offers_so_that_the_newest_wins(rig: MakeRig) -> None:
    running = rig(_Played(_frames(100)), pace="recorded")
    running.capture.start(1, "verify", None)
    assert running.ready.get(timeout=WAIT_S) == 1
    seqs, _ = running.frames()

    assert seqs[-1] == 99
    assert len(seqs) + running.capture.counters()["drops"] == 100


def test_a_sensors_frame_is_as_old_as_it_says(rig: MakeRig) -> None:
    clock = ManualClock(start_ns=900 * NS_PER_MS)
    running = rig(
        StandInSource([_frame(0, captured_ns=800 * NS_PER_MS)]), origin=Origin.STAND_IN, pace="recorded", clock=clock
    )
    running.capture.start(1, "verify", None)
    shot = running.take()

    assert isinstance(shot, Shot)
    assert shot.fresh_from_ns == 800 * NS_PER_MS


def test_a_sensor_is_never_lossless_whatever_the_pace(rig: MakeRig) -> None:
    running = rig(StandInSource([_frame(0, captured_ns=1)]), origin=Origin.STAND_IN, pace="asap")
    running.capture.start(1, "verify", None)
    shot = running.take()

    assert isinstance(shot, Shot)
    assert shot.fresh_from_ns == 1


def test_a_paced_replays_frame_is_as_old_as_its_arrival(rig: MakeRig) -> None:
    clock = ManualClock(start_ns=900 * NS_PER_MS)
    running = rig(_Played([_frame(0, captured_ns=5)]), pace="recorded", clock=clock)
    running.capture.start(1, "verify", None)
    shot = running.take()

    assert isinstance(shot, Shot)
    assert shot.fresh_from_ns == 900 * NS_PER_MS


def test_a_source_silent_for_too_long_is_lost(rig: MakeRig) -> None:
    clock = ManualClock()
    running = rig(_Played([_frame(0), Silence(30)], clock=clock), clock=clock)
    running.capture.start(1, "verify", None)
    fault = running.fault()

    assert isinstance(fault, SourceLost)
    assert "no frame for 2 s" in str(fault)


def test_a_source_that_pauses_for_less_is_not_lost(rig: MakeRig) -> None:
    clock = ManualClock()
    script: list[Step] = [_frame(0), Silence(15), _frame(1), Silence(15), _frame(2)]
    running = rig(_Played(script, clock=clock), clock=clock)
    running.capture.start(1, "verify", None)

    assert running.frames()[0] == [0, 1, 2]


@pytest.mark.parametrize(
    "fault", [SourceError("not there"), RecordingError("x.mkv: no depth")], ids=["source", "recording"]
)
def test_a_source_that_cannot_be_had_ends_the_attempt_with_its_own_words(rig: MakeRig, fault: SourceError) -> None:
    running = rig(fault, _Played([], open_fault=fault))
    for attempt in (1, 2):
        running.capture.start(attempt, "verify", None)
        seqs, ending = running.frames()

        assert (seqs, ending.attempt, ending.fault) == ([], attempt, fault)


def test_a_source_that_dies_in_the_middle_gives_its_frames_first(rig: MakeRig) -> None:
    source = _Watched([*_frames(3), SourceLost("unplugged")])
    running = rig(source)
    running.capture.start(1, "verify", None)
    seqs, ending = running.frames()

    assert (seqs, str(ending.fault)) == ([0, 1, 2], "unplugged")
    _wait_for_close(source, source.closing)


def test_an_unforeseen_fault_of_a_source_is_its_loss_and_the_next_attempt_works(
    rig: MakeRig, caplog: pytest.LogCaptureFixture
) -> None:
    source = _Watched([_frame(0), ZeroDivisionError("driver")])
    running = rig(source, _Played(_frames(2)))
    running.capture.start(1, "verify", None)
    fault = running.fault()
    running.capture.start(2, "verify", None)
    seqs, _ = running.frames()

    assert isinstance(fault, SourceLost)
    assert seqs == [0, 1]
    assert source.closed == 1
    assert [record.getMessage() for record in caplog.records].count("event=worker-fault worker=capture") == 1


def test_frames_of_another_origin_than_declared_are_refused(rig: MakeRig) -> None:
    source = _Played(_frames(1))
    running = rig(source, origin=Origin.SENSOR)
    running.capture.start(1, "verify", None)
    fault = running.fault()

    assert "recording" in str(fault)
    assert "sensor" in str(fault)
    assert source.opened == 0


def test_a_stop_reaches_a_thread_that_waits_for_a_taker(rig: MakeRig) -> None:
    source = _Watched(_frames(10**4))
    running = rig(source)
    running.capture.start(1, "verify", None)
    running.take()
    running.capture.worker.request_stop()

    assert running.capture.worker.join(WAIT_S)
    assert source.closed == 1


def test_a_driver_that_hangs_is_seen_by_the_watchdog(rig: MakeRig) -> None:
    clock, until = ManualClock(), threading.Event()
    running = rig(_Played([Hang(until)]), clock=clock)
    running.capture.start(1, "verify", None)
    assert running.ready.get(timeout=WAIT_S) == 1
    before = running.capture.worker.healthy(10.0)
    clock.advance(11_000 * NS_PER_MS)
    during = running.capture.worker.healthy(10.0)
    until.set()

    assert (before, during) == (True, False)
