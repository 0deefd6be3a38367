from kinect_unlock.clock import NS_PER_S, ManualClock
from kinect_unlock.restarts import End
from kinect_unlock.sources.lives import DriverLives


def test_a_new_history_lets_a_driver_start_at_once() -> None:
    lives = DriverLives(ManualClock(), reappear_s=5.0)

    assert (lives.wait_s(), lives.failures, lives.may_reappear()) == (0.0, 0, False)


def test_the_pause_after_a_closing_passes_with_time() -> None:
    clock = ManualClock()
    lives = DriverLives(clock, reappear_s=5.0)
    lives.ended(End.CLOSED, served_s=1.0, drops=0, cause="was told to")
    clock.advance(2 * NS_PER_S)

    assert lives.wait_s() == 3.0
    clock.advance(3 * NS_PER_S)
    assert (lives.wait_s(), lives.may_reappear()) == (0.0, True)


def test_the_cause_of_the_last_failure_is_kept_and_everything_counted() -> None:
    lives = DriverLives(ManualClock(), reappear_s=0.0)
    for end, drops, cause in (
        (End.FAILED, 2, "was ended by SIGSEGV"),
        (End.FAILED, 3, "hung"),
        (End.REFUSED, 0, "found nothing"),
    ):
        lives.began()
        lives.ended(end, served_s=0.0, drops=drops, cause=cause)

    assert (lives.failures, lives.cause) == (2, "hung")
    assert lives.counters() == {"driver_starts": 3, "driver_failures": 2, "driver_drops": 5}
