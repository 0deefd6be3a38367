"""What is to be shown: some people of a data set with their faces, or one's own templates without any."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from kinect_unlock.arrays import U8
from kinect_unlock.crop import similarity
from kinect_unlock.observations import TENSOR_SIDE_PX
from kinect_unlock.pipeline import FaceDetector
from kinect_unlock_lab.datasets import Sample
from kinect_unlock_lab.plots.space import Gallery
from kinect_unlock_lab.protocols import Embedded


def most_seen(embedded: Embedded, *, people: int, looks: int) -> NDArray[np.int64]:
    """Return the rows of the people who have most acquired samples, at most so many of each, the most frontal first."""
    turned = np.hypot(embedded.yaw_deg, embedded.pitch_deg)
    rows_of = {name: np.flatnonzero((embedded.person == name) & embedded.acquired) for name in set(embedded.person)}
    chosen = sorted(rows_of, key=lambda name: (-len(rows_of[name]), name))[:people]
    rows = [rows_of[name][np.argsort(turned[rows_of[name]], kind="stable")][:looks] for name in sorted(chosen)]
    return np.concatenate([*rows, np.zeros(0, np.int64)]).astype(np.int64)


def of_samples(
    samples: Sequence[Sample], embedded: Embedded, detector: FaceDetector, rows: NDArray[np.int64], *, faces: bool
) -> Gallery:
    """Gather rows of a data set; with ``faces`` the pictures are read again and cut out as the encoder sees them."""
    pictures = tuple(_face(samples[row], detector) for row in rows) if faces else None
    return Gallery(embedded.embeddings[rows], embedded.person[rows], pictures)


def of_vectors(embedded: Embedded) -> Gallery:
    """Gather everything that was acquired, without a picture of anybody."""
    known = embedded.where(embedded.acquired)
    return Gallery(known.embeddings, known.person)


def _face(sample: Sample, detector: FaceDetector) -> U8:
    color = sample.frame().color
    side = (TENSOR_SIDE_PX, TENSOR_SIDE_PX)
    found = max(detector.detect(color), key=lambda face: face.box.width_px * face.box.height_px, default=None)
    if found is None:
        return np.zeros((*side, 3), np.uint8)
    return np.asarray(cv2.warpAffine(color, similarity(found.landmarks_px), side), np.uint8)
