"""Figures from one frame to the next: which one is which, and when each of them last moved. Pure; time is the frames'.

What never moves is furniture. Nobody sits so still that neither their breath nor their balance moves the middle of all
that the camera sees of them by a millimetre or two, and nothing moves that of a chair.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from kinect_unlock.clock import NS_PER_S
from kinect_unlock.observations import Figure

# How far the middle of a figure may jump between two frames, and how fast people walk in a room.
_JUMP_MM: Final = 250.0
_SPEED_MM_PER_S: Final = 1500.0
_REACH_MM: Final = 900.0  # at most: farther away it is somebody else, however long nobody looked
KEPT_S: Final = 2.0  # a figure that was hidden for so long is taken up again where it was


@dataclass(frozen=True, slots=True)
class Mover:
    """A figure with a number of its own. ``anchor`` is where it was when it last moved."""

    number: int
    figure: Figure
    first_ns: int  # its first frame
    seen_ns: int  # its newest one
    anchor: Figure
    moved_ns: int


@dataclass(frozen=True, slots=True)
class Scene:
    """What is before the camera. ``at_ns`` is the newest frame's moment."""

    movers: tuple[Mover, ...] = ()
    at_ns: int = 0
    next_number: int = 1

    def now(self) -> tuple[Mover, ...]:
        """Return who is in the newest frame, nearest first."""
        return tuple(mover for mover in self.movers if mover.seen_ns == self.at_ns)

    def alive(self, within_s: float) -> tuple[Mover, ...]:
        """Return who is in the newest frame and has moved not long ago."""
        return tuple(mover for mover in self.now() if self.at_ns - mover.moved_ns <= within_s * NS_PER_S)

    def get(self, number: int | None) -> Mover | None:
        """Return one figure, None if it was not seen for long."""
        return next((mover for mover in self.movers if mover.number == number), None)


def seen(scene: Scene, figures: Sequence[Figure], at_ns: int, *, still_mm: float) -> Scene:
    """Return the scene after one more frame. Each figure is the nearest one before that can have come there."""
    known = [mover for mover in scene.movers if at_ns - mover.seen_ns <= KEPT_S * NS_PER_S]
    pairs = sorted(
        (away_mm(mover.figure, figure), index, mover.number)
        for mover in known
        for index, figure in enumerate(figures)
        if away_mm(mover.figure, figure) <= _reach_mm(at_ns - mover.seen_ns)
    )
    by_number = {mover.number: mover for mover in known}
    taken: dict[int, Mover] = {}
    for _, index, number in pairs:
        if index not in taken and number in by_number:
            taken[index] = by_number.pop(number)
    movers, next_number = [], scene.next_number
    for index, figure in enumerate(figures):
        before = taken.get(index)
        if before is None:
            movers.append(Mover(next_number, figure, at_ns, at_ns, figure, at_ns))
            next_number += 1
        elif away_mm(before.anchor, figure) >= still_mm:
            movers.append(replace(before, figure=figure, seen_ns=at_ns, anchor=figure, moved_ns=at_ns))
        else:
            movers.append(replace(before, figure=figure, seen_ns=at_ns))
    return Scene((*movers, *by_number.values()), at_ns, next_number)


def away_mm(one: Figure, other: Figure) -> float:
    """Return how far two figures are apart, seen from above."""
    return math.hypot(one.x_mm - other.x_mm, one.distance_mm - other.distance_mm)


def _reach_mm(passed_ns: int) -> float:
    return min(_JUMP_MM + _SPEED_MM_PER_S * passed_ns / NS_PER_S, _REACH_MM)
