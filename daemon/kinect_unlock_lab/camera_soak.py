"""Hours of a camera whose driver fails at random, under a daemon that is asked all the time.

The daemon is the real one, in a process of its own; its camera is the stand-in at 30 Hz. It must answer every attempt,
and what it holds (memory, descriptors, threads, children, memory shared with them) must not grow.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final, Self

import msgspec
import numpy as np
from msgspec.structs import replace
from rich.box import SIMPLE_HEAD
from rich.table import Table

from kinect_unlock.clock import NS_PER_S, Clock, SystemClock
from kinect_unlock.errors import DaemonUnavailable, InternalError
from kinect_unlock.private import PrivateDaemon
from kinect_unlock.settings import Config, PolicyRules, Source
from kinect_unlock.sources.stand_in_driver.plan import Fault, Plan
from kinect_unlock.wire import Enrol, Status, Verify, Word
from kinect_unlock_lab.holdings import Holdings, resident_mb

UNANSWERED: Final = "none"  # in place of a word
_USER: Final = "soak"
_ANSWER_S: Final = 60.0  # an attempt that was not answered by then is not answered
_SAMPLE_S: Final = 5.0
_ENROL_S: Final = 120.0
_FULL_RATE_HZ: Final = 60.0

# Each thing that a driver does in the middle of a stream, as often as any other.
_DEEDS: Final[tuple[dict[str, object], ...]] = (
    {"does": "segfault"},
    {"does": "abort"},
    {"does": "exit"},
    {"does": "hang"},
    {"does": "hang-holding-gil"},
    {"does": "missing-frame"},
    {"does": "silence"},
    {"does": "unplug", "for_s": 3.0},
    {"does": "stall", "for_s": 1.0},
    {"does": "stall", "for_s": 4.0},
    {"does": "slow", "for_s": 2.0, "rate_hz": 5.0},
    {"does": "short-read", "frames": 10},
    {"does": "garbage-depth", "frames": 10},
    {"does": "wrong-shape", "frames": 10},
    {"does": "noise"},
    {"does": "flood"},
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the daemon held at one moment, ``at_s`` after the beginning; ``driver_mb`` is its children's memory."""

    at_s: float
    daemon_mb: float
    driver_mb: float
    descriptors: int
    threads: int
    children: int
    rings: int


