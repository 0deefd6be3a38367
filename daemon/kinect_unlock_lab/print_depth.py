"""Simulated prints before the depth vote: how much of a sheet of paper passes for whose face, liveness off and on.

The colour is the victim's own and taken for agreed. Every figure made here is to be called *simulated*.
"""

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

import numpy as np

from kinect_unlock.frames import Frame
from kinect_unlock.matching import Bar
from kinect_unlock.observations import Verdict
from kinect_unlock.settings import Config, Strategy
from kinect_unlock_lab.attack.exhibit import Instrument, Species, Victim
from kinect_unlock_lab.attack.looking import looker
from kinect_unlock_lab.attack.victims import looked_at, victim_of
from kinect_unlock_lab.datasets import Sample
from kinect_unlock_lab.depth_calibration import share_of_people
from kinect_unlock_lab.embed import Study, side_by_side
from kinect_unlock_lab.impostors import template_rows
from kinect_unlock_lab.mapping import HERE, Workers
from kinect_unlock_lab.metrics import F64, I64, Bools, Interval
from kinect_unlock_lab.protocols import Embedded
from kinect_unlock_lab.votes import Faces, Rule, Shown

PAPER: Final = (Species.FLAT_PRINT, Species.BENT_PRINT, Species.FOLDED_PRINT, Species.CRUMPLED_PRINT)
TEMPLATE_VECTORS: Final = 3
_IN_RANGE: Final = ("face", "spoof", "unsure")


@dataclass(frozen=True, slots=True)
class Presented:
    """A print of a person's face, held before the camera once: the instrument of this number among its species."""

    sample: Sample
    victim: Victim
    species: Species
    number: int

    @property
    def person(self) -> str:
        """Whose face is printed."""
        return self.sample.person

    @property
    def name(self) -> str:
        """Its species, and its number among the person's of that."""
        return f"{self.species.value}-{self.number:03d}"

    @property
    def group(self) -> str:
        """Where and when the picture was taken."""
        return self.sample.group

    @property
    def near_frontal(self) -> bool:
        """False: the sheet is held anyhow."""
        return False

    def frame(self, seq: int = 0, captured_ns: int = 0) -> Frame:
        """Hold it before the camera; the same at every call."""
        from kinect_unlock_lab.attack.measuring import frame_of  # noqa: PLC0415 - needs an extra
        from kinect_unlock_lab.attack.sensors import SENSORS  # noqa: PLC0415

        rng = np.random.default_rng(zlib.crc32(f"{self.person}/{self.name}".encode()))
        instrument = next(islice(_prints(self.victim, self.species), self.number, None))
        shown = frame_of(instrument, 0.0, self.victim, SENSORS["first"], rng)
        return replace(shown, seq=seq, captured_ns=captured_ns)


def _prints(victim: Victim, species: Species) -> Iterator[Instrument]:
    """Make one person's prints of a species, the same at every call."""
    from kinect_unlock_lab.attack.species import SPECIES  # noqa: PLC0415 - needs an extra

    return SPECIES[species](victim, (), np.random.default_rng(zlib.crc32(f"{victim.person}/{species}".encode())))


@dataclass(frozen=True, slots=True)
class Stopped:
    """One kind of print; shares are of its presentations, intervals by `share_of_people` of those printed.

    ``usable``: a face in range whose depth may vote. ``depth_accepts``: usable, and the depth half takes it for the
    victim. ``liveness_accepts``: usable, and found live. ``both_accept``: all of that.
    """

    species: str
    presentations: int
    people: int
    usable: Interval
    depth_accepts: Interval
    liveness_accepts: Interval
    both_accept: Interval


def presented(faces: Faces, samples: Sequence[Sample], config: Config) -> Iterator[Presented]:
    """Print an enrolled look of everybody who has enough to be enrolled, every way once."""
    eyes = looker(config)
    for row in _templates(faces)[:, 0]:
        sample = samples[row]
        victim = victim_of(sample.person, (looked_at(sample, eyes),))
        if victim is None:
            continue
        for species in PAPER:
            made = enumerate(_prints(victim, species))
            yield from (Presented(sample, victim, species, number) for number, _ in made)


def stopped(
    faces: Faces,
    names: Sequence[str],
    prints: Sequence[Presented],
    config: Config,
    depth: Bar,
    strategy: Strategy,
    workers: Workers = HERE,
    *,
    on_done: Callable[[int], object] = lambda _: None,
) -> tuple[Stopped, ...]:
    """Show the prints to the encoder, and count by kind what the depth vote and liveness let pass.

    ``names`` are the people's, by their numbers in ``faces``.
    """
    encoder = config.models.encoder
    seen = side_by_side(Study(config, (encoder,)), prints, workers, on_done=on_done)[encoder].embedded
    passed = _Passed(
        usable := seen.acquired & seen.depth_fit & np.isin(seen.seen, _IN_RANGE),
        usable & (_depth_margins(faces, names, seen, Rule((depth,), strategy)) >= 0.0),
        usable & np.equal(seen.liveness, Verdict.LIVE.value),
    )
    kinds = [one.species.value for one in prints]
    found = [
        _counted(kind, np.array([one == kind for one in kinds]), seen.person_index, passed)
        for kind in sorted(set(kinds))
    ]
    return (*found, _counted("all", np.ones(len(prints), bool), seen.person_index, passed))


@dataclass(frozen=True, slots=True, eq=False)
class _Passed:
    """What each presentation passed, bool[N]."""

    usable: Bools
    depth: Bools
    live: Bools


def _counted(kind: str, chosen: Bools, person: I64, passed: _Passed) -> Stopped:
    who = person[chosen]

    def share(events: Bools) -> Interval:
        return share_of_people(events[chosen], who)

    return Stopped(
        kind,
        len(who),
        len(np.unique(who)),
        share(passed.usable),
        share(passed.depth),
        share(passed.live),
        share(passed.depth & passed.live),
    )


def _templates(faces: Faces) -> I64:
    """Return one template i64[P,K] of everybody who has looks enough."""
    return template_rows(faces.person, faces.may_enrol, size=TEMPLATE_VECTORS, draws=1)


def _depth_margins(faces: Faces, names: Sequence[str], seen: Embedded, rule: Rule) -> F64:
    """Return f64[N]: by how much each print's depth reaches its victim's template."""
    rows = _templates(faces)
    shown = Shown({half.name: seen.half(half.name) for half in seen.halves}, seen.distance_mm.astype(np.float64))
    margins = rule.margins(shown, faces.templates(rows))
    column = {names[person]: place for place, person in enumerate(faces.person[rows[:, 0]])}
    return margins[np.arange(len(seen)), [column[name] for name in seen.person]]
