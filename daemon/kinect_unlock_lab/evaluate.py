"""How well people are told apart on a data set, without the daemon: every system by every protocol, with intervals.

Systems are measured on the same crops by the same protocols. A system of several halves is scored whole, by each half,
and by two votes; what two votes have to be fitted is fitted across folds of people.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

import numpy as np

from kinect_unlock_lab.attempting import (
    Data,
    Protocol,
    against_templates,
    identified,
    listed,
    pairs,
    passes_gate,
    settings,
)
from kinect_unlock_lab.dimming import Light
from kinect_unlock_lab.embed import Measured
from kinect_unlock_lab.figures import Read, accepts_at, difference, figures_of, misses_at, read_tally, widened
from kinect_unlock_lab.findings import (
    ALL_POSES,
    AS_IT_IS,
    FIT_DEPTH,
    PAIRS,
    Acquisition,
    Difference,
    Findings,
    GroupRow,
    Impostors,
    Label,
    Naming,
    Row,
    Speed,
)
from kinect_unlock_lab.folds import of_people
from kinect_unlock_lab.grouping import groups_of
from kinect_unlock_lab.mapping import HERE, Workers
from kinect_unlock_lab.metrics import Interval, share_by_person
from kinect_unlock_lab.protocols import ENROLLED, I64, Bools, Embedded
from kinect_unlock_lab.subjects import Subject, subjects
from kinect_unlock_lab.tally import EVERYBODY, SAME_PLACE, Kind, Resampling, Tally

Dimmed: TypeAlias = Mapping[Light, Mapping[str, Measured]]

_GROUPS_FAR: Final = 1e-3  # a group's threshold is everybody's there, or at the next higher FAR that the data support
_GENUINE: Final = (Kind.GENUINE,)
_IMPOSTORS: Final[dict[Impostors, tuple[Kind, ...]]] = {"of one place": SAME_PLACE, "everybody": EVERYBODY}


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What to compute: template size, frames of attempts, rounds of resampling, and the lead that naming asks for.

    ``draws`` is how often samples to enrol are drawn where any will do. Every system is compared with ``against``, if
    that is one of them. ``listed`` i64[M,2] are pairs of samples that the data set itself wants compared.
    """

    enrolled: int = ENROLLED
    frames: tuple[int, ...] = (1, 2, 3)
    draws: int = 5
    rounds: int = 200
    margin: float = 0.05
    against: str | None = None
    workers: Workers = HERE
    listed: I64 | None = None

    def protocols(self) -> Iterator[Protocol]:
        """Yield what attempts are made of: the most frontal samples enrolled, and for short attempts any."""
        for frames in self.frames:
            yield Protocol(enrolled=self.enrolled, frames=frames)
        for frames in self.frames[:2]:
            yield self.any_enrolled(frames)

    def any_enrolled(self, frames: int) -> Protocol:
        """Return the protocol of attempts at templates of any samples."""
        return Protocol(enrolled=self.enrolled, frames=frames, enrolling="any", draws=self.draws)


