"""Prints that are worn: around a cylinder, around another person's head, and with holes through which the head shows.

Paper laid around a head bends about its upright axis alone: every row of it has one outline, that of the head's
foremost parts, drawn taut. ``conform`` is the share, 0 to 0.5, by which it follows the wearer's shape beyond that,
which paper cannot do without tearing: it stands for the best that cuts, folds and glue may reach.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np

from kinect_unlock.arrays import F64
from kinect_unlock_lab.attack.exhibit import Instrument, Species, Victim
from kinect_unlock_lab.attack.hand import FARTHEST_MM, NEAREST_MM, trembling, turned
from kinect_unlock_lab.attack.heads import head
from kinect_unlock_lab.attack.likeness import Likeness, likeness
from kinect_unlock_lab.attack.sheets import A3_MM, Print, bent, presented, sheet
from kinect_unlock_lab.attack.things import Held, Thing, described, lattice
from kinect_unlock_lab.raster import Mask

_CYLINDERS_MM: Final = (70.0, 80.0, 90.0, 105.0)
_LEAN_DEG: Final = (0.0, 15.0, -15.0)
_CONFORM: Final = (0.0, 0.25, 0.5)
_WEARERS: Final = 3
_CELL_MM: Final = 4.0  # of the map of a wearer's head: a reading is up to 3.7 mm wide
_ACROSS_MM: Final = 84.0  # from the middle to a worn sheet's sides: it ends beside the head
_UP_MM: Final = 104.0  # from the face's middle to the sheet's upper edge ...
_DOWN_MM: Final = 84.0  # ... and to its lower one, at the chin
_THICK_MM: Final = 1.0  # a sheet and the air under it
_FOLLOWS_MM: Final = 8.0  # spread of the blur over the shape that a sheet gives way to
_STEEPEST: Final = 0.35  # lean of a sheet against the head's axis, mm per mm
_MIDDLE_MM: Final = 30.0  # beside the middle: brow, nose and chin, which say how a sheet leans
_TURN_DEG: Final = 8.0
_FAR_MM: Final = 1e4  # where the wearer's head is not

_EYE_MM: Final = (17.0, 9.0)  # half axes of what is cut out, across and down
_NOSE_MM: Final = (18.0, 24.0)
_MOUTH_MM: Final = (30.0, 13.0)
_NOSE_LIFT_MM: Final = 12.0  # of its hole's middle above the tip
_TONERS: Final = (0.0, 0.5, 1.0)
_BLACKS: Final = (0.01, 0.02, 0.04)  # reflectances at 860 nm: flock, the blackest coats, matt black paint


@dataclass(frozen=True, slots=True)
class Cut:
    """What is cut out of a print."""

    eyes: bool = False
    nose: bool = False
    mouth: bool = False


WHOLE: Final = Cut()
_CUTS: Final = (
    Cut(eyes=True),
    Cut(nose=True),
    Cut(eyes=True, mouth=True),
    Cut(eyes=True, nose=True),
    Cut(eyes=True, nose=True, mouth=True),
)


def cylinder_prints(victim: Victim, others: Sequence[Victim], rng: np.random.Generator) -> Iterator[Instrument]:
    """Lay A3 around cylinders as thick as heads, upright and leaning to a side."""
    del others
    for radius_mm in _CYLINDERS_MM:
        for lean_deg in rng.choice(_LEAN_DEG, 2, replace=False):
            page = Print(A3_MM, 1.0, float(rng.choice(_TONERS)))
            thing = sheet(likeness(victim), page, bent(radius_mm), lean_deg)
            numbers = {"radius_mm": radius_mm, "axis_deg": lean_deg}
            yield presented(Species.CYLINDER_PRINT, victim, page, (thing,), numbers, rng)


def head_prints(victim: Victim, others: Sequence[Victim], rng: np.random.Generator) -> Iterator[Instrument]:
    """Lay a print around other people's heads, taut and giving way."""
    for wearer in _wearers(others, rng):
        for conform in _CONFORM:
            yield _worn(Species.HEAD_PRINT, victim, wearer, WHOLE, conform, rng)


def cut_out_prints(victim: Victim, others: Sequence[Victim], rng: np.random.Generator) -> Iterator[Held]:
    """Wear a print with holes, taut and giving way; a nose sticks out through its hole."""
    for wearer in _wearers(others, rng):
        for cut in _CUTS:
            yield _worn(Species.CUT_OUT_PRINT, victim, wearer, cut, float(rng.choice(_CONFORM[:2])), rng)


