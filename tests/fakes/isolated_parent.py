"""A program that reads an isolated camera until it is told to stop by SIGTERM or SIGINT, or is killed.

It takes notice between two frames, as the daemon and the verbs do: an exception that a signal raises anywhere may be
raised in a finaliser, where Python ignores it.

``python -m fakes.isolated_parent DRIVER DEVICE PATH``, each of `fakes.drivers`; it says ``open`` once it is.
"""

import signal
import sys
from contextlib import closing

from fakes.drivers import writes_path
from kinect_unlock.clock import SystemClock
from kinect_unlock.frames import Origin
from kinect_unlock.settings import Source
from kinect_unlock.sources.drivers import Driver
from kinect_unlock.sources.isolated import IsolatedSource
from kinect_unlock.sources.lives import DriverLives
from kinect_unlock.sources.pipelines import FixedPipeline


def main() -> None:
    """Open, say so, and read."""
    name, device, path = sys.argv[1:]
    clock = SystemClock()
    source = IsolatedSource(
        Driver(f"fakes.drivers:{name}", Origin.STAND_IN, "fake", writes=writes_path),
        Source(kind="fake", device=device or None, path=path or None),
        clock,
        lives=DriverLives(clock, reappear_s=0.0),
        pipelines=FixedPipeline("cpu"),
    )
    told: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _frame: told.append(number))
    with closing(source):
        source.open()
        sys.stdout.write("open\n")
        sys.stdout.flush()
        while not told:
            source.read(60.0)
    sys.exit(128 + told[0])


if __name__ == "__main__":
    main()
