"""Streams that were put together from two: somebody's depth under another picture, and a picture over no face's depth.

Whoever can feed a camera's driver needs nothing before the lens. What is injected here is still sensed by the sensor
models, so that it is noisier than what a patient attacker would feed.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import cv2
import numpy as np

from kinect_unlock.arrays import F32, F64, U8, U16
from kinect_unlock.frames import Intrinsics
from kinect_unlock_lab.attack.exhibit import Exhibit, Instrument, Species, Victim
from kinect_unlock_lab.attack.hand import STILL, Hand, trembling
from kinect_unlock_lab.attack.heads import GRAIN_PX, smoothed, standing
from kinect_unlock_lab.attack.likeness import SKIN, likeness
from kinect_unlock_lab.attack.things import described

_WEARERS: Final = 2
_SHIFTS_MM: Final = (0.0, 20.0, 40.0, 80.0)
_ROOM_MM: Final = (1500.0, 3500.0)
_NOISE_MM: Final = (15.0, 60.0)
_NOISE_PX: Final = 3.0
_FURNITURE: Final = 6

# What is behind the colours: depth f32[h,w] mm, infinity for nothing, without the hand's motion.
_Behind: TypeAlias = Callable[[tuple[int, int], float, np.random.Generator], F32]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Injected:
    """Colour and depth of different origin, each moved by a hand of its own: in pixels and in mm of distance."""

    species: Species
    camera: Intrinsics
    color: U8
    depth_mm: F32
    parameters: dict[str, float] = field(default_factory=dict)
    color_hand: Hand = STILL
    depth_hand: Hand = STILL
    px_per_mm: float = 0.0

    def at(self, t_s: float) -> Exhibit:
        """Return what is fed after this time; the same at every call."""
        color = _moved(self.color, self.color_hand.at(t_s) * self.px_per_mm, cv2.INTER_LINEAR, 0.0)
        moved = self.depth_hand.at(t_s)
        depth = _moved(self.depth_mm, moved * self.px_per_mm, cv2.INTER_NEAREST, np.inf) + np.float32(moved[2])
        reflectance = np.where(np.isfinite(depth), np.float32(SKIN), np.float32(0))
        gloss = np.zeros_like(reflectance)
        return Exhibit(color.astype(np.uint8), depth.astype(np.float32), reflectance, gloss)


def _moved(plane: U8 | F32, by_px: F64, how: int, beyond: float, larger: float = 1.0) -> F32:
    """Make an image larger from its corner on, then shift it across and down by the first two of ``by_px``."""
    shift = np.array(((larger, 0.0, by_px[0]), (0.0, larger, by_px[1])))
    size = (plane.shape[1], plane.shape[0])
    border = (beyond, beyond, beyond)
    return np.asarray(
        cv2.warpAffine(plane, shift, size, flags=how, borderMode=cv2.BORDER_CONSTANT, borderValue=border), np.float32
    )


def injected_depths(victim: Victim, others: Sequence[Victim], rng: np.random.Generator) -> Iterator[Instrument]:
    """Put other people's living depth under the victim's colours: face under face, and shifted off it.

    Who can feed anything moves it to the victim's distance first, or its size alone would tell. Even so its shape,
    outline and motion are another's.
    """
    shape = victim.frame.color.shape[:2]
    able = [(one, depth) for one in others if (depth := one.frame.depth_mm) is not None and depth.shape == shape]
    for number in rng.permutation(len(able))[:_WEARERS]:
        other, depth_mm = able[number]
        for shift_mm in _SHIFTS_MM:
            turn_rad = float(rng.uniform(0, 2 * np.pi))
            yield _beneath(victim, other, depth_mm, (shift_mm, turn_rad), rng)


def _beneath(
    victim: Victim, other: Victim, readings_mm: U16, shift: tuple[float, float], rng: np.random.Generator
) -> Injected:
    """Bring the other's face under the victim's, as near as that, then shift it by mm in a direction in radians."""
    per_mm = likeness(victim).px_per_mm
    larger = per_mm / likeness(other).px_per_mm
    nearer_mm = other.pose.distance_mm - victim.pose.distance_mm
    there = standing(readings_mm, other.pose.distance_mm)
    depth = np.where(there, smoothed(readings_mm, there, GRAIN_PX) - nearer_mm, np.inf).astype(np.float32)
    mine, theirs = (one.detection.landmarks_px.astype(np.float64).mean(axis=0) for one in (victim, other))
    by_px = mine - larger * theirs + shift[0] * per_mm * np.array((np.cos(shift[1]), np.sin(shift[1])))
    placed = _moved(depth, by_px, cv2.INTER_NEAREST, np.inf, larger)
    numbers = {"shift_mm": shift[0], "direction_deg": float(np.degrees(shift[1]))}
    return Injected(
        Species.DEPTH_INJECTED,
        victim.calibration.color,
        victim.frame.color,
        placed,
        described(
            numbers | {"depth_distance_mm": other.pose.distance_mm, "color_distance_mm": victim.pose.distance_mm}
        ),
        trembling(rng),
        trembling(rng),
        per_mm,
    )


def injected_colors(victim: Victim, others: Sequence[Victim], rng: np.random.Generator) -> Iterator[Instrument]:
    """Put the victim's colours over a depth without a face: none, an empty room, a wall where they stood, noise."""
    del others
    shape = victim.frame.color.shape[:2]
    for number, behind in enumerate(_BEHINDS):
        distance_mm = victim.pose.distance_mm
        yield Injected(
            Species.COLOR_INJECTED,
            victim.calibration.color,
            victim.frame.color,
            behind((shape[0], shape[1]), distance_mm, rng),
            described({"kind": number, "color_distance_mm": distance_mm}),
            trembling(rng),
            px_per_mm=likeness(victim).px_per_mm,
        )


