"""Depth samples of invented people, as the product would see them: the recipe of a training set for the depth half.

A random head with an expression, hair and glasses is turned, placed before a nominal Kinect v2, seen by a model of its
depth camera, found by landmarks that are a little off, and handed to the product's own `place_head` and `frontalise`.
Everything random in a shard comes from the set's seed and the shard's number.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from kinect_unlock.align import FaceDepth
from kinect_unlock.arrays import F32, F64, read_only
from kinect_unlock.frames import Calibration, Intrinsics, Registered
from kinect_unlock.frontalise import Frontal, frontalise
from kinect_unlock.observations import TENSOR_SIDE_PX, Box, Detection
from kinect_unlock.pose import facing, place_head
from kinect_unlock_lab.synthesis.compiled import compiled
from kinect_unlock_lab.synthesis.depth_sensor import ErrorSpread, draw_errors, sense
from kinect_unlock_lab.synthesis.hair_volume import Cover, Growth, HairShares, covered, draw_cover, plant
from kinect_unlock_lab.synthesis.head_files import load_head, source_of
from kinect_unlock_lab.synthesis.heads import ShapeSpread, TrainingHead, draw_expression, draw_shapes, express, prepare
from kinect_unlock_lab.synthesis.rasteriser import interpolate, rasterise
from kinect_unlock_lab.synthesis.shards import Column, SetDescription, ShardWriter

RECIPE: Final = "depth-faces"
RECIPE_VERSION: Final = 4
PEOPLE_PER_SHARD: Final = 64
TENTHS: Final = 10  # residuals are kept in tenths of a millimetre

_LENS: Final = Intrinsics(512, 424, 365.6, 365.6, 256.3, 206.8)  # a nominal Kinect v2's depth camera, undistorted
CAMERA: Final = Calibration(_LENS, _LENS, Registered())
_WINDOW_MM: Final = (100.0, 115.0)  # to each side of the face's middle: what the product looks at, and its outline
_RESTYLED: Final = 0.6  # of a person's looks, with hair and glasses other than before
_WALL: Final = (-0.2, np.inf)  # the logarithm of its infrared brightness, and that it wears no glasses
_INVITED: Final = 8  # people whose shapes are added up together
_NO_CORNER: Final = read_only(np.zeros(2, np.float32))
_TRIES: Final = 5  # at a look that the product would refuse for too little depth


@dataclass(frozen=True, slots=True)
class LookSpread:
    """Where heads are and where they look; spreads are standard deviations, cut at ``widest_deg``."""

    distance_mm: tuple[float, float] = (450.0, 1320.0)
    yaw_deg: float = 14.0
    pitch_deg: float = 11.0
    roll_deg: float = 6.0
    widest_deg: float = 32.0
    aside: float = 0.25  # of the distance, to each side
    landmark_mm: float = 2.0  # how far detected landmarks lie from the head's own, each of them each time ...
    habit_mm: float = 1.5  # ... and how far all of one person's do
    wall_share: float = 0.4


@dataclass(frozen=True, slots=True)
class DepthRecipe:
    """Everything that is drawn, with its spread."""

    shape: ShapeSpread = field(default_factory=ShapeSpread)
    hair: HairShares = field(default_factory=HairShares)
    look: LookSpread = field(default_factory=LookSpread)
    errors: ErrorSpread = field(default_factory=ErrorSpread)


@dataclass(frozen=True, slots=True, eq=False)
class Studio:
    """A head model made ready, and what is drawn with it."""

    head: TrainingHead
    growth: Growth
    recipe: DepthRecipe


@dataclass(frozen=True, slots=True, eq=False)
class Sitter:
    """One person: head at rest f32[V,3] mm, and where a detector puts their landmarks, f64[5,3] mm from the head's."""

    shape: F32
    habit: F64


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """One depth image of a head: readings around it, what a detector finds, and the product's view of it."""

    face_depth: FaceDepth
    detection: Detection
    frontal: Frontal


@dataclass(frozen=True, slots=True)
class DepthPlan:
    """What a worker needs to make any shard of one set."""

    head_model: Path
    writer: ShardWriter


def make_shard(plan: DepthPlan, number: int) -> int:
    """Make and write one shard; return its rows."""
    cv2.setNumThreads(1)  # each process is one of many
    description = plan.writer.description
    errors = ErrorSpread(quantised_share=float(description.options["quantised_share"]))
    studio = studio_of(plan.head_model, DepthRecipe(errors=errors))
    rows: list[tuple[int, Frontal]] = []
    everybody = description.people_of(number)
    for people in (everybody[first : first + _INVITED] for first in range(0, len(everybody), _INVITED)):
        rngs = [np.random.default_rng((description.seed, person)) for person in people]
        for person, sitter, rng in zip(people, invite(studio, rngs), rngs, strict=True):
            rows += [(person, look.frontal) for look in sit(studio, sitter, description.looks, rng)]
    return plan.writer.write(number, _columns(rows))


