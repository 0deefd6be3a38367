"""A data set's frontalised residual maps, and what is known of each: what the depth half is measured on.

The maps show people: they live in memory or in a folder of the user's choice, never in the project.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kinect_unlock.align import align_face
from kinect_unlock.arrays import F32, F64
from kinect_unlock.frames import Frame
from kinect_unlock.frontalise import CENTRE_MM, HOLE_MM, PIXEL_MM, Frontal, face_mask, frontalise
from kinect_unlock.inference import Network
from kinect_unlock.mean_face import mean_surface
from kinect_unlock.observations import TENSOR_SIDE_PX
from kinect_unlock.pipeline import FaceDetector
from kinect_unlock.pose import place_head
from kinect_unlock_lab.archives import reading
from kinect_unlock_lab.datasets import Sample

_Bool: TypeAlias = NDArray[np.bool_]
_ROWS: Final = 256
_SIDE: Final = (TENSOR_SIDE_PX, TENSOR_SIDE_PX)

_CORE_MM: Final = (52.0, 62.0)  # semi-axes of the inner face; between it and the map's edge hair may hang
_HAIR_MM: Final = -15.0  # nearer than the mean face by more than this: no forehead or cheek stands out so far
_CHEEKS_MM: Final = (-10.0, 12.0)  # head y: below the eyes, above the mouth
_WIDE_AT_MM: Final = 58.0  # |x| of the mean face at whose depth a head's width is taken


@dataclass(frozen=True, slots=True, eq=False)
class DepthMaps:
    """One row a sample, in the order of the data set.

    ``residual_mm`` f32[N,112,112], holes -1000, nothing but holes where ``acquired`` is False; the measures f32[N] are
    NaN there.
    """

    residual_mm: F32
    acquired: _Bool
    person: NDArray[np.str_]
    year: NDArray[np.int64]
    near_frontal: _Bool
    yaw_deg: F32
    pitch_deg: F32
    roll_deg: F32
    distance_mm: F32
    fit_mm: F32
    coverage: F32

    def where(self, mask: _Bool) -> "DepthMaps":
        """Keep the samples of ``mask``."""
        return DepthMaps(*(getattr(self, name)[mask] for name in self.__slots__))


def depth_maps(
    samples: Sequence[Sample], detector: FaceDetector, *, on_done: Callable[[int], None] = lambda _: None
) -> DepthMaps:
    """Frontalise the largest face of every sample; ``on_done`` is told how many are finished."""
    found: list[Frontal | None] = []
    for number, sample in enumerate(samples, start=1):
        found.append(frontal_of(sample.frame(), detector))
        on_done(number)
    empty = np.full(_SIDE, HOLE_MM, np.float32)

    def measured(read: Callable[[Frontal], float]) -> F32:
        return np.array([np.nan if frontal is None else read(frontal) for frontal in found], np.float32)

    return DepthMaps(
        residual_mm=np.stack([empty if frontal is None else frontal.residual_mm for frontal in found]),
        acquired=np.array([frontal is not None for frontal in found]),
        person=np.array([sample.person for sample in samples]),
        year=np.array([sample.year for sample in samples], np.int64),
        near_frontal=np.array([sample.near_frontal for sample in samples]),
        yaw_deg=measured(lambda frontal: frontal.pose.yaw_deg),
        pitch_deg=measured(lambda frontal: frontal.pose.pitch_deg),
        roll_deg=measured(lambda frontal: frontal.pose.roll_deg),
        distance_mm=measured(lambda frontal: frontal.pose.distance_mm),
        fit_mm=measured(lambda frontal: frontal.fit_mm),
        coverage=measured(lambda frontal: frontal.coverage),
    )


def frontal_of(frame: Frame, detector: FaceDetector) -> Frontal | None:
    """Frontalise a frame's largest face; None without a face or without depth."""
    face = max(detector.detect(frame.color), key=lambda one: one.box.width_px * one.box.height_px, default=None)
    if face is None or frame.depth_mm is None or frame.calibration is None:
        return None
    face_depth = align_face(frame.depth_mm, frame.calibration, face.box)
    start = place_head(face, face_depth, frame.calibration)
    return None if start is None else frontalise(face_depth, frame.calibration, start)


def vectors_of(maps: DepthMaps, network: Path) -> F64:
    """Return f64[n,dims] of a depth half's ONNX file; raises ModelError."""
    half = Network(network, threads=1)
    (name,) = half.inputs
    chunks = np.array_split(maps.residual_mm[:, np.newaxis], max(1, len(maps.person) // _ROWS))
    return np.concatenate([half.run({name: chunk})[half.outputs[0]] for chunk in chunks]).astype(np.float64)


def hair_share(residual_mm: F32) -> F32:
    """Return f32[n], 0..1: share of the outer face that stands out by more than 15 mm or is missing.

    The outer face is what the map shows outside an ellipse of 52 by 62 mm. Hair stands out there, or swallows the
    sensor's light and leaves a hole.
    """
    outer = face_mask() & ~face_mask(_CORE_MM)
    ring = residual_mm[:, outer]
    share: F32 = (ring < _HAIR_MM).mean(axis=1, dtype=np.float32)  # a hole is -1000
    return share


def face_width_mm(residual_mm: F32) -> F32:
    """Return f32[n]: the head's width at the cheeks, at the depth at which the mean face is 116 mm wide; NaN unseen.

    The residual there, divided by how steeply the mean face falls away, says how much farther out the surface lies.
    """
    middle = (TENSOR_SIDE_PX - 1) / 2
    steps = (np.arange(TENSOR_SIDE_PX) - middle) * PIXEL_MM
    rows = np.flatnonzero((steps + CENTRE_MM[1] >= _CHEEKS_MM[0]) & (steps + CENTRE_MM[1] <= _CHEEKS_MM[1]))
    columns = np.flatnonzero(np.abs(np.abs(steps) - _WIDE_AT_MM) < 3.0)
    x, y = np.meshgrid((steps[columns]).astype(np.float32), (steps[rows] + CENTRE_MM[1]).astype(np.float32))
    steep = np.abs(mean_surface(x, y)[..., 1] / mean_surface(x, y)[..., 3])
    cheeks = residual_mm[:, rows][:, :, columns].astype(np.float64)
    farther = np.where(cheeks > HOLE_MM, -cheeks / steep, np.nan)
    width = []
    for one in farther:
        sides = [one[:, x[0] < 0], one[:, x[0] > 0]]
        width.append(sum(_WIDE_AT_MM + np.median(side[np.isfinite(side)]) for side in sides if np.isfinite(side).any()))
    seen = [all(np.isfinite(one[:, side]).any() for side in (x[0] < 0, x[0] > 0)) for one in farther]
    return np.where(seen, width, np.nan).astype(np.float32)


def save(maps: DepthMaps, path: Path) -> None:
    """Write the arrays by name as a NumPy archive without pickles."""
    np.savez_compressed(path, **{field.name: getattr(maps, field.name) for field in fields(maps)})


def load(path: Path) -> DepthMaps:
    """Read what `save` wrote; raises SourceError."""
    with reading(path, "holds no depth maps", "lab evaluate-depth makes them anew where no such file is") as archive:
        return DepthMaps(**{field.name: archive[field.name] for field in fields(DepthMaps)})
