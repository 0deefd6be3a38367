"""Eyes of invented people, open, shut and between, cut by the product's own cut: training data for `models/eyes.onnx`.

How open an eye is, is not what the head model was told but what is seen: the visible part of the eyeball, of the square
over the eye's width. A head whose lids do not meet at full strength is not called shut.

Glasses are rims only; what their lenses mirror is laid over the finished picture. So are no tinted ones.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Annotated, Final

import cv2
import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from kinect_unlock.arrays import F32, U8
from kinect_unlock.eye_patches import PATCH_PX, eye_patches
from kinect_unlock.settings import Fraction
from kinect_unlock_lab.people import smooth_outline
from kinect_unlock_lab.synthesis import atlas
from kinect_unlock_lab.synthesis.conditions import VARIED, Conditions, draw_conditions
from kinect_unlock_lab.synthesis.looks import Glasses, invent_looks
from kinect_unlock_lab.synthesis.people_set import detected, drawer_of, habit_px
from kinect_unlock_lab.synthesis.portrait import Portrait, take_portrait
from kinect_unlock_lab.synthesis.strokes import draw, stroke
from kinect_unlock_lab.synthesis.textured import Drawer, TexturedPerson, invent_textured

SHUT_SEEN: Final = 0.015  # of `Portrait.eyes_seen`: less than a slit
OPEN_SEEN: Final = 0.075  # a narrowed eye whose iris is seen, two millimetres; at rest it is 0.2 to 0.3

_SHUT_CHANCE, _BETWEEN_CHANCE, _WINK_CHANCE = 0.4, 0.25, 0.05
_GLARE_CHANCE: Final = 0.5
_GAZES: Final = ("eyeLookDown", "eyeLookUp", "eyeLookIn", "eyeLookOut")
_UPPER_LIDS: Final = ((36, 37, 38, 39), (42, 43, 44, 45))
_EYE_TO_EYE_MM: Final = 63.0
_SUNK_MM: Final = 1.8  # lids move in straight lines, through the eyeballs of some heads unless these lie deeper


class EyePlan(Struct, frozen=True, forbid_unknown_fields=True):
    """Which eyes: so many people of a seed, so many pictures of each, each cut so often with other landmarks."""

    people: Annotated[int, Meta(ge=1)]
    pictures: Annotated[int, Meta(ge=1)]
    cuts: Annotated[int, Meta(ge=1)]
    glasses_share: Fraction
    seed: Annotated[int, Meta(ge=0)]


@dataclass(frozen=True, slots=True, eq=False)
class Eyes:
    """Eyes and what is true about them; each array has a row an eye.

    ``patches`` u8[n,32,40]; ``seen`` f32[n] as `Portrait.eyes_seen`; ``person`` i64[n]; the two eyes of a face are
    neighbours, image-left first; ``squint`` f32[n] 0..1; ``dim`` f32[n], 1 in good light; ``eye_to_eye_px`` f32[n] in
    the camera's pixels.
    """

    patches: U8
    seen: F32
    person: NDArray[np.int64]
    glasses: NDArray[np.bool_]
    squint: F32
    dim: F32
    eye_to_eye_px: F32


def openness(seen: F32) -> F32:
    """Return how open eyes are that show so much, 0..1."""
    return np.asarray(np.clip((seen - SHUT_SEEN) / np.float32(OPEN_SEEN - SHUT_SEEN), 0, 1), np.float32)


def joined(parts: list[Eyes]) -> Eyes:
    """Put eyes together."""
    return Eyes(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in Eyes.__slots__})


def chosen_people(plan: EyePlan) -> Iterator[int]:
    """Yield the numbers of a plan's people: the first of a seed, as many with glasses among them as it wants.

    A plan for fewer people has the first of them.
    """
    numbers = {wears: _numbers(plan.seed, wears=wears) for wears in (False, True)}
    for place in range(plan.people):
        yield next(numbers[int((place + 1) * plan.glasses_share) > int(place * plan.glasses_share)])


def _numbers(seed: int, *, wears: bool) -> Iterator[int]:
    """Yield the numbers of those who wear glasses, or of those who do not."""
    for number in count():
        if (invent_looks(np.random.default_rng([seed, number, 1])).glasses is not None) is wears:
            yield number


def eyes_of(head_model: Path, plan: EyePlan, number: int) -> Eyes:
    """Invent person ``number`` of a plan and cut their eyes out of pictures; the same numbers give the same eyes."""
    cv2.setNumThreads(1)  # each process is one of many
    drawer = drawer_of(head_model)
    person = invent_textured(drawer, plan.seed, number)
    _make_up_eyes(person, drawer, np.random.default_rng([plan.seed, number, 6]))
    habit = habit_px(plan.seed, number)
    rows = []
    for picture in range(plan.pictures):
        rng = np.random.default_rng([plan.seed, number, 7, picture])
        conditions, squint = _conditions(drawer, rng)
        portrait = take_portrait(drawer, person, conditions, rng)
        if person.looks.glasses is not None and rng.random() < _GLARE_CHANCE:
            _glare(portrait, person.looks.glasses, rng)
        for _ in range(plan.cuts):
            patches = eye_patches(portrait.color, detected(portrait, conditions.view, habit, rng))
            rows.append((patches, portrait, conditions, squint))
    return Eyes(
        patches=np.rint(np.concatenate([row[0] for row in rows])).astype(np.uint8).reshape(-1, *PATCH_PX),
        seen=np.concatenate([row[1].eyes_seen for row in rows]).astype(np.float32),
        person=np.full(2 * len(rows), number, np.int64),
        glasses=np.full(2 * len(rows), person.looks.glasses is not None),
        squint=np.repeat([row[3] for row in rows], 2).astype(np.float32),
        dim=np.repeat([row[2].camera.dim for row in rows], 2).astype(np.float32),
        eye_to_eye_px=np.repeat([_eye_to_eye_px(row[1]) for row in rows], 2).astype(np.float32),
    )


def _eye_to_eye_px(portrait: Portrait) -> float:
    return float(np.linalg.norm(portrait.landmarks_px[1] - portrait.landmarks_px[0]))


def _conditions(drawer: Drawer, rng: np.random.Generator) -> tuple[Conditions, float]:
    """Draw one picture's conditions with what eyes do of their own, and how strongly they squint."""
    drawn = draw_conditions(VARIED, drawer.expressions, rng)
    kept = {name: strength for name, strength in drawn.stance.expression if not name.startswith("eye")}
    squint = float(rng.uniform(0.2, 1.3)) if rng.random() < 0.4 else float(rng.uniform(0.0, 0.2))
    gaze, strength = str(rng.choice(_GAZES)), float(rng.uniform(0.0, 0.8)) * float(rng.random() < 0.5)
    moves = {"eyeSquint": (squint, squint), gaze: (strength, strength), "eyeBlink": _lids(rng)}
    if rng.random() < 0.1:
        moves["eyeWide"] = (float(rng.uniform(0, 1)),) * 2
    sides = ("_L", "_R")
    sided = {f"{name}{side}": each for name, both in moves.items() for side, each in zip(sides, both, strict=True)}
    expression = tuple((name, value) for name, value in {**kept, **sided}.items() if name in drawer.expressions)
    return replace(drawn, stance=replace(drawn.stance, expression=expression)), squint


