"""Is this the depth of a face? Physical quantities of one frame, each against its bounds.

Deny cues are decisive: one enforced cue out of its bounds is SPOOF, one that could not be measured is UNSURE, and
neither ever opens. No cue is averaged with another. Paper bends along one direction at a time, and heads without a
face are smooth. So a face is laid on the mean face, the smooth shape nearest to each is taken away from both, and what
is left of the one (nose, sockets, lips) is compared with what is left of the other.

The bounds (`settings.Liveness`, and `settings.LivenessBeyond` from 1 m on) were chosen on 54 people, 180 frames of a
Kinect v2 that the pipeline judges, and on the attack laboratory's instruments for the same people under its first
sensor. Up to 1 m they refuse none of 67 frames of 18 people (interval 0 to 5.4 %), beyond it 2 of 113 of 38 people
(1.8 %, 0.2 to 6.2), which are two people's; of the simulated flat, bent, folded and crumpled prints, prints around
cylinders, screens, films and smooth heads they let pass none, nor under the second sensor, by which nothing was chosen.
Bounds as near to these people as could be refused 6 of 160 frames of 49 other people. So these keep their distance;
those 49 people were no longer unseen when they were settled. Below, in brackets: the least or greatest value up to 1 m
and beyond it; how many of the 180 are refused.

face_width_mm       110..178 (126, 158; 122, 174; 0): no pictures and heads much too small or large
face_height_mm      230 at most (218; 227; 0): heads a quarter too large
relief_share        0.76, beyond 1 m 0.70 (0.93; 0.70; 0): what is flat or bent has 0.3 at most, a smooth head 0.6, half
                    a relief 0.8 and mostly 0.55; three quarters of one are within what people differ by
relief_likeness     0.80, beyond 1 m 0.78 (0.84; 0.61; 2): a nose or eyes that look out of paper, crumpled paper, noise
sheet_residual_mm   2.1 (2.5; 2.2; 0): what lies on a worn print; the two cues before it hardly look at what is far off
                    a face, this one does
landmarks_apart_mm  20 at most (13; 18; 0): depth under another picture, beside it by 2 cm or more
valid_depth         0.75 (0.87; 0.85; 0): worn prints with holes whose paper is black to the lamp and gives no depth, so
                    that what is read of them is mostly the wearer's face
background_step_mm  no say: the data's background was removed
silhouette_apart_mm no say, for the same reason. In the recordings -5 to 9 on people who do not exist, 29 to 47 on a
                    flat and a bent print; -5 to 79 on the 180 cut-out frames, for hair and hands are part of it

What no bound here can stop: a face of true shape, whoever's (a mask of the victim's colours on a living face passes in
nine of ten cases), half of those with three quarters of its relief, a third of the heads that are a fifth too small or
a quarter too large, paper that follows the head beneath it more than paper can.

Beyond 1 m noise and 8 mm steps lower share and likeness. One unaltered Kinect frame of another
population, at 0.6 m, has 0.78, 0.89 and 2.3 mm: bounds nearer to this data's would refuse it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from kinect_unlock.align import FaceDepth
from kinect_unlock.arrays import F32
from kinect_unlock.frames import Calibration
from kinect_unlock.frontalise import Frontal
from kinect_unlock.lens import rays
from kinect_unlock.mean_face import MEAN_LANDMARKS_MM
from kinect_unlock.observations import Cue, Face, FaceTensor, LivenessReport, Verdict
from kinect_unlock.settings import Bounds, Liveness
from kinect_unlock.shapes import frame_of, off_sheet_mm, off_smooth_mm, rms_mm, weights_of
from kinect_unlock.surface import FaceSurface, measure_surface

_LEAST_CELLS: Final = 190  # of 388
_LEAST_FRAME_CELLS: Final = 80  # of 192
_CORNERS: Final = np.array((0, 1, 3, 4))  # of eyes and mouth; where a nose's tip is seen depends on the pose most
_LEAST_SPREAD: Final = 0.3  # of the mean face's: landmarks that lie closer together make no face
_BESIDE_FROM: Final = 0.8  # of the box's width, from its middle: outside hair and ears
_BESIDE_TO: Final = 1.1
_BESIDE_LEVEL: Final = 0.3  # of its height: above the shoulders
_STEP_BACK_MM: Final = 100.0  # behind the face's middle; the ears of a head that is seen from before lie nearer


@dataclass(frozen=True, slots=True)
class _Relief:
    """What is left of a face without the smooth shape nearest to it, beside what is left of the mean face.

    ``share``: how often the mean face's relief is in it. ``likeness``: their correlation, -1..1.
    """

    share: float
    likeness: float


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Evidence:
    """What the cues may look at; None: it could not be measured."""

    face: Face
    face_depth: FaceDepth
    tensor: FaceTensor
    calibration: Calibration
    frontal: Frontal | None
    surface: FaceSurface | None
    relief: _Relief | None


def assess(
    face: Face,
    face_depth: FaceDepth,
    tensor: FaceTensor,
    calibration: Calibration,
    frontal: Frontal | None,
    bounds: Liveness,
) -> LivenessReport:
    """Measure every cue of one frame and give the verdict.

    SPOOF: an enforced cue was measured and lies out of its bounds. UNSURE: else, an enforced cue could not be measured
    or none is enforced. LIVE: else. ``frontal`` None: no face's surface could be laid on the mean face.
    """
    surface = None if frontal is None else measure_surface(frontal)
    relief = None if surface is None else _relief_of(surface)
    evidence = _Evidence(face, face_depth, tensor, calibration, frontal, surface, relief)
    cues = tuple(bounded(name, unit, measure(evidence), getattr(bounds, name)) for name, unit, measure in _CUES)
    return LivenessReport(verdict(cues), cues)


def with_cues(report: LivenessReport, *more: Cue) -> LivenessReport:
    """Return a report with what was measured elsewhere, and the verdict over all of it."""
    cues = (*report.cues, *more)
    return LivenessReport(verdict(cues), cues)


def verdict(cues: tuple[Cue, ...]) -> Verdict:
    """Join the cues; nothing enforced is UNSURE, for absence of evidence never opens."""
    enforced = [cue for cue in cues if cue.enforced]
    if any(cue.value is not None and not cue.holds for cue in enforced):
        return Verdict.SPOOF
    if not enforced or any(cue.value is None for cue in enforced):
        return Verdict.UNSURE
    return Verdict.LIVE


def bounded(name: str, unit: str, value: float | None, bounds: Bounds | None) -> Cue:
    """Put a measurement against its bounds; what is not a number was not measured."""
    low, high = bounds or (None, None)
    measured = value if value is not None and np.isfinite(value) else None
    bounded = low is not None or high is not None  # [null, null] lets everything pass, and so says no more than null
    return Cue(name, unit, measured, low, high, enforced=bounded)


def face_width_mm(evidence: _Evidence) -> float | None:
    """Width of the detector's box at the distance of the face, as the pinhole camera has it: px * Z / f."""
    box, camera = evidence.face.detection.box, evidence.calibration.color
    return _at_face(evidence, box.width_px / camera.fx_px)


