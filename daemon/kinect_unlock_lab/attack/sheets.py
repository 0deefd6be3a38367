"""Prints on paper, held by hand: flat, bent about any axis, folded, crumpled.

Paper bends and does not stretch: but for creases, which stand off a little, straight lines run along a sheet, and the
picture lies on it unrolled, in millimetres. None of the victim's depth ever reaches it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from kinect_unlock.arrays import F64
from kinect_unlock_lab.attack.exhibit import Instrument, Species, Victim
from kinect_unlock_lab.attack.hand import FARTHEST_MM, NEAREST_MM, trembling
from kinect_unlock_lab.attack.likeness import SKIN, Likeness, likeness
from kinect_unlock_lab.attack.things import Held, Picture, Thing, described, lattice, plain

A4_MM: Final = (210.0, 297.0)
A3_MM: Final = (297.0, 420.0)
_PITCH_MM: Final = 3.0  # of a sheet's corners
_TILT_DEG: Final = 25.0
_RADII_MM: Final = (60.0, 80.0, 100.0, 130.0, 180.0, 300.0)
_AXES_DEG: Final = (0.0, 22.5, 45.0, 90.0, 135.0)
_FOLDS_DEG: Final = (10.0, 20.0, 30.0, 45.0)
_CRUMPLES_MM: Final = (2.0, 4.0, 6.0, 9.0)
_THUMB_RGB: Final = (190, 140, 115)
_THUMB_RADIUS_MM: Final = 10.0
_THUMB_HEIGHT_MM: Final = 16.0
_THUMB_DROP_MM: Final = 20.0  # below the face's middle
_CREASES: Final = 9
_CREASE_MM: Final = (60.0, 240.0)  # from one crease to the next of its kind but one: facets of a few centimetres

# From the way along the unrolled sheet, f64[n] mm, to where that is across (x) and away (z), f64[n] each.
Profile: TypeAlias = Callable[[F64], tuple[F64, F64]]


@dataclass(frozen=True, slots=True)
class Print:
    """A sheet with a face on it: its size, and how much of life size the face has; ``toner`` as in `Likeness`."""

    size_mm: tuple[float, float] = A4_MM
    scale: float = 1.0
    toner: float = 0.5


def flat() -> Profile:
    """Lay it on a board."""
    return lambda way: (way, np.zeros_like(way))


def bent(radius_mm: float, *, hollow: bool = False) -> Profile:
    """Bend it evenly; the middle is nearest or, hollow, farthest. It ends where it would turn its back."""
    sign = -1.0 if hollow else 1.0
    end = np.pi / 2

    def place(way: F64) -> tuple[F64, F64]:
        turn = np.where(np.abs(way) / radius_mm <= end, way / radius_mm, np.nan)
        return radius_mm * np.sin(turn), sign * radius_mm * (1 - np.cos(turn))

    return place


def folded(fold_deg: float, *, hollow: bool = False) -> Profile:
    """Fold it once in the middle, each half turned away by the angle."""
    cos, sin = np.cos(np.radians(fold_deg)), np.sin(np.radians(fold_deg)) * (-1.0 if hollow else 1.0)
    return lambda way: (way * cos, np.abs(way) * sin)


@dataclass(frozen=True, slots=True, eq=False)
class Creases:
    """Zigzags f64[n] each: direction in radians, from crease to crease in mm, where they start, how high they stand."""

    direction_rad: F64
    length_mm: F64
    start: F64
    height_mm: F64

    def at(self, across_mm: F64, down_mm: F64) -> F64:
        """Return how far the sheet stands out, mm: flat facets with sharp creases between them."""
        height = np.zeros_like(across_mm)
        for turn, length, start, high in zip(
            self.direction_rad, self.length_mm, self.start, self.height_mm, strict=True
        ):
            way = (np.cos(turn) * across_mm + np.sin(turn) * down_mm) / length + start
            height += high * (4 * np.abs(way - np.floor(way + 0.5)) - 1)
        return height


def creases(rng: np.random.Generator, rms_mm: float) -> Creases:
    """Draw a crumpled sheet whose facets stand off by so much, as the root of the mean square."""
    direction = rng.uniform(0, np.pi, _CREASES)
    length, height = rng.uniform(*_CREASE_MM, _CREASES), rng.normal(0, 1, _CREASES)
    height *= length  # long facets stand as steep as short ones
    height *= rms_mm / np.sqrt((height**2).sum() / 3)  # a zigzag between -1 and 1 has a mean square of 1/3
    return Creases(direction, length, rng.uniform(0, 1, _CREASES), height)


def sheet(
    source: Likeness, page: Print, profile: Profile, axis_deg: float = 0.0, crumpled: Creases | None = None
) -> Thing:
    """Make the surface; ``axis_deg`` of bend or fold, 0 upright, clockwise as the image shows it."""
    across, down = _page_mm(page.size_mm)
    cos, sin = np.cos(np.radians(axis_deg)), np.sin(np.radians(axis_deg))
    way, beside = cos * across + sin * down, cos * down - sin * across
    x, z = profile(way)
    if crumpled is not None:
        z = z - crumpled.at(across, down)
    vertices = np.stack((cos * x - sin * beside, sin * x + cos * beside, z), axis=2).reshape(-1, 3)
    return Thing(
        vertices,
        lattice(across.shape, np.isfinite(x)),
        source.picture_px(across, down, page.scale),
        source.printed(page.toner),
    )


def thumbs(size_mm: tuple[float, float], reach_mm: float) -> tuple[Thing, Thing]:
    """Return two thumbs that hold a flat sheet by its sides and reach as near to the face's middle as told."""
    skin = plain(_THUMB_RGB, SKIN)
    return _thumb(size_mm[0] / 2, reach_mm, 1.0, skin), _thumb(size_mm[0] / 2, reach_mm, -1.0, skin)


