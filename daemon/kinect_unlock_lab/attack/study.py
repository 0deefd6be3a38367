"""What liveness stops and what it costs: error rates by species, sensor, distance, pose, person and cue.

Terms follow ISO/IEC 30107-3: APCER is the share of an attack instrument's presentations that were taken for living
faces, BPCER the share of real ones that were not. A presentation is one frame of one instrument made of one person;
evidence over several frames comes on top of it. Only presentations that liveness was asked about count, so that what
was out of range or showed no face makes no rate look better. Intervals are Clopper and Pearson's over instruments: what
two sensors say of one is one trial. That takes those of one person for independent: the number of people stands beside
them. Attacks are *simulated*.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import hypot
from typing import Final

import numpy as np

from kinect_unlock.errors import SourceError
from kinect_unlock.liveness import bounded, verdict
from kinect_unlock.observations import Cue, Verdict
from kinect_unlock.settings import Config, Liveness
from kinect_unlock_lab.attack.exhibit import Species
from kinect_unlock_lab.attack.results import About, Presentation, Results
from kinect_unlock_lab.metrics import Interval, clopper_pearson

BANDS_MM: Final = ((450, 1000), (1000, 1350))
TURNS_DEG: Final = ((0, 10), (10, 20), (20, 40))
PERCENTILES: Final = (1, 50, 99)
# Worn by somebody, cast or read of somebody: only whose shape it is can tell, which is for the depth half of the match.
WHOLE_HEADS: Final = frozenset({Species.FULL_RELIEF_MASK, Species.FOREIGN_MASK, Species.DEPTH_INJECTED})
# What of a species' parameters says how much of a head it has.
STRENGTHS: Final = (
    (Species.RELIEF_MASK, "relief"),
    (Species.WRONG_SCALE, "scale"),
    (Species.BENT_PRINT, "radius_mm"),
)
_AHEAD_DEG: Final = 10.0
_AIMED_MM: Final = 1000.0
_AIMED_DEG: Final = 20.0


@dataclass(frozen=True, slots=True)
class Judged:
    """A presentation that liveness was asked about, judged by the bounds of now, not of when it was made."""

    shown: Presentation
    live: bool
    refused_by: frozenset[str]

    @property
    def turn_deg(self) -> float:
        """Angle between the look and the camera, near enough for bands."""
        look = self.shown.look
        return hypot(look.yaw_deg or 0.0, look.pitch_deg or 0.0)

    def passes_without(self, cue: str) -> bool:
        """True if nothing but this cue is held against it."""
        return self.refused_by <= {cue}


@dataclass(frozen=True, slots=True)
class Rate:
    """Events among the presentations of so many people, as a share with a 95 % interval."""

    name: str
    events: int
    trials: int
    people: int
    interval: Interval


@dataclass(frozen=True, slots=True)
class SpeciesRate:
    """APCER of one species under one sensor; ``unjudged``: no face, out of range, blurred."""

    species: Species
    sensor: str
    apcer: Rate
    people_imitated: int  # of whom at least one instrument was accepted
    unjudged: int


@dataclass(frozen=True, slots=True)
class CueEffect:
    """What one cue does against one species, all sensors together."""

    species: Species
    stopped: int
    stopped_alone: int
    apcer_without: Rate


@dataclass(frozen=True, slots=True)
class CueStudy:
    """One cue: where real faces lie, what it refuses of them, and what it stops."""

    name: str
    low: float | None
    high: float | None
    enforced: bool
    real: tuple[float, ...]  # at `PERCENTILES`
    refused: Rate  # of real faces
    refused_alone: int
    stopped: Rate  # of attacks
    stopped_alone: int
    effects: tuple[CueEffect, ...]


@dataclass(frozen=True, slots=True)
class Study:
    """Everything that was found; all attacks are simulated."""

    about: About
    real_frames: int
    unjudged: dict[str, int]  # real frames that liveness was not asked about, by the reason
    bpcer: Rate
    bpcer_aimed: Rate  # up to 1 m and within 20 degrees
    bpcer_by: dict[str, tuple[Rate, ...]]
    people_refused: int
    species: tuple[SpeciesRate, ...]
    strengths: dict[str, tuple[Rate, ...]]  # APCER by what makes a species strong, all sensors together
    apcer_by_distance: tuple[Rate, ...]  # of each species of which anything passes: an attacker chooses where to stand
    cues: tuple[CueStudy, ...]

    @property
    def worst(self) -> SpeciesRate | None:
        """The species and sensor with the highest APCER: the headline."""
        return _worst(self.species)

    @property
    def worst_of_others(self) -> SpeciesRate | None:
        """The worst of what has not the whole shape of a real head, which liveness by depth cannot tell from one."""
        return _worst([one for one in self.species if one.species not in WHOLE_HEADS])


def _require_cues(shown: Sequence[Presentation], bounds: Liveness) -> None:
    known = {name for one in shown for name in one.look.cues}
    enforced = {name for name in bounds.__struct_fields__ if _cue(name, None, bounds).enforced}
    if known and not enforced <= known:
        missing = ", ".join(sorted(enforced - known))
        raise SourceError(f"these results were made before there was {missing}; make them anew: lab attack measure")


def _worst(rates: Sequence[SpeciesRate]) -> SpeciesRate | None:
    measured = [one for one in rates if one.apcer.trials]
    return max(measured, key=lambda one: (one.apcer.interval.value, one.apcer.events), default=None)


def judged(presentations: Iterable[Presentation], settings: Config) -> list[Judged]:
    """Put what was measured against bounds, by the product's own rule; what was not asked about is left out."""
    return [_judged(one, settings.liveness_at(_distance_of(one))) for one in presentations if one.judged]


