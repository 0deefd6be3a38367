"""The source in front of real children, each with a driver that does what drivers do."""

import logging
import os
import resource
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import msgspec
import numpy as np
import pytest

from fakes.drivers import pattern, writes_path
from kinect_unlock.clock import NS_PER_S, ManualClock, SystemClock
from kinect_unlock.errors import DeviceMissing, DriverMissing, SourceError, SourceLost
from kinect_unlock.frames import Frame, Origin
from kinect_unlock.restarts import End
from kinect_unlock.service import STEP_LIMIT_S
from kinect_unlock.settings import Source
from kinect_unlock.sources import driver_life, isolated
from kinect_unlock.sources.base import EndOfStream, FrameSource, Identified, Identity, Interruptible, Throttled
from kinect_unlock.sources.drivers import Driver
from kinect_unlock.sources.isolated import IsolatedSource
from kinect_unlock.sources.lives import DriverLives
from kinect_unlock.sources.pipelines import FixedPipeline, Pipeline
from leftovers import Holdings, children_of, has_ended, holdings, left_since

CLOCK = SystemClock()
WAIT_S = 60.0  # for what happens at once on a machine that has time
SERVED = 20  # frames before a fault in the middle of a stream

Make: TypeAlias = Callable[..., IsolatedSource]


class _Book:
    """Pipelines that are picked in order, and what was told of them."""

    def __init__(self, *order: Pipeline) -> None:
        self._order = list(order)
        self.told: list[tuple[str, str]] = []
        self.rates_hz: list[float] = []

    def pick(self) -> Pipeline:
        return self._order[0]

    def worked(self, pipeline: str, identity: Identity, rate_hz: float) -> None:
        self.told.append((pipeline, identity.serial))
        self.rates_hz.append(rate_hz)

    def failed(self, pipeline: str, why: str) -> None:
        self.told.append((pipeline, why))
        self._order = self._order[1:] or self._order


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))

    def made(
        name: str,
        *,
        device: object = None,
        path: object = None,
        open_timeout_s: float = 14.0,
        reappear_s: float = 0.0,
        lives: DriverLives | None = None,
        book: _Book | None = None,
    ) -> IsolatedSource:
        settings = Source(
            kind="fake",
            device=None if device is None else str(device),
            path=None if path is None else str(path),
            open_timeout_s=open_timeout_s,
            reappear_s=reappear_s,
        )
        return IsolatedSource(
            Driver(f"fakes.drivers:{name}", Origin.STAND_IN, "fake", writes=writes_path),
            settings,
            CLOCK,
            lives=lives or DriverLives(CLOCK, reappear_s=reappear_s),
            pipelines=book or FixedPipeline("cpu"),
        )

    return made


@pytest.fixture(autouse=True)
def before() -> Iterator[Holdings]:
    """What this process holds; whatever a test did, it is the same after it."""
    found = holdings()
    yield found
    assert not left_since(found)


def frames_of(source: FrameSource) -> Iterator[Frame]:
    deadline_ns = CLOCK.monotonic_ns() + int(WAIT_S * NS_PER_S)
    while CLOCK.monotonic_ns() < deadline_ns:
        frame = source.read(0.1)
        if frame is not None:
            yield frame
    pytest.fail("no frame came")


def read_until_it_ends(source: FrameSource) -> int:
    """Count frames; the source's error passes through."""
    return sum(1 for _ in frames_of(source))


def child_of(source: IsolatedSource) -> int:
    assert source._present is not None
    return source._present.life.pid


# Good children.


def test_frames_come_whole_in_order_and_with_the_hosts_time(make: Make) -> None:
    begun_ns = CLOCK.monotonic_ns()
    with closing(make("well")) as source:
        source.open()
        last = Frame(0, begun_ns, *pattern(0)[:2], None)
        for frame, _ in zip(frames_of(source), range(100), strict=False):
            color, depth_mm, infrared = pattern(frame.seq)
            np.testing.assert_array_equal(frame.color, color)
            assert frame.depth_mm is not None
            assert frame.infrared is not None
            np.testing.assert_array_equal(frame.depth_mm, depth_mm)
            np.testing.assert_array_equal(frame.infrared, infrared)
            assert last.seq < frame.seq
            assert last.captured_ns <= frame.captured_ns <= CLOCK.monotonic_ns()
            assert frame.device_us == frame.seq * 5_000
            last = frame


