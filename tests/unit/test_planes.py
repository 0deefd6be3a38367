"""Places for a frame's pixels, and what is refused as one."""

import numpy as np
import pytest

from kinect_unlock.arrays import read_only
from kinect_unlock.sources.planes import Planes, PlaneShapes

KINECT = PlaneShapes(color=(6, 8), depth=(4, 5), infrared=(4, 5))
WEBCAM = PlaneShapes(color=(6, 8), depth=None, infrared=None)


@pytest.mark.parametrize("shapes", [KINECT, WEBCAM])
def test_empty_planes_fit_their_shapes(shapes: PlaneShapes) -> None:
    planes = Planes.empty(shapes)
    planes.require(shapes)
    assert planes.color.shape == (6, 8, 3)
    assert (planes.depth_mm is None) == (shapes.depth is None)


@pytest.mark.parametrize(("made_for", "used_for"), [(KINECT, WEBCAM), (WEBCAM, KINECT)])
def test_planes_of_another_kind_of_camera_are_refused(made_for: PlaneShapes, used_for: PlaneShapes) -> None:
    with pytest.raises(ValueError, match="has such an image, the other has none"):
        Planes.empty(made_for).require(used_for)


def test_planes_that_cannot_be_written_in_place_are_refused() -> None:
    good = Planes.empty(KINECT)
    frozen = read_only(good.color.copy())
    strided = np.zeros((6, 16, 3), np.uint8)[:, ::2]
    larger = np.zeros((7, 8, 3), np.uint8)
    for color in (frozen, strided, larger):
        with pytest.raises(ValueError, match=r"color must be uint8\[6, 8, 3\], contiguous and writable"):
            Planes(color, good.depth_mm, good.infrared).require(KINECT)
    with pytest.raises(ValueError, match=r"depth_mm must be uint16\[4, 5\]"):
        Planes(good.color, np.zeros((4, 5), np.uint16)[::-1], good.infrared).require(KINECT)
