"""The sources that can be had on this machine, one by one, or the one that ``--source`` names."""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import msgspec
import pytest

from demo_frames import frames_of, registered
from fakes import fakenect
from kinect_unlock.calibration import calibration_to_plain
from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.clock import SystemClock
from kinect_unlock.settings import Source
from kinect_unlock.sources.conformance import CHECKS, Patience, Subject
from kinect_unlock.sources.conformance.plugin import named_subject, subject_of
from kinect_unlock.sources.isolated import IsolatedSource
from kinect_unlock.sources.lives import DriverLives
from kinect_unlock.sources.pipelines import FixedPipeline
from kinect_unlock.sources.stand_in_driver import stand_in
from streams import write_pair

RECORDING = folder_of_recordings() / "owner-enrols.mkv"
STAND_IN = Source(kind="stand-in", path=str(RECORDING), pipeline="cpu", reappear_s=0.1, open_timeout_s=6.0)
_DUMP_FRAMES = 900  # half a minute: no check takes so much of one opening


def _replay(_: pytest.TempPathFactory) -> Subject:
    return subject_of(Source(kind="replay", path=str(RECORDING)))


def _images(temporary: pytest.TempPathFactory) -> Subject:
    folder = temporary.mktemp("images")
    frames = [registered(frame) for frame in frames_of("owner-enrols", 24)]
    for frame in frames:
        write_pair(folder, f"{frame.seq:03}", frame)
    assert frames[0].calibration is not None
    (folder / "intrinsics.json").write_bytes(msgspec.json.encode(calibration_to_plain(frames[0].calibration)))
    return subject_of(Source(kind="images", path=str(folder), pace="asap"))


def _stand_in(_: pytest.TempPathFactory) -> Subject:
    return subject_of(STAND_IN)


def _stand_in_driver(temporary: pytest.TempPathFactory) -> Subject:
    absent = msgspec.structs.replace(STAND_IN, device="no-such-camera")
    clock = SystemClock()
    make, make_missing = partial(stand_in, STAND_IN, clock), partial(stand_in, absent, clock)
    return replace(_stand_in(temporary), make=make, make_missing=make_missing, is_driver=True)


def _kinect_v1(temporary: pytest.TempPathFactory) -> Subject:
    if fakenect.LIBRARY is None:
        pytest.skip(fakenect.WHY_NOT)
    dump = fakenect.write_dump(temporary.mktemp("fakenect") / "dump", "owner-enrols", frames=_DUMP_FRAMES)
    settings, clock = Source(kind="kinect-v1", path=str(dump)), SystemClock()

    def make(device: str | None) -> IsolatedSource:
        asked = msgspec.structs.replace(settings, device=device)
        lives = DriverLives(clock, reappear_s=0.0)
        return IsolatedSource(fakenect.DRIVER, asked, clock, lives=lives, pipelines=FixedPipeline("cpu"))

    return Subject("kinect-v1", partial(make, None), partial(make, "no-such-camera"))


BUILT_IN: dict[str, Callable[[pytest.TempPathFactory], Subject]] = {
    "replay": _replay,
    "images": _images,
    "stand-in": _stand_in,
    "stand-in-in-process": _stand_in_driver,
    "kinect-v1-on-fakenect": _kinect_v1,
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every check on every source; each source is made once for all of its checks."""
    named = metafunc.config.getoption("--source")
    metafunc.parametrize("subject", [named] if named else list(BUILT_IN), indirect=True, scope="session")
    metafunc.parametrize("check", CHECKS, ids=lambda check: check.__name__)


@pytest.fixture(scope="session")
def subject(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """The source under test."""
    named = named_subject(request.config)
    return named or replace(BUILT_IN[request.param](tmp_path_factory), patience=Patience(window_s=1.0))


@pytest.fixture(autouse=True)
def _drivers_find_the_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver's child imports fakenect's stand-in from here."""
    before = os.environ.get("PYTHONPATH")
    tests = str(Path(__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", tests if before is None else f"{tests}:{before}")
