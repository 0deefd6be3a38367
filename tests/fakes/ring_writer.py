"""A child that writes patterned frames into a ring as fast as it can, and says each number over a pipe.

``python -m fakes.ring_writer RING PIPE SIDE``, until nobody reads the pipe; every plane of frame ``number`` holds what
`fakes.drivers.marks` says, so that a reader can tell a frame that is made of two.
"""

import os
import struct
import sys
from itertools import count

from fakes.drivers import marks
from kinect_unlock.sources.planes import PlaneShapes
from kinect_unlock.sources.ring import RingWriter


def main() -> None:
    """Write until nobody listens."""
    ring, pipe, side_px = map(int, sys.argv[1:])
    shape = (side_px, side_px)
    writer = RingWriter(ring, PlaneShapes(shape, shape, shape))
    for number in count(1):
        planes = writer.begin(number)
        for plane, mark in zip((planes.color, planes.depth_mm, planes.infrared), marks(number), strict=True):
            if plane is not None:
                plane.fill(mark)
        writer.publish(number)
        try:
            os.write(pipe, struct.pack("<q", number))
        except BrokenPipeError:
            return


if __name__ == "__main__":
    main()