def test_it_is_what_the_capture_thread_looks_for(make: Make) -> None:
    source = make("well")

    assert isinstance(source, Identified)
    assert isinstance(source, Throttled)
    assert isinstance(source, Interruptible)


def test_who_it_is_is_the_drivers_to_say_and_where_it_comes_from_is_not(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "kinect_unlock")
    with closing(make("well")) as source:
        assert (source.identity, source.origin) == (None, Origin.STAND_IN)
        source.open()

        assert source.identity == Identity("pattern", "0123", "1.0", "cpu")
        assert source.origin is Origin.STAND_IN  # the driver itself says that it is a sensor
    (line,) = [record.getMessage() for record in caplog.records if "event=driver-open" in record.getMessage()]
    assert "serial='0123' firmware='1.0' pipeline='cpu' first_frame_ms=" in line


def test_all_frames_share_one_calibration(make: Make) -> None:
    with closing(make("well")) as source:
        source.open()
        frames = frames_of(source)
        first, second = next(frames), next(frames)

        assert first.calibration is second.calibration is not None


def test_a_frame_outlives_its_source(make: Make) -> None:
    with closing(make("well")) as source:
        source.open()
        frame = next(frames_of(source))

    np.testing.assert_array_equal(frame.color, pattern(frame.seq)[0])


def test_a_driver_is_closed_in_order_when_it_is_closed(make: Make, tmp_path: Path) -> None:
    with closing(make("well", path=tmp_path / "mark")) as source:
        source.open()

    assert (tmp_path / "mark").read_text() == "closed in order"


def test_a_reader_that_is_away_finds_the_newest_frame_and_the_rest_counted(make: Make) -> None:
    lives = DriverLives(CLOCK, reappear_s=0.0)
    with closing(make("well", lives=lives)) as source:
        source.open()
        threading.Event().wait(0.5)
        frame = next(frames_of(source))

    assert frame.seq > 10
    assert lives.counters() == {"driver_starts": 1, "driver_failures": 0, "driver_drops": frame.seq - 1}


def test_throttling_reaches_the_child_and_can_be_undone(make: Make) -> None:
    with closing(make("well")) as source:
        source.open()
        source.throttle(20.0)
        frames = frames_of(source)
        slow = [next(frames).captured_ns for _ in range(30)][-6:]
        source.throttle(None)
        fast = [next(frames).captured_ns for _ in range(30)]

    assert min(b - a for a, b in pairwise(slow)) >= NS_PER_S // 40
    assert min(b - a for a, b in pairwise(fast)) < NS_PER_S // 40


def test_a_throttled_stream_is_no_silence(make: Make) -> None:
    with closing(make("well")) as source:
        source.open()
        source.throttle(0.5)
        frames = frames_of(source)
        for _ in range(30):  # until one is two seconds after the one before it
            earlier, later = next(frames), next(frames)
            if later.captured_ns - earlier.captured_ns >= NS_PER_S:
                return
    pytest.fail("it was never throttled")


# Bad children.

_WORDS = {
    "segfaults": r"was ended by SIGSEGV; its last words: '\[Error\] \[DepthPacketStreamParser\] not all subs",
    "raises": r"ended by itself with exit code 1; its last words: 'ZeroDivisionError: driver'",
    "hangs": r"hung: it said nothing for 1\.5 s and was ended; its last words: '\d+ hangs'",
    "babbles": r"said what cannot be \(a message that is none .*\) and was ended",
    "lies_about_time": r"said what cannot be \(a frame captured at \d+ ns, before the last one or in the future\)",
    "shrinks": r"ended by itself with exit code 7; its last words: 'sealed'",
    "says_lost": r"the Kinect was unplugged; connect it again",
    "says_missing": r"no Kinect v2 any more",
    "changes_size": r"the driver's images were .* and are .* now",
}


