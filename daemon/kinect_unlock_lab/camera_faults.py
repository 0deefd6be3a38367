"""What the daemon sees of each thing that a camera's driver does wrong, how soon, and what is left behind.

Every run is a capture thread as the daemon has it, on the stand-in's driver in a child of its own, with one fault in
its first opening: what came of it, how long after the last good frame, how long until a second attempt had frames
again, and what the process still holds that it did not hold before. Each run has a process to itself.
"""

import os
import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, TypeAlias

import msgspec
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from kinect_unlock.capture import Capture, Ending, Shot
from kinect_unlock.clock import NS_PER_S, Clock, SystemClock
from kinect_unlock.frames import Origin
from kinect_unlock.settings import Source
from kinect_unlock.slot import LatestSlot
from kinect_unlock.sources import DriverMemory, open_source
from kinect_unlock.sources.stand_in_driver.plan import Fault, Plan
from kinect_unlock_lab.holdings import Holdings, children_of
from kinect_unlock_lab.mapping import Workers, mapped

_AFTER_FRAMES: Final = 20
_HZ: Final = 30.0
_WATCHED_S: Final = 6.0  # a fault that ends nothing is watched for so long
_RECOVERED_S: Final = 40.0
_STOP_S: Final = 5.0
_POLL_S: Final = 0.02
_WATCHING: Final = "verify"

_Slot: TypeAlias = LatestSlot[Shot | Ending]


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A fault by name; ``kill`` true: the child is killed from outside instead.

    A fault that no time ends is ``mended`` after the first attempt: the library is installed, the camera plugged in.
    """

    name: str
    faults: tuple[Fault, ...] = ()
    reappear_s: float = 0.0
    kill: bool = False
    mended: bool = False


def _streaming(does: str, **details: float) -> tuple[Fault, ...]:
    return (msgspec.convert({"does": does, "open": 1, "frame": _AFTER_FRAMES, **details}, Fault),)


def _opening(does: str) -> tuple[Fault, ...]:
    return (msgspec.convert({"does": does, "open": 1}, Fault),)


REHEARSALS: Final = (
    Rehearsal("binding cannot be loaded", _opening("binding-missing"), mended=True),
    Rehearsal("no such camera", _opening("no-device"), mended=True),
    Rehearsal("exit(-1) on opening", _opening("exit-on-open")),
    Rehearsal("dead device behind a pointer", _opening("null-device")),
    Rehearsal("segfault on start", _opening("segfault-on-start")),
    Rehearsal("hang on start", _opening("hang-on-start")),
    Rehearsal("calibration of nonsense", _opening("garbage-parameters")),
    Rehearsal("starts, no frame comes", _opening("no-frames")),
    Rehearsal("silence, camera still listed", _streaming("silence")),
    Rehearsal("unplugged for 3 s", _streaming("unplug", for_s=3.0)),
    Rehearsal("stall of 1 s", _streaming("stall", for_s=1.0)),
    Rehearsal("stall of 4 s", _streaming("stall", for_s=4.0)),
    Rehearsal("5 Hz for 2 s", _streaming("slow", for_s=2.0, rate_hz=5.0)),
    Rehearsal("segfault", _streaming("segfault")),
    Rehearsal("abort", _streaming("abort")),
    Rehearsal("exit", _streaming("exit")),
    Rehearsal("hang in a wait", _streaming("hang")),
    Rehearsal("hang, no thread runs", _streaming("hang-holding-gil")),
    Rehearsal("frame without its depth", _streaming("missing-frame")),
    Rehearsal("half images, 10 frames", _streaming("short-read", frames=10)),
    Rehearsal("garbage depth, 10 frames", _streaming("garbage-depth", frames=10)),
    Rehearsal("images of another size", _streaming("wrong-shape", frames=10)),
    Rehearsal("log lines of noise", _streaming("noise")),
    Rehearsal("flood of log lines", _streaming("flood")),
    Rehearsal("segfault, back after 4 s", _streaming("segfault"), reappear_s=4.0),
    Rehearsal("child killed (SIGKILL)", kill=True),
)


@dataclass(frozen=True, slots=True)
class Job:
    """One run to do."""

    rehearsal: Rehearsal
    recording: Path


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one run.

    ``seen`` is the wire word that an attempt is answered with and ``message`` its text, None where the stream went on.
    ``opened_s`` is the time to the first frame, None if there was none. ``noticed_s`` counts from the last good frame,
    or from the wish for frames where there was none; ``recovered_s`` from then until the second attempt's first frame,
    the pause that a closed camera needs included. ``lost`` frames are those of 30 Hz that did not come between the
    first and the last, the second attempt's first included. ``leftovers`` name what is still held.
    """

    name: str
    seen: str | None
    message: str | None
    opened_s: float | None
    noticed_s: float | None
    recovered_s: float | None
    lost: int
    leftovers: tuple[str, ...]


