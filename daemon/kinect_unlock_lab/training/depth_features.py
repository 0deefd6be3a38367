"""What the depth half looks at: slopes of a frontalised residual map inside a soft ellipse of the face.

Slopes instead of heights, because how far off the fit put a head says nothing about whose head it is. Every step is
one that an ONNX graph takes too (`depth_graph`): holes carry no weight, and what has no reading counts as the mean
face.
"""

from typing import Annotated, Final, TypeAlias

import cv2
import numpy as np
from msgspec import Meta, Struct

from kinect_unlock.arrays import F32

MAP_SIDE_PX: Final = 112
MAP_PITCH_MM: Final = 1.5
HOLE_BELOW_MM: Final = -999.0  # holes are -1000; nothing that is measured lies so far away
POOLED_SIDE: Final = MAP_SIDE_PX // 2
POOLED_PITCH_MM: Final = 2 * MAP_PITCH_MM
FEWEST_READINGS: Final = 2.0  # of the four pixels that become one
LEAST_WEIGHT: Final = 1e-3  # of a smoothed place; divides, so never 0
BLUR_SIDE: Final = 5
CELLS: Final = MAP_SIDE_PX // 4
FEATURES: Final = 2 * CELLS * CELLS  # slopes across, then slopes down

Above0: TypeAlias = Annotated[float, Meta(gt=0.0)]


class DepthFeatures(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a map becomes numbers; part of a training recipe.

    The ellipse is given by its centre, from the map's middle, and its half axes; over ``edge_mm`` its weight falls
    from 1 to 0. A reading farther than ``reach_mm`` from the mean face is hair, a hand or a mistake, and as good as a
    hole. ``blur_mm`` is the sigma of the smoothing before slopes are taken, which are cut at ``slope_limit``.
    """

    centre_x_mm: float
    centre_y_mm: float
    half_width_mm: Above0
    half_height_mm: Above0
    edge_mm: Above0
    reach_mm: Above0
    blur_mm: Above0
    slope_limit: Above0


def face_weight(recipe: DepthFeatures) -> F32:
    """Return the soft ellipse f32[56,56], 0..1; the rim is 0 because no slope can be taken there."""
    middle = (POOLED_SIDE - 1) / 2
    y, x = (np.mgrid[0:POOLED_SIDE, 0:POOLED_SIDE] - middle) * POOLED_PITCH_MM
    radius = np.hypot((x - recipe.centre_x_mm) / recipe.half_width_mm, (y - recipe.centre_y_mm) / recipe.half_height_mm)
    inside_mm = (1 - radius) * min(recipe.half_width_mm, recipe.half_height_mm)
    weight: F32 = np.clip(inside_mm / recipe.edge_mm + 0.5, 0, 1).astype(np.float32)
    weight[[0, -1]] = weight[:, [0, -1]] = 0
    return weight


def blur_kernel(recipe: DepthFeatures) -> F32:
    """Return the smoothing along one axis f32[5], of sum 1."""
    offset_mm = (np.arange(BLUR_SIDE) - BLUR_SIDE // 2) * POOLED_PITCH_MM
    kernel = np.exp(-0.5 * (offset_mm / recipe.blur_mm) ** 2)
    return np.asarray(kernel / kernel.sum(), np.float32)


def features(residual_mm: F32, recipe: DepthFeatures) -> F32:
    """Return f32[n,1568] of maps f32[n,112,112]: slopes across, then down, each averaged over cells of 6 mm.

    NaN is not allowed: what makes the maps marks holes with -1000.
    """
    weight, kernel = face_weight(recipe), blur_kernel(recipe)
    found: F32 = np.stack([_features_of(one, recipe, weight, kernel) for one in residual_mm])
    return found


def _features_of(residual_mm: F32, recipe: DepthFeatures, weight: F32, kernel: F32) -> F32:
    believed = ((residual_mm > HOLE_BELOW_MM) & (np.abs(residual_mm) <= recipe.reach_mm)).astype(np.float32)
    readings = _sums(believed, POOLED_SIDE)
    there = (readings >= FEWEST_READINGS).astype(np.float32)
    summed = _sums(residual_mm * believed, POOLED_SIDE)
    height = np.asarray(summed / np.maximum(readings, 1) * there, np.float32)
    blurred = _smooth(height, kernel) / np.maximum(_smooth(there, kernel), LEAST_WEIGHT)
    slope = np.zeros((2, POOLED_SIDE, POOLED_SIDE), np.float32)
    slope[0, :, 1:-1] = blurred[:, 2:] - blurred[:, :-2]
    slope[1, 1:-1] = blurred[2:] - blurred[:-2]
    limit = recipe.slope_limit
    slope /= 2 * POOLED_PITCH_MM
    seen = np.clip(slope, -limit, limit) * (there * weight)
    return np.asarray(np.concatenate([_sums(axis, CELLS).ravel() for axis in seen]) / 4, np.float32)


def _sums(image: F32, side: int) -> F32:
    """Add each 2x2 block: f32[side,side]."""
    summed: F32 = image.reshape(side, 2, side, 2).sum(axis=(1, 3))
    return summed


def _smooth(image: F32, kernel: F32) -> F32:
    """Smooth, what lies outside being 0."""
    return np.asarray(cv2.sepFilter2D(image, cv2.CV_32F, kernel, kernel, borderType=cv2.BORDER_CONSTANT), np.float32)
