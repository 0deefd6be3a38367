"""Without a key: who comes back to a locked session is let in, in the service's whole sandbox."""

from pathlib import Path

import numpy as np
import pytest

from boot.rehearsing import TIMEOUT_S, Desk
from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.frames import Frame
from kinect_unlock.recording import RecordingReader, RecordingWriter

pytestmark = [pytest.mark.boot, pytest.mark.timeout(TIMEOUT_S)]

FILM = "/opt/rehearsal/film.mkv"
PLAYED = {"path": FILM, "linger_s": 8.0}  # it goes on from the wait into the try, as a camera does
WATCH = {"enabled": True, "even_if_costly": True, "grace_s": 0.5, "gone_s": 1.0}


def test_a_locked_session_is_unlocked_when_its_user_comes_back(desk: Desk, tmp_path: Path) -> None:
    rehearsal = desk.rehearsal
    rehearsal.play("owner-enrols", "stand-in")
    rehearsal.enrol("anna")
    write_film(tmp_path / "film.mkv", "empty-room", "empty-room", *["owner-returns"] * 6)
    (rehearsal.machine.root / FILM[1:]).write_bytes((tmp_path / "film.mkv").read_bytes())
    (rehearsal.machine.root / FILM[1:]).chmod(0o644)
    desk.lock(desk.bens)
    rehearsal.play("owner-returns", "stand-in", source=PLAYED, watch=WATCH)
    rehearsal.password("anna")

    desk.lock(desk.annas)

    rehearsal.eventually(lambda: not desk.locked(desk.annas))
    assert desk.locked(desk.bens)


def write_film(path: Path, *names: str) -> None:
    """Write shipped recordings one after another into one; each is 1 mm farther away: no camera repeats a picture."""
    frames = [(away_mm, frame) for away_mm, name in enumerate(names) for frame in _frames(name)]
    first = frames[0][1]
    assert first.calibration is not None
    with RecordingWriter(path, calibration=first.calibration, provenance={"origin": "made-up"}) as writer:
        for number, (away_mm, frame) in enumerate(frames):
            assert frame.depth_mm is not None
            depth_mm = np.where(frame.depth_mm > 0, frame.depth_mm + np.uint16(away_mm), frame.depth_mm)
            at_ns = first.captured_ns + number * 80_000_000
            writer.write(Frame(number + 1, at_ns, frame.color, depth_mm, frame.calibration))


def _frames(name: str) -> list[Frame]:
    with RecordingReader(folder_of_recordings() / f"{name}.mkv") as reader:
        return list(reader)
