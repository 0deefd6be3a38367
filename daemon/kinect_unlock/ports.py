"""What the controller needs from outside, as protocols, and the facts of a run. Constructs and does nothing.

Every port is called on the event loop and must not block it. What a port reports later, it reports through the
controller's ``on_...`` methods, again on the event loop, with the id of the attempt that it belongs to.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from kinect_unlock.audit import Record
from kinect_unlock.camera_needs import Need
from kinect_unlock.camera_report import CameraReport
from kinect_unlock.frames import Origin
from kinect_unlock.limiter import Ledger
from kinect_unlock.logins import LoginEvent, Logins, LoginSession
from kinect_unlock.manifest import Encoder
from kinect_unlock.matching import Bar
from kinect_unlock.observations import Modality
from kinect_unlock.settings import PoseRange
from kinect_unlock.templates import Template
from kinect_unlock.thresholds import Threshold
from kinect_unlock.wire import AnyRequest, Reply

Use: TypeAlias = Literal["enrol", "verify", "preview", "watch"]  # the last one: by depth alone
HookName: TypeAlias = Literal["lock", "unlock"]


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a connection, as the kernel says (``SO_PEERCRED``)."""

    pid: int
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """Where the key is from that templates are sealed with, and a name of it from which it cannot be found."""

    source: Literal["credential", "file"]
    id: str


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What does not change while the daemon runs."""

    origin: Origin  # of the configured source, known before it is opened
    test_source: bool  # started for trying out: frames that are no sensor's may match and unlock
    own_uid: int
    version: str
    pid: int
    shared: bool = False  # others than root and its own user can reach the socket
    key: KeyFacts | None = None  # None where nothing is sealed


@dataclass(frozen=True, slots=True)
class Recogniser:
    """The encoder in use and the thresholds picked from its calibration tables, the first half's first.

    ``infrared`` is what faces seen in infrared must reach; without evidence for it, empty: then they reach nothing.
    """

    name: str
    encoder: Encoder
    thresholds: tuple[Threshold, ...]
    infrared: tuple[Threshold, ...] = ()

    @property
    def identity(self) -> Threshold:
        """The threshold of the half that says who somebody is."""
        return self.thresholds[0]

    @property
    def bars(self) -> tuple[Bar, ...]:
        """What each half must reach in colour."""
        return self.bars_in(Modality.COLOR)

    def bars_in(self, modality: Modality) -> tuple[Bar, ...]:
        """Return what each half must reach in one light; none, where nothing is ever enough."""
        thresholds = self.thresholds if modality is Modality.COLOR else self.infrared
        return tuple(threshold.bar for threshold in thresholds)

    @property
    def template_vectors_max(self) -> int:
        """How many vectors a template may have for every threshold to hold."""
        return min(threshold.template_vectors_max for threshold in (*self.thresholds, *self.infrared))

    def fits(self, template: Template) -> bool:
        """Say whether a template is of this encoder's space, and has as many numbers."""
        return template.model_id == self.encoder.model_id and template.vectors.shape[1] == self.encoder.dim

    def vote_fault(self, depth_range: PoseRange) -> str | None:
        """Return why its votes cannot be counted for frames of this range, None if they can."""
        without = [vote for vote in self.encoder.votes if vote not in {bar.half for bar in self.bars}]
        if without:
            return f"$.models.encoder: {self.name} has no threshold with evidence for its vote {without[0]}"
        shortest = min(self.bars, key=lambda bar: bar.bands[-1].to_mm)
        reach_mm = shortest.bands[-1].to_mm
        if reach_mm >= depth_range.far_mm:
            return None
        return f"$.ranges.depth_vote.far_mm: {self.name} has {shortest.half} thresholds up to {reach_mm:g} mm only"


class Camera(Protocol):
    """The capture and vision threads. Between `start` and `stop` they belong to one attempt.

    `start` returns at once. Then come, in this order and each with the attempt's id: ``on_camera_ready`` when the
    source is open, any number of ``on_observation``, and at most one of ``on_source_lost`` (could not be opened, or
    lost) or ``on_source_ended`` (a finite source is spent, *after* the last frame's observation). What still comes
    after `stop` is dropped by its id.
    """

    def start(self, attempt: int, use: Use, stream: str | None) -> None:
        """Begin to open the source.

        Raises:
            SourceError: it is known at once that this cannot be, such as a stream that the source does not have.
        """
        ...

    def stop(self) -> None:
        """Give the source back, which may stay open for the next attempt; harmless when there is none."""
        ...

    def close(self) -> None:
        """Give the source back, and have it closed and not kept open; the next attempt opens it again."""
        ...

    def adapt(self, need: Need) -> None:
        """Say what the attempt needs frames for from now on; `start` begins with `Need.LOOKING`."""
        ...

    def counters(self) -> dict[str, int]:
        """Return what was counted since the start: at least ``frames`` and ``drops``."""
        ...

    def report(self) -> CameraReport:
        """Return how the camera is."""
        ...


