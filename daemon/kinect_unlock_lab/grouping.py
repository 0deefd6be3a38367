"""Groups of samples or people, each by a quantity that the pipeline measures.

What belongs to a person (face width, hair) is the median over their near-frontal samples, and divides people at the
thirds; what belongs to a sample (distance, pose, light) divides samples at fixed bounds or at the thirds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from kinect_unlock_lab.protocols import F32, Bools, Embedded

DISTANCE: Final = "distance"

_DISTANCES_MM: Final = (900.0, 1100.0)
_TURNS_DEG: Final = (15.0, 30.0)
_THIRDS: Final = (1 / 3, 2 / 3)


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Samples that have something in common: ``members`` bool[N] of those that try."""

    quantity: str
    name: str
    members: Bools


def groups_of(embedded: Embedded) -> Iterator[Group]:
    """Yield the groups of every quantity that was measured; a sample without a measure is in none of that quantity."""
    width, hair = (_of_person(embedded, values) for values in (embedded.face_width_mm, embedded.hair))
    yield from _bands("face width", width, _thirds(embedded, width), "{:.0f} mm")
    yield from _bands("hair over the outer face", hair, _thirds(embedded, hair), "{:.2f}")
    yield from _bands(DISTANCE, embedded.distance_mm, _DISTANCES_MM, "{:.0f} mm")
    yield from _bands("head turned by", embedded.turned_deg, _TURNS_DEG, "{:.0f}°")
    yield from _bands("brightness of the face", embedded.light, _sample_thirds(embedded.light), "{:.0f} of 255")


def _of_person(embedded: Embedded, values: F32) -> F32:
    """Give every sample its person's median over near-frontal samples, f32[N]; NaN where none was measured."""
    person = embedded.person_index
    found = np.full(len(embedded), np.nan, np.float32)
    for one in np.unique(person):
        own = values[(person == one) & embedded.near_frontal & np.isfinite(values)]
        if len(own):
            found[person == one] = np.median(own)
    return found


def _thirds(embedded: Embedded, values: F32) -> tuple[float, ...]:
    """Return the bounds that divide the people into thirds; none where the values are not known."""
    _, first = np.unique(embedded.person, return_index=True)
    return _sample_thirds(values[first])


def _sample_thirds(values: F32) -> tuple[float, ...]:
    known = values[np.isfinite(values)]
    return tuple(float(one) for one in np.quantile(known, _THIRDS)) if len(known) else ()


def _bands(quantity: str, values: F32, bounds: tuple[float, ...], form: str) -> Iterator[Group]:
    """Yield a group below, between and from each bound."""
    if not bounds or not np.isfinite(values).any():
        return
    lows, highs = (-np.inf, *bounds), (*bounds, np.inf)
    for low, high in zip(lows, highs, strict=True):
        members = (values >= low) & (values < high)
        if members.any():
            yield Group(quantity, _name(low, high, form), members)


def _name(low: float, high: float, form: str) -> str:
    if np.isneginf(low):
        return f"below {form.format(high)}"
    if np.isposinf(high):
        return f"from {form.format(low)}"
    return f"{form.format(low).split(' ')[0]} to {form.format(high)}"
