"""A study as tables, for a terminal of 80 columns and for a document."""

from collections.abc import Iterable, Sequence
from itertools import chain
from math import isfinite
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.table import Table

from kinect_unlock_lab.attack.acceptance import Acceptance
from kinect_unlock_lab.attack.folds import Folded
from kinect_unlock_lab.attack.reviewing import Reviewed
from kinect_unlock_lab.attack.study import PERCENTILES, CueStudy, Rate, SpeciesRate, Study

_DIGITS: Final = 2  # of a cue's values


def tables(study: Study) -> tuple[Table, ...]:
    """Return everything that a study found, the worst first."""
    return (
        summary(study),
        species(study.species),
        _rates("APCER, simulated, by what makes a species strong", chain(*study.strengths.values())),
        _rates("APCER, simulated, by distance, mm, of what passes at all", study.apcer_by_distance),
        *(_rates(f"BPCER, {study.about.faces} faces, by {name}", rates) for name, rates in study.bpcer_by.items()),
        cues(study.cues, study.about.faces),
        without(study),
    )


def headline(study: Study) -> str:
    """Say what got through most."""
    if study.worst is None or not study.worst.apcer.events:
        return f"worst species (simulated): {_told(study.worst)}"
    return f"worst species (simulated): {_told(study.worst)}; but for whole heads: {_told(study.worst_of_others)}"


def _told(worst: SpeciesRate | None) -> str:
    if worst is None:
        return "nothing was shown"
    if not worst.apcer.events:
        return "none got through"
    return f"{worst.species}, {worst.sensor} sensor, {shown(worst.apcer)}"


def summary(study: Study) -> Table:
    """Sum a study up."""
    about = study.about
    each = f"all, made {about.rounds} times" if about.each is None else f"{about.each} at most"
    table = _table("Liveness by one frame; every attack is simulated", "", "", words=2)
    table.add_row("made of", f"{', '.join(about.data)}; people: {about.people}")
    table.add_row("instruments of a species and person", each)
    table.add_row("worst species", _told(study.worst))
    table.add_row("worst but for whole heads", _told(study.worst_of_others))
    table.add_row(f"BPCER, {about.faces} faces in range", f"{shown(study.bpcer)}, {study.bpcer.people} people")
    table.add_row(study.bpcer_aimed.name, f"{shown(study.bpcer_aimed)}, {study.bpcer_aimed.people} people")
    table.add_row("people refused at least once", f"{study.people_refused} of {study.bpcer.people}")
    table.add_row(f"{about.faces} frames", f"{study.real_frames}; not judged: {_counts(study.unjudged) or 'none'}")
    return table


def species(rates: Sequence[SpeciesRate]) -> Table:
    """Show what got through, species by species, under every sensor."""
    sensors = sorted({one.sensor for one in rates})
    title = "APCER, simulated: attacks taken for living faces, per cent and 95 % intervals"
    table = _table(title, "species", *(f"{name} sensor" for name in sensors))
    by_kind = {(one.species, one.sensor): one for one in rates}
    for kind in dict.fromkeys(one.species for one in rates):
        found = (by_kind.get((kind, sensor)) for sensor in sensors)
        table.add_row(kind.value, *("-" if one is None else _counted(one.apcer) for one in found))
    people = sorted({one.apcer.people for one in rates})
    unjudged = sum(one.unjudged for one in rates)
    table.caption = (
        f"accepted/judged; of {' or '.join(map(str, people))} people\n"
        f"{unjudged} more were out of range, or no face was found on them"
    )
    return table


def cues(studies: Sequence[CueStudy], faces: str) -> Table:
    """Show each cue: its bound, where living faces lie, whom it refuses, what it stops and what it alone does."""
    low, middle, high = PERCENTILES
    heads = ("bound", f"{faces} p{low}, p{middle}, p{high}", "refused", "stops", "alone")
    real = max((cue.refused.trials for cue in studies), default=0)
    table = _table("Cues, all species and sensors together (attacks simulated)", "cue", *heads)
    for cue in studies:
        values = ", ".join(_short(value) for value in cue.real)
        if not cue.enforced:
            table.add_row(cue.name, "no say", values, "-", "-", "-")
            continue
        refused = f"{cue.refused.events} ({cue.refused_alone})"
        stopped = f"{100 * cue.stopped.interval.value:.0f} %"
        table.add_row(cue.name, _bound(cue), values, refused, stopped, str(cue.stopped_alone))
    table.caption = f"refused: of {real} {faces} faces, in brackets those that nothing else refuses"
    return table


