"""Time, as the only module that may read it.

Frames, attempts and time-outs use ``CLOCK_MONOTONIC``. Lock-outs and strong-authentication timers use
``CLOCK_BOOTTIME`` together with the boot id, so that suspend and restart count.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

NS_PER_MS: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class BootTime:
    """A point on ``CLOCK_BOOTTIME``; two points compare only when ``boot_id`` is the same."""

    boot_id: str
    since_boot_ns: int


class Clock(Protocol):
    """Where time comes from; tests move their own (`ManualClock`)."""

    def monotonic_ns(self) -> int:
        """Return ``CLOCK_MONOTONIC`` in nanoseconds."""
        ...

    def boot_time(self) -> BootTime:
        """Return ``CLOCK_BOOTTIME`` and the id of this boot."""
        ...

    def wall_s(self) -> int:
        """Return seconds since 1970, for records that people read; never for a decision."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def __init__(self) -> None:
        self._boot_id = _BOOT_ID.read_text().strip()

    def monotonic_ns(self) -> int:
        """Return ``CLOCK_MONOTONIC`` in nanoseconds."""
        return time.monotonic_ns()

    def boot_time(self) -> BootTime:
        """Return ``CLOCK_BOOTTIME`` and the id of this boot."""
        return BootTime(self._boot_id, time.clock_gettime_ns(time.CLOCK_BOOTTIME))

    def wall_s(self) -> int:
        """Return seconds since 1970."""
        return int(time.time())


class ManualClock:
    """A clock that stands still until it is told to move; ships for tests and stepped replays."""

    def __init__(self, *, start_ns: int = NS_PER_S, boot_id: str = "manual-boot") -> None:
        self._now_ns = start_ns
        self._boot_id = boot_id

    def monotonic_ns(self) -> int:
        """Return the time it was last moved to, in nanoseconds."""
        return self._now_ns

    def boot_time(self) -> BootTime:
        """Return the same point as a boot time."""
        return BootTime(self._boot_id, self._now_ns)

    def wall_s(self) -> int:
        """Return the same point in whole seconds."""
        return self._now_ns // NS_PER_S

    def advance(self, by_ns: int) -> None:
        """Move forward; a clock never goes back.

        Raises:
            ValueError: ``by_ns`` is negative.
        """
        if by_ns < 0:
            msg = f"a clock cannot go back by {-by_ns} ns"
            raise ValueError(msg)
        self._now_ns += by_ns

    def reboot(self, boot_id: str) -> None:
        """Start again near zero under another boot id."""
        self._boot_id = boot_id
        self._now_ns = NS_PER_S


def deadline_left_s(clock: Clock, deadline_ns: int) -> float:
    """Return the seconds from now until ``deadline_ns`` on the monotonic clock, never below zero."""
    return max(0.0, (deadline_ns - clock.monotonic_ns()) / NS_PER_S)
