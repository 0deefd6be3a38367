"""Shows every instrument of every species to the product, one frame each, under every sensor model.

What is random is drawn from the seed, the victim, the species and the instrument's number: not from who computes.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product as every_pair
from typing import Final

import numpy as np

from kinect_unlock.frames import Frame
from kinect_unlock.settings import Config
from kinect_unlock_lab.attack.exhibit import Instrument, Maker, SensorModel, Species, Victim, calibration_of
from kinect_unlock_lab.attack.looking import Looker, looker
from kinect_unlock_lab.attack.results import CAMERA, Measured, Presentation
from kinect_unlock_lab.attack.streams import Tampering
from kinect_unlock_lab.attack.victims import Looked, looked_at, others_for
from kinect_unlock_lab.datasets import Capture
from kinect_unlock_lab.mapping import HERE, Workers, mapped

_LONGEST_WAIT_S: Final = 3.0  # after which the one frame is taken: hands have begun to tremble


@dataclass(frozen=True, slots=True)
class Plan:
    """What to show: ``each`` instruments of a species and victim at most, spread over all there are; None: all.

    ``tampered`` is for whole attempts only: in one frame of a stream nothing of it shows.

    In every one of ``rounds`` an attacker makes them anew: other distances, tilts, inks and whatever else is drawn.
    """

    makers: Mapping[Species, Maker]
    sensors: Mapping[str, SensorModel]
    config: Config
    each: int | None = None
    rounds: int = 1
    seed: int = 0
    tampered: Mapping[Species, Tampering] = field(default_factory=dict)

    def rng(self, victim: Victim, species: Species, *more: str) -> np.random.Generator:
        """Return the generator of a victim and species, or of something about them."""
        named = "/".join((victim.person, species.value, *more))
        return np.random.default_rng((self.seed, zlib.crc32(named.encode())))

    def instruments(
        self, species: Species, victim: Victim, others: Sequence[Victim]
    ) -> tuple[tuple[int, Instrument], ...]:
        """Make the chosen instruments of a species, each with its number among all."""
        makers = (self.rng(victim, species, f"round {one}") for one in range(self.rounds))
        made = list(enumerate(one for rng in makers for one in self.makers[species](victim, others, rng)))
        if self.each is None or len(made) <= self.each:
            return tuple(made)
        chosen = np.linspace(0, len(made) - 1, self.each).round().astype(int)
        return tuple(made[place] for place in chosen)


@dataclass(frozen=True, slots=True)
class _Task:
    """One victim's instruments of one species."""

    species: Species
    victim: Victim
    others: tuple[Victim, ...]


def looks_at(
    captures: Sequence[Capture], config: Config, workers: Workers = HERE, *, on_done: Callable[[int], object]
) -> list[Looked]:
    """Look at real captures; ``on_done`` is told how many are finished."""
    return list(mapped(partial(_look, config), captures, workers, on_done=on_done))


def genuine(looks: Sequence[Looked]) -> Iterator[Presentation]:
    """Return what the product says of real faces."""
    for number, one in enumerate(looks):
        capture = one.capture
        yield Presentation(
            person=capture.person,
            species=None,
            number=number,
            sensor=CAMERA,
            look=Measured.of(one.observation),
            sample=capture.name,
            group=capture.group,
        )


def attacks(
    plan: Plan, victims: Sequence[Victim], workers: Workers = HERE, *, on_done: Callable[[int], object]
) -> Iterator[list[Presentation]]:
    """Yield the presentations of one victim and species after the other; `task_count` of them."""
    yield from mapped(partial(_shown, plan), _tasks(plan, victims), workers, on_done=on_done)


def task_count(plan: Plan, victims: Sequence[Victim]) -> int:
    """Return how often `attacks` yields."""
    return sum(1 for _ in _tasks(plan, victims))


def _tasks(plan: Plan, victims: Sequence[Victim]) -> Iterator[_Task]:
    """Make photographed prints of those whose photograph is all that there is, and of the others everything else."""
    for (place, victim), species in every_pair(enumerate(victims), plan.makers):
        if (victim.frame.depth_mm is None) is (species is Species.REAL_PRINT):
            yield _Task(species, victim, others_for(place, victims))


def frame_of(
    instrument: Instrument, t_s: float, victim: Victim, sensor: SensorModel, rng: np.random.Generator
) -> Frame:
    """Take one frame of an instrument with a sensor that was made for it."""
    exhibit, calibration = instrument.at(t_s), calibration_of(instrument)
    depth_mm = sensor(calibration, victim.steps, rng).read(exhibit, rng)
    return Frame(1, 1, exhibit.color, depth_mm, calibration)


def _look(config: Config, capture: Capture) -> Looked:
    return looked_at(capture, looker(config))


def _shown(plan: Plan, task: _Task) -> list[Presentation]:
    return list(_presentations(plan, task, looker(plan.config)))


def _presentations(plan: Plan, task: _Task, eyes: Looker) -> Iterator[Presentation]:
    victim, species = task.victim, task.species
    for number, instrument in plan.instruments(species, victim, task.others):
        t_s = float(plan.rng(victim, species, str(number)).uniform(0.0, _LONGEST_WAIT_S))
        for name, sensor in plan.sensors.items():
            frame = frame_of(instrument, t_s, victim, sensor, plan.rng(victim, species, str(number), name))
            yield Presentation(
                person=victim.person,
                species=instrument.species,
                number=number,
                sensor=name,
                look=Measured.of(eyes.look(frame)),
                parameters={key: round(value, 3) for key, value in instrument.parameters.items()},
            )
