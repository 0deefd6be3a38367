"""The same face from farther away, simulated: what a template is worth at another distance than it was enrolled at.

Nobody in rgbd-faces stands at two distances. So a capture is moved: its picture shrinks as a pinhole camera's does,
its depth grows by as much, and gets the laboratory's sensor noise and steps of there on top of its own. Every figure
made from these is to be called *simulated*.
"""

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from kinect_unlock.arrays import F32
from kinect_unlock.errors import SourceError
from kinect_unlock.frames import Frame
from kinect_unlock.matching import Bar
from kinect_unlock.settings import Config, Strategy
from kinect_unlock_lab.datasets import Sample
from kinect_unlock_lab.depth_calibration import Misses, misses_of
from kinect_unlock_lab.embed import Study, side_by_side
from kinect_unlock_lab.mapping import HERE, Workers
from kinect_unlock_lab.metrics import Bools, Comparisons, FalseAccepts, false_accepts
from kinect_unlock_lab.protocols import Embedded
from kinect_unlock_lab.sensor import DepthNoise, in_steps, sense_depth
from kinect_unlock_lab.vote_trials import Plan, Trials, trials
from kinect_unlock_lab.votes import Faces, faces_of

FARTHER_MM: Final = (0.0, 200.0, 350.0)
NEAR_MM: Final = 950.0  # whoever stands nearer is moved


@dataclass(frozen=True, slots=True)
class Moved:
    """A capture, taken from ``by_mm`` farther away; ``distance_mm`` is where the face was."""

    sample: Sample
    distance_mm: float
    by_mm: float

    @property
    def person(self) -> str:
        """Whose face it is."""
        return self.sample.person

    @property
    def name(self) -> str:
        """The capture's name."""
        return self.sample.name

    @property
    def group(self) -> str:
        """Where and when it was taken."""
        return self.sample.group

    @property
    def near_frontal(self) -> bool:
        """As the data set says of the capture."""
        return self.sample.near_frontal

    def frame(self, seq: int = 0, captured_ns: int = 0) -> Frame:
        """Take it; the same at every call, and the capture itself where it is not moved."""
        frame = self.sample.frame(seq, captured_ns)
        if not self.by_mm:
            return frame
        if frame.depth_mm is None or frame.calibration is None:
            raise SourceError(f"{self.person}/{self.name}: a capture without depth cannot be moved")
        camera, scale = frame.calibration.color, self.distance_mm / (self.distance_mm + self.by_mm)
        shrink = np.array(((scale, 0, camera.cx_px * (1 - scale)), (0, scale, camera.cy_px * (1 - scale))))
        size = (camera.width_px, camera.height_px)
        color = cv2.warpAffine(frame.color, shrink, size, flags=cv2.INTER_AREA).astype(np.uint8, copy=False)
        depth = cv2.warpAffine(frame.depth_mm.astype(np.float32), shrink, size, flags=cv2.INTER_NEAREST)
        truth: F32 = np.where(depth > 0, depth + np.float32(self.by_mm), np.inf).astype(np.float32)
        random = np.random.default_rng(zlib.crc32(f"{self.person}/{self.name}/{self.by_mm}".encode()))
        reading = sense_depth(truth, np.full_like(truth, np.inf), DepthNoise(), random)
        kept = in_steps(reading.astype(np.float32))
        return Frame(frame.seq, frame.captured_ns, color, kept.astype(np.uint16), frame.calibration)


@dataclass(frozen=True, slots=True)
class FromFarther:
    """Single looks from ``by_mm`` farther at templates of three from near; None where nobody has looks enough.

    ``depth`` and ``both``: owners missed by the depth vote and by both; ``accepts``: strangers that depth accepts.
    """

    by_mm: float
    looks: int
    fit: int
    depth: Misses | None
    both: Misses | None
    accepts: FalseAccepts | None


def from_farther(
    embedded: Embedded,
    samples: Sequence[Sample],
    config: Config,
    bars: Sequence[Bar],
    workers: Workers = HERE,
    *,
    on_done: Callable[[int, int], None] = lambda _count, _of: None,
) -> Iterator[FromFarther]:
    """Move everybody who stands near, and let them try templates from near."""
    near = np.flatnonzero(faces_of(samples, embedded).may_try & (embedded.distance_mm <= NEAR_MM))
    chosen = [samples[int(row)] for row in near]
    faces = faces_of(chosen, embedded.where(near))
    for number, by_mm in enumerate(FARTHER_MM, start=1):
        shown = [
            Moved(sample, float(embedded.distance_mm[row]), by_mm) for row, sample in zip(near, chosen, strict=True)
        ]
        seen = side_by_side(Study(config, (config.models.encoder,)), shown, workers)[config.models.encoder].embedded
        yield _counted(faces, faces_of(chosen, seen), by_mm, bars, config.match.strategy)
        on_done(number, len(FARTHER_MM))


def _counted(faces: Faces, moved: Faces, by_mm: float, bars: Sequence[Bar], strategy: Strategy) -> FromFarther:
    looks, fit = len(moved.person), int(moved.may_try.sum())
    try:
        tried = trials(faces, Plan(3, 1, "left out", strategy), np.ones(looks, bool), lit=moved)
    except ValueError:  # nobody has looks enough
        return FromFarther(by_mm, looks, fit, None, None, None)
    depth = [bar for bar in bars if bar.half == "depth"]
    other = tried.where(~tried.genuine & tried.same_group)
    accepted = other.accepted(depth).astype(np.float64)
    (accepts,) = false_accepts(Comparisons(accepted, other.tried, other.owner), [1.0])
    return FromFarther(
        by_mm, looks, fit, _missed(tried, tried.accepted(depth)), _missed(tried, tried.accepted(bars)), accepts
    )


def _missed(tried: Trials, accepted: Bools) -> Misses | None:
    own = tried.genuine
    margins = np.where(accepted[own], 0.0, -1.0)
    return misses_of(Comparisons(margins, tried.tried[own], tried.owner[own])) if own.any() else None
