"""A Kinect v1 through the real daemon and its driver's child: libfreenect's own stand-in plays the camera."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from demo_frames import frames_of
from fakes import fakenect
from fakes.sources import install
from kinect_unlock.clock import SystemClock
from kinect_unlock.errors import SourceError, SourceLost
from kinect_unlock.recording import RecordingReader
from kinect_unlock.settings import Source
from kinect_unlock.sources.drivers import Driver
from kinect_unlock.sources.isolated import IsolatedSource
from kinect_unlock.sources.kinect_v1 import CALIBRATION
from kinect_unlock.sources.lives import DriverLives
from kinect_unlock.sources.pipelines import FixedPipeline
from kinect_unlock.wire import Enrol, Identify, Status, Verify, Word
from system.rehearsal import WAIT_S, DaemonProcess, Start

pytestmark = [
    pytest.mark.slow,  # each daemon loads its networks, and looks at a camera's 30 frames a second
    pytest.mark.skipif(fakenect.LIBRARY is None, reason=fakenect.WHY_NOT),
]

TEST = "--test-source"
_TESTS = Path(__file__).parents[1]


@pytest.fixture
def _installed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the camera as the source kind ``fakenect``: no configuration of a real system can name it."""
    place = install(folder, "fakenect", "fakes.fakenect:DRIVER")
    monkeypatch.setenv("PYTHONPATH", f"{place}{os.pathsep}{_TESTS}")


def _before(dump: Path) -> dict[str, dict[str, Any]]:
    return {
        "source": {"kind": "fakenect", "path": str(dump)},
        "enrol": {"stages": ["straight"], "samples_per_stage": 2},
        "attempt": {"cooldown_s": 0.0},
        "liveness": {"depth_repeats": None},  # fakenect plays the same few images over and over
        "policy": {"password_after_boot": False},
    }


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One dump for each recording; long enough for an attempt on a busy machine."""
    dumps = tmp_path_factory.mktemp("dumps")
    names = ("owner-enrols", "owner-returns", "stranger", "flat-photo")
    return {name: fakenect.write_dump(dumps / name, name, frames=1200) for name in names}


@pytest.fixture
def looking_at(start: Start, folder: Path, _installed: None, people: dict[str, Path]) -> Any:
    """Starts a daemon that looks at one of the recordings."""

    @contextmanager
    def begin(name: str, *arguments: str) -> Iterator[DaemonProcess]:
        (folder / "n").unlink(missing_ok=True)  # the socket of the daemon before
        with start(_before(people[name]), *arguments) as running:
            running.hear("READY=1")
            yield running

    return begin


def test_whom_it_enrolled_it_knows_again_and_nobody_else(looking_at: Any) -> None:
    with looking_at("owner-enrols", TEST) as running:
        enrolled = running.client.request(Enrol(user="ann"), timeout_s=WAIT_S)
    with looking_at("owner-returns", TEST) as running:
        returned = running.client.request(Verify(user="ann"), timeout_s=WAIT_S)
        named = running.client.request(Identify(), timeout_s=WAIT_S)
    with looking_at("stranger", TEST) as running:
        stranger = running.client.request(Verify(user="ann"), timeout_s=WAIT_S)
    with looking_at("flat-photo", TEST) as running:
        photograph = running.client.request(Verify(user="ann"), timeout_s=WAIT_S)

    assert (enrolled.word, enrolled.origin) == (Word.ENROLLED, "unproven")
    assert (returned.word, returned.origin) == (Word.MATCH, "unproven")
    assert (named.word, named.user) == (Word.IDENTIFIED, "ann")
    assert stranger.word is Word.NO_MATCH
    assert photograph.word is Word.NO_MATCH


def test_without_a_run_for_trying_out_it_never_matches(looking_at: Any) -> None:
    with looking_at("owner-enrols") as running:
        enrolled = running.client.request(Enrol(user="ann"), timeout_s=WAIT_S)
        verified = running.client.request(Verify(user="ann"), timeout_s=WAIT_S)
        status = running.client.request(Status(), timeout_s=WAIT_S)
        log = running.log()

    assert enrolled.word is Word.ENROLLED
    assert verified.word is Word.CONFIG_ERROR
    assert "has evidence for this kind of camera" in (verified.message or "")
    assert status.origin == "unproven"
    assert "frames of an unproven kind of camera never match nor unlock" in log


@pytest.mark.usefixtures("_installed")
def test_its_frames_are_recorded_with_their_calibration(people: dict[str, Path], tmp_path: Path) -> None:
    recording = tmp_path / "v1.mkv"
    what = ("--source", "fakenect", "--from", str(people["stranger"]), "--frames", "10")
    argv = [sys.executable, "-P", "-m", "kinect_unlock", "record", str(recording), *what]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    with RecordingReader(recording) as reader:
        frames = list(reader)
        assert reader.provenance["origin"] == "unproven"
    assert frames[0].calibration == CALIBRATION
    assert frames[0].infrared is None
    played = [fakenect.on_kinect_v1(frame)[1] for frame in frames_of("stranger", 20)]
    # Which of them comes first, the moment of opening decides.
    recorded = [frame.depth_mm for frame in frames if frame.depth_mm is not None]
    assert len(recorded) == 10
    assert all(any(np.array_equal(depth_mm, one) for one in played) for depth_mm in recorded)


def test_a_camera_that_is_not_there_is_told_with_the_next_step(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("source: {kind: kinect-v1, device: no-such-serial}")
    argv = [sys.executable, "-P", "-m", "kinect_unlock", "record", str(tmp_path / "x.mkv"), "--config", str(config)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)

    assert done.returncode == 69
    assert "Kinect v1" in done.stderr
    assert "connect it" in done.stderr or "set source.device" in done.stderr
    assert not (tmp_path / "x.mkv").exists()


@pytest.fixture
def in_child(monkeypatch: pytest.MonkeyPatch) -> Callable[[Driver, Path], IsolatedSource]:
    """Makes a source whose driver runs in a child, once, without a second try."""
    monkeypatch.setenv("PYTHONPATH", str(_TESTS))
    clock = SystemClock()

    def make(driver: Driver, dump: Path) -> IsolatedSource:
        settings = Source(kind="fakenect", path=str(dump), open_timeout_s=10.0)
        lives = DriverLives(clock, reappear_s=0.0)
        return IsolatedSource(driver, settings, clock, lives=lives, pipelines=FixedPipeline("cpu"))

    return make


def _read_on(source: IsolatedSource) -> None:
    while True:
        source.read(1.0)


def test_a_library_that_exits_is_a_lost_source_with_its_last_words(
    in_child: Callable[[Driver, Path], IsolatedSource], tmp_path: Path
) -> None:
    dump = fakenect.write_dump(tmp_path / "torn", "stranger", frames=60, distinct=2)
    index = (dump / "INDEX.txt").read_text().splitlines()
    (dump / index[40]).unlink()  # fakenect answers with exit(1)
    source = in_child(fakenect.DRIVER, dump)
    source.open()

    with closing(source), pytest.raises(SourceLost, match=r"(?s)exit code 1.*Cannot open file"):
        _read_on(source)


def test_a_library_that_aborts_is_a_source_that_cannot_be_opened(
    in_child: Callable[[Driver, Path], IsolatedSource], people: dict[str, Path]
) -> None:
    source = in_child(fakenect.AS_SHIPPED, people["stranger"])

    with closing(source), pytest.raises(SourceError, match=r"(?s)SIGABRT.*freenect_find_depth_mode"):
        source.open()