def _judged(one: Presentation, bounds: Liveness) -> Judged:
    cues = tuple(_cue(name, one.look.cues.get(name), bounds) for name in bounds.__struct_fields__)
    refused = frozenset(cue.name for cue in cues if cue.enforced and not cue.holds)
    return Judged(one, verdict(cues) is Verdict.LIVE, refused)


def _cue(name: str, value: float | None, bounds: Liveness) -> Cue:
    return bounded(name, "", value, getattr(bounds, name))


def study(results: Results, settings: Config) -> Study:
    """Count what was found.

    Raises:
        SourceError: a cue that has a say was not measured at all: then nothing would get through, and nobody either.
    """
    _require_cues((*results.genuine, *results.attacks), settings.liveness)
    real, attacks = judged(results.genuine, settings), judged(results.attacks, settings)
    kinds = {one.shown.species for one in attacks}
    aimed = [one for one in real if _distance_mm(one) <= _AIMED_MM and one.turn_deg <= _AIMED_DEG]
    return Study(
        about=results.about,
        real_frames=len(results.genuine),
        unjudged=dict(Counter(one.look.seen.value for one in results.genuine if not one.judged)),
        bpcer=rate_of("all", real, _refused),
        bpcer_aimed=rate_of(f"up to {_AIMED_MM:g} mm, {_AIMED_DEG:g} deg", aimed, _refused),
        bpcer_by={
            "distance, mm": _banded(real, BANDS_MM, _distance_mm, _refused),
            "turn, deg": _banded(real, TURNS_DEG, lambda one: one.turn_deg, _refused),
            "pose": _grouped(real, _pose, _refused),
            "set-up": _grouped(real, lambda one: one.shown.group, _refused),
        },
        people_refused=_people(one for one in real if _refused(one)),
        species=tuple(_species_rates(results.attacks, attacks)),
        strengths={name: _by_strength(species, name, attacks) for species, name in STRENGTHS if species in kinds},
        apcer_by_distance=tuple(_by_distance(attacks)),
        cues=tuple(_cue_studies(real, attacks, settings.liveness)),
    )


def _species_rates(shown: Sequence[Presentation], attacks: Sequence[Judged]) -> Iterable[SpeciesRate]:
    kinds = dict.fromkeys((one.species, one.sensor) for one in shown if one.species is not None)
    order = list(Species)
    for species, sensor in sorted(kinds, key=lambda kind: (order.index(kind[0]), kind[1])):
        presented = sum((one.species, one.sensor) == (species, sensor) for one in shown)
        of_kind = [one for one in attacks if (one.shown.species, one.shown.sensor) == (species, sensor)]
        apcer = rate_of(species.value, of_kind, _accepted)
        imitated = _people(one for one in of_kind if one.live)
        yield SpeciesRate(species, sensor, apcer, imitated, presented - len(of_kind))


def _by_strength(species: Species, name: str, attacks: Sequence[Judged]) -> tuple[Rate, ...]:
    own = [one for one in attacks if one.shown.species is species and name in one.shown.parameters]
    steps = sorted({one.shown.parameters[name] for one in own})
    return tuple(
        rate_of(
            f"{species.value}, {name} {step:g}", [one for one in own if one.shown.parameters[name] == step], _accepted
        )
        for step in steps
    )


