"""Is this the depth of a face? Physical quantities of one frame, each against its bounds.

Deny cues are decisive: one enforced cue out of its bounds is SPOOF, one that could not be measured is UNSURE, and
neither ever opens. No cue is averaged with another. Paper bends along one direction at a time, and what is smooth is
near a quadric; a face is neither. So its readings are laid on a mean face, the best quadric is taken away from both,
and what is left of the one is compared with what is left of the other.

The bounds (`settings.Liveness`) were chosen on 54 people, 181 frames of a Kinect v2 within the verify range, 0.7 to
1.35 m away, and on attacks on them under the first of the laboratory's sensor models. In brackets: the least or
greatest value of those frames, none of which is refused.

face_width_mm            110..178: no small pictures and heads, no large ones (122, 175)
face_height_mm           225 at most: the same (219)
relief_share             0.70: flat, bent, folded and crumpled prints, screens, smooth heads, reliefs of half (0.71)
relief_likeness          0.72: paper with a nose in it, crumpled paper, noise (0.76)
sheet_residual_mm        2.1: worn prints, holes or not (2.2)
landmarks_apart_mm       18 at most: depth that is not its colour's (17)
valid_depth              0.75: a sheet that turns away from the camera is not seen whole
background_step_mm       no say: the data's background was removed
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from kinect_unlock.align import FaceDepth, rays
from kinect_unlock.frames import F64, Calibration, Cue, Face, FaceTensor, LivenessReport, Verdict
from kinect_unlock.frontalise import Frontal
from kinect_unlock.mean_face import MEAN_LANDMARKS_MM
from kinect_unlock.settings import Bounds, Liveness
from kinect_unlock.shapes import frame_of, middle_of, off_quadric_mm, off_sheet_mm, rms_mm, weights_of
from kinect_unlock.surface import FaceSurface, measure_surface

_LEAST_MIDDLE_CELLS: Final = 120  # of 238
_LEAST_FRAME_CELLS: Final = 80  # of 192
_CORNERS: Final = np.array((0, 1, 3, 4))  # of eyes and mouth; where a nose's tip is seen depends on the pose most
_LEAST_SPREAD: Final = 0.3  # of the mean face's: landmarks that lie closer together make no face
_BESIDE_FROM: Final = 0.8  # of the box's width, from its middle: outside hair and ears
_BESIDE_TO: Final = 1.1
_BESIDE_LEVEL: Final = 0.3  # of its height: above the shoulders


@dataclass(frozen=True, slots=True)
class _Relief:
    """What is left of a face's middle without its best quadric, beside what is left of the mean face's.

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
    box, depth = evidence.face.detection.box, evidence.face_depth
    rows, columns = depth.depth_mm.shape
    centre = np.array((box.x_px + box.width_px / 2, box.y_px + box.height_px / 2))
    column, row = depth.cells(centre)
    across = np.abs(np.arange(columns) - column) * depth.step_px / box.width_px
    level = np.abs(np.arange(rows) - row) * depth.step_px / box.height_px < _BESIDE_LEVEL
    beside = depth.depth_mm[np.ix_(level, (across > _BESIDE_FROM) & (across <= _BESIDE_TO))]
    read = beside[beside > 0]
    if evidence.frontal is None or len(read) < max(1, beside.size // 2):
        return None
    return float(np.median(read)) - float(evidence.frontal.placement.origin_mm[2])


def _relief_of(surface: FaceSurface) -> _Relief | None:
    """Compare reliefs cell by cell, by least squares; None with too few cells."""
    middle = middle_of(surface)
    if len(middle) < _LEAST_MIDDLE_CELLS:
        return None
    own, mean = off_quadric_mm(middle)
    weights: F64 = weights_of(middle)
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
)
