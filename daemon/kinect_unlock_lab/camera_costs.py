"""What a frame costs on its way from the camera's driver to the daemon, through a child and without one.

The stand-in plays the same recording both times, at a Kinect's rate and sizes: 1080p colour, 512x424 depth and
infrared. Its own work of playing is metered apart and is in no other number. Blocks of frames read in this process and
through the child alternate, so that both meet the same machine. Processor time is one thread's. Latency is the time
from the moment the driver handed a frame over until the daemon's thread has it; it grows with what else the machine
does. Then that frame's depth is moved to where colour sees it, by the factory's model.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import cv2
import msgspec
import numpy as np
from msgspec.structs import replace
from rich.box import SIMPLE_HEAD
from rich.table import Table

from kinect_unlock.align import FACE_MARGIN, Aligner
from kinect_unlock.clock import NS_PER_MS, Clock, SystemClock
from kinect_unlock.errors import SourceLost
from kinect_unlock.frames import Frame, Origin
from kinect_unlock.pipeline import FaceDetector
from kinect_unlock.settings import Source
from kinect_unlock.sources.base import FrameSource
from kinect_unlock.sources.drivers import Driver
from kinect_unlock.sources.isolated import IsolatedSource
from kinect_unlock.sources.kinect_v2 import KinectV2Source
from kinect_unlock.sources.lives import DriverLives
from kinect_unlock.sources.pipelines import FixedPipeline
from kinect_unlock.sources.planes import Planes, Stamp
from kinect_unlock.sources.stand_in_driver import stand_in_binding
from kinect_unlock.sources.stand_in_driver.delivery import FrameMap, SyncMultiFrameListener

HZ: Final = 30.0  # of a Kinect v2
WARM_UP: Final = 10  # frames of a block that are not counted: memory is touched for the first time
_READ_S: Final = 2.0
_BUSY: Final = "this machine is too busy to measure on"
_TARGET: Final = "kinect_unlock_lab.camera_costs:metered_stand_in"

# How often a frame's pixels are written after the driver handed them over: converted into the arrays of the frame; or
# converted into the shared memory, and copied out of it.
_COPIES_IN_PROCESS: Final = 1
_COPIES_THROUGH_CHILD: Final = 2


@dataclass(slots=True)
class Tally:
    """Processor time of a driver's thread for each frame: the stand-in's own, and everything else it did."""

    playing_ms: list[float] = field(default_factory=list)
    other_ms: list[float] = field(default_factory=list)


class Meter:
    """Keeps the stand-in's own work apart from what is done with its frames; for one thread."""

    def __init__(self) -> None:
        self.tally = Tally()
        self._playing_ns = 0
        self._since_ns = time.thread_time_ns()

    def play(self, work: Callable[[], FrameMap | None]) -> FrameMap | None:
        """Do a part of the stand-in's own work."""
        begun_ns = time.thread_time_ns()
        found = work()
        self._playing_ns += time.thread_time_ns() - begun_ns
        return found

    def end_frame(self) -> None:
        """Close one frame's account and begin the next one's."""
        now_ns = time.thread_time_ns()
        self.tally.playing_ms.append(self._playing_ns / NS_PER_MS)
        self.tally.other_ms.append((now_ns - self._since_ns - self._playing_ns) / NS_PER_MS)
        self._since_ns, self._playing_ns = now_ns, 0


class _MeteredListener(SyncMultiFrameListener):
    """Has the meter run while a picture is made or spoilt."""

    def __init__(self, meter: Meter, frame_types: int) -> None:
        super().__init__(frame_types)
        self._meter = meter

    def waitForNewFrame(self, frame_map: FrameMap | None = None, milliseconds: int = -1) -> FrameMap | None:  # noqa: N802 - the binding's spelling
        return self._meter.play(partial(super().waitForNewFrame, frame_map, milliseconds))

    def release(self, frame_map: FrameMap | None) -> None:
        self._meter.play(partial(super().release, frame_map))


class _MeteredKinect(KinectV2Source):
    """The Kinect's own source on the stand-in, metered; ``tally`` is written when it is closed."""

    def __init__(self, settings: Source, clock: Clock, tally: Path | None) -> None:
        self.meter = Meter()
        self._tally_file = tally
        binding = partial(_metered_binding, settings, clock, self.meter)
        super().__init__(settings, clock, binding=binding, origin=Origin.STAND_IN)

    def read_into(self, planes: Planes, timeout_s: float) -> Stamp | None:
        stamp = super().read_into(planes, timeout_s)
        if stamp is not None:
            self.meter.end_frame()
        return stamp

    def close(self) -> None:
        super().close()
        if self._tally_file is not None:
            self._tally_file.write_bytes(msgspec.json.encode(self.meter.tally))


