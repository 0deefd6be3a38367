"""What two votes cost and bring, laid out for a terminal; the figures are `kinect_unlock_lab.vote_study`'s."""

from collections.abc import Mapping, Sequence

from rich.table import Table

from kinect_unlock_lab.depth_calibration import DepthCalibration, Misses
from kinect_unlock_lab.depth_fitness import Fitness
from kinect_unlock_lab.farther import FromFarther
from kinect_unlock_lab.fusion import Fused
from kinect_unlock_lab.masks import Masked
from kinect_unlock_lab.metrics import FalseAccepts
from kinect_unlock_lab.print_depth import Stopped
from kinect_unlock_lab.vote_costs import Cost

_SHOWN_WEIGHTS = (1.0, 0.9, 0.8, 0.7, 0.5, 0.3, 0.0)


def costs(found: Sequence[Cost]) -> Table:
    """Lay out owners missed and strangers accepted, by the first half alone and by both."""
    view = _table(
        "Owners missed and strangers of the same year accepted, by colour alone -> by both votes, 95 % intervals",
        ("thresholds", "enrolled", "captures", "vectors", "frames"),
        ("FNMR (usable frames)", "FRR (any frames)", "false accepts"),
    )
    for one in found:
        if one.alone.misses is None and one.alone.refusals_too is None:
            continue
        view.add_row(
            one.at,
            one.enrolled,
            one.group,
            str(one.template_vectors),
            str(one.frames),
            f"{_missed(one.alone.misses)} -> {_missed(one.both.misses)}",
            f"{_missed(one.alone.refusals_too)} -> {_missed(one.both.refusals_too)}",
            f"{_accepted(one.alone.accepts)} -> {_accepted(one.both.accepts)}",
        )
    return view


def masks(found: Mapping[str, Sequence[Masked]]) -> Table:
    """Lay out masks that were accepted."""
    view = _table(
        "Masks of the victim's colour on another person's real depth, accepted, 95 % intervals",
        ("people", "wearer", "way", "vectors"),
        ("attempts", "pairs of people", "both votes", "colour alone"),
    )
    for people, kinds in found.items():
        for one in kinds:
            counts = (f"{one.both.comparisons:,}", f"{one.both.person_pairs:,}")
            rates = (one.both.rate.percent(), one.colour_alone.rate.percent())
            view.add_row(people, one.reach, one.way, str(one.template_vectors), *counts, *rates)
    return view


def prints(found: Sequence[Stopped]) -> Table:
    """Lay out what of simulated prints passes."""
    view = _table(
        "Simulated prints that pass, colour taken for agreed, one frame each, 95 % intervals by person",
        ("kind",),
        ("prints", "people", "depth fit to vote", "passes depth vote", "passes liveness", "passes both"),
    )
    for one in found:
        shares = (one.usable, one.depth_accepts, one.liveness_accepts, one.both_accept)
        view.add_row(one.species, f"{one.presentations:,}", str(one.people), *(share.percent() for share in shares))
    return view


def farther(found: Sequence[FromFarther]) -> Table:
    """Lay out what a template is worth to a look from farther away."""
    view = _table(
        "Looks from farther away (simulated) at templates of three from below 0.95 m, 95 % intervals",
        ("farther by",),
        ("looks fit to vote", "missed by depth", "missed by both", "strangers accepted by depth"),
    )
    for one in found:
        told = (_missed(one.depth), _missed(one.both), _accepted(one.accepts))
        view.add_row(f"{one.by_mm:g} mm", f"{one.fit} of {one.looks}", *told)
    return view


def weights(found: Sequence[Fused]) -> Table:
    """Lay out what weights of one cosine do in each light."""
    view = _table(
        "One cosine over both halves, templates of three in good light, 95 % intervals by person",
        ("attempts' light", "frames"),
        ("captures that count", "genuine (people) / strangers", "w", "EER", "TAR at FAR 1e-3"),
    )
    for one in found:
        head = (one.light, str(one.frames), f"{one.usable} of {one.captures}")
        counts = f"{one.genuine:,} ({one.people}) / {one.strangers:,}"
        for at in one.by_weight:
            if at.weight in _SHOWN_WEIGHTS:
                view.add_row(*head, counts, f"{at.weight:g}", at.eer.percent(), at.tar.percent())
                head, counts = ("", "", ""), ""
        chosen = ", ".join(f"{weight:g}" for weight in one.chosen)
        held_out = f"{100 * one.eer_chosen:.1f} % held out, colour alone {100 * one.eer_first_alone:.1f} %"
        view.add_row("", "", "", "", f"chosen {chosen}", held_out, "")
        view.add_section()
    return view


def depth_rows(found: DepthCalibration) -> Table:
    """Lay out what depth must reach, what that costs owners and what it lets through."""
    view = _table(
        f"The depth vote alone, chosen to miss {100 * found.misses_allowed:g} % of the tune half's looks",
        ("strategy", "needs", "people", "way", "vectors", "mm"),
        ("owners missed", "strangers of the same year accepted"),
    )
    for row in found.rows:
        head = " ".join(f"<={band.to_mm:g}: {band.threshold:.3f}" for band in row.bands)
        for one in found.checks:
            if one.strategy == row.strategy and (one.misses or one.accepts):
                kind = (one.side, one.way, str(one.template_vectors), f"{one.from_mm:g}-{one.to_mm:g}")
                view.add_row(row.strategy, head, *kind, _missed(one.misses), _accepted(one.accepts))
                head = ""
        view.add_section()
    return view


def fitness(found: Sequence[Fitness]) -> Table:
    """Lay out what bounds on fitness refuse and gain."""
    view = _table(
        "Bounds of the depth vote, tune half: looks refused, and strangers accepted where 4 % of owners are missed",
        ("bounds",),
        ("refused", "looks left", "owners", "strangers accepted"),
    )
    for one in found:
        view.add_row(one.bounds.name, one.refused.percent(), str(one.looks), str(one.owners), _accepted(one.strangers))
    return view


def _table(title: str, left: Sequence[str], right: Sequence[str]) -> Table:
    view = Table(title=title, title_justify="left")
    for heading in left:
        view.add_column(heading)
    for heading in right:
        view.add_column(heading, justify="right")
    return view


def _missed(misses: Misses | None) -> str:
    return f"{misses.missed}/{misses.trials} ({misses.people}) {misses.rate.percent()}" if misses else "-"


def _accepted(accepts: FalseAccepts | None) -> str:
    if accepts is None:
        return "-"
    return f"{accepts.accepted:,}/{accepts.comparisons:,} ({accepts.person_pairs:,} pairs) {accepts.rate.percent(2)}"
