"""Surfaces that wear a picture, put before the camera: what every instrument that can be held or worn is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np

from kinect_unlock.arrays import F32, F64, U8, read_only
from kinect_unlock.frames import Intrinsics
from kinect_unlock_lab.attack.exhibit import Exhibit, Species
from kinect_unlock_lab.attack.hand import STILL, Hand, Pose
from kinect_unlock_lab.raster import I32, Mask
from kinect_unlock_lab.synthesis.rasteriser import interpolate, rasterise

_NOTHING_RGB: Final = (70, 72, 75)  # a wall, too far away to be measured


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Picture:
    """What a surface wears: ``color`` u8[h,w,3] RGB, and how its ``reflectance`` f32[h,w] 0..1 goes with it."""

    color: U8
    reflectance: F32

    def __post_init__(self) -> None:
        read_only(self.color)
        read_only(self.reflectance)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Thing:
    """A surface in its own axes: x right, y down, z away from the camera, the face's middle at the origin.

    ``vertices_mm`` f64[V,3], ``triangles`` i32[F,3], ``picture_px`` f32[V,2] where in the picture each vertex takes its
    colour. ``gloss`` 0..1, see `Exhibit`.
    """

    vertices_mm: F64
    triangles: I32
    picture_px: F32
    picture: Picture
    gloss: float = 0.0

    def __post_init__(self) -> None:
        for plane in (self.vertices_mm, self.triangles, self.picture_px):
            read_only(plane)


@dataclass(frozen=True, slots=True)
class Film:
    """What moves in a picture while it is shown: ``hand`` moves it by mm of life size and turns it, light changes.

    ``px_per_mm`` of the picture; ``flicker`` is the share by which its brightness rises and falls, ``rate_hz`` how
    often.
    """

    hand: Hand
    px_per_mm: float
    middle_px: tuple[float, float]
    flicker: float = 0.0
    rate_hz: float = 0.5

    def moved(self, picture_px: F32, t_s: float) -> F32:
        """Say where in the picture is taken now what is taken from ``picture_px`` f32[...,2] at rest."""
        x_mm, y_mm, _, _, _, roll_deg = self.hand.at(t_s)
        cos, sin = np.cos(np.radians(roll_deg)), np.sin(np.radians(roll_deg))
        turn = np.array(((cos, -sin), (sin, cos)), np.float32)
        middle = np.array(self.middle_px, np.float32)
        shift = np.array((x_mm, y_mm), np.float32) * np.float32(self.px_per_mm)
        return np.asarray((picture_px - middle) @ turn + middle + shift, np.float32)

    def gain(self, t_s: float) -> float:
        """Return by how much brighter it is now."""
        return 1.0 + self.flicker * float(np.sin(2 * np.pi * self.rate_hz * t_s))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Held:
    """An instrument made of things that are held, or worn, together."""

    species: Species
    things: tuple[Thing, ...]
    camera: Intrinsics
    pose: Pose
    hand: Hand = STILL
    parameters: dict[str, float] = field(default_factory=dict)
    film: Film | None = None

    def at(self, t_s: float) -> Exhibit:
        """Return what is to be seen after this time; the same at every call."""
        rotation, middle_mm = self.pose.placed(self.hand.at(t_s))
        shown = [_shown(thing, thing.vertices_mm @ rotation.T + middle_mm, self, t_s) for thing in self.things]
        nearest = shown[0]
        for other in shown[1:]:
            nearest = _before(nearest, other)
        return nearest


def _shown(thing: Thing, corners_mm: F64, held: Held, t_s: float) -> Exhibit:
    """See one thing alone."""
    camera = held.camera
    screen = projected(corners_mm, camera)
    raster = rasterise(screen, thing.triangles, camera.width_px, camera.height_px, both_sides=True)
    worn = interpolate(raster, screen, thing.triangles, thing.picture_px, beyond=-1.0)
    there = raster.triangle >= 0
    color = thing.picture.color
    if held.film is not None:
        worn = held.film.moved(worn, t_s)
        color = cv2.convertScaleAbs(color, alpha=held.film.gain(t_s)).astype(np.uint8, copy=False)
    column, row = worn[..., 0], worn[..., 1]
    seen = cv2.remap(_as_fine(color, worn, there), column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    reflected = cv2.remap(thing.picture.reflectance, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    seen[~there] = _NOTHING_RGB
    gloss = np.where(there, np.float32(thing.gloss), np.float32(0))
    return Exhibit(
        seen.astype(np.uint8, copy=False), raster.z_mm, np.where(there, reflected, 0).astype(np.float32), gloss
    )


def _as_fine(color: U8, worn: F32, there: Mask) -> U8:
    """Blur a picture that is seen smaller than it is kept, as the camera's pixels do."""
    steps = np.linalg.norm(np.diff(worn, axis=1), axis=2)[there[:, 1:] & there[:, :-1]]
    coarser = float(np.median(steps)) if len(steps) else 1.0
    if coarser <= 1.0:
        return color
    return cv2.GaussianBlur(color, (0, 0), 0.5 * np.sqrt(coarser**2 - 1.0) + 1e-3).astype(np.uint8, copy=False)


def _before(one: Exhibit, other: Exhibit) -> Exhibit:
    """Put two exhibits into one view: the nearer is seen."""
    nearer = other.depth_mm < one.depth_mm
    return Exhibit(
        np.where(nearer[..., None], other.color, one.color),
        np.where(nearer, other.depth_mm, one.depth_mm),
        np.where(nearer, other.reflectance, one.reflectance),
        np.where(nearer, other.gloss, one.gloss),
    )


def projected(points_mm: F64, camera: Intrinsics) -> F32:
    """Return f32[n,3]: where points f64[n,3] fall in the image, px, and their depth in mm."""
    depth = points_mm[:, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        x = points_mm[:, 0] / depth * camera.fx_px + camera.cx_px
        y = points_mm[:, 1] / depth * camera.fy_px + camera.cy_px
    return np.stack((x, y, depth), axis=1).astype(np.float32)


def lattice(shape: tuple[int, ...], kept: Mask | None = None) -> I32:
    """Join the points of a lattice of rows and columns to triangles i32[F,3], between what is ``kept`` bool[*shape]."""
    number = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    corners = (number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:])
    upper, lower = (corners[0], corners[2], corners[1]), (corners[1], corners[2], corners[3])
    triangles = np.concatenate([np.stack(three, axis=2).reshape(-1, 3) for three in (upper, lower)])
    return triangles if kept is None else np.ascontiguousarray(triangles[kept.ravel()[triangles].all(axis=1)])


def plain(color_rgb: Sequence[int], reflectance: float) -> Picture:
    """Return a picture of one colour."""
    return Picture(np.array([[color_rgb]], np.uint8), np.full((1, 1), reflectance, np.float32))


def described(numbers: Mapping[str, float]) -> dict[str, float]:
    """Return an instrument's parameters, rounded to what can be told apart."""
    return {name: round(float(number), 3) for name, number in numbers.items()}