def face_height_mm(evidence: _Evidence) -> float | None:
    """Height of the detector's box at the distance of the face."""
    box, camera = evidence.face.detection.box, evidence.calibration.color
    return _at_face(evidence, box.height_px / camera.fy_px)


def relief_share(evidence: _Evidence) -> float | None:
    """Share of the mean face's relief that is in this one: 0 on everything flat, bent, round or saddled."""
    return None if evidence.relief is None else evidence.relief.share


def relief_likeness(evidence: _Evidence) -> float | None:
    """Correlation, -1..1, of the relief with the mean face's: whether what stands out does so where a face does."""
    return None if evidence.relief is None else evidence.relief.likeness


def sheet_residual_mm(evidence: _Evidence) -> float | None:
    """RMS distance of brow, cheeks and chin from the best sheet: what a print that is worn, holes or not, has not."""
    if evidence.surface is None:
        return None
    around = frame_of(evidence.surface)
    return rms_mm(off_sheet_mm(around)) if len(around) >= _LEAST_FRAME_CELLS else None


def landmarks_apart_mm(evidence: _Evidence) -> float | None:
    """How far eyes and mouth in colour lie beside eyes and mouth in depth, all of them together; None: no face's."""
    if evidence.frontal is None:
        return None
    placement = evidence.frontal.placement
    ray_x, ray_y = rays(evidence.calibration.color, *evidence.face.detection.landmarks_px.T.copy())
    ray = placement.rotation.T @ np.stack((ray_x, ray_y, np.ones_like(ray_x))).astype(np.float64)
    eye = -(placement.rotation.T @ placement.origin_mm)
    seen = eye[:2, np.newaxis] + ray[:2] * ((MEAN_LANDMARKS_MM[2] - eye[2]) / ray[2])
    corners, expected = seen[:, _CORNERS], MEAN_LANDMARKS_MM[:2, _CORNERS]
    if not corners.std(axis=1).min() >= _LEAST_SPREAD * expected.std():  # also refuses NaN
        return None
    return float(np.hypot(*(corners - expected).mean(axis=1)))


