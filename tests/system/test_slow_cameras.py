"""The demo's recordings as a slower camera would have given them, through the whole daemon.

They have 12.5 frames a second; of these every second or third is kept with its true time, from the first and from the
last possible start.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kinect_unlock.cli.demo import folder_of_recordings
from kinect_unlock.cli.replay import private_settings
from kinect_unlock.private import PrivateDaemon
from kinect_unlock.recording import RecordingReader, RecordingWriter
from kinect_unlock.settings import Config, Limits, Models
from kinect_unlock.wire import Enrol, Reply, Request, Verify, Word

DECIDED = {
    "owner-returns": (Word.MATCH, 3),
    "stranger": (Word.NO_MATCH, 10),
    "flat-photo": (Word.NO_MATCH, 10),
    "bent-photo": (Word.NO_MATCH, 10),
}
KEPT = {"6.25 Hz": 2, "4.2 Hz": 3}
RECORDED_HZ = 12.5
TIMEOUT_S = 240.0

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class _Place:
    """A daemon of the module's own, the folder of its streams and its decision log."""

    daemon: PrivateDaemon
    streams: Path
    log: Path

    def ask(self, request: Request) -> tuple[Reply, list[dict[str, Any]]]:
        """Return the answer and what the log says of each frame."""
        begun = self.log.stat().st_size
        last = self.daemon.client.request(request, timeout_s=TIMEOUT_S)
        lines = [json.loads(line) for line in self.log.read_bytes()[begun:].splitlines()]
        return last, [line for line in lines if line["kind"] == "frame"]

    def thin(self, name: str, keep: int, start: int) -> str:
        """Write a recording of every so manyeth frame; return the stream's name."""
        stream = f"{name}-{keep}-{start}.mkv"
        with RecordingReader(folder_of_recordings() / f"{name}.mkv") as reader:
            frames = [frame for index, frame in enumerate(reader) if index % keep == start]
            with RecordingWriter(
                self.streams / stream,
                calibration=reader.calibration,
                provenance=reader.provenance,
                lossless_color=True,
            ) as writer:
                for frame in frames:
                    writer.write(frame)
        return stream


@pytest.fixture(scope="module")
def place(cache_dir: Path) -> Iterator[_Place]:
    with PrivateDaemon.folder() as folder:
        streams, log = folder / "streams", folder / "decisions.jsonl"
        streams.mkdir()
        # Whoever is refused here so often would be locked out.
        config = Config(models=Models(cache_dir=str(cache_dir)), limits=Limits(max_failures=1000))
        settings = private_settings(config, folder=streams, pace="asap", decisions=log)
        with PrivateDaemon(settings, folder) as daemon:
            yield _Place(daemon, streams, log)


@pytest.mark.parametrize("keep", KEPT.values(), ids=KEPT)
def test_at_a_few_frames_a_second_everybody_is_told_what_they_are(keep: int, place: _Place) -> None:
    for start in (keep - 1, 0):
        last, frames = place.ask(Enrol("owner", stream=place.thin("owner-enrols", keep, start)))
        assert last.word is Word.ENROLLED, (start, last.message)
    for name, (word, needed) in DECIDED.items():
        for start in (keep - 1, 0):
            last, frames = place.ask(Verify("owner", stream=place.thin(name, keep, start)))
            shown_s = frames[-1]["at_ms"] / 1000.0

            assert last.word is word, (name, start)
            assert len(frames) <= needed
            assert shown_s <= needed * keep / RECORDED_HZ
            assert frames[-1]["breaks"] == 0
