"""Thresholds and what they rest on: the rows of ``models/manifest.yaml``, for a false accept rate *per attempt*.

Two sets of strangers, every protocol that the daemon's rule makes sense of, and the strictest answer wins:

* LFW folds 1 and 2: many people, easy photographs. It alone has pairs of people enough to claim FAR 1e-4.
* rgbd-faces: few people, much alike, before a real Kinect v2. Only captures within the verify ranges may try, any may
  be enrolled, and only people of one year meet: strangers of two years are easier to tell apart.

A threshold is chosen on LFW and the TUNE half of rgbd-faces. Where all of rgbd-faces then asks for more it gets it,
but the row says so: its rate on the REPORT half is no longer out of sample. It must not write the manifest itself: a
threshold is changed by hand together with its evidence.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product, starmap
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from kinect_unlock.halves import Half, half_vectors
from kinect_unlock.observations import Seen
from kinect_unlock.photographs import PhotographEncoder
from kinect_unlock.settings import Strategy
from kinect_unlock_lab.datasets import Photograph, Sample, Side, split
from kinect_unlock_lab.impostors import Looks, Strangers, attempts, draw_templates, owners, single_looks
from kinect_unlock_lab.metrics import (
    F64,
    Bools,
    Comparisons,
    FalseAccepts,
    Interval,
    false_accepts,
    share_by_person,
    smallest_far,
)
from kinect_unlock_lab.protocols import Embedded

FARS: Final = (1e-3, 1e-4)
STRATEGIES: Final[tuple[Strategy, ...]] = ("nearest", "centre")
SIZES: Final = (3, 5, 10)
LFW: Final = "LFW folds 1-2"
KINECT: Final = "rgbd-faces"
TUNED: Final = "rgbd-faces, tune half"
UNTOUCHED: Final = "rgbd-faces, report half"
DRAWS: Final = 5  # templates of a person that has more looks than one template takes
EACH: Final = 5  # attempts of a stranger at a template
_ENOUGH: Final = 3  # comparisons above a threshold, to have it from them
_OWNERS: Final = 20  # fewer are a handful with a handful of lookalikes: such a protocol is checked, but sets nothing
_STEP: Final = 200  # thresholds are rounded up to 1/200

Way: TypeAlias = Literal["one look", "moving", "holding"]
_WAYS: Final[tuple[Way, ...]] = ("one look", "moving", "holding")


@dataclass(frozen=True, slots=True)
class Protocol:
    """Who tries to be whom, and how."""

    data: str
    strangers: str
    way: Way
    strategy: Strategy
    template_vectors: int


@dataclass(frozen=True, slots=True)
class Finding:
    """A protocol's thresholds in the order of `FARS`, None where it has too few comparisons to find one."""

    protocol: Protocol
    comparisons: int
    person_pairs: int
    owners: int
    thresholds: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """A protocol's false accepts at a row's threshold."""

    protocol: Protocol
    at: FalseAccepts


@dataclass(frozen=True, slots=True)
class Row:
    """A threshold to be, and its evidence; ``without_report_half`` is what LFW and the TUNE half alone ask for."""

    strategy: Strategy
    far: float
    threshold: float
    set_by: Protocol
    without_report_half: float
    claim_person_pairs: int
    checks: tuple[Checked, ...]


@dataclass(frozen=True, slots=True)
class Misses:
    """Genuine looks within the verify ranges that fall below a row's threshold; the interval is by person."""

    side: str
    strategy: Strategy
    far: float
    threshold: float
    template_vectors: int
    looks: int
    people: int
    frr: Interval


@dataclass(frozen=True, slots=True)
class Apart:
    """By how much the FRR of ``centre`` is less than that of ``nearest`` at their rows' thresholds."""

    side: str
    far: float
    template_vectors: int
    less: Interval


@dataclass(frozen=True, slots=True)
class Calibration:
    """Everything found out."""

    findings: tuple[Finding, ...]
    rows: tuple[Row, ...]
    misses: tuple[Misses, ...]
    apart: tuple[Apart, ...]