def _thumb(outside_mm: float, reach_mm: float, side: float, skin: Picture) -> Thing:
    """Return half a rod with a round tip, level, before the sheet."""
    length, turn = np.linspace(0, 1, 25), np.linspace(0, np.pi, 13)
    along = reach_mm + _THUMB_RADIUS_MM + (outside_mm + 15 - reach_mm - _THUMB_RADIUS_MM) * length
    tip = np.linspace(np.pi / 2, 0, 8)
    x = np.concatenate((reach_mm + _THUMB_RADIUS_MM * (1 - np.sin(tip)), along))
    thick = np.concatenate((np.cos(tip), np.ones_like(along)))
    y = _THUMB_DROP_MM + _THUMB_RADIUS_MM * np.outer(thick, np.cos(turn))
    z = -_THUMB_HEIGHT_MM * np.outer(thick, np.sin(turn))
    vertices = np.stack((side * np.repeat(x[:, None], len(turn), axis=1), y, z), axis=2).reshape(-1, 3)
    return Thing(vertices, lattice(y.shape), np.zeros((len(vertices), 2), np.float32), skin)


def _page_mm(size_mm: tuple[float, float]) -> tuple[F64, F64]:
    """Return where the corners of a sheet's lattice are, f64[rows,columns] each, unrolled."""
    columns, rows = (2 * round(side / _PITCH_MM / 2) + 1 for side in size_mm)
    across, down = np.meshgrid(
        np.linspace(-size_mm[0] / 2, size_mm[0] / 2, columns), np.linspace(-size_mm[1] / 2, size_mm[1] / 2, rows)
    )
    return across, down


def flat_prints(victim: Victim, others: Sequence[Victim], rng: np.random.Generator) -> Iterator[Instrument]:
    """Hold A4 and A3, at life size and somewhat below it, with thumbs and without."""
    del others
    held = (None, None, 65.0, 45.0)
    for size_mm in (A4_MM, A3_MM):
        for scale in (1.0, 0.85):
            reach = held[int(rng.integers(len(held)))]
            page = Print(size_mm, scale, _toner(rng))
            numbers = {} if reach is None else {"thumbs_mm": reach}
            things = (sheet(likeness(victim), page, flat()), *(() if reach is None else thumbs(size_mm, reach)))
            yield presented(Species.FLAT_PRINT, victim, page, things, numbers, rng)


