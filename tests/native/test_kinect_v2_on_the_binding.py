"""The Kinect's own source on the true pylibfreenect2, with a libfreenect2 that has no camera."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from native.building import Built

pytestmark = [pytest.mark.binding, pytest.mark.slow]

_PROGRAM = Path(__file__).with_name("source_on_binding.py")


def _run(built: Built, what: str, *, trouble: str = "", **environment: str) -> tuple[int, object]:
    ended = subprocess.run(
        [sys.executable, str(_PROGRAM), what],
        env={
            **{name: value for name, value in os.environ.items() if name not in {"DISPLAY", "WAYLAND_DISPLAY"}},
            **built.environment,
            "SYNTHETIC_FREENECT2": trouble,
            "LIBFREENECT2_LOGGER_LEVEL": "none",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended.returncode, json.loads(ended.stdout) if ended.stdout else None


def test_frames_are_upright_exact_and_survive_their_release(built: Built) -> None:
    code, found = _run(built, "frames")

    assert code == 0
    assert found == {
        "pattern": [[True] * 3] * 2,
        "counted on": True,
        "device_us": 266 * 125,
        "identity": ["Kinect v2", "012345678947", "4.0.3916.0.1", "cpu"],
        "numbers": [365.6, 254.7, 0.092, 0.001, -0.002],
        "shift_m": -52.0,
    }


def test_a_camera_is_chosen_by_its_serial(built: Built) -> None:
    assert _run(built, "second_serial", trouble="two-devices") == (0, [True, "012345678947"])


def test_a_serial_that_is_not_there_is_named_with_those_that_are(built: Built) -> None:
    code, found = _run(built, "strange_serial", trouble="two-devices")

    assert code == 0
    assert isinstance(found, list)
    assert found[0] == "DeviceMissing"
    assert "987654321047, 012345678947" in found[1]


def test_no_camera_is_an_error_and_no_crash(built: Built) -> None:
    code, found = _run(built, "open_it", trouble="no-device")

    assert code == 0
    assert isinstance(found, list)
    assert found[0] == "DeviceMissing"


def test_opengl_without_a_display_is_refused_before_it_ends_the_process(built: Built) -> None:
    code, found = _run(built, "opengl")

    assert code == 0
    assert isinstance(found, list)
    assert found[0] == "SourceError"


def test_opencl_is_opened_where_the_library_has_it(built: Built) -> None:
    assert _run(built, "opencl") == (0, ["nothing", ""])


def test_a_camera_that_gives_nothing_is_read_in_vain(built: Built) -> None:
    assert _run(built, "silence", trouble="silence") == (0, [None, None])


def test_an_unplugged_camera_ends_in_silence_and_is_missing_when_opened_again(built: Built) -> None:
    code, found = _run(built, "until_trouble", trouble="unplug")

    assert code == 0
    assert isinstance(found, list)
    assert found[:2] == [10, "DeviceMissing"]


def test_a_camera_can_be_opened_again_and_again(built: Built) -> None:
    assert _run(built, "again") == (0, [True] * 3)


@pytest.mark.parametrize(
    ("trouble", "what", "code"),
    [
        ("null-device", "open_it", -11),
        ("exit-on-open", "open_it", 255),
        ("segfault", "until_trouble", -11),
        ("abort", "until_trouble", -6),
    ],
)
def test_what_the_library_does_to_the_process_reaches_who_started_it(
    built: Built, trouble: str, what: str, code: int
) -> None:
    assert _run(built, what, trouble=trouble) == (code, None)


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [("LD_LIBRARY_PATH", "", "cannot load the native library"), ("PYTHONPATH", "", "is not installed")],
)
def test_what_is_missing_of_the_driver_is_said(built: Built, name: str, value: str, hint: str) -> None:
    code, found = _run(built, "open_it", **{name: value})

    assert code == 0
    assert isinstance(found, list)
    assert found[0] == "DriverMissing"
    assert hint in found[1]
