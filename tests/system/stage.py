"""A live camera for a daemon under test, before which a test puts whom it wants: one recording after the other.

It joins as an installed plug-in would. What it plays is named in a file, which is read again with every frame; a
recording is played over and over, at the pace of a camera, with the host's own time, and with unrest of 1 mm: a camera
never gives one depth image twice.
"""

from pathlib import Path

_PLUG_IN = """
import threading
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np

from kinect_unlock.frames import Origin
from kinect_unlock.settings import Source
from kinect_unlock.sources import open_source
from kinect_unlock.sources.base import EndOfStream

FOLDER, ON_STAGE, RATE_HZ = Path({folder!r}), Path({on_stage!r}), 30.0


class Stage:
    origin = Origin.STAND_IN

    def __init__(self, clock):
        self._clock = clock
        self._frames = {{}}
        self._seq = count()
        self._rate_hz = RATE_HZ
        self._pause = threading.Event()

    def open(self):
        pass

    def close(self):
        pass

    def throttle(self, rate_hz):
        self._rate_hz = min(rate_hz or RATE_HZ, RATE_HZ)

    def read(self, timeout_s):
        self._pause.wait(min(timeout_s, 1.0 / self._rate_hz))
        frames = self._recording(ON_STAGE.read_text())
        seq = next(self._seq)
        frame = frames[seq % len(frames)]
        unrest_mm = np.random.default_rng(seq).integers(0, 2, frame.depth_mm.shape, np.uint16) * (frame.depth_mm > 0)
        now_ns = self._clock.monotonic_ns()
        return replace(frame, seq=seq, captured_ns=now_ns, device_us=None, depth_mm=frame.depth_mm + unrest_mm)

    def _recording(self, name):
        if name not in self._frames:
            source = open_source(Source(kind="replay", path=str(FOLDER / name), pace="asap"), clock=self._clock)
            source.open()
            self._frames[name] = frames = []
            try:
                while True:
                    frame = source.read(1.0)
                    if frame is not None:
                        frames.append(frame)
            except EndOfStream:
                source.close()
        return self._frames[name]


def make(settings, clock):
    return Stage(clock)
"""


class Stage:
    """Says who is before the camera: the name of a recording."""

    def __init__(self, folder: Path, recordings: Path) -> None:
        self._file = folder / "on-stage"
        self.place = folder / "stage"  # to be on PYTHONPATH
        about = self.place / "stage-1.0.dist-info"
        about.mkdir(parents=True)
        plug_in = _PLUG_IN.format(folder=str(recordings), on_stage=str(self._file))
        (self.place / "stage.py").write_text(plug_in)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: stage\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text("[kinect_unlock.sources]\nstage = stage:make\n")

    def show(self, name: str) -> None:
        """Have a recording played from now on."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(f"{name}.mkv")
        fresh.replace(self._file)