def black_prints(victim: Victim, others: Sequence[Victim], rng: np.random.Generator) -> Iterator[Instrument]:
    """Wear a print with holes whose paper hardly reflects the lamp's light: less depth is read that is not a face's."""
    for held in cut_out_prints(victim, others, rng):
        bare, paper = held.things
        reflectance = float(rng.choice(_BLACKS))
        black = replace(paper, picture=likeness(victim).painted(reflectance))
        numbers = {name: number for name, number in held.parameters.items() if name != "toner"}
        parameters = {**numbers, "reflectance": reflectance}
        yield replace(held, species=Species.BLACK_PRINT, things=(bare, black), parameters=parameters)


def _wearers(others: Sequence[Victim], rng: np.random.Generator) -> list[Victim]:
    able = [other for other in others if other.frame.depth_mm is not None]
    return [able[number] for number in rng.permutation(len(able))[:_WEARERS]]


def _worn(species: Species, victim: Victim, wearer: Victim, cut: Cut, conform: float, rng: np.random.Generator) -> Held:
    """Dress a wearer's head, and put it where it was at a distance drawn at random, turned a little further."""
    toner, distance_mm = float(rng.choice(_TONERS)), float(rng.uniform(NEAREST_MM, FARTHEST_MM))
    turn_deg = rng.uniform(-_TURN_DEG, _TURN_DEG, 2)
    yaw_deg, pitch_deg = wearer.pose.yaw_deg + float(turn_deg[0]), wearer.pose.pitch_deg + float(turn_deg[1])
    bare, paper = dressed(victim, wearer, cut, conform, toner)
    numbers = {
        "eyes_cut": float(cut.eyes),
        "nose_cut": float(cut.nose),
        "mouth_cut": float(cut.mouth),
        "conform": conform,
        "distance_mm": distance_mm,
        "yaw_deg": yaw_deg,
        "pitch_deg": pitch_deg,
        "toner": toner,
    }
    source = likeness(wearer)
    pose = source.pose(distance_mm, yaw_deg, pitch_deg, wearer.pose.roll_deg)
    return Held(species, (bare, paper), source.camera, pose, trembling(rng), described(numbers))


def dressed(
    victim: Victim, wearer: Victim, cut: Cut = WHOLE, conform: float = 0.0, toner: float = 0.5
) -> tuple[Thing, Thing]:
    """Return a wearer's bare head and the print of the victim on it, both in the head's own upright axes.

    Nothing of the victim's depth goes into either.
    """
    source, pose = likeness(victim), wearer.pose
    upright = turned(pose.yaw_deg, pose.pitch_deg, pose.roll_deg)
    bare = _turned_back(head(wearer, likeness(wearer).lived()), upright)
    across, down = _cells()
    lean = _lean(_uncut(_front(bare), _holes(source, victim, cut, across, down)))
    front = _front(_turned_back(bare, lean))
    outline = _taut(_uncut(front, _holes(source, victim, cut, across, down)))
    unrolled = _unrolled(outline)
    kept = (np.abs(unrolled) <= A3_MM[0] / 2) & ~_holes(source, victim, cut, unrolled, down)
    draped = np.broadcast_to(outline, across.shape)
    if conform:
        draped = np.minimum((1 - conform) * draped + conform * _followed(front, draped), _before(front, kept))
    vertices = np.stack((across, down, draped - _THICK_MM), axis=2).reshape(-1, 3) @ lean.T
    worn = source.picture_px(np.broadcast_to(unrolled, across.shape), down)
    return bare, Thing(vertices, lattice(across.shape, kept), worn, source.printed(toner))


def _turned_back(thing: Thing, rotation: F64) -> Thing:
    """Return what has been turned so in the axes that it had before."""
    return Thing(thing.vertices_mm @ rotation, thing.triangles, thing.picture_px, thing.picture, thing.gloss)


def _cells() -> tuple[F64, F64]:
    """Return the middles of the cells of a worn sheet, f64[rows,columns] mm across and down each."""
    across = np.arange(-_ACROSS_MM, _ACROSS_MM + 1, _CELL_MM)
    down = np.arange(-_UP_MM, _DOWN_MM + 1, _CELL_MM)
    grid: tuple[F64, F64] = tuple(np.meshgrid(across, down))
    return grid


def _front(bare: Thing) -> F64:
    """Return how near the head comes in each cell, f64[rows,columns] mm, infinity where nothing of it was read."""
    across, _ = _cells()
    points = bare.vertices_mm[np.unique(bare.triangles)]
    column = np.rint((points[:, 0] + _ACROSS_MM) / _CELL_MM).astype(np.intp)
    row = np.rint((points[:, 1] + _UP_MM) / _CELL_MM).astype(np.intp)
    inside = (column >= 0) & (column < across.shape[1]) & (row >= 0) & (row < across.shape[0])
    near = np.full(across.shape, np.inf)
    np.minimum.at(near, (row[inside], column[inside]), points[inside, 2])
    lonely = cv2.medianBlur(np.where(np.isfinite(near), near, _FAR_MM).astype(np.float32), 3) - near > 15.0
    return np.where(lonely, np.inf, near)  # a reading that flies before the head


