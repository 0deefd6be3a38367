"""What depth must reach at which distance, and what that costs and stops: `depth_calibration` of the manifest.

The thresholds are chosen on the TUNE people of rgbd-faces for what they cost, not for a false accept rate: two votes
accept no stranger whom the first half's alone would not accept, and that half has evidence for its rate. So depth is
asked for as much as owners can give. One look at a template of three is the hardest that owners have to pass: several
looks of an attempt, or larger templates, are alike to more. It must not write the manifest itself.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise, product
from typing import Any, Final

import numpy as np

from kinect_unlock.matching import Band, Bar
from kinect_unlock.settings import Strategy
from kinect_unlock_lab.calibrate import DRAWS, EACH, STRATEGIES
from kinect_unlock_lab.metrics import (
    I64,
    Bools,
    Comparisons,
    FalseAccepts,
    Interval,
    clopper_pearson,
    false_accepts,
    share_by_person,
)
from kinect_unlock_lab.votes import WAYS, Faces, Rule, Way, owners, strangers

MISSES: Final = 0.04  # share of the TUNE people's single looks that the depth vote may refuse
# The people of rgbd-faces stand within 0.95 m of the camera (one year) or beyond 0.94 m (another): two bands are all
# that their distances can tell apart. The last one ends where the verify range does.
BAND_ENDS_MM: Final = (1000.0, 1350.0)
CHOSEN_SIZE: Final = 3  # vectors of the templates that thresholds are chosen with
SIZES: Final = (3, 5)
_STEP: Final = 200  # thresholds are rounded down to 1/200
_NOTHING: Final = (Band(np.inf, 0.0),)
_OWN_DRAWS: Final = 4 * DRAWS


@dataclass(frozen=True, slots=True)
class FoundBand:
    """A band's threshold, and the owners' looks that it was chosen on."""

    to_mm: float
    threshold: float
    looks: int
    people: int


@dataclass(frozen=True, slots=True)
class FoundRow:
    """What depth must reach, for one strategy."""

    strategy: Strategy
    bands: tuple[FoundBand, ...]

    @property
    def bar(self) -> Bar:
        """The same as the product has it."""
        return Bar("depth", tuple(Band(band.to_mm, band.threshold) for band in self.bands))


@dataclass(frozen=True, slots=True)
class Misses:
    """Owners whom depth alone refuses; the interval is the hull of resampling people and of people as trials."""

    missed: int
    trials: int
    people: int
    rate: Interval


@dataclass(frozen=True, slots=True)
class DepthCheck:
    """Owners missed, and strangers of the same year accepted, by the depth vote alone.

    ``from_mm`` and ``to_mm`` bound the distance of those who try. None stands for nobody with looks enough.
    """

    side: str
    strategy: Strategy
    way: Way
    template_vectors: int
    from_mm: float
    to_mm: float
    misses: Misses | None
    accepts: FalseAccepts | None


@dataclass(frozen=True, slots=True)
class DepthCalibration:
    """Everything found out."""

    misses_allowed: float
    rows: tuple[FoundRow, ...]
    checks: tuple[DepthCheck, ...]


def calibrate_depth(
    faces: Faces, tune: Bools, *, on_done: Callable[[int, int], None] = lambda _count, _of: None
) -> DepthCalibration:
    """Choose the depth vote's thresholds on the people of ``tune`` bool[N], and check them on everybody.

    Raises:
        ValueError: a band has no owners to choose on.
    """
    rows = tuple(choose_row(faces.where(tune), strategy) for strategy in STRATEGIES)
    sides = (("tune half", faces.where(tune)), ("report half", faces.where(~tune)))
    spans = ((0.0, BAND_ENDS_MM[-1]), *pairwise((0.0, *BAND_ENDS_MM)))
    steps = tuple(product(sides, rows, WAYS, SIZES, spans))
    checks = []
    for number, ((side, half), row, way, size, span) in enumerate(steps, start=1):
        checks.append(check(half, row.bar, side=side, strategy=row.strategy, way=way, size=size, span_mm=span))
        on_done(number, len(steps))
    return DepthCalibration(MISSES, rows, tuple(checks))


def choose_row(faces: Faces, strategy: Strategy, *, misses: float = MISSES) -> FoundRow:
    """Return the highest thresholds that refuse at most a share ``misses`` of owners' looks in each band."""
    return FoundRow(strategy, tuple(_bands(faces, Rule((Bar("depth", _NOTHING),), strategy), misses)))


def _bands(faces: Faces, unbarred: Rule, misses: float) -> Iterator[FoundBand]:
    for from_mm, to_mm in pairwise((0.0, *BAND_ENDS_MM)):
        inside = (faces.distance_mm > from_mm) & (faces.distance_mm <= to_mm)
        own = owners(faces.trying(inside), unbarred, "one look", size=CHOSEN_SIZE, draws=_OWN_DRAWS)
        threshold = float(np.floor(np.quantile(own.scores, misses, method="lower") * _STEP) / _STEP)
        yield FoundBand(to_mm, threshold, len(own.scores), len(np.unique(own.probe_person)))


def check(
    faces: Faces, bar: Bar, *, side: str, strategy: Strategy, way: Way, size: int, span_mm: tuple[float, float]
) -> DepthCheck:
    """Count whom the depth vote refuses and accepts, of those who try from within a span of distances."""
    from_mm, to_mm = span_mm
    trying = faces.trying((faces.distance_mm > from_mm) & (faces.distance_mm <= to_mm))
    rule = Rule((bar,), strategy)
    try:
        misses = misses_of(owners(trying, rule, way, size=size, draws=_OWN_DRAWS))
    except ValueError:  # nobody has so many looks
        misses = None
    try:
        found = strangers(trying, rule, way, size=size, draws=DRAWS, each=EACH)
    except ValueError:
        return DepthCheck(side, strategy, way, size, from_mm, to_mm, misses, None)
    of_group = found.compared.where(found.same_group)
    accepts = false_accepts(of_group, [0.0])[0] if len(of_group.scores) else None
    return DepthCheck(side, strategy, way, size, from_mm, to_mm, misses, accepts)


def misses_of(own: Comparisons) -> Misses:
    """Count the owners' attempts whose margin is negative."""
    missed = own.scores < 0.0
    people = len(np.unique(own.probe_person))
    return Misses(int(missed.sum()), len(missed), people, share_of_people(missed, own.probe_person))


def share_of_people(events: Bools, person: I64) -> Interval:
    """Return the share of ``events`` bool[M] with the hull of two intervals.

    Of resampling the people i64[M] behind them, which sees no doubt where nothing happened, and the exact binomial one
    that counts a person as one trial.
    """
    people = len(np.unique(person))
    by_person = share_by_person(events.astype(np.float64), person)
    exact = clopper_pearson(by_person.value * people, people)
    return Interval(by_person.value, min(by_person.low, exact.low), max(by_person.high, exact.high))


def as_json(found: DepthCalibration) -> dict[str, Any]:
    """Return it as plain data."""
    return asdict(found)