@pytest.mark.parametrize("name", _WORDS)
def test_a_driver_that_goes_wrong_in_mid_stream_is_a_lost_source_with_its_cause(
    make: Make, before: Holdings, name: str
) -> None:
    lives = DriverLives(CLOCK, reappear_s=0.0)
    with closing(make(name, device=SERVED, lives=lives)) as source:
        source.open()
        with pytest.raises(SourceLost, match=_WORDS[name]):
            read_until_it_ends(source)
        assert children_of(os.getpid()) == before.children  # before it is closed
        with pytest.raises(SourceError, match="is not open"):
            source.read(0.0)

    assert lives.failures == 1


@pytest.mark.parametrize(
    ("code", "words"), [(0, r"ended by itself \(exit code 0\)"), (255, "ended by itself with exit code 255")]
)
def test_a_driver_that_exits_is_a_lost_source_with_the_code(make: Make, code: int, words: str) -> None:
    with closing(make("exits", device=SERVED, path=code)) as source:
        source.open()
        with pytest.raises(SourceLost, match=words):
            read_until_it_ends(source)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS])
def test_a_child_that_is_killed_from_outside_is_a_lost_source(make: Make, number: signal.Signals) -> None:
    with closing(make("well")) as source:
        source.open()
        os.kill(child_of(source), number)

        with pytest.raises(SourceLost, match=f"was ended by {number.name}"):
            read_until_it_ends(source)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_child_leaves_it_to_the_daemon_when_to_end(make: Make, number: signal.Signals) -> None:
    with closing(make("well")) as source:
        source.open()
        os.kill(child_of(source), number)

        assert sum(1 for _, _ in zip(range(50), frames_of(source), strict=False)) == 50
        assert os.getsid(child_of(source)) != os.getsid(0)


def test_a_child_that_is_stopped_is_a_driver_that_hangs(make: Make) -> None:
    with closing(make("well")) as source:
        source.open()
        os.kill(child_of(source), signal.SIGSTOP)

        with pytest.raises(SourceLost, match="hung: it said nothing"):
            read_until_it_ends(source)


def test_a_stream_that_ends_ends(make: Make) -> None:
    lives = DriverLives(CLOCK, reappear_s=0.0)
    with closing(make("ends", device=SERVED, lives=lives)) as source:
        source.open()
        with pytest.raises(EndOfStream):
            read_until_it_ends(source)

    assert lives.failures == 0


def test_a_stall_is_for_the_capture_thread_to_judge(make: Make) -> None:
    with closing(make("stalls", device=3)) as source:
        source.open()
        deadline_ns = CLOCK.monotonic_ns() + 2 * NS_PER_S  # longer than a driver may be silent that hangs
        last = None
        while CLOCK.monotonic_ns() < deadline_ns:
            last = source.read(0.1)

        assert last is None


def test_a_driver_that_never_stops_printing_gives_its_frames(make: Make) -> None:
    with closing(make("chatters")) as source:
        source.open()

        assert sum(1 for _, _ in zip(range(10), frames_of(source), strict=False)) == 10


def test_a_driver_that_fills_the_line_does_not_hold_its_reader_up(make: Make) -> None:
    with closing(make("floods", device=SERVED)) as source:
        source.open()
        for _ in range(20):
            begun_ns = CLOCK.monotonic_ns()
            source.read(0.1)
            assert CLOCK.monotonic_ns() - begun_ns < 10 * NS_PER_S


def test_a_driver_that_talks_before_it_is_open_is_ended(make: Make) -> None:
    words = r"said what cannot be \(it showed frames before it was opened\)"
    with closing(make("floods", open_timeout_s=3.0)) as source, pytest.raises(SourceLost, match=words):
        source.open()


def test_what_a_driver_started_dies_with_it(make: Make, tmp_path: Path) -> None:
    with closing(make("starts_another", device=SERVED, path=tmp_path / "pid")) as source:
        source.open()
        with pytest.raises(SourceLost, match="was ended by SIGABRT"):
            read_until_it_ends(source)

    assert has_ended(int((tmp_path / "pid").read_text()), WAIT_S)


def test_a_driver_that_will_not_close_is_ended(make: Make) -> None:
    with closing(make("will_not_close")) as source:
        source.open()


