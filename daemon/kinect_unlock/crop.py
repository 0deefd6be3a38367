"""The encoder's input: a face, colour and depth, moved to one template by one transform."""

from enum import StrEnum, unique
from functools import cache
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from kinect_unlock.align import FaceDepth
from kinect_unlock.arrays import F32, F64, U8, read_only
from kinect_unlock.frontalise import HOLE_MM, Frontal
from kinect_unlock.observations import TENSOR_SIDE_PX, Detection, FaceTensor

_Bool: TypeAlias = NDArray[np.bool_]

# Where the five landmarks go in the tensor: the template that SFace and its kin were trained with.
TEMPLATE_PX: Final = read_only(
    np.array(
        ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)), np.float64
    )
)
DEPTH_SPAN_MM: Final = 70.0
# Refuses none of 616 real Kinect faces (least 0.376, median 0.62; all poses) nor of 159 sharp photographs; of both,
# blurred by a Gaussian of 1/20 of the distance between the eyes 71 and 56 %, of 1/13 99 and 100 %.
SHARP: Final = 0.35
_SHARPNESS_PX: Final = (24, 56)
_GREY_NOISE: Final = 0.5  # grey levels: an even grey has no detail, not a ratio of noises
_FIT_POINTS: Final = 50  # of about 500 looked at
_HALF_HEAD_MM: Final = 100.0
NO_DEPTH: Final = -2.0  # outside [-1, 1], so no reading can be mistaken for it; on the far side, where shadows lie


@unique
class DepthChannel(StrEnum):
    """What the fourth plane holds, as an encoder's manifest entry names it."""

    REGISTERED = "registered"  # offset from the face's plane, towards the camera positive, in units of the span
    FRONTALISED_MM = "frontalised-mm"  # `Frontal.residual_mm`: mm beyond the mean face, in the head's own axes


def similarity(landmarks_px: F32) -> F64:
    """Return the least-squares similarity f64[2,3] from colour pixels to tensor pixels (Umeyama, no reflection).

    Raises ValueError if the landmarks coincide.
    """
    source = np.asarray(landmarks_px, np.float64)
    centre, target_centre = source.mean(axis=0), TEMPLATE_PX.mean(axis=0)
    x, y = (source - centre).T
    u, v = (TEMPLATE_PX - target_centre).T
    spread = float((x * x + y * y).sum())
    if not spread > 1e-6:  # noqa: PLR2004 - square pixels; also refuses NaN
        raise ValueError(f"landmarks coincide: {source.tolist()}")
    a, b = float((x * u + y * v).sum()) / spread, float((x * v - y * u).sum()) / spread
    linear = np.array(((a, -b), (b, a)))
    return np.column_stack((linear, target_centre - linear @ centre))


def face_tensor(
    color: U8,
    detection: Detection,
    face_depth: FaceDepth,
    *,
    contract: DepthChannel,
    depth_span_mm: float = DEPTH_SPAN_MM,
) -> FaceTensor:
    """Cut a face out of colour u8[H,W,3] (RGB) and depth.

    A frontalised map costs too much for a face that may be refused yet: until `with_frontal` puts it in, the fourth
    plane of that contract is one hole. Raises ValueError if the landmarks coincide.
    """
    transform = similarity(detection.landmarks_px)
    side = (TENSOR_SIDE_PX, TENSOR_SIDE_PX)
    data = np.empty((4, *side), np.float32)
    warped = cv2.warpAffine(color, transform, side, flags=cv2.INTER_LINEAR)
    data[:3] = warped.transpose(2, 0, 1)
    points = _sample(face_depth, transform)
    data[3] = _offsets(points, depth_span_mm) if contract is DepthChannel.REGISTERED else HOLE_MM
    ellipse = face_ellipse()
    valid = float((points[..., 2] > 0)[ellipse].mean())
    return FaceTensor(data, valid, transform)


def with_frontal(tensor: FaceTensor, frontal: Frontal) -> FaceTensor:
    """Return a tensor of the contract `DepthChannel.FRONTALISED_MM`: the same face with its map as the fourth plane.

    The map is the head's own and not registered with the colour planes. ``valid_depth`` stays that of the crop.
    """
    data = tensor.data.copy()
    data[3] = frontal.residual_mm
    return FaceTensor(data, tensor.valid_depth, tensor.transform)