def looks_of_photographs(
    photographs: tuple[Photograph, ...],
    encoder: PhotographEncoder,
    halves: Sequence[Half],
    on_done: Callable[[int], None] = lambda _: None,
) -> Looks:
    """Embed the face nearest the middle of each photograph: LFW's images are centred on whom they name.

    ``halves`` are the encoder's; only the first says who somebody is, and a photograph has no other.
    """
    vectors, people = [], []
    for number, photograph in enumerate(photographs, start=1):
        color = photograph.color()
        middle = np.array([color.shape[1], color.shape[0]]) / 2
        faces = encoder.faces(color)
        if faces:
            centres = (
                [face.box.x_px + face.box.width_px / 2 for face, _ in faces],
                [face.box.y_px + face.box.height_px / 2 for face, _ in faces],
            )
            nearest = int(np.argmin(np.hypot(*(np.array(centres) - middle[:, np.newaxis]))))
            vectors.append(half_vectors(faces[nearest][1].vector, halves)[halves[0].name])
            people.append(photograph.person)
        on_done(number)
    everybody = np.ones(len(people), bool)
    person = np.unique(people, return_inverse=True)[1].astype(np.int64)
    return Looks(np.array(vectors), person, np.zeros(len(people), np.int64), everybody, everybody)


def looks_of_samples(samples: tuple[Sample, ...], embedded: Embedded) -> Looks:
    """Take the captures that were acquired; those within the verify ranges may try, whatever liveness says of them.

    By the first half alone, which says who somebody is; so depth need not be fit to vote.
    """
    in_range = np.isin(embedded.seen, [seen.value for seen in (Seen.FACE, Seen.SPOOF, Seen.UNSURE)])
    return Looks(
        embedded.half(embedded.halves[0].name),
        embedded.person_index,
        np.array([sample.year for sample in samples], np.int64),
        embedded.acquired,
        embedded.acquired & in_range,
    )


def tune_half(samples: tuple[Sample, ...]) -> Bools:
    """Return bool[N], True for captures of the TUNE half."""
    return np.array([split(sample.person) is Side.TUNE for sample in samples])


def calibrate(lfw: Looks, kinect: Looks, tune: Bools, *, on_done: Callable[[int, int], None]) -> Calibration:
    """Find the thresholds, check them against every protocol, and count whom they cost.

    ``on_done`` is told how many steps are finished, and of how many.
    """
    data = {LFW: lfw, TUNED: kinect.where(tune), UNTOUCHED: kinect.where(~tune), KINECT: kinect}
    steps = tuple(product(data, SIZES, STRATEGIES, _WAYS))
    strangers: dict[Protocol, Strangers] = {}
    for number, (name, size, strategy, way) in enumerate(steps, start=1):
        strangers.update(_measured(name, data[name], size, strategy, way))
        on_done(number, len(steps))
    findings = tuple(_finding(protocol, found.compared) for protocol, found in strangers.items())
    rows = tuple(
        row for strategy in STRATEGIES for row in _checked(_rows(findings, strategy), strategy, findings, strangers)
    )
    halves = ((TUNED, data[TUNED]), (UNTOUCHED, data[UNTOUCHED]))
    misses = tuple(miss for side, half in halves for miss in _misses(half, side, rows))
    apart = tuple(one for side, half in halves for one in _apart(half, side, rows))
    return Calibration(findings, rows, misses, apart)


def _measured(name: str, looks: Looks, size: int, strategy: Strategy, way: Way) -> Iterator[tuple[Protocol, Strangers]]:
    try:
        templates = draw_templates(looks, size=size, draws=DRAWS)
        if way == "one look":
            found = single_looks(looks, templates, strategy)
        else:
            found = attempts(looks, templates, strategy, manner=way, each=EACH)
    except ValueError:  # nobody has so many looks
        return
    for strangers, mask in (("of one group", found.same_group), ("across groups", ~found.same_group)):
        if mask.any():
            chosen = Strangers(found.compared.where(mask), found.same_group[mask])
            yield Protocol(name, strangers, way, strategy, size), chosen


