"""DET curves and score histograms, drawn from counts alone."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from kinect_unlock_lab.figures import Curve, Figures, Histogram
from kinect_unlock_lab.plots.colors import GENUINE, IMPOSTOR, OPENS, color_of

_TICKS: Final = (1e-5, 1e-4, 1e-3, 1e-2, 0.05, 0.1, 0.2, 0.4, 0.6)
_LEAST_MISSES: Final = 1e-3
_MOST: Final = 0.6
_LEGEND_INSIDE: Final = 4  # curves; the names of more would hide them
_GRID: Final = "#e4e7ec"
_INK: Final = "#344054"
_LINES: Final = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)))


def det(curves: Mapping[str, Curve], *, title: str) -> Figure:
    """Draw FNMR over FAR, both on normal-deviate axes; faint where comparisons outnumber pairs of people too far."""
    below = len(curves) > _LEGEND_INSIDE
    figure = Figure(figsize=(5.6, 5.6 if below else 4.8), layout="constrained")
    axes = figure.subplots()
    lowest = min((curve.ends_at for curve in curves.values()), default=1e-3)
    for number, (name, curve) in enumerate(curves.items()):
        _draw_curve(axes, name, curve, number)
    deviate = stats.norm.ppf
    axes.plot(deviate([1e-5, _MOST]), deviate([1e-5, _MOST]), color=_GRID, linewidth=1, zorder=0)
    _deviate_axis(axes, "x", max(lowest * 0.8, 1e-5))
    _deviate_axis(axes, "y", _LEAST_MISSES)
    axes.set(xlabel="false accepts (FAR), %", ylabel="misses (FNMR), %")
    if below:
        figure.legend(fontsize=8, loc="outside lower center", frameon=False, ncols=2)
    else:
        axes.legend(fontsize=8, loc="upper right", edgecolor="none", framealpha=0.85)
    _dress(axes, title)
    return figure


def _draw_curve(axes: Axes, name: str, curve: Curve, number: int) -> None:
    far = stats.norm.ppf(np.clip(curve.far, 1e-9, 1 - 1e-9))
    misses = stats.norm.ppf(np.clip(curve.frr, _LEAST_MISSES / 2, 1 - 1e-9))
    solid = np.array(curve.far) >= curve.solid_to
    color, line = color_of(number), _LINES[(number // 6) % len(_LINES)]
    axes.step(far[solid], misses[solid], where="post", color=color, linestyle=line, linewidth=1.8, label=name)
    thin = np.flatnonzero(~solid)
    if len(thin):
        upto = np.append(thin, min(thin[-1] + 1, len(far) - 1))
        axes.step(far[upto], misses[upto], where="post", color=color, linestyle=":", linewidth=1.2, alpha=0.6)


def _deviate_axis(axes: Axes, which: str, lowest: float) -> None:
    ticks = [tick for tick in _TICKS if tick >= lowest * 0.99]
    at, names = stats.norm.ppf(ticks), [f"{100 * tick:g}" for tick in ticks]
    low, high = (float(one) for one in stats.norm.ppf((lowest, _MOST)))
    if which == "x":
        axes.set_xticks(at, names)
        axes.set_xlim(low, high)
    else:
        axes.set_yticks(at, names)
        axes.set_ylim(low, high)


def histogram(figures: Figures, *, title: str, opens: Mapping[str, float] = MappingProxyType({})) -> Figure:
    """Draw how genuine and impostor scores are spread, and the thresholds that the data support.

    ``opens`` are thresholds in use, by what to write beside them.
    """
    figure = Figure(figsize=(5.6, 3.2), layout="constrained")
    axes = figure.subplots()
    held = figures.histogram
    edges = held.begin + held.step * np.arange(len(held.genuine) + 1)
    for name, shares, color in (("strangers", held.impostor, IMPOSTOR), ("same person", held.genuine, GENUINE)):
        axes.stairs(100 * np.array(shares), edges, fill=True, color=color, alpha=0.55, label=name)
    top = 100 * max((*held.genuine, *held.impostor))
    for point in figures.points:
        if point.threshold is not None:
            axes.axvline(point.threshold, color=_INK, linewidth=1, linestyle="-" if point.by_pairs else ":")
            _name_line(axes, f"FAR {point.far:g}", (point.threshold, top), right=False, color=_INK)
    for number, (name, cosine) in enumerate(opens.items()):
        axes.axvline(cosine, color=OPENS, linewidth=2, linestyle=_LINES[number % len(_LINES)])
        _name_line(axes, name, (cosine, top), right=True, color=OPENS)
    axes.set(xlabel="cosine", ylabel="share of comparisons, %")
    axes.set_xlim(*_shown(held))
    axes.legend(frameon=False, fontsize=8, loc="lower left", bbox_to_anchor=(-0.02, 0.98), ncols=2, borderpad=0)
    _dress(axes, title, above_points=20.0)
    return figure


def _name_line(axes: Axes, name: str, at: tuple[float, float], *, right: bool, color: str) -> None:
    """Write along an upright line, on its right or left."""
    axes.annotate(
        name,
        at,
        xytext=(3 if right else -2, 0),
        textcoords="offset points",
        rotation=90,
        va="top",
        ha="left" if right else "right",
        fontsize=7,
        color=color,
    )


def _shown(held: Histogram) -> tuple[float, float]:
    """Return the range of scores that occur."""
    occurs = np.flatnonzero(np.array(held.genuine) + np.array(held.impostor))
    if not len(occurs):
        return held.begin, -held.begin
    return held.begin + held.step * (float(occurs[0]) - 1), held.begin + held.step * (float(occurs[-1]) + 2)


def _dress(axes: Axes, title: str, *, above_points: float = 6.0) -> None:
    axes.set_title(title, loc="left", fontsize=10, color=_INK, pad=above_points)
    axes.grid(color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8, colors=_INK, length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
