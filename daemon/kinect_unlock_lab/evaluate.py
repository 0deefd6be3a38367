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
from kinect_unlock_lab.figures import accepts_at, figures_of, misses_at
from kinect_unlock_lab.findings import (
    AS_IT_IS,
    Acquisition,
    Findings,
    GroupRow,
    Impostors,
    Label,
    Naming,
    Row,
    Samples,
    Speed,
)
from kinect_unlock_lab.folds import two_votes
from kinect_unlock_lab.grouping import groups_of
from kinect_unlock_lab.mapping import HERE, Workers
from kinect_unlock_lab.metrics import Interval, share_by_person
from kinect_unlock_lab.protocols import ENROLLED, I64, Bools, Embedded
from kinect_unlock_lab.scoring import Fused, OneHalf, Rule
from kinect_unlock_lab.tally import EVERYBODY, SAME_PLACE, Kind, Resampling, Tally

Dimmed: TypeAlias = Mapping[Light, Mapping[str, Measured]]

_GROUPS_FAR: Final = 1e-3  # a group's threshold is everybody's there, or at the next higher FAR that the data support
_GENUINE: Final = (Kind.GENUINE,)
_IMPOSTORS: Final[dict[Impostors, tuple[Kind, ...]]] = {"of one place": SAME_PLACE, "everybody": EVERYBODY}


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What to compute: template size, frames of attempts, rounds of resampling, and the lead that naming asks for.

    ``draws`` is how often samples to enrol are drawn where any will do. ``listed`` i64[M,2] are pairs of samples that
    the data set itself wants compared.
    """

    enrolled: int = ENROLLED
    frames: tuple[int, ...] = (1, 2, 3)
    draws: int = 5
    rounds: int = 200
    margin: float = 0.05
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

    def resampling(self, data: Data) -> Resampling:
        """Return the people of some data, to be drawn again."""
        return Resampling(len(np.unique(data.enrol.person)), rounds=self.rounds)


@dataclass(frozen=True, slots=True, eq=False)
class _Subject:
    """One system's embeddings scored in one way; ``needs_depth`` where a frame without fit depth does not count."""

    system: str
    score: str
    rule: Rule
    needs_depth: bool
    embedded: Embedded
    light: str = AS_IT_IS

    def label(self, samples: Samples, protocol: str) -> Label:
        return Label(self.system, self.score, samples, protocol, self.light)

    def choices(self) -> Iterator[tuple[Samples, Data]]:
        """Yield the samples to look at; those without depth have neither poses nor ranges."""
        embedded = self.embedded
        if not np.isfinite(embedded.distance_mm).any():
            yield "photographs", Data.of(embedded)
            return
        yield "near-frontal", Data.of(embedded.where(embedded.near_frontal))
        yield "all poses", Data.of(embedded)
        yield "in verify range", replace(Data.of(embedded), usable=self.gated(embedded))

    def gated(self, embedded: Embedded) -> Bools:
        passed = passes_gate(embedded)
        return passed & embedded.depth_fit if self.needs_depth else passed


def evaluate(
    measured: Mapping[str, Measured],
    plan: Plan,
    *,
    dimmed: Dimmed | None = None,
    on_done: Callable[[int], object] = lambda _: None,
) -> Findings:
    """Compare everything; ``dimmed`` holds the same samples in less light. ``on_done`` is told of finished systems."""
    acquisition: list[Acquisition] = []
    rows: list[Row] = []
    naming: list[Naming] = []
    groups: list[GroupRow] = []
    for number, (name, one) in enumerate(measured.items(), start=1):
        dark = {light: systems[name].embedded for light, systems in (dimmed or {}).items()}
        acquisition.append(_acquisition(name, AS_IT_IS, one.embedded))
        acquisition += [_acquisition(name, light.name, embedded) for light, embedded in dark.items()]
        for subject in _subjects(name, one.embedded):
            rows += [*_rows(subject, plan), *_dim_rows(subject, dark, plan)]
            naming += _naming(subject, plan)
            groups += _groups(subject, plan)
        on_done(number)
    speed = tuple(Speed(name, one.encode_ms, one.size_mb) for name, one in measured.items())
    return Findings(speed, tuple(acquisition), tuple(rows), tuple(naming), tuple(groups))