class _Finder:
    """Collects rows, and compares them with another system's as they come."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._reference: dict[tuple[str, str, str, Impostors], Read] = {}
        self.rows: list[Row] = []
        self.differences: list[Difference] = []

    def look(self, subject: Subject, dark: Mapping[Light, Embedded]) -> None:
        """Score one subject by every protocol, also in less light."""
        plan = self._plan
        for choice in subject.choices():
            if choice.paired is not None:
                rule, resampling = of_people(subject.rule, choice.paired.person), _drawing(choice.paired, plan)
                tally = pairs(choice.paired, rule, resampling, plan.workers)
                self._add(subject, subject.label(choice.name, PAIRS), tally)
                if plan.listed is not None and len(choice.paired) == len(subject.embedded):
                    tally = listed(choice.paired, plan.listed, rule, resampling)
                    self._add(subject, subject.label(choice.name, "listed pairs"), tally)
            if choice.data is not None:
                for protocol in plan.protocols():
                    self._attempt(subject, subject.label(choice.name, told(protocol)), choice.data, protocol)
        for light, embedded in dark.items():
            for choice in subject.in_light(embedded):
                for protocol in plan.protocols():
                    label = replace(subject.label(choice.name, told(protocol)), light=light.name)
                    if choice.data is not None:
                        self._attempt(subject, label, choice.data, protocol)

    def _attempt(self, subject: Subject, label: Label, data: Data, protocol: Protocol) -> None:
        plan, rule, resampling = (
            self._plan,
            of_people(subject.rule, data.enrol.person),
            _drawing(data.enrol, self._plan),
        )
        compared = against_templates(data, protocol, rule, resampling, plan.workers)
        whole = against_templates(data, replace(protocol, refusing="rejections"), rule, resampling, plan.workers)
        self._add(subject, label, compared, whole)

    def _add(self, subject: Subject, label: Label, tally: Tally, whole: Tally | None = None) -> None:
        """Add a row against strangers of one place and one against everybody, where these are not the same."""
        for name, kinds in _IMPOSTORS.items():
            read = read_tally(tally, kinds)
            alike = kinds != EVERYBODY and tally.total((Kind.ACROSS,)) == 0
            if read is None or alike:
                continue
            thresholds = [point.threshold for point in read.figures.points] if whole is not None else []
            frr = tuple(None if one is None or whole is None else misses_at(whole, one) for one in thresholds)
            self.rows.append(Row(label, name, read.figures, frr))
            self._compare(subject, label, name, read)

    def _compare(self, subject: Subject, label: Label, impostors: Impostors, read: Read) -> None:
        key = (label.samples, label.protocol, label.light, impostors)
        if subject.system == self._plan.against:
            if not subject.needs_depth:
                self._reference[key] = read
        elif self._plan.against is not None and key in self._reference:
            self.differences.append(difference_of(label, impostors, self._plan.against, read, self._reference[key]))


def difference_of(label: Label, impostors: Impostors, against: str, own: Read, other: Read) -> Difference:
    """Return what a row's rates are less another's of the same people, drawn alike."""
    drawn = own.drawn - other.drawn
    both = zip(own.figures.points, other.figures.points, strict=True)
    tar = tuple(
        None if mine.tar is None or its.tar is None else difference(mine.tar.value - its.tar.value, drawn[:, 1 + place])
        for place, (mine, its) in enumerate(both)
    )
    eer = difference(own.figures.eer.value - other.figures.eer.value, drawn[:, 0])
    return Difference(label, impostors, against, eer, tar)


def _drawing(embedded: Embedded, plan: Plan) -> Resampling:
    return Resampling(len(np.unique(embedded.person)), rounds=plan.rounds)


def evaluate(
    measured: Mapping[str, Measured],
    plan: Plan,
    *,
    dimmed: Dimmed | None = None,
    on_done: Callable[[int], object] = lambda _: None,
) -> Findings:
    """Compare everything; ``dimmed`` holds the same samples in less light, for systems that were looked at in it.

    ``on_done`` is told how many systems are finished.
    """
    finder = _Finder(plan)
    acquisition: list[Acquisition] = []
    naming: list[Naming] = []
    groups: list[GroupRow] = []
    # The others are compared with it as they come
    order = sorted(measured, key=lambda name: name != plan.against)
    for number, name in enumerate(order, start=1):
        one = measured[name]
        dark = {light: systems[name].embedded for light, systems in (dimmed or {}).items() if name in systems}
        acquisition.append(_acquisition(name, AS_IT_IS, one.embedded))
        acquisition += [_acquisition(name, light.name, embedded) for light, embedded in dark.items()]
        for subject in subjects(name, one.embedded):
            finder.look(subject, dark)
            naming += _naming(subject, plan)
            groups += _groups(subject, plan)
        on_done(number)
    return Findings(
        tuple(Speed(name, one.encode_ms, one.size_mb) for name, one in measured.items()),
        tuple(acquisition),
        tuple(finder.rows),
        tuple(finder.differences),
        tuple(naming),
        tuple(groups),
    )


def _acquisition(name: str, light: str, embedded: Embedded) -> Acquisition:
    def share(events: Bools, of: Bools) -> Interval:
        rate = share_by_person(events[of].astype(np.float64), embedded.person_index[of])
        return widened(rate, len(np.unique(embedded.person[of])))

    everything, passed = np.ones(len(embedded), bool), passes_gate(embedded)
    has_depth = bool(np.isfinite(embedded.distance_mm).any())
    return Acquisition(
        name,
        light,
        samples=len(embedded),
        people=len(np.unique(embedded.person)),
        not_acquired=share(~embedded.acquired, everything),
        out_of_range=share(~passed, everything) if has_depth else None,
        depth_unfit=share(~embedded.depth_fit, passed) if passed.any() and has_depth else None,
    )


def _naming(subject: Subject, plan: Plan) -> Iterator[Naming]:
    """Ask who it is, as the product does: by a score that needs no depth."""
    if subject.needs_depth:
        return
    protocol = plan.any_enrolled(1)
    for choice in subject.choices():
        if choice.data is None or choice.name == FIT_DEPTH:
            continue
        asked = (choice.data, protocol, subject.rule, _drawing(choice.data.enrol, plan))
        opened = figures_of(identified(*asked, margin=plan.margin, workers=plan.workers))
        if opened is not None:
            missed = misses_at(identified(*asked, margin=0.0, workers=plan.workers), -1.0)
            right = Interval(1.0 - missed.value, 1.0 - missed.high, 1.0 - missed.low)
            gallery = max(len(templates.person) for _, templates in settings(choice.data, protocol))
            yield Naming(subject.label(choice.name, told(protocol)), gallery, plan.margin, right, opened)


def _groups(subject: Subject, plan: Plan) -> Iterator[GroupRow]:
    """Judge groups of those who try, at one threshold and the same templates for all."""
    embedded, protocol = subject.embedded, plan.any_enrolled(1)
    if subject.needs_depth and not subject.has_depth:
        return
    samples = FIT_DEPTH if subject.needs_depth else ALL_POSES
    data = subject.fit_alone(embedded) if subject.needs_depth else Data.of(embedded)
    resampling = _drawing(data.enrol, plan)
    everybody = against_templates(data, protocol, subject.rule, resampling, plan.workers)
    kinds = SAME_PLACE if everybody.total(SAME_PLACE) else EVERYBODY
    found = figures_of(everybody, kinds)
    at = next((one for one in reversed(found.points if found else ()) if one.far >= _GROUPS_FAR and one.tar), None)
    if at is None or at.threshold is None:
        return
    for group in groups_of(subject.embedded):
        tally = against_templates(replace(data, trying=group.members), protocol, subject.rule, resampling, plan.workers)
        if tally.total(_GENUINE):
            yield GroupRow(
                subject.label(samples, told(protocol)),
                group.quantity,
                group.name,
                people=tally.people(_GENUINE),
                attempts=tally.total(_GENUINE),
                far=at.far,
                threshold=at.threshold,
                fnmr=misses_at(tally, at.threshold),
                fmr=accepts_at(tally, at.threshold, kinds),
            )


def told(protocol: Protocol) -> str:
    """Return a protocol's name."""
    frames = "1 frame" if protocol.frames == 1 else f"{protocol.frames} frames"
    return f"{frames} at {protocol.enrolled} {protocol.enrolling}"