def without(study: Study) -> Table:
    """Show what would get through if a cue had no say: where it is needed, and for which species."""
    table = _table("What a cue alone stops (simulated)", "cue", "species", "alone", "APCER without it", words=2)
    for cue in study.cues:
        needed = [effect for effect in cue.effects if effect.stopped_alone]
        for effect in needed:
            alone, rate = str(effect.stopped_alone), _counted(effect.apcer_without)
            table.add_row(cue.name, effect.species.value, alone, rate)
        if cue.enforced and not needed:
            table.add_row(cue.name, "none", "0", "")
    return table


def folds(found: Sequence[Folded], faces: str) -> tuple[Table, ...]:
    """Show bounds that a rule chooses on some people, tried on others; no table where there was nothing to try."""
    if not found:
        return ()
    title = "Bounds chosen on four folds of people, tried on the fifth (attacks simulated)"
    table = _table(title, "bounds", "distance", f"{faces} faces refused", "attacks let through", words=2)
    for one in found:
        table.add_row(one.name, one.band, _counted(one.refused), _counted(one.accepted))
    table.caption = f"farthest: of the four folds' {faces} faces; attacks: all but whole heads"
    return (table,)


def attempts(found: Acceptance) -> tuple[Table, ...]:
    """Show who was accepted by whole attempts."""
    sensors = sorted({one.sensor for one in found.species})
    by_kind = {(one.species, one.sensor): one for one in found.species}
    heads = [f"{name} sensor" for name in sensors]
    accepted = _table("IAPAR, simulated: attempts accepted as the owner, per cent", "species", *heads)
    relative = _table("RIAPAR, simulated, per cent: IAPAR and the owners refused", "species", *heads, "found live")
    for kind in dict.fromkeys(one.species for one in found.species):
        own = [by_kind.get((kind, sensor)) for sensor in sensors]
        live = ", ".join(f"{one.live}/{one.iapar.trials}" for one in own if one)
        accepted.add_row(kind.value, *("-" if one is None else _counted(one.iapar) for one in own))
        relative.add_row(kind.value, *("-" if one is None else _percent(one.riapar) for one in own), live)
    relative.caption = "found live: attempts with a frame that liveness let pass"
    stills = f"camera: {found.about.faces} stills, else their looks brought to life"
    owners = f"FRR of {found.owners} enrolled owners ({stills})"
    return (accepted, relative, _rates(owners, found.frr))


def accepted_most(found: Acceptance) -> str:
    """Say what was accepted most."""
    worst = found.worst
    if worst is None or not worst.iapar.events:
        return "worst species end to end (simulated): none was accepted"
    return f"worst species end to end (simulated): {worst.species}, {worst.sensor} sensor, {shown(worst.iapar)}"


def reviewed(found: Sequence[Reviewed]) -> Table:
    """Show what was said of real recordings, one by one."""
    table = _table("Real attacks, recorded", "recording", "species", "live", "refused by", words=2)
    for one in found:
        most = max(one.refused_by, key=one.refused_by.__getitem__, default="-")
        table.add_row(one.name, one.sheet.species.value, f"{one.live}/{one.judged}", most)
    table.caption = "live: of the frames that liveness was asked about; refused by: the cue that did so most"
    return table


def shown(rate: Rate) -> str:
    """Write a rate out."""
    return f"{rate.events}/{rate.trials} = {rate.interval.percent()}" if rate.trials else "-"


def _rates(title: str, rates: Iterable[Rate]) -> Table:
    table = _table(title, "", "rate, 95 %", "people")
    for rate in rates:
        table.add_row(rate.name, shown(rate), str(rate.people))
    return table


def _table(title: str, *heads: str, words: int = 1) -> Table:
    """Begin a table; its first columns have words in them, the others figures."""
    table = Table(
        title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1), collapse_padding=True, pad_edge=False
    )
    for place, head in enumerate(heads):
        table.add_column(head, justify="right" if place >= words else "left", no_wrap=len(heads) > 2)
    return table


def _counted(rate: Rate) -> str:
    """Write a rate as short as it can be."""
    if not rate.trials:
        return "-"
    value, low, high = (_percent(share) for share in (rate.interval.value, rate.interval.low, rate.interval.high))
    return f"{rate.events}/{rate.trials} {value} [{low}, {high}]"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}" if share < 0.1 else f"{100 * share:.0f}"


def _short(value: float) -> str:
    return f"{value:.{max(0, _DIGITS - len(str(int(abs(value)))))}f}" if isfinite(value) else "-"


def _bound(cue: CueStudy) -> str:
    if cue.high is None:
        return f">= {cue.low:g}"
    return f"<= {cue.high:g}" if cue.low is None else f"{cue.low:g}..{cue.high:g}"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items(), key=lambda item: -item[1]))
