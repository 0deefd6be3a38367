"""Stand-ins for the controller's ports. Each knows its own life cycle and complains when it is misused."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from kinect_unlock.audit import Record
from kinect_unlock.camera_needs import Need
from kinect_unlock.camera_report import CameraReport
from kinect_unlock.errors import HookError, KinectUnlockError, StoreError
from kinect_unlock.limiter import Ledger
from kinect_unlock.ports import HookName, Timer, Use
from kinect_unlock.templates import Template


class FakeCamera:
    """Opens for one attempt at a time; waits for nobody."""

    def __init__(self) -> None:
        self.attempt: int | None = None
        self.last_attempt = 0
        self.starts: list[tuple[int, Use, str | None]] = []
        self.refusal: KinectUnlockError | None = None
        self.opened = asyncio.Event()
        self.needs: list[Need] = []  # of all attempts, one after the other
        self.shown = CameraReport()
        self.closed = 0  # how often it was to be closed at once

    def start(self, attempt: int, use: Use, stream: str | None) -> None:
        assert self.attempt is None, f"camera started for {attempt} while {self.attempt} has it"
        assert attempt > self.last_attempt, "attempt numbers must rise"
        self.last_attempt = attempt
        if self.refusal is not None:
            raise self.refusal
        self.attempt = attempt
        self.starts.append((attempt, use, stream))
        self.opened.set()

    def stop(self) -> None:
        self.attempt = None
        self.opened.clear()

    def close(self) -> None:
        self.stop()
        self.closed += 1

    def adapt(self, need: Need) -> None:
        self.needs.append(need)

    def counters(self) -> dict[str, int]:
        return {"frames": 0, "drops": 0}

    def report(self) -> CameraReport:
        return self.shown


class MemoryTemplates:
    """Keeps templates in memory; ``failing`` is a disk that does not work, ``corrupt`` users whose file is damaged."""

    def __init__(self) -> None:
        self.kept: dict[str, Template] = {}
        self.failing = False
        self.corrupt: set[str] = set()

    def load(self, user: str) -> Template | None:
        if user in self.corrupt:
            raise StoreError(f"the template of {user} is damaged")
        return self.kept.get(user)

    def save(self, template: Template) -> None:
        if self.failing:
            raise StoreError("no space left")
        self.corrupt.discard(template.user)
        self.kept[template.user] = template

    def delete(self, user: str) -> None:
        self.corrupt.discard(user)
        self.kept.pop(user, None)

    def users(self) -> tuple[str, ...]:
        return tuple(sorted(self.kept.keys() | self.corrupt))


class MemoryLedgers:
    """Keeps ledgers in memory and notes the order of what it is asked."""

    def __init__(self) -> None:
        self.kept: dict[str, Ledger] = {}
        self.saves: list[tuple[str, Ledger]] = []
        self.failing_save = False
        self.failing_load = False

    def load(self, user: str) -> Ledger:
        if self.failing_load:
            raise StoreError(f"the ledger of {user} is damaged")
        return self.kept.get(user, Ledger())

    def save(self, user: str, ledger: Ledger) -> None:
        if self.failing_save:
            raise StoreError("no space left")
        self.kept[user] = ledger
        self.saves.append((user, ledger))

    def delete(self, user: str) -> None:
        self.kept.pop(user, None)

    async def written(self, user: str) -> None:
        pass


class MemoryTrail:
    """Keeps the records of attempts in memory."""

    def __init__(self) -> None:
        self.kept: list[Record] = []

    def note(self, record: Record) -> Record:
        numbered = msgspec.structs.replace(record, number=len(self.kept) + 1)
        self.kept.append(numbered)
        return numbered

    def newest(self, is_wanted: Callable[[Record], bool], *, most: int, before: int | None = None) -> list[Record]:
        found = [one for one in reversed(self.kept) if (before is None or one.number < before) and is_wanted(one)]
        return found[:most]

    def forget(self, user: str) -> int:
        kept = [record for record in self.kept if record.user != user]
        removed, self.kept = len(self.kept) - len(kept), kept
        return removed


class ScriptedHooks:
    """Runs nothing; a hook in ``failing`` fails, and while ``gate`` is clear every hook waits."""

    def __init__(self) -> None:
        self.ran: list[tuple[HookName, str]] = []
        self.failing: set[HookName] = set()
        self.gate = asyncio.Event()
        self.gate.set()
        self.entered = asyncio.Event()

    async def run(self, which: HookName, user: str) -> None:
        self.ran.append((which, user))
        self.entered.set()
        await self.gate.wait()
        if which in self.failing:
            raise HookError(f"the {which} hook exited with 1")


@dataclass(eq=False)
class ManualTimer:
    """A timer that fires when the test says so."""

    delay_s: float
    act: Callable[[], None]
    live: bool = field(default=True)

    def cancel(self) -> None:
        self.live = False


class ManualTimers:
    """Timers that the test fires."""

    def __init__(self) -> None:
        self.made: list[ManualTimer] = []

    def call_later(self, delay_s: float, act: Callable[[], None]) -> Timer:
        timer = ManualTimer(delay_s, act)
        self.made.append(timer)
        return timer

    @property
    def pending(self) -> list[ManualTimer]:
        return [timer for timer in self.made if timer.live]

    def fire(self) -> None:
        """Fire the only pending timer."""
        (timer,) = self.pending
        timer.live = False
        timer.act()