# Opening.


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("no_library", DriverMissing, "no library: build libfreenect2"),
        ("no_device", DeviceMissing, "no Kinect v2: connect it"),
    ],
)
def test_what_waiting_does_not_help_is_said_at_once(make: Make, name: str, kind: type[SourceError], words: str) -> None:
    lives, book = DriverLives(CLOCK, reappear_s=0.0), _Book("cpu")
    with closing(make(name, lives=lives, book=book)) as source, pytest.raises(kind, match=words):
        source.open()

    assert lives.counters() == {"driver_starts": 1, "driver_failures": 0, "driver_drops": 0}
    assert book.told == []


def test_a_driver_that_says_in_good_order_that_it_cannot_be_opened_is_believed(make: Make) -> None:
    lives, book = DriverLives(CLOCK, reappear_s=5.0), _Book("cpu")
    with (
        closing(make("wrong_settings", lives=lives, book=book)) as source,
        pytest.raises(SourceError, match=r"^the pipeline was not built$"),
    ):
        source.open()

    assert lives.counters()["driver_starts"] == 1
    assert lives.wait_s() == 0.0  # it never had the camera
    assert book.told == [("cpu", "gave up: the pipeline was not built")]


def test_another_pipeline_is_tried_at_once_when_one_cannot_be_used_but_none_twice(make: Make) -> None:
    lives, book = DriverLives(CLOCK, reappear_s=5.0), _Book("opengl", "opencl", "opengl", "cpu")
    with (
        closing(make("wrong_settings", lives=lives, book=book)) as source,
        pytest.raises(SourceError, match=r"^the pipeline was not built$"),
    ):
        source.open()

    assert [name for name, _ in book.told] == ["opengl", "opencl"]


def test_a_stream_that_ends_before_its_first_frame_is_lost(make: Make) -> None:
    with (
        closing(make("ends", device=1, open_timeout_s=3.0)) as source,
        pytest.raises(SourceLost, match="the camera driver came to the end of its frames"),
    ):
        source.open()


def test_a_driver_that_crashes_while_it_opens_is_tried_again_and_then_told(make: Make, before: Holdings) -> None:
    lives, book = DriverLives(CLOCK, reappear_s=0.0), _Book("opencl", "cpu")
    with closing(make("segfaults", device=1, open_timeout_s=6.0, lives=lives, book=book)) as source:
        with pytest.raises(SourceLost, match="was ended by SIGSEGV"):
            source.open()
        assert children_of(os.getpid()) == before.children

    assert lives.failures >= 2
    assert [name for name, _ in book.told][:2] == ["opencl", "cpu"]
    assert book.told[0][1] == "was ended by SIGSEGV"


def test_a_driver_that_hangs_in_open_is_ended_in_time(make: Make) -> None:
    with closing(make("hangs_in_open", open_timeout_s=1.0)) as source, pytest.raises(SourceLost) as told:
        source.open()

    assert "gave no frame within the 1 s of source.open_timeout_s and was ended" in str(told.value)


def test_the_longest_opening_is_no_reason_to_restart_the_daemon() -> None:
    longest_s = 14.0
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"open_timeout_s": longest_s + 0.01}, Source)

    assert longest_s + isolated.CLOSE_GRACE_S + driver_life.KILLED_S < STEP_LIMIT_S


def test_a_driver_without_frames_is_ended_in_time(make: Make) -> None:
    with (
        closing(make("silent", open_timeout_s=1.0)) as source,
        pytest.raises(SourceLost, match="gave no frame within the 1 s"),
    ):
        source.open()


def test_a_driver_that_cannot_be_found_says_so_in_its_last_words(make: Make) -> None:
    with (
        closing(make("no_such_driver", open_timeout_s=3.0)) as source,
        pytest.raises(SourceLost, match="has no attribute 'no_such_driver'"),
    ):
        source.open()


def test_a_camera_that_is_missing_after_its_closing_is_looked_for_again(make: Make, tmp_path: Path) -> None:
    clock = ManualClock()
    lives = DriverLives(clock, reappear_s=5.0)
    lives.ended(End.CLOSED, served_s=1.0, drops=0, cause="")
    clock.advance(5 * NS_PER_S)
    with closing(make("no_device", device=2, path=tmp_path / "tries", lives=lives)) as source:
        source.open()

    assert lives.counters()["driver_starts"] == 3


