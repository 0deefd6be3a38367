"""How long each stage takes: one thread, 1080p colour and 512x424 depth, and what starting costs.

The frames are a shipped demo recording's, enlarged to what the whole 1080p camera would have given, so that every
stage does the work it has on a Kinect v2. Machines are noisy: compare numbers of one run with each other.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import cv2
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from kinect_unlock.arrays import U8
from kinect_unlock.cli.replay import private_settings
from kinect_unlock.clock import NS_PER_MS, Clock, SystemClock
from kinect_unlock.frames import Frame, Origin
from kinect_unlock.halves import Half
from kinect_unlock.matching import Known, mean_of_halves
from kinect_unlock.observations import Box, Detection, Embedding
from kinect_unlock.pipeline import FaceDetector, FaceEncoder, FaceEyes, Pipeline
from kinect_unlock.private import PrivateDaemon
from kinect_unlock.recording import RecordingReader
from kinect_unlock.settings import Config
from kinect_unlock.templates import Template
from kinect_unlock.wire import Enrol
from kinect_unlock_lab.sensor import DEMO_CROP, FULL_COLOR, nominal_kinect

Spent: TypeAlias = defaultdict[str, list[float]]

AIMS_MS: Final = {
    "gate": None,
    "detect": 5.0,
    "align": 1.5,
    "pose": None,
    "crop": 1.0,
    "eyes": 1.0,
    "liveness": 2.0,
    "integrity": 0.5,
    "encode": 8.0,
    "match": 0.1,
    "whole frame": 21.0,
}
_READY_AIM_MS: Final = 2000
_IDLE_AIM_MB: Final = 200
_STARTS: Final = 3
_WARM_UP: Final = 5
_TEMPLATE_VECTORS: Final = 10
_ATTEMPT_FRAMES: Final = 5
_ENROL_TIMEOUT_S: Final = 120.0


class ThreadClock(SystemClock):
    """Counts the processor time of the thread that asks, so that what else the machine does is not in it."""

    def monotonic_ns(self) -> int:
        """Return CLOCK_THREAD_CPUTIME_ID in nanoseconds."""
        return time.thread_time_ns()


class _Everywhere:
    """A detector that is told nothing of depth."""

    def __init__(self, detector: FaceDetector) -> None:
        self._detector = detector

    def detect(self, color: U8, within: Box | None = None) -> tuple[Detection, ...]:
        """Look for faces in the whole image."""
        del within
        return self._detector.detect(color)


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds of one stage over the rounds; ``aim_ms`` is what its p50 should be, None: nothing.

    ``cpu`` is the thread's own processor time, ``wall`` what a clock on the wall says. ``plain`` is processor time of
    the same frames without what was made faster: the encoder as float32, faces looked for in the whole image.
    """

    stage: str
    cpu_p50_ms: float
    cpu_p95_ms: float
    wall_p50_ms: float
    wall_p95_ms: float
    plain_p50_ms: float
    plain_p95_ms: float
    aim_ms: float | None
    rounds: int


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured; memory is the daemon's resident set, idle after an enrolment and at its highest."""

    timings: tuple[Timing, ...]
    ready_ms: tuple[float, ...]
    idle_mb: float
    peak_mb: float

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def bench(
    recording: Path,
    detector: FaceDetector,
    encoder: FaceEncoder,
    config: Config,
    *,
    plain: FaceEncoder,
    eyes: FaceEyes | None,
    rounds: int = 60,
    on_round: Callable[[int], None] = lambda _: None,
) -> Report:
    """Time every stage on the frames of a recording, then starting the daemon on it.

    ``plain`` is the encoder as float32; the same frames go through it in turn.
    """
    cv2.setNumThreads(1)
    frames = list(enlarged(recording))
    clocks = (ThreadClock(), SystemClock(), ThreadClock())
    networks: list[tuple[FaceDetector, FaceEncoder]] = [(detector, encoder)] * 2 + [(_Everywhere(detector), plain)]
    pipelines = [Pipeline(*pair, config, eyes=eyes, clock=clock) for pair, clock in zip(networks, clocks, strict=True)]
    spent: tuple[Spent, ...] = tuple(defaultdict(list) for _ in clocks)
    embeddings: list[Embedding] = []
    for number in range(rounds + _WARM_UP):
        times_played, index = divmod(number, len(frames))  # each time is an attempt of its own
        for pipeline, clock, kept in zip(pipelines, clocks, spent, strict=True):
            begun_ns = clock.monotonic_ns()
            observation = pipeline.observe(frames[index], times_played, "verify")
            whole_ms = (clock.monotonic_ns() - begun_ns) / NS_PER_MS
            if observation.embedding is None:
                continue
            embeddings.append(observation.embedding)
            if number >= _WARM_UP:
                for stage, stage_ms in {**observation.stage_ms, "whole frame": whole_ms}.items():
                    kept[stage].append(stage_ms)
        on_round(max(0, number + 1 - _WARM_UP))
    for clock, kept in zip(clocks, spent, strict=True):
        kept["match"] = list(_matching_ms(embeddings, encoder.halves, rounds, clock))
    ready_ms, idle_mb, peak_mb = _starts(recording, config)
    timings = tuple(_timing(stage, *(kept[stage] for kept in spent)) for stage in AIMS_MS if spent[0][stage])
    return Report(timings, ready_ms, idle_mb, peak_mb)