def _nothing(shape: tuple[int, int], distance_mm: float, rng: np.random.Generator) -> F32:
    del distance_mm, rng
    return np.full(shape, np.inf, np.float32)


def _room(shape: tuple[int, int], distance_mm: float, rng: np.random.Generator) -> F32:
    """Return a wall behind upright and level boxes."""
    del distance_mm
    depth = np.full(shape, rng.uniform(*_ROOM_MM), np.float32)
    for _ in range(_FURNITURE):
        top, left = (int(rng.integers(0, size)) for size in shape)
        high, wide = (int(rng.integers(size // 8, size // 2)) for size in shape)
        box = depth[top : top + high, left : left + wide]
        np.minimum(box, np.float32(rng.uniform(*_ROOM_MM)), out=box)
    return depth


def _wall(shape: tuple[int, int], distance_mm: float, rng: np.random.Generator) -> F32:
    """Return a wall at the victim's distance, aslant."""
    slopes = rng.normal(0, 60, 2)
    down, across = np.meshgrid(*(np.linspace(-1, 1, size) for size in shape), indexing="ij")
    return np.asarray(distance_mm + slopes[0] * across + slopes[1] * down, np.float32)


def _blotches(shape: tuple[int, int], distance_mm: float, rng: np.random.Generator) -> F32:
    """Return blotches about the victim's distance, as if something of a face's relief were there."""
    blotches = cv2.GaussianBlur(rng.standard_normal(shape).astype(np.float32), (0, 0), _NOISE_PX)
    return np.asarray(distance_mm + rng.uniform(*_NOISE_MM) * blotches / blotches.std(), np.float32)


def _grain(shape: tuple[int, int], distance_mm: float, rng: np.random.Generator) -> F32:
    """Return single readings about the victim's distance."""
    return np.asarray(distance_mm + rng.uniform(*_NOISE_MM) * rng.standard_normal(shape), np.float32)


_BEHINDS: Final[tuple[_Behind, ...]] = (_nothing, _room, _wall, _blotches, _grain)