def test_a_camera_is_left_alone_for_its_pause_after_each_closing(make: Make) -> None:
    lives = DriverLives(CLOCK, reappear_s=1.0)
    with closing(make("well", lives=lives)) as source:
        source.open()
    closed_ns = CLOCK.monotonic_ns()
    with closing(make("well", lives=lives)) as source:
        source.open()
        frame = next(frames_of(source))

    assert frame.captured_ns - closed_ns >= NS_PER_S


def test_a_pause_longer_than_an_opening_may_take_is_told(make: Make) -> None:
    lives = DriverLives(ManualClock(), reappear_s=30.0)
    lives.ended(End.CLOSED, served_s=1.0, drops=0, cause="")
    with (
        closing(make("well", lives=lives)) as source,
        pytest.raises(SourceError, match="closed just now and can be opened again in 30 s"),
    ):
        source.open()


def test_a_driver_that_failed_often_rests_and_that_is_told(make: Make) -> None:
    lives = DriverLives(ManualClock(), reappear_s=0.0)
    for _ in range(6):
        lives.ended(End.FAILED, served_s=0.0, drops=0, cause="was ended by SIGSEGV")
    words = r"failed 6 times in a row \(was ended by SIGSEGV\); it is started again in 16 s at the earliest"
    with closing(make("well", lives=lives)) as source, pytest.raises(SourceError, match=words):
        source.open()

    assert lives.counters()["driver_starts"] == 0


def test_the_next_opening_after_a_crash_works(make: Make) -> None:
    lives = DriverLives(CLOCK, reappear_s=0.0)
    with closing(make("segfaults", device=SERVED, lives=lives)) as source:
        source.open()
        with pytest.raises(SourceLost):
            read_until_it_ends(source)
    with closing(make("well", lives=lives)) as source:
        source.open()
        next(frames_of(source))

    assert lives.failures == 0


def test_how_fast_a_pipeline_is_becomes_known_when_nothing_holds_it_back(make: Make) -> None:
    book = _Book("cpu")
    with closing(make("well", book=book)) as source:
        source.open()
        source.throttle(5.0)
        held_back_ns = CLOCK.monotonic_ns() + int(1.5 * NS_PER_S)
        while CLOCK.monotonic_ns() < held_back_ns:
            source.read(0.1)
        assert book.told == []
        source.throttle(None)
        while not book.told:
            source.read(0.1)

    assert book.told == [("cpu", "0123")]
    assert book.rates_hz[0] > 10.0


@pytest.mark.parametrize("lets_rest", [True, False], ids=["lingers", "closes"])
def test_an_attempt_that_needs_few_frames_tells_how_fast_a_pipeline_is(make: Make, *, lets_rest: bool) -> None:
    book = _Book("cpu")
    with closing(make("well", book=book)) as source:
        source.open()
        frames = frames_of(source)
        while next(frames).seq < 6:
            pass
        if lets_rest:
            source.throttle(2.0)

    assert book.told == [("cpu", "0123")]
    assert book.rates_hz[0] > 10.0


def test_too_few_frames_tell_nothing_of_a_pipeline(make: Make) -> None:
    book = _Book("cpu")
    with closing(make("stalls", device=5, book=book)) as source:
        source.open()
        while source.read(0.5) is not None:
            pass
        source.throttle(2.0)

    assert book.told == []


def test_a_pipeline_that_ends_its_child_before_it_was_known_to_do_has_failed(make: Make) -> None:
    book = _Book("cpu")
    with closing(make("segfaults", device=SERVED, book=book)) as source:
        source.open()
        with pytest.raises(SourceLost):
            read_until_it_ends(source)

    assert book.told == [("cpu", "was ended by SIGSEGV")]


