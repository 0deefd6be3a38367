"""Do bounds that a rule chooses on some people hold for others? Cross-validation over people; pure.

The rule: of the real frames of four folds of five, each bound is the value farthest out, moved outwards by a margin, a
share of itself. Attacks have no say in it. What the bounds refuse of the fifth fold's real frames is counted, and what
they let pass of the attacks that are made of its people. Which cues have bounds, on which side, and which of them have
others from a distance on, are the configuration's.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from kinect_unlock.settings import Bounds, Config
from kinect_unlock_lab.attack.results import Measured, Presentation, Results
from kinect_unlock_lab.attack.study import WHOLE_HEADS, Judged, Rate, judged, rate_of

FOLDS: Final = 5
MARGINS: Final = (0.0, 0.05, 0.1)


@dataclass(frozen=True, slots=True)
class Folded:
    """What one way to choose bounds does at one range of distances, over all folds."""

    name: str
    band: str
    refused: Rate  # of real frames
    accepted: Rate  # of attacks, but for whole heads, which no bound tells from faces


def folded(results: Results, settings: Config) -> tuple[Folded, ...]:
    """Compare the configuration's bounds with those of the rule; nothing where there are fewer people than folds."""
    people = sorted({one.person for one in results.genuine if one.judged})
    if len(people) < FOLDS:
        return ()
    shown = [one for one in (*results.genuine, *results.attacks) if one.person in people]  # not who is but photographed
    every = [one for one in shown if one.species not in WHOLE_HEADS]
    found = list(_told("as configured", judged(every, settings), settings))
    for margin in MARGINS:
        tested: list[Judged] = []
        for fold in (set(people[number::FOLDS]) for number in range(FOLDS)):
            bounds = chosen([one for one in results.genuine if one.person not in fold], settings, margin)
            tested += judged([one for one in every if one.person in fold], bounds)
        found += _told(f"farthest + {margin:.0%}", tested, settings)
    return tuple(found)


def chosen(real: Iterable[Presentation], settings: Config, margin: float) -> Config:
    """Return the configuration with bounds that the rule chooses on these real frames, beyond the near range apart."""
    bounds, beyond = settings.liveness, settings.liveness_beyond
    apart = [name for name in beyond.__struct_fields__ if name != "from_mm"]
    asked = [one.look for one in real if one.judged]
    near, far = ([look for look in asked if _is_far(look, settings) is side] for side in (False, True))
    everywhere = {
        name: _moved(_values(name, near if name in apart else asked), getattr(bounds, name), margin)
        for name in bounds.__struct_fields__
    }
    there = {name: _moved(_values(name, far), getattr(beyond, name), margin) for name in apart}
    return msgspec.structs.replace(
        settings,
        liveness=msgspec.structs.replace(bounds, **everywhere),
        liveness_beyond=msgspec.structs.replace(beyond, **there),
    )


def _told(name: str, shown: Sequence[Judged], settings: Config) -> Iterator[Folded]:
    """Count apart what is near and what is far."""
    from_mm = settings.liveness_beyond.from_mm
    for band, side in ((f"up to {from_mm:g} mm", False), ("beyond", True)):
        own = [one for one in shown if _is_far(one.shown.look, settings) is side]
        real = [one for one in own if one.shown.species is None]
        attacks = [one for one in own if one.shown.species is not None]
        yield Folded(
            name,
            band,
            rate_of("refused", real, lambda one: not one.live),
            rate_of("accepted", attacks, lambda one: one.live),
        )


def _is_far(look: Measured, settings: Config) -> bool:
    return look.distance_mm is not None and look.distance_mm >= settings.liveness_beyond.from_mm


def _values(name: str, looks: Iterable[Measured]) -> list[float]:
    return [value for look in looks if (value := look.cues.get(name)) is not None]


def _moved(values: Sequence[float], bounds: Bounds | None, margin: float) -> Bounds | None:
    """Return bounds on the same sides, as far out as the values and the margin; the same where there are no values."""
    if bounds is None or not values:
        return bounds
    low, high = min(values), max(values)
    return (
        None if bounds[0] is None else low - margin * abs(low),
        None if bounds[1] is None else high + margin * abs(high),
    )
