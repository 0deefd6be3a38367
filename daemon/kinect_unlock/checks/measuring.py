"""Open the configured camera once with each pipeline, and measure how soon and how fast frames come.

The driver runs in a child of its own, as it does for the daemon, so that whatever it does costs a line of the table.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from kinect_unlock.checks.results import Check, Progress, Section, State
from kinect_unlock.clock import NS_PER_S, Clock, deadline_left_s
from kinect_unlock.errors import SourceError
from kinect_unlock.frames import Origin
from kinect_unlock.settings import Source
from kinect_unlock.sources import DriverMemory, open_source
from kinect_unlock.sources.base import EndOfStream, FrameSource, Identified
from kinect_unlock.sources.drivers import DRIVERS
from kinect_unlock.sources.lives import DriverLives
from kinect_unlock.sources.pipelines import FAST_HZ, ORDER, FixedPipeline, Pipeline

MEASURED_S: Final = 3.0
ENOUGH_HZ: Final = 5.0  # three votes of five within a second


@dataclass(frozen=True, slots=True)
class Measured:
    """What became of one pipeline; ``fault`` says why there is nothing else."""

    pipeline: str  # empty for a camera that decodes its depth itself
    first_frame_s: float = 0.0
    rate_hz: float = 0.0
    frames: int = 0
    camera: str = ""
    fault: str = ""


def measure(settings: Source, clock: Clock, progress: Progress, *, measured_s: float = MEASURED_S) -> list[Measured]:
    """Open the camera with each pipeline that is configured, one after the other; nothing for what is no camera."""
    if settings.kind not in DRIVERS:
        return []
    lives = DriverLives(clock, reappear_s=settings.reappear_s)
    trials = _trials(settings)
    found = []
    for place, (name, pipeline) in enumerate(trials.items()):
        progress(f"opening the camera with {pipeline}" if name else "opening the camera", place / len(trials))
        source = open_source(settings, clock=clock, memory=DriverMemory(lives, FixedPipeline(pipeline)))
        try:
            found.append(_measured(source, name, clock, lives.wait_s(), measured_s))
        except SourceError as fault:
            found.append(Measured(name, fault=str(fault)))
        finally:
            source.close()
    progress("done", 1.0)
    return found


def judged(found: Sequence[Measured]) -> Iterator[Check]:
    """Say of each pipeline whether it keeps up; one that does not work is a fault only if none does."""
    works = any(not one.fault for one in found)
    for one in found:
        name = f"with {one.pipeline}" if one.pipeline else "rate"
        if one.fault:
            step = "leave source.pipeline at auto" if works else "mend what the checks above name, then try again"
            yield Check(Section.DRIVER, name, State.of_lack(needed=not works), one.fault, step)
            continue
        rate = f"then {one.rate_hz:.1f} Hz ({one.frames} frames)"
        evidence = f"{one.camera}: first frame after {one.first_frame_s:.1f} s, {rate}"
        if one.rate_hz >= FAST_HZ:
            yield Check(Section.DRIVER, name, State.OK, evidence)
        elif one.rate_hz >= ENOUGH_HZ:
            step = "enough to verify; a faster pipeline needs OpenCL or OpenGL on a graphics processor"
            yield Check(Section.DRIVER, name, State.NOTE, evidence, step)
        else:
            step = "use another pipeline, USB controller or cable: frames are lost, or this computer is too slow"
            yield Check(Section.DRIVER, name, State.of_lack(needed=not _another(found, one)), evidence, step)


def _measured(source: FrameSource, name: str, clock: Clock, wait_s: float, measured_s: float) -> Measured:
    """Open, and take frames for some time; ``wait_s`` of the opening is the pause that the camera needs.

    Raises:
        SourceError: there is no first frame, or no second one.
    """
    begun_ns = clock.monotonic_ns()
    source.open()
    opened_ns = clock.monotonic_ns()
    times_ns = _captured_ns(source, clock, opened_ns + int(measured_s * NS_PER_S))
    if len(times_ns) < 2:  # noqa: PLR2004 - a rate is between two
        raise SourceError(f"{len(times_ns)} frames came within {measured_s:g} s of the first one, too few for a rate")
    return Measured(
        name,
        first_frame_s=max(0.0, (opened_ns - begun_ns) / NS_PER_S - wait_s),
        rate_hz=(len(times_ns) - 1) * NS_PER_S / max(1, times_ns[-1] - times_ns[0]),
        frames=len(times_ns),
        camera=_camera(source),
    )


def _camera(source: FrameSource) -> str:
    """Name the camera, and what it is if it is none."""
    identity = source.identity if isinstance(source, Identified) else None
    name = f"{identity.model} {identity.serial}".strip() if identity else "camera"
    return f"stand-in for a {name}" if source.origin is Origin.STAND_IN else name


def _captured_ns(source: FrameSource, clock: Clock, until_ns: int) -> list[int]:
    """Return when each frame was captured."""
    found = []
    while left_s := deadline_left_s(clock, until_ns):
        try:
            frame = source.read(left_s)
        except EndOfStream:
            break
        if frame is not None:
            found.append(frame.captured_ns)
    return found


def _trials(settings: Source) -> dict[str, Pipeline]:
    """Return what is to be tried, by its name in the report: what could be picked, or what is configured."""
    if not DRIVERS[settings.kind].has_pipelines:
        return {"": ORDER[-1]}
    return {name: name for name in (ORDER if settings.pipeline == "auto" else (settings.pipeline,))}


def _another(found: Sequence[Measured], one: Measured) -> bool:
    """Tell whether another pipeline does better."""
    return any(other is not one and other.rate_hz >= ENOUGH_HZ for other in found)
