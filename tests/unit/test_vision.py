from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import cast

import numpy as np
import pytest

from kinect_unlock import vision as module
from kinect_unlock.capture import Ending, Shot
from kinect_unlock.clock import NS_PER_MS, ManualClock
from kinect_unlock.errors import InternalError, KinectUnlockError, ModelError, SourceLost
from kinect_unlock.frames import Frame
from kinect_unlock.observations import Observation, Seen
from kinect_unlock.pipeline import Pipeline
from kinect_unlock.slot import LatestSlot
from kinect_unlock.vision import Vision

WAIT_S = 20.0
MAX_AGE_MS = 250.0


class Looks:
    """A pipeline that sees nobody, or raises what was left for a frame."""

    def __init__(self, faults: dict[int, Exception]) -> None:
        self._faults = faults

    def observe(self, frame: Frame, attempt: int, use: str) -> Observation:
        assert use in {"enrol", "verify"}
        if frame.seq in self._faults:
            raise self._faults[frame.seq]
        return Observation(attempt, frame.seq, frame.captured_ns, Seen.NO_FACE)


class News:
    """A listener that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []

    def on_observation(self, observation: Observation) -> None:
        self.told.append(("seen", observation.attempt, observation.seq))

    def on_picture(self, frame: Frame, observation: Observation) -> None:
        self.told.append(("shown", observation.attempt, observation.seq, frame.seq))

    def on_source_lost(self, attempt: int, error: KinectUnlockError) -> None:
        self.told.append(("lost", attempt, type(error)))

    def on_source_ended(self, attempt: int) -> None:
        self.told.append(("ended", attempt))


class _Rig:
    """A vision thread whose posts are run by the test, as the loop would."""

    def __init__(self, build: Callable[[], Looks]) -> None:
        self.slot = LatestSlot[Shot | Ending]()
        self.news = News()
        self.clock = ManualClock()
        self._posts = SimpleQueue[Callable[[], None]]()
        self.vision = Vision(
            cast("Callable[[], Pipeline]", build),
            slot=self.slot,
            listener=self.news,
            post=self._posts.put,
            max_frame_age_ms=MAX_AGE_MS,
            clock=self.clock,
        )
        self.vision.worker.start()

    def give(self, seq: int, *, age_ms: float | None = None, attempt: int = 1) -> None:
        frame = Frame(seq, 0, np.zeros((2, 2, 3), np.uint8), None, None)
        now_ns = self.clock.monotonic_ns()
        born_ns = None if age_ms is None else now_ns - int(age_ms * NS_PER_MS)
        assert self.slot.put(Shot(attempt, "verify", frame, born_ns), WAIT_S)

    def end(self, fault: KinectUnlockError | None = None, *, attempt: int = 1) -> None:
        assert self.slot.put(Ending(attempt, fault), WAIT_S)

    def hear(self) -> tuple[object, ...]:
        self._posts.get(timeout=WAIT_S)()
        return self.news.told[-1]


MakeRig = Callable[..., _Rig]


@pytest.fixture
def rig() -> Iterator[MakeRig]:
    made: list[_Rig] = []

    def make(faults: dict[int, Exception] | None = None, *, build: Callable[[], Looks] | None = None) -> _Rig:
        made.append(_Rig(build or (lambda: Looks(faults or {}))))
        return made[-1]

    yield make
    for one in made:
        one.vision.worker.request_stop()
        assert one.vision.worker.join(WAIT_S)


def test_it_is_ready_when_its_networks_are_loaded(rig: MakeRig) -> None:
    assert rig().vision.ready.result(WAIT_S) is None


def test_networks_that_cannot_be_loaded_end_the_start_with_their_own_words(rig: MakeRig) -> None:
    def build() -> Looks:
        raise ModelError("yunet.onnx was changed")

    running = rig(build=build)
    with pytest.raises(ModelError, match="was changed"):
        running.vision.ready.result(WAIT_S)

    assert running.vision.worker.join(WAIT_S)


def test_an_unforeseen_fault_in_loading_ends_the_start(rig: MakeRig, caplog: pytest.LogCaptureFixture) -> None:
    def build() -> Looks:
        raise ZeroDivisionError

    running = rig(build=build)
    with pytest.raises(InternalError, match="ZeroDivisionError"):
        running.vision.ready.result(WAIT_S)

    assert running.vision.worker.join(WAIT_S)
    assert [record.getMessage() for record in caplog.records] == ["event=worker-fault worker=vision"]


def test_an_unforeseen_fault_after_loading_ends_the_start_too(
    rig: MakeRig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(module, "give_back", fail)
    with pytest.raises(InternalError, match="ZeroDivisionError"):
        rig().vision.ready.result(WAIT_S)

    assert "event=worker-fault worker=vision" in caplog.text


def test_who_no_longer_waits_for_it_does_not_disturb_the_loading(rig: MakeRig) -> None:
    running = rig()

    assert not running.vision.ready.cancel()
    assert running.vision.ready.result(WAIT_S) is None


def test_each_frame_is_observed_and_told_on_the_loop(rig: MakeRig) -> None:
    running = rig()
    running.give(4, attempt=9)

    assert running.hear() == ("seen", 9, 4)


def test_the_end_follows_the_last_frame(rig: MakeRig) -> None:
    running = rig()
    running.give(1)
    running.end()

    assert [running.hear(), running.hear()] == [("seen", 1, 1), ("ended", 1)]


def test_a_lost_source_is_told_with_its_fault(rig: MakeRig) -> None:
    running = rig()
    running.end(SourceLost("unplugged"), attempt=5)

    assert running.hear() == ("lost", 5, SourceLost)


@pytest.mark.parametrize(
    ("age_ms", "looked_at"),
    [
        pytest.param(None, True, id="may wait for ever"),
        pytest.param(0.0, True, id="new"),
        pytest.param(MAX_AGE_MS, True, id="just young enough"),
        pytest.param(MAX_AGE_MS + 1, False, id="too old"),
        pytest.param(-MAX_AGE_MS - 1, False, id="from the future"),
    ],
)
def test_a_frame_that_has_grown_too_old_is_never_judged(rig: MakeRig, age_ms: float | None, *, looked_at: bool) -> None:
    running = rig()
    running.give(1, age_ms=age_ms)
    running.end()

    assert running.hear() == (("seen", 1, 1) if looked_at else ("ended", 1))
    assert running.slot.dropped == (0 if looked_at else 1)


def test_a_network_that_fails_ends_its_attempt_and_no_other(rig: MakeRig) -> None:
    running = rig({1: ModelError("the encoder gave a vector without direction")})
    running.give(1, attempt=1)
    running.give(2, attempt=2)

    assert [running.hear(), running.hear()] == [("lost", 1, ModelError), ("seen", 2, 2)]


def test_an_unforeseen_fault_ends_its_attempt_is_logged_once_and_no_other(
    rig: MakeRig, caplog: pytest.LogCaptureFixture
) -> None:
    running = rig({1: ZeroDivisionError("cv2")})
    running.give(1, attempt=1)
    running.give(2, attempt=2)

    assert [running.hear(), running.hear()] == [("lost", 1, InternalError), ("seen", 2, 2)]
    assert [record.getMessage() for record in caplog.records] == ["event=worker-fault worker=vision"]


def test_it_stops_while_it_waits_and_is_idle_meanwhile(rig: MakeRig) -> None:
    running = rig()
    running.vision.ready.result(WAIT_S)
    running.clock.advance(10**15)
    idle_is_healthy = running.vision.worker.healthy(1.0)
    running.vision.worker.request_stop()

    assert idle_is_healthy
    assert running.vision.worker.join(WAIT_S)