@cache
def face_ellipse() -> _Bool:
    """Return the part of the tensor that a face fills, bool[112,112]: brows to chin, cheek to cheek."""
    y, x = np.mgrid[0:TENSOR_SIDE_PX, 0:TENSOR_SIDE_PX]
    return read_only(((x - 56) / 34.0) ** 2 + ((y - 68) / 42.0) ** 2 <= 1)


def _sample(face_depth: FaceDepth, transform: F64) -> F32:
    """Take the nearest cell's point for each tensor pixel: f32[112,112,3], NaN where there is none."""
    side = (TENSOR_SIDE_PX, TENSOR_SIDE_PX)
    if face_depth.depth_mm.size == 0:
        return np.full((*side, 3), np.nan, np.float32)
    linear, shift = transform[:, :2], transform[:, 2]
    origin = np.array((face_depth.x0_px, face_depth.y0_px))
    from_grid = np.column_stack((linear * face_depth.step_px, linear @ origin + shift))
    nan = (np.nan, np.nan, np.nan)
    warped = cv2.warpAffine(
        face_depth.xyz_mm, from_grid, side, flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=nan
    )
    return np.asarray(warped, np.float32)


def _offsets(points: F32, span_mm: float) -> F32:
    """Scale each point's distance from the face's plane to [-1,1], `NO_DEPTH` where there is none: f32[112,112]."""
    plane = _face_plane(points)
    if plane is None:
        return np.full(points.shape[:2], NO_DEPTH, np.float32)
    across, down, depth = (np.float32(number) for number in plane)
    offset = points[..., 0] * across + points[..., 1] * down + depth - points[..., 2]
    offset /= np.hypot(np.hypot(across, down), np.float32(1)) * np.float32(span_mm)
    scaled: F32 = np.clip(offset, -1, 1)
    scaled[np.isnan(scaled)] = NO_DEPTH
    return scaled


def _face_plane(points: F32) -> F64 | None:
    """Fit z = a x + b y + c to the face, robustly: (a, b, c), z and c in mm; None without enough readings.

    Least squares along z, where the sensor's noise is, on what stays within 2.5 median residuals (at least 10 mm).
    """
    rows, columns = _fit_lattice()
    x, y, z = points[rows, columns].T.astype(np.float64)
    seen = z > 0  # false for NaN
    if np.count_nonzero(seen) < _FIT_POINTS:
        return None
    z = z[seen]
    design = np.column_stack((x[seen], y[seen], np.ones(len(z))))
    residual = np.abs(z - np.median(z))
    kept = residual < _HALF_HEAD_MM
    plane: F64 = np.zeros(3)
    for _ in range(4):
        weighted = design * kept[:, None]
        # The ridge keeps points on one line solvable; against sums of hundreds of square millimetres it is nothing.
        gram: F64 = weighted.T @ design
        plane = np.linalg.solve(gram + 1e-6 * np.eye(3), weighted.T @ z)
        residual = np.abs(z - design @ plane)
        kept = residual <= max(10.0, 2.5 * float(np.median(residual)))
    return plane


@cache
def _fit_lattice() -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    rows, columns = np.nonzero(face_ellipse())
    chosen = (rows % 3 == 0) & (columns % 3 == 0)
    return rows[chosen], columns[chosen]


def sharpness(tensor: FaceTensor) -> float:
    """Measure the finest detail against coarser detail, whatever the contrast; less than `SHARP` is blurred.

    Looked at is the face at 56 pixels across the tensor (3 mm each), or at the camera's own resolution if that is
    less: enlarging a small face does not blur it.
    """
    grey = tensor.data[:3].mean(axis=0)
    scale = float(np.hypot(tensor.transform[0, 0], tensor.transform[0, 1]))
    side = int(np.clip(TENSOR_SIDE_PX / scale, _SHARPNESS_PX[0], _SHARPNESS_PX[1]))
    reduced = cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA)
    smooth, smoother = cv2.GaussianBlur(reduced, (0, 0), 1.0), cv2.GaussianBlur(reduced, (0, 0), 3.0)
    face = np.s_[side // 8 : -side // 8, side // 8 : -side // 8]
    return float((reduced - smooth)[face].std() / ((smooth - smoother)[face].std() + _GREY_NOISE))