def rehearse_all(
    recording: Path,
    *,
    runs: int,
    workers: Workers,
    rehearsals: Iterable[Rehearsal] = REHEARSALS,
    on_done: Callable[[int], object] = lambda _: None,
) -> Iterator[Run]:
    """Do every rehearsal so many times on this recording; the order of the results is theirs."""
    jobs = [Job(rehearsal, recording) for rehearsal in rehearsals for _ in range(runs)]
    return mapped(rehearse, jobs, workers, on_done=on_done)


def rehearse(job: Job) -> Run:
    """Do one run."""
    clock = SystemClock()
    with tempfile.TemporaryDirectory(prefix="kinect-unlock-") as folder:
        plan = Path(folder) / "plan.yaml"
        faults = Plan(faults=job.rehearsal.faults, reappear_s=job.rehearsal.reappear_s)
        plan.write_bytes(msgspec.yaml.encode(faults))
        settings = Source(kind="stand-in", path=str(job.recording), faults=str(plan))
        before = Holdings.now()
        with _Camera(settings, clock) as camera:
            met = camera.attempt(1, _WATCHED_S, kill=job.rehearsal.kill)
            if job.rehearsal.mended:
                plan.write_bytes(msgspec.yaml.encode(Plan()))
            again_ns = None if met.ending is None else camera.first_frame_ns(2, _RECOVERED_S)
        leftovers = tuple(Holdings.now().more_than(before))
    return _run(job.rehearsal, met, again_ns, leftovers)


@dataclass(frozen=True, slots=True)
class _Met:
    """What an attempt met, in nanoseconds of the host's clock; ``heard_ns`` is when the ending was heard of."""

    wanted_ns: int
    first_ns: int | None
    last_ns: int | None
    frames: int
    ending: Ending | None
    heard_ns: int


class _Camera:
    """The capture thread with somebody at the slot, in place of the daemon."""

    def __init__(self, settings: Source, clock: Clock) -> None:
        self._clock = clock
        self._slot: _Slot = LatestSlot()
        memory = DriverMemory.of(settings, clock, cache_dir=None)
        self._capture = Capture(
            lambda stream: open_source(settings, clock=clock, stream=stream, memory=memory),
            settings,
            origin=Origin.STAND_IN,
            slot=self._slot,
            clock=clock,
            on_ready=lambda _: None,
        )

    def __enter__(self) -> Self:
        self._capture.worker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._capture.worker.request_stop()
        if not self._capture.worker.join(_STOP_S):
            raise RuntimeError(f"the capture thread still runs {_STOP_S:g} s after it was told to stop")

    def attempt(self, number: int, watched_s: float, *, kill: bool) -> _Met:
        """Take frames until the source ends, or for ``watched_s`` after the first one."""
        wanted_ns = self._clock.monotonic_ns()
        self._capture.start(number, _WATCHING, None)
        until_ns = wanted_ns + int(_RECOVERED_S * NS_PER_S)
        times_ns: list[int] = []
        ending: Ending | None = None
        while ending is None and self._clock.monotonic_ns() < until_ns:
            item = self._slot.take(_POLL_S)
            if isinstance(item, Ending):
                ending = item
            elif item is not None:
                times_ns.append(item.frame.captured_ns)
                until_ns = times_ns[0] + int(watched_s * NS_PER_S)
                if kill and len(times_ns) == _AFTER_FRAMES:
                    _kill_children()
        first_ns, last_ns = (times_ns[0], times_ns[-1]) if times_ns else (None, None)
        return _Met(wanted_ns, first_ns, last_ns, len(times_ns), ending, self._clock.monotonic_ns())

    def first_frame_ns(self, number: int, within_s: float) -> int | None:
        """Begin another attempt and return when its first frame was taken; asks again while it is refused."""
        until_ns = self._clock.monotonic_ns() + int(within_s * NS_PER_S)
        self._capture.start(number, _WATCHING, None)
        while self._clock.monotonic_ns() < until_ns:
            item = self._slot.take(_POLL_S)
            if isinstance(item, Shot):
                return item.frame.captured_ns
            if isinstance(item, Ending):
                number += 1
                self._capture.start(number, _WATCHING, None)
        return None