@dataclass(frozen=True, slots=True)
class Soak:
    """What came of it. ``answers`` counts words; ``slowest_s`` is the longest that an attempt waited for its own."""

    recording: str
    minutes: float
    mean_fault_s: float
    answers: dict[str, int]
    slowest_s: float
    counters: dict[str, int]
    readings: tuple[Reading, ...]
    leftovers: tuple[str, ...]

    @property
    def unanswered(self) -> int:
        """How many attempts got no answer."""
        return self.answers.get(UNANSWERED, 0)

    @property
    def growth_mb_per_h(self) -> float:
        """Return the slope of the daemon's memory over the second half, when everything has been met once."""
        half = self.readings[len(self.readings) // 2 :]
        if len(half) < 2:
            return float("nan")
        slope = np.polyfit([reading.at_s for reading in half], [reading.daemon_mb for reading in half], 1)[0]
        return float(slope * 3600)

    def as_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {**asdict(self), "growth_mb_per_h": self.growth_mb_per_h}


def soak(
    config: Config,
    recording: Path,
    enrolment: Path,
    *,
    minutes: float,
    mean_fault_s: float,
    pause_s: float,
    on_second: Callable[[int], object] = lambda _: None,
) -> Soak:
    """Enrol from one recording, then verify on the other for ``minutes``, with ``pause_s`` between attempts.

    Raises:
        InternalError: nobody could be enrolled, or the daemon did not end as it should.
        DaemonUnavailable: the daemon died.
    """
    with PrivateDaemon.folder() as folder:
        _enrol(config, enrolment, folder)
        plan = folder / "plan.yaml"
        plan.write_bytes(msgspec.yaml.encode(_plan(mean_fault_s)))
        before = Holdings.now()
        with PrivateDaemon(_settings(config, recording, plan), folder) as daemon:
            with _Watch(daemon.pid) as watch:
                answers, slowest_s = _ask(daemon, minutes * 60, pause_s, on_second)
            status = daemon.client.request(Status()).data or {}
        leftovers = tuple(Holdings.now().more_than(before))
    counters = _counters(status)
    readings = tuple(watch.readings)
    return Soak(recording.stem, minutes, mean_fault_s, dict(answers), slowest_s, counters, readings, leftovers)


def _counters(status: dict[str, Any]) -> dict[str, int]:
    camera = {f"camera_{name}": status["camera"][name] for name in ("opened", "restarts", "faults")}
    return {**status["counters"], **camera}


def _plan(mean_fault_s: float) -> Plan:
    each_s = mean_fault_s * len(_DEEDS)
    return Plan(faults=tuple(msgspec.convert({**deed, "mean_s": each_s}, Fault) for deed in _DEEDS), reappear_s=2.0)


def _settings(config: Config, recording: Path, plan: Path | None) -> Config:
    source = Source(
        kind="stand-in",
        path=str(recording),
        faults=None if plan is None else str(plan),
        watching_hz=_FULL_RATE_HZ,  # nobody in range must not make it easier
        stall_timeout_s=config.source.stall_timeout_s,
    )
    return replace(
        config,
        source=source,
        policy=PolicyRules(password_after_boot=False),
        attempt=replace(config.attempt, cooldown_s=0.0),
    )


def _enrol(config: Config, enrolment: Path, folder: Path) -> None:
    with PrivateDaemon(_settings(config, enrolment, None), folder) as daemon:
        reply = daemon.client.request(Enrol(user=_USER), timeout_s=_ENROL_S)
    if reply.word is not Word.ENROLLED:
        raise InternalError(f"{enrolment}: nobody could be enrolled from it: {reply.word} {reply.message or ''}")


def _ask(
    daemon: PrivateDaemon, for_s: float, pause_s: float, on_second: Callable[[int], object]
) -> tuple[Counter[str], float]:
    clock, idle = SystemClock(), Event()
    begun_ns = clock.monotonic_ns()
    answers: Counter[str] = Counter()
    slowest_s = passed_s = 0.0
    while passed_s < for_s:
        asked_ns = clock.monotonic_ns()
        answers[_answer(daemon)] += 1
        slowest_s = max(slowest_s, (clock.monotonic_ns() - asked_ns) / NS_PER_S)
        idle.wait(pause_s)
        passed_s = (clock.monotonic_ns() - begun_ns) / NS_PER_S
        on_second(int(passed_s))
    return answers, slowest_s


def _answer(daemon: PrivateDaemon) -> str:
    try:
        return daemon.client.request(Verify(user=_USER), timeout_s=_ANSWER_S).word
    except DaemonUnavailable:
        if not daemon.client.is_there():
            raise
        return UNANSWERED


class _Watch:
    """Reads now and then what a process holds, until its ``with`` block ends."""

    def __init__(self, pid: int, clock: Clock | None = None) -> None:
        self.readings: list[Reading] = []
        self._pid = pid
        self._clock = clock or SystemClock()
        self._over = Event()
        self._thread = Thread(target=self._run, name="watch")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        begun_ns = self._clock.monotonic_ns()
        with suppress(FileNotFoundError):  # the daemon is gone, which who asks it will hear of
            while not self._over.wait(_SAMPLE_S):
                self.readings.append(_reading(self._pid, (self._clock.monotonic_ns() - begun_ns) / NS_PER_S))


def _reading(pid: int, at_s: float) -> Reading:
    held = Holdings.now(pid)
    return Reading(
        at_s=at_s,
        daemon_mb=resident_mb(pid),
        driver_mb=sum(map(resident_mb, held.children)),
        descriptors=held.descriptors,
        threads=held.threads,
        children=len(held.children),
        rings=held.rings,
    )


def table(found: Soak) -> Table:
    """Lay it out for a terminal."""
    title = f"{found.recording}: {found.minutes:g} minutes, a fault every {found.mean_fault_s:g} s on average"
    view = Table("", "first", "last", "least", "most", title=title, title_justify="left", box=SIMPLE_HEAD)
    names = ("daemon_mb", "driver_mb", "descriptors", "threads", "children", "rings")
    for name in names:
        values: Sequence[float] = [getattr(reading, name) for reading in found.readings]
        if values:
            view.add_row(name.replace("_mb", ", MB"), *(f"{value:g}" for value in map(_short, _ends(values))))
    view.add_section()
    view.add_row("growth, MB/h", "", "", "", f"{found.growth_mb_per_h:+.1f}")
    view.add_row("slowest answer, s", "", "", "", f"{found.slowest_s:.1f}")
    for word, count in sorted(found.answers.items()):
        view.add_row(f"answer {word}", "", "", "", str(count))
    for counter, count in sorted(found.counters.items()):
        view.add_row(counter.replace("_", " "), "", "", "", str(count))
    view.add_row("left behind", "", "", "", ", ".join(found.leftovers) or "nothing")
    return view


def _ends(values: Sequence[float]) -> tuple[float, float, float, float]:
    return values[0], values[-1], min(values), max(values)


def _short(value: float) -> float:
    return round(value, 1)
