"""Heads that are not the victim's: smooth ones, masks of another's shape, reliefs too flat, heads too small or too big.

Where a head's shape is a real one's, it is a look's own readings, hardly smoothed; what was not read stays a hole. So
it carries a sensor's noise before it is sensed again. A blur that takes this noise away takes the face along: over 1.4
pixels, sensed again by the first sensor, 25 people lost 0.7 mm of the 6.0 mm that they lie off their best quadric and
5 mm of 30 mm of nose (medians); over half a pixel 0.3 and 1.6 mm.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import cv2
import numpy as np

from kinect_unlock.arrays import F64, U16
from kinect_unlock_lab.attack.exhibit import Instrument, Species, Victim
from kinect_unlock_lab.attack.hand import FARTHEST_MM, NEAREST_MM, trembling
from kinect_unlock_lab.attack.likeness import Likeness, likeness
from kinect_unlock_lab.attack.things import Held, Picture, Thing, described, lattice
from kinect_unlock_lab.raster import I32, Mask

_DEEP_MM: Final = 250.0  # before and behind the face's middle: head and shoulders, no wall
_STEP_MM: Final = 30.0  # between neighbouring readings: an outline
GRAIN_PX: Final = 0.5  # spread of the blur over readings
_TURN_DEG: Final = 10.0  # by which a head is turned off how it was seen; more would show what was not
_SMOOTH_MM: Final = (10.0, 15.0, 20.0, 25.0)
_ELLIPSOID_MM: Final = (76.0, 112.0, 95.0)  # half axes across, down and deep: a hairdresser's head without a face
_RELIEFS: Final = (0.25, 0.5, 0.75)
_FACE_MM: Final = 70.0  # around its middle: what a relief is flat to
_SCALES: Final = (0.6, 0.7, 0.8, 1.25, 1.35, 1.5)
_FITS_MM: Final = (600.0, 1300.0)  # a head of true size is seen whole, and large enough, between these
_WEARERS: Final = 6
_COATS: Final = (0.4, 0.6, 0.8)  # reflectance of paint, silicone, plaster


def smooth_heads(victim: Victim, others: Sequence[Victim], rng: np.random.Generator) -> Iterator[Instrument]:
    """Show the victim's picture on an ellipsoid and on their own head, its shape blurred."""
    del others
    picture = likeness(victim).painted(float(rng.choice(_COATS)))
    for size in (0.9, 1.0, 1.1):
        half_mm = (size * _ELLIPSOID_MM[0], size * _ELLIPSOID_MM[1], size * _ELLIPSOID_MM[2])
        thing = ellipsoid(likeness(victim), half_mm, picture)
        yield shown(Species.SMOOTH_HEAD, victim, thing, {"ellipsoid": size}, rng)
    if victim.frame.depth_mm is not None:
        for smooth_mm in _SMOOTH_MM:
            thing = head(victim, picture, smooth_mm=smooth_mm)
            yield shown(Species.SMOOTH_HEAD, victim, thing, {"smooth_mm": smooth_mm}, rng)


def foreign_masks(victim: Victim, others: Sequence[Victim], rng: np.random.Generator) -> Iterator[Instrument]:
    """Lay the victim's colours on other people's real faces, landmark on landmark."""
    picture = likeness(victim).painted()
    able = [other for other in others if other.frame.depth_mm is not None]
    for number in rng.permutation(len(able))[:_WEARERS]:
        wearer = able[number]
        thing = head(wearer, picture, laid_on(wearer, victim))
        numbers = {"wearer_distance_mm": wearer.pose.distance_mm}
        yield shown(Species.FOREIGN_MASK, wearer, thing, numbers, rng)


def relief_masks(victim: Victim, others: Sequence[Victim], rng: np.random.Generator) -> Iterator[Instrument]:
    """Show the victim's own face with less relief than it has."""
    del others
    if victim.frame.depth_mm is None:
        return
    for relief in _RELIEFS:
        for reflectance in rng.choice(_COATS, 2, replace=False):
            thing = flattened(head(victim, likeness(victim).painted(float(reflectance))), relief)
            numbers = {"relief": relief, "reflectance": float(reflectance)}
            yield shown(Species.RELIEF_MASK, victim, thing, numbers, rng)


def full_relief_masks(victim: Victim, others: Sequence[Victim], rng: np.random.Generator) -> Iterator[Instrument]:
    """Show the victim's own face in colour and true shape: what no single look at shape can tell from life."""
    del others
    if victim.frame.depth_mm is None:
        return
    for reflectance in _COATS:
        thing = head(victim, likeness(victim).painted(reflectance))
        yield shown(Species.FULL_RELIEF_MASK, victim, thing, {"relief": 1.0, "reflectance": reflectance}, rng)


def wrong_scales(victim: Victim, others: Sequence[Victim], rng: np.random.Generator) -> Iterator[Instrument]:
    """Show the victim's head in colour and shape, too small or too big, where it is seen whole."""
    del others
    if victim.frame.depth_mm is None:
        return
    truth = head(victim, likeness(victim).painted())
    for scale in _SCALES:
        thing = Thing(scale * truth.vertices_mm, truth.triangles, truth.picture_px, truth.picture)
        yield shown(Species.WRONG_SCALE, victim, thing, {"scale": scale}, rng, scale=scale)


