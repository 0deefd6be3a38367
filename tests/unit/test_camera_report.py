import pytest

from kinect_unlock.camera_needs import Need
from kinect_unlock.camera_report import CameraFault, CameraReport, CameraReporter, Identity, Phase
from kinect_unlock.clock import NS_PER_S, ManualClock

KINECT = Identity("Kinect v2", "0042", "4.3", "cpu")


def play(reporter: CameraReporter, clock: ManualClock, count: int, rate_hz: float) -> None:
    for _ in range(count):
        clock.advance(int(NS_PER_S / rate_hz))
        reporter.arrived()


def test_a_camera_that_was_never_needed_has_been_closed_since_the_start() -> None:
    clock = ManualClock()
    assert CameraReporter(clock).report == CameraReport(since_ns=clock.monotonic_ns())


@pytest.mark.parametrize("rate_hz", [30.0, 15.0, 7.5])
def test_the_rate_is_measured_while_all_frames_are_wanted(rate_hz: float) -> None:
    clock = ManualClock()
    reporter = CameraReporter(clock)
    reporter.opened(KINECT)
    reporter.reading(Need.LOOKING)
    play(reporter, clock, 40, rate_hz)
    measured_hz = reporter.report.rate_hz
    reporter.reading(Need.WATCHING)
    play(reporter, clock, 40, 2.0)  # says nothing about what the camera can

    assert measured_hz == pytest.approx(rate_hz, rel=1e-6)
    assert reporter.report.rate_hz == measured_hz


def test_the_first_frames_tell_no_rate() -> None:
    clock = ManualClock()
    reporter = CameraReporter(clock)
    reporter.reading(Need.LOOKING)
    play(reporter, clock, 5, 30.0)

    assert reporter.report.rate_hz is None


def test_frames_at_one_instant_tell_no_rate() -> None:
    reporter = CameraReporter(ManualClock())
    reporter.reading(Need.LOOKING)
    for _ in range(40):
        reporter.arrived()

    assert reporter.report.rate_hz is None


def test_a_camera_opened_again_is_measured_again() -> None:
    clock = ManualClock()
    reporter = CameraReporter(clock)
    reporter.opened(KINECT)
    reporter.reading(Need.LOOKING)
    play(reporter, clock, 40, 30.0)
    reporter.closed()
    kept_hz = reporter.report.rate_hz
    reporter.opened(KINECT)

    assert kept_hz == pytest.approx(30.0, rel=1e-6)
    assert reporter.report.rate_hz is None


def test_only_an_opening_after_a_fault_is_a_restart() -> None:
    clock = ManualClock()
    reporter = CameraReporter(clock)
    for failing in (False, True, True, False):
        reporter.opening()
        reporter.opened(KINECT)
        if failing:
            reporter.failed("unplugged")
        reporter.closed()

    assert (reporter.report.opened, reporter.report.restarts, reporter.report.faults) == (4, 2, 2)
    assert reporter.report.fault == CameraFault("unplugged", clock.monotonic_ns())
    assert reporter.report.identity == KINECT


def test_a_report_once_taken_never_changes() -> None:
    clock = ManualClock()
    reporter = CameraReporter(clock)
    taken = reporter.report
    reporter.opening()

    assert taken.phase is Phase.CLOSED
    assert reporter.report.phase is Phase.OPENING
