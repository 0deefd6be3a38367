"""The Face ID article's experiment with the daemon's own code, on people whom no network was trained on.

The article enrols one person in a few poses and prints Euclidean distances between unit embeddings: about 0.30 to the
same person and 1.1 to 1.4 to others, with a threshold of 0.4. It gives one pair of each kind, and the genuine one is
of a person it was trained on. Here everybody is the owner once, and strangers are people of the same year.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure
from rich.box import SIMPLE_HEAD
from rich.table import Table

from kinect_unlock.arrays import F64
from kinect_unlock_lab.attempting import passes_gate
from kinect_unlock_lab.figures import widened
from kinect_unlock_lab.metrics import Comparisons, Interval, false_accepts, share_by_person
from kinect_unlock_lab.plots.colors import GENUINE, IMPOSTOR
from kinect_unlock_lab.protocols import ENROLLED, Embedded, against_templates

ARTICLE_THRESHOLD: Final = 0.4
_ARTICLE_GENUINE: Final = 0.3002
_ARTICLE_IMPOSTOR: Final = 1.4120
_PERCENTILES: Final = (5, 50, 95)


@dataclass(frozen=True, slots=True)
class Distances:
    """Euclidean distances between unit vectors, 0..2, and the shares below the article's threshold and below ours."""

    count: int
    people: int
    percentiles: tuple[float, float, float]  # 5th, 50th, 95th
    below_article: Interval
    below_ours: Interval | None


@dataclass(frozen=True, slots=True, eq=False)
class Experiment:
    """One encoder's, or half's, outcome; ``threshold`` is the distance at which the daemon lets it say yes, if any."""

    system: str
    threshold: float | None
    genuine: Distances
    impostor: Distances
    genuine_distances: F64
    impostor_distances: F64


def distance_of(cosine: F64) -> F64:
    """Return the Euclidean distance of unit vectors with this cosine, ``sqrt(2 - 2 cos)``."""
    return np.asarray(np.sqrt(np.clip(2.0 - 2.0 * np.asarray(cosine), 0.0, 4.0)), np.float64)


def experiment(embedded: Embedded, group: Sequence[object], *, system: str, cosine: float | None) -> Experiment:
    """Enrol everybody's three most frontal samples and measure every other one in range against every template.

    ``group`` names each sample's set-up (its year); only people of one set-up meet as strangers. ``cosine`` is the
    daemon's threshold.
    """
    in_range = passes_gate(embedded)
    chosen = embedded.where(in_range)
    compared = against_templates(chosen, enrolled=ENROLLED)
    group_of = np.array([str(name) for name in group])[in_range][np.unique(chosen.person, return_index=True)[1]]
    same_group = group_of[compared.probe_person] == group_of[compared.reference_person]
    genuine, impostor = compared.where(compared.genuine), compared.where(~compared.genuine & same_group)
    return Experiment(
        system=system,
        threshold=None if cosine is None else float(distance_of(np.array(cosine))),
        genuine=_distances(genuine, cosine, strangers=False),
        impostor=_distances(impostor, cosine, strangers=True),
        genuine_distances=distance_of(genuine.scores),
        impostor_distances=distance_of(impostor.scores),
    )


def _distances(compared: Comparisons, cosine: float | None, *, strangers: bool) -> Distances:
    def share(limit: float) -> Interval:
        if strangers:
            return false_accepts(compared, [limit])[0].rate
        rate = share_by_person((compared.scores >= limit).astype(np.float64), compared.probe_person)
        return widened(rate, len(np.unique(compared.probe_person)))

    low, middle, high = np.percentile(distance_of(compared.scores), _PERCENTILES)
    return Distances(
        count=len(compared.scores),
        people=len(np.unique(compared.probe_person)),
        percentiles=(float(low), float(middle), float(high)),
        below_article=share(1.0 - ARTICLE_THRESHOLD**2 / 2.0),
        below_ours=None if cosine is None else share(cosine),
    )


def as_json(experiments: Sequence[Experiment]) -> list[dict[str, Any]]:
    """Return the figures as plain data, without the single distances."""
    single = {"genuine_distances", "impostor_distances"}
    return [{name: value for name, value in asdict(one).items() if name not in single} for one in experiments]


def table(experiments: Sequence[Experiment]) -> Table:
    """Lay the outcomes out beside the article's."""
    view = Table(box=SIMPLE_HEAD, padding=(0, 1), collapse_padding=True, pad_edge=False)
    view.add_column("encoder\n  compared")
    for heading in ("number,\npeople", "distance: median\n[5th, 95th]", f"below {ARTICLE_THRESHOLD:g}", "below ours"):
        view.add_column(heading, justify="right", no_wrap=True)
    view.add_row("[bold]the article[/], opens below 0.40")
    view.add_row("  same person", "1\n1", f"{_ARTICLE_GENUINE:.2f}", "1 of 1", "")
    view.add_row("  strangers", "1\n2", f"{_ARTICLE_IMPOSTOR:.2f}", "0 of 1", "", end_section=True)
    for one in experiments:
        ours = "no threshold" if one.threshold is None else f"opens below {one.threshold:.2f}"
        view.add_row(f"[bold]{one.system}[/], {ours}")
        view.add_row("  same person", *_cells(one.genuine))
        view.add_row("  strangers", *_cells(one.impostor), end_section=True)
    return view


def _cells(found: Distances) -> tuple[str, ...]:
    low, middle, high = found.percentiles
    shares = [
        "-" if one is None else one.percent().replace(" [", "\n[") for one in (found.below_article, found.below_ours)
    ]
    return f"{found.count:,}\n{found.people}", f"{middle:.2f}\n[{low:.2f}, {high:.2f}]", *shares


def picture(experiments: Sequence[Experiment]) -> Figure:
    """Draw the distances of every encoder, the article's figures marked on each."""
    figure = Figure(figsize=(9.5, 1.2 + 2.1 * len(experiments)), layout="constrained")
    for axes, one in zip(np.ravel(figure.subplots(len(experiments), sharex=True)), experiments, strict=True):
        bins = np.linspace(0.0, 1.8, 73)
        sides = ((one.genuine_distances, GENUINE, "same person"), (one.impostor_distances, IMPOSTOR, "strangers"))
        for distances, color, name in sides:
            share = np.full(len(distances), 1.0 / max(1, len(distances)))
            axes.hist(distances, bins, weights=share, color=color, alpha=0.65, label=f"{name} ({len(distances):,})")
        axes.axvline(ARTICLE_THRESHOLD, color="black", ls=":", lw=1.5, label="the article's threshold, 0.4")
        if one.threshold is not None:
            axes.axvline(one.threshold, color="#009E73", lw=2, label=f"the daemon's, {one.threshold:.2f}")
        axes.plot([_ARTICLE_GENUINE], [0], "^", color=GENUINE, ms=9, clip_on=False, label="the article's two pairs")
        axes.plot([_ARTICLE_IMPOSTOR], [0], "^", color=IMPOSTOR, ms=9, clip_on=False)
        axes.set_title(one.system, loc="left", fontsize=11)
        axes.set_ylabel("share")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.supxlabel("Euclidean distance to the nearest of three enrolled samples", fontsize=10)
    return figure