def _finding(protocol: Protocol, compared: Comparisons) -> Finding:
    return Finding(
        protocol,
        comparisons=len(compared.scores),
        person_pairs=false_accepts(compared, [np.inf], rounds=1)[0].person_pairs,
        owners=len(np.unique(compared.reference_person)),
        thresholds=tuple(lowest_threshold(compared.scores, far) for far in FARS),
    )


def lowest_threshold(scores: F64, far: float) -> float | None:
    """Return the lowest threshold that at most a share ``far`` of strangers' scores reach; None if they are too few."""
    allowed = int(len(scores) * far)
    if allowed < _ENOUGH:
        return None
    return float(np.nextafter(np.partition(scores, -allowed - 1)[-allowed - 1], np.inf))


def _rows(findings: Sequence[Finding], strategy: Strategy) -> Iterator[Row]:
    """Yield the strictest protocol's threshold for each FAR that some data have pairs of people enough to claim."""
    own = [finding for finding in findings if finding.protocol.strategy == strategy and finding.owners >= _OWNERS]
    pairs = max((finding.person_pairs for finding in own), default=0)
    for place, far in enumerate(FARS):
        asked = [(found, one.protocol) for one in own if (found := one.thresholds[place]) is not None]
        chosen = [found for found, protocol in asked if protocol.data in {LFW, TUNED}]
        if far >= smallest_far(pairs) and chosen:
            strictest, set_by = max(asked, key=lambda one: one[0])
            yield Row(strategy, far, _rounded_up(strictest), set_by, _rounded_up(max(chosen)), pairs, ())


def _checked(
    rows: Iterator[Row], strategy: Strategy, findings: Sequence[Finding], strangers: Mapping[Protocol, Strangers]
) -> Iterator[Row]:
    """Add to each row how often strangers reach its threshold, under every protocol."""
    found = tuple(rows)
    thresholds = [row.threshold for row in found]
    protocols = [finding.protocol for finding in findings if finding.protocol.strategy == strategy]
    rates = [false_accepts(strangers[protocol].compared, thresholds) for protocol in protocols]
    for row, at in zip(found, zip(*rates, strict=True), strict=True):
        yield replace(row, checks=tuple(starmap(Checked, zip(protocols, at, strict=True))))


def _rounded_up(threshold: float) -> float:
    return float(np.ceil(threshold * _STEP) / _STEP)


def _owners(looks: Looks, size: int) -> Mapping[Strategy, Comparisons]:
    """Let looks try templates of their own people; the same for both strategies. Empty if nobody has so many looks."""
    try:
        return {strategy: owners(looks, strategy, size=size, draws=4 * DRAWS) for strategy in STRATEGIES}
    except ValueError:
        return {}


def _misses(looks: Looks, side: str, rows: Sequence[Row]) -> Iterator[Misses]:
    """Count everybody's looks that miss a template which did not take them."""
    for size in SIZES[:-1]:
        compared = _owners(looks, size)
        for row in rows if compared else ():
            own = compared[row.strategy]
            missed = own.scores < row.threshold
            people = len(np.unique(own.probe_person))
            frr = share_by_person(missed.astype(np.float64), own.probe_person)
            yield Misses(side, row.strategy, row.far, row.threshold, size, len(missed), people, frr)


def _apart(looks: Looks, side: str, rows: Sequence[Row]) -> Iterator[Apart]:
    """Judge the same looks at the same templates by both strategies."""
    for size, far in product(SIZES[:-1], FARS):
        threshold = {row.strategy: row.threshold for row in rows if row.far == far}
        compared = _owners(looks, size)
        if compared and len(threshold) == len(STRATEGIES):
            nearest, centre = (compared[name].scores < threshold[name] for name in STRATEGIES)
            less = share_by_person(nearest.astype(np.float64) - centre, compared["nearest"].probe_person)
            yield Apart(side, far, size, less)


def as_json(calibration: Calibration) -> dict[str, Any]:
    """Return it as plain data."""
    return asdict(calibration)