def _by_distance(attacks: Sequence[Judged]) -> Iterable[Rate]:
    passed = {one.shown.species for one in attacks if one.live}
    for species in Species:
        own = [one for one in attacks if one.shown.species is species]
        if species in passed:
            for band in _banded(own, BANDS_MM, _distance_mm, _accepted):
                yield replace(band, name=f"{species.value}, {band.name}")


def _cue_studies(real: Sequence[Judged], attacks: Sequence[Judged], bounds: Liveness) -> Iterable[CueStudy]:
    kinds: dict[Species, list[Judged]] = {}
    for one in attacks:
        if one.shown.species is not None:
            kinds.setdefault(one.shown.species, []).append(one)
    for name in bounds.__struct_fields__:
        cue = _cue(name, None, bounds)
        values = [value for one in real if (value := one.shown.look.cues.get(name)) is not None]
        points = np.percentile(values, PERCENTILES) if values else np.full(len(PERCENTILES), np.nan)
        effects = tuple(_effect(name, kind, kinds[kind]) for kind in Species if kind in kinds)
        yield CueStudy(
            name=name,
            low=cue.low,
            high=cue.high,
            enforced=cue.enforced,
            real=tuple(float(point) for point in points),
            refused=rate_of(name, real, partial(_is_stopped_by, name)),
            refused_alone=sum(one.refused_by == {name} for one in real),
            stopped=rate_of(name, attacks, partial(_is_stopped_by, name)),
            stopped_alone=sum(effect.stopped_alone for effect in effects),
            effects=effects if cue.enforced else (),
        )


def _is_stopped_by(cue: str, one: Judged) -> bool:
    return cue in one.refused_by


def _effect(cue: str, species: Species, attacks: Sequence[Judged]) -> CueEffect:
    return CueEffect(
        species,
        sum(_is_stopped_by(cue, one) for one in attacks),
        sum(one.refused_by == {cue} for one in attacks),
        rate_of(f"without {cue}", attacks, lambda one: one.passes_without(cue)),
    )


def _refused(one: Judged) -> bool:
    return not one.live


def _accepted(one: Judged) -> bool:
    return one.live


def _distance_mm(one: Judged) -> float:
    return _distance_of(one.shown)


def _distance_of(shown: Presentation) -> float:
    found = shown.look.distance_mm
    return float("nan") if found is None else found


def _pose(one: Judged) -> str:
    """Name where a head looks, as the image shows it."""
    yaw, pitch = one.shown.look.yaw_deg or 0.0, one.shown.look.pitch_deg or 0.0
    if hypot(yaw, pitch) <= _AHEAD_DEG:
        return "ahead"
    if abs(yaw) >= abs(pitch):
        return "to the right" if yaw > 0 else "to the left"
    return "up" if pitch > 0 else "down"


def _people(chosen: Iterable[Judged]) -> int:
    return len({one.shown.person for one in chosen})


def rate(name: str, events: int, trials: int, people: int, *, instruments: int | None = None) -> Rate:
    """Return a rate with its interval: of as many trials as ``instruments``, where several trials are of one."""
    units = trials if instruments is None else instruments
    return Rate(name, events, trials, people, clopper_pearson(events * units / max(1, trials), units))


def rate_of(name: str, chosen: Sequence[Judged], event: Callable[[Judged], bool]) -> Rate:
    """Return how often the event is true of what was judged, one trial an instrument."""
    shown = [one.shown for one in chosen]
    instruments = len({(one.person, one.species, one.number) for one in shown})
    return rate(name, sum(map(event, chosen)), len(chosen), _people(chosen), instruments=instruments)


def _banded(
    chosen: Sequence[Judged],
    bands: Iterable[tuple[int, int]],
    value: Callable[[Judged], float],
    event: Callable[[Judged], bool],
) -> tuple[Rate, ...]:
    return tuple(
        rate_of(f"{low} to {high}", [one for one in chosen if low <= value(one) < high], event) for low, high in bands
    )


def _grouped(
    chosen: Sequence[Judged], name: Callable[[Judged], str], event: Callable[[Judged], bool]
) -> tuple[Rate, ...]:
    names = sorted({name(one) for one in chosen})
    return tuple(rate_of(group, [one for one in chosen if name(one) == group], event) for group in names)
