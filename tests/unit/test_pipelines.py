"""Which pipeline is picked, by what became of each."""

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinect_unlock.clock import NS_PER_S, BootTime, ManualClock
from kinect_unlock.settings import DepthPipeline, Source
from kinect_unlock.sources.base import Identity
from kinect_unlock.sources.kinect_v2_binding import PIPELINE_CLASSES
from kinect_unlock.sources.pipelines import (
    AGAIN_AFTER_S,
    FAST_HZ,
    ORDER,
    PATIENCE,
    FixedPipeline,
    Outcome,
    Pipeline,
    PipelineBook,
    choose,
    costly,
    display_exists,
    installed_binding,
    pipelines_for,
)

NOW = BootTime("boot", 10 * AGAIN_AFTER_S * NS_PER_S)
KINECT = Identity("Kinect v2", "0123", "4.0", "cpu")

outcomes = st.builds(
    Outcome,
    best_hz=st.one_of(st.none(), st.floats(0.1, 40)),
    failures=st.integers(0, 2 * PATIENCE),
    why=st.just("it ended"),
    failed_at=st.builds(BootTime, st.sampled_from(["boot", "earlier"]), st.integers(0, NOW.since_boot_ns)),
)
tables = st.dictionaries(st.sampled_from(ORDER), outcomes)
orders = st.lists(st.sampled_from(ORDER), min_size=1, unique=True)


@given(possible=orders, table=tables)
def test_what_is_chosen_is_possible_and_never_rests_while_another_does_not(
    possible: list[Pipeline], table: dict[Pipeline, Outcome]
) -> None:
    chosen = choose(possible, table, NOW)
    assert chosen in possible
    awake = [name for name in possible if not table.get(name, Outcome()).rests(NOW)]
    assert chosen in awake or not awake


@given(possible=orders, table=tables)
def test_a_fast_one_stays_and_an_untried_one_comes_before_a_slow_one(
    possible: list[Pipeline], table: dict[Pipeline, Outcome]
) -> None:
    chosen = table.get(choose(possible, table, NOW), Outcome())
    awake = [found for name in possible if not (found := table.get(name, Outcome())).rests(NOW)]
    rates = [found.best_hz for found in awake if found.best_hz is not None]
    if rates and max(rates) >= FAST_HZ:
        assert chosen.best_hz == max(rates)
    elif len(rates) < len(awake):
        assert chosen.best_hz is None
    elif rates:
        assert chosen.best_hz == max(rates)


@given(possible=orders, rate_hz=st.dictionaries(st.sampled_from(ORDER), st.one_of(st.none(), st.floats(1, 40))))
def test_trying_ends_with_the_fastest_or_a_fast_one(
    possible: list[Pipeline], rate_hz: dict[Pipeline, float | None]
) -> None:
    """``rate_hz`` is what each would do; None: it fails. After one opening for each nothing changes any more."""
    clock = ManualClock()
    book = PipelineBook(None, possible=possible, clock=clock, library=lambda: "0.1.4")
    for _ in possible:
        open_once(book, rate_hz)
        clock.advance(NS_PER_S)
    settled = book.pick()
    working = {name: rate for name in possible if (rate := rate_hz.get(name)) is not None}
    if working:
        assert working[settled] >= min(FAST_HZ, max(working.values())) - 0.1
        open_once(book, rate_hz)
        assert book.pick() == settled


def open_once(book: PipelineBook, rate_hz: dict[Pipeline, float | None]) -> None:
    picked = book.pick()
    rate = rate_hz.get(picked)
    if rate is None:
        book.failed(picked, "no first frame")
    else:
        book.worked(picked, KINECT, rate)


def book_at(
    file: Path | None,
    clock: ManualClock | None = None,
    *,
    device: str | None = None,
    library: Callable[[], str] = lambda: "0.1.4",
) -> PipelineBook:
    return PipelineBook(file, possible=("opencl", "cpu"), clock=clock or ManualClock(), device=device, library=library)


def test_the_first_try_is_the_best_and_then_the_next() -> None:
    book = book_at(None)
    assert book.pick() == "opencl"
    book.failed("opencl", "killed by SIGSEGV")
    assert book.pick() == "cpu"
    book.worked("cpu", KINECT, 8.2)
    assert book.pick() == "cpu"


