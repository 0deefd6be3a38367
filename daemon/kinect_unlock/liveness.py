"""Is this the depth of a face? Physical quantities of one frame, each against its bounds.

Deny cues are decisive: one enforced cue out of its bounds is SPOOF, one that could not be measured is UNSURE, and
neither ever opens. No cue is averaged with another. What a sheet of paper cannot have is a bump: it bends along one
direction at a time, so that through every place of it runs a straight line. A face is not such a surface.

The bounds (`settings.Liveness`) were chosen on 54 people, 182 frames of a Kinect v2 within the verify range, 0.7 to
1.35 m away, and on 2754 simulated prints of them. They refuse 3 of those frames, all of one person (BPCER 1.6 %), and
all prints; of 49 other people 1 of 158 frames (0.6 %, interval 0.0 to 3.5) and all 2499 prints. With the simulated
sensor's noise doubled 4 of 2754 prints pass, all of them beyond 1.2 m. Below, in brackets: the least value of the 182
frames, or least and greatest, and how many of them the bound refuses.

face_width_mm            100..190: rough, to refuse small pictures and posters (123..176; 0)
plane_residual_mm        6.0: flat prints reach 2.7, with thumbs before them 3.7 (7.2; 0)
quadric_residual_mm      3.8: flat and bent prints reach 3.8, folded ones 10 (4.2; 0)
bend_residual_mm         3.5: flat and bent prints reach 3.2, folded by 90 degrees 6.3 (4.0; 0)
nose_relief_mm           8..60: flat prints reach 6.4, bent ones 21 (5.9..43; 2)
curvature_across_per_m   8: flat prints reach 3.4, bent ones 27 (7.9; 1)
curvature_least_per_m    0: two thirds of all prints lie below (-0.7; 2)
valid_depth              0.75: a sheet that turns away from the camera is not seen whole (0.87; 0)
background_step_mm       no say: the data's background was removed

Curvature along the face's vertical axis was tried instead of the least one and cannot serve: over the whole of a real
face it is -5 to 15 per m, about 1 in the middle, because brow and chin stand out as the nose does, and a print bent
obliquely has some of it. The bounds are the same at every distance: no bound on a residual refuses a real face at any.
By calculation the 8 mm steps that this data has beyond 1 m raise the residuals by some tenths of a millimetre; a
sensor without them should give a little less. The one unaltered Kinect frame at hand, at 0.6 m, has 4.3 mm after the
quadric and 3.9 after the bend.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from kinect_unlock.align import FaceDepth
from kinect_unlock.frames import F64, Calibration, Cue, Face, FaceTensor, LivenessReport, Verdict
from kinect_unlock.settings import Bounds, Liveness
from kinect_unlock.shapes import off_bend_mm, off_plane_mm, off_quadric_mm, quadric_basis
from kinect_unlock.surface import UNIT_MM, FaceSurface, measure_surface, rms_mm

_NOSE_WINDOW_MM: Final = 20.0  # standard deviation of the window around the nose in which curvature is measured
_NOSE_RADIUS_MM: Final = 17.0
_PATCH_RADIUS_MM: Final = 10.0
_PATCH_CELLS: Final = 3
_NOSE_CELLS: Final = 8
_NOSE_PERCENTILE: Final = 90.0
_PER_M: Final = 1000.0
_BESIDE_FROM: Final = 0.8  # of the box's width, from its middle: outside hair and ears
_BESIDE_TO: Final = 1.1
_BESIDE_LEVEL: Final = 0.3  # of its height: above the shoulders


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Evidence:
    """What the cues may look at; ``surface`` None: there is no surface to measure, ``curvature`` None: no nose."""

    face: Face
    face_depth: FaceDepth
    tensor: FaceTensor
    calibration: Calibration
    surface: FaceSurface | None
    curvature: F64 | None  # [2,2], see `_nose_curvature`


def assess(
    face: Face, face_depth: FaceDepth, tensor: FaceTensor, calibration: Calibration, bounds: Liveness
) -> LivenessReport:
    """Measure every cue of one frame and give the verdict.

    SPOOF: an enforced cue was measured and lies out of its bounds. UNSURE: else, an enforced cue could not be measured
    or none is enforced. LIVE: else.
    """
    surface = measure_surface(face.detection, face_depth, calibration)
    evidence = _Evidence(face, face_depth, tensor, calibration, surface, _nose_curvature(surface))
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
    if evidence.surface is None:
        return None
    box, camera = evidence.face.detection.box, evidence.calibration.color
    return box.width_px * evidence.surface.distance_mm / camera.fx_px


def plane_residual_mm(evidence: _Evidence) -> float | None:
    """RMS distance from the best plane: what a flat print does not have."""
    if evidence.surface is None:
        return None
    return float(rms_mm(off_plane_mm(evidence.surface)))


def quadric_residual_mm(evidence: _Evidence) -> float | None:
    """RMS distance from the best quadric: what an evenly bent print and a smooth head do not have."""
    if evidence.surface is None:
        return None
    return float(rms_mm(off_quadric_mm(evidence.surface)))


def bend_residual_mm(evidence: _Evidence) -> float | None:
    """RMS distance from the best sheet bent about one axis, whatever axis and profile: folds and waves too."""
    if evidence.surface is None:
        return None
    return float(rms_mm(off_bend_mm(evidence.surface)))


def nose_relief_mm(evidence: _Evidence) -> float | None:
    """Height of the nose above the line between eyes and mouth corners at its place."""
    surface = evidence.surface
    if surface is None:
        return None
    left_eye, right_eye, nose, left_mouth, right_mouth = surface.landmarks_mm
    bump = surface.toward_mm[_around(surface, nose) <= _NOSE_RADIUS_MM]
    eyes, mouth = _height(surface, left_eye, right_eye), _height(surface, left_mouth, right_mouth)
    if len(bump) < _NOSE_CELLS or eyes is None or mouth is None:
        return None
    eyes_along, mouth_along = (left_eye + right_eye)[1] / 2, (left_mouth + right_mouth)[1] / 2
    share = np.clip((nose[1] - eyes_along) / max(mouth_along - eyes_along, 1.0), 0.0, 1.0)
    return float(np.percentile(bump, _NOSE_PERCENTILE) - ((1 - share) * eyes + share * mouth))


def curvature_across_per_m(evidence: _Evidence) -> float | None:
    """Curvature from cheek to cheek over the nose, 1/m; positive: the middle is nearest."""
    return None if evidence.curvature is None else float(evidence.curvature[0, 0])


def curvature_least_per_m(evidence: _Evidence) -> float | None:
    """Least curvature over the nose in any direction, 1/m: zero on every sheet bent about one axis, however it lies."""
    return None if evidence.curvature is None else float(np.linalg.eigvalsh(evidence.curvature)[0])


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
    if evidence.surface is None or len(read) < max(1, beside.size // 2):
        return None
    return float(np.median(read)) - evidence.surface.distance_mm


def _nose_curvature(surface: FaceSurface | None) -> F64 | None:
    """Return the curvature f64[2,2] (across, along) in 1/m of a quadric fitted around the nose; None without cells."""
    if surface is None:
        return None
    distance = _around(surface, surface.landmarks_mm[2])
    if (distance <= _NOSE_WINDOW_MM).sum() < _NOSE_CELLS:
        return None
    weights = np.exp(-0.5 * (distance / _NOSE_WINDOW_MM) ** 2)
    basis = quadric_basis(surface)
    weighted = basis.T * weights
    ridge = 1e-6 * np.eye(basis.shape[1])
    *_, xx, xy, yy = np.linalg.solve(weighted @ basis + ridge, weighted @ surface.toward_mm)
    return np.array(((xx, xy), (xy, yy))) * (-_PER_M / UNIT_MM**2)


def _around(surface: FaceSurface, place_mm: F64) -> F64:
    distance: F64 = np.hypot(surface.across_mm - place_mm[0], surface.along_mm - place_mm[1])
    return distance


def _height(surface: FaceSurface, *places_mm: F64) -> float | None:
    """Mean height of the patches at the places that can be measured; None if none can."""
    patches = [surface.toward_mm[_around(surface, place) <= _PATCH_RADIUS_MM] for place in places_mm]
    heights = [float(np.median(patch)) for patch in patches if len(patch) >= _PATCH_CELLS]
    return sum(heights) / len(heights) if heights else None


_Measure: TypeAlias = Callable[[_Evidence], float | None]
_CUES: Final[tuple[tuple[str, str, _Measure], ...]] = (
    ("face_width_mm", "mm", face_width_mm),
    ("plane_residual_mm", "mm", plane_residual_mm),
    ("quadric_residual_mm", "mm", quadric_residual_mm),
    ("bend_residual_mm", "mm", bend_residual_mm),
    ("nose_relief_mm", "mm", nose_relief_mm),
    ("curvature_across_per_m", "1/m", curvature_across_per_m),
    ("curvature_least_per_m", "1/m", curvature_least_per_m),
    ("valid_depth", "share", valid_depth),
    ("background_step_mm", "mm", background_step_mm),
)
