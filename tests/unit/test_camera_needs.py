"""How fast the camera is read, decided by what the attempt sees; all on a clock that the camera moves."""

import asyncio
from dataclasses import dataclass

import numpy as np
import pytest

from fakes.cameras import RatedCamera
from fakes.people import OWNER, SPACE, template_of
from fakes.rig import CONFIG, Rig
from kinect_unlock.arrays import F32, U8
from kinect_unlock.camera_needs import FOLLOWING_HZ, HELD_S, RESTING_HZ, Need, need_after, rate_hz
from kinect_unlock.camera_report import CameraReporter
from kinect_unlock.clock import NS_PER_S, ManualClock
from kinect_unlock.crop import DepthChannel
from kinect_unlock.errors import SourceLost
from kinect_unlock.frames import Origin
from kinect_unlock.halves import Half
from kinect_unlock.observations import Box, Detection
from kinect_unlock.open_camera import OpenCamera
from kinect_unlock.pipeline import Pipeline
from kinect_unlock.settings import Attempt, Config, Source
from kinect_unlock.sources.base import EndOfStream
from kinect_unlock.wire import Verify

CAMERA_HZ = 30.0


class _Detector:
    """Finds nobody, and counts how often it was asked."""

    def __init__(self) -> None:
        self.calls = 0

    def detect(self, color: U8, within: Box | None = None) -> tuple[Detection, ...]:
        del color, within
        self.calls += 1
        return ()


class _Encoder:
    """Never asked, where no face is found."""

    model_id = SPACE
    depth_channel = DepthChannel.REGISTERED
    halves: tuple[Half, ...] = ()

    def encode(self, batch: F32) -> F32:
        raise AssertionError(f"nobody was found, yet encoded: {np.shape(batch)}")


@dataclass(frozen=True)
class _Watched:
    """What an attempt made of a room into which somebody came."""

    captured: int
    given: int
    detected: int
    first_seen_ns: int | None  # the frame in which somebody was first seen
    needs: list[Need]


def watched(*, comes_s: float, ends_s: float, watching_hz: float) -> _Watched:
    """Play a room through camera, pipeline and attempt; somebody comes at ``comes_s`` and is no face."""

    async def scene() -> _Watched:
        settings = Source(kind="fed", watching_hz=watching_hz)
        config = patient(settings)
        rig = Rig(config, origin=Origin.STAND_IN)
        rig.templates.kept["anna"] = template_of(OWNER, "anna", origin=Origin.STAND_IN)
        rig.enrolled("anna")
        rig.clock.advance(NS_PER_S)
        source = RatedCamera(
            rig.clock, comes_ns=NS_PER_S + int(comes_s * NS_PER_S), ends_ns=NS_PER_S + int(ends_s * NS_PER_S)
        )
        camera = OpenCamera(source, settings, clock=rig.clock, reporter=CameraReporter(rig.clock))
        detector = _Detector()
        pipeline = Pipeline(detector, _Encoder(), config, clock=rig.clock)
        asked = await rig.before_camera(Verify("anna"))
        need, first_seen_ns = Need.LOOKING, None
        try:
            while True:
                frame = camera.read(need)
                if frame is None:
                    continue
                observation = pipeline.observe(frame, rig.attempt, "verify")
                if observation.somebody and first_seen_ns is None:
                    first_seen_ns = frame.captured_ns - NS_PER_S
                rig.show(observation)
                need = rig.camera.needs[-1] if rig.camera.needs else Need.LOOKING
        except EndOfStream:
            asked.gone.set()
            await asked.answer()
        return _Watched(source.captured, source.given, detector.calls, first_seen_ns, rig.camera.needs)

    return asyncio.run(scene())


def patient(source: Source) -> Config:
    """The rig's settings with an attempt that outlasts every scene."""
    attempt = Attempt(timeout_s=600.0, nobody_timeout_s=600.0)
    return Config(source=source, policy=CONFIG.policy, hooks=CONFIG.hooks, attempt=attempt)


@pytest.mark.parametrize(
    ("need", "watching_hz", "expected_hz"),
    [
        (Need.RESTING, 10.0, RESTING_HZ),
        (Need.RESTING, 1.0, 1.0),
        (Need.WATCHING, 10.0, 10.0),
        (Need.LOOKING, 10.0, None),
    ],
)
def test_each_need_has_its_rate(need: Need, watching_hz: float, expected_hz: float | None) -> None:
    assert rate_hz(need, watching_hz) == expected_hz