def describe(head_model: Path, *, people: int, looks: int, seed: int, quantised_share: float) -> SetDescription:
    """Describe a set of depth samples before it is made; raises SourceError if the head model cannot be read."""
    return SetDescription(
        recipe=RECIPE,
        recipe_version=RECIPE_VERSION,
        seed=seed,
        people=people,
        looks=looks,
        people_per_shard=PEOPLE_PER_SHARD,
        head_model=source_of(head_model),
        options={"quantised_share": quantised_share},
    )


def studio_of(head_model: Path, recipe: DepthRecipe) -> Studio:
    """Make a head model's file ready; the last two stay loaded. Raises SourceError."""
    return Studio(*_load(head_model), recipe)


def invite(studio: Studio, rngs: Sequence[np.random.Generator]) -> list[Sitter]:
    """Invent people, each from a generator of their own; many at once cost less than one by one."""
    recipe = studio.recipe
    habits = [recipe.look.habit_mm * rng.standard_normal((5, 3)) * (1.0, 1.0, 0.0) for rng in rngs]
    return [Sitter(*both) for both in zip(draw_shapes(studio.head, recipe.shape, rngs), habits, strict=True)]


def sit(studio: Studio, sitter: Sitter, looks: int, rng: np.random.Generator) -> list[Look]:
    """Take one person's looks; what the product refuses is tried again, a few times."""
    head, growth, recipe = studio.head, studio.growth, studio.recipe
    cover = draw_cover(head, growth, recipe.hair, rng)
    taken: list[Look] = []
    for _ in range(looks):
        if rng.random() < _RESTYLED:
            cover = draw_cover(head, growth, recipe.hair, rng)
        for _ in range(_TRIES):
            look = take(studio, sitter, cover, rng)
            if look is not None:
                taken.append(look)
                break
    return taken


def take(studio: Studio, sitter: Sitter, cover: Cover, rng: np.random.Generator) -> Look | None:
    """Take one look at a person; None if the product finds too little depth in it."""
    head, recipe = studio.head, studio.recipe
    face = express(head, sitter.shape, draw_expression(head, recipe.shape, rng))
    rotation, origin = draw_place(recipe.look, rng)
    marks = np.stack([face[vertices].mean(axis=0) for vertices in head.five]) + sitter.habit
    detection = _detect(_project(marks.astype(np.float32), rotation, origin), origin[2], recipe.look, rng)
    corner = np.array((detection.box.x_px, detection.box.y_px), np.float32)
    screen = _project(covered(head, studio.growth, cover, face), rotation, origin, corner)
    face_depth = _see(studio, cover.surface, screen, detection.box, rng)
    start = place_head(detection, face_depth, CAMERA)
    frontal = None if start is None else frontalise(face_depth, CAMERA, start)
    return None if frontal is None else Look(face_depth, detection, frontal)


def draw_place(spread: LookSpread, rng: np.random.Generator) -> tuple[F64, F64]:
    """Draw a rotation f64[3,3] from head to camera axes and the nose's place f64[3] mm."""
    sigma = np.array((spread.yaw_deg, spread.pitch_deg, spread.roll_deg))
    yaw, pitch, roll = np.radians(np.clip(sigma * rng.standard_normal(3), -spread.widest_deg, spread.widest_deg))
    distance = rng.uniform(*spread.distance_mm)
    x, y = rng.uniform(-spread.aside, spread.aside, 2) * distance
    origin = np.array((x, y, distance))
    return facing(origin).T @ rotated(yaw, pitch, roll), origin


def rotated(yaw_rad: float, pitch_rad: float, roll_rad: float) -> F64:
    """Return the rotation f64[3,3] whose angles, by `kinect_unlock.pose.angles_deg`, are these."""
    (sy, sp, sr), (cy, cp, cr) = np.sin((yaw_rad, pitch_rad, roll_rad)), np.cos((yaw_rad, pitch_rad, roll_rad))
    yaw = np.array(((cy, 0, -sy), (0, 1, 0), (sy, 0, cy)))
    pitch = np.array(((1, 0, 0), (0, cp, sp), (0, -sp, cp)))
    roll = np.array(((cr, -sr, 0), (sr, cr, 0), (0, 0, 1)))
    return np.asarray(yaw @ pitch @ roll, np.float64)