class PictureLine(Protocol):
    """One viewer's connection, over which pictures go."""

    @property
    def free(self) -> bool:
        """True if the viewer has taken all that was sent, so that another picture may be."""
        ...

    def send_picture(self, reply: Reply, descriptor: int) -> bool:
        """Send a reply and a descriptor with it, without waiting; False if it could not be sent, and nothing was.

        The descriptor stays the caller's.
        """
        ...


class TemplateStore(Protocol):
    """Keeps the templates."""

    def load(self, user: str) -> Template | None:
        """Return the user's template, None if there is none.

        Raises:
            StoreError: there is one that cannot be read or may not be trusted.
        """
        ...

    def save(self, template: Template) -> None:
        """Put a template in the place of the user's older one; all or nothing.

        Raises:
            StoreError: it cannot be written; the older one is still there.
        """
        ...

    def delete(self, user: str) -> None:
        """Remove the user's template, if there is one.

        Raises:
            StoreError: it cannot be removed.
        """
        ...

    def users(self) -> tuple[str, ...]:
        """Return who has a template, sorted.

        Raises:
            StoreError: the store cannot be read.
        """
        ...


class LedgerFiles(Protocol):
    """Keeps the limiter's ledgers, and takes the time that a disk takes."""

    def load(self, user: str) -> Ledger:
        """Return the user's ledger, an empty one if there is none.

        Raises:
            StoreError: there is one that cannot be read or may not be trusted.
        """
        ...

    def save(self, user: str, ledger: Ledger) -> None:
        """Write it so that it outlives a crash.

        Raises:
            StoreError: it cannot be written.
        """
        ...

    def delete(self, user: str) -> None:
        """Remove the user's ledger, if there is one.

        Raises:
            StoreError: it cannot be removed.
        """
        ...


class LedgerStore(LedgerFiles, Protocol):
    """The same without taking time: what is saved or deleted is so at once, and on the disk once `written` returns."""

    async def written(self, user: str) -> None:
        """Wait until all that was done to the user's ledger outlives a crash.

        Raises:
            StoreError: it does not; the user's ledger cannot be had until it does.
        """
        ...


class AuditTrail(Protocol):
    """Keeps the records of attempts. It loses some rather than hold an attempt up."""

    def note(self, record: Record) -> Record:
        """Keep a record and return it with its number."""
        ...

    def newest(self, is_wanted: Callable[[Record], bool], *, most: int, before: int | None = None) -> list[Record]:
        """Return the newest records that are wanted, newest first; ``before``: only those with a lesser number."""
        ...

    def forget(self, user: str) -> int:
        """Remove a user's records; return how many there were.

        Raises:
            StoreError: they cannot be removed.
        """
        ...


class Hooks(Protocol):
    """Runs the configured programs."""

    def run(self, which: HookName, user: str) -> Awaitable[None]:
        """Run a hook to its end; returning means that it exited with 0.

        Raises:
            HookError: it is not configured, could not be started, failed, or ran out of time.
        """
        ...


class LoginWatch(Protocol):
    """Watches who is logged in, and asks for sessions to be locked and unlocked."""

    def now(self) -> Logins:
        """Return what is known, without asking anybody: signals keep it, the lid may be seconds old."""
        ...

    async def session_of(self, pid: int) -> LoginSession | None:
        """Return the session that a process belongs to, None if it has none or that cannot be told.

        For a process of a user's own service manager it is the session that the user sees, if there is one. What the
        lid is doing is asked again as well, so that `now` has it afterwards.
        """
        ...

    async def lock(self, session_id: str) -> None:
        """Ask for a session to be locked; that it is, is only seen later.

        Raises:
            HookError: logind does not answer or refuses.
        """
        ...

    async def unlock(self, session_id: str) -> None:
        """Ask for a session to be unlocked; that it is, is only seen later.

        Raises:
            HookError: logind does not answer or refuses.
        """
        ...

    def on_event(self, callback: Callable[[LoginEvent], None]) -> None:
        """Have ``callback`` called on the event loop for every event from now on."""
        ...

    def let_sleep(self) -> None:
        """Let the machine sleep that is about to: the camera is closed; harmless at any other time."""
        ...


class Authority(Protocol):
    """Knows what others than root may do."""

    async def permits(self, peer: Peer, request: AnyRequest) -> bool:
        """Say whether a peer may ask this; may take as long as a person needs to type a password. False if unsure."""
        ...


class Timer(Protocol):
    """Something that will happen unless it is cancelled."""

    def cancel(self) -> None:
        """Make it not happen."""
        ...


class Timers(Protocol):
    """Lets things happen later on the event loop; tests have one that they move themselves."""

    def call_later(self, delay_s: float, act: Callable[[], None]) -> Timer:
        """Call ``act`` after ``delay_s`` unless the returned timer is cancelled."""
        ...


class LoopTimers:
    """The running event loop's own timers."""

    def call_later(self, delay_s: float, act: Callable[[], None]) -> Timer:
        """Call ``act`` after ``delay_s`` on the running loop."""
        return asyncio.get_running_loop().call_later(delay_s, act)