def test_every_frame_stays_wanted_for_a_while_after_somebody_was_there() -> None:
    assert [need_after(empty_s) for empty_s in (0.0, HELD_S - 1e-9, HELD_S, 60.0)] == [
        Need.LOOKING,
        Need.LOOKING,
        Need.WATCHING,
        Need.WATCHING,
    ]


def test_an_empty_room_is_watched_slowly_and_never_searched_for_faces() -> None:
    room = watched(comes_s=1e6, ends_s=60.0, watching_hz=10.0)

    assert room.detected == 0
    assert room.needs == [Need.WATCHING]
    assert room.captured == pytest.approx(60 * CAMERA_HZ, abs=1)
    assert 59.5 * 10 <= room.given <= HELD_S * CAMERA_HZ + 59.5 * 10 + 1


@pytest.mark.parametrize("watching_hz", [2.0, 7.0, 10.0, 30.0])
@pytest.mark.parametrize("comes_s", [3.0, 3.011, 3.049, 3.09, 3.4])
def test_who_comes_waits_no_longer_than_the_pause_between_two_watched_frames(
    watching_hz: float, comes_s: float
) -> None:
    room = watched(comes_s=comes_s, ends_s=6.0, watching_hz=watching_hz)
    assert room.first_seen_ns is not None
    delay_s = room.first_seen_ns / NS_PER_S - comes_s

    # The camera's own interval comes on top: somebody comes between two frames, whoever reads them.
    assert 0.0 <= delay_s <= 1.0 / watching_hz + 1.0 / CAMERA_HZ
    assert room.needs == [Need.WATCHING, Need.LOOKING]


def test_from_the_first_sight_of_somebody_every_frame_is_looked_at() -> None:
    room = watched(comes_s=5.0, ends_s=8.0, watching_hz=5.0)
    assert room.first_seen_ns is not None

    assert room.detected == pytest.approx((8.0 - room.first_seen_ns / NS_PER_S) * CAMERA_HZ, abs=1)


def test_an_open_camera_that_cannot_be_throttled_is_read_as_it_is() -> None:
    clock = ManualClock()
    source = RatedCamera(clock, comes_ns=10**18, ends_ns=10**18)
    unthrottled = _Plain(source)
    camera = OpenCamera(unthrottled, Source(kind="fed"), clock=clock, reporter=CameraReporter(clock))
    given = [camera.read(Need.RESTING) for _ in range(60)]

    assert None not in given
    assert clock.monotonic_ns() == pytest.approx(3 * NS_PER_S, rel=1e-6)


@pytest.mark.parametrize(("need", "limit_s"), [(Need.LOOKING, 2.0), (Need.WATCHING, 2.1), (Need.RESTING, 2.5)], ids=str)
def test_silence_is_told_from_the_pause_that_was_asked_for(need: Need, limit_s: float) -> None:
    clock = ManualClock()
    source = RatedCamera(clock, comes_ns=10**18, ends_ns=10**18, rate_hz=0.1)
    camera = OpenCamera(source, Source(kind="fed", watching_hz=10.0), clock=clock, reporter=CameraReporter(clock))
    begun_ns = clock.monotonic_ns()
    with pytest.raises(SourceLost, match=f"no frame for {limit_s:g} s"):
        _read_until_lost(camera, need)

    assert (clock.monotonic_ns() - begun_ns) / NS_PER_S == pytest.approx(limit_s, abs=0.1)


def _read_until_lost(camera: OpenCamera, need: Need) -> None:
    while True:
        assert camera.read(need) is None


class _Plain:
    """A camera without a throttle."""

    origin = Origin.STAND_IN

    def __init__(self, source: RatedCamera) -> None:
        self.open = source.open
        self.read = source.read
        self.close = source.close


def test_each_need_has_a_rate_and_none_is_read_faster_than_the_one_above_it() -> None:
    rates = [rate_hz(need, watching_hz=10.0) for need in Need]
    assert rates == [RESTING_HZ, FOLLOWING_HZ, 10.0, None]
    assert rate_hz(Need.FOLLOWING, watching_hz=3.0) == 3.0
