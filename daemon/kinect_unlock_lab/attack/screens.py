"""Telephones, tablets and monitors that show the victim: glass in a frame, still or with a film on it.

The glass is flat and mirrors; what that does to readings is for the sensor models. A screen too small for a face of
life size shows it smaller.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from kinect_unlock.arrays import F64
from kinect_unlock_lab.attack.exhibit import Instrument, Species, Victim
from kinect_unlock_lab.attack.hand import FARTHEST_MM, NEAREST_MM, STILL, trembling
from kinect_unlock_lab.attack.likeness import Likeness, likeness
from kinect_unlock_lab.attack.things import Film, Held, Thing, described, lattice, plain

_GLASS_GLOSS: Final = 0.9
_GLASS_REFLECTANCE: Final = 0.15  # of what is not mirrored: a display is dark inside
_FRAME_GLOSS: Final = 0.2
_FRAME_REFLECTANCE: Final = 0.3
_FRAME_RGB: Final = (25, 25, 28)
_FRAME_HIGH_MM: Final = 1.0  # before the glass
_FACE_MM: Final = 150.0  # life size, across
_TILT_DEG: Final = 20.0
_SWAY_MM: Final = (4.0, 12.0)  # of a head in a film
_NOD_DEG: Final = 4.0
_FLICKER: Final = (0.02, 0.1)


@dataclass(frozen=True, slots=True)
class Screen:
    """A display and the frame around it; ``on_a_stand``: nobody's hand trembles."""

    name: str
    size_mm: tuple[float, float]
    frame_mm: float
    on_a_stand: bool = False


SCREENS: Final = (
    Screen("telephone", (70.0, 150.0), 3.0),
    Screen("small tablet", (120.0, 180.0), 9.0),
    Screen("tablet", (165.0, 230.0), 10.0),
    Screen("large tablet", (200.0, 268.0), 10.0),
    Screen("laptop", (310.0, 195.0), 8.0, on_a_stand=True),
    Screen("monitor", (530.0, 300.0), 15.0, on_a_stand=True),
)


def screens(victim: Victim, others: Sequence[Victim], rng: np.random.Generator) -> Iterator[Instrument]:
    """Show a still picture on everything."""
    del others
    for screen in SCREENS:
        yield _shown(Species.SCREEN, victim, screen, rng, None)


def moving_screens(victim: Victim, others: Sequence[Victim], rng: np.random.Generator) -> Iterator[Instrument]:
    """Show a film in which the head moves and the light changes, while hands move the screen."""
    del others
    source = likeness(victim)
    for screen in SCREENS:
        if not screen.on_a_stand:
            moves = trembling(rng, sway_mm=float(rng.uniform(*_SWAY_MM)), sway_deg=_NOD_DEG)
            film = Film(moves, source.px_per_mm, source.middle_px, float(rng.uniform(*_FLICKER)))
            yield _shown(Species.MOVING_SCREEN, victim, screen, rng, film)


def _shown(species: Species, victim: Victim, screen: Screen, rng: np.random.Generator, film: Film | None) -> Held:
    """Hold a screen or stand it up, at a distance and tilt drawn at random."""
    source = likeness(victim)
    scale = min(1.0, screen.size_mm[0] / _FACE_MM)
    distance_mm = float(rng.uniform(NEAREST_MM, FARTHEST_MM * scale))
    yaw_deg, pitch_deg = (float(angle) for angle in rng.uniform(-_TILT_DEG, _TILT_DEG, 2))
    numbers = {
        "width_mm": screen.size_mm[0],
        "height_mm": screen.size_mm[1],
        "scale": scale,
        "distance_mm": distance_mm,
        "yaw_deg": yaw_deg,
        "pitch_deg": pitch_deg,
    }
    things = (glass(source, screen, scale), frame(screen))
    pose = source.pose(distance_mm, yaw_deg, pitch_deg)
    hand = STILL if screen.on_a_stand else trembling(rng)
    return Held(species, things, source.camera, pose, hand, described(numbers), film)


def glass(source: Likeness, screen: Screen, scale: float) -> Thing:
    """Return the display, the face in its middle; it goes on under the frame."""
    across, down = _corners((screen.size_mm[0] + screen.frame_mm, screen.size_mm[1] + screen.frame_mm))
    vertices = np.stack((across, down, np.zeros_like(across)), axis=2).reshape(-1, 3)
    picture = source.painted(_GLASS_REFLECTANCE)
    return Thing(vertices, lattice(across.shape), source.picture_px(across, down, scale), picture, _GLASS_GLOSS)


def frame(screen: Screen) -> Thing:
    """Return the frame around it, a little higher than the glass."""
    inner, outer = np.array(screen.size_mm) / 2, np.array(screen.size_mm) / 2 + screen.frame_mm
    corners = np.array(((-1, -1), (1, -1), (1, 1), (-1, 1)))
    flat = np.concatenate((corners * inner, corners * outer))
    vertices = np.concatenate((flat, np.full((8, 1), -_FRAME_HIGH_MM)), axis=1)
    sides = [((i, 4 + i, (i + 1) % 4), ((i + 1) % 4, 4 + i, 4 + (i + 1) % 4)) for i in range(4)]
    triangles = np.array(sides, np.int32).reshape(-1, 3)
    return Thing(vertices, triangles, np.zeros((8, 2), np.float32), plain(_FRAME_RGB, _FRAME_REFLECTANCE), _FRAME_GLOSS)


def _corners(size_mm: tuple[float, float]) -> tuple[F64, F64]:
    across, down = np.meshgrid(
        np.linspace(-size_mm[0] / 2, size_mm[0] / 2, 9), np.linspace(-size_mm[1] / 2, size_mm[1] / 2, 9)
    )
    return across, down