def valid_depth(evidence: _Evidence) -> float | None:
    """Share 0..1 of the face that has a depth reading."""
    return evidence.tensor.valid_depth


def background_step_mm(evidence: _Evidence) -> float | None:
    """Step from the face's sides to what stands beside them, further away positive; None where nothing was read."""
    strip, column = _strip(evidence)
    across = np.abs(np.arange(strip.shape[1]) - column) * evidence.face_depth.step_px
    across /= evidence.face.detection.box.width_px
    beside = strip[:, (across > _BESIDE_FROM) & (across <= _BESIDE_TO)]
    read = beside[beside > 0]
    if evidence.frontal is None or len(read) < max(1, beside.size // 2):
        return None
    return float(np.median(read)) - float(evidence.frontal.placement.origin_mm[2])


def silhouette_apart_mm(evidence: _Evidence) -> float | None:
    """How far beyond the sides of the face in colour its outline in depth lies, the mean of both; None without one.

    The outline is the last reading before depth steps back by `_STEP_BACK_MM`, in the median row from brow to chin.
    Where it does not step back that is the last one that was mapped, `align.FACE_MARGIN` of the box beside it: a wall,
    a screen or a wide sheet has at least so much.
    """
    strip, column = _strip(evidence)
    if evidence.frontal is None or not strip.size or not 0 <= column <= strip.shape[1] - 1:  # also refuses NaN
        return None
    middle = round(column)
    deepest_mm = float(evidence.frontal.placement.origin_mm[2]) + _STEP_BACK_MM
    wide_cells = np.ones(len(strip))  # the middle is in both halves
    for half in (strip[:, middle:], strip[:, middle::-1]):
        before = (half > 0) & ~np.logical_or.accumulate(half > deepest_mm, axis=1)
        wide_cells += (before * np.arange(half.shape[1])).max(axis=1)
    wide_px = float(np.median(wide_cells)) * evidence.face_depth.step_px
    box, camera = evidence.face.detection.box, evidence.calibration.color
    return _at_face(evidence, (wide_px - box.width_px) / 2 / camera.fx_px)


def _strip(evidence: _Evidence) -> tuple[F32, float]:
    """Return the depth f32[h,w] at the level of brow to chin, and the column in it of the face's middle."""
    box, depth = evidence.face.detection.box, evidence.face_depth
    column, row = depth.cells(np.array((box.x_px + box.width_px / 2, box.y_px + box.height_px / 2)))
    level = np.abs(np.arange(len(depth.depth_mm)) - row) * depth.step_px / box.height_px < _BESIDE_LEVEL
    return depth.depth_mm[level], float(column)


def _relief_of(surface: FaceSurface) -> _Relief | None:
    """Compare reliefs cell by cell, by least squares; None with too few cells."""
    if len(surface) < _LEAST_CELLS:
        return None
    own, mean = off_smooth_mm(surface)
    weights = weights_of(surface)
    together, means, owns = ((weights * one * other).sum() for one, other in ((own, mean), (mean, mean), (own, own)))
    return _Relief(float(together / means), float(together / np.sqrt(means * owns)) if owns > 0 else 0.0)


def _at_face(evidence: _Evidence, tangent: float) -> float | None:
    """Return the length that is seen under an angle with this tangent at the distance of the face."""
    return None if evidence.frontal is None else tangent * float(evidence.frontal.placement.origin_mm[2])


_Measure: TypeAlias = Callable[[_Evidence], float | None]
_CUES: Final[tuple[tuple[str, str, _Measure], ...]] = (
    ("face_width_mm", "mm", face_width_mm),
    ("face_height_mm", "mm", face_height_mm),
    ("relief_share", "share", relief_share),
    ("relief_likeness", "correlation", relief_likeness),
    ("sheet_residual_mm", "mm", sheet_residual_mm),
    ("landmarks_apart_mm", "mm", landmarks_apart_mm),
    ("valid_depth", "share", valid_depth),
    ("background_step_mm", "mm", background_step_mm),
    ("silhouette_apart_mm", "mm", silhouette_apart_mm),
)
