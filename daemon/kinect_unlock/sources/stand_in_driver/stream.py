"""The frames of a started camera, at its own pace, and the faults that come among them."""

import threading
from dataclasses import dataclass
from typing import Final

from kinect_unlock.clock import NS_PER_S, Clock
from kinect_unlock.sources.stand_in_driver import deeds
from kinect_unlock.sources.stand_in_driver.damage import damaged
from kinect_unlock.sources.stand_in_driver.device_file import DeviceFile
from kinect_unlock.sources.stand_in_driver.film import Film, Picture
from kinect_unlock.sources.stand_in_driver.plan import Deed, Fault
from kinect_unlock.sources.stand_in_driver.schedule import Schedule

_TICKS_PER_S: Final = 8000  # a frame's timestamp counts 0.125 ms
_COUNTER: Final = 1 << 32  # sequence and timestamp are uint32
_NEVER_NS: Final = 1 << 62
_LOOK_NS: Final = NS_PER_S // 10  # how long a wait sleeps at most before it looks at the plan again
_FLOOD_LINE: Final = "[Info] [RgbPacketStreamParser] skipping rgb packet!"
_NOISE: Final = b"\x1b[2J\x1b]0;owned\x07\r\xff\xfe\x00[Error] half a line, \xc3\x28 no text, and no end"


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """What the three streams gave at one moment."""

    picture: Picture
    sequence: int
    timestamp: int


class Stream:
    """From one start of the camera to its end.

    Every frame that is asked for is the recording's next one, however late it is fetched; its number and time stamp
    say how many came in between.
    """

    def __init__(self, film: Film, schedule: Schedule, device: DeviceFile, *, clock: Clock, unpaced: bool) -> None:
        self._film = film
        self._schedule = schedule
        self._device = device
        self._clock = clock
        self._unpaced = unpaced
        plan = schedule.plan
        self._period_ns = int(NS_PER_S / plan.rate_hz)
        self._started_ns = clock.monotonic_ns()
        self._last_ns = self._started_ns + int(plan.start_s * NS_PER_S) - self._period_ns  # the last frame's moment
        self._given = 0
        self._sequence = 0
        self._quiet_until_ns = 0
        self._slow_until_ns = 0
        self._slow_period_ns = self._period_ns
        self._damage_left: dict[Deed, int] = {}

    @property
    def has_shot(self) -> bool:
        """True if `wait` would return at once."""
        return self._next_ns() <= self._clock.monotonic_ns()

    def fall_silent(self) -> None:
        """Give no frame any more."""
        self._quiet_until_ns = _NEVER_NS

    def wait(self, timeout_s: float | None) -> Shot | None:
        """Return the next frames, None when none came in time; does what the plan says meanwhile."""
        begun_ns = self._clock.monotonic_ns()
        deadline_ns = _NEVER_NS if timeout_s is None else begun_ns + int(timeout_s * NS_PER_S)
        while True:
            now_ns = self._clock.monotonic_ns()
            self._device.beat()
            for fault in self._schedule.due(frames=self._given, elapsed_s=(now_ns - self._started_ns) / NS_PER_S):
                self._do(fault, now_ns)
            next_ns = self._next_ns()
            if next_ns <= now_ns:
                return self._shot(now_ns)
            if now_ns >= deadline_ns:
                return None
            until_ns = min(next_ns, deadline_ns, now_ns + _LOOK_NS)
            threading.Event().wait((until_ns - now_ns) / NS_PER_S)

    @property
    def _present_period_ns(self) -> int:
        return self._slow_period_ns if self._last_ns < self._slow_until_ns else self._period_ns

    def _next_ns(self) -> int:
        """Return when the next frame comes or came."""
        if self._unpaced:
            return self._quiet_until_ns
        return max(self._last_ns + self._present_period_ns, self._quiet_until_ns)

    def _shot(self, now_ns: int) -> Shot:
        period_ns = self._present_period_ns
        steps = 1 if self._unpaced else (now_ns - self._last_ns) // period_ns  # those between were never fetched
        self._last_ns = now_ns if self._unpaced else self._last_ns + steps * period_ns
        self._sequence += steps
        self._given += 1
        picture = self._film.next()
        for deed in tuple(self._damage_left):
            picture = damaged(picture, deed)
            self._damage_left[deed] -= 1
            if not self._damage_left[deed]:
                del self._damage_left[deed]
        return Shot(picture, self._sequence % _COUNTER, self._timestamp())

    def _timestamp(self) -> int:
        """Return the camera's own time: by the pace, or where there is none by the number of the frame."""
        passed_ns = self._sequence * self._period_ns if self._unpaced else self._last_ns - self._started_ns
        return (passed_ns * _TICKS_PER_S // NS_PER_S) % _COUNTER

    def _do(self, fault: Fault, now_ns: int) -> None:
        for_ns = int((fault.for_s or 0.0) * NS_PER_S)
        match fault.does:
            case "silence":
                self.fall_silent()
            case "unplug":
                self._device.unplug(fault.for_s)
                self.fall_silent()
            case "stall":
                self._quiet_until_ns = max(self._quiet_until_ns, now_ns + for_ns)
            case "slow":
                self._slow_until_ns = now_ns + for_ns
                self._slow_period_ns = int(NS_PER_S / (fault.rate_hz or 1.0))
            case "missing-frame" | "short-read" | "garbage-depth" | "wrong-shape":
                self._damage_left[fault.does] = fault.frames or 1
            case _:
                self._do_at_once(fault)

    def _do_at_once(self, fault: Fault) -> None:
        match fault.does:
            case "segfault":
                deeds.crash()
            case "abort":
                deeds.abort()
            case "exit":
                deeds.leave("[Error] [DepthPacketStreamParser] gave up")
            case "hang":
                deeds.hang(self._device.beat)
            case "hang-holding-gil":
                deeds.hang_holding_gil()
            case "noise":
                deeds.say_raw(_NOISE)
            case "flood":
                deeds.say(*(_FLOOD_LINE for _ in range(fault.lines)))
            case other:
                raise AssertionError(f"{other} is no fault of a stream")