def test_a_slow_one_gives_way_to_one_that_was_never_tried() -> None:
    book = book_at(None)
    book.worked("cpu", KINECT, 8.2)
    assert book.pick() == "opencl"
    book.worked("opencl", KINECT, 5.0)
    assert book.pick() == "cpu"


def test_one_that_failed_is_tried_again_after_a_day() -> None:
    clock = ManualClock()
    book = book_at(None, clock)
    book.failed("opencl", "killed by SIGSEGV")
    clock.advance(AGAIN_AFTER_S * NS_PER_S - 1)
    assert book.pick() == "cpu"
    clock.advance(1)
    assert book.pick() == "opencl"


def test_one_that_failed_is_tried_again_after_a_boot() -> None:
    clock = ManualClock()
    book = book_at(None, clock)
    book.failed("opencl", "killed by SIGSEGV")
    clock.reboot("another")
    assert book.pick() == "opencl"


def test_one_that_was_fast_is_not_given_up_for_a_plug_pulled_out() -> None:
    book = book_at(None)
    book.worked("opencl", KINECT, 30.0)
    for _ in range(PATIENCE - 1):
        book.failed("opencl", "the camera went away")
        assert book.pick() == "opencl"
    book.failed("opencl", "the camera went away")
    assert book.pick() == "cpu"
    book.worked("opencl", KINECT, 29.0)
    assert book.pick() == "opencl"


def test_when_all_failed_the_one_that_failed_longest_ago_is_tried() -> None:
    clock = ManualClock()
    book = book_at(None, clock)
    for expected in ("opencl", "cpu", "opencl", "cpu"):
        assert book.pick() == expected
        book.failed(expected, "no first frame")
        clock.advance(NS_PER_S)


def test_what_failed_all_of_them_is_held_against_none_once_one_works() -> None:
    """Another program had the camera: every opening crashed, whatever was to decode."""
    book = book_at(None)
    book.failed("opencl", "killed by SIGSEGV")
    book.failed("cpu", "killed by SIGSEGV")
    book.worked("cpu", KINECT, 8.0)
    assert book.pick() == "opencl"
    book.failed("opencl", "killed by SIGSEGV")
    assert book.pick() == "cpu"
    book.worked("cpu", KINECT, 8.1)
    assert book.pick() == "cpu"


def test_the_best_rate_counts() -> None:
    book = book_at(None)
    book.worked("opencl", KINECT, 29.97)
    book.worked("opencl", KINECT, 14.9)  # the colour camera halves its rate in the dark
    assert book.outcomes["opencl"].best_hz == 30.0


def test_another_camera_or_another_build_of_the_library_begins_anew() -> None:
    library = ["0.1.4 of 1"]
    book = book_at(None, library=lambda: library[0])
    book.worked("opencl", KINECT, 30.0)
    book.worked("opencl", Identity("Kinect v2", "9999"), 10.0)
    assert book.outcomes["opencl"].best_hz == 10.0
    book.failed("cpu", "no first frame")
    library[0] = "0.1.4 of 2"
    assert book.pick() == "opencl"
    assert book.outcomes == {}


def test_it_remembers_beyond_the_process(tmp_path: Path) -> None:
    file = tmp_path / "cameras" / "kinect-v2.json"
    book_at(file).worked("cpu", KINECT, 8.2)
    again = book_at(file)
    again.failed("opencl", "exit status 255")
    assert book_at(file).outcomes == {"cpu": Outcome(best_hz=8.2), "opencl": again.outcomes["opencl"]}
    assert book_at(file, device="0123").outcomes != {}
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_what_was_seen_with_another_camera_than_the_configured_one_is_not_used(tmp_path: Path) -> None:
    file = tmp_path / "cameras" / "kinect-v2.json"
    book_at(file).worked("cpu", KINECT, 28.0)
    assert book_at(file, device="7777").pick() == "opencl"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"library":"0.1.4","serial":"","outcomes":{"warp":{}}}',
        b'{"library":"0.1.4","serial":"","outcomes":{"cpu":{"best_hz":-1}}}',
        b'{"library":"0.1.4","serial":"","outcomes":{},"more":1}',
        b"\xff" * 20_000,
    ],
)
def test_a_damaged_file_is_said_and_written_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    file = tmp_path / "cameras" / "kinect-v2.json"
    file.parent.mkdir(mode=0o700)
    file.write_bytes(content)
    file.chmod(0o600)
    with caplog.at_level(logging.WARNING):
        book = book_at(file)
    assert f"file={file}" in caplog.text
    assert book.pick() == "opencl"
    book.worked("opencl", KINECT, 30.0)
    assert book_at(file).outcomes["opencl"].best_hz == 30.0


