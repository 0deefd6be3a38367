"""Every fault of the stand-in driver, in a real child: real signals, real exits, real hangs."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from driver_probes import BAD, GOOD, PROBES, run_probes
from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.sources.stand_in_driver import deeds

pytestmark = pytest.mark.slow

_PLAYER = Path(__file__).parents[1] / "stand_in_player.py"
_TIMEOUT_S = 60.0
_STILL_S = 2.0  # 100 ticks
_RECORDING = folder_of_recordings() / "empty-room.mkv"


@dataclass(frozen=True, slots=True)
class Played:
    """How the child ended, and what it told."""

    returncode: int
    told: list[Any]
    err: bytes


def _arguments(plan: Path, text: str, what: str, pace: str = "asap") -> list[str]:
    plan.write_text(text)
    return [sys.executable, str(_PLAYER), str(_RECORDING), str(plan), pace, what]


def _play(folder: Path, faults: str, *, pace: str = "asap", settings: str = "seed: 0") -> Played:
    arguments = _arguments(folder / "plan.yaml", f"{settings}\nfaults: [{faults}]", "play", pace)
    ended = subprocess.run(arguments, capture_output=True, timeout=_TIMEOUT_S, check=False)
    lines = [line for line in ended.stdout.splitlines() if not line.startswith(b"[Info]")]
    return Played(ended.returncode, [json.loads(line) for line in lines], ended.stderr)


@contextmanager
def _playing(arguments: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as child:
        try:
            yield child
        finally:
            child.kill()


def _lines(child: subprocess.Popen[bytes], *, still_s: float = _TIMEOUT_S) -> Iterator[str]:
    """Give what the child says, until it has said nothing for ``still_s`` or ended."""
    assert child.stdout is not None
    rest = b""
    while select.select([child.stdout], [], [], still_s)[0]:
        chunk = os.read(child.stdout.fileno(), 65536)
        if not chunk:
            return
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line.decode() for line in lines)


def test_good_calls_of_the_binding_give_what_they_give_there() -> None:
    ended = run_probes(str(_RECORDING), GOOD, {})

    assert ended.returncode == 0, ended.err
    assert dict(zip(GOOD, ended.returned, strict=True)) == {name: PROBES[name].returns for name in GOOD}


@pytest.mark.parametrize("name", BAD)
def test_bad_calls_of_the_binding_end_the_process_as_there(name: str) -> None:
    ended = run_probes(str(_RECORDING), [name], {})

    assert (ended.returncode, ended.returned) == (PROBES[name].ends, []), ended.err


@pytest.mark.parametrize(
    ("does", "fault", "says"),
    [
        ("binding-missing", "DriverMissing", "cannot load libfreenect2.so.0.2"),
        ("no-device", "DeviceMissing", "sees no Kinect v2"),
        ("garbage-parameters", "SourceLost", "no usable factory calibration"),
    ],
)
def test_what_the_source_sees_before_opening_is_an_error(tmp_path: Path, does: str, fault: str, says: str) -> None:
    played = _play(tmp_path, f"{{does: {does}}}")

    assert played.returncode == 0
    assert played.told[0][0] == fault
    assert says in played.told[0][1]


@pytest.mark.parametrize(
    ("does", "returncode"),
    [("exit-on-open", 255), ("null-device", -signal.SIGSEGV), ("segfault-on-start", -signal.SIGSEGV)],
)
def test_what_ends_the_process_on_opening_does(tmp_path: Path, does: str, returncode: int) -> None:
    played = _play(tmp_path, f"{{does: {does}}}")

    assert (played.returncode, played.told) == (returncode, [])


def test_the_library_says_something_before_it_exits(tmp_path: Path) -> None:
    assert deeds.NO_DISPLAY.encode() in _play(tmp_path, "{does: exit-on-open}").err


@pytest.mark.parametrize(
    ("does", "returncode"),
    [
        ("segfault", -signal.SIGSEGV),
        ("abort", -signal.SIGABRT),
        ("exit", 255),
        ("missing-frame", -signal.SIGSEGV),
    ],
)
def test_what_ends_the_process_in_mid_stream_does_after_the_frames_before(
    tmp_path: Path, does: str, returncode: int
) -> None:
    played = _play(tmp_path, f"{{does: {does}, frame: 3}}")

    assert played.returncode == returncode
    assert [told["seq"] for told in played.told[1:]] == [1, 2, 3]


def test_a_fault_belongs_to_the_opening_it_names(tmp_path: Path) -> None:
    faults = "{does: exit-on-open, open: 1}, {does: abort, open: 2, frame: 0}"

    ended = [_play(tmp_path, faults).returncode for _ in range(3)]

    assert ended == [255, -signal.SIGABRT, 0]


def test_a_camera_may_start_and_give_nothing(tmp_path: Path) -> None:
    assert _play(tmp_path, "{does: no-frames}").told == [["nothing", ""], *[None] * 12, ["nothing", ""]]


def test_a_silent_camera_is_listed_and_an_unplugged_one_is_not(tmp_path: Path) -> None:
    for does, then in (("silence", "nothing"), ("unplug", "DeviceMissing")):
        (tmp_path / does).mkdir()
        told = _play(tmp_path / does, f"{{does: {does}, frame: 9}}").told
        assert [frame is None for frame in told[1:-1]] == [False] * 9 + [True] * 3
        assert told[-1][0] == then


def test_a_stall_ends_and_the_camera_has_counted_on(tmp_path: Path) -> None:
    told = _play(tmp_path, "{does: stall, frame: 3, for_s: 1.2}", pace="recorded").told[1:-1]
    frames = [frame for frame in told if frame is not None]
    steps = [
        (after["device_us"] - before["device_us"], after["seq"] - before["seq"]) for before, after in pairwise(frames)
    ]

    assert None in told
    assert max(steps) >= (1_100_000, 33)


def test_a_slow_camera_takes_its_time(tmp_path: Path) -> None:
    told = _play(tmp_path, "{does: slow, frame: 3, for_s: 60, rate_hz: 5}", pace="recorded").told[1:-1]
    frames = [frame for frame in told if frame is not None]
    last_us = frames[-1]["device_us"] - frames[-2]["device_us"]

    assert last_us >= 190_000


def test_a_short_read_leaves_the_rest_of_the_images_empty(tmp_path: Path) -> None:
    told = _play(tmp_path, "{does: short-read, frame: 3, frames: 2}").told[1:-1]

    assert all(frame["upper"] for frame in told)
    assert [frame["lower"] for frame in told] == [1] * 3 + [0] * 2 + [1] * 7


def test_garbage_depth_is_no_reading(tmp_path: Path) -> None:
    told = _play(tmp_path, "{does: garbage-depth, frame: 3}").told[1:-1]

    assert [frame["upper"] for frame in told] == [1] * 3 + [0] + [1] * 8


def test_images_of_a_wrong_shape_lose_the_source(tmp_path: Path) -> None:
    played = _play(tmp_path, "{does: wrong-shape, frame: 3}")

    assert played.returncode == 0
    assert played.told[4][0] == "SourceLost"
    assert "960x540" in played.told[4][1]


def test_noise_is_no_text_and_a_flood_is_many_lines(tmp_path: Path) -> None:
    noise, flood = "{does: noise, frame: 1}", "{does: flood, frame: 2, lines: 20000}"

    err = _play(tmp_path, f"{noise}, {flood}").err

    assert b"\x1b[2J" in err
    assert b"\xff\xfe\x00" in err
    assert err.count(b"\n") >= 20_000


def test_faults_come_at_random_moments(tmp_path: Path) -> None:
    played = _play(tmp_path, "{does: segfault, mean_s: 0.05}", pace="recorded")

    assert played.returncode == -signal.SIGSEGV


def test_a_hang_lets_other_threads_run(tmp_path: Path) -> None:
    arguments = _arguments(tmp_path / "plan.yaml", "faults: [{does: hang, frame: 2}]", "tick")
    with _playing(arguments) as child:
        said = _lines(child)
        reads = 0
        while reads < 2:
            reads += next(said) == '"read"'
        after = {next(said) for _ in range(20)}

    assert after == {'"tick"'}
    assert child.returncode == -signal.SIGKILL


@pytest.mark.parametrize("fault", ["{does: hang-holding-gil, frame: 2}", "{does: hang-on-start}"])
def test_a_hang_that_holds_the_interpreters_lock_stops_every_thread(tmp_path: Path, fault: str) -> None:
    with _playing(_arguments(tmp_path / "plan.yaml", f"faults: [{fault}]", "tick")) as child:
        assert '"opening"' in _lines(child)
        for _ in _lines(child, still_s=_STILL_S):
            pass  # comes to an end: nothing more is said
        still_there = child.poll() is None

    assert still_there
    assert child.returncode == -signal.SIGKILL


@pytest.mark.parametrize("ending", ["closed", "killed"])
def test_a_camera_is_missing_for_a_while_after_it_was_closed_or_its_process_killed(tmp_path: Path, ending: str) -> None:
    plan = tmp_path / "plan.yaml"
    with _playing(_arguments(plan, "reappear_s: 600", "hold")) as child:
        assert any(line.startswith("{") for line in _lines(child))
        assert child.stdin is not None
        if ending == "killed":
            child.kill()
        child.stdin.close()
        child.wait(_TIMEOUT_S)

    assert _play(tmp_path, "", settings="reappear_s: 600").told[0][0] == "DeviceMissing"
    assert _play(tmp_path, "").told[0][0] == "nothing"


def test_a_camera_that_another_process_holds_cannot_be_used(tmp_path: Path) -> None:
    with _playing(_arguments(tmp_path / "plan.yaml", "", "hold")) as child:
        assert any(line.startswith("{") for line in _lines(child))
        second = _play(tmp_path, "")

    assert second.returncode == -signal.SIGSEGV  # as with the true library: listed, but opening gives NULL