def shown(
    species: Species,
    seen: Victim,
    thing: Thing,
    numbers: dict[str, float],
    rng: np.random.Generator,
    *,
    scale: float = 1.0,
) -> Held:
    """Put a head where ``seen``'s was, at a distance and slightly turned, both drawn at random."""
    nearest, farthest = (float(np.clip(edge * scale, NEAREST_MM, FARTHEST_MM)) for edge in _FITS_MM)
    distance_mm = float(rng.uniform(nearest, farthest))
    yaw_deg, pitch_deg = (float(angle) for angle in rng.uniform(-_TURN_DEG, _TURN_DEG, 2))
    source = likeness(seen)
    everything = numbers | {"distance_mm": distance_mm, "yaw_deg": yaw_deg, "pitch_deg": pitch_deg}
    pose = source.pose(distance_mm, yaw_deg, pitch_deg)
    return Held(species, (thing,), source.camera, pose, trembling(rng), described(everything))


def head(seen: Victim, picture: Picture, laid: F64 | None = None, *, smooth_mm: float = 0.0) -> Thing:
    """Return the surface that a look shows, around the middle of its face.

    Args:
        seen: whose depth it is.
        picture: what it wears.
        laid: f64[2,3], from the pixels of ``seen`` to those of the picture; the same if None.
        smooth_mm: spread of a blur over the shape.

    Raises:
        ValueError: the look has no depth.
    """
    if seen.frame.depth_mm is None:
        raise ValueError(f"{seen.person}: a head needs a look with depth")
    source = likeness(seen)
    camera, there = source.camera, standing(seen.frame.depth_mm, seen.pose.distance_mm)
    depth = smoothed(seen.frame.depth_mm, there, max(GRAIN_PX, smooth_mm * source.px_per_mm))
    row, column = np.mgrid[0 : camera.height_px, 0 : camera.width_px].astype(np.float64)
    points = np.stack(
        ((column - camera.cx_px) / camera.fx_px * depth, (row - camera.cy_px) / camera.fy_px * depth, depth), axis=2
    )
    middle = source.pose(seen.pose.distance_mm)
    vertices = (points - (middle.x_mm, middle.y_mm, middle.z_mm)).reshape(-1, 3)
    px = np.stack((column, row), axis=2).reshape(-1, 2)
    worn = px if laid is None else px @ laid[:, :2].T + laid[:, 2]
    return Thing(vertices, _joined(depth, there), worn.astype(np.float32), picture)


def standing(depth_mm: U16, distance_mm: float) -> Mask:
    """Say what of a depth image is the person, bool[h,w]: what was read, not far before or behind the face."""
    there: Mask = (depth_mm > 0) & (np.abs(depth_mm.astype(np.float64) - distance_mm) < _DEEP_MM)
    return there


def smoothed(depth_mm: U16, there: Mask, spread_px: float) -> F64:
    """Blur what was read, f64[h,w] mm; what is ``there`` alone counts."""
    weight = there.astype(np.float32)
    total = cv2.GaussianBlur(depth_mm.astype(np.float32) * weight, (0, 0), spread_px)
    share = cv2.GaussianBlur(weight, (0, 0), spread_px)
    return np.asarray(total / np.maximum(share, np.float32(1e-3)), np.float64)


def _joined(depth_mm: F64, there: Mask) -> I32:
    """Join neighbouring readings to triangles i32[F,3], but not across outlines and holes."""
    triangles = lattice(there.shape, there)
    corners = depth_mm.ravel()[triangles]
    return np.ascontiguousarray(triangles[np.ptp(corners, axis=1) < _STEP_MM])


def ellipsoid(source: Likeness, half_mm: tuple[float, float, float], picture: Picture) -> Thing:
    """Return the front of an ellipsoid, the picture thrown on it from before."""
    across, down = np.meshgrid(np.linspace(-1, 1, 61), np.linspace(-1, 1, 81))
    inside = across**2 + down**2 <= 0.995
    deep = np.sqrt(np.where(inside, 1 - across**2 - down**2, 0.0))
    x, y, z = across * half_mm[0], down * half_mm[1], half_mm[2] * (1 - deep)
    vertices = np.stack((x, y, z), axis=2).reshape(-1, 3)
    return Thing(vertices, lattice(inside.shape, inside), source.picture_px(x, y), picture)


def flattened(thing: Thing, relief: float) -> Thing:
    """Press a face towards its best plane until it has this share of its relief."""
    corners = thing.vertices_mm
    read = np.zeros(len(corners), bool)
    read[thing.triangles] = True
    normal, height = plane_heights(corners, read & (np.linalg.norm(corners, axis=1) < _FACE_MM))
    pressed = corners - (1 - relief) * height[:, None] * normal
    return Thing(pressed, thing.triangles, thing.picture_px, thing.picture, thing.gloss)


def plane_heights(points_mm: F64, chosen: Mask) -> tuple[F64, F64]:
    """Return the normal f64[3] of the best plane through the ``chosen`` points, and how far all lie off it, f64[n]."""
    face = points_mm[chosen]
    middle = face.mean(axis=0)
    normal: F64 = np.linalg.svd(face - middle, full_matrices=False)[2][2]
    height: F64 = (points_mm - middle) @ normal
    return normal, height


def laid_on(seen: Victim, picture: Victim) -> F64:
    """Return f64[2,3], the affine map from pixels of ``seen`` to those of ``picture``: landmark on landmark."""
    one = seen.detection.landmarks_px.astype(np.float64)
    basis = np.concatenate((one, np.ones((len(one), 1))), axis=1)
    found, *_ = np.linalg.lstsq(basis, picture.detection.landmarks_px.astype(np.float64), rcond=None)
    return np.asarray(found.T, np.float64)