def bent_prints(victim: Victim, others: Sequence[Victim], rng: np.random.Generator) -> Iterator[Instrument]:
    """Bend to every radius, about an upright, a level and oblique axes, one time in four hollow."""
    del others
    for radius_mm in _RADII_MM:
        for axis_deg in rng.choice(_AXES_DEG, 2, replace=False):
            hollow, page = bool(rng.random() < 0.25), Print(A4_MM, 1.0, _toner(rng))
            thing = sheet(likeness(victim), page, bent(radius_mm, hollow=hollow), axis_deg)
            numbers = {"radius_mm": radius_mm, "axis_deg": axis_deg, "hollow": float(hollow)}
            yield presented(Species.BENT_PRINT, victim, page, (thing,), numbers, rng)


def folded_prints(victim: Victim, others: Sequence[Victim], rng: np.random.Generator) -> Iterator[Instrument]:
    """Fold once, by several angles."""
    del others
    for fold_deg in _FOLDS_DEG:
        for axis_deg in (0.0, float(rng.choice(_AXES_DEG))):
            hollow, page = bool(rng.random() < 0.25), Print(A4_MM, 1.0, _toner(rng))
            thing = sheet(likeness(victim), page, folded(fold_deg, hollow=hollow), axis_deg)
            numbers = {"fold_deg": fold_deg, "axis_deg": axis_deg, "hollow": float(hollow)}
            yield presented(Species.FOLDED_PRINT, victim, page, (thing,), numbers, rng)


def crumpled_prints(victim: Victim, others: Sequence[Victim], rng: np.random.Generator) -> Iterator[Instrument]:
    """Crumple and smooth out again, flat and bent."""
    del others
    for rms_mm in _CRUMPLES_MM:
        for radius_mm in (0.0, float(rng.uniform(80, 200))):
            page = Print(A4_MM, 1.0, _toner(rng))
            profile = bent(radius_mm) if radius_mm else flat()
            thing = sheet(likeness(victim), page, profile, 0.0, creases(rng, rms_mm))
            yield presented(
                Species.CRUMPLED_PRINT, victim, page, (thing,), {"crumple_mm": rms_mm, "radius_mm": radius_mm}, rng
            )


def real_prints(victim: Victim, others: Sequence[Victim], rng: np.random.Generator) -> Iterator[Instrument]:
    """Lay a photograph of a real print on flat and bent sheets; nothing is made of a victim who has depth."""
    del others
    if victim.frame.depth_mm is not None:
        return
    for radius_mm in (0.0, 0.0, *_RADII_MM[1:]):
        page = Print(A3_MM, 1.0, _toner(rng))
        axis_deg = float(rng.choice(_AXES_DEG))
        thing = sheet(likeness(victim), page, bent(radius_mm) if radius_mm else flat(), axis_deg)
        numbers = {"radius_mm": radius_mm, "axis_deg": axis_deg}
        yield presented(Species.REAL_PRINT, victim, page, (thing,), numbers, rng)


def presented(
    species: Species,
    victim: Victim,
    page: Print,
    things: tuple[Thing, ...],
    numbers: dict[str, float],
    rng: np.random.Generator,
) -> Held:
    """Hold a sheet before the camera at a distance and tilt drawn at random."""
    distance_mm = float(rng.uniform(NEAREST_MM, FARTHEST_MM))
    yaw_deg, pitch_deg = (float(angle) for angle in rng.uniform(-_TILT_DEG, _TILT_DEG, 2))
    source = likeness(victim)
    everything = numbers | {
        "distance_mm": distance_mm,
        "yaw_deg": yaw_deg,
        "pitch_deg": pitch_deg,
        "width_mm": page.size_mm[0],
        "scale": page.scale,
        "toner": page.toner,
    }
    pose = source.pose(distance_mm, yaw_deg, pitch_deg)
    return Held(species, things, source.camera, pose, trembling(rng), described(everything))


def _toner(rng: np.random.Generator) -> float:
    return float(rng.choice((0.0, 0.5, 1.0)))
