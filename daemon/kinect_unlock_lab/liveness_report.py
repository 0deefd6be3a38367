"""What liveness costs real people and what it stops: bona fide and attack classification error rates.

Terms follow ISO/IEC 30107-3: BPCER is the share of real presentations that were not found live, APCER the share of an
attack instrument's that were. A presentation is one frame here; evidence over several frames comes on top of it.
Intervals are Clopper and Pearson's over frames, which takes frames of one person for independent: read them with the
number of people beside them. Attacks are simulated (`kinect_unlock_lab.attacks`) and stay so in every table.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Group
from rich.table import Table

from kinect_unlock.errors import SourceError
from kinect_unlock.frames import Verdict
from kinect_unlock.pipeline import FaceDetector, out_of_range
from kinect_unlock.settings import Config
from kinect_unlock_lab.attacks import Shape
from kinect_unlock_lab.datasets import Sample, Side, load_rgbd_faces, split
from kinect_unlock_lab.metrics import Interval, clopper_pearson
from kinect_unlock_lab.presentations import Attack, Genuine, attacks_on, examine

DISTANCES_MM: Final = ((450, 800), (800, 1000), (1000, 1200), (1200, 1400))
TURNS_DEG: Final = ((0, 10), (10, 20), (20, 40))
TILTS_DEG: Final = ((0, 20), (20, 40), (40, 60))
PERCENTILES: Final = (1, 5, 50, 95, 99)
Progress = Callable[[int, int], None]
_Item = TypeVar("_Item", Genuine, Attack)


@dataclass(frozen=True, slots=True)
class Rate:
    """Events among the frames of so many people, as a share with a 95 % interval."""

    name: str
    events: int
    trials: int
    people: int
    interval: Interval


@dataclass(frozen=True, slots=True)
class CueStudy:
    """One cue: where real faces lie, what it refuses of them, and what it stops."""

    name: str
    unit: str
    low: float | None
    high: float | None
    enforced: bool
    bpcer: Rate  # out of bounds or not measured; for a cue without a say: not measured
    percentiles: tuple[float, ...]  # of real faces, at `PERCENTILES`
    stopped: Rate  # attacks
    stopped_alone: int  # attacks that no other cue stops


@dataclass(frozen=True, slots=True)
class LivenessStudy:
    """Everything that was found on one side of the development people; all attacks are simulated."""

    side: Side
    samples: int
    without_face: int
    without_pose: int
    out_of_range: int
    bpcer: Rate
    unsure: int
    people_refused: int
    bpcer_by: dict[str, tuple[Rate, ...]]  # distance, turn, pose
    cues: tuple[CueStudy, ...]
    apcer: Rate
    apcer_by: dict[str, tuple[Rate, ...]]  # species, axis, tilt, distance
    attacks_without_face: int


def report(
    dataset: Path,
    detector: FaceDetector,
    *,
    config: Config | None = None,
    side: Side = Side.REPORT,
    progress: Progress | None = None,
) -> LivenessStudy:
    """Study liveness on one half of the people of an RGB-D folder and on prints made of them.

    Bounds were chosen on `Side.TUNE`; figures to quote come from `Side.REPORT`. ``progress`` is told steps done and
    steps in all. Raises `SourceError` for a bad folder.
    """
    chosen = config or Config()
    samples = [sample for sample in load_rgbd_faces(dataset) if split(sample.person) is side]
    if not samples:
        raise SourceError(f"{dataset}: nobody of the side {side.value!r} in it")
    steps = len(samples) + len({sample.person for sample in samples})
    tell = progress or _quiet
    genuine, missing = _bona_fide(samples, detector, chosen, lambda done: tell(done, steps))
    victims: dict[str, Genuine] = {}
    for item in genuine:
        if item.sample.near_frontal:
            victims.setdefault(item.person, item)
    attacks: list[Attack] = []
    for done, victim in enumerate(victims.values(), start=1):
        attacks.extend(attacks_on(victim, detector, chosen.liveness))
        tell(len(samples) + done, steps)
    return study(side, genuine, attacks, missing)


def _bona_fide(
    samples: Sequence[Sample], detector: FaceDetector, config: Config, tell: Callable[[int], None]
) -> tuple[list[Genuine], Counter[str]]:
    """Look at the samples; the faces in range, and how many samples had none for which reason."""
    genuine: list[Genuine] = []
    missing: Counter[str] = Counter()
    for done, sample in enumerate(samples, start=1):
        look = examine(sample.frame(), detector, config.liveness)
        if isinstance(look, str):
            missing[look] += 1
        elif out_of_range(look.pose, config.ranges.verify):
            missing["range"] += 1
        else:
            genuine.append(Genuine(sample, look))
        tell(done)
    return genuine, missing


def study(side: Side, genuine: Sequence[Genuine], attacks: Sequence[Attack], missing: Counter[str]) -> LivenessStudy:
    """Count what was found; raises `SourceError` if no real face was in range."""
    if not genuine:
        raise SourceError("no face in range: nothing to state a rate of")
    return LivenessStudy(
        side=side,
        samples=len(genuine) + missing.total(),
        without_face=missing["face"],
        without_pose=missing["pose"],
        out_of_range=missing["range"],
        bpcer=_rate("all", genuine, _refused),
        unsure=sum(item.look.report.verdict is Verdict.UNSURE for item in genuine),
        people_refused=len({item.person for item in genuine if _refused(item)}),
        bpcer_by={
            "distance, mm": _banded(genuine, DISTANCES_MM, lambda item: item.look.pose.distance_mm, _refused),
            "turn, deg": _banded(genuine, TURNS_DEG, lambda item: item.look.turn_deg, _refused),
            "pose as the source named it": _grouped(genuine, lambda item: item.sample.pose, _refused),
        },
        cues=tuple(_cue_study(index, genuine, attacks) for index in range(len(genuine[0].look.report.cues))),
        apcer=_rate("all", attacks, _accepted),
        apcer_by={
            "species": _grouped(attacks, lambda item: item.sheet.species, _accepted),
            "axis, deg": _grouped(
                [item for item in attacks if item.sheet.shape is not Shape.FLAT],
                lambda item: f"{item.sheet.axis_deg:g}",
                _accepted,
            ),
            "tilt, deg": _banded(attacks, TILTS_DEG, lambda item: item.sheet.tilt_deg, _accepted),
            "distance, mm": _banded(attacks, DISTANCES_MM, lambda item: item.sheet.distance_mm, _accepted),
        },
        attacks_without_face=sum(item.look is None for item in attacks),
    )


def _refused(item: Genuine) -> bool:
    return not item.look.live


def _accepted(item: Attack) -> bool:
    return item.accepted


def _rate(name: str, items: Sequence[_Item], event: Callable[[_Item], bool]) -> Rate:
    events = sum(map(event, items))
    return Rate(name, events, len(items), len({item.person for item in items}), clopper_pearson(events, len(items)))


def _banded(
    items: Sequence[_Item],
    bands: Iterable[tuple[int, int]],
    value: Callable[[_Item], float],
    event: Callable[[_Item], bool],
) -> tuple[Rate, ...]:
    return tuple(
        _rate(f"{low} to {high}", [item for item in items if low <= value(item) < high], event) for low, high in bands
    )


def _grouped(items: Sequence[_Item], name: Callable[[_Item], str], event: Callable[[_Item], bool]) -> tuple[Rate, ...]:
    names = sorted({name(item) for item in items}, key=lambda text: (len(text), text))
    return tuple(_rate(group, [item for item in items if name(item) == group], event) for group in names)


def _cue_study(index: int, genuine: Sequence[Genuine], attacks: Sequence[Attack]) -> CueStudy:
    cue = genuine[0].look.report.cues[index]
    values = [item.look.report.cues[index].value for item in genuine]
    measured = [value for value in values if value is not None]
    points = np.percentile(measured, PERCENTILES) if measured else np.full(len(PERCENTILES), np.nan)
    return CueStudy(
        name=cue.name,
        unit=cue.unit,
        low=cue.low,
        high=cue.high,
        enforced=cue.enforced,
        bpcer=_rate(cue.name, genuine, lambda item: not item.look.report.cues[index].holds),
        percentiles=tuple(float(point) for point in points),
        stopped=_rate(cue.name, attacks, lambda item: cue.name in item.refused_by),
        stopped_alone=sum(item.refused_by == (cue.name,) for item in attacks),
    )


def _quiet(done: int, steps: int) -> None:
    del done, steps


def render(study: LivenessStudy) -> Group:
    """Show a study as tables."""
    parts = [_summary(study), _cue_table(study)]
    parts.extend(_rate_table(f"BPCER by {name}", rates) for name, rates in study.bpcer_by.items())
    parts.extend(_rate_table(f"APCER (simulated) by {name}", rates) for name, rates in study.apcer_by.items())
    return Group(*parts)


def _summary(study: LivenessStudy) -> Table:
    table = Table(title=f"Liveness, one frame, people of the side '{study.side.value}'", show_header=False, box=None)
    table.add_row("samples", str(study.samples))
    table.add_row("of them without face, without pose", f"{study.without_face}, {study.without_pose}")
    table.add_row("out of the verify range", str(study.out_of_range))
    table.add_row("BPCER in range", _shown(study.bpcer))
    table.add_row("of them unsure", str(study.unsure))
    table.add_row("people refused at least once", f"{study.people_refused} of {study.bpcer.people}")
    table.add_row("APCER, simulated prints", _shown(study.apcer))
    table.add_row("prints in which no face was found", str(study.attacks_without_face))
    return table


def _cue_table(study: LivenessStudy) -> Table:
    """Lay the cues out for 80 columns: whose value lies where in real faces, whom it refuses, what it stops."""
    low, high = f"p{PERCENTILES[0]}", f"p{PERCENTILES[-1]}"
    table = Table(title="Cues", box=SIMPLE_HEAD, padding=(0, 1), collapse_padding=True, pad_edge=False)
    table.add_column("cue", no_wrap=True)
    for name in ("bound", f"real {low}, median, {high}", "refused", "stops", "only"):
        table.add_column(name, no_wrap=True, justify="right")
    for cue in study.cues:
        points = dict(zip(PERCENTILES, cue.percentiles, strict=True))
        shown = ", ".join(f"{points[percentile]:.1f}" for percentile in (PERCENTILES[0], 50, PERCENTILES[-1]))
        stopped = f"{100 * cue.stopped.interval.value:.0f} %" if cue.enforced else "-"
        refused = f"{cue.bpcer.events}/{cue.bpcer.trials}" if cue.enforced else "-"
        table.add_row(cue.name, _bound(cue), shown, refused, stopped, str(cue.stopped_alone))
    return table


def _bound(cue: CueStudy) -> str:
    if not cue.enforced:
        return "no say"
    if cue.high is None:
        return f">= {cue.low:g}"
    return f"<= {cue.high:g}" if cue.low is None else f"{cue.low:g} .. {cue.high:g}"


def _rate_table(title: str, rates: Iterable[Rate]) -> Table:
    table = Table("", "rate, 95 %", "people", title=title, box=SIMPLE_HEAD)
    for rate in rates:
        table.add_row(rate.name, _shown(rate), str(rate.people))
    return table


def _shown(rate: Rate) -> str:
    return f"{rate.events}/{rate.trials} = {rate.interval.percent()}"