def _metered_binding(settings: Source, clock: Clock, meter: Meter) -> Any:  # noqa: ANN401 - the binding's names
    binding: Any = stand_in_binding(settings, clock)
    binding.setGlobalLogger(None)
    binding.SyncMultiFrameListener = partial(_MeteredListener, meter)
    return binding


def metered_stand_in(settings: Source, clock: Clock) -> FrameSource:
    """Make the source that plays ``settings.path`` in a driver's child and tells its tally to ``settings.faults``.

    The stand-in itself is given no faults.
    """
    cv2.setNumThreads(1)
    return _MeteredKinect(replace(settings, faults=None), clock, Path(settings.faults or ""))


@dataclass(frozen=True, slots=True)
class Cost:
    """Milliseconds over the frames that were counted."""

    p50_ms: float
    p95_ms: float
    mean_ms: float

    @classmethod
    def of(cls, spent_ms: Sequence[float]) -> "Cost":
        """Sum up."""
        p50, p95 = np.percentile(spent_ms, [50, 95]).tolist()
        return cls(p50, p95, float(np.mean(spent_ms)))


@dataclass(frozen=True, slots=True)
class Way:
    """One way to the daemon: processor time in the driver's process and in the daemon's, latency, copies.

    In one process ``driver`` is None: all of it is the daemon's. ``share`` is of one core, at 30 frames a second.
    """

    driver: Cost | None
    daemon: Cost
    latency: Cost
    copies: int
    frames: int

    @property
    def share(self) -> float:
        """Return which part of one core it takes, 0..1 and above."""
        return (self.daemon.mean_ms + (self.driver.mean_ms if self.driver else 0.0)) * HZ / 1e3


@dataclass(frozen=True, slots=True)
class Costs:
    """What was found; ``registration`` by what is moved. ``frame_bytes`` are those of a frame's three images."""

    in_process: Way
    through_child: Way
    playing: Cost
    registration: dict[str, Cost]
    frame_bytes: int

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data, with each way's share of a core."""
        shares = {"in_process": self.in_process.share, "through_child": self.through_child.share}
        return {**asdict(self), "of_one_core": shares}


@dataclass(slots=True)
class _Block:
    """What was measured of one way."""

    driver: Tally = field(default_factory=Tally)
    reading_ms: list[float] = field(default_factory=list)
    latency_ms: list[float] = field(default_factory=list)


def measure(
    recording: Path,
    detector: FaceDetector,
    *,
    frames: int = 60,
    blocks: int = 4,
    on_block: Callable[[int], object] = lambda _: None,
) -> Costs:
    """Read ``frames`` frames in each of ``blocks`` blocks on either way, then register depth as often.

    Raises:
        SourceLost: a frame did not come in time.
    """
    cv2.setNumThreads(1)
    clock = SystemClock()
    settings = Source(kind="stand-in", path=str(recording))
    here, there = _Block(), _Block()
    last: Frame | None = None
    with tempfile.TemporaryDirectory(prefix="kinect-unlock-") as folder:
        for block in range(blocks):
            last = _read_here(settings, clock, frames, here)
            _read_there(settings, clock, frames, there, Path(folder) / "tally.json")
            on_block(block + 1)
    if last is None:
        raise ValueError("at least one block of frames is needed")
    return Costs(
        in_process=_way(here.driver.other_ms, None, here.latency_ms, _COPIES_IN_PROCESS),
        through_child=_way(there.reading_ms, there.driver.other_ms, there.latency_ms, _COPIES_THROUGH_CHILD),
        playing=Cost.of(here.driver.playing_ms + there.driver.playing_ms),
        registration={name: Cost.of(spent) for name, spent in _registration(last, detector, frames)},
        frame_bytes=sum(image.nbytes for image in (last.color, last.depth_mm, last.infrared) if image is not None),
    )


def _way(daemon_ms: list[float], driver_ms: list[float] | None, latency_ms: list[float], copies: int) -> Way:
    driver = None if driver_ms is None else Cost.of(driver_ms)
    return Way(driver, Cost.of(daemon_ms), Cost.of(latency_ms), copies, len(latency_ms))


