import logging
import threading
from collections.abc import Callable

import pytest

from kinect_unlock.clock import NS_PER_S, ManualClock, SystemClock
from kinect_unlock.workers import Pulse, Worker, stop_all


def _worker(
    body: Callable[[], object], stop: threading.Event, *, name: str = "worker", faults: list[Exception] | None = None
) -> Worker:
    collected: list[Exception] = [] if faults is None else faults
    return Worker(name, body, stop=stop, pulse=Pulse(SystemClock()), on_fault=collected.append)


def test_a_fault_is_logged_once_handed_on_and_the_body_runs_again(caplog: pytest.LogCaptureFixture) -> None:
    stop, again = threading.Event(), threading.Event()
    faults: list[Exception] = []

    def body() -> None:
        if not faults:
            raise ValueError("bad driver")
        again.set()
        stop.wait()

    worker = _worker(body, stop, name="capture", faults=faults)
    worker.start()
    assert again.wait(10.0)
    worker.request_stop()

    assert worker.join(10.0)
    assert [str(fault) for fault in faults] == ["bad driver"]
    assert [record.getMessage() for record in caplog.records] == ["event=worker-fault worker=capture"]
    assert caplog.records[0].levelno == logging.ERROR


def test_all_are_asked_before_any_is_waited_for() -> None:
    stops = [threading.Event(), threading.Event()]

    def body() -> None:  # ends only when the *other* worker has been asked too
        stops[0].wait()
        stops[1].wait()

    workers = [_worker(body, stop, name=name) for stop, name in zip(stops, "ab", strict=True)]
    for worker in workers:
        worker.start()

    assert stop_all(workers, clock=SystemClock(), timeout_s=10.0) == ()


def test_a_worker_that_does_not_stop_is_named() -> None:
    release = threading.Event()
    stuck = _worker(release.wait, threading.Event(), name="capture")
    stop = threading.Event()
    good = _worker(stop.wait, stop, name="vision")
    for worker in (stuck, good):
        worker.start()

    assert stop_all((stuck, good), clock=SystemClock(), timeout_s=0.05) == ("capture",)
    release.set()
    assert stuck.join(10.0)


class _Slow:
    """Takes all the time it is given, on the test's clock."""

    def __init__(self, name: str, clock: ManualClock) -> None:
        self.name = name
        self.given_s: list[float] = []
        self._clock = clock

    def request_stop(self) -> None:
        pass

    def join(self, timeout_s: float) -> bool:
        self.given_s.append(timeout_s)
        self._clock.advance(int(timeout_s * NS_PER_S))
        return False


def test_the_deadline_is_shared_not_given_to_each() -> None:
    clock = ManualClock()
    workers = [_Slow("a", clock), _Slow("b", clock)]

    assert stop_all(workers, clock=clock, timeout_s=3.0) == ("a", "b")
    assert [worker.given_s for worker in workers] == [[3.0], [0.0]]


def test_stopping_a_worker_that_never_started_is_harmless() -> None:
    worker = _worker(lambda: None, threading.Event())
    assert stop_all([worker], clock=SystemClock(), timeout_s=1.0) == ()


def test_a_pulse_counts_the_present_step_and_nothing_while_idle() -> None:
    clock = ManualClock()
    pulse = Pulse(clock)
    idle_s = pulse.step_s()
    pulse.busy()
    clock.advance(2 * NS_PER_S)
    long_s = pulse.step_s()
    pulse.busy()
    next_s = pulse.step_s()
    clock.advance(NS_PER_S)
    pulse.rest()

    assert (idle_s, long_s, next_s, pulse.step_s()) == (0.0, 2.0, 0.0, 0.0)


def test_a_worker_is_healthy_while_it_lives_and_its_step_is_short() -> None:
    clock, stop, in_step = ManualClock(), threading.Event(), threading.Event()
    pulse = Pulse(clock)

    def body() -> None:
        pulse.busy()
        in_step.set()
        stop.wait()

    worker = Worker("vision", body, stop=stop, pulse=pulse, on_fault=lambda _: None)
    unborn = worker.healthy(5.0)
    worker.start()
    in_step.wait(10.0)
    working = worker.healthy(5.0)
    clock.advance(6 * NS_PER_S)
    hanging = worker.healthy(5.0)
    worker.request_stop()
    worker.join(10.0)

    assert (unborn, working, hanging, worker.healthy(5.0)) == (False, True, False, False)
