"""What becomes of a live camera after an attempt: open for the next one, its frames unseen, closed when it must be."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from queue import SimpleQueue

import pytest

from fakes.cameras import FedCamera, frame_at
from fakes.people import OWNER, seen_face, template_of
from fakes.rig import CONFIG, Rig
from kinect_unlock.camera_needs import RESTING_HZ, Need
from kinect_unlock.camera_report import CameraFault, CameraReport, Phase
from kinect_unlock.capture import Capture, Ending, Shot
from kinect_unlock.clock import NS_PER_S, ManualClock
from kinect_unlock.errors import SourceError, SourceLost
from kinect_unlock.frames import Origin
from kinect_unlock.settings import Source
from kinect_unlock.slot import LatestSlot
from kinect_unlock.sources.base import EndOfStream, FrameSource, Identity
from kinect_unlock.wire import Verify, Word

WAIT_S = 20.0
LINGER_S = 1.0


class _Recorded(FedCamera):
    """A recording that is fed."""

    origin = Origin.RECORDING


class _Rig:
    """A capture thread on cameras that are opened one after the other."""

    def __init__(self, *cameras: FedCamera, linger_s: float = LINGER_S) -> None:
        self.clock = ManualClock()
        self.ready = SimpleQueue[int]()
        self.slot = LatestSlot[Shot | Ending]()
        self._cameras = iter(cameras)
        self.capture = Capture(
            self._open,
            Source(kind="fed", pace="recorded", linger_s=linger_s, stall_timeout_s=2.0, watching_hz=10.0),
            origin=cameras[0].origin,
            slot=self.slot,
            clock=self.clock,
            on_ready=self.ready.put,
        )
        self.capture.worker.start()

    def _open(self, stream: str | None) -> FrameSource:
        del stream
        camera = next(self._cameras, None)
        if camera is None:
            raise SourceError("no camera")
        return camera

    def start(self, attempt: int, stream: str | None = None) -> None:
        """Want frames and wait until the camera is ready."""
        self.capture.start(attempt, "verify", stream)
        assert self.ready.get(timeout=WAIT_S) == attempt

    def linger(self, camera: FedCamera) -> None:
        """End the attempt and wait until the camera rests."""
        self.capture.stop()
        while camera.rates_hz.get(timeout=WAIT_S) != RESTING_HZ:
            pass

    def stopped(self) -> CameraReport:
        """End the thread and return its last report."""
        self.capture.worker.request_stop()
        assert self.capture.worker.join(WAIT_S)
        return self.capture.report()


MakeRig = Callable[..., _Rig]


@pytest.fixture
def rig() -> Iterator[MakeRig]:
    made: list[_Rig] = []

    def make(*cameras: FedCamera, linger_s: float = LINGER_S) -> _Rig:
        made.append(_Rig(*cameras, linger_s=linger_s))
        return made[-1]

    yield make
    for one in made:
        one.slot.close()
        one.capture.worker.request_stop()
        assert one.capture.worker.join(WAIT_S)


def test_the_next_attempt_has_the_open_camera_at_once(rig: MakeRig) -> None:
    camera = FedCamera()
    running = rig(camera)
    running.start(1)
    running.linger(camera)
    running.start(2)
    camera.feed(frame_at(7, 5))
    shot = running.slot.take(WAIT_S)

    assert isinstance(shot, Shot)
    assert (shot.attempt, shot.frame.seq) == (2, 7)
    assert (camera.opened, camera.closed) == (1, 0)


def test_frames_between_attempts_are_thrown_away_unseen_and_uncounted(rig: MakeRig) -> None:
    camera = FedCamera()
    running = rig(camera)
    running.start(1)
    camera.feed(frame_at(0, 0))
    running.linger(camera)
    for seq in range(1, 6):
        camera.feed(frame_at(seq, seq))
    running.start(2)

    assert running.slot.take(0.0) is None
    assert running.capture.counters() == {"frames": 1, "drops": 0}


def test_a_frame_left_by_an_attempt_is_not_given_to_the_next(rig: MakeRig) -> None:
    camera = FedCamera()
    running = rig(camera)
    running.start(1)
    camera.feed(frame_at(0, 0))
    running.linger(camera)

    assert running.slot.take(0.0) is None


def test_another_stream_closes_the_camera_and_opens_its_own(rig: MakeRig) -> None:
    first, second = FedCamera(), FedCamera()
    running = rig(first, second)
    running.start(1, "one")
    running.linger(first)
    running.start(2, "two")

    assert (first.closed, second.opened, second.closed) == (1, 1, 0)


def test_the_camera_is_closed_when_its_time_is_over(rig: MakeRig) -> None:
    camera = FedCamera()
    running = rig(camera)
    running.start(1)
    running.linger(camera)
    running.clock.advance(int(LINGER_S * NS_PER_S) - 1)
    camera.feed(frame_at(0, 0))
    camera.feed(frame_at(1, 1))  # it is still read
    assert camera.closed == 0
    running.clock.advance(1)

    assert camera.closing.wait(WAIT_S)
    assert camera.closed == 1


def test_each_attempt_begins_the_time_anew(rig: MakeRig) -> None:
    camera = FedCamera()
    running = rig(camera)
    for attempt in range(1, 4):
        running.start(attempt)
        running.clock.advance(int(0.9 * LINGER_S * NS_PER_S))
        running.linger(camera)
        assert running.capture.report().until_ns == running.clock.monotonic_ns() + int(LINGER_S * NS_PER_S)

    assert (camera.opened, camera.closed) == (1, 0)


def test_the_end_of_the_daemon_closes_a_camera_that_lingers(rig: MakeRig) -> None:
    camera = FedCamera()
    running = rig(camera)
    running.start(1)
    running.linger(camera)
    running.capture.worker.request_stop()

    assert running.capture.worker.join(WAIT_S)  # the clock stands still: it is not the time that has passed
    assert camera.closed == 1


@pytest.mark.parametrize(
    "fault", [SourceLost("unplugged"), EndOfStream(), ZeroDivisionError("driver")], ids=["lost", "end", "unforeseen"]
)
def test_a_camera_that_ends_while_it_lingers_ends_no_attempt_and_the_next_one_opens_anew(
    rig: MakeRig, fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    first, second = FedCamera(), FedCamera()
    running = rig(first, second)
    running.start(1)
    running.linger(first)
    first.feed(fault)
    assert first.closing.wait(WAIT_S)
    running.start(2)

    assert running.slot.take(0.0) is None
    assert (first.closed, second.opened) == (1, 1)
    logged = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(logged) == (0 if isinstance(fault, EndOfStream) else 1)


def test_a_camera_that_falls_silent_while_it_lingers_is_closed(rig: MakeRig) -> None:
    camera = FedCamera()
    running = rig(camera, linger_s=60.0)
    running.start(1)
    running.linger(camera)
    running.clock.advance(int(2.5 * NS_PER_S))  # the time-out and the half second between two frames

    assert camera.closing.wait(WAIT_S)
    fault = running.stopped().fault
    assert fault is not None
    assert "no frame for 2.5 s" in fault.words


def test_the_pause_between_two_frames_of_a_resting_camera_is_no_silence(rig: MakeRig) -> None:
    camera = FedCamera()
    running = rig(camera, linger_s=60.0)
    running.start(1)
    running.linger(camera)
    running.clock.advance(int(2.4 * NS_PER_S))
    camera.feed(frame_at(0, 0))
    camera.feed(frame_at(1, 1))

    assert camera.closed == 0


def test_a_driver_that_hangs_while_the_camera_lingers_is_seen_by_the_watchdog(rig: MakeRig) -> None:
    camera, until = FedCamera(), threading.Event()
    running = rig(camera)
    running.start(1)
    running.linger(camera)
    camera.feed(until)
    running.clock.advance(11 * NS_PER_S)
    healthy = running.capture.worker.healthy(10.0)
    until.set()

    assert not healthy


def test_an_attempt_that_takes_over_has_the_open_camera(rig: MakeRig) -> None:
    camera = FedCamera()
    running = rig(camera)
    running.start(1)
    running.start(2)

    assert (camera.opened, camera.closed) == (1, 0)


def test_without_time_to_linger_a_camera_is_closed_after_each_attempt(rig: MakeRig) -> None:
    camera = FedCamera()
    running = rig(camera, linger_s=0.0)
    running.start(1)
    running.capture.stop()

    assert camera.closing.wait(WAIT_S)


def test_a_recording_never_lingers(rig: MakeRig) -> None:
    first, second = _Recorded(), _Recorded()
    running = rig(first, second, linger_s=60.0)
    running.start(1)
    running.capture.stop()
    assert first.closing.wait(WAIT_S)
    running.start(2)

    assert (first.closed, second.opened) == (1, 1)


def test_a_camera_is_read_as_fast_as_it_is_needed(rig: MakeRig) -> None:
    camera = FedCamera()
    running = rig(camera)
    acts: tuple[Callable[[], object], ...] = (
        lambda: running.start(1),
        lambda: running.capture.adapt(Need.WATCHING),
        lambda: running.capture.adapt(Need.LOOKING),
        lambda: running.capture.adapt(Need.WATCHING),
        running.capture.stop,
        lambda: running.start(2),  # begins with all frames, whatever the one before it needed
    )
    told: list[float | None] = []
    for act in acts:
        act()
        told.append(camera.rates_hz.get(timeout=WAIT_S))

    assert told == [None, 10.0, None, 10.0, RESTING_HZ, None]


def test_a_frame_from_before_the_attempt_is_never_judged_however_it_comes(rig: MakeRig) -> None:
    """Such as one that was on its way when the attempt began; the owner, who has left, would be let in by it."""

    async def scene() -> list[int]:
        decider, camera = Rig(CONFIG, origin=Origin.STAND_IN), FedCamera()
        running = rig(camera)
        decider.templates.kept["anna"] = template_of(OWNER, "anna", origin=Origin.STAND_IN)
        decider.enrolled("anna")
        running.start(1)
        running.linger(camera)
        decider.clock.advance(60 * NS_PER_S)
        asked = await decider.before_camera(Verify("anna"))
        running.start(2)
        begun_ns = decider.clock.monotonic_ns()
        for seq, since_ns in enumerate((-NS_PER_S, -(10**8), -1, 0, 10**8, 2 * 10**8)):
            camera.feed(frame_at(seq, begun_ns + since_ns))
            shot = running.slot.take(WAIT_S)
            assert isinstance(shot, Shot)
            seen = seen_face(decider.attempt, seq, OWNER)
            decider.show(replace(seen, captured_ns=shot.frame.captured_ns))
        assert (await asked.answer()).word is Word.MATCH
        return [line["seq"] for line in decider.log if line["kind"] == "frame"]

    assert asyncio.run(scene()) == [3, 4, 5]


def test_the_report_tells_of_each_phase(rig: MakeRig) -> None:
    first, second = FedCamera(), FedCamera()
    running = rig(first, second)
    never = running.capture.report()
    running.start(1)
    served = running.capture.report()
    running.linger(first)
    lingering = running.capture.report()
    first.feed(SourceLost("unplugged"))
    running.start(2)
    again = running.capture.report()
    last = running.stopped()

    assert [one.phase for one in (never, served, lingering, again, last)] == [
        Phase.CLOSED,
        Phase.OPEN,
        Phase.LINGERING,
        Phase.OPEN,
        Phase.CLOSED,
    ]
    assert (never.opened, never.identity) == (0, None)
    assert served.identity == Identity("Fed camera", "0042", pipeline="none")
    assert (lingering.until_ns, again.until_ns) == (running.clock.monotonic_ns() + int(LINGER_S * NS_PER_S), None)
    assert (lingering.need, last.need) == (Need.RESTING, None)
    assert (again.faults, again.fault) == (1, CameraFault("unplugged", running.clock.monotonic_ns()))
    assert (served.opened, served.restarts, again.opened, again.restarts) == (1, 0, 2, 1)


def test_a_camera_that_cannot_be_opened_is_reported_too(rig: MakeRig) -> None:
    camera = FedCamera()
    running = rig(camera)
    running.start(1)
    running.capture.start(2, "verify", "another")  # of which the rig has none
    ending = running.slot.take(WAIT_S)
    last = running.stopped()

    assert isinstance(ending, Ending)
    assert (ending.attempt, str(ending.fault)) == (2, "no camera")
    assert (last.phase, last.faults, last.fault) == (Phase.CLOSED, 1, CameraFault("no camera", 1 * NS_PER_S))


def test_a_camera_that_is_to_be_closed_does_not_linger_and_the_next_attempt_opens_it_again(rig: MakeRig) -> None:
    first, second = FedCamera(), FedCamera()
    running = rig(first, second, linger_s=3600.0)
    running.start(1)
    running.linger(first)
    running.capture.close()
    while running.capture.report().phase is not Phase.CLOSED:
        pass
    assert (first.opened, first.closed) == (1, 1)
    running.start(2)
    assert (second.opened, second.closed) == (1, 0)
