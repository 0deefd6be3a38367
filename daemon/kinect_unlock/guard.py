"""Whether the owner is still there: one figure followed from when their face was known. Pure; time is the frames'.

The owner is one number in a `Scene`. Whoever else comes and goes has other numbers, so that passing by changes nothing.
The owner counts as seen whenever that figure has moved within the zone: an empty chair that took its place does not
move, and who is beyond the margin is not seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum, unique

from kinect_unlock.clock import NS_PER_S
from kinect_unlock.observations import Figure
from kinect_unlock.scene import Scene, seen
from kinect_unlock.settings import Presence


@unique
class Sight(StrEnum):
    """What a frame says of the owner."""

    HERE = "here"
    SOMEBODY = "somebody"  # in the zone, and not known to be the owner
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Guard:
    """The scene, and who in it is the owner; ``owner`` None: to be picked from the next frame."""

    scene: Scene = field(default_factory=Scene)
    owner: int | None = None
    seen_ns: int = 0  # when the owner was last seen to move in the zone


def followed(guard: Guard, figures: Sequence[Figure], at_ns: int, rules: Presence) -> Guard:
    """Return the guard after one more frame.

    Without an owner yet it is the figure nearest to the camera, which is whose face was just looked at.
    """
    scene = seen(guard.scene, [one for one in figures if _near_zone(one, rules)], at_ns, still_mm=rules.still_mm)
    guard = replace(guard, scene=scene)
    if guard.owner is None:
        inside = [mover for mover in scene.now() if _in_zone(mover.figure, rules)]
        return replace(guard, owner=inside[0].number, seen_ns=at_ns) if inside else guard
    owner = scene.get(guard.owner)
    return guard if owner is None else replace(guard, seen_ns=max(guard.seen_ns, owner.moved_ns))


def sight(guard: Guard, rules: Presence) -> Sight:
    """Say what the newest frame shows; an owner who has not moved for half the time may be an empty chair by now."""
    now, lately_ns = guard.scene.now(), rules.absent_s / 2 * NS_PER_S
    if any(mover.number == guard.owner and guard.scene.at_ns - mover.moved_ns <= lately_ns for mover in now):
        return Sight.HERE
    return Sight.SOMEBODY if any(_in_zone(mover.figure, rules) for mover in now) else Sight.NOBODY


def left_s(guard: Guard, rules: Presence) -> float:
    """Return after how many seconds the owner counts as gone, if nothing is seen of them any more; 0.0: at once."""
    return max(0.0, rules.absent_s - (guard.scene.at_ns - guard.seen_ns) / NS_PER_S)


def _in_zone(figure: Figure, rules: Presence) -> bool:
    return rules.near_mm <= figure.distance_mm <= rules.far_mm


def _near_zone(figure: Figure, rules: Presence) -> bool:
    return rules.near_mm - rules.margin_mm <= figure.distance_mm <= rules.far_mm + rules.margin_mm