def enlarged(recording: Path) -> Iterator[Frame]:
    """Yield a demo recording's frames as the 1080p camera would have given them, black where the crop ends."""
    calibration, crop = nominal_kinect(FULL_COLOR), DEMO_CROP
    left, top = crop.x_px * crop.reduced_by, crop.y_px * crop.reduced_by
    size = (crop.width_px * crop.reduced_by, crop.height_px * crop.reduced_by)
    with RecordingReader(recording) as reader:
        for frame in reader:
            color = np.zeros((calibration.color.height_px, calibration.color.width_px, 3), np.uint8)
            color[top : top + size[1], left : left + size[0]] = cv2.resize(frame.color, size)
            yield Frame(
                seq=frame.seq,
                captured_ns=frame.captured_ns,
                color=color,
                depth_mm=frame.depth_mm,
                calibration=calibration,
            )


def table(report: Report) -> Table:
    """Lay the report out for a terminal."""
    view = Table(
        "stage",
        title="1080p colour, 512x424 depth, one thread, ms; plain: CPU, fp32, whole image",
        title_justify="left",
        box=SIMPLE_HEAD,
    )
    for heading in ("CPU p50", "p95", "wall p50", "p95", "plain p50", "p95", "aim"):
        view.add_column(heading, justify="right")
    for timing in report.timings:
        met = timing.aim_ms is None or timing.cpu_p50_ms <= timing.aim_ms
        numbers = (timing.cpu_p95_ms, timing.wall_p50_ms, timing.wall_p95_ms, timing.plain_p50_ms, timing.plain_p95_ms)
        aim = "-" if timing.aim_ms is None else f"{timing.aim_ms:g}"
        first = f"[{'green' if met else 'yellow'}]{timing.cpu_p50_ms:.2f}[/]"
        view.add_row(timing.stage, first, *(f"{number:.2f}" for number in numbers), aim)
    view.add_section()
    ready = f"{np.median(report.ready_ms):.0f}", f"max {max(report.ready_ms):.0f}"
    view.add_row("to READY", "", "", *ready, "", "", f"{_READY_AIM_MS}")
    memory = f"{report.idle_mb:.0f}", f"peak {report.peak_mb:.0f}"
    view.add_row("idle MB", "", "", *memory, "", "", f"{_IDLE_AIM_MB}")
    return view


def _timing(stage: str, cpu_ms: list[float], wall_ms: list[float], plain_ms: list[float]) -> Timing:
    cpu, wall, plain = (np.percentile(spent_ms, [50, 95]).tolist() for spent_ms in (cpu_ms, wall_ms, plain_ms))
    return Timing(stage, cpu[0], cpu[1], wall[0], wall[1], plain[0], plain[1], AIMS_MS[stage], len(cpu_ms))


def _matching_ms(embeddings: list[Embedding], halves: tuple[Half, ...], rounds: int, clock: Clock) -> Iterator[float]:
    """Time what an attempt does for one more frame: its own score, and the mean's, against a template of ten."""
    first = embeddings[0]
    template = Template(
        user="bench",
        vectors=np.tile(first.vector, (_TEMPLATE_VECTORS, 1)),
        poses=(None,) * _TEMPLATE_VECTORS,
        model_id=first.model_id,
        origin=Origin.RECORDING,
        generation=1,
        enrolled_s=0,
    )
    known = Known(template, "nearest", halves)
    for number in range(rounds):
        begun_ns = clock.monotonic_ns()
        known.scores(embeddings[number % len(embeddings)].vector)
        known.scores(mean_of_halves([embedding.vector for embedding in embeddings[:_ATTEMPT_FRAMES]], halves))
        yield (clock.monotonic_ns() - begun_ns) / NS_PER_MS


def _starts(recording: Path, config: Config) -> tuple[tuple[float, ...], float, float]:
    """Start daemons and let each enrol; return the times to READY, and the most idle and peak memory in MB."""
    ready_ms: list[float] = []
    idle_mb = peak_mb = 0.0
    for _ in range(_STARTS):
        with PrivateDaemon.folder() as folder:
            settings = private_settings(config, folder=recording.parent, pace="asap")
            with PrivateDaemon(settings, folder) as daemon:
                ready_ms.append(daemon.started_ms)
                daemon.client.request(Enrol(user="bench", stream=recording.name), timeout_s=_ENROL_TIMEOUT_S)
                idle_mb = max(idle_mb, _memory_mb(daemon.pid, "VmRSS"))
                peak_mb = max(peak_mb, _memory_mb(daemon.pid, "VmHWM"))
    return tuple(ready_ms), idle_mb, peak_mb


def _memory_mb(pid: int, name: str) -> float:
    """Return a line of /proc/PID/status (proc(5)): VmRSS is the resident set, VmHWM its highest."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    return 0.0
