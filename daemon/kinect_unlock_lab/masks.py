"""A mask that wears the victim's colour on another person's real depth, made by swapping the halves of embeddings.

So colour is the victim's own and perfect, and the shape is a real face's: the strongest mask of a wrong shape. Liveness
would see a living head. Every ordered pair of people of one year is tried: a mask of everybody on everybody.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

import numpy as np

from kinect_unlock.halves import HalfName
from kinect_unlock.matching import Bar
from kinect_unlock.settings import EvidenceRules, Strategy
from kinect_unlock_lab.impostors import LEAST_LOOKS, Templates, frame_rows, template_rows
from kinect_unlock_lab.metrics import F64, I64, Bools, Comparisons, FalseAccepts, false_accepts
from kinect_unlock_lab.votes import WAYS, Faces, Rule, Shown, Way

SIZES: Final = (3, 5)
DRAWS: Final = 3  # templates of a victim
EACH: Final = 3  # attempts of a pair at a template, where attempts are drawn
NEAR_MM: Final = 1000.0


@dataclass(frozen=True, slots=True)
class Masked:
    """Masks accepted; ``colour_alone`` is what the first half alone would have accepted of the same attempts."""

    reach: str
    way: Way
    template_vectors: int
    both: FalseAccepts
    colour_alone: FalseAccepts


@dataclass(frozen=True, slots=True, eq=False)
class _Attempts:
    """Margins of attempts, f64[M] each, of one wearer as one victim."""

    both: F64
    colour: F64
    wearer: int
    victim: int


def masked(
    faces: Faces,
    bars: tuple[Bar, ...],
    strategy: Strategy,
    *,
    on_done: Callable[[int, int], None] = lambda _count, _of: None,
) -> tuple[Masked, ...]:
    """Let everybody wear everybody else's colour; the first of ``bars`` is the colour's."""
    reaches: tuple[tuple[str, Bools], ...] = (
        ("any distance", np.ones(len(faces.person), bool)),
        ("up to 1.0 m", faces.distance_mm <= NEAR_MM),
        ("beyond 1.0 m", faces.distance_mm > NEAR_MM),
    )
    steps = tuple(product(reaches, SIZES, WAYS))
    found = []
    for number, ((reach, offered), size, way) in enumerate(steps, start=1):
        attempts = list(_worn(faces.trying(offered), bars, strategy, way, size))
        if attempts:
            both = _counted(attempts, [one.both for one in attempts])
            colour = _counted(attempts, [one.colour for one in attempts])
            found.append(Masked(reach, way, size, both, colour))
        on_done(number, len(steps))
    return tuple(found)


def _worn(faces: Faces, bars: tuple[Bar, ...], strategy: Strategy, way: Way, size: int) -> Iterator[_Attempts]:
    """Yield the attempts of every pair at every template of the victim."""
    try:
        templates = template_rows(faces.person, faces.may_enrol, size=size, draws=DRAWS)
    except ValueError:  # nobody has looks enough
        return
    random = np.random.default_rng(0)
    both, colour = Rule(bars, strategy), Rule(bars[:1], strategy)
    for template in templates:
        victim = int(faces.person[template[0]])
        shown = np.setdiff1d(np.flatnonzero((faces.person == victim) & faces.may_try), template)
        if not len(shown):
            continue
        known = faces.templates(template[np.newaxis])
        for wearer in np.unique(faces.person[faces.group == faces.group[template[0]]]):
            worn = np.flatnonzero((faces.person == wearer) & faces.may_try)
            if wearer == victim or len(worn) < (1 if way == "one look" else LEAST_LOOKS):
                continue
            frames = list(_frames(faces, shown, worn, way, random))
            yield _Attempts(
                np.concatenate([_margins(both, one, known, way) for one in frames]),
                np.concatenate([_margins(colour, one, known, way) for one in frames]),
                int(wearer),
                victim,
            )


def _frames(faces: Faces, shown: I64, worn: I64, way: Way, random: np.random.Generator) -> Iterator[Shown]:
    """Yield what a wearer shows: each look's depth under one of the victim's colours, or whole attempts of them."""
    for _ in range(1 if way == "one look" else EACH):
        relief = worn if way == "one look" else frame_rows(worn, way, random)
        color = random.choice(shown, len(relief))
        frames = faces.shown(relief)
        yield replace(frames, vectors={**frames.vectors, "rgb": faces.vectors["rgb"][color]})


def _margins(rule: Rule, frames: Shown, known: Mapping[HalfName, Templates], way: Way) -> F64:
    if way == "one look":
        return rule.margins(frames, known)[:, 0]
    return rule.of_attempt(frames, known, EvidenceRules())


def _counted(attempts: Sequence[_Attempts], margins: Sequence[F64]) -> FalseAccepts:
    wearer = np.concatenate([np.full(len(one.both), one.wearer) for one in attempts])
    victim = np.concatenate([np.full(len(one.both), one.victim) for one in attempts])
    return false_accepts(Comparisons(np.concatenate(margins), wearer, victim), [0.0])[0]
