"""The life of the daemon: start in order, serve until told to stop, stop in reverse within one deadline.

Knows nothing about faces. Runs on the event loop; everything it is handed was constructed by `kinect_unlock.app`.
"""

import asyncio
import logging
import os
import signal
import socket
from dataclasses import dataclass
from typing import Any, Final

from kinect_unlock.clock import NS_PER_S, Clock, deadline_left_s
from kinect_unlock.controller import Controller
from kinect_unlock.errors import ConfigError, InternalError
from kinect_unlock.server import Server
from kinect_unlock.systemd import Notifier
from kinect_unlock.vision import Vision
from kinect_unlock.workers import Worker, stop_all

# A driver's open() or one look may take so long; longer, and the watchdog goes hungry. `source.open_timeout_s` is at
# most 14 s, to close a driver and to kill it may take 2 s each, and a camera that cannot be opened is no reason to
# restart the daemon.
STEP_LIMIT_S: Final = 20.0
_STDIN: Final = 0
_OURS: Final = frozenset({"handle", "task", "future"})  # what asyncio names when code that it was given has failed
_ENDING_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended; ``zombies`` names the threads that did not stop."""

    exit_code: int
    zombies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Parts:
    """What is run; ``status`` is what systemd is told when all of it is up."""

    controller: Controller
    server: Server
    vision: Vision
    capture_worker: Worker
    bound: socket.socket
    notifier: Notifier
    clock: Clock
    stop_timeout_s: float
    status: str


class Service:
    """Runs the parts once."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._workers = (parts.capture_worker, parts.vision.worker)
        self._told_to_stop = asyncio.Event()
        self._exit_code = 0
        self._hungry = False

    async def run(self, *, until_stdin_closes: bool) -> Outcome:
        """Run until a signal, the end of standard input if that is watched, or a fault of ours.

        Raises:
            ModelError: the networks cannot be loaded.
            ConfigError: standard input is to be watched and cannot be.
        """
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._on_loop_fault)
        for number in _ENDING_SIGNALS:
            loop.add_signal_handler(number, self._on_signal, number)
        loop.add_signal_handler(signal.SIGHUP, _on_hangup)
        try:
            if until_stdin_closes:
                self._watch_stdin(loop)
            if await self._start():
                await self._serve()
        finally:
            zombies = await self._stop()
        return Outcome(self._exit_code, zombies)

    async def _start(self) -> bool:
        """Start the threads, then listen; False if told to stop meanwhile. Building networks can take a minute."""
        for worker in self._workers:
            worker.start()
        loaded = asyncio.wrap_future(self._parts.vision.ready)
        stopping = asyncio.ensure_future(self._told_to_stop.wait())
        await asyncio.wait((loaded, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if self._told_to_stop.is_set():
            loaded.cancel()
            return False
        await loaded
        await self._parts.server.start(self._parts.bound)
        self._parts.notifier.ready(self._parts.status)
        _LOG.info("event=ready status=%r", self._parts.status)
        return True

    async def _serve(self) -> None:
        watchdog_s = self._parts.notifier.watchdog_s
        while not self._told_to_stop.is_set():
            try:
                async with asyncio.timeout(None if watchdog_s is None else watchdog_s / 2):
                    await self._told_to_stop.wait()
            except TimeoutError:
                self._feed_watchdog()

    def _feed_watchdog(self) -> None:
        """Say that we live, unless a thread has died or hangs; that both idle is as it should be."""
        sick = [worker.name for worker in self._workers if not worker.healthy(STEP_LIMIT_S)]
        if not sick:
            self._parts.notifier.alive()
        elif not self._hungry:
            _LOG.error("event=watchdog-unfed workers=%s limit_s=%g", ",".join(sick), STEP_LIMIT_S)
        self._hungry = bool(sick)

    async def _stop(self) -> tuple[str, ...]:
        parts = self._parts
        parts.notifier.stopping()
        deadline_ns = parts.clock.monotonic_ns() + int(parts.stop_timeout_s * NS_PER_S)
        for worker in self._workers:
            worker.request_stop()
        parts.controller.shut_down()
        await parts.server.stop(deadline_left_s(parts.clock, deadline_ns))
        left_s = deadline_left_s(parts.clock, deadline_ns)
        zombies = stop_all(self._workers, clock=parts.clock, timeout_s=left_s)
        for name in zombies:
            _LOG.error("event=thread-does-not-stop thread=%s timeout_s=%g", name, parts.stop_timeout_s)
        _LOG.info("event=stopped exit_code=%d", self._exit_code)
        return zombies

    def _on_signal(self, number: signal.Signals) -> None:
        _LOG.info("event=stopping signal=%s", number.name)
        self._begin_stop()

    def _begin_stop(self) -> None:
        """Stop in order; from now on the kernel itself answers a signal, so that a second one ends us at once."""
        for number in _ENDING_SIGNALS:
            asyncio.get_running_loop().remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        self._told_to_stop.set()

    def _watch_stdin(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.add_reader(_STDIN, self._on_stdin)
        except PermissionError as fault:  # epoll's word for a plain file or /dev/null
            raise ConfigError("standard input can be watched only if it is a pipe, a socket or a terminal") from fault

    def _on_stdin(self) -> None:
        if not os.read(_STDIN, 65_536):
            asyncio.get_running_loop().remove_reader(_STDIN)
            _LOG.info("event=stopping reason=stdin-closed")
            self._begin_stop()

    def _on_loop_fault(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """End after a fault in a callback or task of ours: what it would decide next cannot be trusted.

        What asyncio reports of itself, such as having no descriptor left for one more connection, it has dealt with.
        """
        del loop
        is_ours = not _OURS.isdisjoint(context)
        level = logging.CRITICAL if is_ours else logging.ERROR
        _LOG.log(level, "event=loop-fault message=%r", context.get("message"), exc_info=context.get("exception"))
        if is_ours:
            self._exit_code = InternalError.exit_code
            self._told_to_stop.set()


def _on_hangup() -> None:
    _LOG.info("event=hangup-ignored reason=%r", "the configuration is read once; restart the daemon to read it again")