def _uncut(front: F64, holes: Mask) -> F64:
    """Return what of a head paper with holes rests on, f64[rows,columns] mm."""
    return np.where(holes, np.inf, front)


def _lean(front: F64) -> F64:
    """Return how a sheet that rests on forehead and chin leans against the head, as a rotation f64[3,3]."""
    across, down = _cells()
    foremost = front[:, np.abs(across[0]) < _MIDDLE_MM].min(axis=1)
    known = np.isfinite(foremost)
    slope = float(np.polyfit(down[known, 0], foremost[known], 1)[0]) if known.sum() > 1 else 0.0
    return turned(0.0, -float(np.degrees(np.arctan(np.clip(slope, -_STEEPEST, _STEEPEST)))), 0.0)


def _taut(front: F64) -> F64:
    """Draw a sheet taut over what it rests on: its outline f64[columns] mm."""
    across, _ = _cells()
    nearest = front.min(axis=0)
    known = np.isfinite(nearest)
    if known.sum() < 2:
        return np.zeros(len(nearest))
    return _hull(across[0, known], nearest[known], across[0])


def _hull(place: F64, height: F64, at: F64) -> F64:
    """Return the greatest convex outline that lies before all heights; beyond the last ones it goes on straight."""
    corners: list[int] = []
    for new in range(len(place)):
        while len(corners) > 1 and _bulges(place, height, corners[-2], corners[-1], new):
            corners.pop()
        corners.append(new)
    x, z = place[corners], height[corners]
    outline: F64 = np.interp(at, x, z)
    left, right = at < x[0], at > x[-1]
    slopes = np.diff(z) / np.diff(x)
    outline[left] = z[0] + slopes[0] * (at[left] - x[0])
    outline[right] = z[-1] + slopes[-1] * (at[right] - x[-1])
    return outline


def _bulges(place: F64, height: F64, one: int, between: int, other: int) -> bool:
    """Say if a corner lies behind the straight line from its neighbour to the other."""
    share = (place[between] - place[one]) / (place[other] - place[one])
    return bool(height[between] >= height[one] + share * (height[other] - height[one]))


def _followed(front: F64, draped: F64) -> F64:
    """Return the wearer's shape as a sheet might follow it, f64[rows,columns] mm; the sheet where none was read."""
    known = np.isfinite(front)
    beneath = np.where(known, front, draped).astype(np.float32)
    spread = _FOLLOWS_MM / _CELL_MM
    return np.asarray(cv2.GaussianBlur(np.clip(beneath, draped, draped + 60), (0, 0), spread), np.float64)


def _before(front: F64, kept: Mask) -> F64:
    """Return the farthest that paper may lie: before all of the head around, f64[rows,columns] mm."""
    closed = np.where(kept & np.isfinite(front), front, _FAR_MM).astype(np.float32)
    return np.asarray(cv2.erode(closed, np.ones((3, 3), np.uint8)), np.float64)


def _unrolled(outline: F64) -> F64:
    """Return f64[columns]: how far along the sheet each column is from the middle, mm."""
    across = _cells()[0][0]
    way = np.concatenate(((0.0,), np.cumsum(np.hypot(np.diff(across), np.diff(outline)))))
    middle: float = np.interp(0.0, across, way)
    return way - middle


def _holes(source: Likeness, victim: Victim, cut: Cut, across: F64, down: F64) -> Mask:
    """Say what is cut out of the print, bool[rows,columns]; places are mm on the unrolled sheet."""
    marks = (victim.detection.landmarks_px.astype(np.float64) - source.middle_px) / source.px_per_mm
    ovals = []
    if cut.eyes:
        ovals += [(marks[0], _EYE_MM), (marks[1], _EYE_MM)]
    if cut.nose:
        ovals.append((marks[2] - (0.0, _NOSE_LIFT_MM), _NOSE_MM))
    if cut.mouth:
        ovals.append(((marks[3] + marks[4]) / 2, _MOUTH_MM))
    holes = np.zeros(np.broadcast_shapes(across.shape, down.shape), bool)
    for (x_mm, y_mm), (half_across, half_down) in ovals:
        holes |= ((across - x_mm) / half_across) ** 2 + ((down - y_mm) / half_down) ** 2 < 1
    return holes
