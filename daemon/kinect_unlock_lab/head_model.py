"""The ICT-FaceKit head as this laboratory uses it: millimetres, camera axes, nose tip at the origin.

The model is not part of this project; its path is always an argument. Axes: x to the image's right (the person's
left), y down, z away from the viewer.
"""

from dataclasses import dataclass
from enum import IntEnum, unique
from pathlib import Path
from typing import Final

import numpy as np

from kinect_unlock.arrays import F32, F64, read_only
from kinect_unlock_lab.archives import reading
from kinect_unlock_lab.raster import I32

HEAD_MODEL_REMEDY: Final = "give ict_facekit.npz, made of https://github.com/ICT-VGL/ICT-FaceKit"

_TO_MM: Final = np.array([10.0, -10.0, -10.0])  # from centimetres with y up and z towards the viewer
_NOSE_TIP: Final = 4857
_VERTICES: Final = 24591  # what follows are fluid, blend and lash meshes, which need textures we do not have

#: 68 landmark vertices in the usual order: jaw 0-16, brows 17-26, nose 27-35, eyes 36-47, mouth 48-67.
_LANDMARKS: Final = (
    *(1225, 1888, 1052, 367, 1719, 1722, 2199, 1447, 966, 3661, 4390, 3927, 3924, 2608, 3272, 4088, 3443),
    *(268, 493, 1914, 2044, 1401, 3615, 4240, 4114, 2734, 2509, 978, 4527, 4942, 4857, 1140, 2075, 1147, 4269, 3360),
    *(1507, 1542, 1537, 1528, 1518, 1511, 3742, 3751, 3756, 3721, 3725, 3732),
    *(5708, 5695, 2081, 0, 4275, 6200, 6213, 6346, 6461, 5518),
    *(5957, 5841, 5702, 5711, 5533, 6216, 6207, 6470, 5517, 5966),
)


@unique
class Part(IntEnum):
    """What a vertex belongs to; the value is the first vertex of the part in the model's order."""

    FACE = 0
    SCALP_AND_NECK = 9409
    MOUTH_SOCKET = 11248
    EYE_SOCKETS = 13294
    GUMS = 14062
    TEETH = 17039
    EYEBALLS = 21451


@dataclass(frozen=True, slots=True, eq=False)
class HeadModel:
    """Neutral shape and its directions of change, shared by everybody.

    ``neutral`` f64[V,3] mm; ``triangles`` i32[F,3]; ``part`` i32[V] (`Part`); ``identity`` f32[100,V,3] mm for one
    standard deviation; ``expression`` f32[57,V,3] mm at full strength; ``landmarks`` f64[68,3] mm of the neutral head.
    """

    neutral: F64
    triangles: I32
    part: I32
    identity: F32
    expression: F32
    expression_names: tuple[str, ...]
    landmarks: F64

    def expressed(self, strengths: dict[str, float]) -> F64:
        """Return the offsets f64[V,3] mm of the named expressions at these strengths, each 0..1."""
        offsets = np.zeros_like(self.neutral)
        for name, strength in strengths.items():
            offsets += strength * self.expression[self.expression_names.index(name)]
        return offsets


def load_head_model(path: Path) -> HeadModel:
    """Read ``ict_facekit.npz``.

    Raises:
        SourceError: the file is missing or is not that model.
    """
    with reading(path, "not the ICT-FaceKit head model as an npz archive", HEAD_MODEL_REMEDY) as archive:
        neutral = archive["neutral"][:_VERTICES].astype(np.float64) * _TO_MM
        faces = archive["faces"]
        identity = (archive["identity"][:, :_VERTICES] * _TO_MM).astype(np.float32)
        expression = (archive["expression"][:, :_VERTICES] * _TO_MM).astype(np.float32)
        names = tuple(str(name) for name in archive["expression_names"])
        neutral -= neutral[_NOSE_TIP]
    part = np.zeros(_VERTICES, np.int32)
    for first in Part:
        part[first:] = first
    return HeadModel(
        neutral=read_only(neutral),
        triangles=read_only(faces[(faces < _VERTICES).all(axis=1)].astype(np.int32)),
        part=read_only(part),
        identity=read_only(identity),
        expression=read_only(expression),
        expression_names=names,
        landmarks=read_only(neutral[list(_LANDMARKS)]),
    )


def vertex_normals(vertices: F64, triangles: I32) -> F64:
    """Return unit normals f64[V,3] that point out of the head, weighted by triangle area."""
    corner = vertices[triangles]
    face = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    normals = np.empty_like(vertices)
    for axis in range(3):
        normals[:, axis] = np.bincount(triangles.ravel(), np.repeat(face[:, axis], 3), minlength=len(vertices))
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9), np.float64)
