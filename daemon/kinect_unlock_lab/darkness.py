"""When it is too dark for the detector, and whether the daemon can tell: real faces, dimmed in steps.

A face counts that is found in the light in which it was taken; of those are counted the ones missed in less light, and
how many of the missed the daemon calls dark. A bound is good if it holds for nearly all of them and for nobody in
the light. The dimming is simulated (`kinect_unlock_lab.dimming`): real cameras expose longer first, and their noise is
another one. The data show faces; what a person who looks away does, all hair and clothes, they do not tell.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table

from kinect_unlock.errors import SourceError
from kinect_unlock.light import DARK_BELOW, brightness
from kinect_unlock.pipeline import FaceDetector
from kinect_unlock.settings import PoseRange
from kinect_unlock.sight import Sight
from kinect_unlock_lab.datasets import Sample, Side, load_rgbd_faces, split
from kinect_unlock_lab.dimming import AS_IT_IS, NOISE_LEVELS, Light

GAINS: Final = (0.5, 0.3, 0.2, 0.15, 0.1, 0.06, 0.04, 0.03, 0.02, 0.01)
NOISES: Final = (NOISE_LEVELS, 2 * NOISE_LEVELS)
BOUNDS: Final = (8.0, 12.0, DARK_BELOW, 20.0, 24.0, 32.0)


@dataclass(frozen=True, slots=True)
class Level:
    """One light: how many faces, how many of them the detector missed, and how bright the people were."""

    light: Light
    faces: int
    missed: int
    frontal: int
    frontal_missed: int
    brightness: tuple[float, float, float]  # least, median, greatest
    below: tuple[int, ...]  # of all faces, for each of `BOUNDS`
    missed_below: tuple[int, ...]  # of the missed ones


@dataclass(frozen=True, slots=True)
class DarknessStudy:
    """Everything that was found on one side of the development people; the first level is the light as it is."""

    side: Side
    people: int
    samples: int
    not_found_in_light: int
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class _Look:
    found: bool
    brightness: float
    frontal: bool


def study(
    folder: Path, detector: FaceDetector, limits: PoseRange, side: Side, *, on_done: Callable[[int, int], object]
) -> DarknessStudy:
    """Dim every sample of one side; raises `SourceError` for a bad data set, or one without a face on that side."""
    samples = [sample for sample in load_rgbd_faces(folder) if split(sample.person) is side]
    lights = (AS_IT_IS, *(Light(gain, noise) for noise in NOISES for gain in GAINS))
    looks = []
    for number, sample in enumerate(samples, start=1):
        found = _looks(sample, detector, limits, lights)
        if found:
            looks.append(found)
        on_done(number, len(samples))
    if not looks:
        raise SourceError(f"{folder}: no face is found on any of {len(samples)} samples of the {side} half")
    levels = [_level(light, shown) for light, shown in zip(lights, zip(*looks, strict=True), strict=True)]
    people = len({sample.person for sample in samples})
    return DarknessStudy(side, people, len(samples), len(samples) - len(looks), tuple(levels))


def _looks(sample: Sample, detector: FaceDetector, limits: PoseRange, lights: Sequence[Light]) -> list[_Look]:
    """Look at a sample in every light; empty if its face is not found as it is."""
    sight = Sight.in_color(sample.frame())
    region = None if sight is None else sight.region(limits)
    if sight is None or region is None or not detector.detect(sight.image, region):
        return []
    looks = []
    for light in lights:
        color = light.on(sight.image, f"{sample.person}/{sample.name}")
        level = brightness(color, sight.depth_mm, sight.calibration, limits)
        looks.append(_Look(bool(detector.detect(color, region)), level, sample.near_frontal))
    return looks


def _level(light: Light, looks: Sequence[_Look]) -> Level:
    missed = [look for look in looks if not look.found]
    frontal = [look for look in looks if look.frontal]
    least, median, greatest = np.percentile([look.brightness for look in looks], (0, 50, 100)).tolist()
    return Level(
        light=light,
        faces=len(looks),
        missed=len(missed),
        frontal=len(frontal),
        frontal_missed=sum(not look.found for look in frontal),
        brightness=(least, median, greatest),
        below=_below(looks),
        missed_below=_below(missed),
    )


def _below(looks: Sequence[_Look]) -> tuple[int, ...]:
    return tuple(sum(look.brightness < bound for look in looks) for bound in BOUNDS)


def render(found: DarknessStudy) -> Group:
    """Lay a study out as tables that fit a terminal of 80 columns."""
    return Group(
        f"{found.side.value} half: {found.people} people, {found.samples} samples, "
        f"{found.not_found_in_light} without a face in the light as it is",
        _levels(found),
        _bounds(found),
    )


def _levels(found: DarknessStudy) -> Table:
    table = Table(title="the detector in less light (simulated)", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1))
    for heading in ("light", "noise", "missed", "frontal missed", "brightness", "called dark"):
        table.add_column(heading, justify="right")
    at = BOUNDS.index(DARK_BELOW)
    for level in found.levels:
        least, median, greatest = level.brightness
        table.add_row(
            f"x{level.light.gain:.2f}",
            f"{level.light.noise_levels:g}",
            f"{level.missed} of {level.faces}",
            f"{level.frontal_missed} of {level.frontal}",
            f"{least:.0f} {median:.0f} {greatest:.0f}",
            f"{level.missed_below[at]} of {level.missed}",
        )
    return table


def _bounds(found: DarknessStudy) -> Table:
    table = Table(title="other bounds", title_justify="left", box=SIMPLE_HEAD, padding=(0, 1))
    for heading in ("dark below", "missed, called dark", "as it is, below", "half the light, below"):
        table.add_column(heading, justify="right")
    as_it_is, half = (next(one for one in found.levels if one.light.gain == gain) for gain in (1.0, GAINS[0]))
    dimmed = [level for level in found.levels if level.light.dims]
    missed = sum(level.missed for level in dimmed)
    for place, bound in enumerate(BOUNDS):
        table.add_row(
            f"{bound:g}",
            f"{sum(level.missed_below[place] for level in dimmed)} of {missed}",
            f"{as_it_is.below[place]} of {as_it_is.faces}",
            f"{half.below[place]} of {half.faces}",
        )
    return table
