"""The product's mean face, made from the head model: the middle of many random people, neutral and symmetric.

No picture or measurement of anybody goes into it but what the head model itself was made from.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from kinect_unlock.arrays import F32, F64
from kinect_unlock.mean_face import COLUMNS_MM, ROWS_MM
from kinect_unlock_lab.head_model import HeadModel, Part
from kinect_unlock_lab.raster import depth_image, rasterise

_Index: TypeAlias = NDArray[np.intp]

_FAR_MM: Final = 10_000.0  # to the eye: from there a triangle of 5 mm looks as if seen along parallel rays, to 0.003 mm
_TENTHS: Final = 10.0
_DEEPEST_MM: Final = 99.9  # beside and below the face the table goes on as the face does, no deeper than this
_NOSTRIL_MM: Final = 5  # of a median that leaves a nose and closes nostrils: no depth camera sees into them
_BLUR_MM: Final = 1.0  # a reading is 2 mm wide at 0.8 m
_BATCH: Final = 50  # heads at a time: 15 MB


@dataclass(frozen=True, slots=True, eq=False)
class MeanFaceTable:
    """What `kinect_unlock.mean_face` holds, in tenths of a millimetre: whole numbers in head axes.

    ``landmarks`` f64[3,5]: x, y and z of the five landmarks; their mean is the origin. ``surface`` f64[rows,columns]:
    z at `ROWS_MM` and, for the half with x >= 0, at `COLUMNS_MM`.
    """

    landmarks: F64
    surface: F64

    def source(self) -> str:
        """Write both as the lines that stand in the module."""
        blocks = (("_LANDMARKS_TENTHS_MM", self.landmarks), ("_SURFACE_TENTHS_MM", self.surface))
        return "\n".join(f'{name}: Final = """\n{_lines(rows)}\n"""' for name, rows in blocks)


def _lines(rows: F64) -> str:
    return "\n".join(" ".join(f"{number:.0f}" for number in row + 0.0) for row in rows)


def mean_face_table(model: HeadModel, *, people: int, seed: int) -> MeanFaceTable:
    """Average neutral people with standard normal identity weights, and read off the table."""
    vertices = _middle_person(model, people, seed)
    landmarks = _five(vertices[_nearest_vertices(model)])
    origin = landmarks.mean(axis=0)
    return MeanFaceTable(
        np.round((landmarks - origin).T * _TENTHS), np.round(_surface(vertices - origin, model) * _TENTHS)
    )


def _middle_person(model: HeadModel, people: int, seed: int) -> F64:
    """Return the mean f64[V,3] of random heads, each moved rigidly onto the model's own by the face.

    Moving them onto the result once more would shift no vertex by 0.001 mm.
    """
    weights = np.random.default_rng(seed).standard_normal((people, len(model.identity))).astype(np.float32)
    face = np.flatnonzero(model.part == Part.FACE)
    offsets = model.identity.reshape(len(model.identity), -1)
    total = np.zeros_like(model.neutral)
    for first in range(0, people, _BATCH):
        for offset in weights[first : first + _BATCH] @ offsets:
            total += _onto(model.neutral + offset.reshape(-1, 3), model.neutral, face)
    return total / people


def _onto(head: F64, target: F64, chosen: _Index) -> F64:
    """Turn and move a head so that its chosen vertices lie on the target's, in least squares (Kabsch)."""
    own, wanted = head[chosen], target[chosen]
    spread = (wanted - wanted.mean(axis=0)).T @ (own - own.mean(axis=0))
    u, _, vt = np.linalg.svd(spread)
    turn = u @ np.diag((1.0, 1.0, float(np.sign(np.linalg.det(u @ vt))))) @ vt
    return np.asarray((head - own.mean(axis=0)) @ turn.T + wanted.mean(axis=0), np.float64)


def _nearest_vertices(model: HeadModel) -> _Index:
    """Return which vertices are the model's 68 landmarks."""
    distance = np.linalg.norm(model.neutral[None] - model.landmarks[:, None], axis=2)
    return np.asarray(distance.argmin(axis=1), np.intp)


def _five(landmarks: F64) -> F64:
    """Reduce 68 landmarks to a detector's five f64[5,3] (image-left first), made symmetric."""
    eyes = landmarks[36:42].mean(axis=0), landmarks[42:48].mean(axis=0)
    five = np.stack((*eyes, landmarks[30], landmarks[48], landmarks[54]))
    mirrored = five[[1, 0, 2, 4, 3]] * (-1.0, 1.0, 1.0)
    return np.asarray((five + mirrored) / 2, np.float64)


def _surface(vertices: F64, model: HeadModel) -> F64:
    """Look at a head from straight ahead along parallel rays: its depth at the table's places, made symmetric."""
    reach, top, bottom = (round(float(end)) for end in (COLUMNS_MM[-1], ROWS_MM[0], ROWS_MM[-1]))
    screen = vertices + np.array((reach, -top, _FAR_MM))  # a pixel is a millimetre
    width, height = 2 * reach + 1, bottom - top + 1
    hits = rasterise(screen, model.triangles, width_px=width, height_px=height)
    z = depth_image(hits, width_px=width, height_px=height) - np.float32(_FAR_MM)
    both = _continued(np.asarray((z[:, reach:] + z[:, reach::-1]) / 2, np.float32))
    whole = np.concatenate((both[:, :0:-1], both), axis=1)
    smooth = cv2.GaussianBlur(cv2.medianBlur(whole, _NOSTRIL_MM), (0, 0), _BLUR_MM)
    step = round(float(COLUMNS_MM[1] - COLUMNS_MM[0]))
    return np.asarray(smooth[::step, reach::step], np.float64)


def _continued(z: F32) -> F32:
    """Carry each row f32[rows,columns] on beyond the head's outline with its last slope: a table needs no gaps."""
    for column in range(2, z.shape[1]):
        beyond = ~np.isfinite(z[:, column])
        z[beyond, column] = 2 * z[beyond, column - 1] - z[beyond, column - 2]
    return np.minimum(np.nan_to_num(z, nan=_DEEPEST_MM, posinf=_DEEPEST_MM), np.float32(_DEEPEST_MM))
