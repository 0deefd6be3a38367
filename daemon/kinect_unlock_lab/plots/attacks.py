"""What got through by species, and where living faces and attacks lie on each cue; every attack is simulated."""

from collections.abc import Sequence
from math import ceil, isfinite
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from kinect_unlock_lab.attack.results import Presentation, Results
from kinect_unlock_lab.attack.study import CueStudy, SpeciesRate, Study
from kinect_unlock_lab.plots.colors import GENUINE, IMPOSTOR, OPENS, color_of

_ACROSS: Final = 3  # cues beside each other
_BINS: Final = 40
_SHOWN: Final = (0.5, 99.5)  # percentiles of everything; the rest lies at the edges
_AIM: Final = 1.0  # per cent


def figure(study: Study, results: Results) -> Figure:
    """Draw rates with their intervals by species and sensor, and a histogram of each cue that has a say."""
    asked = [cue for cue in study.cues if cue.enforced and isfinite(cue.real[0]) and cue.real[0] < cue.real[-1]]
    rows = ceil(len(asked) / _ACROSS)
    species = list(dict.fromkeys(one.species for one in study.species))
    height = 1.2 + 0.32 * len(species)
    drawn = Figure(figsize=(9.0, height + 1.9 * rows), layout="constrained")
    above, below = drawn.subfigures(2, 1, squeeze=False, height_ratios=(height, max(1.9 * rows, 0.1))).ravel()
    _draw_rates(above.subplots(), study.species)
    above.suptitle("Simulated attacks taken for living faces, one frame, 95 % intervals", fontsize=11)
    if asked:
        _draw_cues(below, asked, results, rows)
    return drawn


def _draw_rates(axes: Axes, rates: Sequence[SpeciesRate]) -> None:
    names = list(dict.fromkeys(one.species.value for one in rates))
    sensors = sorted({one.sensor for one in rates})
    for number, sensor in enumerate(sensors):
        own = [one for one in rates if one.sensor == sensor and one.apcer.trials]
        at = np.array([names.index(one.species.value) for one in own]) + 0.25 * (number - (len(sensors) - 1) / 2)
        values = [one.apcer.interval for one in own]
        middle = np.array([100 * value.value for value in values])
        reach = np.abs(np.array([(100 * value.low, 100 * value.high) for value in values]).T - middle)
        axes.errorbar(
            middle, at, xerr=reach, fmt="o", ms=4, capsize=2.5, color=color_of(number), label=f"{sensor} sensor"
        )
    axes.axvline(_AIM, color=OPENS, linewidth=1, linestyle="--", label="the aim: 1 %")
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.invert_yaxis()
    axes.set_xscale("symlog", linthresh=_AIM)
    ticks = (0, 0.5, 1, 2, 5, 10, 20, 50, 100)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set(xlim=(-0.05, 110), xlabel="APCER, % (linear up to 1 %)")
    axes.grid(axis="x", color="#e4e7ec")
    axes.legend(fontsize=8, loc="upper right", framealpha=0.9)


def _draw_cues(below: SubFigure, cues: Sequence[CueStudy], results: Results, rows: int) -> None:
    panels = below.subplots(rows, _ACROSS, squeeze=False).ravel()
    for axes, cue in zip(panels, cues, strict=False):
        real, attacks = values(results.genuine, cue.name), values(results.attacks, cue.name)
        low, high = np.percentile(np.concatenate((real, attacks)), _SHOWN)
        bins = np.linspace(low, high, _BINS)
        for found, color, name in ((real, GENUINE, f"{results.about.faces} faces"), (attacks, IMPOSTOR, "attacks")):
            if len(found):
                axes.hist(np.clip(found, low, high), bins, density=True, alpha=0.55, color=color, label=name)
        for bound in (cue.low, cue.high):
            if bound is not None:
                axes.axvline(bound, color=OPENS, linewidth=1.2)
        axes.set_title(cue.name, fontsize=9)
        axes.set_yticks([])
        axes.tick_params(labelsize=7)
    for axes in panels[len(cues) :]:
        axes.set_axis_off()
    panels[0].legend(fontsize=7)
    below.suptitle("Cues with a say, as shares; green: the bound", fontsize=11)


def values(shown: Sequence[Presentation], cue: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return f64[n]: what was measured of a cue."""
    found = [value for one in shown if (value := one.look.cues.get(cue)) is not None]
    return np.array(found, np.float64)
