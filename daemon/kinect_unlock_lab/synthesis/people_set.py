"""Colour and depth crops of invented people, cut by the product's own crop: training data for networks of colour.

A person's painting, shape and openness are made once, then pictures are taken of them. The landmarks are the mesh's,
moved as far as the product's detector is off on such pictures; so no detector runs here. Everything comes from the
set's seed and the person's number.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal, TypeAlias

import cv2
import numpy as np

from kinect_unlock.arrays import F32, F64
from kinect_unlock.crop import DepthChannel, face_tensor, similarity
from kinect_unlock.observations import TENSOR_SIDE_PX, Box, Detection, FaceTensor
from kinect_unlock_lab.synthesis.conditions import ORDINARY, VARIED, Conditions, Ranges, View, draw_conditions
from kinect_unlock_lab.synthesis.head_files import load_head
from kinect_unlock_lab.synthesis.portrait import Portrait, take_portrait
from kinect_unlock_lab.synthesis.shards import Column, HeadModelSource, SetDescription, ShardWriter
from kinect_unlock_lab.synthesis.textured import Drawer, TexturedPerson, invent_textured

LightName: TypeAlias = Literal["varied", "ordinary"]

RECIPE: Final = "textured-people"
RECIPE_VERSION: Final = 4
PEOPLE_PER_SHARD: Final = 25
DEPTH_UNITS: Final = 10_000  # of the depth plane's 1.0; its "no depth" becomes -20 000

_RANGES: Final[dict[object, Ranges]] = {"varied": VARIED, "ordinary": ORDINARY}  # by the set's option ``light``

#: How far the detector's landmarks lie from the mesh's, in tensor pixels: always, for one person, from one picture to
#: the next. Measured with YuNet on 600 pictures of 120 people in ordinary and 500 of 100 in varied light: about their
#: mean 2.2 to 3.2 px an axis in the colour camera's pixels, 3.5 to 4.4 in registered ones, a part of it with the pose.
_OFF_PX: Final = {
    View.KINECT_COLOR: np.array([[1.2, -1.2], [-0.6, -1.8], [0.2, 2.7], [0.4, -3.1], [0.2, -3.4]]),
    View.REGISTERED: np.array([[0.4, -1.3], [0.0, -1.3], [-0.1, 3.1], [0.2, -3.0], [0.4, -2.7]]),
}
_HABIT_PX: Final = 1.4
_JITTER_PX: Final = {View.KINECT_COLOR: 2.0, View.REGISTERED: 3.5}


@dataclass(frozen=True, slots=True)
class PeoplePlan:
    """What a worker needs to make any shard of one set."""

    head_model: Path
    writer: ShardWriter


@dataclass(frozen=True, slots=True, eq=False)
class PersonLook:
    """One picture of a person, cut out for an encoder."""

    tensor: FaceTensor
    portrait: Portrait
    conditions: Conditions


def describe(source: HeadModelSource, *, people: int, looks: int, seed: int, light: LightName) -> SetDescription:
    """Describe a set before it is made."""
    return SetDescription(
        recipe=RECIPE,
        recipe_version=RECIPE_VERSION,
        seed=seed,
        people=people,
        looks=looks,
        people_per_shard=PEOPLE_PER_SHARD,
        head_model=source,
        options={"light": light},
    )


def make_shard(plan: PeoplePlan, number: int) -> int:
    """Make and write one shard; return its rows."""
    cv2.setNumThreads(1)  # each process is one of many
    description = plan.writer.description
    drawer = drawer_of(plan.head_model)
    ranges = _RANGES[description.options["light"]]
    rows: list[tuple[int, PersonLook]] = []
    for person in description.people_of(number):
        looks = pictures(drawer, description.seed, person, description.looks, ranges)
        rows += [(person, look) for look in looks]
    return plan.writer.write(number, _columns(rows))


def pictures(drawer: Drawer, seed: int, number: int, count: int, ranges: Ranges) -> list[PersonLook]:
    """Invent a person and take their pictures; the same numbers give the same pictures."""
    person = invent_textured(drawer, seed, number)
    habit = habit_px(seed, number)
    return [_look(drawer, person, ranges, habit, np.random.default_rng([seed, number, 5, n])) for n in range(count)]


def _look(drawer: Drawer, person: TexturedPerson, ranges: Ranges, habit: F64, rng: np.random.Generator) -> PersonLook:
    conditions = draw_conditions(ranges, drawer.expressions, rng)
    portrait = take_portrait(drawer, person, conditions, rng)
    detection = detected(portrait, conditions.view, habit, rng)
    tensor = face_tensor(portrait.color, detection, portrait.face_depth, contract=DepthChannel.REGISTERED)
    return PersonLook(tensor, portrait, conditions)


def habit_px(seed: int, number: int) -> F64:
    """Return how far the detector is always off on a person's landmarks, f64[5,2] in tensor pixels."""
    return np.random.default_rng([seed, number, 4]).normal(0, _HABIT_PX, (5, 2))


def detected(portrait: Portrait, view: View, habit: F64, rng: np.random.Generator) -> Detection:
    """Return what the detector might say of a picture: its landmarks, off as the detector is; the box is none."""
    off = _OFF_PX[view] + habit + rng.normal(0, _JITTER_PX[view], (5, 2))
    return Detection(Box(0.0, 0.0, 1.0, 1.0), 1.0, _moved(portrait.landmarks_px, off))


def _moved(landmarks_px: F32, off_px: F64) -> F32:
    """Move landmarks by a distance that is given in tensor pixels."""
    to_tensor = similarity(landmarks_px)[:, :2]
    return np.asarray(landmarks_px + off_px @ np.linalg.inv(to_tensor).T, np.float32)


@lru_cache(maxsize=2)
def drawer_of(path: Path) -> Drawer:
    """Return a head model made ready, the same one again when it is asked for again."""
    return Drawer(load_head(path))


def _columns(rows: list[tuple[int, PersonLook]]) -> dict[str, Column]:
    side = TENSOR_SIDE_PX
    data = np.stack([look.tensor.data for _, look in rows]) if rows else np.empty((0, 4, side, side), np.float32)
    poses = [look.portrait.pose for _, look in rows]
    conditions = [look.conditions for _, look in rows]
    return {
        "color": np.ascontiguousarray(np.rint(data[:, :3]).astype(np.uint8).transpose(0, 2, 3, 1)),
        "depth": np.rint(data[:, 3] * DEPTH_UNITS).astype(np.int16),
        "person": np.array([person for person, _ in rows], np.int32),
        "distance_mm": np.array([pose.distance_mm for pose in poses], np.float32),
        "yaw_deg": np.array([pose.yaw_deg for pose in poses], np.float32),
        "pitch_deg": np.array([pose.pitch_deg for pose in poses], np.float32),
        "roll_deg": np.array([pose.roll_deg for pose in poses], np.float32),
        "dim": np.array([each.camera.dim for each in conditions], np.float32),
        "registered": np.array([each.view is View.REGISTERED for each in conditions], np.bool_),
    }