def test_a_pipeline_that_stalls_before_it_was_known_to_do_has_failed(make: Make) -> None:
    lives, book = DriverLives(CLOCK, reappear_s=0.0), _Book("cpu")
    with closing(make("stalls", device=3, lives=lives, book=book)) as source:
        source.open()
        deadline_ns = CLOCK.monotonic_ns() + int(2.5 * NS_PER_S)  # who reads it waits for source.stall_timeout_s
        while CLOCK.monotonic_ns() < deadline_ns:
            source.read(0.1)

    assert lives.failures == 1
    assert book.told == [("cpu", "gave no frame for 2 s")]


# Giving up, and what is left.


@pytest.mark.parametrize("name", ["silent", "hangs_in_open"])
def test_an_opening_can_be_given_up_from_another_thread(make: Make, name: str) -> None:
    with closing(make(name)) as source:
        timer = threading.Timer(0.5, source.interrupt)
        timer.start()
        with pytest.raises(SourceError, match="given up"):
            source.open()
        timer.join()


def test_a_rest_before_an_opening_can_be_given_up_from_another_thread(make: Make) -> None:
    lives = DriverLives(ManualClock(), reappear_s=10.0)
    lives.ended(End.CLOSED, served_s=1.0, drops=0, cause="")
    with closing(make("well", lives=lives)) as source:
        timer = threading.Timer(0.1, source.interrupt)
        timer.start()
        with pytest.raises(SourceError, match="given up"):
            source.open()
        timer.join()

    assert lives.counters()["driver_starts"] == 0


def test_what_was_given_up_before_is_not_opened(make: Make) -> None:
    with closing(make("well")) as source:
        source.interrupt()
        with pytest.raises(SourceError, match="given up"):
            source.open()


def test_a_read_can_be_given_up_from_another_thread(make: Make) -> None:
    with closing(make("stalls", device=3)) as source:
        source.open()
        while source.read(0.5) is not None:
            pass
        timer = threading.Timer(0.1, source.interrupt)
        timer.start()

        assert source.read(WAIT_S) is None
        timer.join()


def test_closing_and_giving_up_are_harmless_at_any_time(make: Make) -> None:
    source = make("well")
    source.close()
    source.interrupt()
    source.close()
    source.throttle(1.0)
    with pytest.raises(SourceError, match="is not open"):
        source.read(0.0)


def test_a_driver_sees_nothing_of_the_service_manager_and_leaves_no_core(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY", "WATCHDOG_USEC", "JOURNAL_STREAM", "SECRET", "LIBGL_X"):
        monkeypatch.setenv(name, "x")
    with closing(make("tells_environment", path=tmp_path / "told")) as source:
        source.open()
    names, core = (tmp_path / "told").read_text().splitlines()

    assert {"PATH", "PYTHONPATH", "LIBGL_X"} <= set(names.split())
    assert not {"NOTIFY_SOCKET", "CREDENTIALS_DIRECTORY", "WATCHDOG_USEC", "JOURNAL_STREAM", "SECRET"} & set(
        names.split()
    )
    assert core == "(0, 0)"


def test_without_descriptors_it_says_so_and_leaves_nothing(make: Make, before: Holdings) -> None:
    unlimited = resource.getrlimit(resource.RLIMIT_NOFILE)
    told = []
    for spare in range(12):
        # The limit is on numbers, and ours are the lowest: so many more there may be.
        resource.setrlimit(resource.RLIMIT_NOFILE, (len(before.descriptors) + 1 + spare, unlimited[1]))
        try:
            with closing(make("well", open_timeout_s=3.0)) as source:
                source.open()
        except SourceError as fault:
            told.append(str(fault))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, unlimited)
        assert not left_since(before)

    assert 5 < len(told) < 12
    assert all("Too many open files" in words for words in told)


@pytest.mark.slow
def test_many_openings_leave_nothing(make: Make, before: Holdings) -> None:
    lives = DriverLives(CLOCK, reappear_s=0.0)
    for number in range(10):  # it is looked at after each, so that what one leaves is found at once
        fault = number % 5 == 4
        with closing(make("segfaults" if fault else "well", device=3, lives=lives)) as source:
            source.open()
            if fault:
                with pytest.raises(SourceLost):
                    read_until_it_ends(source)
        assert not left_since(before)

    assert lives.counters()["driver_starts"] >= 10