def _kill_children() -> None:
    for child in children_of(os.getpid()):
        os.kill(child, signal.SIGKILL)


def _run(rehearsal: Rehearsal, met: _Met, again_ns: int | None, leftovers: tuple[str, ...]) -> Run:
    fault = None if met.ending is None else met.ending.fault
    is_over = met.ending is not None
    since_ns = met.wanted_ns if met.last_ns is None else met.last_ns
    return Run(
        name=rehearsal.name,
        seen=None if fault is None else fault.word,
        message=None if fault is None else str(fault),
        opened_s=None if met.first_ns is None else (met.first_ns - met.wanted_ns) / NS_PER_S,
        noticed_s=(met.heard_ns - since_ns) / NS_PER_S if is_over else None,
        recovered_s=(again_ns - met.heard_ns) / NS_PER_S if is_over and again_ns is not None else None,
        lost=_lost(met, again_ns),
        leftovers=leftovers,
    )


def _lost(met: _Met, again_ns: int | None) -> int:
    if met.first_ns is None or met.last_ns is None:
        return 0
    given, end_ns = (met.frames, met.last_ns) if again_ns is None else (met.frames + 1, again_ns)
    return max(0, round((end_ns - met.first_ns) / NS_PER_S * _HZ) + 1 - given)


def table(runs: Sequence[Run]) -> Table:
    """Lay the runs out for a terminal: one line a fault; what has one number is p50."""
    named: dict[str, list[Run]] = {}
    for run in runs:
        named.setdefault(run.name, []).append(run)
    counts = sorted({len(group) for group in named.values()})
    view = Table(
        title=f"{' or '.join(map(str, counts))} runs each: p50, most",
        title_justify="left",
        caption_justify="left",
        box=SIMPLE_HEAD,
        collapse_padding=True,
        pad_edge=False,
    )
    view.add_column("the driver's fault")
    view.add_column("seen as", no_wrap=True)
    for heading in ("first, s", "noticed, s", "again, s", "lost", "left"):
        view.add_column(heading, justify="right", no_wrap=True)
    for name, group in named.items():
        view.add_row(
            name,
            ", ".join(sorted({run.seen or "frames go on" for run in group})),
            _middle([run.opened_s for run in group]),
            _spread([run.noticed_s for run in group]),
            _spread([run.recovered_s for run in group]),
            f"{np.median([run.lost for run in group]):.0f}",
            "some" if any(run.leftovers for run in group) else "none",
        )
    left = sorted({f"{run.name}: {', '.join(run.leftovers)}" for run in runs if run.leftovers})
    view.caption = "left behind by " + "; ".join(left) if left else None
    return view


def _middle(seconds: list[float | None]) -> str:
    """Give the median of those that there are."""
    known = [value for value in seconds if value is not None]
    return f"{np.median(known):.1f}" if known else "-"


def _spread(seconds: list[float | None]) -> str:
    """Give the median and the longest, and how many never came if others did."""
    known = [value for value in seconds if value is not None]
    if not known:
        return "-"
    missing = f", {len(seconds) - len(known)} never" if len(known) < len(seconds) else ""
    return f"{np.median(known):.1f}, {max(known):.1f}{missing}"
