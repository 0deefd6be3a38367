"""Who is accepted, liveness and match together: rates of whole attempts by species and sensor.

Terms follow ISO/IEC 30107-3: IAPAR is the share of attempts with an instrument of an owner's likeness that are accepted
as that owner. RIAPAR sets it against the share of owners who are refused: IAPAR + FRR, so that a system which refuses
everybody does not look safe. The FRR is of the same people's own looks, brought to life and seen by the same simulated
sensor; that of their real stills stands beside it. Attacks are *simulated*.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kinect_unlock_lab.attack.exhibit import Species
from kinect_unlock_lab.attack.results import About, Tried
from kinect_unlock_lab.attack.study import Rate, rate


@dataclass(frozen=True, slots=True)
class SpeciesAcceptance:
    """One species under one sensor; ``live``: attempts with at least one frame that liveness let pass."""

    species: Species
    sensor: str
    iapar: Rate
    riapar: float
    live: int
    owners_imitated: int


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Everything that was found; all attacks are simulated. ``frr`` is by sensor, the real camera's of stills."""

    about: About
    owners: int
    frr: tuple[Rate, ...]
    species: tuple[SpeciesAcceptance, ...]

    @property
    def worst(self) -> SpeciesAcceptance | None:
        """The species and sensor with the highest IAPAR: the headline."""
        return max(self.species, key=lambda one: (one.iapar.interval.value, one.iapar.events), default=None)


def acceptance(about: About, attempts: Sequence[Tried]) -> Acceptance:
    """Count what was accepted."""
    own = [one for one in attempts if one.species is None]
    refused = {sensor: _refused(sensor, own) for sensor in sorted({one.sensor for one in own})}
    kinds: dict[tuple[Species, str], list[Tried]] = {}
    for one in attempts:
        if one.species is not None:
            kinds.setdefault((one.species, one.sensor), []).append(one)
    order = list(Species)
    return Acceptance(
        about,
        len({one.person for one in attempts}),
        tuple(refused.values()),
        tuple(
            _of_kind(species, sensor, kinds[species, sensor], refused.get(sensor))
            for species, sensor in sorted(kinds, key=lambda kind: (order.index(kind[0]), kind[1]))
        ),
    )


def _of_kind(species: Species, sensor: str, attempts: Sequence[Tried], refused: Rate | None) -> SpeciesAcceptance:
    accepted = [one for one in attempts if one.accepted]
    iapar = rate(species.value, len(accepted), len(attempts), _people(attempts))
    frr = float("nan") if refused is None else refused.interval.value
    live = sum(one.found_live for one in attempts)
    return SpeciesAcceptance(species, sensor, iapar, iapar.interval.value + frr, live, _people(accepted))


def _refused(sensor: str, own: Iterable[Tried]) -> Rate:
    of_sensor = [one for one in own if one.sensor == sensor]
    return rate(sensor, sum(not one.accepted for one in of_sensor), len(of_sensor), _people(of_sensor))


def _people(attempts: Iterable[Tried]) -> int:
    return len({one.person for one in attempts})