def test_a_file_that_others_may_write_is_not_believed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "cameras" / "kinect-v2.json"
    book_at(file).worked("cpu", KINECT, 30.0)
    file.chmod(0o666)
    assert book_at(file).pick() == "opencl"
    assert "open to others" in caplog.text


def test_where_nothing_can_be_written_it_is_said_once_and_done_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cameras").write_text("a file where the folder should be")
    book = book_at(tmp_path / "cameras" / "kinect-v2.json")
    caplog.clear()
    book.worked("cpu", KINECT, 8.0)
    book.worked("cpu", KINECT, 9.0)
    assert caplog.text.count("found out again next time") == 1
    assert book.outcomes["cpu"].best_hz == 9.0


@pytest.mark.parametrize("rate_hz", [0.0, -1.0, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(rate_hz: float) -> None:
    with pytest.raises(ValueError, match="a rate must be above 0 Hz"):
        book_at(None).worked("cpu", KINECT, rate_hz)


def test_an_unknown_pipeline_is_refused() -> None:
    with pytest.raises(ValueError, match="'warp' is no pipeline; opengl, opencl, cpu are"):
        book_at(None).failed("warp", "no such thing")


def test_a_book_without_anything_possible_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        PipelineBook(None, possible=(), clock=ManualClock())


def test_the_configured_pipeline_is_kept_whatever_becomes_of_it(tmp_path: Path) -> None:
    fixed = pipelines_for(Source(pipeline="opencl"), cache_dir=tmp_path, environ={}, clock=ManualClock())
    assert isinstance(fixed, FixedPipeline)
    fixed.failed("opencl", "killed by SIGSEGV")
    fixed.worked("opencl", KINECT, 1.0)
    assert fixed.pick() == "opencl"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("environ", "first"),
    [({}, "opencl"), ({"DISPLAY": ""}, "opencl"), ({"DISPLAY": ":0"}, "opengl"), ({"WAYLAND_DISPLAY": "w"}, "opengl")],
)
def test_opengl_is_tried_first_and_only_where_a_display_is(tmp_path: Path, environ: dict[str, str], first: str) -> None:
    assert display_exists(environ) == (first == "opengl")
    assert pipelines_for(Source(), cache_dir=None, environ=environ, clock=ManualClock()).pick() == first
    assert pipelines_for(Source(), cache_dir=tmp_path, environ=environ, clock=ManualClock()).pick() == first


def test_each_pipeline_that_can_be_configured_is_known_everywhere() -> None:
    assert set(get_args(DepthPipeline)) == {*ORDER, "auto"} == {*PIPELINE_CLASSES, "auto"}


def test_only_the_processor_is_costly() -> None:
    assert [name for name in ORDER if costly(name)] == ["cpu"]


def test_a_new_build_of_the_binding_is_told_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pylibfreenect2-0.1.4.dist-info").mkdir()
    (tmp_path / "pylibfreenect2-0.1.4.dist-info" / "METADATA").write_text("Name: pylibfreenect2\nVersion: 0.1.4\n")
    (tmp_path / "pylibfreenect2").mkdir()
    built = tmp_path / "pylibfreenect2" / "libfreenect2.cpython-311.so"
    (tmp_path / "pylibfreenect2" / "__init__.py").write_text("raise AssertionError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    assert installed_binding() == ""
    built.touch()
    os.utime(built, (1_700_000_000, 1_700_000_000))
    assert installed_binding() == "0.1.4 of 1700000000"


def test_a_binding_that_is_not_installed_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    assert installed_binding() == ""
