import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest

from kinect_unlock.clock import NS_PER_S, ManualClock
from kinect_unlock.controller import Controller
from kinect_unlock.errors import ModelError
from kinect_unlock.server import Server
from kinect_unlock.service import Outcome, Parts, Service
from kinect_unlock.systemd import Notifier
from kinect_unlock.vision import Vision
from kinect_unlock.workers import Pulse, Worker

WAIT_S = 20.0


class Decider:
    """A controller that only knows that it was shut down."""

    def __init__(self) -> None:
        self.down = False

    def shut_down(self) -> None:
        self.down = True

    async def serve(self, *_: object) -> None:
        raise AssertionError("nobody asks")


class Looker:
    """A vision thread whose networks are loaded when the test says so."""

    def __init__(self, clock: ManualClock) -> None:
        self.ready: Future[None] = Future()
        self.pulse = Pulse(clock)
        self.worker = _idle_worker("vision", self.pulse)


def _idle_worker(name: str, pulse: Pulse) -> Worker:
    stop = threading.Event()
    return Worker(name, stop.wait, stop=stop, pulse=pulse, on_fault=lambda _: None)


class Rig:
    """A service of stand-ins, with a real socket and a real service manager's socket."""

    def __init__(self, folder: Path, *, watchdog_us: int | None = None) -> None:
        self.clock = ManualClock()
        self.decider = Decider()
        self.looker = Looker(self.clock)
        self.capture_pulse = Pulse(self.clock)
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(str(folder / "n"))
        self.manager.settimeout(WAIT_S)
        self.bound = socket.socket(socket.AF_UNIX)
        self.bound.bind(str(folder / "s"))
        environ = {"NOTIFY_SOCKET": str(folder / "n")}
        if watchdog_us is not None:
            environ["WATCHDOG_USEC"] = str(watchdog_us)
        self.parts = Parts(
            controller=cast("Controller", self.decider),
            server=Server(self.decider.serve, stamped=lambda reply: reply),
            vision=cast("Vision", self.looker),
            capture_worker=_idle_worker("capture", self.capture_pulse),
            bound=self.bound,
            notifier=Notifier(environ),
            clock=self.clock,
            stop_timeout_s=WAIT_S,
            status="ready for the test",
        )

    def hear(self) -> str:
        return self.manager.recv(4096).decode()

    def hear_until_silent(self, silence_s: float) -> None:
        self.manager.settimeout(silence_s)
        with suppress(TimeoutError):
            while True:
                self.hear()

    def close(self) -> None:
        self.manager.close()
        self.bound.close()


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    made = Rig(tmp_path, watchdog_us=20_000)
    yield made
    made.close()
    for number, handler in before.items():
        signal.signal(number, handler)


async def _run(rig: Rig, act: Any) -> Outcome:
    """Run the service; ``act`` is called in a thread of its own, as the world outside."""
    service = Service(rig.parts)

    async def outside() -> None:
        await asyncio.to_thread(act, asyncio.get_running_loop(), service)

    acting = asyncio.create_task(outside())
    async with asyncio.timeout(WAIT_S):
        outcome = await service.run(until_stdin_closes=False)
        await acting
    return outcome


def test_it_is_ready_only_when_the_networks_are_loaded(rig: Rig) -> None:
    heard: list[str] = []

    def act(loop: asyncio.AbstractEventLoop, service: Service) -> None:
        rig.manager.settimeout(0.05)
        with pytest.raises(TimeoutError):
            rig.hear()
        rig.manager.settimeout(WAIT_S)
        rig.looker.ready.set_result(None)
        heard.append(rig.hear())
        loop.call_soon_threadsafe(service._begin_stop)

    outcome = asyncio.run(_run(rig, act))

    assert heard == ["READY=1\nSTATUS=ready for the test"]
    assert outcome == Outcome(0, ())
    assert rig.decider.down


def test_networks_that_cannot_be_loaded_end_it_in_order(rig: Rig) -> None:
    def act(_loop: asyncio.AbstractEventLoop, _service: Service) -> None:
        rig.looker.ready.set_exception(ModelError("changed"))

    with pytest.raises(ModelError, match="changed"):
        asyncio.run(_run(rig, act))

    assert rig.hear() == "STOPPING=1"
    assert rig.decider.down
    assert rig.looker.worker.join(WAIT_S)


def test_the_watchdog_starves_while_a_thread_hangs_and_is_fed_again_when_it_moves(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []

    def act(loop: asyncio.AbstractEventLoop, service: Service) -> None:
        rig.looker.ready.set_result(None)
        heard.extend((rig.hear(), rig.hear()))
        rig.capture_pulse.busy()
        rig.clock.advance(21 * NS_PER_S)
        rig.hear_until_silent(0.2)  # ten times the interval at which it would be fed
        rig.capture_pulse.busy()
        rig.manager.settimeout(WAIT_S)
        heard.append(rig.hear())
        loop.call_soon_threadsafe(service._begin_stop)

    asyncio.run(_run(rig, act))

    assert [notice.splitlines()[0] for notice in heard] == ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]
    unfed = [record for record in caplog.records if "watchdog-unfed" in record.getMessage()]
    assert [record.getMessage() for record in unfed] == ["event=watchdog-unfed workers=capture limit_s=20"]


def test_a_fault_in_what_decides_ends_the_daemon_and_is_logged(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    def fail() -> None:
        raise ZeroDivisionError

    def act(loop: asyncio.AbstractEventLoop, _service: Service) -> None:
        rig.looker.ready.set_result(None)
        rig.hear()
        loop.call_soon_threadsafe(fail)

    outcome = asyncio.run(_run(rig, act))

    assert outcome.exit_code == 70
    assert [record.levelno for record in caplog.records if "loop-fault" in record.getMessage()] == [logging.CRITICAL]


def test_a_trouble_of_the_loops_own_is_logged_and_survived(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    def act(loop: asyncio.AbstractEventLoop, service: Service) -> None:
        rig.looker.ready.set_result(None)
        rig.hear()
        trouble = {"message": "socket.accept() out of system resource", "exception": OSError(24, "no descriptors")}
        loop.call_soon_threadsafe(loop.call_exception_handler, trouble)
        loop.call_soon_threadsafe(service._begin_stop)

    outcome = asyncio.run(_run(rig, act))

    assert outcome.exit_code == 0
    assert "out of system resource" in caplog.text


def test_told_to_stop_while_it_loads_it_stops(rig: Rig) -> None:
    def act(loop: asyncio.AbstractEventLoop, service: Service) -> None:
        loop.call_soon_threadsafe(service._begin_stop)

    outcome = asyncio.run(_run(rig, act))

    assert outcome == Outcome(0, ())
    assert rig.hear() == "STOPPING=1"
