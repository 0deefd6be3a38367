"""What a trial's attempts add up to: rates with 95 % intervals, where misses come from, and what was not as shipped.

Owner attempts are one a person, so their intervals are the exact binomial ones. A stranger attempt shares its two
people with two hundred others; its intervals resample people.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from rich.table import Table

from kinect_unlock.matching import Bar
from kinect_unlock.observations import Seen
from kinect_unlock.wire import Word
from kinect_unlock_lab.datasets import Side, split
from kinect_unlock_lab.metrics import Comparisons, Interval, clopper_pearson, false_accepts
from kinect_unlock_lab.trial import Outcome, Person

_SCORE: Final = "score or too few votes"
_VETO: Final = "liveness: another capture was taken for a spoof"
_HALVES: Final = ("all", "tune", "report")


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    events: int
    trials: int
    rate: Interval

    @classmethod
    def exact(cls, events: int, trials: int) -> "Share":
        """Return it with the exact binomial interval: for trials that share nobody."""
        return cls(events, trials, clopper_pearson(events, trials))

    def __str__(self) -> str:
        return f"{self.events:,} / {self.trials:,} = {self.rate.percent(2)}" if self.trials else "0 / 0"


@dataclass(frozen=True, slots=True)
class Strangers:
    """False unlocks of stranger attempts, and by people: one look-alike may open one user at every try."""

    attempts: Share
    person_pairs: int
    users_opened: Share
    strangers_who_opened: Share


@dataclass(frozen=True, slots=True)
class Half:
    """The figures of some people, who meet only each other.

    ``missed`` counts every owner attempt without a match (FRR), ``missed_or_not_enrolled`` those too who could not be
    enrolled, ``missed_if_judged`` only attempts in which the gates let a capture through to the encoder (FNMR).
    ``causes`` names one cause for each missed owner, ``captures`` what every capture in an owner's attempt was seen as
    until it ended.
    """

    people: int
    enrolled: Share
    missed: Share
    missed_or_not_enrolled: Share
    missed_if_judged: Share
    same_year: Strangers
    across_years: Strangers
    causes: dict[str, int]
    captures: dict[str, int]


@dataclass(frozen=True, slots=True)
class Report:
    """A trial; ``unseen_captures`` were never looked at though their attempt did not match, and must be none."""

    votes_needed: int
    thresholds: tuple[Bar, ...]
    stream_integrity: str
    not_as_shipped: tuple[str, ...]
    unseen_captures: int
    halves: dict[str, Half]


def report(
    people: Sequence[Person],
    outcomes: Sequence[Outcome],
    *,
    votes_needed: int,
    thresholds: Sequence[Bar],
    not_as_shipped: Sequence[str],
) -> Report:
    """Sum a trial up: all people, and apart the half on which parameters were tuned and the other."""
    shown = {person.name: len(person.probes) for person in people}
    unseen = sum(
        shown[one.person] - sum(one.seen.values()) for one in outcomes if one.word in {Word.TIMED_OUT, Word.NO_MATCH}
    )
    halves = {}
    for name in _HALVES:
        chosen = [person for person in people if name == "all" or split(person.name) is Side(name)]
        names = {person.name for person in chosen}
        halves[name] = _half(chosen, [one for one in outcomes if {one.user, one.person} <= names])
    return Report(votes_needed, tuple(thresholds), "off: stills are no stream", tuple(not_as_shipped), unseen, halves)


def as_json(found: Report) -> dict[str, Any]:
    """Return it as plain data."""
    return asdict(found)


def table(found: Report) -> Table:
    """Lay it out for a terminal."""
    needs = "; ".join(f"{bar.half} {_needs(bar)}" for bar in found.thresholds)
    title = f"Real faces through the daemon at {needs}; {found.votes_needed} vote(s), 95 % intervals"
    view = Table("", *found.halves, title=title, title_justify="left")
    for label, cell in _ROWS:
        view.add_row(label, *(cell(half) for half in found.halves.values()))
    view.caption = f"stream integrity {found.stream_integrity}; not as shipped: {'; '.join(found.not_as_shipped)}"
    return view


def _needs(bar: Bar) -> str:
    """Say what a half must reach, by distance where that matters."""
    return ", ".join(
        f"{band.cosine:.3f}" + (f" to {band.to_mm:g} mm" if np.isfinite(band.to_mm) else "") for band in bar.bands
    )


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"


_ROWS: Final[tuple[tuple[str, Callable[[Half], str]], ...]] = (
    ("enrolled", lambda half: str(half.enrolled)),
    ("owners missed (FRR)", lambda half: str(half.missed)),
    ("... or not enrolled", lambda half: str(half.missed_or_not_enrolled)),
    ("... with a usable capture (FNMR)", lambda half: str(half.missed_if_judged)),
    ("why", lambda half: _counted(half.causes)),
    ("owners' captures", lambda half: _counted(half.captures)),
    ("false unlocks, same year", lambda half: str(half.same_year.attempts)),
    ("... users opened", lambda half: str(half.same_year.users_opened)),
    ("... strangers who opened", lambda half: str(half.same_year.strangers_who_opened)),
    ("false unlocks, across years", lambda half: str(half.across_years.attempts)),
    ("... users opened", lambda half: str(half.across_years.users_opened)),
    ("... strangers who opened", lambda half: str(half.across_years.strangers_who_opened)),
)


def _half(people: Sequence[Person], outcomes: Sequence[Outcome]) -> Half:
    year = {person.name: person.year for person in people}
    failed = {one.user for one in outcomes if one.word is Word.ENROL_FAILED}
    attempts = [one for one in outcomes if one.word is not Word.ENROL_FAILED]
    owners = [one for one in attempts if one.user == one.person]
    strangers = [one for one in attempts if one.user != one.person]
    missed = [one for one in owners if not one.matched]
    judged = [one for one in owners if one.seen.get(Seen.FACE.value, 0)]
    enrolled = sum(1 for person in people if person.enrolled) - len(failed)
    captures: Counter[str] = Counter()
    for one in owners:
        captures.update(one.seen)
    return Half(
        people=len(people),
        enrolled=Share.exact(enrolled, len(people)),
        missed=Share.exact(len(missed), len(owners)),
        missed_or_not_enrolled=Share.exact(len(missed) + len(people) - enrolled, len(people)),
        missed_if_judged=Share.exact(sum(1 for one in judged if not one.matched), len(judged)),
        same_year=_strangers([one for one in strangers if year[one.user] == year[one.person]]),
        across_years=_strangers([one for one in strangers if year[one.user] != year[one.person]]),
        causes=dict(Counter(_cause(one) for one in missed).most_common()),
        captures=dict(captures.most_common()),
    )


def _strangers(attempts: Sequence[Outcome]) -> Strangers:
    opened = [one for one in attempts if one.matched]
    users, people = {one.user for one in attempts}, {one.person for one in attempts}
    number = {name: place for place, name in enumerate(sorted(users | people))}
    compared = Comparisons(
        np.array([float(one.matched) for one in attempts]),
        np.array([number[one.person] for one in attempts], np.int64),
        np.array([number[one.user] for one in attempts], np.int64),
    )
    pairs, rate = 0, Interval(float("nan"), 0.0, 1.0)
    if attempts:
        (counted,) = false_accepts(compared, [1.0])
        pairs, rate = counted.person_pairs, counted.rate
    return Strangers(
        attempts=Share(len(opened), len(attempts), rate),
        person_pairs=pairs,
        users_opened=Share.exact(len({one.user for one in opened}), len(users)),
        strangers_who_opened=Share.exact(len({one.person for one in opened}), len(people)),
    )


def _cause(outcome: Outcome) -> str:
    """Name what an owner was missed for: a veto or the score if any capture could be judged, else what most were."""
    if outcome.seen.get(Seen.FACE.value, 0):
        return _VETO if outcome.seen.get(Seen.SPOOF.value, 0) else _SCORE
    return Counter(outcome.seen).most_common(1)[0][0] if outcome.seen else "no capture seen"