def _lids(rng: np.random.Generator) -> tuple[float, float]:
    """Draw how far both lids are down: beyond full strength too, for on some heads they do not meet before."""
    kind = rng.random()
    if kind < _SHUT_CHANCE:
        both = rng.uniform(0.9, 1.25)
    elif kind < _SHUT_CHANCE + _BETWEEN_CHANCE:
        both = rng.uniform(0.3, 0.9)
    else:
        both = rng.uniform(0.0, 0.3)
    other = rng.uniform(0.0, 1.1) if rng.random() < _WINK_CHANCE else both * rng.uniform(0.95, 1.05)
    return float(both), float(other)


def _make_up_eyes(person: TexturedPerson, drawer: Drawer, rng: np.random.Generator) -> None:
    """Give eyes what the head model lacks, in place: lashes, all that is seen of a shut eye, and their shade."""
    balls = drawer.layout.eye_vertices
    person.shape[balls, 2] += _SUNK_MM
    person.tint[balls] *= np.float32(rng.uniform(0.25, 1.0))
    marks = atlas.unroll(drawer.model.landmarks)
    label = person.texture[:, : atlas.LABEL_COLUMNS]
    strength, width_mm = rng.uniform(0.2, 1.0), rng.uniform(0.8, 2.6)
    for ids in _UPPER_LIDS:
        edge = smooth_outline(marks[list(ids)], closed=False) + np.array((0.0, rng.uniform(-0.8, 0.3)))
        draw(label, stroke(edge, width_mm, 0.6), strength, (0.85, 0.88, 0.9))
    np.clip(label, 0.0, None, out=label)


def _glare(portrait: Portrait, glasses: Glasses, rng: np.random.Generator) -> None:
    """Let lenses mirror a window or a lamp, in place: a bright shape with a soft edge within each of them."""
    scale = _eye_to_eye_px(portrait) / _EYE_TO_EYE_MM
    half = np.array((glasses.half_width_mm, glasses.half_height_mm)) * scale
    corners = rng.uniform(-1.1, 1.1, 2) + rng.uniform(0.15, 1.0) * rng.uniform(-1.0, 1.0, (4, 2))
    light = rng.uniform(0.3, 1.0) * rng.uniform((170, 180, 190), (255, 255, 255))
    height, width = portrait.color.shape[:2]
    row, column = np.mgrid[0:height, 0:width]
    for eye in portrait.landmarks_px[:2]:
        middle = eye + np.array((0.0, glasses.drop_mm * scale))
        mirrored = np.zeros((height, width), np.float32)
        cv2.fillConvexPoly(mirrored, cv2.convexHull(np.rint(middle + corners * half).astype(np.int32)), 1.0)
        lens = ((column - middle[0]) / half[0]) ** 2 + ((row - middle[1]) / half[1]) ** 2 <= 1
        share = cv2.GaussianBlur(
            mirrored * lens.astype(np.float32), (0, 0), max(0.4, 0.04 * float(half[0]))
        ) * rng.uniform(0.3, 0.95)
        seen = portrait.color.any(axis=2, keepdims=True)  # registered colour is black where nothing was read
        portrait.color[:] = np.where(seen, portrait.color + (light - portrait.color) * share[..., None], 0).clip(0, 255)