def _project(points: F32, rotation: F64, origin: F64, corner: F32 = _NO_CORNER) -> F32:
    """Return what f32[n,3] mm of the head looks like to the camera, f32[n,3]: px, px (from a corner f32[2]), mm."""
    screen = np.empty_like(points)
    _look_at(points, rotation, origin, np.array((_LENS.fx_px, _LENS.cx_px, _LENS.cy_px)), corner, screen)
    return screen


@compiled
def _look_at(points: F32, turn: F64, origin: F64, lens: F64, corner: F32, screen: F32) -> None:
    focal, middle_x, middle_y = lens
    for number in range(len(points)):
        x, y, z = points[number]
        depth = turn[2, 0] * x + turn[2, 1] * y + turn[2, 2] * z + origin[2]
        scale = focal / depth
        column = (turn[0, 0] * x + turn[0, 1] * y + turn[0, 2] * z + origin[0]) * scale + middle_x
        row = (turn[1, 0] * x + turn[1, 1] * y + turn[1, 2] * z + origin[1]) * scale + middle_y
        screen[number, 0] = np.float32(column) - corner[0]
        screen[number, 1] = np.float32(row) - corner[1]
        screen[number, 2] = depth


def _detect(marks: F32, distance_mm: float, spread: LookSpread, rng: np.random.Generator) -> Detection:
    """Find five landmarks f32[5,3] as a detector does, a little off; the box is what will be looked at."""
    px_per_mm = _LENS.fx_px / distance_mm
    found = marks[:, :2] + (spread.landmark_mm * px_per_mm * rng.standard_normal((5, 2))).astype(np.float32)
    middle, half = found.mean(axis=0), np.array(_WINDOW_MM) * px_per_mm
    (left, top), (right, bottom) = np.floor(middle - half), np.ceil(middle + half)
    return Detection(Box(float(left), float(top), float(right - left), float(bottom - top)), 1.0, found)


def _see(studio: Studio, surface: F32, screen: F32, box: Box, rng: np.random.Generator) -> FaceDepth:
    """Render the box around a face and let the depth camera read it."""
    recipe, triangles = studio.recipe, studio.growth.triangles
    raster = rasterise(screen, triangles, int(box.width_px) + 1, int(box.height_px) + 1)
    seen = interpolate(raster, screen, triangles, surface, beyond=_WALL)
    truth = raster.z_mm
    if rng.random() < recipe.look.wall_share:
        head_mm = float(screen[: len(studio.head.neutral), 2].max())
        truth = np.minimum(truth, np.float32(head_mm + rng.uniform(100, 1500)))
    readings = sense(truth, seen, draw_errors(recipe.errors, rng), rng)
    return _face_depth(readings, box)


def _face_depth(readings: F32, box: Box) -> FaceDepth:
    """Give readings their places before the camera, as `kinect_unlock.align` does for registered images."""
    height, width = readings.shape
    x = (np.arange(width, dtype=np.float32) + np.float32(box.x_px - _LENS.cx_px)) / np.float32(_LENS.fx_px)
    y = (np.arange(height, dtype=np.float32) + np.float32(box.y_px - _LENS.cy_px)) / np.float32(_LENS.fy_px)
    points = np.empty((height, width, 3), np.float32)
    _place(readings, x, y, points)
    return FaceDepth(readings, points, box.x_px, box.y_px, 1.0)


@compiled
def _place(readings: F32, ray_x: F32, ray_y: F32, points: F32) -> None:
    height, width = readings.shape
    for row in range(height):
        for column in range(width):
            reading = readings[row, column] if readings[row, column] != 0 else np.float32(np.nan)
            points[row, column, 0] = ray_x[column] * reading
            points[row, column, 1] = ray_y[row] * reading
            points[row, column, 2] = reading


@lru_cache(maxsize=2)
def _load(path: Path) -> tuple[TrainingHead, Growth]:
    head = prepare(load_head(path))
    return head, plant(head)


def _columns(rows: list[tuple[int, Frontal]]) -> dict[str, Column]:
    side = TENSOR_SIDE_PX
    residual = np.stack([frontal.residual_mm for _, frontal in rows]) if rows else np.empty((0, side, side), np.float32)
    poses = [frontal.placement.pose for _, frontal in rows]
    return {
        "residual": np.rint(residual * TENTHS).astype(np.int16),
        "person": np.array([person for person, _ in rows], np.int32),
        "distance_mm": np.array([pose.distance_mm for pose in poses], np.float32),
        "yaw_deg": np.array([pose.yaw_deg for pose in poses], np.float32),
        "pitch_deg": np.array([pose.pitch_deg for pose in poses], np.float32),
        "roll_deg": np.array([pose.roll_deg for pose in poses], np.float32),
        "fit_mm": np.array([frontal.fit_mm for _, frontal in rows], np.float32),
        "coverage": np.array([frontal.coverage for _, frontal in rows], np.float32),
    }
