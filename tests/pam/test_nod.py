"""sudo wants a nod as well: a rendered head before the whole daemon, asked through real libpam."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.cli.replay import private_settings
from kinect_unlock.frames import Frame
from kinect_unlock.private import PrivateDaemon
from kinect_unlock.recording import RecordingReader, RecordingWriter
from kinect_unlock.settings import Config, Models
from kinect_unlock.wire import Enrol, Word
from pam.rehearsing import AUTHINFO_UNAVAIL, SUCCESS, USER, Built, Told

pytestmark = pytest.mark.slow

GESTURES = Path(__file__).parents[1] / "recordings"
NODS, SHAKES_HEAD = GESTURES / "nods.mkv", GESTURES / "shakes-head.mkv"
ASKED_TO_NOD = ("info", "Nod, to show that you mean it.")
DID_NOT_NOD = ("error", "You were recognised, but did not nod in time.")
RECOGNISED = ("info", "Face recognised.")


@dataclass(frozen=True, slots=True)
class Desk:
    """A daemon whose user is enrolled, and the stack of a service that wants a nod."""

    folder: Path
    built: Built

    def sudo(self, recording: Path, *, slower: float = 1.0) -> Told:
        """Ask while a recording is before the camera."""
        play(recording, self.folder / "now.mkv", slower=slower)
        (told,) = self.built.log_in(self.folder, service="sudo")
        return told


def play(recording: Path, at: Path, *, slower: float = 1.0) -> None:
    """Put a recording before the camera, with the unrest of a camera, which those of gestures lack."""
    at.unlink(missing_ok=True)
    with (
        RecordingReader(recording) as reader,
        RecordingWriter(at, calibration=reader.calibration, provenance=reader.provenance) as writer,
    ):
        for frame in reader:
            writer.write(_with_unrest(replace(frame, captured_ns=int(frame.captured_ns * slower), device_us=None)))


def _with_unrest(frame: Frame) -> Frame:
    """Add errors of a level of colour and a millimetre of depth."""
    rng = np.random.default_rng(frame.seq)
    color = np.clip(frame.color + rng.normal(0.0, 0.8, frame.color.shape).round(), 0, 255).astype(np.uint8)
    assert frame.depth_mm is not None
    errors_mm = rng.normal(0.0, 1.0, frame.depth_mm.shape).round() * (frame.depth_mm > 0)
    return replace(frame, color=color, depth_mm=(frame.depth_mm + errors_mm).astype(np.uint16))


@pytest.fixture(scope="module")
def running(cache_dir: Path) -> Iterator[Path]:
    """A daemon that knows its user; it takes seconds to start, so all tests here share it."""
    with PrivateDaemon.folder() as folder:
        base = msgspec.structs.replace(Config(), models=Models(cache_dir=str(cache_dir)))
        play(folder_of_recordings() / "owner-enrols.mkv", folder / "now.mkv")
        with PrivateDaemon(private_settings(base, folder=folder / "now.mkv", pace="asap"), folder) as daemon:
            assert daemon.client.request(Enrol(USER), timeout_s=120.0).word is Word.ENROLLED
            yield folder


@pytest.fixture
def desk(module: Built, running: Path) -> Desk:
    face = f"{module.module} socket={running}/run/socket timeout=60 nobody=60 test_source"
    (running / "sudo").write_text(f"auth required {face}\n")
    return Desk(running, module)


def test_who_nods_is_let_in(desk: Desk) -> None:
    told = desk.sudo(NODS)

    assert (told.code, told.told[-1]) == (SUCCESS, RECOGNISED)
    assert ASKED_TO_NOD in told.told


@pytest.mark.parametrize(
    ("recording", "slower"),
    [(folder_of_recordings() / "owner-returns.mkv", 1.0), (SHAKES_HEAD, 1.0), (NODS, 3.0)],
    ids=["does not move", "shakes the head", "looks down slowly"],
)
def test_who_is_recognised_without_a_nod_is_asked_for_one_and_not_let_in(
    desk: Desk, recording: Path, slower: float
) -> None:
    told = desk.sudo(recording, slower=slower)

    assert told.code == AUTHINFO_UNAVAIL
    assert ASKED_TO_NOD in told.told
    assert told.told[-1] == DID_NOT_NOD
    assert RECOGNISED not in told.told