def _subjects(name: str, embedded: Embedded) -> Iterator[_Subject]:
    names = [half.name for half in embedded.halves]
    if len(names) == 1:
        yield _Subject(name, names[0], Fused(), names[0] == "depth", embedded)
        return
    yield _Subject(name, "fused", Fused(), "depth" in names, embedded)
    for half in embedded.halves:
        yield _Subject(name, f"{half.name} half", OneHalf(half), half.name == "depth", embedded)
    if "depth" in names:
        yield _Subject(name, "two votes", two_votes(Data.of(embedded)), needs_depth=True, embedded=embedded)


def _acquisition(name: str, light: str, embedded: Embedded) -> Acquisition:
    def share(events: Bools, of: Bools) -> Interval:
        return share_by_person(events[of].astype(np.float64), embedded.person_index[of])

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


def _rows(subject: _Subject, plan: Plan) -> Iterator[Row]:
    for samples, data in subject.choices():
        if samples != "in verify range":
            tally = pairs(data.enrol, subject.rule, plan.resampling(data), plan.workers)
            yield from _against_both(subject.label(samples, "pairs"), tally)
            if plan.listed is not None and len(data.enrol) == len(subject.embedded):
                tally = listed(data.enrol, plan.listed, subject.rule, plan.resampling(data))
                yield from _against_both(subject.label(samples, "listed pairs"), tally)
        for protocol in plan.protocols():
            yield from _attempted(subject.label(samples, told(protocol)), subject.rule, data, protocol, plan)


def _dim_rows(subject: _Subject, dark: Mapping[Light, Embedded], plan: Plan) -> Iterator[Row]:
    """Let attempts in less light try templates that were enrolled in good light."""
    for light, embedded in dark.items():
        everything = Data(subject.embedded, embedded, embedded.acquired, np.ones(len(embedded), bool))
        choices: tuple[tuple[Samples, Data], ...] = (
            ("all poses", everything),
            ("in verify range", replace(everything, usable=subject.gated(embedded))),
        )
        for samples, data in choices:
            for protocol in (Protocol(enrolled=plan.enrolled, frames=frames) for frames in plan.frames):
                label = replace(subject.label(samples, told(protocol)), light=light.name)
                yield from _attempted(label, subject.rule, data, protocol, plan)


def _attempted(label: Label, rule: Rule, data: Data, protocol: Protocol, plan: Plan) -> Iterator[Row]:
    resampling = plan.resampling(data)
    compared = against_templates(data, protocol, rule, resampling, plan.workers)
    whole = against_templates(data, replace(protocol, refusing="rejections"), rule, resampling, plan.workers)
    for row in _against_both(label, compared):
        thresholds = [point.threshold for point in row.figures.points]
        yield replace(row, frr=tuple(None if one is None else misses_at(whole, one) for one in thresholds))


def _against_both(label: Label, tally: Tally) -> Iterator[Row]:
    """Yield a row against strangers of one place and one against everybody, where these are not the same."""
    for name, kinds in _IMPOSTORS.items():
        figures = figures_of(tally, kinds)
        alike = kinds != EVERYBODY and tally.total((Kind.ACROSS,)) == 0
        if figures is not None and not alike:
            yield Row(label, name, figures)


def _naming(subject: _Subject, plan: Plan) -> Iterator[Naming]:
    """Ask who it is, as the product does: by a score that needs no depth."""
    if subject.needs_depth:
        return
    protocol = plan.any_enrolled(1)
    for samples, data in subject.choices():
        asked = (data, protocol, subject.rule, plan.resampling(data))
        opened = figures_of(identified(*asked, margin=plan.margin, workers=plan.workers))
        if opened is not None:
            missed = misses_at(identified(*asked, margin=0.0, workers=plan.workers), -1.0)
            right = Interval(1.0 - missed.value, 1.0 - missed.high, 1.0 - missed.low)
            gallery = max(len(templates.person) for _, templates in settings(data, protocol))
            yield Naming(subject.label(samples, told(protocol)), gallery, plan.margin, right, opened)


def _groups(subject: _Subject, plan: Plan) -> Iterator[GroupRow]:
    """Judge groups of those who try, at one threshold and the same templates for all."""
    data, protocol = Data.of(subject.embedded), plan.any_enrolled(1)
    if subject.needs_depth:
        data = replace(data, usable=data.usable & subject.embedded.depth_fit)
    resampling = plan.resampling(data)
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
                subject.label("all poses", told(protocol)),
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