def _read_here(settings: Source, clock: Clock, frames: int, into: _Block) -> Frame:
    source = _MeteredKinect(settings, clock, None)
    with closing(source):
        last = _read(source, clock, frames, into)
    _add(into.driver, source.meter.tally)
    return last


def _tally_of(settings: Source) -> Path | None:
    return None if settings.faults is None else Path(settings.faults)


def _read_there(settings: Source, clock: Clock, frames: int, into: _Block, tally: Path) -> None:
    driver = Driver(_TARGET, Origin.STAND_IN, "stand-in for a Kinect", reads_path=True, writes=_tally_of)
    asked = replace(settings, faults=str(tally))
    lives = DriverLives(clock, reappear_s=0.0)
    with closing(IsolatedSource(driver, asked, clock, lives=lives, pipelines=FixedPipeline("cpu"))) as source:
        _read(source, clock, frames, into)
    if not tally.stat().st_size:
        raise SourceLost(f"the driver's child did not close in time: {_BUSY}")
    _add(into.driver, msgspec.json.decode(tally.read_bytes(), type=Tally))
    tally.unlink()


def _add(tally: Tally, more: Tally) -> None:
    tally.playing_ms += more.playing_ms[WARM_UP:]
    tally.other_ms += more.other_ms[WARM_UP:]


def _read(source: FrameSource, clock: Clock, frames: int, into: _Block) -> Frame:
    """Open a source and read; return the last frame.

    Raises:
        SourceLost: a frame did not come in time.
    """
    source.open()
    for number in range(-WARM_UP, frames):
        begun_ns = time.thread_time_ns()
        frame = source.read(_READ_S)
        spent_ns = time.thread_time_ns() - begun_ns
        if frame is None:
            break
        if number >= 0:
            into.reading_ms.append(spent_ns / NS_PER_MS)
            into.latency_ms.append((clock.monotonic_ns() - frame.captured_ns) / NS_PER_MS)
        if number == frames - 1:
            return frame
    raise SourceLost(f"the stand-in gave no frame within {_READ_S:g} s: {_BUSY}")


def _registration(frame: Frame, detector: FaceDetector, rounds: int) -> Iterator[tuple[str, list[float]]]:
    """Time what `kinect_unlock.align` does with one frame."""
    depth_mm, calibration = frame.depth_mm, frame.calibration
    found = detector.detect(frame.color)
    if depth_mm is None or calibration is None or not found:
        raise SourceLost("the recording's last frame shows no face with depth; name another recording")
    aligner, box = Aligner(calibration), found[0].box
    yield f"face region, {FACE_MARGIN:g} of the box around it", _timed(lambda: aligner.face(depth_mm, box), rounds)
    yield "full frame", _timed(lambda: aligner.full(depth_mm), rounds)
    yield "a calibration's maps, once", _timed(lambda: Aligner(calibration), 5)


def _timed(work: Callable[[], object], rounds: int) -> list[float]:
    spent_ms: list[float] = []
    for _ in range(rounds):
        begun_ns = time.thread_time_ns()
        work()
        spent_ms.append((time.thread_time_ns() - begun_ns) / NS_PER_MS)
    return spent_ms


def tables(costs: Costs) -> tuple[Table, Table]:
    """Lay it out for a terminal: the two ways, and registration; times are p50 and p95 in ms."""
    title = f"one frame of {costs.frame_bytes / 1e6:.1f} MB, ms: p50, p95"
    ways = Table("", "in one process", "through a child", title=title, title_justify="left", box=SIMPLE_HEAD)
    both = (costs.in_process, costs.through_child)
    ways.add_row("CPU, driver's process", *(_spread(way.driver) for way in both))
    ways.add_row("CPU, daemon's thread", *(_spread(way.daemon) for way in both))
    ways.add_row("wall, from driver to daemon", *(_spread(way.latency) for way in both))
    ways.add_row("copies of the pixels", *(str(way.copies) for way in both))
    ways.add_row(f"of one core at {HZ:g} Hz", *(f"{way.share:.1%}" for way in both))
    ways.add_row("frames", *(str(way.frames) for way in both))
    ways.add_section()
    ways.add_row("not in it: playing the recording", _spread(costs.playing))
    registration = Table("registration, factory's model, CPU ms", "p50, p95", box=SIMPLE_HEAD)
    for name, cost in costs.registration.items():
        registration.add_row(name, _spread(cost))
    return ways, registration


def _spread(cost: Cost | None) -> str:
    return "-" if cost is None else f"{cost.p50_ms:.2f}, {cost.p95_ms:.2f}"
