"""What the daemon can say about its camera: which one, open since when, how fast, and what went wrong last.

One thread reads the camera and writes the report, others show it. The report is frozen and replaced as a whole, so that
who reads it sees one moment and needs no lock.
"""

from collections import deque
from dataclasses import dataclass, field, replace
from enum import StrEnum, unique
from typing import Final

from kinect_unlock.camera_needs import Need
from kinect_unlock.clock import NS_PER_S, Clock

_RATE_FRAMES: Final = 31  # of which a rate is told: the last second of a camera that gives 30 a second
_LEAST_FRAMES: Final = 6  # the first ones of a camera that has just been opened come unevenly


@unique
class Phase(StrEnum):
    """What is done with the camera."""

    CLOSED = "closed"
    OPENING = "opening"
    OPEN = "open"  # an attempt has its frames
    LINGERING = "lingering"  # kept open for the next attempt; its frames are thrown away unseen


@dataclass(frozen=True, slots=True)
class Identity:
    """Which camera it is and what decodes it, as its driver says; empty where the driver does not say."""

    model: str  # such as "Kinect v2"
    serial: str = ""
    firmware: str = ""
    pipeline: str = ""  # what decodes depth, such as "opencl"
    held_by: str = field(default="", compare=False)  # what confines its driver, such as "landlock 7 and filter"


@dataclass(frozen=True, slots=True)
class CameraFault:
    """What went wrong with the source, in its own words, and when."""

    words: str
    at_ns: int


@dataclass(frozen=True, slots=True)
class CameraReport:
    """The camera at one moment. Times are points on the host's monotonic clock."""

    phase: Phase = Phase.CLOSED
    since_ns: int = 0  # of this phase
    until_ns: int | None = None  # when a camera that lingers will be closed
    need: Need | None = None  # what it is read for; None while it is not open
    identity: Identity | None = None  # of the camera that was opened last, if its source knows it
    rate_hz: float | None = None  # the camera's own, measured when all its frames were last wanted
    opened: int = 0  # times since the start
    restarts: int = 0  # of these, after a fault
    faults: int = 0
    fault: CameraFault | None = None  # the last one

    @property
    def serial(self) -> str:
        """The serial number of the camera that was opened last, empty where it is not known."""
        return "" if self.identity is None else self.identity.serial


class CameraReporter:
    """Keeps the report. Its methods are the reading thread's alone; `report` is everybody's."""

    def __init__(self, clock: Clock) -> None:
        self.report = CameraReport(since_ns=clock.monotonic_ns())
        self._clock = clock
        self._arrived_ns = deque[int](maxlen=_RATE_FRAMES)
        self._failed = False  # since it was last open

    def opening(self) -> None:
        """Note that the source is being opened."""
        self._enter(Phase.OPENING)

    def opened(self, identity: Identity | None) -> None:
        """Note that the source is open."""
        before = self.report
        self.report = replace(
            before,
            identity=identity,
            rate_hz=None,
            opened=before.opened + 1,
            restarts=before.restarts + int(self._failed),
        )
        self._failed = False

    def serving(self) -> None:
        """Note that an attempt has the frames."""
        self._enter(Phase.OPEN, need=self.report.need)

    def lingering(self, until_ns: int) -> None:
        """Note that no attempt needs the camera and it is kept open."""
        self._enter(Phase.LINGERING, need=self.report.need, until_ns=until_ns)

    def closed(self) -> None:
        """Note that the source is closed."""
        self._enter(Phase.CLOSED)

    def reading(self, need: Need) -> None:
        """Note what frames are read for from now on."""
        self._arrived_ns.clear()
        self.report = replace(self.report, need=need)

    def arrived(self) -> None:
        """Note that a frame has come."""
        if self.report.need is not Need.LOOKING:
            return
        self._arrived_ns.append(self._clock.monotonic_ns())
        passed_ns = self._arrived_ns[-1] - self._arrived_ns[0]
        if len(self._arrived_ns) >= _LEAST_FRAMES and passed_ns > 0:
            self.report = replace(self.report, rate_hz=(len(self._arrived_ns) - 1) * NS_PER_S / passed_ns)

    def failed(self, words: str) -> None:
        """Note a fault of the source, or that it could not be opened."""
        self._failed = True
        fault = CameraFault(words, self._clock.monotonic_ns())
        self.report = replace(self.report, faults=self.report.faults + 1, fault=fault)

    def _enter(self, phase: Phase, *, need: Need | None = None, until_ns: int | None = None) -> None:
        now_ns = self._clock.monotonic_ns()
        self.report = replace(self.report, phase=phase, since_ns=now_ns, need=need, until_ns=until_ns)
