"""Threads that can be watched and stopped.

A worker's body is run again after a fault, until the worker is told to stop: the fault is logged once and handed to
``on_fault``, which ends whatever was going on. This is the thread's outermost function, and its one ``except
Exception``. Nothing here knows what a worker does.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from kinect_unlock.clock import NS_PER_S, Clock, deadline_left_s

POLL_S: Final = 0.1  # how long a worker at work may wait before it looks whether it is still wanted
_LOG = logging.getLogger(__name__)


class Pulse:
    """Whether a thread is at work and since when, for the watchdog to judge. Written by one thread only."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._busy_since_ns: int | None = None

    def busy(self) -> None:
        """Begin a step of work; each step counts anew."""
        self._busy_since_ns = self._clock.monotonic_ns()

    def rest(self) -> None:
        """Nothing to do: rightly idle."""
        self._busy_since_ns = None

    def step_s(self) -> float:
        """Return how long the present step has taken; 0 while idle."""
        since_ns = self._busy_since_ns
        return 0.0 if since_ns is None else (self._clock.monotonic_ns() - since_ns) / NS_PER_S


class Worker:
    """One thread that runs ``body`` until it is told to stop.

    ``body`` must return soon after ``stop`` is set and ``wake`` was called; whenever it returns or raises before, it
    is run again.
    """

    def __init__(
        self,
        name: str,
        body: Callable[[], object],
        *,
        stop: threading.Event,
        pulse: Pulse,
        on_fault: Callable[[Exception], None],
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self._wake = wake
        self._body = body
        self._stop = stop
        self._pulse = pulse
        self._on_fault = on_fault
        # Daemonic: a driver that hangs for ever must not keep the process; `stop_all` names it before.
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def request_stop(self) -> None:
        """Ask the thread to end; does not wait."""
        self._stop.set()
        self._wake()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread's end; False if it still runs after ``timeout_s``."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def healthy(self, limit_s: float) -> bool:
        """Return True if the thread lives and is idle or has worked at its present step for less than ``limit_s``."""
        return self._thread.is_alive() and self._pulse.step_s() < limit_s

    def _main(self) -> None:
        while not self._stop.is_set():
            try:
                self._body()
            except Exception as fault:  # noqa: BLE001 - the thread's outermost function
                _LOG.exception("event=worker-fault worker=%s", self.name)
                self._on_fault(fault)
            self._pulse.rest()


class Stoppable(Protocol):
    """What `stop_all` needs."""

    name: str

    def request_stop(self) -> None:
        """Ask for the end; does not wait."""
        ...

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; False if it did not come in time."""
        ...


def stop_all(workers: Iterable[Stoppable], *, clock: Clock, timeout_s: float) -> tuple[str, ...]:
    """Stop all workers within one shared deadline and return the names of those that still run."""
    workers = tuple(workers)
    for worker in workers:
        worker.request_stop()
    deadline_ns = clock.monotonic_ns() + int(timeout_s * NS_PER_S)
    return tuple(worker.name for worker in workers if not worker.join(deadline_left_s(clock, deadline_ns)))
