"""How long each stage takes: one thread, 1080p colour and 512x424 depth, and what starting costs.

The frames are a shipped demo recording's, enlarged to what the whole 1080p camera would have given, so that every
stage does the work it has on a Kinect v2. Machines are noisy: compare numbers of one run with each other.
"""

import resource
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from rich.table import Table

from kinect_unlock.cli.replay import private_settings
from kinect_unlock.frames import Embedding, Frame, Origin, Template
from kinect_unlock.matching import mean_embedding, score
from kinect_unlock.pipeline import Pipeline
from kinect_unlock.private import PrivateDaemon
from kinect_unlock.recording import RecordingReader
from kinect_unlock.settings import Config
from kinect_unlock.wire import Enrol
from kinect_unlock_lab.sensor import DEMO_CROP, FULL_COLOR, nominal_kinect

AIMS_MS: Final = {
    "gate": None,
    "detect": 5.0,
    "align": 1.5,
    "pose": None,
    "crop": 1.0,
    "liveness": 2.0,
    "encode": 8.0,
    "match": 0.1,
    "whole frame": 21.0,
}
_WARM_UP: Final = 5
_TEMPLATE_VECTORS: Final = 10
_ATTEMPT_FRAMES: Final = 5
_ENROL_TIMEOUT_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds of one stage over the rounds; ``aim_ms`` is the plan's p50, None where it has none."""

    stage: str
    p50_ms: float
    p95_ms: float
    aim_ms: float | None
    rounds: int


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured; memory is the highest resident set of the process that had it."""

    timings: tuple[Timing, ...]
    ready_ms: tuple[float, ...]
    bench_peak_mb: float
    daemon_peak_mb: float

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def bench(
    recording: Path,
    pipeline: Pipeline,
    config: Config,
    *,
    rounds: int = 60,
    starts: int = 3,
    on_round: Callable[[int], None] = lambda _: None,
) -> Report:
    """Time every stage on the frames of a recording, then starting the daemon on it."""
    frames = list(enlarged(recording))
    spent: defaultdict[str, list[float]] = defaultdict(list)
    embeddings: list[Embedding] = []
    for number in range(rounds + _WARM_UP):
        begun = time.perf_counter()
        observation = pipeline.observe(frames[number % len(frames)], 0, "verify")
        whole_ms = (time.perf_counter() - begun) * 1000
        if observation.embedding is not None:
            embeddings.append(observation.embedding)
        if number >= _WARM_UP and "encode" in observation.stage_ms:
            for stage, stage_ms in observation.stage_ms.items():
                spent[stage].append(stage_ms)
            spent["whole frame"].append(whole_ms)
        on_round(number + 1)
    spent["match"] = list(_matching_ms(embeddings, rounds))
    ready_ms, daemon_peak_mb = _starts(recording, config, starts)
    return Report(
        timings=tuple(_timing(stage, spent[stage]) for stage in AIMS_MS if spent[stage]),
        ready_ms=ready_ms,
        bench_peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        daemon_peak_mb=daemon_peak_mb,
    )


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
    view = Table("stage", title="1080p colour, 512x424 depth, one thread", title_justify="left")
    for heading in ("p50 ms", "p95 ms", "aim (p50)", "rounds"):
        view.add_column(heading, justify="right")
    for timing in report.timings:
        aim = "-" if timing.aim_ms is None else f"{timing.aim_ms:g}"
        colour = "green" if timing.aim_ms is None or timing.p50_ms <= timing.aim_ms else "yellow"
        view.add_row(timing.stage, f"[{colour}]{timing.p50_ms:.2f}[/]", f"{timing.p95_ms:.2f}", aim, str(timing.rounds))
    ready = ", ".join(f"{ms:.0f}" for ms in report.ready_ms)
    view.add_section()
    view.add_row("start to READY", ready, "", "2000", str(len(report.ready_ms)))
    view.add_row("daemon's peak memory, MB", f"{report.daemon_peak_mb:.0f}", "", "200", "")
    return view


def _timing(stage: str, spent_ms: list[float]) -> Timing:
    p50, p95 = np.percentile(spent_ms, [50, 95])
    return Timing(stage, float(p50), float(p95), AIMS_MS[stage], len(spent_ms))


def _matching_ms(embeddings: list[Embedding], rounds: int) -> Iterator[float]:
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
    for number in range(rounds):
        begun = time.perf_counter()
        score(embeddings[number % len(embeddings)].vector, template, "nearest")
        score(mean_embedding(embeddings[:_ATTEMPT_FRAMES]).vector, template, "nearest")
        yield (time.perf_counter() - begun) * 1000


def _starts(recording: Path, config: Config, starts: int) -> tuple[tuple[float, ...], float]:
    """Start the daemon so many times and let it judge the recording; return times to READY and its peak memory."""
    ready_ms, peaks_mb = [], [0.0]
    for _ in range(starts):
        with PrivateDaemon.folder() as folder:
            settings = private_settings(config, folder=recording.parent, pace="asap")
            with PrivateDaemon(settings, folder) as daemon:
                ready_ms.append(daemon.started_ms)
                daemon.client.request(Enrol(user="bench", stream=recording.name), timeout_s=_ENROL_TIMEOUT_S)
                peaks_mb.append(_peak_mb(daemon.pid))
    return tuple(ready_ms), max(peaks_mb)


def _peak_mb(pid: int) -> float:
    """Return the highest resident set of a process (VmHWM of proc(5), in kB there)."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0
